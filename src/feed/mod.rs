//! Bytes to inputs or rejections. Stateless: candidates and facts, never points or ids of the engine.

use crate::domain::feeds::Feeds;
use crate::domain::{Code, Input, Record};

/// Why a record was turned away before the engine saw it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.text())]
pub struct Rejection {
    pub code: Code,
    /// For people: which field, what was found. Bounded, and without personal data.
    pub detail: String,
}

pub struct Decoder {
    #[allow(dead_code)]
    feeds: Feeds,
}

impl Decoder {
    pub fn new(feeds: Feeds) -> Decoder {
        Decoder { feeds }
    }

    /// One record of an input topic. `None`: nothing to do (a tombstone on an event topic).
    pub fn decode(&self, _record: &Record) -> Result<Option<Input>, Rejection> {
        Ok(None)
    }
}
