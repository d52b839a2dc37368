//! Everything the engine remembers, as plain rows: what a snapshot holds. Indexes that can be rebuilt from
//! it (names, heaps, timers, who has room) stand in [`super::index`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smallvec::SmallVec;
use thin_vec::ThinVec;

use crate::domain::account::Value;
use crate::domain::ids::Id128;
use crate::domain::output::{BreakerScope, Entered, SeatStatus};
use crate::domain::policy::{Policy, RoleMode};
use crate::domain::rep::RepStatus;
use crate::domain::signal::Class;
use crate::domain::{Input, Secs, Text};

use super::queue::Queue;
use super::rare::Empty;

pub use super::commanded::{Commanded, Observed, Stage, Turn, Wish};
pub use super::contributions::{Contribution, Contributions, MAX_CONTRIBUTIONS};
pub use super::named::NamedValues;
pub use super::rare::Rare;
pub use super::undo_log::{Before, UndoLog, UndoRow};

/// An account by the order in which it became known. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// A rep, manager or holding user by the order in which they became known. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepId(pub u16);

/// Reps that can be known at once: the last value stands for nobody.
pub const MAX_REPS: usize = 65_534;

impl AccountId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl RepId {
    pub const NOBODY: RepId = RepId(u16::MAX);

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub fn some(self) -> Option<RepId> {
        (self != RepId::NOBODY).then_some(self)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub journal: Id128,
    pub shard: u16,
    pub sequence: u64,
    pub now: Secs,
    /// The last entry's instant as it was given.
    pub now_ms: i64,
    pub policy: Option<Policy>,
    pub gate_open: bool,
    pub opened: Option<Secs>,
    pub accounts: Vec<Account>,
    /// Beside `accounts`: names and what was counted lately.
    pub sides: Vec<AccountSide>,
    /// Beside `accounts`: what filters and people need.
    pub records: Vec<Rare<AccountRecordRow>>,
    /// By role, then account.
    pub seats: Vec<Vec<Seat>>,
    /// By role: owned accounts only, in no order that means anything.
    pub tenures: Vec<Vec<Tenure>>,
    pub past_owners: Vec<BTreeMap<AccountId, Vec<PastOwner>>>,
    /// By role, where commands are confirmed: what became of a seat's last command, and what waits behind it.
    pub commands: Vec<BTreeMap<AccountId, Commanded>>,
    /// Decisions that can be undone.
    pub undo: UndoLog,
    pub reps: Vec<Rep>,
    pub roles: Vec<RoleState>,
    pub sources: Vec<SourceState>,
    /// Of the activity topic: how many partitions, and the oldest instant whose end each has passed.
    pub partitions: u32,
    pub ends_passed: BTreeMap<u32, Secs>,
    pub opportunities: BTreeMap<Text, Opportunity>,
    /// Kinds that contributions name, whatever policy knew them; never taken away.
    pub kinds: Vec<(Class, Text)>,
    /// Event ids in the order of their arrival, and how many of them came at each instant.
    pub remembered: Queue<u64>,
    pub arrivals: VecDeque<(Secs, u32)>,
    /// Signals for accounts that nobody created yet, by arrival.
    pub unknown: BTreeMap<u64, Kept>,
    pub unknown_next: u64,
    /// By account and role, as they are called: what the emitted commands said, until the seat is settled.
    pub restored: BTreeMap<(Text, Text), RestoredSeat>,
    pub book_losses: BTreeMap<Text, VecDeque<Secs>>,
    /// Instants at which reps left, the last hour's.
    pub departures: VecDeque<Secs>,
    pub departures_proceeded: Secs,
    pub tripped: BTreeSet<BreakerScope>,
    /// The last entry made something that is due at once.
    pub again: bool,
    /// More may be lost now than one entry takes.
    pub losses_left: bool,
    /// More was due than fires in one entry.
    pub timers_left: bool,
    /// All accounts are to have rows that say how they stand: up to here they have.
    pub shown_up_to: Option<AccountId>,
    /// At most so many commands in any hour; `None`: as many as there are.
    pub rate: Option<Rate>,
    /// Commands of the last hour, and older ones until the next leaves: when, and how many at that instant.
    pub issued: VecDeque<(Secs, u32)>,
    /// Of these the losses.
    pub issued_losses: VecDeque<(Secs, u32)>,
}

/// How many commands may leave in any hour, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_hour: u32,
    pub by: Text,
}

/// Losses that somebody was asked for: by the entry's number, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    pub wave: u64,
    pub asked: Secs,
}

/// Who paused a role, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub by: Text,
    pub at: Secs,
}

