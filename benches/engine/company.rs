//! A company of many accounts and some reps whose books are full, and events about it.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::filter::{Compare, Filter};
use bookd::domain::ids::{Actor, Id128};
use bookd::domain::policy::*;
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::request::{Request, RequestOp, ReturnReason};
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::time::{DAY, HOUR, Zone};
use bookd::domain::{Body, Candidate, DecisionKind, Gate, Input, Millis, Output, Position, Text, Topic};
use bookd::engine::Engine;

const BOOKS: u32 = 4;
/// Segments of a book; each account matches one, or two.
const SEGMENTS_A_BOOK: u32 = 15;
/// 2026-01-01.
const START: Millis = Millis(1_767_225_600_000);
/// Entries to a second.
const ENTRIES_A_SECOND: i64 = 100;

/// The place of calls among the policy's kinds.
const CALL: u16 = 4;

pub struct Company {
    accounts: u32,
    reps: u32,
    /// Event ids remembered at most.
    pub remembered: u32,
    /// By class.
    pub half_life_s: [u32; 4],
    dice: u64,
    now: Millis,
    offset: u64,
    /// Accounts with their owners, as far as outputs told.
    owned: Vec<(Text, Text)>,
}

fn account_id(number: u32) -> Text {
    format!("001A{number:014}").into()
}

fn domain(number: u32) -> Text {
    format!("company-{number}.com").into()
}

fn rep_id(number: u32) -> Text {
    format!("005R{number:014}").into()
}

