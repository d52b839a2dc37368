//! Journal entries: a versioned, checksummed, compressed binary form.

use super::WireError;
use crate::domain::Entry;
use crate::domain::ids::Id128;

pub fn encode(_entry: &Entry) -> Vec<u8> {
    unimplemented!()
}

pub fn decode(_bytes: &[u8]) -> Result<Entry, WireError> {
    unimplemented!()
}

/// What the next entry carries as `previous`: over the encoded bytes.
pub fn digest(_bytes: &[u8]) -> Id128 {
    unimplemented!()
}
