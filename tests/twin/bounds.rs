//! More accounts than one entry moves, warns of or shows: the rest follows in the entries that are asked for at once.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::input::Gate;
use bookd::domain::policy::{Confirm, MAX_MOVED, MAX_SHOWN, MAX_WARNED, RoleMode};
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::request::{Request, RequestOp};
use bookd::domain::time::DAY;
use bookd::domain::{Body, Policy, Secs};

use crate::compare::Pair;
use crate::generate::START_S;
use crate::sorting::{ACCOUNTS, accounts, apply, apply_once, crowd_policy, so_many};

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

fn account(number: u32, op: AccountOp) -> Body {
    Body::Account(AccountRecord { id: format!("a{number}").into(), op, at: None })
}

fn held(number: u32) -> Body {
    let change = AccountChange { fields: vec![("size".into(), None)], ..AccountChange::default() };
    account(number, AccountOp::Change(Box::new(change)))
}

#[test]
fn who_is_not_warned_in_one_entry_is_in_the_next_ones() {
    let mut policy = everything_is_kept_for_a_day();
    policy.books[0].lead_s = DAY / 2;
    let mut pair = Pair::new();
    apply(&mut pair, 0, [Body::Policy(Box::new(policy.clone())), rep(&policy)]);
    apply(&mut pair, 1, accounts());
    apply(&mut pair, 2, [Body::Gate(Gate::Open)]);
    let warned = |pair: &Pair| pair.seen.get("alert at_risk").copied().unwrap_or(0);
    apply_once(&mut pair, 2 + DAY / 2, []);
    assert_eq!(warned(&pair), MAX_WARNED as u64);
    assert!(pair.engine.wants_next());
    // Of those whose turn has not come: one is gone, one is looked at again and stays.
    let (last, before) = (ACCOUNTS - 1, ACCOUNTS - 2);
    apply_once(&mut pair, 2 + DAY / 2, [account(last, AccountOp::Delete), held(before), Body::Gate(Gate::Closed)]);
    assert_eq!(warned(&pair), MAX_WARNED as u64, "behind a closed gate nobody is warned");
    apply(&mut pair, 3 + DAY / 2, [Body::Gate(Gate::Open)]);
    assert_eq!(warned(&pair), u64::from(ACCOUNTS) - 1);
    apply(&mut pair, 3 + DAY, []);
    assert_eq!(pair.seen.get("decision retrieval"), Some(&(u64::from(ACCOUNTS) - 1)));
}

#[test]
fn what_one_entry_does_not_show_the_next_ones_do() {
    let all = MAX_SHOWN + 100;
    let policy = everything_is_kept_for_a_day();
    let mut pair = Pair::new();
    let rows = |pair: &Pair| pair.seen.get("row").copied().unwrap_or(0);
    apply(&mut pair, 0, [Body::Policy(Box::new(policy.clone()))]);
    apply(&mut pair, 1, so_many(all));
    apply_once(&mut pair, 2, [Body::Gate(Gate::Open)]);
    assert_eq!(rows(&pair), u64::from(MAX_SHOWN));
    // The last ones are looked at in the second entry: one that is gone has no row, one that changes has its own.
    apply_once(&mut pair, 2, [account(all - 1, AccountOp::Delete), held(all - 2)]);
    assert_eq!(rows(&pair), u64::from(all) - 1);
    assert!(!pair.engine.wants_next());
    let again = Policy { version: policy.version + 1, ..policy };
    apply_once(&mut pair, 3, [Body::Policy(Box::new(again))]);
    assert!(pair.engine.wants_next(), "under another policy all are looked at");
    apply(&mut pair, 3, []);
    assert_eq!(rows(&pair), u64::from(all) - 1, "and none says anything else");
}

#[test]
fn an_account_that_is_gone_leaves_before_its_id_comes_back() {
    let all = MAX_SHOWN + 1;
    let mut policy = everything_is_kept_for_a_day();
    policy.roles[0].mode = RoleMode::Shadow;
    let mut pair = Pair::new();
    apply(&mut pair, 0, [Body::Policy(Box::new(policy.clone()))]);
    apply(&mut pair, 1, so_many(all));
    apply(&mut pair, 2, [Body::Gate(Gate::Open)]);
    let goes_live = Request {
        role: Some(policy.roles[0].name.clone()),
        ..Request::new(RequestOp::GoLive, "revops".into(), Secs(START_S + 3).millis())
    };
    // Of all numbers its is looked at last, and then another account has its id.
    apply_once(&mut pair, 3, [account(all - 1, AccountOp::Delete), Body::Request(goes_live)]);
    assert!(pair.engine.wants_next());
    assert_eq!(pair.seen.get("tombstone"), Some(&1));
    apply(&mut pair, 3, [held(all - 1)]);
    assert_eq!(pair.seen.get("tombstone"), Some(&1));
}
