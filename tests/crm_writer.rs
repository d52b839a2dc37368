//! A CRM that rejects nearly everything, and a writer that is away for two hours: what bookd holds for right is the truth
//! all the same, nobody's slot is lost, and no account is commanded more often than the back-off allows.

use std::collections::BTreeMap;

use bookd::domain::account::{AccountOp, AccountRecord, Change};
use bookd::domain::ids::Id128;
use bookd::domain::input::order_batch;
use bookd::domain::output::{BreakerScope, SeatStatus};
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::request::{Request, RequestOp};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::time::{DAY, HOUR, MINUTE};
use bookd::domain::{AlertKind, Body, Decision, Gate, Input, Millis, Output, Text};
use bookd::engine::Engine;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const START: Millis = Millis(1_767_225_600_000);
const ACCOUNTS: usize = 200;
const REPS: usize = 5;
const CAPACITY: u32 = 20;
const MAX_UNRESOLVED: usize = 30;
/// `docs/rules.md`, 13: after so many refusals in a row nothing before.
const BACK_OFF_S: [u32; 4] = [HOUR, 6 * HOUR, DAY, 7 * DAY];

fn policy() -> String {
    format!(
        r#"
[policy]
version = 1

[policy.kinds.activity]
call_made = {{}}

[policy.fit]
otherwise = 0.9

[[policy.sources]]
name = "crm"

[[policy.roles]]
name = "sdr"
confirm = "results"
not_after = "30m"
max_unresolved = {MAX_UNRESOLVED}

[[policy.segments]]
name = "all"

[[policy.books]]
name = "sdr"
role = "sdr"
capacity = {CAPACITY}
segments = [{{ name = "all" }}]

[policy.books.evidence]
window = "90d"
kinds = ["call_made"]
"#
    )
}

/// bookd, and the CRM as it is.
struct World {
    engine: Engine,
    now: Millis,
    owners: BTreeMap<Text, Option<Text>>,
    /// Commands that nobody has looked at.
    commands: Vec<Decision>,
    stopped: usize,
    resumed: usize,
    proceeded: usize,
}

impl World {
    fn opened() -> World {
        let mut world = World {
            engine: Engine::new(Id128(1), 0),
            now: START,
            owners: BTreeMap::new(),
            commands: Vec::new(),
            stopped: 0,
            resumed: 0,
            proceeded: 0,
        };
        let policy = bookd::config::parse("the test's policy", &policy(), &[]).expect("a right policy").policy;
        let mut bodies = vec![Body::Policy(Box::new(policy))];
        bodies.extend((0..REPS).map(rep));
        bodies.extend((0..ACCOUNTS).map(account));
        world.apply(bodies);
        world.apply(vec![Body::Gate(Gate::Open)]);
        world
    }

    fn apply(&mut self, bodies: Vec<Body>) {
        let mut inputs: Vec<_> = bodies.into_iter().map(|body| Input { position: None, body }).collect();
        order_batch(&mut inputs);
        let mut out = Vec::new();
        self.engine.apply(self.now, &inputs, &mut out);
        while self.engine.wants_next() {
            self.engine.apply(self.now, &[], &mut out);
        }
        assert_eq!(self.engine.audit(), Ok(()));
        for output in out {
            match output {
                Output::Decision(decision) => self.commands.push(*decision),
                Output::Alert(alert) => match alert.kind {
                    AlertKind::IssuingStopped { .. } => self.stopped += 1,
                    AlertKind::IssuingResumed { .. } => self.resumed += 1,
                    _ => {}
                },
                Output::DeadLetter { code, .. } => panic!("{code:?}"),
                Output::AccountState(_) => {}
            }
        }
    }

    /// Time goes on to the next instant at which something is due, and no further than so many seconds.
    fn wait(&mut self, most_s: u32) {
        let end = Millis(self.now.0 + i64::from(most_s) * 1_000);
        let due = self.engine.next_deadline().filter(|due| *due > self.now);
        self.now = due.map_or(end, |due| due.min(end));
        self.apply(Vec::new());
    }

    /// A writer looks at a command.
    fn answer(&mut self, command: &Decision, status: ResultStatus) {
        let owner = self.owners.entry(command.account.clone()).or_default();
        if status == ResultStatus::Applied {
            assert_eq!(*owner, command.from, "bookd expects whom the CRM has");
            *owner = command.to.clone();
        }
        let observed = owner.clone().map_or(Change::Clear, Change::Set);
        self.apply(vec![Body::Result(ResultRecord {
            command_id: command.command_id,
            status,
            observed_owner: observed,
            error_code: None,
            crm_version: None,
            at: self.now,
        })]);
    }

    /// RevOps looks at the reps whom the CRM doesn't take, and finds nothing wrong with them.
    fn proceed(&mut self) {
        let tripped = self.engine.view().tripped;
        let request = |scope| {
            let BreakerScope::Refused(rep) = scope else { return None };
            Some(Body::Request(Request {
                rep: Some(rep),
                dedup: self.engine.sequence(),
                ..Request::new(RequestOp::Proceed, "revops".into(), self.now)
            }))
        };
        let requests: Vec<_> = tripped.into_iter().filter_map(request).collect();
        self.proceeded += requests.len();
        requests.into_iter().for_each(|request| self.apply(vec![request]));
    }

