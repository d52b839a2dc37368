//! Undo: what is asked for, and why something stays as it is.

use super::Millis;
use super::ids::Id128;

/// What an undo takes back. Just one of these is to be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoAsked {
    pub command: Option<Id128>,
    /// All that was decided in the journal entry of this sequence.
    pub entry: Option<u64>,
    /// All that was decided from this instant on.
    pub since: Option<Millis>,
}

impl UndoAsked {
    /// One is named, and no second.
    pub fn is_clear(&self) -> bool {
        u8::from(self.command.is_some()) + u8::from(self.entry.is_some()) + u8::from(self.since.is_some()) == 1
    }
}

/// Why an undo left an account alone; where several are true, the first in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftAlone {
    /// The account was deleted.
    Deleted,
    /// It was undone already, or never carried out.
    UndoneAlready,
    /// Something else was decided since: it was given to somebody, or given back.
    DecidedSince,
    /// Somebody changed its owner in the CRM since.
    ChangedOutside,
    /// Somebody asked for something about it since.
    AskedSince,
    /// Somebody worked it since.
    WorkedSince,
    /// Who had it isn't an active rep of the role any more.
    OwnerGone,
}

impl LeftAlone {
    pub const ALL: [LeftAlone; 7] = [
        LeftAlone::Deleted,
        LeftAlone::UndoneAlready,
        LeftAlone::DecidedSince,
        LeftAlone::ChangedOutside,
        LeftAlone::AskedSince,
        LeftAlone::WorkedSince,
        LeftAlone::OwnerGone,
    ];

    pub fn name(self) -> &'static str {
        match self {
            LeftAlone::Deleted => "deleted",
            LeftAlone::UndoneAlready => "undone_already",
            LeftAlone::DecidedSince => "decided_since",
            LeftAlone::ChangedOutside => "changed_outside",
            LeftAlone::AskedSince => "asked_since",
            LeftAlone::WorkedSince => "worked_since",
            LeftAlone::OwnerGone => "owner_gone",
        }
    }
}
