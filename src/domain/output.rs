//! What the engine decides, as data. Nothing acts on it before it is committed.

pub use super::alert::{Alert, AlertKind, BreakerScope, Missing, Undone};
use super::ids::Id128;
use super::request::ReturnReason;
use super::signal::Class;
pub use super::undo::LeftAlone;
use super::{Code, Position, Secs, Text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Decision(Box<Decision>),
    Alert(Box<Alert>),
    AccountState(Box<AccountState>),
    /// The input of this index in its entry is turned away; `run` attaches its bytes. Not in the digest.
    DeadLetter {
        input: u32,
        code: Code,
    },
}

/// What moved an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionKind {
    /// Pool → book.
    Distribution,
    /// Book → pool, nobody worked it.
    Retrieval,
    /// Book → pool, review or out, by the rep.
    Return,
    /// The owner left; → pool, or their manager or a holding user.
    Departure,
    /// Retired while owned.
    Retirement,
    /// Back to how it was before other decisions, because somebody asked for it.
    Undo,
}

impl DecisionKind {
    pub const ALL: [DecisionKind; 6] = [
        DecisionKind::Distribution,
        DecisionKind::Retrieval,
        DecisionKind::Return,
        DecisionKind::Departure,
        DecisionKind::Retirement,
        DecisionKind::Undo,
    ];

    pub fn name(self) -> &'static str {
        match self {
            DecisionKind::Distribution => "distribution",
            DecisionKind::Retrieval => "retrieval",
            DecisionKind::Return => "return",
            DecisionKind::Departure => "departure",
            DecisionKind::Retirement => "retirement",
            DecisionKind::Undo => "undo",
        }
    }

    /// A person asked for it: neither a closed gate nor a pause nor the rate holds it back.
    pub fn is_asked_for(self) -> bool {
        match self {
            DecisionKind::Return | DecisionKind::Retirement | DecisionKind::Undo => true,
            DecisionKind::Distribution | DecisionKind::Retrieval | DecisionKind::Departure => false,
        }
    }
}

/// What becomes of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    Command,
    /// A shadow role: recorded only.
    Shadow,
    /// Decided and held back. Nothing makes one yet: what a pause or an approval holds back isn't decided before it may go.
    Held,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub command_id: Id128,
    pub kind: DecisionKind,
    pub disposition: Disposition,
    /// The account's CRM id.
    pub account: Text,
    pub role: Text,
    /// Gapless per account and role, from 1. In shadow: of the last command, which this one doesn't add to.
    pub sequence: u32,
    /// The desired owner before, and after; CRM user ids.
    pub from: Option<Text>,
    pub to: Option<Text>,
    pub issued_at: Secs,
    /// A writer must not apply it later than this.
    pub not_after: Secs,
    pub policy_version: u32,
    /// Priority, fit (millionths of 0..1) and timing (millionths of 0..1) when it was made.
    pub priority: u32,
    pub fit: u32,
    pub timing: u32,
    /// At most 5, the strongest first.
    pub top_signals: Vec<TopSignal>,
    pub stamps: Stamps,
    pub why: Why,
}

/// What the CRM may keep with the account: of the stay in a book that begins with a decision, or else of the one that ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// `None`: nobody owned it, or it was only held.
    pub entered: Option<(Secs, Entered)>,
    /// When its owner was warned of losing it, where that warning stands.
    pub warned_at: Option<Secs>,
}

/// How an account came into a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entered {
    /// By its segment's threshold.
    Placed,
    /// Below it, for idle capacity.
    FilledIdle,
    /// It was found there in the CRM, or somebody put it there.
    Adopted,
}