    /// A rep's size is what they own; and where nothing is pending that is what the CRM says.
    fn check(&self) {
        let view = self.engine.view();
        let mut sizes: BTreeMap<&Text, u32> = BTreeMap::new();
        for account in &view.accounts {
            let seat = &account.seats[0];
            if let Some(owner) = seat.owner.as_ref().filter(|_| seat.status == SeatStatus::Owned) {
                *sizes.entry(owner).or_default() += 1;
            }
            let row = view.commands.iter().find(|row| row.account == account.id);
            let is_pending = row.is_some_and(|row| {
                row.wish.is_some()
                    || matches!(row.stage, bookd::engine::state::Stage::Issued | bookd::engine::state::Stage::Applied)
            });
            if !is_pending && seat.status != SeatStatus::Review {
                assert_eq!(&seat.owner, self.owners.get(&account.id).unwrap_or(&None), "{}", account.id);
            }
        }
        for rep in &view.reps {
            assert_eq!(rep.size, sizes.get(&rep.id).copied().unwrap_or(0), "{}", rep.id);
            assert!(rep.size <= CAPACITY);
        }
    }

    fn out(&self) -> usize {
        self.engine.view().commands.iter().filter(|row| row.stage == bookd::engine::state::Stage::Issued).count()
    }
}

fn rep(number: usize) -> Body {
    let change = RepChange { role: Change::Set("sdr".into()), book: Change::Set("sdr".into()), ..RepChange::default() };
    Body::Rep(RepRecord { id: format!("rep{number}").into(), op: RepOp::Change(Box::new(change)), at: None })
}

fn account(number: usize) -> Body {
    let op = AccountOp::Change(Box::default());
    Body::Account(AccountRecord { id: format!("a{number}").into(), op, at: None })
}

#[test]
fn a_rejecting_crm_is_asked_no_more_often_than_the_back_off_allows() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut world = World::opened();
    // Refusals in a row, and when the last of them was told.
    let mut refused: BTreeMap<Text, (usize, Millis)> = BTreeMap::new();
    let (mut commands, mut refusals, mut reviews) = (0, 0, 0);
    let end = Millis(START.0 + i64::from(30 * DAY) * 1_000);
    while world.now < end {
        for command in std::mem::take(&mut world.commands) {
            commands += 1;
            let (times, last) = refused.get(&command.account).copied().unwrap_or((0, START));
            let since_s = (world.now.0 - last.0) / 1_000;
            if times > 0 {
                assert!(times <= BACK_OFF_S.len(), "{} is in review", command.account);
                assert!(
                    since_s >= i64::from(BACK_OFF_S[times - 1]),
                    "{}: {times} refusals, {since_s} s",
                    command.account
                );
            }
            let status = match random.next_u32() % 20 {
                0 => ResultStatus::Applied,
                1..10 => ResultStatus::Failed,
                _ => ResultStatus::Rejected,
            };
            if status == ResultStatus::Applied {
                refused.remove(&command.account);
            } else {
                refusals += 1;
                reviews += usize::from(times == BACK_OFF_S.len());
                refused.insert(command.account.clone(), (times + 1, world.now));
            }
            world.answer(&command, status);
        }
        world.proceed();
        if world.commands.is_empty() {
            world.check();
            world.wait(HOUR);
        }
    }
    assert!(refusals > 600 && reviews > 50, "{commands} commands, {refusals} refusals, {reviews} reviews");
    assert!(world.proceeded > 20, "{} times a rep was stopped", world.proceeded);
    assert_eq!(world.stopped, 0);
}

#[test]
fn a_rep_whom_the_crm_does_not_take_costs_three_accounts_and_not_the_pool() {
    let mut world = World::opened();
    let wrong: Text = "rep0".into();
    let mut refused = 0;
    while world.now.0 < START.0 + i64::from(DAY) * 1_000 {
        for command in std::mem::take(&mut world.commands) {
            let is_wrong = command.to.as_ref() == Some(&wrong);
            refused += usize::from(is_wrong);
            world.answer(&command, if is_wrong { ResultStatus::Rejected } else { ResultStatus::Applied });
        }
        if world.commands.is_empty() {
            world.check();
            world.wait(HOUR);
        }
    }
    // Those that were out already when the third was refused come on top.
    assert!((3..=MAX_UNRESOLVED).contains(&refused), "{refused}");
    assert_eq!(world.owners.values().flatten().count(), (REPS - 1) * CAPACITY as usize, "all others have theirs");
    let stopped = world.engine.view().tripped;
    assert_eq!(stopped, [BreakerScope::Refused(wrong)]);
    world.apply(vec![rep(0)]);
    assert!(world.commands.iter().any(|command| command.to.as_deref() == Some("rep0")), "a record begins anew");
}

#[test]
fn a_writer_that_is_away_for_two_hours_costs_nothing_but_the_time() {
    let mut world = World::opened();
    let back = Millis(START.0 + i64::from(2 * HOUR) * 1_000);
    let mut most_out = 0;
    while world.now < back {
        most_out = most_out.max(world.out());
        assert!(world.out() <= MAX_UNRESOLVED);
        world.check();
        world.wait(MINUTE);
    }
    assert_eq!(most_out, MAX_UNRESOLVED);
    assert!(world.stopped >= 2 && world.commands.len() > 2 * MAX_UNRESOLVED, "it stopped, and tried again");

    // Too late for those of the beginning: a writer finds that by itself.
    let late = |command: &Decision, now: Millis| command.not_after.millis() <= now;
    while world.now.0 < back.0 + i64::from(HOUR) * 1_000 {
        for command in std::mem::take(&mut world.commands) {
            let status = if late(&command, world.now) { ResultStatus::Expired } else { ResultStatus::Applied };
            world.answer(&command, status);
        }
        world.check();
        world.wait(MINUTE);
    }
    assert_eq!(world.stopped, world.resumed);
    let owned = world.owners.values().flatten().count();
    assert_eq!(owned, REPS * CAPACITY as usize, "every slot is filled, in the CRM too");
}
