//! An engine that goes on from a snapshot decides what it would have decided anyway.

#[path = "../support/arbitrary.rs"]
mod arbitrary;
mod held;

use std::collections::BTreeSet;

use arbitrary::{Dice, Draw, LENGTHS, any_of, many};
use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::filter::{Compare, Filter};
use bookd::domain::ids::{Actor, Id128};
use bookd::domain::input::{Frontier, order_batch};
use bookd::domain::opportunity::{OpportunityOp, OpportunityRecord};
use bookd::domain::output::SeatStatus;
use bookd::domain::policy::*;
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use bookd::domain::request::{Request, RequestOp, ReturnReason, UndoAsked};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::time::{DAY, HOUR, Zone};
use bookd::domain::{Body, Candidate, DecisionKind, Gate, Input, Millis, Output, Policy};
use bookd::engine::Engine;
use bookd::engine::few::Few;
use bookd::engine::state::{
    Account, AccountId, AccountRecordRow, AccountSide, Contributions, DailyRow, Kept, Opportunity, PastOwner, Phase,
    Rep, RepId, Seat, SnapshotRow, Stage, State, Tenure,
};
use bookd::engine::view::CommandView;
use bookd::wire::codec::Wire;
use bookd::wire::{WireError, codec, digest, entry, state};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_state_comes_back(written in any_of::<State>()) {
        prop_assert_eq!(codec::from_bytes::<State>(&codec::to_bytes(&written)), Ok(written));
    }

    /// Numbers that name no row, rows without their like: refused, not a panic later.
    #[test]
    fn a_state_out_of_shape_is_refused_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = state::decode(&bytes);
        bytes.splice(0..0, codec::to_bytes(&Id128(1)));
        let _ = state::decode(&bytes);
    }
}

#[test]
fn what_the_engine_would_index_by_is_checked() {
    let decoded = |spoil: fn(&mut State)| {
        let mut engine = Engine::new(Id128(1), 0);
        let mut story = Story { dice: 7, now: START };
        engine.apply(story.now, &story.opening(), &mut Vec::new());
        let mut spoilt = engine.state().clone();
        spoil(&mut spoilt);
        state::decode(&codec::to_bytes(&spoilt)).err()
    };
    assert_eq!(decoded(|_| {}), None);
    let spoils: [fn(&mut State); 16] = [
        |state| state.records.truncate(1),
        |state| state.kinds.truncate(1),
        |state| state.sides.truncate(1),
        |state| state.seats[1].truncate(1),
        |state| state.roles.truncate(1),
        |state| state.commands.truncate(1),
        |state| state.seats[0][0].owner = RepId(9_999),
        |state| state.roles[0].waiting.extend([AccountId(9_999)]),
        |state| {
            let idle =
                state.tenures[0].iter().find(|tenure| tenure.promised.is_none()).expect("not all are waited for");
            state.roles[0].waiting.insert(idle.account);
        },
        |state| {
            let pooled = state.seats[0].iter().position(|seat| seat.status == SeatStatus::Pool).expect("a pool");
            state.roles[0].waiting.insert(AccountId(pooled as u32));
        },
        |state| state.sources.clear(),
        |state| state.remembered.push_back(1),
        |state| state.arrivals.push_back((state.now, 0)),
        |state| {
            state.tenures[0].pop().expect("somebody owns something");
        },
        |state| state.tenures[0].extend_from_within(..1),
        |state| state.seats[0].iter_mut().for_each(|seat| seat.status = SeatStatus::Pool),
    ];
    for spoil in spoils {
        assert!(matches!(decoded(spoil), Some(WireError::Invalid { .. })));
    }
}

/// As for journal entries in `tests/wire.rs`: every field many times over.
#[test]
fn these_are_the_bytes_of_every_field() {
    let mut story = Story { dice: 99, now: START };
    let mut bytes = Vec::new();
    for _ in 0..300 {
        let drawn: Vec<u8> = (0..2000).map(|_| story.roll(256) as u8).collect();
        State::draw(&mut Dice { bytes: &drawn }).put(&mut bytes);
    }
    let found = entry::digest(&bytes).to_string();
    assert_eq!(found, EVERY_FIELD, "snapshots already written can't be read any more: raise `snapshot::FORMAT`");
}

const EVERY_FIELD: &str = "f835ea21de434c39abef0ca36e037f21";

