//! Random requests: what people ask for, mostly about seats that somebody owns.

use bookd::domain::DecisionKind;
use bookd::domain::request::{RequestOp, ReturnReason};
use proptest::option;
use proptest::prelude::*;
use proptest::sample;

use super::history::{Name, OWNED_ROLE, RequestWhat, UndoWhat, When, Who, names, repeats, whens, whos};

pub(super) fn requests() -> impl Strategy<Value = RequestWhat> {
    prop_oneof![16 => seat_requests(), 4 => proceeds(), 4 => controls(), 3 => undos()]
}

/// What holds decisions back, or lets them go on: more often the latter, or nothing would happen any more.
fn controls() -> impl Strategy<Value = RequestWhat> {
    prop_oneof![3 => pauses(), 2 => rates(), 1 => go_lives()]
}

fn pauses() -> impl Strategy<Value = RequestWhat> {
    let op = prop_oneof![1 => Just(RequestOp::Pause), 2 => Just(RequestOp::Resume)];
    let role = prop_oneof![1 => Just(None), 3 => (0u8..2).prop_map(Some)];
    (op, role).prop_map(|(op, role)| RequestWhat { role, ..about_no_account(op) })
}

fn rates() -> impl Strategy<Value = RequestWhat> {
    let role = prop_oneof![9 => Just(None), 1 => Just(Some(0u8))];
    let per_hour = prop_oneof![2 => Just(None), 3 => (1u8..6).prop_map(Some)];
    (role, per_hour).prop_map(|(role, per_hour)| RequestWhat { role, per_hour, ..about_no_account(RequestOp::Rate) })
}

pub(super) fn go_lives() -> impl Strategy<Value = RequestWhat> {
    (0u8..2).prop_map(|role| RequestWhat { role: Some(role), ..about_no_account(RequestOp::GoLive) })
}

/// Of the wave that waits, where there is one.
pub(super) fn approvals() -> impl Strategy<Value = RequestWhat> {
    let wave = prop_oneof![1 => Just(None), 4 => Just(Some(true)), 1 => Just(Some(false))];
    let of_role = |(role, wave)| RequestWhat { role: Some(role), wave, ..about_no_account(RequestOp::Approve) };
    (0u8..2, wave).prop_map(of_role)
}

/// `proceed`, for a rep, for a role, or for all.
fn proceeds() -> impl Strategy<Value = RequestWhat> {
    let asked = prop_oneof![
        (0u8..6).prop_map(|rep| (Some(Who::Rep(rep)), None)),
        (0u8..2).prop_map(|role| (None, Some(role))),
        Just((None, None)),
    ];
    asked.prop_map(|(rep, role)| RequestWhat { role, rep, ..about_no_account(RequestOp::Proceed) })
}

/// By whoever owns it.
pub(super) fn given_back(account: Name, reason: ReturnReason) -> RequestWhat {
    let (role, by, reason) = (Some(OWNED_ROLE), Who::Owner, Some(reason));
    RequestWhat { account, role, by, reason, until: Some(When::Ahead(6)), ..about_no_account(RequestOp::Return) }
}

fn about_no_account(op: RequestOp) -> RequestWhat {
    RequestWhat {
        op,
        account: Name::Nothing,
        role: None,
        rep: None,
        by: Who::Nobody,
        reason: None,
        until: None,
        per_hour: None,
        wave: None,
        at: When::Ago(0),
        undo: UndoWhat::Nothing,
        repeats: None,
    }
}

fn undos() -> impl Strategy<Value = RequestWhat> {
    let undo = prop_oneof![
        1 => Just(UndoWhat::Nothing),
        4 => (0u8..12).prop_map(UndoWhat::Command),
        3 => (0u8..24).prop_map(UndoWhat::Entry),
        4 => (sample::select(DecisionKind::ALL.to_vec()), 0u8..4).prop_map(|(kind, pick)| UndoWhat::Of(kind, pick)),
        6 => (0u8..24).prop_map(UndoWhat::Decision),
        3 => (0u8..12).prop_map(UndoWhat::Since),
        1 => Just(UndoWhat::Both),
    ];
    let account = prop_oneof![9 => Just(Name::Nothing), 1 => names()];
    let role = prop_oneof![4 => Just(None), 3 => Just(Some(0u8)), 1 => Just(Some(1u8)), 1 => Just(Some(2u8))];
    (undo, account, role).prop_map(|(undo, account, role)| undo_of(undo, account, role))
}

pub(super) fn undo_of(undo: UndoWhat, account: Name, role: Option<u8>) -> RequestWhat {
    RequestWhat { account, role, undo, ..about_no_account(RequestOp::Undo) }
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
        per_hour: None,
        wave: None,
        at,
        undo: UndoWhat::Nothing,
        repeats,
    })
}
