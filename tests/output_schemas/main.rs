//! Commands, alerts, account-state and dead letters are what `schemas/` says, to the byte.
//!
//! Each example file is the record of an output below. After a wanted change, `BOOKD_BLESS=1` writes them anew.

mod alerts;
#[path = "../support/arbitrary.rs"]
mod arbitrary;

use std::fs;
use std::path::{Path, PathBuf};

use bookd::domain::ids::{Id128, command_id};
use bookd::domain::output::*;
use bookd::domain::request::ReturnReason;
use bookd::domain::signal::Class;
use bookd::domain::{
    Alert, AlertKind, Code, Decision, DecisionKind, Disposition, Millis, OutRecord, Output, Position, Record, Secs,
    Topic,
};
use bookd::wire::dead_letter::{self, Stage};
use bookd::wire::json::{Stamp, Stamped};
use bookd::wire::text;
use proptest::prelude::*;

const STAMP: Stamp = Stamp { journal: Id128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff), shard: 0, sequence: 4711 };

/// Minutes after Monday 2026-05-04 14:00 UTC.
fn minute(minutes: i64) -> Secs {
    Millis((1_777_903_200 + minutes * 60) * 1000).secs()
}

fn decision(kind: DecisionKind, from: Option<&str>, to: Option<&str>, why: Why) -> Decision {
    Decision {
        command_id: command_id(STAMP.journal, STAMP.shard, STAMP.sequence, 0),
        kind,
        disposition: Disposition::Command,
        account: "001A0000016K3jP".into(),
        role: "sdr".into(),
        sequence: 3,
        from: from.map(Into::into),
        to: to.map(Into::into),
        issued_at: minute(0),
        not_after: minute(1440),
        policy_version: 7,
        priority: 78_412_345,
        fit: 800_000,
        timing: 763_210,
        top_signals: Vec::new(),
        stamps: stamps(kind),
        why,
    }
}

fn considered(rep: &str, verdict: Verdict, size: u32) -> Considered {
    Considered { rep: rep.into(), verdict, size, capacity: 60 }
}

fn placement(candidates: Vec<Considered>) -> Placement {
    Placement {
        book: "enterprise-hunters".into(),
        segment: "enterprise".into(),
        threshold: 60_500_000,
        filled_idle: false,
        tier: 3,
        pool_since: minute(-3000),
        candidates,
        more: 0,
    }
}

fn distribution() -> Decision {
    let candidates = vec![
        considered("ana", Verdict::Chosen, 12),
        considered("bob", Verdict::Full, 60),
        considered("cleo", Verdict::Fuller, 31),
    ];
    let why = Why::Placed(Box::new(placement(candidates)));
    let mut decision = decision(DecisionKind::Distribution, None, Some("ana"), why);
    decision.top_signals = vec![
        TopSignal {
            class: Class::Intent,
            kind: "surge".into(),
            subject: Some("crm software".into()),
            at: minute(-600),
            points_milli: 31_250,
            position: Some(Position { topic: Topic::Intent, partition: 2, offset: 91_834 }),
        },
        TopSignal {
            class: Class::Engagement,
            kind: "pricing_page_view".into(),
            subject: None,
            at: minute(-90),
            points_milli: 9_870,
            position: None,
        },
    ];
    decision
}

fn fill_idle() -> Decision {
    let mut placed = placement(vec![
        considered("ana", Verdict::Chosen, 12),
        considered("cleo", Verdict::LaterTurn, 12),
        considered("dan", Verdict::CooledOff, 3),
    ]);
    placed.filled_idle = true;
    placed.threshold = 40_500_000;
    placed.more = 4;
    let mut decision = decision(DecisionKind::Distribution, None, Some("ana"), Why::Placed(Box::new(placed)));
    decision.priority = 41_049_999;
    decision
}

fn idle(last_touch: Option<Secs>) -> Why {
    Why::Idle {
        book: "enterprise-hunters".into(),
        deadline: minute(-120),
        warned_at: Some(minute(-4320)),
        promised: minute(-30),
        last_touch,
    }
}

/// A month in the book, and a warning where it ends for want of work.
fn stamps(kind: DecisionKind) -> Stamps {
    match kind {
        DecisionKind::Distribution => Stamps { entered: Some((minute(0), Entered::Placed)), warned_at: None },
        DecisionKind::Retrieval => {
            Stamps { entered: Some((minute(-44_640), Entered::Placed)), warned_at: Some(minute(-4320)) }
        }
        _ => Stamps { entered: Some((minute(-44_640), Entered::Adopted)), warned_at: None },
    }
}

