//! What seldom happens by chance: a few things that belong together, in one step.

use bookd::domain::DecisionKind;
use bookd::domain::request::{RequestOp, ReturnReason};
use proptest::prelude::*;
use proptest::sample;

use super::answers::ResultWhat;
use super::history::{Name, OWNED_ROLE, Op, OpportunityWhat, RepWhat, RequestWhat, UndoWhat, Who};
use super::requests::{about_no_account, given_back, undo_of};

pub(super) fn episodes() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![leaving_the_other_role(), coming_back(), undoing(), retiring(), returns(), refusing()]
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

/// RevOps takes an account out of circulation, and again.
fn retiring() -> impl Strategy<Value = Vec<Op>> {
    Just(vec![
        Op::Request(RequestWhat {
            account: Name::Out(0),
            role: Some(OWNED_ROLE),
            by: Who::Owner,
            ..about_no_account(RequestOp::Retire)
        });
        2
    ])
}

/// The CRM takes nothing: of the commands that are out some are refused, one after the other.
fn refusing() -> impl Strategy<Value = Vec<Op>> {
    (any::<u8>(), 3u8..9, 1u8..3).prop_map(|(first, count, status)| {
        let refused = |place: u8| ResultWhat {
            command: Some(first.wrapping_add(place)),
            open: true,
            previous: false,
            status,
            observed: None,
            version: None,
        };
        (0..count).map(|place| Op::Result(refused(place))).collect()
    })
}

/// Several accounts in a row are given back for one reason: quotas are met.
fn returns() -> impl Strategy<Value = Vec<Op>> {
    let reason = sample::select(ReturnReason::ALL.to_vec());
    (any::<u8>(), 2u8..6, reason).prop_map(|(first, count, reason)| {
        let account = |back: u8| Name::Owned(first.wrapping_add(back));
        (0..count).map(|back| Op::Request(given_back(account(back), reason))).collect()
    })
}
