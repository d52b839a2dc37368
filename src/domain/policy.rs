//! The rules of engagement, compiled: names resolved to indices, zones to offsets, filters to trees.
//!
//! A policy is state: it reaches the engine as an input, stands whole in a journal entry and in every
//! snapshot, and is never read from a file again. `config` makes it from TOML and checks every limit
//! named here; the engine relies on them.

use super::Text;
use super::filter::Filter;
use super::request::ReturnReason;
use super::signal::Class;
use super::time::{DAY, HOUR, Secs, Zone};

pub const MAX_ROLES: usize = 8;
pub const MAX_SEGMENTS: usize = 64;
pub const MAX_BOOK_SEGMENTS: usize = 16;
pub const MAX_TOUCHES: usize = 12;
pub const MAX_DAYS: usize = 8;
pub const MAX_CONTACTS: usize = 8;
pub const MAX_REPLIES: usize = 4;
pub const MAX_PAST_OWNERS: usize = 4;
/// `max_per_day` of a kind: its strongest signals of one day that count.
pub const MAX_PER_DAY: usize = 4;
pub const MAX_KINDS: usize = 256;
/// Points of one signal, in thousandths: 4,096 points.
pub const MAX_POINTS_MILLI: u32 = 4_096_000;
/// Accounts passed over in one batch before the rest waits for the next one.
pub const MAX_ASIDE: usize = 64;
/// Timers that fire in one entry, accounts of a role that are lost in it, and that are placed, before the rest waits for
/// the next one: a decision with its reasons takes some microseconds, and nobody else is served meanwhile. A departure
/// gives a whole book away at once all the same: half of it would be nobody's.
pub const MAX_AT_ONCE: usize = 64;
/// Of each of these, where an entry has many inputs: one less for so many of them, but so many at least.
pub const LEAST_AT_ONCE: usize = 16;
pub const INPUTS_FOR_ONE: usize = 8;
/// Event ids that grew too old, and decisions, forgotten in one entry, or twice as many as it has inputs where that is more:
/// after a quiet weekend a hundred thousand are too old at once, each waits for memory, and one event shall not wait for
/// them.
pub const MAX_FORGOTTEN: usize = 16;
/// Accounts whose rows are looked at in one entry where all are to be: a row takes about a microsecond, as much again to
/// be written, and twice that to be sent.
pub const MAX_SHOWN: u32 = 4_096;
/// Decisions can be undone for so long, and so many of the latest at most: at 96 bytes each, and 208 for the clocks of a
/// tenure that ended, some 80 MB.
pub const UNDO_S: u32 = 7 * DAY;
pub const MAX_UNDO: usize = 262_144;
/// Seats that one request may put back, all in one entry: a decision takes some microseconds.
pub const MAX_UNDONE: usize = 10_000;
/// Accounts in a row that the CRM refused to give to a rep, before they get no other.
pub const MAX_REFUSED: u8 = 3;
pub const TIERS: usize = 4;
/// A priority is in millionths of a point of 0 to 100.
pub const PRIORITY_ONE: u32 = 1_000_000;

/// How many timers fire, accounts are lost and are placed beside so many inputs.
pub fn at_once(inputs: usize) -> usize {
    MAX_AT_ONCE.saturating_sub(inputs / INPUTS_FOR_ONE).max(LEAST_AT_ONCE)
}

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Higher replaces; the same with another text is refused.
    pub version: u32,
    /// The whole canonical text, for people and for the refusal above.
    pub text: Text,
    /// In the order in which roles are matched.
    pub roles: Vec<Role>,
    pub scoring: Scoring,
    /// Every kind of signal and activity that is known; sorted by (class, name), unique.
    pub kinds: Vec<Kind>,
    pub fit: Fit,
    /// At most 64; a bit each.
    pub segments: Vec<Segment>,
    pub books: Vec<Book>,
    /// Every source of activity that is known; sorted by name, unique.
    pub sources: Vec<Source>,
    pub windows: Windows,
    pub breaker: Breaker,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub name: Text,
    /// Accounts out of this role's circulation (C11): customers, named accounts, static territories.
    pub exclude: Filter,
    /// An account with an open opportunity isn't distributed.
    pub exclude_open_opportunities: bool,
    /// CRM users who hold accounts that nobody works: what they own is left alone.
    pub holding_users: Vec<Text>,
    /// What the role begins as: from the gate's first opening on it is state.
    pub mode: RoleMode,
    /// More losses than this at once wait for a person's `approve` (E7); `None`: nobody is asked.
    pub approve_above: Option<u32>,
    /// How long a writer may take over a command.
    pub not_after_s: u32,
    pub confirm: Confirm,
    /// Commands of the role that may be out without an answer.
    pub max_unresolved: u32,
    /// A text field of accounts: the reason that the owner writes there gives the account back.
    pub return_field: Option<Text>,
    /// Breaks ties of equal priority, before age and hash (B3).
    pub sort: Vec<SortKey>,
}

