//! A record of the `reps` topic.

use super::account::{Change, Value};
use super::{Millis, Text};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepStatus {
    /// May receive accounts.
    Active,
    /// Keeps what they own, receives nothing.
    Inactive,
    /// Gone: the whole book goes back at once (D9).
    Departed,
}

impl RepStatus {
    pub fn name(self) -> &'static str {
        match self {
            RepStatus::Active => "active",
            RepStatus::Inactive => "inactive",
            RepStatus::Departed => "departed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepRecord {
    /// The CRM's user id.
    pub id: Text,
    pub op: RepOp,
    pub at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepOp {
    Change(Box<RepChange>),
    /// The same as departed.
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RepChange {
    /// Role and target book by name; both must be set before a rep can receive anything.
    pub role: Change<Text>,
    pub book: Change<Text>,
    /// Cleared means active.
    pub status: Change<RepStatus>,
    /// Overrides the target book's capacity.
    pub capacity: Change<u32>,
    /// How many turns in a row a rep takes; cleared means 1.
    pub weight: Change<u32>,
    /// The CRM's user id of the manager.
    pub manager: Change<Text>,
    /// Acts of one team count for each other's accounts.
    pub team: Change<Text>,
    /// Keyed hashes of e-mail addresses and vendors' user ids.
    pub aliases: Change<Vec<u64>>,
    pub fields: Vec<(Text, Option<Value>)>,
    pub replace_fields: bool,
}
