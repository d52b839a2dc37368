//! What decoding makes of each kind of record, field by field.

use super::*;
use crate::domain::account::{Change, Value};
use crate::domain::ids::{Actor, Id128};
use crate::domain::rep::RepStatus;
use crate::domain::request::{Request, RequestOp, ReturnReason, UndoAsked};
use crate::domain::result::ResultStatus;
use crate::domain::signal::{Activity, Direction, Mode, Signal};
use crate::domain::{Candidate, Candidates, Millis};

fn record(topic: Topic, key: Option<&str>, value: Option<&str>) -> Record {
    Record {
        topic,
        partition: 3,
        offset: 70,
        next: 71,
        key: key.map(|key| key.as_bytes().to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        headers: Vec::new(),
        timestamp: Millis(0),
    }
}

fn decoder() -> Decoder {
    Decoder::new(Feeds { hash_key: b"a key for the tests of feed".to_vec(), ..Feeds::default() })
}

fn body(topic: Topic, value: &str) -> Body {
    keyed(topic, None, Some(value)).expect("decodes").expect("is something")
}

fn keyed(topic: Topic, key: Option<&str>, value: Option<&str>) -> Result<Option<Body>, Code> {
    let decoded = decoder().decode(&record(topic, key, value)).map_err(|rejection| rejection.code)?;
    Ok(decoded.map(|input| input.body))
}

fn code(topic: Topic, value: &str) -> Code {
    keyed(topic, None, Some(value)).expect_err("is turned away")
}

fn signal(topic: Topic, value: &str) -> Signal {
    let Body::Signal(signal) = body(topic, value) else { panic!("a signal") };
    signal
}

fn activity(value: &str) -> Activity {
    let Body::Activity(activity) = body(Topic::Activity, value) else { panic!("an activity") };
    activity
}

fn request(value: &str) -> Request {
    let Body::Request(request) = body(Topic::Requests, value) else { panic!("a request") };
    request
}

fn account_op(key: Option<&str>, value: Option<&str>) -> (Text, AccountOp) {
    let Ok(Some(Body::Account(record))) = keyed(Topic::Accounts, key, value) else { panic!("an account") };
    (record.id, record.op)
}

fn account_change(value: &str) -> crate::domain::account::AccountChange {
    let (_, AccountOp::Change(change)) = account_op(Some("A"), Some(value)) else { panic!("a change") };
    *change
}

fn rep_change(value: &str) -> crate::domain::rep::RepChange {
    let Body::Rep(RepRecord { op: RepOp::Change(change), .. }) = body(Topic::Reps, value) else { panic!("a change") };
    *change
}

const AT: &str = r#""occurred_at":"2026-05-04T14:00:00Z""#;

fn intent(rest: &str) -> Signal {
    signal(Topic::Intent, &format!(r#"{{"source":"v","kind":"surge","account":{{"domain":"acme.com"}},{AT}{rest}}}"#))
}

fn act(rest: &str) -> Activity {
    activity(&format!(r#"{{"source":"s","kind":"call_made","direction":"outbound",{AT}{rest}}}"#))
}

#[test]
fn a_signal_has_its_place_its_facts_and_its_time() {
    let value = format!(
        r#"{{"event_id":"e1","source":"v","kind":"surge","account":{{"domain":"www.Acme.com"}},"subject":" crm ","strength":78.1234,{AT},"later":[{{}}]}}"#
    );
    let input = decoder().decode(&record(Topic::Intent, None, Some(&value))).unwrap().unwrap();
    assert_eq!(input.position, Some(Position { topic: Topic::Intent, partition: 3, offset: 70 }));
    let Body::Signal(signal) = input.body else { panic!("a signal") };
    assert_eq!((signal.class, &*signal.kind, &*signal.source), (Class::Intent, "surge", "v"));
    assert_eq!(*signal.account, [Candidate::Domain("acme.com".into())]);
    assert_eq!((signal.subject.as_deref(), signal.strength), (Some("crm"), Some(78_123)));
    assert_eq!((signal.mode, signal.at, signal.due), (Mode::Snapshot, Millis(1_777_903_200_000), None));
}

#[test]
fn candidates_come_in_the_order_of_trust() {
    let account = r#"{"email":"d@mail.acme.io","domain":"acme.com","vendor_ids":{"z":1,"b":"x","c":null},"crm_id":7}"#;
    let value = format!(r#"{{"source":"w","kind":"k","account":{account},{AT}}}"#);
    let vendor = |vendor: &str, id: &str| Candidate::VendorId { vendor: vendor.into(), id: id.into() };
    assert_eq!(
        signal(Topic::Inbound, &value).account[..],
        [
            Candidate::CrmId("7".into()),
            vendor("b", "x"),
            vendor("z", "1"),
            Candidate::Domain("acme.com".into()),
            Candidate::EmailDomain("acme.io".into())
        ]
    );
    let same = format!(r#"{{"source":"w","kind":"k","account":{{"domain":"acme.com","email":"d@acme.com"}},{AT}}}"#);
    assert_eq!(signal(Topic::Inbound, &same).account[..], [Candidate::Domain("acme.com".into())]);
}

#[test]
fn a_signal_without_a_usable_account_is_turned_away_and_an_activity_is_not() {
    for account in ["null", "{}", r#"{"domain":"n/a"}"#, r#"{"email":"d@gmail.com"}"#, r#"{"crm_id":" "}"#] {
        let value = format!(r#"{{"source":"w","kind":"k","account":{account},{AT}}}"#);
        assert_eq!(code(Topic::Engagement, &value), Code::NoAccount, "{account}");
        assert_eq!(act(&format!(r#","account":{account}"#)).account[..], []);
    }
    assert_eq!(act("").account[..], []);
}

#[test]
fn the_mode_follows_the_topic_unless_the_event_says_it() {
    let value = format!(r#"{{"source":"w","kind":"k","account":{{"crm_id":"A"}},{AT}}}"#);
    assert_eq!(signal(Topic::Intent, &value).mode, Mode::Snapshot);
    assert_eq!(signal(Topic::Engagement, &value).mode, Mode::Delta);
    assert_eq!(signal(Topic::Inbound, &value).mode, Mode::Delta);
    assert_eq!(intent(r#","mode":"delta""#).mode, Mode::Delta);
}

#[test]
fn an_event_is_known_again_by_its_id_and_nothing_else() {
    let dedup = intent(r#","event_id":"e1""#).dedup;
    assert_eq!(dedup, intent(r#","event_id":"e1","strength":5,"subject":"other""#).dedup);
    assert_ne!(dedup, intent(r#","event_id":"e2""#).dedup);
    let engagement = format!(r#"{{"event_id":"e1","source":"v","kind":"k","account":{{"crm_id":"A"}},{AT}}}"#);
    assert_ne!(dedup, signal(Topic::Engagement, &engagement).dedup);
    assert_ne!(dedup, signal(Topic::Engagement, &engagement.replace("\"v\"", "\"w\"")).dedup);
}

#[test]
fn a_snapshot_without_id_is_new_once_a_day_or_when_its_value_changes() {
    let at = |time: &str, strength: u32| {
        let rest = format!(
            r#"{{"source":"v","kind":"surge","account":{{"domain":"acme.com"}},"strength":{strength},"occurred_at":"{time}"}}"#
        );
        signal(Topic::Intent, &rest).dedup
    };
    let noon = at("2026-05-04T12:00:00Z", 5);
    assert_eq!(noon, at("2026-05-04T23:59:59Z", 5));
    assert_ne!(noon, at("2026-05-05T00:00:00Z", 5));
    assert_ne!(noon, at("2026-05-04T12:00:00Z", 6));
}

#[test]
fn a_delta_without_id_is_its_content_and_instant() {
    let click = |subject: &str, time: &str| {
        let value = format!(
            r#"{{"source":"w","kind":"k","account":{{"crm_id":"A"}},"subject":{subject},"occurred_at":"{time}"}}"#
        );
        signal(Topic::Engagement, &value).dedup
    };
    let first = click("\"/a\"", "2026-05-04T12:00:00Z");
    assert_eq!(first, click("\"/a\"", "2026-05-04T14:00:00+02:00"));
    assert_ne!(first, click("\"/a\"", "2026-05-04T12:00:00.001Z"));
    assert_ne!(first, click("\"/b\"", "2026-05-04T12:00:00Z"));
    assert_ne!(first, click("null", "2026-05-04T12:00:00Z"));
    assert_ne!(act("").dedup, act(r#","actor":{"crm_id":"R"}"#).dedup);
    assert_ne!(act("").dedup, act(r#","contact":{"crm_id":"C"}"#).dedup);
}

#[test]
fn people_are_hashes_and_the_same_address_is_the_same_person() {
    let by = |contact: &str| act(&format!(r#","contact":{contact}"#)).contact;
    assert_eq!(by("null"), 0);
    assert_eq!(by("{}"), 0);
    assert_ne!(by(r#"{"email":"d@acme.com"}"#), 0);
    assert_eq!(by(r#"{"email":"d@acme.com"}"#), by(r#"{"email":" D@ACME.com"}"#));
    assert_ne!(by(r#"{"email":"d@acme.com"}"#), by(r#"{"email":"e@acme.com"}"#));
    assert_eq!(by(r#"{"crm_id":7}"#), by(r#"{"crm_id":"7","email":"d@acme.com"}"#));
}

#[test]
fn an_actor_is_a_rep_or_an_alias_that_reps_list() {
    let by = |actor: &str| act(&format!(r#","actor":{actor}"#)).actor;
    assert_eq!(by(r#"{"crm_id":5,"email":"ana@x.com"}"#), Some(Actor::Rep("5".into())));
    assert_eq!(by("{}"), None);
    let change = rep_change(r#"{"op":"patch","id":"R","emails":["Ana@X.com"],"aliases":["outreach:1",20031]}"#);
    let Change::Set(aliases) = change.aliases else { panic!("aliases") };
    for actor in [r#"{"email":"ana@x.com"}"#, r#"{"alias":"outreach:1"}"#, r#"{"alias":"20031"}"#] {
        let Some(Actor::Alias(alias)) = by(actor) else { panic!("an alias") };
        assert!(aliases.contains(&alias), "{actor}");
    }
}

#[test]
fn activity_says_its_direction_and_its_meeting() {
    assert_eq!(act("").direction, Direction::Outbound);
    assert_eq!(act(r#","meeting_at":1778569200000"#).meeting_at, Some(Millis(1_778_569_200_000)));
    let value = format!(r#"{{"source":"s","kind":"k",{AT}}}"#);
    assert_eq!(code(Topic::Activity, &value), Code::MissingField);
}

#[test]
fn times_are_judged() {
    let at = |time: &str| {
        let value = format!(r#"{{"source":"w","kind":"k","account":{{"crm_id":"A"}},"occurred_at":{time}}}"#);
        keyed(Topic::Engagement, None, Some(&value)).map(|_| ())
    };
    assert_eq!(at("1577836800000"), Ok(()));
    for (time, wanted) in [
        ("1577836799999", Code::TooOld),
        ("\"2019-12-31T23:59:59Z\"", Code::TooOld),
        ("1777903200", Code::TooOld),
        ("-5", Code::TooOld),
        ("4102444800001", Code::TooFarAhead),
        ("\"9999-12-31T00:00:00Z\"", Code::TooFarAhead),
        ("\"2026-05-04T14:00:60Z\"", Code::BadValue),
        ("\"2026-05-04T14:00:00\"", Code::BadValue),
        ("9223372036854775808", Code::BadValue),
        // Beyond 64 bits it is no integer any more.
        ("99999999999999999999", Code::WrongType),
        ("1777903200000.5", Code::WrongType),
        ("true", Code::WrongType),
        ("null", Code::MissingField),
    ] {
        assert_eq!(at(time), Err(wanted), "{time}");
    }
    let seconds = record(Topic::Requests, None, Some(r#"{"op":"proceed","by":"x","requested_at":1777903200}"#));
    assert!(decoder().decode(&seconds).unwrap_err().detail.contains("seconds"));
}

#[test]
fn an_upsert_clears_what_it_does_not_name_and_a_patch_keeps_it() {
    let upsert = account_change(r#"{"op":"upsert"}"#);
    assert_eq!((&upsert.domains, &upsert.fit, &upsert.parent), (&Change::Clear, &Change::Clear, &Change::Clear));
    assert!(upsert.replace_fields && upsert.owners.is_empty() && upsert.crm_version.is_none());
    assert_eq!(account_change(r#"{"op":"patch"}"#), crate::domain::account::AccountChange::default());
    let null = account_change(r#"{"op":"patch","domains":null,"fit":null,"parent_id":"","fields":null}"#);
    assert_eq!((&null.domains, &null.fit, &null.parent), (&Change::Clear, &Change::Clear, &Change::Clear));
    assert!(null.replace_fields);
}

#[test]
fn an_account_has_domains_owners_fields_and_a_version() {
    let change = account_change(
        r#"{"op":"patch","domains":["www.acme.com","acme.com","n/a",null,"gmail.com","bücher.de"],"fit":0.1234567,
            "owners":{"sdr":5,"ae":null},"crm_version":"9007199254740993","parent_id":12,
            "fields":{"z":12.5,"b":true,"n":-3,"t":" x ","l":["a",null,"b"],"gone":null,"blank":"","mail":"j@acme.com"}}"#,
    );
    assert_eq!(change.domains, Change::Set(vec!["acme.com".into(), "xn--bcher-kva.de".into()]));
    assert_eq!((change.fit, change.parent), (Change::Set(123_457), Change::Set("12".into())));
    assert_eq!(change.owners, [("ae".into(), None), ("sdr".into(), Some("5".into()))]);
    assert_eq!(change.crm_version, Some(9_007_199_254_740_993));
    let field = |name: &str| change.fields.iter().find(|(field, _)| &**field == name).expect("there").1.clone();
    assert_eq!(field("z"), Some(Value::Number(12_500)));
    assert_eq!(field("b"), Some(Value::Bool(true)));
    assert_eq!(field("n"), Some(Value::Number(-3_000)));
    assert_eq!(field("t"), Some(Value::Text("x".into())));
    assert_eq!(field("l"), Some(Value::List(["a".into(), "b".into()].into())));
    assert_eq!((field("gone"), field("blank")), (None, None));
    assert!(matches!(field("mail"), Some(Value::Text(text)) if text.starts_with("hash:")));
    assert!(!change.replace_fields);
}

#[test]
fn a_rep_has_a_role_a_book_and_bounds() {
    let change = rep_change(r#"{"op":"upsert","id":"R","role":"sdr","book":"b","capacity":60.0,"team":3}"#);
    assert_eq!((change.role, change.book), (Change::Set("sdr".into()), Change::Set("b".into())));
    assert_eq!((change.capacity, change.weight), (Change::Set(60), Change::Clear));
    assert_eq!((change.team, change.status, change.aliases), (Change::Set("3".into()), Change::Clear, Change::Clear));
    let patch = rep_change(r#"{"op":"patch","id":"R","status":"departed","emails":[]}"#);
    assert_eq!((patch.status, patch.aliases), (Change::Set(RepStatus::Departed), Change::Clear));
    assert_eq!(rep_change(r#"{"op":"patch","id":"R"}"#), crate::domain::rep::RepChange::default());
}

#[test]
fn a_key_names_what_the_body_does_not() {
    assert_eq!(&*account_op(Some("K"), Some(r#"{"op":"upsert"}"#)).0, "K");
    assert_eq!(&*account_op(Some("\"K\""), Some(r#"{"op":"upsert","id":null}"#)).0, "K");
    assert_eq!(&*account_op(Some("K"), Some(r#"{"op":"upsert","id":"B"}"#)).0, "B");
    assert_eq!(code(Topic::Accounts, r#"{"op":"upsert"}"#), Code::MissingField);
    assert_eq!(keyed(Topic::Reps, Some("\0\0\0\0\x01R"), Some(r#"{"op":"upsert"}"#)), Err(Code::LooksFramed));
}

#[test]
fn a_tombstone_deletes_what_its_key_names() {
    assert_eq!(account_op(Some("K"), None), ("K".into(), AccountOp::Delete));
    assert!(matches!(keyed(Topic::Reps, Some("K"), None), Ok(Some(Body::Rep(record))) if record.op == RepOp::Delete));
    assert!(matches!(keyed(Topic::Opportunities, Some("K"), None), Ok(Some(Body::Opportunity(_)))));
    assert_eq!(keyed(Topic::Accounts, None, None), Err(Code::MissingField));
    for topic in [Topic::Intent, Topic::Activity, Topic::Requests, Topic::Results] {
        assert_eq!(keyed(topic, Some("K"), None), Ok(None));
    }
}

#[test]
fn an_opportunity_is_open_or_closed() {
    let change = |value: &str| match body(Topic::Opportunities, value) {
        Body::Opportunity(OpportunityRecord { op: OpportunityOp::Change { account, open }, .. }) => (account, open),
        other => panic!("{other:?}"),
    };
    let (account, open) = change(r#"{"op":"upsert","id":"O","account":{"crm_id":"A"},"status":"open"}"#);
    assert_eq!((account, open), (Candidates::from_iter([Candidate::CrmId("A".into())]), Change::Set(true)));
    assert_eq!(change(r#"{"op":"patch","id":"O"}"#), (Candidates::new(), Change::Keep));
    assert_eq!(change(r#"{"op":"patch","id":"O","status":"won"}"#).1, Change::Set(false));
    assert_eq!(change(r#"{"op":"patch","id":"O","status":null}"#).1, Change::Clear);
    assert_eq!(code(Topic::Opportunities, r#"{"op":"upsert","id":"O"}"#), Code::MissingField);
}

#[test]
fn an_undo_names_a_command_an_entry_or_an_instant() {
    let whole = |more: &str| request(&format!(r#"{{"op":"undo","by":"ops","requested_at":1777903200000{more}}}"#));
    let undo = |more: &str| whole(more).undo;
    assert_eq!(undo(""), None);
    let asked = UndoAsked { command: Some(Id128(0xab)), ..UndoAsked::default() };
    assert_eq!(undo(r#","command_id":"000000000000000000000000000000AB""#), Some(Box::new(asked)));
    assert_eq!(undo(r#","entry":7,"command_id":null"#).and_then(|asked| asked.entry), Some(7));
    assert_eq!(undo(r#","since":1777900000000"#).and_then(|asked| asked.since), Some(Millis(1_777_900_000_000)));
    // What is unclear is for the engine to refuse: who asked hears of it.
    assert!(undo(r#","entry":7,"since":1777900000000"#).is_some_and(|asked| !asked.is_clear()));
    assert_ne!(whole(r#","entry":7"#).dedup, whole(r#","entry":8"#).dedup);
}

#[test]
fn a_request_says_what_by_whom_and_when() {
    let asked = request(
        r#"{"op":"return","account":{"crm_id":"A"},"role":"sdr","rep_id":5,"reason":"call_back",
            "until":"2026-09-01T00:00:00Z","by":"crm-sync","requested_at":1777903200000}"#,
    );
    assert_eq!((asked.op, asked.reason), (RequestOp::Return, Some(ReturnReason::CallBack)));
    assert_eq!(
        (asked.rep.as_deref(), &*asked.by, asked.until),
        (Some("5"), "crm-sync", Some(Millis(1_788_220_800_000)))
    );
    let hold = |more: &str| request(&format!(r#"{{"op":"hold","by":"J@x.com","requested_at":1777903200000{more}}}"#));
    assert!(hold("").by.starts_with("hash:"));
    assert_ne!(hold("").dedup, hold(r#","role":"ae""#).dedup);
    assert_eq!(hold(r#","request_id":1"#).dedup, hold(r#","request_id":"1","role":"ae""#).dedup);
}

#[test]
fn a_result_says_what_became_of_a_command() {
    let value = r#"{"command_id":"00112233445566778899AABBCCDDEEFF","status":"failed","observed_owner_id":7,
        "error_code":"LOCKED by j@x.com","crm_version":5,"at":1777903200000}"#;
    let Body::Result(result) = body(Topic::Results, value) else { panic!("a result") };
    assert_eq!(result.command_id.0, 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    assert_eq!((result.status, result.observed_owner), (ResultStatus::Failed, Change::Set("7".into())));
    assert!(result.error_code.is_some_and(|code| code.starts_with("hash:")));
    assert_eq!(code(Topic::Results, &value.replace("0011", "+011")), Code::BadValue);
    let observed = |field: &str| {
        let value = value.replace(r#""observed_owner_id":7,"#, field);
        let Body::Result(result) = body(Topic::Results, &value) else { panic!("a result") };
        result.observed_owner
    };
    assert_eq!(observed(r#""observed_owner_id":null,"#), Change::Clear, "nobody");
    assert_eq!(observed(""), Change::Keep, "the writer didn't look");
}

#[test]
fn an_address_is_no_id() {
    for value in [
        r#"{"op":"upsert","id":"jane@acme.com"}"#,
        r#"{"op":"upsert","id":"R","manager_id":"jane@acme.com"}"#,
        r#"{"op":"upsert","id":"R","fields":{"jane@acme.com":1}}"#,
    ] {
        assert_eq!(code(Topic::Reps, value), Code::BadValue, "{value}");
    }
    assert!(intent(r#","subject":"/x?mail=jane%40acme.com""#).subject.is_some_and(|s| s.starts_with("hash:")));
}

#[test]
fn limits_hold_to_the_byte() {
    let text = |length: usize| format!(r#"{{"op":"upsert","id":"{}"}}"#, "x".repeat(length));
    assert!(matches!(body(Topic::Reps, &text(1024)), Body::Rep(_)));
    assert_eq!(code(Topic::Reps, &text(1025)), Code::TooLong);
    let fields = |count: usize| {
        let fields: Vec<String> = (0..count).map(|number| format!("\"f{number}\":1")).collect();
        format!(r#"{{"op":"upsert","id":"R","fields":{{{}}}}}"#, fields.join(","))
    };
    assert_eq!(rep_change(&fields(64)).fields.len(), 64);
    assert_eq!(code(Topic::Reps, &fields(65)), Code::TooLong);
    let emails = |count: usize| format!(r#"{{"op":"upsert","id":"R","emails":[{}]}}"#, vec!["\"a\""; count].join(","));
    assert!(matches!(rep_change(&emails(64)).aliases, Change::Set(aliases) if aliases.len() == 1));
    assert_eq!(code(Topic::Reps, &emails(65)), Code::TooLong);
}

#[test]
fn topics_of_our_own_are_not_read() {
    assert_eq!(code(Topic::Commands, "{}"), Code::Malformed);
}
