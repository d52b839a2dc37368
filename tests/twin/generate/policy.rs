//! Random policies: everything small, so that limits and breakers are met.

use bookd::domain::account::Value;
use bookd::domain::filter::{Compare, Filter};
use bookd::domain::policy::Policy;
use bookd::domain::policy::{
    Book, BookSegment, Breaker, Confirm, CoolOff, Criterion, Evidence, Fit, Handling, Kind, RetrievalCaps, ReturnRule,
    Role, RoleMode, Scoring, Segment, SortKey, Source, Windows,
};
use bookd::domain::signal::Class;
use bookd::domain::time::{DAY, HOUR, MINUTE, Zone};
use bookd::domain::{Secs, Text};
mod draw;

pub use draw::policies;

use super::{START_S, nth, span};

#[derive(Clone, Debug)]
pub struct PolicySpec {
    pub roles: Vec<RoleSpec>,
    pub segments: Vec<(u8, u8)>,
    pub books: Vec<BookSpec>,
    pub scoring: ScoringSpec,
    pub kinds: Vec<KindSpec>,
    /// Lateness and cadence.
    pub sources: Vec<(u8, u8)>,
    pub windows: WindowsSpec,
    pub breaker: BreakerSpec,
}

#[derive(Clone, Debug)]
pub struct RoleSpec {
    pub exclude: u8,
    pub exclude_open: bool,
    pub holding: u8,
    pub shadow: bool,
    pub approve_above: Option<u8>,
    pub sort: u8,
    pub not_after: u8,
    pub confirm: u8,
    pub max_unresolved: u8,
    pub return_field: bool,
}

#[derive(Clone, Debug)]
pub struct ScoringSpec {
    pub half_lives: [u8; 4],
    pub weights: [u8; 4],
    pub caps: [u8; 4],
    pub half_timing: u8,
    pub fit_share: u8,
    pub fit: u8,
    pub tiers: u8,
}

#[derive(Clone, Debug)]
pub struct KindSpec {
    /// A policy may drop a kind that an earlier one had.
    pub dropped: bool,
    pub points: u8,
    pub full_strength: bool,
    pub max_per_day: u8,
    pub in_market: u8,
}

#[derive(Clone, Debug)]
pub struct BookSpec {
    pub capacity: u8,
    pub segments: Vec<(u8, Option<u8>)>,
    pub fill_idle: Option<u8>,
    pub slack: u8,
    pub zone: u8,
    pub evidence: EvidenceSpec,
    pub grace: u8,
    pub lead: u8,
    pub per_rep_day: u8,
    pub per_book_hour: u8,
    pub sources: Vec<bool>,
    pub rest: u8,
    pub cool_off: (u8, u8),
    pub returns: Vec<ReturnSpec>,
}

#[derive(Clone, Debug)]
pub struct EvidenceSpec {
    pub window: u8,
    pub touches: u8,
    pub days: u8,
    pub contacts: u8,
    pub replies: u8,
    pub kinds: u8,
}

#[derive(Clone, Debug)]
pub struct ReturnSpec {
    pub handling: u8,
    pub min_touches: u8,
    pub quota: Option<(u8, u8)>,
}

#[derive(Clone, Debug)]
pub struct WindowsSpec {
    pub dedup: u8,
    pub dedup_max: u8,
    pub ahead: u8,
    pub late: u8,
    pub history: u8,
    pub unknown_max: u8,
    pub unknown_per_account: u8,
    pub unknown: u8,
}

#[derive(Clone, Debug)]
pub struct BreakerSpec {
    pub book: (u8, u8),
    pub all: (u8, u8),
    pub quiet: (u8, u8),
    pub departures: (u8, u8),
}

/// More than any history has accounts.
pub const HUGE: u8 = 200;

/// What a field of returns may say, nonsense and nothing among it.
const RETURN_WORDS: [Option<&str>; 6] =
    [Some("duplicate"), Some("bad_data"), Some("call_back"), Some("competitor"), Some("a whim"), None];

