//! An alert of each kind.

use bookd::domain::output::*;
use bookd::domain::policy::RoleMode;
use bookd::domain::request::RequestOp;
use bookd::domain::{AlertKind, Code};

use crate::minute;

fn alerts() -> Vec<(&'static str, AlertKind)> {
    let (account, role, owner) = (|| "001A0000016K3jP".into(), || "sdr".into(), || "ana".into());
    let missing = Missing { touches: 2, days: 1, contacts: 0, replies: 0 };
    let scope = || BreakerScope::Book("ana".into());
    vec![
        (
            "at-risk",
            AlertKind::AtRisk {
                account: account(),
                role: role(),
                owner: owner(),
                deadline: minute(4200),
                promised: minute(4320),
                missing,
                shadow: false,
            },
        ),
        ("risk-cleared", AlertKind::RiskCleared { account: account(), role: role(), owner: owner(), shadow: false }),
        (
            "risk-cleared-in-shadow",
            AlertKind::RiskCleared { account: account(), role: role(), owner: owner(), shadow: true },
        ),
        (
            "refused",
            AlertKind::Refused {
                op: RequestOp::Return,
                code: Code::NotOwner,
                account: Some(account()),
                role: Some(role()),
                by: "bob".into(),
            },
        ),
        ("source-silent", AlertKind::SourceSilent { source: "sales-engagement".into(), latest: Some(minute(-2880)) }),
        ("source-back", AlertKind::SourceBack { source: "sales-engagement".into() }),
        ("breaker-tripped", AlertKind::BreakerTripped { scope: scope(), due: 16 }),
        ("breaker-reset", AlertKind::BreakerReset { scope: scope() }),
        ("orphan", AlertKind::Orphan { account: account(), role: role(), owner: "005-long-gone".into() }),
        ("issuing-stopped", AlertKind::IssuingStopped { role: role(), issued_at: minute(-16), out: 3 }),
        ("issuing-resumed", AlertKind::IssuingResumed { role: role() }),
        (
            "command-undone",
            AlertKind::CommandUndone {
                account: account(),
                role: role(),
                undone: Undone::Rejected,
                owner: Some(owner()),
                tries: 2,
            },
        ),
        (
            "command-undone-nobody",
            AlertKind::CommandUndone {
                account: account(),
                role: role(),
                undone: Undone::Expired,
                owner: None,
                tries: 0,
            },
        ),
    ]
}

/// Each with the name of its example.
pub fn all() -> Vec<(&'static str, AlertKind)> {
    [alerts(), alerts_of_requests()].concat()
}

/// What people asked for.
fn alerts_of_requests() -> Vec<(&'static str, AlertKind)> {
    let (account, role) = (|| "001A0000016K3jP".into(), || "sdr".into());
    vec![
        ("paused", AlertKind::Paused { role: role(), by: "revops".into() }),
        ("resumed", AlertKind::Resumed { role: role(), by: "revops".into() }),
        ("rate-set", AlertKind::RateSet { per_hour: Some(200), by: "revops".into() }),
        ("approval-wanted", AlertKind::ApprovalWanted { role: role(), wave: 7_001, due: 240, until: minute(1440) }),
        ("approved", AlertKind::Approved { role: role(), wave: 7_001, by: "revops".into() }),
        ("approval-lapsed", AlertKind::ApprovalLapsed { role: role(), wave: 7_001 }),
        ("went-live", AlertKind::WentLive { role: role(), by: "revops".into(), owned: 412 }),
        ("mode-kept", AlertKind::ModeKept { role: role(), mode: RoleMode::Live }),
        ("rate-ended", AlertKind::RateSet { per_hour: None, by: "revops".into() }),
        ("undo-done", AlertKind::UndoDone { role: Some(role()), by: "revops".into(), undone: 36, left: 4 }),
        (
            "undo-left",
            AlertKind::UndoLeft {
                account: account(),
                role: role(),
                owner: Some("bob".into()),
                why: LeftAlone::DecidedSince,
            },
        ),
    ]
}