/// What becomes of a role's decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleMode {
    /// They are commands.
    #[default]
    Live,
    /// They are told and nothing more: owners are virtual, and what people do in the CRM is followed.
    Shadow,
}

impl RoleMode {
    pub fn name(self) -> &'static str {
        match self {
            RoleMode::Live => "live",
            RoleMode::Shadow => "shadow",
        }
    }
}

/// How it is known that a command was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// It is taken for granted as soon as it is issued.
    Assume,
    /// By the CRM's own records of the account.
    Echo,
    /// By the writer's results, and by the CRM's records too.
    Results,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// A number field. Accounts without it come last in either direction.
    pub field: Text,
    pub descending: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Scoring {
    /// By class, in the order of [`Class::ALL`].
    pub half_life_s: [u32; 4],
    pub weight: [f64; 4],
    /// Points.
    pub cap: [f64; 4],
    /// Points at which timing is half of full: `h`.
    pub half_timing_points: f64,
    /// The share of fit: `φ`. 1 where no kind has any points.
    pub fit_share: f64,
    /// The three inner boundaries of the four tiers, in millionths; a boundary belongs to the tier above.
    pub tiers: [u32; 3],
}

impl Scoring {
    /// The tier, or band, of a priority: 0 to 3.
    pub fn tier(&self, priority: u32) -> u8 {
        self.tiers.iter().filter(|boundary| priority >= **boundary).count() as u8
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    pub class: Class,
    pub name: Text,
    /// Thousandths of a point at full strength.
    pub points_milli: u32,
    /// The strength (thousandths) that earns all the points; less earns its share, more no more. Without
    /// it, or where an event names no strength, every event earns all of them.
    pub full_strength: Option<u32>,
    /// Only the day's so many strongest count, all at the start of their UTC day; 0: all count.
    pub max_per_day: u8,
    /// Ends a rest early (B6) when its points are at least this, in thousandths. `None`: never.
    pub in_market_milli: Option<u32>,
}

impl Kind {
    /// What one event of this kind is worth, in thousandths of a point.
    pub fn points(&self, strength: Option<u32>) -> u32 {
        match (self.full_strength, strength) {
            (Some(full), Some(strength)) if strength < full => {
                (u64::from(self.points_milli) * u64::from(strength) / u64::from(full.max(1))) as u32
            }
            _ => self.points_milli,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// The CRM's, in millionths; `otherwise` where an account has none.
    Given { otherwise: u32 },
    /// The weights of the criteria that match, over all of them.
    Criteria(Vec<Criterion>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    pub filter: Filter,
    pub weight: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub name: Text,
    pub filter: Filter,
    /// Priority, in millionths, from which an account is distributed.
    pub threshold: u32,
}

/// A target book: what a kind of rep should own.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    pub name: Text,
    /// Index into [`Policy::roles`].
    pub role: u8,
    /// Accounts a rep holds unless their record says otherwise.
    pub capacity: u32,
    /// In order: an account counts against the first that it matches with room.
    pub segments: Vec<BookSegment>,
    /// Fill idle capacity with accounts from this priority on (B7), in millionths.
    pub fill_idle: Option<u32>,
    /// How many accounts fuller than the emptiest a rep may be and still take a turn (C4).
    pub fill_slack: u32,
    pub zone: Zone,
    pub evidence: Evidence,
    /// No retrieval before this long after the tenure's start.
    pub grace_s: u32,
    /// Warning before loss; 0 needs none.
    pub lead_s: u32,
    pub caps: RetrievalCaps,
    /// Indices into [`Policy::sources`]: whose silence or lateness holds losses back.
    pub sources: Vec<u16>,
    /// The rest after a retrieval.
    pub rest_s: u32,
    pub cool_off: CoolOff,
    /// By reason, in the order of [`ReturnReason::ALL`]; `None` refuses that reason.
    pub returns: Vec<Option<ReturnRule>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BookSegment {
    /// Index into [`Policy::segments`].
    pub segment: u8,
    pub cap: Option<u32>,
}

/// When an account counts as being worked (`engine`, 2). A zero leaves its term out; `touches` is at least 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub window_s: u32,
    pub touches: u8,
    pub days: u8,
    pub contacts: u8,
    pub replies: u8,
    /// Indices into [`Policy::kinds`], of class activity: what is a meaningful touch.
    pub kinds: Vec<u16>,
}

/// At most so many losses (D5), the stalest first.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrievalCaps {
    /// Of one rep in any 24 hours.
    pub per_rep_day: u32,
    /// Of a target book in any hour, as a share of its accounts in millionths; at least one.
    pub per_book_hour_ppm: u32,
}

/// The last `owners` owners of an account are passed over for a period (C5); 0 turns it off.
#[derive(Clone, Debug, PartialEq)]
pub struct CoolOff {
    pub owners: u8,
    pub period_s: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReturnRule {
    pub handling: Handling,
    /// Evidence first: touches within the tenure before this reason is accepted.
    pub min_touches: u8,
    /// At most so many returns of this reason by one rep within a rolling period.
    pub quota: Option<(u32, u32)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Handling {
    /// Out of circulation until RevOps has fixed it.
    Review,
    /// Back into the pool after so many seconds.
    Rest(u32),
    /// Back at the start of the day that the request names.
    Date,
    /// Out of circulation for good.
    Retire,
}

/// A feed of activity: losses are judged only behind its frontier.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub name: Text,
    /// How much older than its latest event its next one may be.
    pub lateness_s: u32,
    /// Without an event for this long it is silent.
    pub cadence_s: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Event ids are remembered this long, and at most so many of them.
    pub dedup_s: u32,
    pub dedup_max: u32,
    /// Further ahead than this is a dead letter; less is clamped to now.
    pub ahead_s: u32,
    /// Snapshots and activity older than this are dead letters while the gate is open …
    pub late_s: u32,
    /// … and than this while it is closed. Deltas: than `dedup_s`, always.
    pub history_s: u32,
    /// Signals kept for accounts that nobody created yet: in all, for one name, and how long.
    pub unknown_max: u32,
    pub unknown_per_account: u32,
    pub unknown_s: u32,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows {
            dedup_s: 7 * DAY,
            dedup_max: 10_000_000,
            ahead_s: 24 * HOUR,
            late_s: 7 * DAY,
            history_s: 400 * DAY,
            unknown_max: 100_000,
            unknown_per_account: 64,
            unknown_s: 30 * DAY,
        }
    }
}

/// Stops losses that look like a broken feed (D14). Shares in millionths; more than the share *and* more
/// than the minimum trips it.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    pub book_share_ppm: u32,
    pub book_min: u32,
    pub all_share_ppm: u32,
    pub all_min: u32,
    /// A rep without an act for this long …
    pub quiet_s: u32,
    /// … who had this many (at most 10) in the ten days before.
    pub quiet_acts: u8,
    pub departures_share_ppm: u32,
    pub departures_min: u32,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker {
            book_share_ppm: 250_000,
            book_min: 5,
            all_share_ppm: 100_000,
            all_min: 20,
            quiet_s: 3 * DAY,
            quiet_acts: 10,
            departures_share_ppm: 20_000,
            departures_min: 3,
        }
    }
}

