//! A command: what a writer does to the CRM, and why. See `schemas/commands`.

use serde::Serialize;

use super::{AccountRef, SCHEMA_VERSION, points_of_priority, serializer, share};
use crate::domain::output::{Considered, Disposition, Placement, Stamps, TopSignal, Why};
use crate::domain::policy::PRIORITY_ONE;
use crate::domain::{Decision, Secs};
use crate::wire::instant::Rfc3339;
use crate::wire::text;

/// The command's value.
pub fn value(decision: &Decision, correlation_id: &str) -> Vec<u8> {
    serializer::bytes(&Command::of(decision, correlation_id), 3072)
}

#[derive(Serialize)]
struct Command<'a> {
    command_id: String,
    r#type: &'static str,
    schema_version: u32,
    issued_at: Rfc3339,
    not_after: Rfc3339,
    account: AccountRef<'a>,
    role: &'a str,
    sequence: u32,
    expected_owner_id: Option<&'a str>,
    new_owner: Option<Owner<'a>>,
    reason: Reason<'a>,
    stamps: StampsBody,
    policy_version: u32,
    dry_run: bool,
    correlation_id: &'a str,
}

#[derive(Serialize)]
struct Owner<'a> {
    crm_user_id: &'a str,
}

/// What the CRM may keep with the account.
#[derive(Serialize)]
struct StampsBody {
    entered_book_at: Option<Rfc3339>,
    entered_book_because: Option<&'static str>,
    at_risk_at: Option<Rfc3339>,
    priority: f64,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'static str,
    text: String,
    rule: String,
    priority: f64,
    fit: f64,
    timing: f64,
    top_signals: Vec<SignalBody<'a>>,
    #[serde(flatten)]
    why: WhyBody<'a>,
}

/// One member of the reason, named after its kind.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WhyBody<'a> {
    Placement(PlacementBody<'a>),
    Idle(IdleBody<'a>),
    Return { reason: &'static str, by: &'a str },
    Departure { holds_opportunity: bool, holds_meeting: bool },
    Retirement { by: &'a str },
    Undo { by: &'a str, r#type: &'static str, entry: u64 },
}

#[derive(Serialize)]
struct SignalBody<'a> {
    class: &'static str,
    kind: &'a str,
    subject: Option<&'a str>,
    at: Rfc3339,
    points: f64,
    /// These three are absent where the event stood in no topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

#[derive(Serialize)]
struct PlacementBody<'a> {
    book: &'a str,
    segment: &'a str,
    threshold: f64,
    filled_idle: bool,
    tier: u8,
    pool_since: Rfc3339,
    candidates: Vec<CandidateBody<'a>>,
    more: u32,
}

#[derive(Serialize)]
struct CandidateBody<'a> {
    rep_id: &'a str,
    verdict: &'static str,
    size: u32,
    capacity: u32,
}

#[derive(Serialize)]
struct IdleBody<'a> {
    book: &'a str,
    last_touch: Option<Rfc3339>,
    deadline: Rfc3339,
    warned_at: Option<Rfc3339>,
    promised: Rfc3339,
}

impl Command<'_> {
    fn of<'a>(decision: &'a Decision, correlation_id: &'a str) -> Command<'a> {
        Command {
            command_id: decision.command_id.to_string(),
            r#type: decision.kind.name(),
            schema_version: SCHEMA_VERSION,
            issued_at: decision.issued_at.into(),
            not_after: decision.not_after.into(),
            account: AccountRef { crm_id: &decision.account },
            role: &decision.role,
            sequence: decision.sequence,
            expected_owner_id: decision.from.as_deref(),
            new_owner: decision.to.as_deref().map(|crm_user_id| Owner { crm_user_id }),
            reason: Reason::of(decision),
            stamps: StampsBody::of(decision),
            policy_version: decision.policy_version,
            dry_run: decision.disposition == Disposition::Shadow,
            correlation_id,
        }
    }
}

