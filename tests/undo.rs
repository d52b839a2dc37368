//! Forty accounts are taken, and what took them is undone: each has the owner and the clocks that it had, to the second.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::ids::{Actor, Id128};
use bookd::domain::input::{Frontier, order_batch};
use bookd::domain::output::SeatStatus;
use bookd::domain::policy::MAX_UNDONE;
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use bookd::domain::request::{Request, RequestOp, UndoAsked};
use bookd::domain::signal::{Activity, Direction};
use bookd::domain::time::DAY;
use bookd::domain::{AlertKind, Body, Candidate, Code, Decision, DecisionKind, Gate, Input, Millis, Output};
use bookd::engine::Engine;
use bookd::engine::view::{SeatView, TenureView};
use bookd::wire::state;

const START: Millis = Millis(1_767_225_600_000);
const ACCOUNTS: usize = 40;
const POLICY: &str = r#"
[policy]
version = 1
breaker = { book_min = 100, all_min = 100 }

[policy.kinds.activity]
call_made = {}

[[policy.sources]]
name = "crm"
cadence = "60d"

[[policy.roles]]
name = "sdr"

[[policy.segments]]
name = "all"

[[policy.books]]
name = "sdr"
role = "sdr"
capacity = 40
lead = "1d"
segments = [{ name = "all" }]
caps = { per_rep_day = 100, per_book_hour = 1.0 }

[policy.books.evidence]
window = "30d"
touches = 2
kinds = ["call_made"]
"#;

struct World {
    engine: Engine,
    now: Millis,
    decisions: Vec<Decision>,
    refused: Vec<Code>,
}

impl World {
    fn opened(accounts: usize) -> World {
        let engine = Engine::new(Id128(1), 0);
        let mut world = World { engine, now: START, decisions: Vec::new(), refused: Vec::new() };
        let policy = bookd::config::parse("the test's policy", POLICY, &[]).expect("a right policy").policy;
        let owned = (0..accounts).map(owned_by_jane);
        world.apply([Body::Policy(Box::new(policy)), jane()].into_iter().chain(owned).collect());
        world.apply(vec![Body::Gate(Gate::Open)]);
        world
    }

    fn apply(&mut self, mut bodies: Vec<Body>) {
        bodies.push(Body::Frontier(Frontier::Complete { source: "crm".into(), until: self.now }));
        let mut inputs: Vec<_> = bodies.into_iter().map(|body| Input { position: None, body }).collect();
        order_batch(&mut inputs);
        let mut out = Vec::new();
        self.engine.apply(self.now, &inputs, &mut out);
        assert_eq!(self.engine.audit(), Ok(()));
        for output in out {
            match output {
                Output::Decision(decision) => self.decisions.push(*decision),
                Output::Alert(alert) => {
                    if let AlertKind::Refused { code, .. } = alert.kind {
                        self.refused.push(code);
                    }
                }
                _ => {}
            }
        }
    }

    fn days_pass(&mut self, days: u32) {
        self.now.0 += i64::from(days * DAY) * 1_000;
    }

    fn seats(&self) -> Vec<SeatView> {
        self.engine.view().accounts.into_iter().map(|account| account.seats[0].clone()).collect()
    }

    fn undo(&mut self, asked: UndoAsked) {
        let request = Request {
            undo: Some(Box::new(asked)),
            dedup: self.engine.sequence(),
            ..Request::new(RequestOp::Undo, "revops".into(), self.now)
        };
        self.apply(vec![Body::Request(request)]);
    }
}

fn jane() -> Body {
    let change = RepChange { role: Change::Set("sdr".into()), book: Change::Set("sdr".into()), ..RepChange::default() };
    Body::Rep(RepRecord { id: "jane".into(), op: RepOp::Change(Box::new(change)), at: None })
}

fn owned_by_jane(number: usize) -> Body {
    let change = AccountChange { owners: vec![("sdr".into(), Some("jane".into()))], ..AccountChange::default() };
    Body::Account(AccountRecord { id: format!("a{number}").into(), op: AccountOp::Change(Box::new(change)), at: None })
}

