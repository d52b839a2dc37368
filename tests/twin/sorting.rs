//! A policy that sorts otherwise: the engine's heaps are in the new order, each of them, whatever their size.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::input::Gate;
use bookd::domain::policy::SortKey;
use bookd::domain::{Body, Input, Policy, Secs};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::compare::Pair;
use crate::generate::START_S;
use crate::generate::history::crowds;
use crate::play::Entry;

/// More than a few levels of a heap.
pub const ACCOUNTS: u32 = 400;
/// So many share each value of the first key, and differ in the second alone.
const ALIKE: u32 = 40;

/// Accounts of one priority: what they are ordered by is the policy's keys.
pub fn accounts() -> impl Iterator<Item = Body> {
    so_many(ACCOUNTS)
}

pub fn so_many(accounts: u32) -> impl Iterator<Item = Body> {
    (0..accounts).map(|number| {
        let scattered = i64::from(number.wrapping_mul(2_654_435_761) >> 8);
        let fields = [("size", i64::from(number / ALIKE)), ("revenue", scattered)];
        let change = AccountChange {
            fit: Change::Set(1_000_000),
            fields: fields.map(|(name, number)| (name.into(), Some(Value::Number(number)))).into(),
            ..AccountChange::default()
        };
        let op = AccountOp::Change(Box::new(change));
        Body::Account(AccountRecord { id: format!("a{number}").into(), op, at: None })
    })
}

/// One of a crowd's, whatever it is: its first segment holds everything.
pub fn crowd_policy() -> Policy {
    let config = Config { failure_persistence: None, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let drawn = crowds().new_tree(&mut runner).expect("nothing is filtered out").current();
    drawn.policy.build(1, 1)
}

fn sorted_by(policy: &Policy, version: u32, keys: &[(&str, bool)]) -> Body {
    let mut policy = Policy { version, ..policy.clone() };
    let keys = keys.iter().map(|(field, descending)| SortKey { field: (*field).into(), descending: *descending });
    policy.roles[0].sort = keys.collect();
    Body::Policy(Box::new(policy))
}

pub fn apply(pair: &mut Pair, seconds: u32, bodies: impl IntoIterator<Item = Body>) {
    pair.apply(&entry(seconds, bodies)).expect("engine and twin agree, and the audit finds nothing");
}

/// The next entry alone.
pub fn apply_once(pair: &mut Pair, seconds: u32, bodies: impl IntoIterator<Item = Body>) {
    pair.apply_once(&entry(seconds, bodies)).expect("engine and twin agree, and the audit finds nothing");
}

fn entry(seconds: u32, bodies: impl IntoIterator<Item = Body>) -> Entry {
    let inputs = bodies.into_iter().map(|body| Input { position: None, body }).collect();
    Entry { now: Secs(START_S + seconds).millis(), inputs }
}

#[test]
fn a_policy_that_sorts_otherwise_leaves_no_heap_in_the_old_order() {
    let policy = crowd_policy();
    let mut pair = Pair::new();
    apply(&mut pair, 0, [sorted_by(&policy, 1, &[("size", true), ("revenue", true)])]);
    apply(&mut pair, 1, accounts());
    // Nobody is there to take them: they stay in the pool.
    apply(&mut pair, 2, [Body::Gate(Gate::Open)]);
    let others: [&[(&str, bool)]; 5] = [
        &[("size", true), ("revenue", false)],
        &[("size", false), ("revenue", true)],
        &[("revenue", false)],
        &[],
        &[("revenue", true), ("size", false)],
    ];
    for (version, keys) in (2..).zip(others) {
        apply(&mut pair, 1 + version, [sorted_by(&policy, version, keys)]);
    }
}