impl Policy {
    pub fn role_index(&self, name: &str) -> Option<u8> {
        self.roles.iter().position(|role| &*role.name == name).map(|index| index as u8)
    }

    pub fn book_index(&self, name: &str) -> Option<u16> {
        self.books.iter().position(|book| &*book.name == name).map(|index| index as u16)
    }

    pub fn source_index(&self, name: &str) -> Option<u16> {
        self.sources.binary_search_by(|source| (*source.name).cmp(name)).ok().map(|index| index as u16)
    }

    pub fn kind_index(&self, class: Class, name: &str) -> Option<u16> {
        self.kinds.binary_search_by(|kind| (kind.class, &*kind.name).cmp(&(class, name))).ok().map(|i| i as u16)
    }

    /// The rule for a reason, or `None` where the book refuses it.
    pub fn return_rule(&self, book: u16, reason: ReturnReason) -> Option<&ReturnRule> {
        let index = ReturnReason::ALL.iter().position(|each| *each == reason)?;
        self.books[usize::from(book)].returns.get(index)?.as_ref()
    }
}

/// Start of the class's landmark interval that holds `now`: a multiple of eight half-lives since 2020.
pub fn landmark(now: Secs, half_life_s: u32) -> u64 {
    let interval = u64::from(half_life_s) * 8;
    u64::from(now.0) / interval * interval
}