/// The names of kinds, by class, in the order in which a policy lists them.
pub const KINDS: [(Class, &str); 8] = [
    (Class::Intent, "surge"),
    (Class::Intent, "topic"),
    (Class::Engagement, "visit"),
    (Class::Inbound, "form"),
    (Class::Activity, "call"),
    (Class::Activity, "email"),
    (Class::Activity, "meeting"),
    (Class::Activity, "note"),
];
pub const SOURCES: [&str; 3] = ["crm", "dialer", "mail"];
pub const ROLES: [&str; 2] = ["sdr", "ae"];
/// The first two are of the first role.
pub const BOOKS: [&str; 3] = ["near", "far", "large"];
pub const SEGMENTS: [&str; 4] = ["one", "two", "three", "four"];

impl PolicySpec {
    /// The policy; roles are only ever added, so there are at least `roles` of them.
    pub fn build(&self, version: u32, roles: usize) -> Policy {
        let roles = self.roles.len().max(roles);
        Policy {
            version,
            text: format!("version {version}").into(),
            roles: (0..roles).map(|role| self.roles[role % self.roles.len()].build(ROLES[role])).collect(),
            scoring: self.scoring.build(),
            kinds: self.listed().map(|(kind, (class, name))| kind.build(class, name)).collect(),
            fit: self.scoring.fit(),
            segments: self.segments.iter().zip(SEGMENTS).map(|(spec, name)| segment(*spec, name)).collect(),
            books: self.books(roles),
            sources: self.sources.iter().zip(SOURCES).map(|(spec, name)| source(*spec, name)).collect(),
            windows: self.windows.build(),
            breaker: self.breaker.build(),
        }
    }

    fn listed(&self) -> impl Iterator<Item = (&KindSpec, (Class, &'static str))> {
        // A note is how sources are heard of.
        self.kinds.iter().zip(KINDS).filter(|(kind, (_, name))| !kind.dropped || *name == "note")
    }

    fn books(&self, roles: usize) -> Vec<Book> {
        let named = self.books.iter().zip(BOOKS).enumerate();
        let built = named.map(|(index, (spec, name))| spec.build(name, u8::from(index == 2), self));
        built.filter(|book| usize::from(book.role) < roles).collect()
    }
}

impl RoleSpec {
    fn build(&self, name: &str) -> Role {
        let key = |field: &str, descending| SortKey { field: field.into(), descending };
        Role {
            name: name.into(),
            exclude: match self.exclude {
                0 => Filter::Never,
                other => filter(other),
            },
            exclude_open_opportunities: self.exclude_open,
            holding_users: match self.holding {
                0..3 => vec!["house".into()],
                3 => vec!["r5".into(), "house".into()],
                _ => Vec::new(),
            },
            mode: if self.shadow { RoleMode::Shadow } else { RoleMode::Live },
            approve_above: self.approve_above.map(u32::from),
            not_after_s: span(self.not_after),
            confirm: [Confirm::Assume, Confirm::Results, Confirm::Echo][usize::from(self.confirm)],
            max_unresolved: self.max_unresolved.into(),
            return_field: self.return_field.then(|| "reason".into()),
            sort: match self.sort {
                0 => Vec::new(),
                1 => vec![key("size", true)],
                2 => vec![key("size", false)],
                _ => vec![key("revenue", false), key("size", true)],
            },
        }
    }
}

impl ScoringSpec {
    fn build(&self) -> Scoring {
        let of = |table: &[f64], picks: [u8; 4]| picks.map(|pick| table[usize::from(pick) % table.len()]);
        let half_lives = [HOUR, 6 * HOUR, DAY, 5 * DAY, 14 * DAY];
        Scoring {
            half_life_s: self.half_lives.map(|pick| half_lives[usize::from(pick) % half_lives.len()]),
            weight: of(&[1.0, 0.5, 2.0, 0.0], self.weights),
            cap: of(&[30.0, 5.0, 100.0, 0.5], self.caps),
            half_timing_points: [30.0, 5.0, 100.0][usize::from(self.half_timing) % 3],
            fit_share: [0.5, 0.0, 1.0, 0.3][usize::from(self.fit_share)],
            tiers: match self.tiers {
                0 => [25_000_000, 50_000_000, 75_000_000],
                1 => [5_000_000, 10_000_000, 20_000_000],
                _ => [50_000_000, 50_000_000, 100_000_000],
            },
        }
    }