impl StampsBody {
    fn of(decision: &Decision) -> StampsBody {
        let Stamps { entered, warned_at } = &decision.stamps;
        StampsBody {
            entered_book_at: entered.map(|(at, _)| at.into()),
            entered_book_because: entered.map(|(_, how)| how.name()),
            at_risk_at: warned_at.map(Secs::into),
            priority: points_of_priority(decision.priority),
        }
    }
}

impl Reason<'_> {
    fn of(decision: &Decision) -> Reason<'_> {
        let (code, rule) = code_and_rule(&decision.why);
        Reason {
            code,
            text: text::reason(decision),
            rule,
            priority: points_of_priority(decision.priority),
            fit: share(decision.fit),
            timing: share(decision.timing),
            top_signals: decision.top_signals.iter().map(SignalBody::of).collect(),
            why: WhyBody::of(&decision.why),
        }
    }
}

/// The reason's code, of a closed set, and the rule of the policy that decided.
fn code_and_rule(why: &Why) -> (&'static str, String) {
    match why {
        Why::Placed(placement) if placement.filled_idle => ("filled_idle", format!("fill_idle:{}", placement.book)),
        Why::Placed(placement) => ("placed", format!("segment:{}", placement.segment)),
        Why::Idle { book, .. } => ("idle", format!("evidence:{book}")),
        Why::Returned { reason, .. } => ("returned", format!("return:{}", reason.name())),
        Why::OwnerLeft { .. } => ("owner_left", "departure".to_owned()),
        Why::Retired { .. } => ("retired", "retirement".to_owned()),
        Why::Undone { .. } => ("undone", "undo".to_owned()),
    }
}

impl WhyBody<'_> {
    fn of(why: &Why) -> WhyBody<'_> {
        match why {
            Why::Placed(placement) => WhyBody::Placement(PlacementBody::of(placement)),
            Why::Idle { book, deadline, warned_at, promised, last_touch } => WhyBody::Idle(IdleBody {
                book,
                last_touch: last_touch.map(Secs::into),
                deadline: (*deadline).into(),
                warned_at: warned_at.map(Secs::into),
                promised: (*promised).into(),
            }),
            Why::Returned { reason, by } => WhyBody::Return { reason: reason.name(), by },
            Why::OwnerLeft { holds_opportunity, holds_meeting } => {
                WhyBody::Departure { holds_opportunity: *holds_opportunity, holds_meeting: *holds_meeting }
            }
            Why::Retired { by } => WhyBody::Retirement { by },
            Why::Undone { by, kind, entry } => WhyBody::Undo { by, r#type: kind.name(), entry: *entry },
        }
    }
}

impl SignalBody<'_> {
    fn of(signal: &TopSignal) -> SignalBody<'_> {
        SignalBody {
            class: signal.class.name(),
            kind: &signal.kind,
            subject: signal.subject.as_deref(),
            at: signal.at.into(),
            points: f64::from(signal.points_milli) / 1_000.0,
            topic: signal.position.map(|position| position.topic.name()),
            partition: signal.position.map(|position| position.partition),
            offset: signal.position.map(|position| position.offset),
        }
    }
}

impl PlacementBody<'_> {
    fn of(placement: &Placement) -> PlacementBody<'_> {
        PlacementBody {
            book: &placement.book,
            segment: &placement.segment,
            threshold: f64::from(placement.threshold) / f64::from(PRIORITY_ONE),
            filled_idle: placement.filled_idle,
            tier: placement.tier,
            pool_since: placement.pool_since.into(),
            candidates: placement.candidates.iter().map(CandidateBody::of).collect(),
            more: placement.more,
        }
    }
}

impl CandidateBody<'_> {
    fn of(considered: &Considered) -> CandidateBody<'_> {
        CandidateBody {
            rep_id: &considered.rep,
            verdict: considered.verdict.name(),
            size: considered.size,
            capacity: considered.capacity,
        }
    }
}
