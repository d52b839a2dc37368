//! An alert's schema as structs, which serde_json writes: what is written by hand is the same to the byte.

use proptest::prelude::*;
use serde::Serialize;

use super::value;
use crate::domain::ids::Id128;
use crate::domain::output::{BreakerScope, LeftAlone, Missing, Undone};
use crate::domain::policy::RoleMode;
use crate::domain::request::RequestOp;
use crate::domain::{Alert, AlertKind, Code, Secs, Text};
use crate::wire::instant::Rfc3339;
use crate::wire::json::reference::AccountRef;
use crate::wire::json::writer::odd_texts;
use crate::wire::json::{SCHEMA_VERSION, time};
use crate::wire::text;

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

impl<'a> Fields<'a> {
    fn of(kind: &'a AlertKind) -> Fields<'a> {
        let account = kind.concerns().0.map(|crm_id| AccountRef { crm_id });
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

/// What alerts are filled with, each kind in its own way.
#[derive(Clone, Debug)]
struct Drawn {
    account: Text,
    role: Text,
    by: Text,
    some: Option<Text>,
    at: Secs,
    then: Option<Secs>,
    count: u32,
    rate: Option<u32>,
    wave: u64,
    tries: u8,
    shadow: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let text = || odd_texts().prop_map(Text::from);
    let texts = (text(), text(), text(), proptest::option::of(text()));
    let then = proptest::option::of(any::<u32>().prop_map(Secs));
    let numbers = (any::<u32>(), proptest::option::of(any::<u32>()), any::<u64>(), any::<u8>());
    (texts, any::<u32>().prop_map(Secs), then, numbers, any::<bool>()).prop_map(
        |((account, role, by, some), at, then, (count, rate, wave, tries), shadow)| Drawn {
            account,
            role,
            by,
            some,
            at,
            then,
            count,
            rate,
            wave,
            tries,
            shadow,
        },
    )
}

/// One of each kind.
fn kinds(drawn: Drawn) -> Vec<AlertKind> {
    let Drawn { account, role, by, some, at, then, count, rate, wave, tries, shadow } = drawn;
    let (account, role, by) = (|| account.clone(), || role.clone(), || by.clone());
    let missing = Missing { touches: tries, days: tries / 2, contacts: tries / 3, replies: tries / 4 };
    let mut kinds = vec![
        AlertKind::AtRisk {
            account: account(),
            role: role(),
            owner: by(),
            deadline: at,
            promised: at,
            missing,
            shadow,
        },
        AlertKind::RiskCleared { account: account(), role: role(), owner: by(), shadow },
        AlertKind::Orphan { account: account(), role: role(), owner: by() },
        AlertKind::Refused {
            op: RequestOp::Return,
            code: Code::NotOwner,
            account: some.clone(),
            role: some.clone(),
            by: by(),
        },
        AlertKind::SourceSilent { source: by(), latest: then },
        AlertKind::SourceBack { source: by() },
        AlertKind::IssuingStopped { role: role(), issued_at: at, out: count },
        AlertKind::IssuingResumed { role: role() },
        AlertKind::CommandUndone {
            account: account(),
            role: role(),
            undone: Undone::Failed,
            owner: some.clone(),
            tries,
        },
        AlertKind::Paused { role: role(), by: by() },
        AlertKind::Resumed { role: role(), by: by() },
        AlertKind::ApprovalWanted { role: role(), wave, due: count, until: at },
        AlertKind::Approved { role: role(), wave, by: by() },
        AlertKind::ApprovalLapsed { role: role(), wave },
        AlertKind::WentLive { role: role(), by: by(), owned: count },
        AlertKind::ModeKept { role: role(), mode: RoleMode::Live },
        AlertKind::RateSet { per_hour: rate, by: by() },
        AlertKind::UndoDone { role: some.clone(), by: by(), undone: count, left: count / 2 },
        AlertKind::UndoLeft { account: account(), role: role(), owner: some, why: LeftAlone::OwnerGone },
    ];
    let scopes = [
        BreakerScope::Role(role()),
        BreakerScope::Book(by()),
        BreakerScope::QuietRep(by()),
        BreakerScope::Refused(by()),
        BreakerScope::Departures,
    ];
    kinds.extend(scopes.iter().map(|scope| AlertKind::BreakerTripped { scope: scope.clone(), due: count }));
    kinds.extend(scopes.into_iter().map(|scope| AlertKind::BreakerReset { scope }));
    kinds
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn alerts_are_what_their_schema_says(drawn in drawn(), id in any::<u128>(), at in any::<u32>()) {
        for kind in kinds(drawn) {
            let alert = Alert { at: Secs(at), kind };
            let expected = serde_json::to_string(&AlertBody::of(&alert, Id128(id))).unwrap();
            prop_assert_eq!(String::from_utf8(value(&alert, time(alert.at).as_bytes(), Id128(id))).unwrap(), expected);
        }
    }
}