    fn fit(&self) -> Fit {
        let criterion = |pick, weight| Criterion { filter: filter(pick), weight };
        match self.fit {
            0 => Fit::Given { otherwise: 400_000 },
            1 => Fit::Given { otherwise: 0 },
            2 => Fit::Criteria(vec![criterion(1, 3), criterion(2, 2), criterion(3, 2)]),
            _ => Fit::Criteria(vec![criterion(4, 1), criterion(5, 0)]),
        }
    }
}

impl KindSpec {
    fn build(&self, class: Class, name: &str) -> Kind {
        Kind {
            class,
            name: name.into(),
            points_milli: [10_000, 0, 2_500, 40_000, 333, 4_096_000][usize::from(self.points)],
            full_strength: self.full_strength.then_some(100_000),
            max_per_day: self.max_per_day,
            in_market_milli: [None, Some(1), Some(5_000), Some(40_000)][usize::from(self.in_market)],
        }
    }
}

impl BookSpec {
    fn build(&self, name: &str, role: u8, policy: &PolicySpec) -> Book {
        let mut segments: Vec<BookSegment> = Vec::new();
        for (segment, cap) in &self.segments {
            let segment = *segment % policy.segments.len() as u8;
            if segments.iter().all(|each| each.segment != segment) {
                segments.push(BookSegment { segment, cap: cap.map(u32::from) });
            }
        }
        let sources = 0..policy.sources.len();
        Book {
            name: name.into(),
            role,
            capacity: self.capacity.into(),
            segments,
            fill_idle: self.fill_idle.map(|floor| u32::from(floor) * 4_000_000),
            fill_slack: self.slack.into(),
            zone: zone(self.zone),
            evidence: self.evidence.build(policy),
            grace_s: span(self.grace),
            lead_s: span(self.lead),
            caps: RetrievalCaps {
                per_rep_day: self.per_rep_day.into(),
                per_book_hour_ppm: [1_000_000, 20_000, 300_000, 500_000][usize::from(self.per_book_hour)],
            },
            sources: sources.filter(|source| self.sources[*source]).map(|source| source as u16).collect(),
            rest_s: span(self.rest),
            cool_off: CoolOff { owners: self.cool_off.0, period_s: span(self.cool_off.1) },
            returns: self.returns.iter().map(ReturnSpec::build).collect(),
        }
    }
}

impl EvidenceSpec {
    fn build(&self, policy: &PolicySpec) -> Evidence {
        let meant = |name: &str| name == "call" || self.kinds >> (name.len() % 8) & 1 == 1;
        let named = policy.listed().zip(0u16..).filter(|((_, (class, _)), _)| *class == Class::Activity);
        let listed = named.filter(|((_, (_, name)), _)| meant(name)).map(|(_, index)| index);
        Evidence {
            window_s: span(self.window),
            touches: self.touches,
            days: self.days,
            contacts: self.contacts,
            replies: self.replies,
            kinds: listed.collect(),
        }
    }
}

impl ReturnSpec {
    fn build(&self) -> Option<ReturnRule> {
        let handling = match self.handling {
            0 => Handling::Rest(0),
            1 | 2 => Handling::Rest(6 * HOUR),
            3 => Handling::Rest(4 * DAY),
            4 | 5 => Handling::Review,
            6 => Handling::Date,
            7 => Handling::Retire,
            _ => return None,
        };
        let quota = self.quota.map(|(most, period)| (u32::from(most), span(period)));
        Some(ReturnRule { handling, min_touches: self.min_touches, quota })
    }
}

impl WindowsSpec {
    fn build(&self) -> Windows {
        Windows {
            dedup_s: span(self.dedup),
            dedup_max: self.dedup_max.into(),
            ahead_s: span(self.ahead),
            late_s: span(self.late),
            history_s: span(self.history),
            unknown_max: self.unknown_max.into(),
            unknown_per_account: self.unknown_per_account.into(),
            unknown_s: span(self.unknown),
        }
    }
}

impl BreakerSpec {
    fn build(&self) -> Breaker {
        let share = |pick: u8| [250_000, 0, 100_000, 500_000, 20_000, 1_000_000][usize::from(pick)];
        Breaker {
            book_min: self.book.0.into(),
            book_share_ppm: share(self.book.1),
            all_min: self.all.0.into(),
            all_share_ppm: share(self.all.1),
            quiet_s: span(self.quiet.0),
            quiet_acts: self.quiet.1,
            departures_min: self.departures.0.into(),
            departures_share_ppm: share(self.departures.1),
        }
    }
}

fn segment((pick, threshold): (u8, u8), name: &str) -> Segment {
    let threshold =
        [0, 5_000_000, 10_000_000, 20_000_000, 30_000_000, 40_000_000, 60_000_000, 100_000_000][usize::from(threshold)];
    Segment { name: name.into(), filter: filter(pick), threshold }
}

fn source((lateness, cadence): (u8, u8), name: &str) -> Source {
    Source { name: name.into(), lateness_s: span(lateness), cadence_s: span(cadence) }
}

fn filter(pick: u8) -> Filter {
    let text = |text: &str| Value::Text(text.into());
    let size = |compare, size: i64| Filter::Field { name: "size".into(), compare, value: Value::Number(size * 1000) };
    let country: Text = "country".into();
    match pick {
        0 => Filter::Always,
        1 => Filter::OneOf { name: country, values: vec![text("de"), text("fr")] },
        2 => size(Compare::GreaterEqual, 50),
        3 => size(Compare::Less, 100),
        4 => Filter::Not(Box::new(Filter::IsTrue("vip".into()))),
        5 => Filter::IsTrue("vip".into()),
        6 => Filter::All(vec![Filter::Has(country), size(Compare::Greater, 10)]),
        7 => Filter::Any(vec![Filter::StartsWith { name: country, prefix: "u".into() }, size(Compare::Equal, 10)]),
        8 => Filter::Contains { name: "tags".into(), value: "hot".into() },
        _ => Filter::Always,
    }
}

fn zone(pick: u8) -> Zone {
    let named = |name: &str, offsets| Zone { name: name.into(), offsets };
    let spring = Secs(START_S + 2 * DAY + HOUR);
    let hour = HOUR as i32;
    match pick {
        0 => Zone::utc(),
        1 => named("Asia/Kolkata", vec![(Secs::ZERO, 5 * hour + 30 * MINUTE as i32)]),
        2 => named("Europe/Berlin", vec![(Secs::ZERO, hour), (spring, 2 * hour)]),
        _ => named("America/Los_Angeles", vec![(Secs::ZERO, -8 * hour)]),
    }
}

/// An account field's value, by field and pick; `None` clears it.
pub fn field(name: u8, pick: u8) -> (Text, Option<Value>) {
    let text = |text: &str| Value::Text(text.into());
    match name {
        0 => ("size".into(), nth(&[Some(10), Some(50), Some(100), None], pick).copied().flatten().map(thousand)),
        1 => ("country".into(), nth(&["de", "fr", "us"], pick).map(|country| text(country))),
        2 => ("vip".into(), Some(Value::Bool(pick.is_multiple_of(2)))),
        5 => ("reason".into(), nth(&RETURN_WORDS, pick).copied().flatten().map(text)),
        3 => ("tags".into(), Some(Value::List([["hot", "cold"][usize::from(pick) % 2].into()].into()))),
        _ => ("revenue".into(), (!pick.is_multiple_of(3)).then(|| thousand(i64::from(pick)))),
    }
}

fn thousand(number: i64) -> Value {
    Value::Number(number * 1000)
}
