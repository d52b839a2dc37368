//! What seldom happens by chance: a few things that belong together, in one step.

use bookd::domain::DecisionKind;
use bookd::domain::request::{RequestOp, ReturnReason};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample;

use super::history::{Name, OWNED_ROLE, Op, OpportunityWhat, RepWhat, RequestWhat, UndoWhat, When, Who};
use super::requests::undo_of;

pub(super) fn episodes() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![leaving_the_other_role(), coming_back(), undoing(), giving_up()]
}

/// Somebody leaves, and who owns an account of theirs in another role holds it for them.
fn leaving_the_other_role() -> impl Strategy<Value = Vec<Op>> {
    (any::<u8>(), 0u8..4).prop_map(|(pick, id)| {
        let open = OpportunityWhat::Change { account: Name::Shared(pick), open: Some(Some(1)) };
        let leave = RepWhat::LeaveTheOtherRole(pick);
        vec![Op::Opportunity { id, what: open }, Op::Rep { who: 0, what: leave }]
    })
}

/// Somebody who left is back, and wants what they had.
fn coming_back() -> impl Strategy<Value = Vec<Op>> {
    (0u8..3, 0u8..3).prop_map(|(who, departure)| {
        let undo = undo_of(UndoWhat::Of(DecisionKind::Departure, departure), Name::Nothing, None);
        vec![Op::Rep { who: 0, what: RepWhat::ComeBack(who) }, Op::Request(undo)]
    })
}

/// One of the latest decisions of a kind is undone, and nothing else happens.
fn undoing() -> impl Strategy<Value = Vec<Op>> {
    (sample::select(DecisionKind::ALL.to_vec()), 0u8..2)
        .prop_map(|(kind, pick)| vec![Op::Request(undo_of(UndoWhat::Of(kind, pick), Name::Nothing, None))])
}

/// Owners give up a few accounts, all for the same reason; or RevOps takes them out, twice.
fn giving_up() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![3 => Just(RequestOp::Return), 1 => Just(RequestOp::Retire)];
    (op, vec(any::<u8>(), 2..4)).prop_map(|(op, accounts)| {
        let asked = |pick| RequestWhat {
            op,
            account: if op == RequestOp::Return { Name::Owned(pick) } else { Name::Out(0) },
            role: Some(OWNED_ROLE),
            rep: None,
            by: Who::Owner,
            reason: Some(ReturnReason::Duplicate),
            until: None,
            at: When::Ago(0),
            undo: UndoWhat::Nothing,
            repeats: None,
        };
        accounts.into_iter().map(|pick| Op::Request(asked(pick))).collect()
    })
}