/// Rows of a state, of which there may be millions.
fn put_rows(count: usize, stream: &mut impl FnMut() -> u8, out: &mut Vec<u8>) {
    many::<Account>(count, stream).put(out);
    many::<AccountSide>(count, stream).put(out);
    many::<AccountRecordRow>(count, stream).put(out);
    many::<Contributions>(count, stream).put(out);
    many::<Seat>(count, stream).put(out);
    many::<Tenure>(count, stream).put(out);
    many::<(AccountId, Vec<PastOwner>)>(count, stream).put(out);
    many::<Rep>(count, stream).put(out);
    many::<Opportunity>(count, stream).put(out);
    many::<SnapshotRow>(count, stream).put(out);
    many::<DailyRow>(count, stream).put(out);
    many::<Kept>(count, stream).put(out);
}

#[test]
fn these_are_the_bytes_of_long_lists_of_rows() {
    let (mut story, mut bytes) = (Story { dice: 77, now: START }, Vec::new());
    for length in LENGTHS {
        put_rows(length, &mut || story.roll(256) as u8, &mut bytes);
    }
    let found = entry::digest(&bytes).to_string();
    assert_eq!(found, LONG_LISTS, "snapshots already written can't be read any more: raise `snapshot::FORMAT`");
}

const LONG_LISTS: &str = "30b70a3c336a954f86b304bd36ae8bc1";

fn come_back<T: Draw + Wire + PartialEq + std::fmt::Debug>(stream: &mut impl FnMut() -> u8) {
    for length in LENGTHS {
        let written = many::<T>(length, stream);
        assert_eq!(codec::from_bytes(&codec::to_bytes(&written)), Ok(written), "{length}");
    }
}

#[test]
fn rows_come_back_from_lists_of_any_length() {
    let mut story = Story { dice: 5, now: START };
    let mut stream = || story.roll(256) as u8;
    come_back::<Contributions>(&mut stream);
    come_back::<Few<u64, 3>>(&mut stream);
    come_back::<AccountSide>(&mut stream);
    come_back::<Rep>(&mut stream);
    come_back::<Seat>(&mut stream);
}

#[test]
fn an_engine_restored_at_any_entry_goes_on_alike() {
    for seed in 1..=4 {
        let mut story = Story { dice: seed, now: START };
        let mut live = Engine::new(Id128(1), 0);
        let mut decided = Vec::new();
        live.apply(story.now, &story.opening(), &mut decided);
        for entry in 0..400 {
            let bytes = state::encode(&live);
            let mut restored = state::decode(&bytes).unwrap();
            assert_eq!(restored.state(), live.state());
            assert_eq!(restored.audit(), Ok(()), "seed {seed}, entry {entry}");
            assert_eq!(restored.next_deadline(), live.next_deadline(), "seed {seed}, entry {entry}");
            let mut inputs = story.next();
            inputs.extend(story.answers(&live));
            order_batch(&mut inputs);
            let (mut one, mut other) = (Vec::new(), Vec::new());
            live.apply(story.now, &inputs, &mut one);
            restored.apply(story.now, &inputs, &mut other);
            assert_eq!(one, other, "seed {seed}, entry {entry}");
            assert_eq!(digest::state(&live.view()), digest::state(&restored.view()), "seed {seed}, entry {entry}");
            assert_eq!(state::encode(&live), state::encode(&restored), "seed {seed}, entry {entry}");
            decided.extend(one);
        }
        assert_something_happened(&decided);
        let outcomes: BTreeSet<_> = live.view().commands.iter().map(|command| command.stage).collect();
        assert!(outcomes.contains(&Stage::Settled) && outcomes.len() > 2, "seed {seed}: {outcomes:?}");
    }
}

/// A story in which nothing moves would prove nothing.
fn assert_something_happened(decided: &[Output]) {
    let count = |kind: DecisionKind| {
        decided.iter().filter(|output| matches!(output, Output::Decision(decision) if decision.kind == kind)).count()
    };
    for kind in [DecisionKind::Distribution, DecisionKind::Retrieval, DecisionKind::Return, DecisionKind::Undo] {
        assert!(count(kind) > 0, "{}: {}", kind.name(), count(kind));
    }
}

const START: Millis = Millis(1_767_225_600_000);
const ACCOUNTS: u64 = 60;
const REPS: u64 = 6;

/// Random inputs of every kind, some hours apart.
struct Story {
    dice: u64,
    now: Millis,
}

