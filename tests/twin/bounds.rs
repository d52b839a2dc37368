//! More accounts than one entry moves: the rest goes in the entries that are asked for at once.

use bookd::domain::account::Change;
use bookd::domain::input::Gate;
use bookd::domain::policy::{Confirm, MAX_MOVED, RoleMode};
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::time::DAY;
use bookd::domain::{Body, Policy};

use crate::compare::Pair;
use crate::sorting::{ACCOUNTS, accounts, apply, crowd_policy};

fn everything_is_kept_for_a_day() -> Policy {
    let mut policy = crowd_policy();
    // It would take all of them for a broken feed.
    (policy.breaker.all_min, policy.breaker.book_min) = (u32::MAX, u32::MAX);
    let role = &mut policy.roles[0];
    (role.confirm, role.mode, role.approve_above) = (Confirm::Assume, RoleMode::Live, None);
    let book = &mut policy.books[0];
    (book.grace_s, book.lead_s, book.rest_s) = (DAY, 0, DAY);
    (book.caps.per_rep_day, book.caps.per_book_hour_ppm) = (u32::MAX, u32::MAX);
    policy
}

fn rep(policy: &Policy) -> Body {
    let change = RepChange {
        role: Change::Set(policy.roles[0].name.clone()),
        book: Change::Set(policy.books[0].name.clone()),
        capacity: Change::Set(ACCOUNTS),
        ..RepChange::default()
    };
    Body::Rep(RepRecord { id: "r".into(), op: RepOp::Change(Box::new(change)), at: None })
}

#[test]
fn what_one_entry_does_not_move_the_next_ones_do() {
    let policy = everything_is_kept_for_a_day();
    let mut pair = Pair::new();
    apply(&mut pair, 0, [Body::Policy(Box::new(policy.clone())), rep(&policy)]);
    apply(&mut pair, 1, accounts());
    apply(&mut pair, 2, [Body::Gate(Gate::Open)]);
    let opened = pair.engine.sequence();
    assert_eq!(pair.seen.get("decision distribution"), Some(&u64::from(ACCOUNTS)));
    apply(&mut pair, 2 + DAY, []);
    assert_eq!(pair.seen.get("decision retrieval"), Some(&u64::from(ACCOUNTS)));
    assert!(pair.engine.sequence() - opened >= u64::from(ACCOUNTS) / MAX_MOVED as u64);
}
