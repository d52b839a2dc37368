//! More accounts than one entry moves, warns of or shows: the rest follows in the entries that are asked for at once.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::input::Gate;
use bookd::domain::policy::{Confirm, MAX_AT_ONCE, MAX_FORGOTTEN, MAX_SHOWN, RoleMode};
use bookd::domain::rep::{RepChange, RepOp, RepRecord};
use bookd::domain::request::{Request, RequestOp};
use bookd::domain::signal::{Activity, Direction};
use bookd::domain::time::DAY;
use bookd::domain::{Body, Candidate, Policy, Secs};

use crate::compare::Pair;
use crate::generate::START_S;
use crate::generate::policy::KINDS;
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
    rep_of(policy, ACCOUNTS)
}

fn rep_of(policy: &Policy, capacity: u32) -> Body {
    let change = RepChange {
        role: Change::Set(policy.roles[0].name.clone()),
        book: Change::Set(policy.books[0].name.clone()),
        capacity: Change::Set(capacity),
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
    assert!(pair.engine.sequence() - opened >= u64::from(ACCOUNTS) / MAX_AT_ONCE as u64);
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
    assert_eq!(warned(&pair), MAX_AT_ONCE as u64);
    assert!(pair.engine.wants_next());
    // Of those whose turn has not come: one is gone, one is looked at again and stays.
    let (last, before) = (ACCOUNTS - 1, ACCOUNTS - 2);
    apply_once(&mut pair, 2 + DAY / 2, [account(last, AccountOp::Delete), held(before), Body::Gate(Gate::Closed)]);
    assert_eq!(warned(&pair), MAX_AT_ONCE as u64, "behind a closed gate nobody is warned");
    apply(&mut pair, 3 + DAY / 2, [Body::Gate(Gate::Open)]);
    assert_eq!(warned(&pair), u64::from(ACCOUNTS) - 1);
    apply(&mut pair, 3 + DAY, []);
    assert_eq!(pair.seen.get("decision retrieval"), Some(&(u64::from(ACCOUNTS) - 1)));
}

#[test]
fn of_what_is_due_the_earliest_fires_first_whatever_its_number() {
    let mut policy = everything_is_kept_for_a_day();
    policy.books[0].lead_s = DAY / 2;
    let (first, held_until) = (MAX_AT_ONCE as u32 + 20, START_S + 3 * DAY / 2);
    let mut pair = Pair::new();
    apply(&mut pair, 0, [Body::Policy(Box::new(policy.clone())), rep_of(&policy, first)]);
    apply(&mut pair, 1, accounts());
    apply(&mut pair, 2, [Body::Gate(Gate::Open)]);
    apply(&mut pair, 9, [rep(&policy)]);
    // Some are held until long after they would have been warned of: then their turn is the one they had before.
    let hold = |number| {
        Body::Request(Request {
            account: vec![Candidate::CrmId(format!("a{number}").into())].into(),
            until: Some(Secs(held_until).millis()),
            dedup: u64::from(number),
            ..Request::new(RequestOp::Hold, "revops".into(), Secs(START_S + 9).millis())
        })
    };
    apply(&mut pair, 9, (0..ACCOUNTS).step_by(7).map(hold));
    for _ in 0..ACCOUNTS as usize / MAX_AT_ONCE + 1 {
        apply_once(&mut pair, held_until - START_S, []);
    }
    assert!(!pair.engine.state().timers_left);
    assert_eq!(pair.seen.get("alert at_risk"), Some(&u64::from(ACCOUNTS)));
    apply(&mut pair, 3 * DAY, []);
    assert_eq!(pair.seen.get("decision retrieval"), Some(&u64::from(ACCOUNTS)));
}

#[test]
fn what_one_entry_does_not_forget_is_known_until_the_next_ones_do() {
    let (left, again) = (MAX_FORGOTTEN + 300, MAX_FORGOTTEN / 2 + 100);
    let ids = MAX_FORGOTTEN + left;
    let mut policy = everything_is_kept_for_a_day();
    (policy.windows.dedup_s, policy.windows.dedup_max) = (DAY, u32::MAX);
    let heard_of = |number: usize, seconds: u32| {
        Body::Activity(Activity {
            kind: KINDS[7].1.into(),
            account: Vec::new().into(),
            source: "crm".into(),
            actor: None,
            contact: 0,
            direction: Direction::Inbound,
            at: Secs(START_S + seconds).millis(),
            dedup: number as u64,
            meeting_at: None,
        })
    };
    let mut pair = Pair::new();
    let known = |pair: &Pair| pair.engine.view().remembered as usize;
    apply(&mut pair, 0, [Body::Policy(Box::new(policy))]);
    apply(&mut pair, 1, (0..ids).map(|number| heard_of(number, 1)));
    assert_eq!(known(&pair), ids);
    apply_once(&mut pair, 1 + DAY, []);
    assert_eq!(known(&pair), left);
    // Twice as many are forgotten as come; the last of them aren't, and come twice.
    apply_once(&mut pair, 1 + DAY, (ids - again..ids).map(|number| heard_of(number, 1 + DAY)));
    assert_eq!(known(&pair), again);
    assert!(left - 2 * again > 0 && left - 2 * again < again);
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