/// One cache line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct Account {
    /// In 2^-28 points at the landmark that was current at `epoch`.
    pub sums: [u64; 4],
    pub segments: u64,
    pub fit: u32,
    pub epoch: Secs,
    /// ZERO: never.
    pub any_touch: Secs,
    pub hold: Secs,
    /// The latest meeting's start; ZERO: none.
    pub meeting: Secs,
    pub open_opportunities: u16,
    /// The band of the last account-state row; [`NEVER_SHOWN`]: there was none.
    pub shown_band: u8,
    pub alive: bool,
}

pub const NEVER_SHOWN: u8 = u8::MAX;

/// What an event needs of its account besides the row: another cache line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct AccountSide {
    pub id: Text,
    /// xxh3-64 of the id, seed 0.
    pub hash: u64,
    /// The last contributions.
    pub contributions: Contributions,
    /// What snapshot signals contributed, by key.
    pub snapshots: ThinVec<SnapshotRow>,
    /// The strongest of each kind's days, by kind and day, the strongest first.
    pub daily: ThinVec<DailyRow>,
}

/// One role's stands in the row itself: most policies have one.
pub type Versions = SmallVec<[Option<u64>; 1]>;

/// The domains that name an account: most have one, which stands in the row itself.
pub type OwnDomains = SmallVec<[Text; 1]>;

/// What records say of an account and events don't ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRecordRow {
    pub domains: OwnDomains,
    pub fit_given: Option<u32>,
    pub fields: NamedValues,
    /// Few have one.
    pub parent: Option<Box<Text>>,
    /// By role, as far as any was seen: of the CRM's versions that said who owns the account the latest.
    pub versions: Versions,
}

impl Empty for AccountRecordRow {
    fn empty() -> &'static AccountRecordRow {
        static EMPTY: AccountRecordRow = AccountRecordRow {
            domains: SmallVec::new_const(),
            fit_given: None,
            fields: NamedValues::NONE,
            parent: None,
            versions: SmallVec::new_const(),
        };
        &EMPTY
    }
}

impl AccountRecordRow {
    pub fn version_seen(&self, role: usize) -> Option<u64> {
        self.versions.get(role).copied().flatten()
    }
}

/// A version that was seen takes the place of an earlier one.
pub fn see_version(record: &mut Rare<AccountRecordRow>, role: usize, version: Option<u64>) {
    if version <= record.version_seen(role) {
        return;
    }
    let versions = &mut record.make().versions;
    if versions.len() <= role {
        versions.resize(role + 1, None);
    }
    versions[role] = version;
}

/// From which phase of matching on a marked account is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    #[default]
    None,
    Thresholds,
    Fill,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub status: SeatStatus,
    /// The CRM's owner is nobody known (found at adoption).
    pub orphan: bool,
    pub owner: RepId,
    pub crm_owner: RepId,
    pub sequence: u32,
    pub since: Secs,
    pub until: Secs,
    pub hold: Secs,
    /// When a cool-off that kept it in the pool ends; ZERO: none is waited for.
    pub wake: Secs,
    /// The entry that changed it last, and the decision in it.
    pub cause: u64,
    pub shown_status: SeatStatus,
    pub shown_owner: RepId,
    pub mark: Mark,
    /// Passed over by the pass that runs.
    pub aside: bool,
}

impl Default for Seat {
    fn default() -> Seat {
        Seat {
            status: SeatStatus::Unknown,
            orphan: false,
            owner: RepId::NOBODY,
            crm_owner: RepId::NOBODY,
            sequence: 0,
            since: Secs::ZERO,
            until: Secs::ZERO,
            hold: Secs::ZERO,
            wake: Secs::ZERO,
            cause: 0,
            shown_status: SeatStatus::Unknown,
            shown_owner: RepId::NOBODY,
            mark: Mark::None,
            aside: false,
        }
    }
}