impl Entered {
    pub fn name(self) -> &'static str {
        match self {
            Entered::Placed => "placed",
            Entered::FilledIdle => "filled_idle",
            Entered::Adopted => "adopted",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopSignal {
    pub class: Class,
    pub kind: Text,
    pub subject: Option<Text>,
    pub at: Secs,
    /// Thousandths of a point, still left when the decision was made.
    pub points_milli: u32,
    pub position: Option<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The best account for open capacity.
    Placed(Box<Placement>),
    /// Idle past its deadline, warned at `warned_at` and promised until `promised`.
    Idle {
        book: Text,
        deadline: Secs,
        warned_at: Option<Secs>,
        promised: Secs,
        last_touch: Option<Secs>,
    },
    /// Given back by its owner.
    Returned {
        reason: ReturnReason,
        by: Text,
    },
    OwnerLeft {
        holds_opportunity: bool,
        holds_meeting: bool,
    },
    Retired {
        by: Text,
    },
    /// The first of the decisions that are taken back, and the journal entry in which it was made.
    Undone {
        by: Text,
        kind: DecisionKind,
        entry: u64,
    },
}

/// How an account found its rep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub book: Text,
    /// The segment it counts against.
    pub segment: Text,
    pub threshold: u32,
    /// Filled idle capacity below the segment's threshold (B7).
    pub filled_idle: bool,
    pub tier: u8,
    pub pool_since: Secs,
    /// Every rep whose book covers the account, in the order in which reps became known; the chosen one first.
    /// At most [`MAX_CANDIDATES`]; `more` counts the rest.
    pub candidates: Vec<Considered>,
    pub more: u32,
}

/// Candidates kept with a placement.
pub const MAX_CANDIDATES: usize = 16;
/// Signals kept with a decision.
pub const MAX_TOP_SIGNALS: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    pub rep: Text,
    pub verdict: Verdict,
    /// The book's size before the placement, and its capacity.
    pub size: u32,
    pub capacity: u32,
}

/// What spoke for or against a rep; where several do, the first in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Chosen,
    Inactive,
    Full,
    /// Every segment of the account is at its cap in this rep's book.
    SegmentFull,
    /// Owned it lately (C5).
    CooledOff,
    /// A pair condition (C13).
    Unfit,
    /// More than the slack fuller than the emptiest.
    Fuller,
    /// As empty, but had a turn in this tier more recently.
    LaterTurn,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Chosen => "chosen",
            Verdict::Inactive => "inactive",
            Verdict::Full => "full",
            Verdict::SegmentFull => "segment_full",
            Verdict::CooledOff => "cooled_off",
            Verdict::Unfit => "unfit",
            Verdict::Fuller => "fuller",
            Verdict::LaterTurn => "later_turn",
        }
    }
}

/// A row of the compacted `account-state` topic (E6): on change of owner, status or band only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    pub account: Text,
    pub at: Secs,
    /// 0 to 3.
    pub band: u8,
    /// By role, in the policy's order. Empty: the account was deleted (a tombstone).
    pub seats: Vec<SeatState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatState {
    pub role: Text,
    pub status: SeatStatus,
    pub owner: Option<Text>,
    pub crm_owner: Option<Text>,
    /// When the status began.
    pub since: Secs,
    /// The role is in shadow: `owner` is what it would be.
    pub shadow: bool,
}

/// Where an account stands in one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeatStatus {
    /// Before the gate's first opening.
    Unknown,
    /// Out of this role's circulation by a rule (C11), or owned in the CRM by nobody known.
    Excluded,
    Pool,
    /// In the pool, but not eligible before its rest ends.
    Rest,
    Owned,
    /// With a manager or a holding user.
    Holding,
    Review,
    Retired,
}

impl SeatStatus {
    pub const ALL: [SeatStatus; 8] = [
        SeatStatus::Unknown,
        SeatStatus::Excluded,
        SeatStatus::Pool,
        SeatStatus::Rest,
        SeatStatus::Owned,
        SeatStatus::Holding,
        SeatStatus::Review,
        SeatStatus::Retired,
    ];

    pub fn name(self) -> &'static str {
        match self {
            SeatStatus::Unknown => "unknown",
            SeatStatus::Excluded => "excluded",
            SeatStatus::Pool => "pool",
            SeatStatus::Rest => "rest",
            SeatStatus::Owned => "owned",
            SeatStatus::Holding => "holding",
            SeatStatus::Review => "review",
            SeatStatus::Retired => "retired",
        }
    }
}
