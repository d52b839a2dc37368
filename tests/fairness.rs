//! The bound of fairness (C4), over random histories of one target book with shuffled names.
//!
//! Two reps of equal capacity and weight: (i) a placement never leaves its receiver more than slack + 1 accounts
//! above the other, if the account could have gone to either; (ii) over any interval in which, whenever one is
//! served, both stand among the emptiest, each tier differs by at most 2·weight − 1.

#[allow(dead_code, reason = "only what decides is asked of the twin here")]
#[path = "twin/naive/mod.rs"]
mod naive;

use std::collections::BTreeMap;

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::filter::Filter;
use bookd::domain::ids::Id128;
use bookd::domain::input::{Gate, order_batch};
use bookd::domain::output::{Placement, Verdict, Why};
use bookd::domain::policy::{
    Book, BookSegment, Breaker, Confirm, CoolOff, Evidence, Fit, Handling, RetrievalCaps, ReturnRule, Role, RoleMode,
    Scoring, Segment, Windows,
};
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use bookd::domain::request::{Request, RequestOp, ReturnReason};
use bookd::domain::time::{DAY, EPOCH_MS, Zone};
use bookd::domain::{Body, Candidate, Input, Millis, Output, Policy, Position, Text, Topic};
use bookd::engine::Engine;
use proptest::collection::{hash_set, vec};
use proptest::prelude::*;

const TIERS: usize = 4;

#[derive(Clone, Debug)]
struct World {
    slack: u32,
    /// Names in random order, each with its place among the kinds of reps.
    reps: Vec<(String, usize)>,
    /// Capacity and weight of each kind of rep.
    kinds: Vec<(u32, u32)>,
    entries: Vec<Vec<Event>>,
}

#[derive(Clone, Debug)]
enum Event {
    /// An account of a tier.
    Account(u8),
    /// The n-th of those owned is given back, and in the pool at once.
    Return(u8),
    /// The n-th rep goes, or comes back.
    Away(u8),
    Back(u8),
}

fn worlds() -> impl Strategy<Value = World> {
    let names = hash_set("[a-z]{1,6}", 2..7).prop_map(Vec::from_iter).prop_shuffle();
    let reps = (names, vec(prop_oneof![4 => Just(0usize), 1 => Just(1usize)], 7));
    let event = prop_oneof![
        8 => (0u8..4).prop_map(Event::Account),
        4 => any::<u8>().prop_map(Event::Return),
        1 => (0u8..7).prop_map(Event::Away),
        2 => (0u8..7).prop_map(Event::Back),
    ];
    let parts = (0u32..4, reps, vec((2u32..25, 1u32..4), 2), vec(vec(event, 1..6), 1..60));
    parts.prop_map(|(slack, (names, of_kind), kinds, entries)| World {
        slack,
        reps: names.into_iter().zip(of_kind).collect(),
        kinds,
        entries,
    })
}

