//! A command's schema as structs, which serde_json writes: what is written by hand is the same to the byte.

use proptest::prelude::*;
use serde::Serialize;

use super::value;
use crate::domain::ids::Id128;
use crate::domain::output::{Considered, Disposition, Entered, Placement, Stamps, TopSignal, Verdict, Why};
use crate::domain::policy::PRIORITY_ONE;
use crate::domain::request::ReturnReason;
use crate::domain::signal::Class;
use crate::domain::{Decision, DecisionKind, Position, Secs, Text, Topic};
use crate::wire::instant::Rfc3339;
use crate::wire::json::reference::AccountRef;
use crate::wire::json::writer::odd_texts;
use crate::wire::json::{SCHEMA_VERSION, time};
use crate::wire::text;

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
    /// Absent where the event stood in no topic.
    #[serde(flatten)]
    place: Option<PlaceBody>,
}

#[derive(Serialize)]
struct PlaceBody {
    topic: &'static str,
    partition: u32,
    offset: u64,
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
            place: signal.position.map(|position| PlaceBody {
                topic: position.topic.name(),
                partition: position.partition,
                offset: position.offset,
            }),
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

/// A priority in points, to one decimal.
fn points_of_priority(millionths: u32) -> f64 {
    (f64::from(millionths) / 100_000.0).round() / 10.0
}

/// Fit or timing, to three decimals.
fn share(millionths: u32) -> f64 {
    (f64::from(millionths) / 1_000.0).round() / 1_000.0
}

fn texts() -> impl Strategy<Value = Text> {
    odd_texts().prop_map(Text::from)
}

fn some_text() -> impl Strategy<Value = Option<Text>> {
    proptest::option::of(texts())
}

fn instants() -> impl Strategy<Value = Secs> {
    any::<u32>().prop_map(Secs)
}

fn some_instant() -> impl Strategy<Value = Option<Secs>> {
    proptest::option::of(instants())
}

/// Any, and those around which it is rounded.
fn millionths() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0..20u32, (0..2_000u32).prop_map(|thousands| thousands * 50_000), 0..1_000_001u32]
}

fn signals() -> impl Strategy<Value = TopSignal> {
    let class = proptest::sample::select(vec![Class::Intent, Class::Engagement]);
    let place = proptest::option::of((any::<u32>(), any::<u64>()));
    (class, texts(), some_text(), instants(), any::<u32>(), place).prop_map(
        |(class, kind, subject, at, points_milli, place)| {
            let position = place.map(|(partition, offset)| Position { topic: Topic::Intent, partition, offset });
            TopSignal { class, kind, subject, at, points_milli, position }
        },
    )
}

fn candidates() -> impl Strategy<Value = Considered> {
    let verdict = proptest::sample::select(vec![Verdict::Chosen, Verdict::Full, Verdict::Fuller, Verdict::LaterTurn]);
    (texts(), verdict, any::<u32>(), any::<u32>()).prop_map(|(rep, verdict, size, capacity)| Considered {
        rep,
        verdict,
        size,
        capacity,
    })
}

fn placements() -> impl Strategy<Value = Placement> {
    let candidates = proptest::collection::vec(candidates(), 0..4);
    (texts(), texts(), millionths(), any::<bool>(), any::<u8>(), instants(), candidates, any::<u32>()).prop_map(
        |(book, segment, threshold, filled_idle, tier, pool_since, candidates, more)| Placement {
            book,
            segment,
            threshold,
            filled_idle,
            tier,
            pool_since,
            candidates,
            more,
        },
    )
}

fn whys() -> impl Strategy<Value = Why> {
    let undone = (texts(), proptest::sample::select(DecisionKind::ALL.to_vec()), any::<u64>());
    prop_oneof![
        3 => placements().prop_map(|placement| Why::Placed(Box::new(placement))),
        1 => (texts(), instants(), some_instant(), instants(), some_instant()).prop_map(
            |(book, deadline, warned_at, promised, last_touch)| Why::Idle { book, deadline, warned_at, promised, last_touch }
        ),
        1 => texts().prop_map(|by| Why::Returned { reason: ReturnReason::CallBack, by }),
        1 => (any::<bool>(), any::<bool>()).prop_map(
            |(holds_opportunity, holds_meeting)| Why::OwnerLeft { holds_opportunity, holds_meeting }
        ),
        1 => texts().prop_map(|by| Why::Retired { by }),
        1 => undone.prop_map(|(by, kind, entry)| Why::Undone { by, kind, entry }),
    ]
}

fn stamps() -> impl Strategy<Value = Stamps> {
    let how = proptest::sample::select(vec![Entered::Placed, Entered::FilledIdle, Entered::Adopted]);
    (proptest::option::of((instants(), how)), some_instant())
        .prop_map(|(entered, warned_at)| Stamps { entered, warned_at })
}

fn decisions() -> impl Strategy<Value = Decision> {
    let kinds = proptest::sample::select(DecisionKind::ALL.to_vec());
    let dispositions = proptest::sample::select(vec![Disposition::Command, Disposition::Shadow]);
    let numbers = (any::<u128>(), any::<u32>(), any::<u32>(), millionths(), millionths(), millionths());
    let owners = (some_text(), some_text());
    let signals = proptest::collection::vec(signals(), 0..3);
    (kinds, dispositions, (texts(), texts()), owners, (instants(), instants()), numbers, signals, stamps(), whys())
        .prop_map(
            |(
                kind,
                disposition,
                (account, role),
                (from, to),
                (issued_at, not_after),
                numbers,
                top_signals,
                stamps,
                why,
            )| {
                let (id, sequence, policy_version, priority, fit, timing) = numbers;
                Decision {
                    command_id: Id128(id),
                    kind,
                    disposition,
                    account,
                    role,
                    sequence,
                    from,
                    to,
                    issued_at,
                    not_after,
                    policy_version,
                    priority,
                    fit,
                    timing,
                    top_signals,
                    stamps,
                    why,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands_are_what_their_schema_says(decision in decisions()) {
        let expected = serde_json::to_string(&Command::of(&decision, "journal/0/1")).unwrap();
        prop_assert_eq!(String::from_utf8(value(&decision, time(decision.issued_at).as_bytes(), b"journal/0/1")).unwrap(), expected);
    }
}
