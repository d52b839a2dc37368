//! The whole deciding state as plain rows in a canonical order: what the twin is compared with, what the
//! state's digest is computed over, and what questions are answered from.
//!
//! It leaves out what doesn't decide: heap bounds, landmarks' epochs (sums enter it shifted to the newest
//! landmark), timer links, and everything that only explains.

use crate::domain::output::{BreakerScope, SeatStatus};
use crate::domain::rep::RepStatus;
use crate::domain::{Secs, Text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub now: Secs,
    pub sequence: u64,
    pub policy_version: u32,
    pub gate_open: bool,
    /// The gate's first opening.
    pub opened: Option<Secs>,
    /// Living accounts, by the order in which they became known.
    pub accounts: Vec<AccountView>,
    /// Everybody ever named, by the order in which they became known.
    pub reps: Vec<RepView>,
    /// By the policy's order: latest event read, complete until (replay), silent.
    pub sources: Vec<(Text, Option<Secs>, Option<Secs>, bool)>,
    pub tripped: Vec<BreakerScope>,
    /// Event ids remembered, signals kept for unknown accounts.
    pub remembered: u64,
    pub unknown: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub id: Text,
    /// By class, in 2^-28 points at the landmark of `now`.
    pub sums: [u64; 4],
    /// Bits of the policy's segments.
    pub segments: u64,
    /// Millionths.
    pub fit: u32,
    pub any_touch: Option<Secs>,
    /// End of the account's own hold, ZERO if none was ever asked for.
    pub hold: Secs,
    pub open_opportunities: u32,
    /// Latest meeting's start.
    pub meeting: Option<Secs>,
    /// By role.
    pub seats: Vec<SeatView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatView {
    pub status: SeatStatus,
    pub owner: Option<Text>,
    pub crm_owner: Option<Text>,
    /// Commands so far.
    pub sequence: u32,
    /// When the status began; for the pool: since when it is eligible.
    pub since: Secs,
    /// End of the rest, where there is one.
    pub until: Secs,
    pub hold: Secs,
    /// Latest first: who owned it before, and until when. At most four.
    pub past: Vec<(Text, Secs)>,
    pub tenure: Option<TenureView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenureView {
    pub since: Secs,
    /// End of grace.
    pub grace: Secs,
    /// Segment it counts against; `None`: the book alone.
    pub segment: Option<u8>,
    pub promised: Option<Secs>,
    /// Latest first, as kept.
    pub touches: Vec<Secs>,
    pub days: Vec<Secs>,
    pub contacts: Vec<(Secs, u32)>,
    pub replies: Vec<Secs>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepView {
    pub id: Text,
    pub status: RepStatus,
    pub role: Option<u8>,
    pub book: Option<u16>,
    pub capacity: u32,
    pub weight: u32,
    pub size: u32,
    /// Accounts that count against each segment of the book, in the book's order.
    pub per_segment: Vec<u32>,
    /// By tier: count of the last turn (0: never), turns taken since.
    pub turns: [(u32, u32); 4],
    /// Latest first, at most ten.
    pub acts: Vec<Secs>,
}
