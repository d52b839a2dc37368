//! What the edge needs to know to decode: the configuration of `feed`. Never reaches the engine.

use std::collections::{BTreeMap, BTreeSet};

/// No input record is ever larger: it is what a Kafka broker takes by default, and what a Files log takes as a line.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feeds {
    /// Key of the hashes that stand for contacts and aliases. The same for the life of a journal.
    pub hash_key: Vec<u8>,
    /// Domains of free mail, besides the built-in list.
    pub free_mail: BTreeSet<String>,
    /// Domain → the domain that it is an alias of; both normalised.
    pub domain_aliases: BTreeMap<String, String>,
    pub limits: FeedLimits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedLimits {
    /// Checked before anything is parsed; at most [`RECORD_BYTES_MAX`].
    pub record_bytes: usize,
    pub depth: usize,
    pub text_bytes: usize,
    pub list_items: usize,
    /// Fields of one account or rep.
    pub fields: usize,
}

impl Default for FeedLimits {
    fn default() -> FeedLimits {
        FeedLimits { record_bytes: 256 * 1024, depth: 16, text_bytes: 1024, list_items: 64, fields: 64 }
    }
}
