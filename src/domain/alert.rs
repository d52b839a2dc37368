//! What people are told, beside what is decided.

use super::policy::RoleMode;
use super::request::RequestOp;
use super::undo::LeftAlone;
use super::{Code, Secs, Text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub at: Secs,
    pub kind: AlertKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// The account will be taken at `promised` unless it is worked (D4). `missing` says what would save it.
    AtRisk {
        account: Text,
        role: Text,
        owner: Text,
        deadline: Secs,
        promised: Secs,
        missing: Missing,
        /// Of a role in shadow: nobody is at risk, and nobody is to be told.
        shadow: bool,
    },
    /// It was worked, or is held: the warning is off.
    RiskCleared {
        account: Text,
        role: Text,
        owner: Text,
        shadow: bool,
    },
    /// A request was refused; nothing changed.
    Refused {
        op: RequestOp,
        code: Code,
        account: Option<Text>,
        role: Option<Text>,
        by: Text,
    },
    /// No event for longer than the source's cadence: losses that depend on it wait (D13).
    SourceSilent {
        source: Text,
        latest: Option<Secs>,
    },
    SourceBack {
        source: Text,
    },
    /// Losses are stopped until somebody says `proceed` (D14).
    BreakerTripped {
        scope: BreakerScope,
        due: u32,
    },
    BreakerReset {
        scope: BreakerScope,
    },
    /// The CRM's owner isn't a known rep: listed, not pooled (G9).
    Orphan {
        account: Text,
        role: Text,
        owner: Text,
    },
    /// No command of the role was answered for too long: no more are issued until one is.
    IssuingStopped {
        role: Text,
        /// Of the oldest that is out.
        issued_at: Secs,
        out: u32,
    },
    IssuingResumed {
        role: Text,
    },
    /// What a command was to do isn't done: whom the CRM has instead owns the account, nobody included.
    CommandUndone {
        account: Text,
        role: Text,
        undone: Undone,
        owner: Option<Text>,
        /// Commands about the account that were rejected or failed in a row, this one included.
        tries: u8,
    },
    /// The rules decide nothing more in the role until somebody says `resume` (E7).
    Paused {
        role: Text,
        by: Text,
    },
    Resumed {
        role: Text,
        by: Text,
    },
    /// At most so many commands in any hour from now on; `None`: as many as there are.
    RateSet {
        per_hour: Option<u32>,
        by: Text,
    },
    /// So many losses of a role wait for somebody's `approve`, and are looked at anew at `until` (E7).
    ApprovalWanted {
        role: Text,
        wave: u64,
        due: u32,
        until: Secs,
    },
    Approved {
        role: Text,
        wave: u64,
        by: Text,
    },
    /// Nobody approved it in time, or it needs no approval any more.
    ApprovalLapsed {
        role: Text,
        wave: u64,
    },
    /// A role's decisions are commands from now on (E4).
    WentLive {
        role: Text,
        by: Text,
        /// Accounts that a rep of the role owns in the CRM: their clocks begin now.
        owned: u32,
    },
    /// A policy names another mode than the role is in, which changes nothing.
    ModeKept {
        role: Text,
        mode: RoleMode,
    },
    /// An undo is done: how many seats it put back, and how many it left alone.
    UndoDone {
        role: Option<Text>,
        by: Text,
        undone: u32,
        left: u32,
    },
    /// An undo left the account where it is.
    UndoLeft {
        account: Text,
        role: Text,
        /// Now.
        owner: Option<Text>,
        why: LeftAlone,
    },
}

/// Why a command was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undone {
    Rejected,
    Failed,
    Expired,
    /// Somebody changed the owner in the CRM while it was out.
    Overruled,
    /// Somebody moved the account back after it was carried out.
    TakenBack,
}

impl Undone {
    pub const ALL: [Undone; 5] =
        [Undone::Rejected, Undone::Failed, Undone::Expired, Undone::Overruled, Undone::TakenBack];

