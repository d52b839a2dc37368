//! An alert: what a person should know or do. See `schemas/alerts`.

use serde::Serialize;

use super::{AccountRef, SCHEMA_VERSION, serializer};
use crate::domain::ids::Id128;
use crate::domain::output::{BreakerScope, Missing, Undone};
use crate::domain::{Alert, AlertKind, Secs};
use crate::wire::instant::Rfc3339;
use crate::wire::text;

/// What most alerts take no more than.
const BYTES: usize = 512;

/// The alert's value.
pub fn value(alert: &Alert, id: Id128) -> Vec<u8> {
    serializer::bytes(&AlertBody::of(alert, id), BYTES)
}

#[derive(Serialize)]
struct AlertBody<'a> {
    alert_id: String,
    r#type: &'static str,
    schema_version: u32,
    at: Rfc3339,
    text: String,
    #[serde(flatten)]
    fields: Fields<'a>,
}

/// What an alert is about; what doesn't apply is absent.
#[derive(Serialize, Default)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountRef<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goes_cold_at: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<MissingBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_event_at: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<BreakerBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered: Option<UnansweredBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone: Option<UndoneBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_hour: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owned: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<WaveBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<UndoBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_alone: Option<&'static str>,
}

#[derive(Serialize)]
struct MissingBody {
    touches: u8,
    days: u8,
    contacts: u8,
    replies: u8,
}

#[derive(Serialize)]
struct RequestBody<'a> {
    op: &'static str,
    by: &'a str,
    code: &'static str,
}

#[derive(Serialize)]
struct UnansweredBody {
    commands: u32,
    oldest_issued_at: Rfc3339,
}

#[derive(Serialize)]
struct UndoneBody {
    why: &'static str,
    tries: u8,
}

#[derive(Serialize)]
struct UndoBody<'a> {
    by: &'a str,
    undone: u32,
    left: u32,
}

#[derive(Serialize)]
struct WaveBody {
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lapses_at: Option<Rfc3339>,
}

#[derive(Serialize)]
struct BreakerBody<'a> {
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rep_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<u32>,
}

impl AlertBody<'_> {
    fn of(alert: &Alert, id: Id128) -> AlertBody<'_> {
        AlertBody {
            alert_id: id.to_string(),
            r#type: alert.kind.name(),
            schema_version: SCHEMA_VERSION,
            at: alert.at.into(),
            text: text::alert(alert),
            fields: Fields::of(&alert.kind),
        }
    }
}

/// The account that an alert is about, if it is about one.
pub fn account(kind: &AlertKind) -> Option<&str> {
    match kind {
        AlertKind::AtRisk { account, .. }
        | AlertKind::RiskCleared { account, .. }
        | AlertKind::Orphan { account, .. }
        | AlertKind::CommandUndone { account, .. }
        | AlertKind::UndoLeft { account, .. } => Some(account),
        AlertKind::Refused { account, .. } => account.as_deref(),
        AlertKind::SourceSilent { .. }
        | AlertKind::SourceBack { .. }
        | AlertKind::BreakerTripped { .. }
        | AlertKind::BreakerReset { .. }
        | AlertKind::IssuingStopped { .. }
        | AlertKind::IssuingResumed { .. }
        | AlertKind::Paused { .. }
        | AlertKind::Resumed { .. }
        | AlertKind::RateSet { .. }
        | AlertKind::WentLive { .. }
        | AlertKind::ModeKept { .. }
        | AlertKind::ApprovalWanted { .. }
        | AlertKind::Approved { .. }
        | AlertKind::ApprovalLapsed { .. }
        | AlertKind::UndoDone { .. } => None,
    }
}