impl World {
    fn policy(&self) -> Policy {
        Policy {
            version: 1,
            text: "fairness".into(),
            roles: vec![Role {
                name: "sdr".into(),
                exclude: Filter::Never,
                exclude_open_opportunities: false,
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
                weight: [1.0; 4],
                cap: [30.0; 4],
                half_timing_points: 30.0,
                fit_share: 1.0,
                tiers: [25_000_000, 50_000_000, 75_000_000],
            },
            kinds: Vec::new(),
            fit: Fit::Given { otherwise: 0 },
            segments: vec![Segment { name: "all".into(), filter: Filter::Always, threshold: 0 }],
            books: vec![self.book()],
            sources: Vec::new(),
            windows: Windows::default(),
            breaker: Breaker::default(),
        }
    }

    fn book(&self) -> Book {
        Book {
            name: "book".into(),
            role: 0,
            capacity: 1,
            segments: vec![BookSegment { segment: 0, cap: None }],
            fill_idle: None,
            fill_slack: self.slack,
            zone: Zone::utc(),
            evidence: Evidence { window_s: DAY, touches: 1, days: 0, contacts: 0, replies: 0, kinds: Vec::new() },
            grace_s: 400 * DAY,
            lead_s: DAY,
            caps: RetrievalCaps { per_rep_day: 5, per_book_hour_ppm: 20_000 },
            sources: Vec::new(),
            rest_s: 0,
            cool_off: CoolOff { owners: 0, period_s: 0 },
            returns: vec![Some(ReturnRule { handling: Handling::Rest(0), min_touches: 0, quota: None })],
        }
    }

    fn rep(&self, number: u8, status: RepStatus) -> Body {
        let (name, kind) = &self.reps[usize::from(number) % self.reps.len()];
        let (capacity, weight) = self.kinds[*kind];
        Body::Rep(RepRecord {
            id: name.as_str().into(),
            op: RepOp::Change(Box::new(RepChange {
                role: Change::Set("sdr".into()),
                book: Change::Set("book".into()),
                status: Change::Set(status),
                capacity: Change::Set(capacity),
                weight: Change::Set(weight),
                ..RepChange::default()
            })),
            at: None,
        })
    }
}

fn account(number: usize, tier: u8) -> Body {
    let fit = [100_000, 300_000, 600_000, 900_000][usize::from(tier)];
    let change = AccountChange { fit: Change::Set(fit), ..AccountChange::default() };
    Body::Account(AccountRecord { id: name_of(number), op: AccountOp::Change(Box::new(change)), at: None })
}

fn name_of(account: usize) -> Text {
    format!("account{account}").into()
}

fn give_back(account: Text, owner: Text, now: Millis, dedup: u64) -> Body {
    Body::Request(Request {
        account: vec![Candidate::CrmId(account)].into(),
        reason: Some(ReturnReason::Duplicate),
        dedup,
        ..Request::new(RequestOp::Return, owner, now)
    })
}

/// By tier: how far one rep is ahead of another, and the least and most of it since the interval began.
type Ahead = [(i64, i64, i64); TIERS];

/// The engine or the twin, as something that applies an entry.
type Apply<'a> = dyn FnMut(Millis, &[Input], &mut Vec<Output>) + 'a;

/// What the bound speaks of, counted from the decisions alone.
#[derive(Default)]
struct Ledger {
    owners: BTreeMap<Text, Text>,
    placements: usize,
    /// By pair, the first against the second.
    ahead: BTreeMap<(Text, Text), Ahead>,
}

impl Ledger {
    fn enter(&mut self, output: &Output, world: &World, at_work: &[bool]) -> Result<(), String> {
        let Output::Decision(decision) = output else { return Ok(()) };
        if let Why::Placed(placement) = &decision.why {
            self.placed(placement, world, at_work)?;
            self.placements += 1;
        }
        match &decision.to {
            Some(owner) => self.owners.insert(decision.account.clone(), owner.clone()),
            None => self.owners.remove(&decision.account),
        };
        Ok(())
    }

    fn size(&self, rep: &str) -> u32 {
        self.owners.values().filter(|owner| &***owner == rep).count() as u32
    }

    fn placed(&mut self, placement: &Placement, world: &World, at_work: &[bool]) -> Result<(), String> {
        let chosen = &placement.candidates[0].rep;
        let among_emptiest = |rep: &str| {
            let considered = placement.candidates.iter().find(|each| &*each.rep == rep);
            considered.is_some_and(|each| matches!(each.verdict, Verdict::Chosen | Verdict::LaterTurn))
        };
        let equals = |kind: usize| world.reps.iter().zip(at_work).filter(move |((_, other), _)| *other == kind);
        let kind = world.reps.iter().find(|(name, _)| **name == **chosen).expect("a rep of this world").1;
        let (capacity, weight) = world.kinds[kind];
        for ((name, _), at_work) in equals(kind).filter(|((name, _), _)| **name != **chosen) {
            let could = *at_work && self.size(name) < capacity;
            if could && self.size(chosen) + 1 > self.size(name) + world.slack + 1 {
                return Err(format!("{chosen} with {} got one, {name} has {}", self.size(chosen), self.size(name)));
            }
            let both = among_emptiest(chosen) && among_emptiest(name);
            self.turn(chosen, name, usize::from(placement.tier), both, weight)?;
        }
        Ok(())
    }