impl Company {
    pub fn new(accounts: u32, reps: u32) -> Company {
        Company {
            accounts,
            reps,
            remembered: Windows::default().dedup_max,
            half_life_s: [14 * DAY, 7 * DAY, 2 * DAY, 30 * DAY],
            dice: 88_172_645_463_325_252,
            now: START,
            offset: 0,
            owned: Vec::new(),
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.word() % sides
    }

    fn word(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// An engine that knows all of it, its books full.
    pub fn engine(&mut self) -> Engine {
        let mut engine = Engine::new(Id128(1), 0);
        let mut out = Vec::new();
        let first = [Body::Policy(Box::new(self.policy()))];
        self.apply(&mut engine, first.into_iter(), &mut out);
        for from in (0..self.accounts).step_by(1000) {
            let records = (from..(from + 1000).min(self.accounts)).map(account_record);
            self.apply(&mut engine, records.map(Body::Account), &mut out);
        }
        self.apply(&mut engine, (0..self.reps).map(rep_record).map(Body::Rep), &mut out);
        self.apply(&mut engine, [Body::Gate(Gate::Open)].into_iter(), &mut out);
        while engine.wants_next() {
            self.apply(&mut engine, [].into_iter(), &mut out);
        }
        engine
    }

    fn apply(&mut self, engine: &mut Engine, bodies: impl Iterator<Item = Body>, out: &mut Vec<Output>) {
        let inputs: Vec<Input> = bodies.map(|body| Input { position: None, body }).collect();
        engine.apply(self.now, &inputs, out);
        self.learn(out);
        out.clear();
    }

    /// Of five accounts one is owned.
    fn policy(&self) -> Policy {
        let windows = Windows { dedup_max: self.remembered, ..Windows::default() };
        let policy = policy(self.accounts / self.reps / 5);
        let scoring = Scoring { half_life_s: self.half_life_s, ..policy.scoring };
        Policy { windows, scoring, ..policy }
    }

    /// Whose account is whose.
    pub fn learn(&mut self, out: &[Output]) {
        for output in out {
            if let Output::Decision(decision) = output
                && decision.kind == DecisionKind::Distribution
                && let Some(owner) = &decision.to
            {
                self.owned.push((decision.account.clone(), owner.clone()));
            }
        }
    }

    /// The next entry: so many events.
    pub fn entry(&mut self, events: usize, draw: fn(&mut Company, Millis) -> Body) -> (Millis, Vec<Input>) {
        self.now.0 += 1000 / ENTRIES_A_SECOND;
        let now = self.now;
        let inputs = (0..events).map(|_| {
            self.offset += 1;
            let position = Some(Position { topic: Topic::Intent, partition: 0, offset: self.offset });
            Input { position, body: draw(self, now) }
        });
        (now, inputs.collect())
    }

    fn named(&mut self) -> Candidate {
        let account = self.roll(u64::from(self.accounts)) as u32;
        if self.roll(2) == 0 { Candidate::CrmId(account_id(account)) } else { Candidate::Domain(domain(account)) }
    }

    /// Within the last minute.
    fn lately(&mut self, now: Millis) -> Millis {
        Millis(now.0 - self.roll(60_000) as i64)
    }

    pub fn delta(&mut self, now: Millis) -> Body {
        self.signal(now, "visit", Mode::Delta)
    }

    pub fn snapshot(&mut self, now: Millis) -> Body {
        self.signal(now, "surge", Mode::Snapshot)
    }

    /// Of a kind of which the two strongest of a day count.
    pub fn engagement(&mut self, now: Millis) -> Body {
        match self.signal(now, "open", Mode::Delta) {
            Body::Signal(signal) => Body::Signal(Signal { class: Class::Engagement, ..signal }),
            other => other,
        }
    }

    fn signal(&mut self, now: Millis, kind: &str, mode: Mode) -> Body {
        Body::Signal(Signal {
            class: Class::Intent,
            kind: kind.into(),
            account: [self.named()].into_iter().collect(),
            source: "vendor".into(),
            subject: Some(format!("topic-{}", self.roll(4)).into()),
            strength: Some(self.roll(100) as u32),
            mode,
            at: self.lately(now),
            dedup: self.word(),
            due: None,
        })
    }

    pub fn activity(&mut self, now: Millis) -> Body {
        let rep = self.roll(u64::from(self.reps)) as u32;
        Body::Activity(Activity {
            kind: "call".into(),
            account: [self.named()].into_iter().collect(),
            source: "crm".into(),
            actor: (self.roll(2) == 0).then(|| Actor::Rep(rep_id(rep))),
            contact: self.roll(8) as u32,
            direction: if self.roll(4) == 0 { Direction::Inbound } else { Direction::Outbound },
            at: self.lately(now),
            dedup: self.word(),
            meeting_at: None,
        })
    }

    pub fn mixed(&mut self, now: Millis) -> Body {
        match self.roll(8) {
            0 | 1 => self.activity(now),
            2 | 3 => self.snapshot(now),
            4 => self.engagement(now),
            _ => self.delta(now),
        }
    }

    pub fn with_returns(&mut self, now: Millis) -> Body {
        if self.roll(100) == 0 && !self.owned.is_empty() {
            return self.hand_back(now);
        }
        self.mixed(now)
    }

    /// What comes of a campaign that reached many at once.
    pub fn campaign(&mut self, now: Millis) -> Body {
        match self.signal(now, "campaign", Mode::Delta) {
            Body::Signal(signal) => Body::Signal(Signal { class: Class::Inbound, strength: None, ..signal }),
            other => other,
        }
    }

    /// Time passes and nothing comes.
    pub fn wait(&mut self, seconds: u32) {
        self.now.0 += i64::from(seconds) * 1000;
    }

    pub fn hand_back(&mut self, now: Millis) -> Body {
        let pick = self.roll(self.owned.len() as u64) as usize;
        let (account, owner) = self.owned.swap_remove(pick);
        Body::Request(Request {
            account: [Candidate::CrmId(account)].into_iter().collect(),
            reason: Some(ReturnReason::ALL[0]),
            dedup: self.word(),
            ..Request::new(RequestOp::Return, owner, now)
        })
    }
}

fn account_record(number: u32) -> AccountRecord {
    let change = AccountChange {
        domains: Change::Set(vec![domain(number)]),
        fit: Change::Set(number.wrapping_mul(2_654_435_761) % 1_000_000),
        fields: vec![("region".into(), Some(Value::Number(i64::from(number % (BOOKS * SEGMENTS_A_BOOK)))))],
        ..AccountChange::default()
    };
    AccountRecord { id: account_id(number), op: AccountOp::Change(Box::new(change)), at: None }
}

fn rep_record(number: u32) -> RepRecord {
    let change = RepChange {
        role: Change::Set("sdr".into()),
        book: Change::Set(format!("book-{}", number % BOOKS).into()),
        ..RepChange::default()
    };
    RepRecord { id: rep_id(number), op: RepOp::Change(Box::new(change)), at: None }
}

fn policy(capacity: u32) -> Policy {
    let kind = |class, name: &str, points_milli, max_per_day| Kind {
        class,
        name: name.into(),
        points_milli,
        full_strength: Some(100),
        max_per_day,
        in_market_milli: None,
    };
    let mut kinds = vec![
        kind(Class::Intent, "surge", 20_000, 0),
        kind(Class::Intent, "visit", 3_000, 0),
        kind(Class::Engagement, "open", 500, 2),
        kind(Class::Inbound, "campaign", 30_000, 0),
        kind(Class::Activity, "call", 0, 0),
    ];
    kinds.sort_by(|a, b| (a.class, &a.name).cmp(&(b.class, &b.name)));
    Policy {
        version: 1,
        text: "made for the bench".into(),
        roles: vec![Role {
            name: "sdr".into(),
            exclude: Filter::Never,
            exclude_open_opportunities: true,
            holding_users: Vec::new(),
            mode: RoleMode::Live,
            approve_above: None,
            not_after_s: DAY,
            confirm: Confirm::Assume,
            max_unresolved: 1_000,
            return_field: None,
            sort: Vec::new(),
        }],
        scoring: Scoring {
            half_life_s: [DAY; 4],
            weight: [1.0, 0.8, 2.0, 0.5],
            cap: [60.0, 40.0, 100.0, 20.0],
            half_timing_points: 30.0,
            fit_share: 0.5,
            tiers: [25_000_000, 50_000_000, 75_000_000],
        },
        kinds,
        fit: Fit::Given { otherwise: 100_000 },
        segments: (0..BOOKS * SEGMENTS_A_BOOK).map(segment).collect(),
        books: (0..BOOKS).map(|number| book(number, capacity)).collect(),
        sources: vec![Source { name: "crm".into(), lateness_s: HOUR, cadence_s: DAY }],
        windows: Windows::default(),
        breaker: Breaker::default(),
    }
}

fn segment(number: u32) -> Segment {
    let is = |value: u32| Filter::Field {
        name: "region".into(),
        compare: Compare::Equal,
        value: Value::Number(i64::from(value)),
    };
    let filter = if number.is_multiple_of(3) { Filter::Any(vec![is(number), is(number + 1)]) } else { is(number) };
    Segment { name: format!("region-{number}").into(), filter, threshold: 1_000_000 }
}

fn book(number: u32, capacity: u32) -> Book {
    let segments = number * SEGMENTS_A_BOOK..(number + 1) * SEGMENTS_A_BOOK;
    Book {
        name: format!("book-{number}").into(),
        role: 0,
        capacity,
        segments: segments.map(|segment| BookSegment { segment: segment as u8, cap: None }).collect(),
        fill_idle: None,
        fill_slack: 1,
        zone: Zone::utc(),
        evidence: Evidence { window_s: 21 * DAY, touches: 3, days: 2, contacts: 1, replies: 0, kinds: vec![CALL] },
        grace_s: 21 * DAY,
        lead_s: 5 * DAY,
        caps: RetrievalCaps { per_rep_day: 5, per_book_hour_ppm: 20_000 },
        sources: vec![0],
        rest_s: 30 * DAY,
        cool_off: CoolOff { owners: 1, period_s: 90 * DAY },
        returns: vec![Some(ReturnRule { handling: Handling::Rest(7 * DAY), min_touches: 0, quota: None }); 8],
    }
}