impl<'a> Fields<'a> {
    fn of(kind: &'a AlertKind) -> Fields<'a> {
        let account = account(kind).map(|crm_id| AccountRef { crm_id });
        let about = Fields { account, ..Fields::default() };
        match kind {
            AlertKind::AtRisk { role, owner, deadline, promised, missing, shadow, .. } => Fields {
                deadline: Some((*deadline).into()),
                goes_cold_at: Some((*promised).into()),
                missing: Some(MissingBody::of(missing)),
                dry_run: shadow.then_some(true),
                ..about.owned(role, owner)
            },
            AlertKind::RiskCleared { role, owner, shadow, .. } => {
                Fields { dry_run: shadow.then_some(true), ..about.owned(role, owner) }
            }
            AlertKind::Orphan { role, owner, .. } => about.owned(role, owner),
            AlertKind::Refused { op, code, role, by, .. } => Fields {
                role: role.as_deref(),
                request: Some(RequestBody { op: op.name(), by, code: code.text() }),
                ..about
            },
            AlertKind::SourceSilent { source, latest } => {
                Fields { source: Some(source), latest_event_at: latest.map(Secs::into), ..about }
            }
            AlertKind::SourceBack { source } => Fields { source: Some(source), ..about },
            AlertKind::BreakerTripped { scope, due } => {
                Fields { breaker: Some(BreakerBody::of(scope, Some(*due))), ..about }
            }
            AlertKind::BreakerReset { scope } => Fields { breaker: Some(BreakerBody::of(scope, None)), ..about },
            AlertKind::IssuingStopped { role, issued_at, out } => {
                let unanswered = UnansweredBody { commands: *out, oldest_issued_at: (*issued_at).into() };
                Fields { role: Some(role), unanswered: Some(unanswered), ..about }
            }
            AlertKind::IssuingResumed { role } => Fields { role: Some(role), ..about },
            AlertKind::CommandUndone { role, undone, owner, tries, .. } => Fields {
                role: Some(role),
                owner_id: owner.as_deref(),
                undone: Some(UndoneBody::of(*undone, *tries)),
                ..about
            },
            AlertKind::Paused { role, by } | AlertKind::Resumed { role, by } => {
                Fields { role: Some(role), by: Some(by), ..about }
            }
            AlertKind::ApprovalWanted { role, wave, due, until } => {
                let wave = WaveBody { id: *wave, due: Some(*due), lapses_at: Some((*until).into()) };
                Fields { role: Some(role), wave: Some(wave), ..about }
            }
            AlertKind::Approved { role, wave, by } => {
                Fields { role: Some(role), by: Some(by), wave: Some(WaveBody::of(*wave)), ..about }
            }
            AlertKind::ApprovalLapsed { role, wave } => {
                Fields { role: Some(role), wave: Some(WaveBody::of(*wave)), ..about }
            }
            AlertKind::WentLive { role, by, owned } => {
                Fields { role: Some(role), by: Some(by), owned: Some(*owned), ..about }
            }
            AlertKind::ModeKept { role, mode } => Fields { role: Some(role), mode: Some(mode.name()), ..about },
            AlertKind::RateSet { per_hour, by } => Fields { per_hour: *per_hour, by: Some(by), ..about },
            AlertKind::UndoDone { role, by, undone, left } => {
                Fields { role: role.as_deref(), undo: Some(UndoBody { by, undone: *undone, left: *left }), ..about }
            }
            AlertKind::UndoLeft { role, owner, why, .. } => {
                Fields { role: Some(role), owner_id: owner.as_deref(), left_alone: Some(why.name()), ..about }
            }
        }
    }

    fn owned(self, role: &'a str, owner: &'a str) -> Fields<'a> {
        Fields { role: Some(role), owner_id: Some(owner), ..self }
    }
}

impl MissingBody {
    fn of(missing: &Missing) -> MissingBody {
        let Missing { touches, days, contacts, replies } = *missing;
        MissingBody { touches, days, contacts, replies }
    }
}

impl WaveBody {
    fn of(id: u64) -> WaveBody {
        WaveBody { id, due: None, lapses_at: None }
    }
}

impl UndoneBody {
    fn of(undone: Undone, tries: u8) -> UndoneBody {
        UndoneBody { why: undone.name(), tries }
    }
}

impl BreakerBody<'_> {
    fn of(scope: &BreakerScope, held_back: Option<u32>) -> BreakerBody<'_> {
        let (scope, role, rep_id) = match scope {
            BreakerScope::Role(role) => ("role", Some(&**role), None),
            BreakerScope::Book(rep) => ("book", None, Some(&**rep)),
            BreakerScope::QuietRep(rep) => ("quiet_rep", None, Some(&**rep)),
            BreakerScope::Refused(rep) => ("refused", None, Some(&**rep)),
            BreakerScope::Departures => ("departures", None, None),
        };
        BreakerBody { scope, role, rep_id, held_back }
    }
}
