//! Whatever the order in which results, echoes and a person's change arrive, the owner that bookd holds for right is
//! the CRM's in the end: every order there is, for one account, two commands and one change by hand.
//!
//! Results keep their order (one topic, one key). Where the CRM's records bear versions they arrive in any order, and two
//! of them once more at any later time, one from before bookd's first day among them. Where they bear none they keep theirs
//! too: without versions nothing else tells them apart, as `docs/rules.md` says. In some worlds a day passes, in which
//! commands expire and a result may get lost.

use std::collections::BTreeSet;

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::ids::Id128;
use bookd::domain::input::order_batch;
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::request::{Request, RequestOp, ReturnReason};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::{Body, Candidate, Code, Decision, Gate, Input, Millis, Output, Policy, Text};
use bookd::engine::Engine;
use bookd::engine::state::Stage;
use bookd::wire::state;

const START: Millis = Millis(1_767_225_600_000);
const A_QUARTER_MS: i64 = 16 * 60_000;
/// Longer than any command may take.
const A_DAY_MS: i64 = 24 * 3_600_000 + A_QUARTER_MS;
/// What somebody told bookd of the owner: whom, and at which of the CRM's versions.
type Seen = (Option<Text>, u64);
const POLICY: &str = r#"
[policy]
version = 1

[policy.kinds.activity]
call_made = {}

[[policy.sources]]
name = "crm"

[[policy.roles]]
name = "sdr"
confirm = "results"

[[policy.segments]]
name = "all"

[[policy.books]]
name = "sdr"
role = "sdr"
capacity = 1
segments = [{ name = "all" }]

[policy.books.evidence]
window = "30d"
kinds = ["call_made"]
"#;

fn policy() -> Policy {
    bookd::config::parse("the test's policy", POLICY, &[]).expect("a right policy").policy
}

/// bookd, the CRM, and what is on its way between them.
#[derive(Clone)]
struct World {
    /// The engine's state as bytes: engines aren't cloned.
    engine: Vec<u8>,
    now: Millis,
    owner: Option<Text>,
    version: u64,
    /// Commands that the writer hasn't looked at.
    commands: Vec<Decision>,
    results: Vec<ResultRecord>,
    echoes: Vec<Seen>,
    /// So many of those may come once more.
    stale: Vec<Seen>,
    repeats: u8,
    /// Whom a person will make the owner.
    person: Option<Option<Text>>,
    /// What that became.
    persons: Option<Seen>,
    returns: bool,
    with_versions: bool,
    /// Results bear them, too.
    results_bear: bool,
    /// A day may pass still, and a result get lost.
    slow: bool,
    /// It passed.
    late: bool,
    /// The latest that bookd was told.
    told: Seen,
    /// A command left against what was told.
    fault: Option<String>,
}

impl World {
    fn new(person: Option<&str>, with_versions: bool, slow: bool) -> World {
        let engine = state::encode(&Engine::new(Id128(1), 0));
        // More of both would take minutes.
        let repeats = if with_versions && !slow { 2 } else { 0 };
        let mut world = World {
            engine,
            now: START,
            owner: None,
            version: 1,
            commands: Vec::new(),
            results: Vec::new(),
            echoes: Vec::new(),
            stale: if repeats > 0 { vec![(Some("joe".into()), 0), (None, 1)] } else { Vec::new() },
            repeats,
            person: Some(person.map(Into::into)),
            persons: None,
            returns: true,
            with_versions,
            results_bear: with_versions,
            slow,
            late: false,
            told: (None, 1),
            fault: None,
        };
        let first = [Body::Policy(Box::new(policy())), rep("jane", 1), rep("joe", 0), world.record(&(None, 1))];
        world.apply(first.into_iter().chain([Body::Gate(Gate::Open)]).collect());
        world
    }

    fn engine(&self) -> Engine {
        state::decode(&self.engine).expect("just written")
    }

    fn apply(&mut self, bodies: Vec<Body>) {
        let mut engine = self.engine();
        let mut inputs: Vec<_> = bodies.into_iter().map(|body| Input { position: None, body }).collect();
        order_batch(&mut inputs);
        let mut out = Vec::new();
        engine.apply(self.now, &inputs, &mut out);
        assert_eq!(engine.audit(), Ok(()));
        for output in out {
            match output {
                Output::Decision(decision) => {
                    if !self.knows_of(&decision) {
                        self.fault = Some(format!("{:?} is told, and yet: {decision:?}", self.told));
                    }
                    self.commands.push(*decision);
                }
                // After a day it may be one of an earlier command than the last two.
                Output::DeadLetter { code: Code::UnknownCommand, .. } if self.late => {}
                Output::DeadLetter { code, .. } => panic!("{code:?}"),
                _ => {}
            }
        }
        self.engine = state::encode(&engine);
    }