fn commands() -> Vec<(&'static str, Decision)> {
    let departure = |holds| Why::OwnerLeft { holds_opportunity: holds, holds_meeting: false };
    let returned = Why::Returned { reason: ReturnReason::CallBack, by: "ana".into() };
    let undone = Why::Undone { by: "revops".into(), kind: DecisionKind::Retrieval, entry: 4_690 };
    let retired = Why::Retired { by: "revops".into() };
    vec![
        ("distribution", distribution()),
        ("distribution-fill-idle", fill_idle()),
        ("distribution-in-shadow", Decision { disposition: Disposition::Shadow, sequence: 0, ..distribution() }),
        ("retrieval", decision(DecisionKind::Retrieval, Some("ana"), None, idle(Some(minute(-43_200))))),
        ("return", decision(DecisionKind::Return, Some("ana"), None, returned)),
        ("departure-to-pool", decision(DecisionKind::Departure, Some("ana"), None, departure(false))),
        ("departure-to-manager", decision(DecisionKind::Departure, Some("ana"), Some("bob"), departure(true))),
        ("retirement", decision(DecisionKind::Retirement, Some("ana"), None, retired)),
        ("undo", decision(DecisionKind::Undo, None, Some("ana"), undone)),
    ]
}

fn state(seats: Vec<SeatState>) -> Output {
    Output::AccountState(Box::new(AccountState { account: "001A0000016K3jP".into(), at: minute(0), band: 3, seats }))
}

fn two_seats() -> Vec<SeatState> {
    let seat = |role: &str, status, owner: Option<&str>| SeatState {
        role: role.into(),
        status,
        owner: owner.map(Into::into),
        crm_owner: None,
        since: minute(0),
        shadow: false,
    };
    vec![seat("sdr", SeatStatus::Owned, Some("ana")), seat("ae", SeatStatus::Pool, None)]
}

fn examples() -> Vec<(Topic, &'static str, Output)> {
    let commands = commands().into_iter().map(|(name, decision)| {
        let topic = if decision.disposition == Disposition::Shadow { Topic::Shadow } else { Topic::Commands };
        (topic, name, Output::Decision(Box::new(decision)))
    });
    let alerts = alerts::all()
        .into_iter()
        .map(|(name, kind)| (Topic::Alerts, name, Output::Alert(Box::new(Alert { at: minute(0), kind }))));
    commands.chain(alerts).chain([(Topic::AccountState, "owned", state(two_seats()))]).collect()
}

/// What roles in shadow decide reads like a command.
fn schemas(topic: Topic) -> PathBuf {
    let topic = if topic == Topic::Shadow { Topic::Commands } else { topic };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(topic.name())
}