    pub fn name(self) -> &'static str {
        match self {
            Undone::Rejected => "rejected",
            Undone::Failed => "failed",
            Undone::Expired => "expired",
            Undone::Overruled => "overruled",
            Undone::TakenBack => "taken_back",
        }
    }
}

impl AlertKind {
    /// The account and the role that it is about, where it is about one.
    pub fn concerns(&self) -> (Option<&Text>, Option<&Text>) {
        match self {
            AlertKind::AtRisk { account, role, .. }
            | AlertKind::RiskCleared { account, role, .. }
            | AlertKind::Orphan { account, role, .. }
            | AlertKind::CommandUndone { account, role, .. }
            | AlertKind::UndoLeft { account, role, .. } => (Some(account), Some(role)),
            AlertKind::UndoDone { role, .. } => (None, role.as_ref()),
            AlertKind::IssuingStopped { role, .. }
            | AlertKind::IssuingResumed { role }
            | AlertKind::Paused { role, .. }
            | AlertKind::Resumed { role, .. }
            | AlertKind::WentLive { role, .. }
            | AlertKind::ModeKept { role, .. }
            | AlertKind::ApprovalWanted { role, .. }
            | AlertKind::Approved { role, .. }
            | AlertKind::ApprovalLapsed { role, .. } => (None, Some(role)),
            AlertKind::Refused { account, role, .. } => (account.as_ref(), role.as_ref()),
            AlertKind::SourceSilent { .. }
            | AlertKind::SourceBack { .. }
            | AlertKind::BreakerTripped { .. }
            | AlertKind::BreakerReset { .. }
            | AlertKind::RateSet { .. } => (None, None),
        }
    }

    pub const NAMES: [&'static str; 21] = [
        "at_risk",
        "risk_cleared",
        "refused",
        "source_silent",
        "source_back",
        "breaker_tripped",
        "breaker_reset",
        "orphan",
        "issuing_stopped",
        "issuing_resumed",
        "command_undone",
        "paused",
        "resumed",
        "rate_set",
        "went_live",
        "mode_kept",
        "undo_done",
        "undo_left",
        "approval_wanted",
        "approved",
        "approval_lapsed",
    ];

    pub fn name(&self) -> &'static str {
        match self {
            AlertKind::AtRisk { .. } => "at_risk",
            AlertKind::RiskCleared { .. } => "risk_cleared",
            AlertKind::Refused { .. } => "refused",
            AlertKind::SourceSilent { .. } => "source_silent",
            AlertKind::SourceBack { .. } => "source_back",
            AlertKind::BreakerTripped { .. } => "breaker_tripped",
            AlertKind::BreakerReset { .. } => "breaker_reset",
            AlertKind::Orphan { .. } => "orphan",
            AlertKind::IssuingStopped { .. } => "issuing_stopped",
            AlertKind::IssuingResumed { .. } => "issuing_resumed",
            AlertKind::CommandUndone { .. } => "command_undone",
            AlertKind::Paused { .. } => "paused",
            AlertKind::Resumed { .. } => "resumed",
            AlertKind::RateSet { .. } => "rate_set",
            AlertKind::WentLive { .. } => "went_live",
            AlertKind::ModeKept { .. } => "mode_kept",
            AlertKind::UndoDone { .. } => "undo_done",
            AlertKind::UndoLeft { .. } => "undo_left",
            AlertKind::ApprovalWanted { .. } => "approval_wanted",
            AlertKind::Approved { .. } => "approved",
            AlertKind::ApprovalLapsed { .. } => "approval_lapsed",
        }
    }
}

/// How many touches, days, contacts and replies will be missing inside the window when the promise falls due,
/// if nothing more happens: what would save the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub touches: u8,
    pub days: u8,
    pub contacts: u8,
    pub replies: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerScope {
    /// All books of a role.
    Role(Text),
    /// One rep's book: too large a share of it was due at once.
    Book(Text),
    /// One rep without any activity anywhere.
    QuietRep(Text),
    /// One rep whom the CRM doesn't take for an owner: nothing more is given to them.
    Refused(Text),
    /// A burst of departures.
    Departures,
}
