//! Signals and activity: the four event topics.

use super::ids::Actor;
use super::{Candidates, Millis, Text};

/// The four classes of the score, in the order in which it is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Intent,
    Engagement,
    Inbound,
    Activity,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Intent, Class::Engagement, Class::Inbound, Class::Activity];

    pub fn name(self) -> &'static str {
        match self {
            Class::Intent => "intent",
            Class::Engagement => "engagement",
            Class::Inbound => "inbound",
            Class::Activity => "activity",
        }
    }
}

/// How a signal counts when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Adds once.
    Delta,
    /// Replaces the last value of its (source, account, kind, subject).
    Snapshot,
}

/// An event of `intent`, `engagement` or `inbound`. Facts only: what it is worth is policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub class: Class,
    /// One of the policy's kinds of this class.
    pub kind: Text,
    /// In order of trust.
    pub account: Candidates,
    /// The vendor or system that saw it.
    pub source: Text,
    /// A vendor's intent topic, a page, a campaign.
    pub subject: Option<Text>,
    /// Thousandths of the vendor's own unit. A snapshot of strength 0 removes.
    pub strength: Option<u32>,
    pub mode: Mode,
    pub at: Millis,
    /// xxh3-64 of the event's id with its source, or of (source, account, kind, subject, window).
    pub dedup: u64,
    /// A dated signal is worth nothing before this instant (A12; kept, not yet scored).
    pub due: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The rep reached out.
    Outbound,
    /// The account answered or came by itself.
    Inbound,
    /// Both: a meeting held, a conversation.
    Mutual,
}

/// An event of `activity`: somebody worked the account, or it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub kind: Text,
    pub account: Candidates,
    pub source: Text,
    pub actor: Option<Actor>,
    /// Keyed 32-bit hash of the contact; 0 names none.
    pub contact: u32,
    pub direction: Direction,
    pub at: Millis,
    pub dedup: u64,
    /// A meeting's start: the account is held while that is in the future (D3).
    pub meeting_at: Option<Millis>,
}