fn schema(topic: Topic) -> jsonschema::Validator {
    let path = schemas(topic).join("schema.json");
    let schema = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn the_examples_are_what_is_written() {
    for (index, (topic, name, output)) in examples().into_iter().enumerate() {
        let record = Stamped::of(STAMP).record(&output, index).unwrap();
        assert_eq!(record.topic, topic);
        let value = record.value.unwrap();
        compare(topic, name, &value);
    }
    for (name, record) in dead_letters() {
        compare(Topic::DeadLetters, name, &dead_letter::envelope(&record));
    }
}

/// The value is the example of this name, and valid.
fn compare(topic: Topic, name: &str, value: &[u8]) {
    let written = indented(value);
    let path = schemas(topic).join("examples").join(format!("{name}.json"));
    if std::env::var_os("BOOKD_BLESS").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let example = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(written, example, "{}", path.display());
    let parsed: serde_json::Value = serde_json::from_slice(value).unwrap();
    schema(topic).validate(&parsed).unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn dead_letters() -> Vec<(&'static str, OutRecord)> {
    let original = |topic, value: &[u8]| Record {
        topic,
        partition: 2,
        offset: 91_834,
        next: 91_835,
        key: Some(b"001A0000016K3jP".to_vec()),
        value: Some(value.to_vec()),
        headers: vec![("content-type".into(), b"application/json".to_vec())],
        timestamp: minute(0).millis(),
    };
    let unreadable = original(Topic::Intent, b"{\"kind\": \"\xff\"}");
    let unknown = original(Topic::Engagement, br#"{"kind": "billboard_seen", "account": {"domain": "acme.com"}}"#);
    vec![
        (
            "not-understood",
            dead_letter::record(&unreadable, "bookd.intent.v1", Code::NotUtf8, "byte 10 is no UTF-8", Stage::Decode, 0),
        ),
        ("unknown-kind", dead_letter::record(&unknown, "bookd.engagement.v1", Code::UnknownKind, "", Stage::Apply, 0)),
    ]
}

/// Compact JSON over several lines, keys in the order in which they stand there.
fn indented(value: &[u8]) -> String {
    let (mut out, mut depth, mut in_text, mut escaped) = (String::new(), 0, false, false);
    let line = |out: &mut String, depth: usize| *out += &format!("\n{}", "  ".repeat(depth));
    for letter in std::str::from_utf8(value).unwrap().chars() {
        let structural = !in_text;
        if structural && matches!(letter, '}' | ']') {
            depth -= 1;
            match out.trim_end() {
                empty if empty.ends_with(['{', '[']) => out.truncate(empty.len()),
                _ => line(&mut out, depth),
            }
        }
        out.push(letter);
        match letter {
            '"' if !escaped => in_text = !in_text,
            '{' | '[' if structural => {
                depth += 1;
                line(&mut out, depth);
            }
            ',' if structural => line(&mut out, depth),
            ':' if structural => out.push(' '),
            _ => {}
        }
        escaped = in_text && letter == '\\' && !escaped;
    }
    out + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// No output whatever makes a record that its schema doesn't know.
    #[test]
    fn every_output_validates(outputs in arbitrary::any_of::<Vec<Output>>()) {
        let schemas = [Topic::Commands, Topic::Shadow, Topic::Alerts, Topic::AccountState].map(|topic| (topic, schema(topic)));
        for (index, output) in outputs.iter().enumerate() {
            let Some(record) = Stamped::of(STAMP).record(output, index) else { continue };
            let Some(value) = record.value else { continue };
            let parsed: serde_json::Value = serde_json::from_slice(&value).unwrap();
            let (_, schema) = schemas.iter().find(|(topic, _)| *topic == record.topic).unwrap();
            prop_assert!(schema.validate(&parsed).is_ok(), "{}: {:?}", parsed, schema.validate(&parsed));
        }
    }
}

#[test]
fn records_are_keyed_by_account_and_bear_a_cloud_event() {
    let record = Stamped::of(STAMP).record(&Output::Decision(Box::new(distribution())), 0).unwrap();
    assert_eq!(record.key.as_deref(), Some(&b"001A0000016K3jP"[..]));
    let headers: Vec<(&str, &str)> =
        record.headers.iter().map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap())).collect();
    assert_eq!(
        headers,
        [
            ("ce_specversion", "1.0"),
            ("ce_id", distribution().command_id.to_string().as_str()),
            ("ce_source", "bookd/00112233445566778899aabbccddeeff/0"),
            ("ce_type", "bookd.command.v1"),
            ("ce_time", "2026-05-04T14:00:00Z"),
            ("content-type", "application/json"),
        ]
    );
    let silent = AlertKind::SourceBack { source: "crm".into() };
    let alert = Output::Alert(Box::new(Alert { at: minute(0), kind: silent }));
    assert_eq!(Stamped::of(STAMP).record(&alert, 0).unwrap().key.as_deref(), Some(&b"source_back"[..]));
}

#[test]
fn alerts_alike_in_one_entry_have_ids_of_their_own() {
    let id = |index, sequence| {
        let kind = AlertKind::SourceBack { source: "crm".into() };
        let alert = Output::Alert(Box::new(Alert { at: minute(0), kind }));
        Stamped::of(Stamp { sequence, ..STAMP }).record(&alert, index).unwrap().headers[1].clone()
    };
    assert_eq!(id(0, 1), id(0, 1));
    assert_ne!(id(0, 1), id(1, 1));
    assert_ne!(id(0, 1), id(0, 2));
}

#[test]
fn what_is_no_command_makes_no_record() {
    let held = Decision { disposition: Disposition::Held, ..distribution() };
    assert_eq!(Stamped::of(STAMP).record(&Output::Decision(Box::new(held)), 0), None);
    assert_eq!(Stamped::of(STAMP).record(&Output::DeadLetter { input: 0, code: Code::TooOld }, 0), None);
}

#[test]
fn a_deleted_account_is_a_tombstone() {
    let record = Stamped::of(STAMP).record(&state(Vec::new()), 0).unwrap();
    assert_eq!((record.topic, record.value), (Topic::AccountState, None));
    assert_eq!(record.key.as_deref(), Some(&b"001A0000016K3jP"[..]));
}

#[test]
fn decisions_read_as_sentences() {
    let read: Vec<String> = commands().iter().map(|(_, decision)| text::decision(decision)).collect();
    let expected = [
        "001A0000016K3jP (sdr): pool → ana, priority 78.4 (fit 0.80, timing 0.76) in enterprise; ana had the lowest fill (12/60) of 3 candidates",
        "001A0000016K3jP (sdr): pool → ana, priority 41.0 (fit 0.80, timing 0.76) fills idle capacity below the threshold of enterprise (this book fills from 40.5); it was ana's turn (12/60) among 2 about equally full of 7 candidates",
        "001A0000016K3jP (sdr, in shadow): pool → ana, priority 78.4 (fit 0.80, timing 0.76) in enterprise; ana had the lowest fill (12/60) of 3 candidates",
        "001A0000016K3jP (sdr): ana → pool, not worked enough by ana for the rules of enterprise-hunters: last touch Saturday 2026-04-04 14:00 UTC, went cold Monday 2026-05-04 12:00 UTC, warned Friday 2026-05-01 14:00 UTC, promised until Monday 2026-05-04 13:30 UTC",
        "001A0000016K3jP (sdr): ana → nobody, given back by ana: call back later",
        "001A0000016K3jP (sdr): ana → pool, its owner ana left",
        "001A0000016K3jP (sdr): ana → bob, its owner ana left, and it has an open opportunity: bob keeps it",
        "001A0000016K3jP (sdr): ana → nobody, taken out of circulation by revops while ana owned it",
        "001A0000016K3jP (sdr): pool → ana, undone by revops: it is as it was before the retrieval of journal entry 4690",
    ];
    assert_eq!(read, expected);
}

#[test]
fn the_choice_of_a_rep_is_told_as_it_was() {
    let reason = |candidates| {
        let why = Why::Placed(Box::new(placement(candidates)));
        let text = text::reason(&decision(DecisionKind::Distribution, None, Some("ana"), why));
        text.split_once("; ").unwrap().1.to_owned()
    };
    let chosen = || considered("ana", Verdict::Chosen, 12);
    assert_eq!(reason(vec![chosen()]), "ana (12/60) was the only candidate");
    let full = vec![chosen(), considered("bob", Verdict::Full, 60), considered("cleo", Verdict::Inactive, 0)];
    assert_eq!(reason(full), "ana (12/60) was the only one free of 3 candidates");
}

#[test]
fn alerts_read_as_sentences() {
    let read: Vec<String> =
        alerts::all().into_iter().map(|(_, kind)| text::alert(&Alert { at: minute(0), kind })).collect();
    let expected = [
        "001A0000016K3jP goes cold Thursday 2026-05-07 14:00 UTC unless 2 more touches on 1 more day (ana, sdr)",
        "001A0000016K3jP stays with ana (sdr): the warning is off",
        "001A0000016K3jP stays with ana (sdr, in shadow): the warning is off",
        "return of 001A0000016K3jP (sdr) asked for by bob is refused: only the owner may do that",
        "sales-engagement is silent since Saturday 2026-05-02 14:00 UTC: losses that depend on it wait",
        "sales-engagement delivers again",
        "16 losses of ana's book held back until somebody says proceed: too many at once, as if a feed were broken",
        "losses of ana's book go on",
        "001A0000016K3jP belongs to 005-long-gone in the CRM (sdr), who is no known rep: left alone, not pooled",
        "no more commands for sdr: 3 are out, the oldest since Monday 2026-05-04 13:44 UTC, and none is answered",
        "commands for sdr are issued again",
        "001A0000016K3jP is with ana (sdr): the CRM, or its writer, rejected the command",
        "001A0000016K3jP is with nobody (sdr): no writer carried the command out in time",
        "sdr is paused by revops: nothing is given or taken by the rules until somebody says resume",
        "sdr goes on: resumed by revops",
        "at most 200 commands an hour from now on, says revops",
        "240 losses of sdr wait for somebody to approve wave 7001; they are looked at anew Tuesday 2026-05-05 14:00 UTC",
        "wave 7001 of sdr may go, says revops",
        "wave 7001 of sdr no longer waits for an approval: its losses are looked at anew",
        "sdr is live, says revops: 412 accounts stay with whom the CRM has, and their clocks begin now",
        "sdr stays live although the policy says shadow: a pause stops its commands",
        "as many commands an hour as there are, says revops",
        "the undo (sdr) asked for by revops: 36 put back, 4 left alone",
        "001A0000016K3jP stays with bob (sdr), it isn't undone: something else was decided about it since",
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_warning_says_what_would_save_the_account() {
    let unless = |touches, days, contacts, replies| {
        let kind = AlertKind::AtRisk {
            account: "acme".into(),
            role: "sdr".into(),
            owner: "ana".into(),
            deadline: minute(4320),
            promised: minute(4320),
            missing: Missing { touches, days, contacts, replies },
            shadow: false,
        };
        let text = text::alert(&Alert { at: minute(0), kind });
        text.strip_prefix("acme goes cold Thursday 2026-05-07 14:00 UTC unless ").unwrap().to_owned()
    };
    assert_eq!(unless(0, 0, 0, 0), "it is worked again before (ana, sdr)");
    assert_eq!(unless(1, 0, 0, 0), "1 more touch (ana, sdr)");
    assert_eq!(unless(0, 2, 0, 0), "touched on 2 more days (ana, sdr)");
    assert_eq!(
        unless(3, 1, 2, 1),
        "3 more touches on 1 more day and with 2 more contacts and with 1 more reply (ana, sdr)"
    );
}