    fn turn(&mut self, chosen: &str, other: &str, tier: usize, both: bool, weight: u32) -> Result<(), String> {
        let (pair, by) = if chosen < other { ((chosen, other), 1) } else { ((other, chosen), -1) };
        let pair = (pair.0.into(), pair.1.into());
        let tiers = self.ahead.entry(pair).or_default();
        if !both {
            // Only one of them stood among the emptiest: another interval begins.
            *tiers = Default::default();
            return Ok(());
        }
        let (ahead, least, most) = &mut tiers[tier];
        *ahead += by;
        (*least, *most) = ((*least).min(*ahead), (*most).max(*ahead));
        if *most - *least > 2 * i64::from(weight) - 1 {
            return Err(format!("{chosen} and {other}, weight {weight}, drift by {} in tier {tier}", *most - *least));
        }
        Ok(())
    }
}

/// Plays a world and holds every placement against the bound; says how many there were.
fn hold(world: &World, apply: &mut Apply<'_>) -> Result<usize, String> {
    let mut ledger = Ledger::default();
    let mut at_work = vec![true; world.reps.len()];
    let (mut accounts, mut offset) = (0, 0);
    let reps = (0..world.reps.len() as u8).map(|rep| world.rep(rep, RepStatus::Active));
    let mut beginning = vec![Body::Policy(Box::new(world.policy()))];
    beginning.extend(reps);
    beginning.push(Body::Gate(Gate::Open));
    let mut entries = vec![beginning];
    for (minute, events) in (1..).zip(std::iter::once(&Vec::new()).chain(&world.entries)) {
        let now = Millis(EPOCH_MS + minute * 60_000);
        let mut bodies = entries.pop().unwrap_or_default();
        for event in events {
            offset += 1;
            match event {
                Event::Account(tier) => {
                    bodies.push(account(accounts, *tier));
                    accounts += 1;
                }
                Event::Return(nth) => {
                    let owned = ledger.owners.iter().nth(usize::from(*nth) % ledger.owners.len().max(1));
                    let asked = owned.map(|(account, owner)| give_back(account.clone(), owner.clone(), now, offset));
                    bodies.extend(asked);
                }
                Event::Away(rep) => {
                    at_work[usize::from(*rep) % world.reps.len()] = false;
                    bodies.push(world.rep(*rep, RepStatus::Inactive));
                }
                Event::Back(rep) => {
                    at_work[usize::from(*rep) % world.reps.len()] = true;
                    bodies.push(world.rep(*rep, RepStatus::Active));
                }
            }
        }
        let mut out = Vec::new();
        apply(now, &inputs(bodies), &mut out);
        out.iter().try_for_each(|output| ledger.enter(output, world, &at_work))?;
    }
    Ok(ledger.placements)
}

/// Bodies as a batch: positions keep the order in which they were made.
fn inputs(bodies: Vec<Body>) -> Vec<Input> {
    let at = |offset| Some(Position { topic: Topic::Accounts, partition: 0, offset });
    let mut inputs: Vec<Input> =
        bodies.into_iter().zip(0..).map(|(body, offset)| Input { position: at(offset), body }).collect();
    order_batch(&mut inputs);
    inputs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_is_fair(world in worlds()) {
        let mut engine = Engine::new(Id128(1), 0);
        let held = hold(&world, &mut |now, inputs, out| { engine.apply(now, inputs, out); });
        prop_assert!(held.is_ok(), "{held:?}");
    }

    #[test]
    fn the_twin_is_fair(world in worlds()) {
        let mut twin = naive::Twin::new(Id128(1), 0);
        let held = hold(&world, &mut |now, inputs, out| twin.apply(now, inputs, out));
        prop_assert!(held.is_ok(), "{held:?}");
    }
}

/// A bound over nothing holds always: the worlds drawn above do place accounts, by the dozen.
#[test]
fn worlds_place_accounts() {
    let world = World {
        slack: 1,
        reps: ["x", "a", "m"].map(|name| (name.into(), 0)).into(),
        kinds: vec![(20, 1)],
        entries: (0..50)
            .map(|n| vec![Event::Account(n % 4), Event::Return(n), Event::Away(n), Event::Back(n)])
            .collect(),
    };
    let mut engine = Engine::new(Id128(1), 0);
    let placed = hold(&world, &mut |now, inputs, out| {
        engine.apply(now, inputs, out);
    });
    assert!(matches!(placed, Ok(61..)), "{placed:?}");
}