    /// Whether a command expects the owner that was told last. Without versions that is known of a person's alone: the
    /// writer's own changes are told by two topics, in any order.
    fn knows_of(&self, command: &Decision) -> bool {
        let persons = self.persons.as_ref() == Some(&self.told);
        !self.results_bear && !persons || command.from == self.told.0
    }

    fn is_told(&mut self, seen: Seen) {
        if seen.1 >= self.told.1 {
            self.told = seen;
        }
    }

    fn observe(&mut self, seen: Seen) {
        self.is_told(seen.clone());
        self.apply(vec![self.record(&seen)]);
    }

    fn record(&self, (owner, version): &Seen) -> Body {
        let owners = vec![("sdr".into(), owner.clone())];
        let crm_version = self.with_versions.then_some(*version);
        let change = AccountChange { owners, crm_version, ..AccountChange::default() };
        Body::Account(AccountRecord { id: "acme".into(), op: AccountOp::Change(Box::new(change)), at: None })
    }

    fn answer(&mut self) {
        let mut result = self.results.remove(0);
        let (owner, version) = (result.observed_owner.clone(), result.crm_version.expect("the CRM has versions"));
        match owner {
            _ if !self.results_bear => result.crm_version = None,
            Change::Set(owner) => self.is_told((Some(owner), version)),
            _ => self.is_told((None, version)),
        }
        self.apply(vec![Body::Result(result)]);
    }

    fn changed(&mut self, owner: Option<Text>) {
        self.version += 1;
        self.owner = owner;
        self.echoes.push((self.owner.clone(), self.version));
    }

    /// By the contract: only if the CRM's owner is the one that the command expects.
    fn write(&mut self) {
        let command = self.commands.remove(0);
        let status = match () {
            _ if command.not_after.millis() < self.now => ResultStatus::Expired,
            _ if command.from == self.owner => ResultStatus::Applied,
            _ => ResultStatus::Rejected,
        };
        if status == ResultStatus::Applied {
            self.changed(command.to.clone());
        }
        self.results.push(ResultRecord {
            command_id: command.command_id,
            status,
            observed_owner: self.owner.clone().map_or(Change::Clear, Change::Set),
            error_code: None,
            crm_version: Some(self.version),
            at: self.now,
        });
    }

    /// Everything that may happen next, each in a world of its own.
    fn next(&self) -> Vec<(String, World)> {
        let mut worlds = Vec::new();
        let mut may = |what: String, happen: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            happen(&mut world);
            worlds.push((what, world));
        };
        if !self.commands.is_empty() {
            may("the writer writes".into(), &World::write);
        }
        if !self.results.is_empty() {
            may("a result".into(), &World::answer);
        }
        if self.slow && !self.results.is_empty() {
            may("a result is lost, and a day passes".into(), &|world| {
                world.results.remove(0);
                world.a_day_passes();
            });
        }
        if self.slow {
            may("a day passes".into(), &World::a_day_passes);
        }
        let any_order = if self.with_versions { self.echoes.len() } else { 1 };
        for (place, seen) in self.echoes.iter().enumerate().take(any_order) {
            may(format!("echo {seen:?}"), &|world| {
                let seen = world.echoes.remove(place);
                world.observe(seen.clone());
                world.stale.extend((world.repeats > 0).then_some(seen));
            });
        }
        for (place, seen) in self.stale.iter().enumerate() {
            may(format!("stale {seen:?}"), &|world| {
                let seen = world.stale.remove(place);
                world.repeats -= 1;
                if world.repeats == 0 {
                    world.stale.clear();
                }
                world.observe(seen);
            });
        }
        if let Some(owner) = &self.person {
            may(format!("a person: {owner:?}"), &|world| {
                world.person = None;
                world.changed(owner.clone());
                world.persons = Some((owner.clone(), world.version));
            });
        }
        if self.returns && self.desired() == Some("jane".into()) {
            may("jane returns it".into(), &|world| {
                world.returns = false;
                world.apply(vec![given_back(world.now)]);
            });
        }
        worlds
    }

    fn crm_owner(&self) -> Option<Text> {
        self.engine().view().accounts[0].seats[0].crm_owner.clone()
    }

    fn is_pending(&self) -> bool {
        let commands = self.engine().view().commands;
        commands.iter().any(|row| row.wish.is_some() || matches!(row.stage, Stage::Issued | Stage::Applied))
    }

    fn desired(&self) -> Option<Text> {
        self.engine().view().accounts[0].seats[0].owner.clone()
    }

    fn a_day_passes(&mut self) {
        (self.slow, self.late) = (false, true);
        self.now.0 += A_DAY_MS;
        self.apply(Vec::new());
    }

    /// Time passes until nothing is on its way any more.
    fn comes_to_rest(&mut self) {
        for _ in 0..4 {
            self.now.0 += A_QUARTER_MS;
            self.apply(Vec::new());
            while !self.commands.is_empty() {
                self.write();
                self.answer();
            }
            for seen in std::mem::take(&mut self.echoes) {
                self.observe(seen);
            }
        }
    }
}

