//! Whatever the order in which results, echoes and a person's change arrive, the owner that bookd holds for right is
//! the CRM's in the end: every order there is, for one account, two commands and one change by hand.
//!
//! Results keep their order (one topic, one key); the CRM's records arrive in any, and one of them once more at any later time.
//! All of them bear versions: without them some orders can't be told apart, as `docs/rules.md` says.

use std::collections::BTreeSet;

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::ids::Id128;
use bookd::domain::input::order_batch;
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::request::{Request, RequestOp, ReturnReason};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::{Body, Candidate, Decision, Gate, Input, Millis, Output, Policy, Text};
use bookd::engine::Engine;
use bookd::engine::state::Stage;
use bookd::wire::state;

const START: Millis = Millis(1_767_225_600_000);
const A_QUARTER_MS: i64 = 16 * 60_000;
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
    echoes: Vec<(Option<Text>, u64)>,
    /// One of those may come once more.
    stale: Vec<(Option<Text>, u64)>,
    repeats: bool,
    /// Whom a person will make the owner.
    person: Option<Option<Text>>,
    returns: bool,
}

impl World {
    fn new(person: Option<&str>) -> World {
        let engine = state::encode(&Engine::new(Id128(1), 0));
        let mut world = World {
            engine,
            now: START,
            owner: None,
            version: 1,
            commands: Vec::new(),
            results: Vec::new(),
            echoes: Vec::new(),
            stale: vec![(None, 1)],
            repeats: true,
            person: Some(person.map(Into::into)),
            returns: true,
        };
        let first = [Body::Policy(Box::new(policy())), rep("jane", 1), rep("joe", 0), echo(&(None, 1))];
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
                Output::Decision(decision) => self.commands.push(*decision),
                Output::DeadLetter { code, .. } => panic!("{code:?}"),
                _ => {}
            }
        }
        self.engine = state::encode(&engine);
    }

    fn changed(&mut self, owner: Option<Text>) {
        self.version += 1;
        self.owner = owner;
        self.echoes.push((self.owner.clone(), self.version));
    }

    /// By the contract: only if the CRM's owner is the one that the command expects.
    fn write(&mut self) {
        let command = self.commands.remove(0);
        let status = if command.from == self.owner { ResultStatus::Applied } else { ResultStatus::Rejected };
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
            may("a result".into(), &|world| {
                let result = world.results.remove(0);
                world.apply(vec![Body::Result(result)]);
            });
        }
        for (place, seen) in self.echoes.iter().enumerate() {
            may(format!("echo {seen:?}"), &|world| {
                let seen = world.echoes.remove(place);
                world.apply(vec![echo(&seen)]);
                world.stale.extend(world.repeats.then_some(seen));
            });
        }
        for (place, seen) in self.stale.iter().enumerate() {
            may(format!("stale {seen:?}"), &|world| {
                let seen = world.stale.remove(place);
                world.stale.clear();
                world.repeats = false;
                world.apply(vec![echo(&seen)]);
            });
        }
        if let Some(owner) = &self.person {
            may(format!("a person: {owner:?}"), &|world| {
                world.person = None;
                world.changed(owner.clone());
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

    /// Time passes until nothing is on its way any more.
    fn comes_to_rest(&mut self) {
        for _ in 0..4 {
            self.now.0 += A_QUARTER_MS;
            self.apply(Vec::new());
            while !self.commands.is_empty() {
                self.write();
                let result = self.results.remove(0);
                self.apply(vec![Body::Result(result)]);
            }
            for seen in std::mem::take(&mut self.echoes) {
                self.apply(vec![echo(&seen)]);
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

fn echo((owner, version): &(Option<Text>, u64)) -> Body {
    let owners = vec![("sdr".into(), owner.clone())];
    let change = AccountChange { owners, crm_version: Some(*version), ..AccountChange::default() };
    Body::Account(AccountRecord { id: "acme".into(), op: AccountOp::Change(Box::new(change)), at: None })
}

fn given_back(at: Millis) -> Body {
    Body::Request(Request {
        op: RequestOp::Return,
        account: vec![Candidate::CrmId("acme".into())].into(),
        role: Some("sdr".into()),
        rep: None,
        reason: Some(ReturnReason::NotInterested),
        until: None,
        per_hour: None,
        wave: None,
        by: "jane".into(),
        at,
        dedup: 7,
    })
}

/// Walks through all that may happen; the way there is told if it ends badly.
fn explore(world: &World, way: &mut Vec<String>, ends: &mut usize, seen: &mut BTreeSet<String>) {
    let state = format!("{:?}", (&world.engine, &world.owner, world.version, &world.commands, &world.results));
    if !seen.insert(format!("{state} {:?}", (&world.echoes, &world.stale, &world.person, world.returns))) {
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

#[test]
fn every_order_of_arrival_ends_with_the_owner_of_the_crm() {
    for person in [None, Some("joe"), Some("jane")] {
        let (mut ends, mut seen) = (0, BTreeSet::new());
        explore(&World::new(person), &mut Vec::new(), &mut ends, &mut seen);
        assert!(ends > 100, "{person:?}: {ends} ends of {} worlds", seen.len());
    }
}