impl Story {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) % sides
    }

    fn opening(&mut self) -> Vec<Input> {
        let mut policy = policy();
        if self.dice.is_multiple_of(2) {
            policy.roles[0].mode = RoleMode::Shadow;
        }
        let mut bodies = vec![Body::Policy(Box::new(policy)), Body::Gate(Gate::Open)];
        bodies.extend((0..REPS).map(|rep| self.rep(rep)));
        bodies.extend((0..ACCOUNTS / 2).map(|account| self.account(account)));
        batch(bodies)
    }

    fn next(&mut self) -> Vec<Input> {
        self.now.0 += 1_000 * self.roll(u64::from(6 * HOUR)) as i64;
        let mut bodies: Vec<Body> = (0..self.roll(6)).map(|_| self.input()).collect();
        let gate = self.roll(16);
        bodies.extend((gate < 4).then_some(Body::Gate(if gate == 0 { Gate::Closed } else { Gate::Open })));
        bodies.push(Body::Frontier(Frontier::Complete { source: "crm".into(), until: self.now }));
        batch(bodies)
    }

    /// What a writer made of some of the commands that are out.
    fn answers(&mut self, engine: &Engine) -> Vec<Input> {
        let commands = engine.view().commands.into_iter().filter(|command| command.stage == Stage::Issued);
        let answered: Vec<_> = commands.filter(|_| self.roll(3) == 0).collect();
        let statuses = [ResultStatus::Applied, ResultStatus::Applied, ResultStatus::Rejected, ResultStatus::Expired];
        let result = |command: CommandView, status| {
            Body::Result(ResultRecord {
                command_id: command.command,
                status,
                observed_owner: Change::Keep,
                error_code: None,
                crm_version: None,
                at: self.now,
            })
        };
        let rolled: Vec<_> = answered.iter().map(|command| statuses[(command.command.0 % 4) as usize]).collect();
        batch(answered.into_iter().zip(rolled).map(|(command, status)| result(command, status)).collect())
    }

    fn input(&mut self) -> Body {
        match self.roll(12) {
            0 => {
                let rep = self.roll(REPS);
                self.rep(rep)
            }
            1 | 2 => {
                let account = self.roll(ACCOUNTS);
                self.account(account)
            }
            3 => self.opportunity(),
            4..=6 => self.activity(),
            7 | 8 => self.request(),
            _ => self.signal(),
        }
    }

    fn rep(&mut self, rep: u64) -> Body {
        let status = [RepStatus::Active, RepStatus::Active, RepStatus::Inactive][self.roll(3) as usize];
        let role = ["sdr", "ae"][(rep % 2) as usize];
        let change = RepChange {
            role: Change::Set(role.into()),
            book: Change::Set(role.into()),
            status: Change::Set(status),
            aliases: Change::Set(vec![rep]),
            ..RepChange::default()
        };
        let op = RepOp::Change(Box::new(change));
        Body::Rep(RepRecord { id: format!("rep-{rep}").into(), op, at: None })
    }

    fn account(&mut self, account: u64) -> Body {
        let id = format!("account-{account}").into();
        if self.roll(20) == 0 {
            return Body::Account(AccountRecord { id, op: AccountOp::Delete, at: None });
        }
        let employees = self.roll(1_000_000) as i64;
        let change = AccountChange {
            domains: Change::Set(vec![format!("{account}.com").into()]),
            fit: Change::Set(self.roll(1_000_000) as u32),
            fields: vec![("employees".into(), Some(Value::Number(employees)))],
            ..AccountChange::default()
        };
        Body::Account(AccountRecord { id, op: AccountOp::Change(Box::new(change)), at: None })
    }

    /// Of an account that may not be known yet.
    fn named(&mut self) -> Vec<Candidate> {
        vec![Candidate::Domain(format!("{}.com", self.roll(ACCOUNTS)).into())]
    }

    fn opportunity(&mut self) -> Body {
        let id = format!("opportunity-{}", self.roll(10)).into();
        let op = OpportunityOp::Change { account: self.named().into(), open: Change::Set(self.roll(3) == 0) };
        Body::Opportunity(OpportunityRecord { id, op, at: None })
    }

    fn activity(&mut self) -> Body {
        let meeting_at = (self.roll(8) == 0).then(|| Millis(self.now.0 + i64::from(DAY) * 2_000));
        Body::Activity(Activity {
            kind: "call".into(),
            account: self.named().into(),
            source: "crm".into(),
            actor: (self.roll(4) > 0).then(|| Actor::Alias(self.roll(REPS))),
            contact: self.roll(3) as u32,
            direction: [Direction::Outbound, Direction::Inbound, Direction::Mutual][self.roll(3) as usize],
            at: Millis(self.now.0 - self.roll(100_000_000) as i64),
            dedup: self.roll(1 << 40),
            meeting_at,
        })
    }

    fn signal(&mut self) -> Body {
        let snapshot = self.roll(2) == 0;
        Body::Signal(Signal {
            class: Class::Intent,
            kind: if snapshot { "surge" } else { "visit" }.into(),
            account: self.named().into(),
            source: "vendor".into(),
            subject: Some(format!("subject-{}", self.roll(3)).into()),
            strength: Some(self.roll(1_000) as u32),
            mode: if snapshot { Mode::Snapshot } else { Mode::Delta },
            at: Millis(self.now.0 - self.roll(100_000_000) as i64),
            dedup: self.roll(1 << 40),
            due: None,
        })
    }

    fn request(&mut self) -> Body {
        let op = match self.roll(96) {
            0 => RequestOp::Pause,
            1 | 2 => RequestOp::Resume,
            3 => RequestOp::Rate,
            4 => RequestOp::GoLive,
            5..42 => RequestOp::Return,
            42..61 => RequestOp::Hold,
            61..80 => RequestOp::ReviewDone,
            _ => RequestOp::Undo,
        };
        let since = Some(Millis(self.now.0 - 1_000 * self.roll(u64::from(DAY)) as i64));
        let undo = (op == RequestOp::Undo).then(|| Box::new(UndoAsked { since, ..UndoAsked::default() }));
        let rep = self.roll(REPS);
        let role = ["sdr", "ae"][(rep % 2) as usize].into();
        Body::Request(Request {
            account: if undo.is_some() { Vec::new() } else { self.named() }.into(),
            role: (op != RequestOp::Rate).then_some(role),
            reason: Some(ReturnReason::BadData),
            until: Some(Millis(self.now.0 + 400_000_000)),
            per_hour: Some(1 + self.roll(40) as u32),
            undo,
            dedup: self.roll(1 << 40),
            ..Request::new(op, format!("rep-{rep}").into(), self.now)
        })
    }
}