fn rep(id: &str, capacity: u32) -> Body {
    let change = RepChange {
        role: Change::Set("sdr".into()),
        book: Change::Set("sdr".into()),
        capacity: Change::Set(capacity),
        ..RepChange::default()
    };
    Body::Rep(RepRecord { id: id.into(), op: RepOp::Change(Box::new(change)), at: None })
}

fn given_back(at: Millis) -> Body {
    Body::Request(Request {
        account: vec![Candidate::CrmId("acme".into())].into(),
        role: Some("sdr".into()),
        reason: Some(ReturnReason::NotInterested),
        dedup: 7,
        ..Request::new(RequestOp::Return, "jane".into(), at)
    })
}

/// Walks through all that may happen; the way there is told if it ends badly.
fn explore(world: &World, way: &mut Vec<String>, ends: &mut usize, seen: &mut BTreeSet<(Vec<u8>, String)>) {
    let crm = (&world.owner, world.version, &world.commands, &world.results);
    assert_eq!(world.fault, None, "{way:#?}");
    let to_come = (&world.echoes, &world.stale, &world.person, &world.persons, world.returns, world.slow, &world.told);
    if !seen.insert((world.engine.clone(), format!("{crm:?} {to_come:?}"))) {
        return;
    }
    // Before the last record is in: nothing is lost if it comes when all has settled.
    if world.commands.is_empty() && world.results.is_empty() && world.echoes.is_empty() && world.person.is_none() {
        // What is known by now is right already, not only after some more commands.
        if !world.is_pending() {
            assert_eq!(world.crm_owner(), world.owner, "{way:#?}");
        }
        let mut last = world.clone();
        last.comes_to_rest();
        assert_eq!(last.desired(), last.owner, "{way:#?}");
        *ends += 1;
    }
    for (what, next) in world.next() {
        way.push(what);
        explore(&next, way, ends, seen);
        way.pop();
    }
}

fn explore_all(world: &World, at_least: usize) {
    let (mut ends, mut seen) = (0, BTreeSet::new());
    explore(world, &mut Vec::new(), &mut ends, &mut seen);
    assert!(ends > at_least, "{:?}: {ends} ends of {} worlds", world.person, seen.len());
}

#[test]
fn every_order_of_arrival_ends_with_the_owner_of_the_crm() {
    for person in [None, Some("joe"), Some("jane")] {
        explore_all(&World::new(person, true, false), 100);
    }
}

#[test]
fn so_it_does_when_commands_expire_and_results_get_lost() {
    for person in [None, Some("joe"), Some("jane")] {
        explore_all(&World::new(person, true, true), 100);
    }
}

/// A writer often can't tell at which of the CRM's versions its own change was.
#[test]
fn so_it_does_where_results_bear_no_versions() {
    for person in [None, Some("joe"), Some("jane")] {
        let world = World { results_bear: false, ..World::new(person, true, false) };
        explore_all(&world, 100);
    }
}

/// Whoever had it before may be a late echo; a third is a person.
#[test]
fn so_it_does_without_versions() {
    explore_all(&World::new(Some("joe"), false, false), 10);
    explore_all(&World::new(Some("joe"), false, true), 10);
}
