//! Random requests: what people ask for, mostly about seats that somebody owns.

use bookd::domain::DecisionKind;
use bookd::domain::request::{RequestOp, ReturnReason};
use proptest::option;
use proptest::prelude::*;
use proptest::sample;

use super::history::{Name, OWNED_ROLE, RequestWhat, UndoWhat, When, Who, names, repeats, whens, whos};

pub(super) fn requests() -> impl Strategy<Value = RequestWhat> {
    prop_oneof![12 => seat_requests(), 2 => proceeds(), 3 => undos()]
}

/// `proceed`, for a rep, for a role, or for all.
fn proceeds() -> impl Strategy<Value = RequestWhat> {
    let asked = prop_oneof![
        (0u8..6).prop_map(|rep| (Some(Who::Rep(rep)), None)),
        (0u8..2).prop_map(|role| (None, Some(role))),
        Just((None, None)),
    ];
    asked.prop_map(|(rep, role)| RequestWhat {
        op: RequestOp::Proceed,
        account: Name::Nothing,
        role,
        rep,
        by: Who::Nobody,
        reason: None,
        until: None,
        at: When::Ago(0),
        undo: UndoWhat::Nothing,
        repeats: None,
    })
}

fn undos() -> impl Strategy<Value = RequestWhat> {
    let undo = prop_oneof![
        1 => Just(UndoWhat::Nothing),
        4 => (0u8..12).prop_map(UndoWhat::Command),
        3 => (0u8..24).prop_map(UndoWhat::Entry),
        4 => (sample::select(DecisionKind::ALL.to_vec()), 0u8..4).prop_map(|(kind, pick)| UndoWhat::Of(kind, pick)),
        6 => (0u8..24).prop_map(UndoWhat::Decision),
        3 => (0u8..12).prop_map(UndoWhat::Since),
        3 => (0u8..2).prop_map(|pick| UndoWhat::Of(DecisionKind::Undo, pick)),
        1 => Just(UndoWhat::Both),
    ];
    let account = prop_oneof![9 => Just(Name::Nothing), 1 => names()];
    let role = prop_oneof![4 => Just(None), 3 => Just(Some(0u8)), 1 => Just(Some(1u8)), 1 => Just(Some(2u8))];
    (undo, account, role).prop_map(|(undo, account, role)| undo_of(undo, account, role))
}

pub(super) fn undo_of(undo: UndoWhat, account: Name, role: Option<u8>) -> RequestWhat {
    RequestWhat {
        op: RequestOp::Undo,
        account,
        role,
        rep: None,
        by: Who::Nobody,
        reason: None,
        until: None,
        at: When::Ago(0),
        undo,
        repeats: None,
    }
}

fn seat_requests() -> impl Strategy<Value = RequestWhat> {
    let op = prop_oneof![
        6 => Just(RequestOp::Return),
        3 => Just(RequestOp::ReviewDone),
        1 => Just(RequestOp::Retire),
        3 => Just(RequestOp::Hold),
        2 => Just(RequestOp::Release),
        1 => proptest::sample::select(RequestOp::ALL.to_vec()),
    ];
    let account = prop_oneof![6 => any::<u8>().prop_map(Name::Owned), 1 => any::<u8>().prop_map(Name::Shared), 2 => any::<u8>().prop_map(Name::Out), 1 => names()];
    // Few reasons, so that quotas are met; all of them, so that each is.
    let few = proptest::sample::select(ReturnReason::ALL[..2].to_vec());
    let all = proptest::sample::select(ReturnReason::ALL.to_vec());
    let reason = option::weighted(0.9, prop_oneof![few, all]);
    let until = option::weighted(0.8, prop_oneof![4 => (2u8..10).prop_map(When::Ahead), 1 => whens()]);
    let at = prop_oneof![9 => Just(When::Ago(0)), 1 => whens()];
    let parts = (
        op,
        account,
        prop_oneof![6 => Just(Some(OWNED_ROLE)), 2 => Just(None), 2 => (0u8..2).prop_map(Some), 1 => Just(Some(2u8))],
        option::weighted(0.3, whos()),
        prop_oneof![6 => Just(Who::Owner), 1 => whos()],
        reason,
        until,
        at,
        repeats(),
    );
    parts.prop_map(|(op, account, role, rep, by, reason, until, at, repeats)| RequestWhat {
        op,
        account,
        role,
        rep,
        by,
        reason,
        until,
        at,
        undo: UndoWhat::Nothing,
        repeats,
    })
}