/// One touch, too few; each account at a time of its own.
fn called(number: usize, now: Millis) -> Body {
    Body::Activity(Activity {
        kind: "call_made".into(),
        account: vec![Candidate::CrmId(format!("a{number}").into())].into(),
        source: "crm".into(),
        actor: Some(Actor::Rep("jane".into())),
        contact: number as u32,
        direction: Direction::Outbound,
        at: Millis(now.0 - 1_000 * number as i64),
        dedup: number as u64,
        meeting_at: None,
    })
}

/// What a warning adds to a tenure is no clock of its own.
fn clocks(seats: &[SeatView]) -> Vec<(Option<TenureView>, SeatStatus)> {
    let unwarned = |tenure: &TenureView| TenureView { promised: None, warned_at: None, ..tenure.clone() };
    seats.iter().map(|seat| (seat.tenure.as_ref().map(unwarned), seat.status)).collect()
}

/// Until all were warned and taken, in one entry.
fn taken() -> (World, Vec<SeatView>) {
    let mut world = World::opened(ACCOUNTS);
    world.days_pass(3);
    world.apply((0..ACCOUNTS).map(|number| called(number, world.now)).collect());
    let before = world.seats();
    world.days_pass(27);
    world.apply(Vec::new());
    world.days_pass(2);
    world.apply(Vec::new());
    assert_eq!(world.decisions.iter().filter(|decision| decision.kind == DecisionKind::Retrieval).count(), ACCOUNTS);
    assert!(world.seats().iter().all(|seat| seat.owner.is_none() && seat.past.len() == 1));
    (world, before)
}

#[test]
fn owners_and_clocks_are_as_before() {
    let (mut world, before) = taken();
    let entry = Some(world.engine.sequence());
    world.days_pass(6);
    world.undo(UndoAsked { entry, ..UndoAsked::default() });
    let after = world.seats();
    assert_eq!(clocks(&after), clocks(&before));
    assert!(after.iter().all(|seat| seat.owner.as_deref() == Some("jane") && seat.past.is_empty()));
    assert!(after.iter().zip(&before).all(|(after, before)| after.since == before.since));
    let undone: Vec<_> = world.decisions.iter().filter(|decision| decision.kind == DecisionKind::Undo).collect();
    assert_eq!(undone.len(), ACCOUNTS);
    assert!(undone.iter().all(|decision| decision.from.is_none() && decision.to.as_deref() == Some("jane")));
    assert!(undone.iter().all(|decision| decision.sequence == 2), "after the retrieval, which was the first");
}

#[test]
fn one_command_is_undone_alone_and_by_an_engine_that_was_restored_too() {
    let (mut world, before) = taken();
    let of_a7 = world.decisions.iter().find(|decision| decision.account == "a7").expect("it was taken");
    let command = Some(of_a7.command_id);
    world.engine = state::decode(&state::encode(&world.engine)).expect("just written");
    world.undo(UndoAsked { command, ..UndoAsked::default() });
    let after = world.seats();
    assert_eq!(clocks(&after[7..8]), clocks(&before[7..8]));
    assert_eq!(after.iter().filter(|seat| seat.owner.is_some()).count(), 1);
}

#[test]
fn after_a_week_it_is_too_late() {
    let (mut world, _) = taken();
    let entry = Some(world.engine.sequence());
    world.days_pass(7);
    world.undo(UndoAsked { entry, ..UndoAsked::default() });
    assert_eq!(world.refused, [Code::TooOld]);
    assert!(world.seats().iter().all(|seat| seat.owner.is_none()));
}

/// More than one entry may put back: refused as a whole, and nothing moves.
#[test]
fn too_many_at_once_are_refused() {
    let mut world = World::opened(MAX_UNDONE + 1);
    let status = Change::Set(RepStatus::Departed);
    let change = RepChange { status, ..RepChange::default() };
    let left = RepRecord { id: "jane".into(), op: RepOp::Change(Box::new(change)), at: None };
    world.apply(vec![Body::Rep(left)]);
    assert_eq!(world.decisions.len(), MAX_UNDONE + 1);
    let entry = Some(world.engine.sequence());
    world.undo(UndoAsked { entry, ..UndoAsked::default() });
    assert_eq!((world.refused, world.decisions.len()), (vec![Code::LimitReached], MAX_UNDONE + 1));
}
