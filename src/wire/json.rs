//! Commands, alerts and account-state as JSON, as `schemas/` describes them.

use crate::domain::ids::Id128;
use crate::domain::{OutRecord, Output};

/// What every record of one entry bears.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub journal: Id128,
    pub shard: u16,
    pub sequence: u64,
}

/// The record of an output, keyed by the account's CRM id (alerts about none: by their kind). `None` for
/// dead letters (see [`super::dead_letter`]) and for decisions that are no commands.
pub fn record(_output: &Output, _stamp: &Stamp) -> Option<OutRecord> {
    unimplemented!()
}