/// One stay of an account in a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    pub account: AccountId,
    pub since: Secs,
    pub grace: Secs,
    /// Index into the policy's segments.
    pub segment: Option<u8>,
    pub promised: Option<Secs>,
    pub warned_at: Option<Secs>,
    pub entered: Entered,
    pub evidence: Rare<super::evidence::Touches>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastOwner {
    pub rep: RepId,
    pub until: Secs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rep {
    pub id: Text,
    /// A record with role and book was seen.
    pub known: bool,
    pub status: RepStatus,
    pub role: Option<u8>,
    /// Index into the policy's books, and its name: a policy may move or drop it.
    pub book: Option<u16>,
    pub book_name: Option<Text>,
    pub capacity_set: Option<u32>,
    pub weight: u32,
    pub manager: Option<Text>,
    pub team: Option<Text>,
    pub aliases: Vec<u64>,
    pub fields: Vec<(Text, Value)>,
    /// By the book's order.
    pub per_segment: Vec<u32>,
    /// By tier: count of the last turn, turns taken since.
    pub turns: [(u32, u32); 4],
    /// Latest first.
    pub acts: Vec<Secs>,
    /// Those of the last 24 hours, and older ones until the rep loses something again: when, and whether the book's breaker
    /// counts it.
    pub losses: VecDeque<(Secs, bool)>,
    /// By return reason: when.
    pub returns: BTreeMap<u8, VecDeque<Secs>>,
    /// Left, and the book isn't back yet.
    pub departing: bool,
    /// Accounts in a row that the CRM refused to give to them.
    pub refused: u8,
    pub book_proceeded: Secs,
    pub quiet_proceeded: Secs,
    pub accounts: BTreeSet<AccountId>,
}

impl Rep {
    pub fn size(&self) -> u32 {
        self.accounts.len() as u32
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Thresholds,
    Fill,
}

/// A run over all accounts of some segments, which may take several entries. Those passed over in its phase
/// are set aside until the phase ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    pub segments: u64,
    pub phase: Phase,
    /// In no order that means anything, some more than once; one that was marked since is so no longer, as its seat says.
    pub aside: Vec<AccountId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleState {
    /// Tried alone, from the phase on that their seat says; those whose seat says nothing no longer are.
    pub marked: Vec<AccountId>,
    pub dirty: u64,
    pub pass: Option<Pass>,
    pub turn_count: u32,
    /// Past their promise, held back by a cap, a frontier or the breaker.
    pub waiting: BTreeSet<AccountId>,
    /// Of the last 24 hours: when, and whether the role's breaker counts it.
    pub losses: VecDeque<(Secs, bool)>,
    pub proceeded: Secs,
    /// When a command was answered last, and whether none was for so long that no more are issued.
    pub answered: Secs,
    pub stalled: bool,
    /// The rules decide nothing in it.
    pub paused: Option<Pause>,
    pub mode: RoleMode,
    /// Losses that wait for an approval, and the instant of the last one: what was promised up to then may go.
    pub wave: Option<Wave>,
    pub approved: Secs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    pub name: Text,
    pub latest: Option<Secs>,
    pub complete: Option<Secs>,
    pub silent: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opportunity {
    pub account: AccountId,
    pub open: bool,
}

/// What a snapshot signal contributed, at the landmark that was current at `epoch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Of source, kind and subject.
    pub key: u64,
    pub class: Class,
    pub at: Secs,
    pub contributed: u64,
    pub epoch: Secs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyRow {
    /// Index into the policy's kinds.
    pub kind: u16,
    /// UTC.
    pub day: u32,
    pub points_milli: u32,
    pub contributed: u64,
    pub epoch: Secs,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub arrived: Secs,
    pub input: Input,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredSeat {
    pub status: SeatStatus,
    pub owner: RepId,
    pub sequence: u32,
}

impl State {
    pub fn new(journal: Id128, shard: u16) -> State {
        State {
            journal,
            shard,
            sequence: 0,
            now: Secs::ZERO,
            now_ms: 0,
            policy: None,
            gate_open: false,
            opened: None,
            accounts: Vec::new(),
            sides: Vec::new(),
            records: Vec::new(),
            seats: Vec::new(),
            tenures: Vec::new(),
            past_owners: Vec::new(),
            commands: Vec::new(),
            undo: UndoLog::default(),
            reps: Vec::new(),
            roles: Vec::new(),
            sources: Vec::new(),
            partitions: 0,
            ends_passed: BTreeMap::new(),
            opportunities: BTreeMap::new(),
            kinds: Vec::new(),
            remembered: Queue::default(),
            arrivals: VecDeque::new(),
            unknown: BTreeMap::new(),
            unknown_next: 0,
            restored: BTreeMap::new(),
            book_losses: BTreeMap::new(),
            departures: VecDeque::new(),
            departures_proceeded: Secs::ZERO,
            tripped: BTreeSet::new(),
            again: false,
            losses_left: false,
            timers_left: false,
            shown_up_to: None,
            rate: None,
            issued: VecDeque::new(),
            issued_losses: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten million accounts multiply every byte: a row grows on purpose or not at all.
    #[test]
    fn rows_are_as_large_as_they_were_meant() {
        let sizes = [
            ("Account", size_of::<Account>(), 64),
            ("AccountSide", size_of::<AccountSide>(), 64),
            ("Seat", size_of::<Seat>(), 40),
            ("Tenure", size_of::<Tenure>(), 40),
            ("Contribution", size_of::<Contribution>(), 56),
            ("SnapshotRow", size_of::<SnapshotRow>(), 32),
            ("DailyRow", size_of::<DailyRow>(), 24),
            ("AccountRecordRow", size_of::<AccountRecordRow>(), 120),
            ("Commanded", size_of::<Commanded>(), 144),
            ("UndoRow", size_of::<UndoRow>(), 96),
            ("heap entry", size_of::<super::super::heap::Entry>(), 12),
            ("Place", size_of::<super::super::heap::Place>(), 8),
        ];
        for (row, size, meant) in sizes {
            assert_eq!(size, meant, "{row}");
        }
    }
}