fn batch(bodies: Vec<Body>) -> Vec<Input> {
    let mut inputs: Vec<Input> = bodies.into_iter().map(|body| Input { position: None, body }).collect();
    order_batch(&mut inputs);
    inputs
}

fn policy() -> Policy {
    let kind = |class, name: &str, max_per_day| Kind {
        class,
        name: name.into(),
        points_milli: 20_000,
        full_strength: Some(1_000),
        max_per_day,
        in_market_milli: Some(15_000),
    };
    let large = Filter::Field { name: "employees".into(), compare: Compare::Greater, value: Value::Number(500_000) };
    let segment = |name: &str, filter, threshold| Segment { name: name.into(), filter, threshold };
    Policy {
        version: 1,
        text: "written by hand".into(),
        roles: vec![role("sdr"), role("ae")],
        scoring: Scoring {
            half_life_s: [7 * DAY; 4],
            weight: [1.0; 4],
            cap: [100.0; 4],
            half_timing_points: 20.0,
            fit_share: 0.4,
            tiers: [25_000_000, 50_000_000, 75_000_000],
        },
        kinds: vec![kind(Class::Intent, "surge", 0), kind(Class::Intent, "visit", 2), kind(Class::Activity, "call", 0)],
        fit: Fit::Given { otherwise: 100_000 },
        segments: vec![segment("large", large, 20_000_000), segment("all", Filter::Always, 40_000_000)],
        books: vec![book("sdr", 0, Some(10_000_000)), book("ae", 1, None)],
        sources: vec![Source { name: "crm".into(), lateness_s: 0, cadence_s: 30 * DAY }],
        windows: Windows::default(),
        breaker: Breaker { book_min: 100, all_min: 100, quiet_s: 300 * DAY, ..Breaker::default() },
    }
}

fn role(name: &str) -> Role {
    Role {
        name: name.into(),
        exclude: Filter::Never,
        exclude_open_opportunities: true,
        holding_users: Vec::new(),
        mode: RoleMode::Live,
        approve_above: None,
        not_after_s: DAY,
        confirm: if name == "ae" { Confirm::Results } else { Confirm::Assume },
        max_unresolved: 12,
        return_field: None,
        sort: vec![SortKey { field: "employees".into(), descending: true }],
    }
}

fn book(name: &str, role: u8, fill_idle: Option<u32>) -> Book {
    let rule = ReturnRule { handling: Handling::Review, min_touches: 0, quota: Some((20, 30 * DAY)) };
    Book {
        name: name.into(),
        role,
        capacity: 8,
        segments: vec![BookSegment { segment: 0, cap: Some(5) }, BookSegment { segment: 1, cap: None }],
        fill_idle,
        fill_slack: 1,
        zone: Zone::utc(),
        evidence: Evidence { window_s: 5 * DAY, touches: 2, days: 1, contacts: 1, replies: 0, kinds: vec![2] },
        grace_s: 3 * DAY,
        lead_s: DAY,
        caps: RetrievalCaps { per_rep_day: 5, per_book_hour_ppm: 100_000 },
        sources: vec![0],
        rest_s: 2 * DAY,
        cool_off: CoolOff { owners: 2, period_s: 10 * DAY },
        returns: vec![Some(rule); 8],
    }
}
