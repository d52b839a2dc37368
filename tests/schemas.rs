//! The published schemas of the input topics, their examples, and the decoder say the same.
//!
//! Every example validates and decodes; every bad input of `tests/bad_input` is turned away with the code in its
//! name; whatever the bytes, decoding neither panics nor quotes them.

use std::fs;
use std::path::{Path, PathBuf};

use bookd::domain::feeds::Feeds;
use bookd::domain::{Body, Code, Input, Millis, Record, Topic};
use bookd::feed::{Decoder, Rejection};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Longest detail of a rejection: it goes into a header.
const DETAIL_MAX: usize = 256;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn record(topic: Topic, value: &[u8]) -> Record {
    let value = Some(value.to_vec());
    Record { topic, partition: 0, offset: 0, next: 1, key: None, value, headers: Vec::new(), timestamp: Millis(0) }
}

fn decode(topic: Topic, value: &[u8]) -> Result<Option<Input>, Rejection> {
    Decoder::new(Feeds::default()).decode(&record(topic, value))
}

fn validator(topic: Topic) -> Validator {
    let path = root().join(format!("schemas/{}/schema.json", topic.name()));
    let schema: Value = serde_json::from_slice(&fs::read(&path).expect("a schema for each topic")).expect("JSON");
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    jsonschema::draft202012::new(&schema).expect("a schema")
}

fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

fn examples(topic: Topic) -> Vec<(PathBuf, Vec<u8>)> {
    files(&format!("schemas/{}/examples", topic.name()))
}

fn topic_of(body: &Body) -> &'static str {
    match body {
        Body::Rep(_) => "reps",
        Body::Account(_) => "accounts",
        Body::Opportunity(_) => "opportunities",
        Body::Result(_) => "results",
        Body::Activity(_) => "activity",
        Body::Request(_) => "requests",
        Body::Signal(signal) => signal.class.name(),
        other => panic!("no record: {other:?}"),
    }
}

#[test]
fn every_example_validates_and_decodes() {
    for topic in Topic::INPUTS {
        let (validator, examples) = (validator(topic), examples(topic));
        assert!(examples.len() >= 3, "{}: too few examples", topic.name());
        for (path, bytes) in examples {
            let value: Value = serde_json::from_slice(&bytes).expect("JSON");
            let faults: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", path.display());
            let input = decode(topic, &bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(topic_of(&input.expect("something").body), topic.name(), "{}", path.display());
        }
    }
}

#[test]
fn unknown_fields_are_read_over() {
    // At the top and inside.
    for topic in Topic::INPUTS {
        for (path, bytes) in examples(topic) {
            let mut value: Value = serde_json::from_slice(&bytes).expect("JSON");
            let before = decode(topic, &bytes);
            value["later_field"] = json!({ "a": [1, null, { "b": "c" }] });
            for inner in ["account", "actor", "contact"] {
                if value[inner].is_object() {
                    value[inner]["later_field"] = json!([1]);
                }
            }
            assert_eq!(decode(topic, value.to_string().as_bytes()), before, "{}", path.display());
            assert!(validator(topic).is_valid(&value), "{}", path.display());
        }
    }
}

#[test]
fn what_a_schema_requires_the_decoder_requires_too() {
    for topic in Topic::INPUTS {
        let (validator, mut fields) = (validator(topic), 0);
        for (path, bytes) in examples(topic) {
            let whole: Value = serde_json::from_slice(&bytes).expect("JSON");
            for field in whole.as_object().expect("an object").keys() {
                let mut without = whole.clone();
                without.as_object_mut().expect("an object").remove(field);
                let decodes = decode(topic, without.to_string().as_bytes()).is_ok();
                // An id may be in the record's key instead, which the schema can't know.
                let agreed = field == "id" || validator.is_valid(&without) == decodes;
                assert!(agreed, "{}: without {field} it decodes: {decodes}", path.display());
                fields += 1;
            }
        }
        assert!(fields > 5, "{}: nothing tried", topic.name());
    }
}

/// `<topic>.<code>.<what>.json`.
fn expected(path: &Path) -> (Topic, &'static Code) {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    let mut parts = name.split('.');
    let topic = parts.next().and_then(Topic::from_name).unwrap_or_else(|| panic!("{name}: which topic?"));
    let code = parts.next().unwrap_or_default();
    let code = Code::ALL.iter().find(|known| known.text() == code).unwrap_or_else(|| panic!("{name}: which code?"));
    (topic, code)
}

#[test]
fn every_bad_input_is_turned_away_with_its_code() {
    let corpus = files("tests/bad_input");
    let mut seen = std::collections::BTreeSet::new();
    for (path, bytes) in &corpus {
        let (topic, code) = expected(path);
        let rejection = decode(topic, bytes).expect_err(&format!("{} is bad", path.display()));
        assert_eq!(rejection.code, *code, "{}: {rejection}", path.display());
        seen.insert(rejection.code.text());
    }
    for code in [
        Code::Malformed,
        Code::NotUtf8,
        Code::TooDeep,
        Code::MissingField,
        Code::WrongType,
        Code::BadValue,
        Code::TooLong,
        Code::NoAccount,
        Code::LooksFramed,
        Code::TooOld,
        Code::TooFarAhead,
    ] {
        assert!(seen.contains(code.text()), "no bad input for {}", code.text());
    }
}

#[test]
fn a_huge_record_is_turned_away_unread() {
    let limit = Feeds::default().limits.record_bytes;
    // Not even JSON: length is looked at first.
    let huge = vec![b'['; limit + 1];
    assert_eq!(decode(Topic::Intent, &huge).unwrap_err().code, Code::TooLarge);
    let mut most = br#"{"op":"upsert","id":"A","later":""#.to_vec();
    most.resize(limit - 2, b'x');
    most.extend(b"\"}");
    assert!(decode(Topic::Accounts, &most).is_ok());
}

#[test]
fn a_rejection_quotes_nobody() {
    let person = "jane.doe@acme.com";
    for topic in Topic::INPUTS {
        for (path, bytes) in examples(topic) {
            let whole: Value = serde_json::from_slice(&bytes).expect("JSON");
            for field in whole.as_object().expect("an object").keys() {
                for bad in [json!(person), json!([person]), json!({ person: person }), json!(-1e300), json!(true)] {
                    let mut value = whole.clone();
                    value[field] = bad;
                    if let Err(rejection) = decode(topic, value.to_string().as_bytes()) {
                        let told = rejection.to_string();
                        assert!(!told.contains("jane"), "{}: {field}: {told}", path.display());
                        assert!(rejection.detail.len() <= DETAIL_MAX, "{}: {field}: {told}", path.display());
                    }
                }
            }
        }
    }
}

#[test]
fn no_address_gets_into_an_input() {
    // Wherever an address may stand, what is decoded holds its domain at most.
    for topic in Topic::INPUTS {
        for (path, bytes) in examples(topic) {
            let input = decode(topic, &bytes).expect("decodes");
            assert!(!format!("{input:?}").contains('@'), "{}", path.display());
        }
    }
}

fn any_example() -> impl Strategy<Value = (Topic, Vec<u8>)> {
    let all: Vec<(Topic, Vec<u8>)> =
        Topic::INPUTS.into_iter().flat_map(|topic| examples(topic).into_iter().map(move |(_, b)| (topic, b))).collect();
    proptest::sample::select(all)
}

/// A value of any kind in the place of a field, or bytes over bytes.
#[derive(Clone, Debug)]
enum Damage {
    Cut(usize),
    Flip(usize, u8),
    Splice(usize, Vec<u8>),
    Replace(usize, Value),
}

fn damage() -> impl Strategy<Value = Damage> {
    let values = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "\\PC{0,40}".prop_map(|value| json!(value)),
        prop::collection::vec("\\PC{0,5}", 0..4).prop_map(|value| json!(value)),
        prop::collection::btree_map("\\PC{0,5}", any::<i32>(), 0..4).prop_map(|value| json!(value)),
    ];
    prop_oneof![
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), any::<u8>()).prop_map(|(place, byte)| Damage::Flip(place, byte)),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 0..8))
            .prop_map(|(place, with)| Damage::Splice(place, with)),
        (any::<usize>(), values).prop_map(|(place, value)| Damage::Replace(place, value)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let place = |place: usize| place % bytes.len().max(1);
    match damage {
        Damage::Cut(at) => bytes.truncate(place(*at)),
        Damage::Flip(at, byte) => {
            let at = place(*at);
            if let Some(hit) = bytes.get_mut(at) {
                *hit ^= *byte;
            }
        }
        Damage::Splice(at, with) => {
            let at = place(*at);
            bytes.splice(at..at, with.iter().copied());
        }
        Damage::Replace(which, value) => {
            if let Ok(Value::Object(mut object)) = serde_json::from_slice(&bytes) {
                let field = object.keys().nth(which % object.len().max(1)).cloned();
                object.extend(field.map(|field| (field, value.clone())));
                bytes = Value::Object(object).to_string().into_bytes();
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for topic in Topic::INPUTS {
            let _ = decode(topic, &bytes);
        }
    }

    #[test]
    fn damaged_examples_never_panic((topic, bytes) in any_example(), how in prop::collection::vec(damage(), 1..4)) {
        let bytes = how.iter().fold(bytes, damaged);
        let first = decode(topic, &bytes);
        if let Err(rejection) = &first {
            prop_assert!(rejection.detail.len() <= DETAIL_MAX);
        }
        // The same bytes are the same input: nothing depends on chance or the clock.
        prop_assert_eq!(decode(topic, &bytes), first);
    }

    #[test]
    fn what_decodes_is_what_the_schema_allows(
        (topic, bytes) in any_example(),
        which in any::<usize>(),
        value in prop_oneof![Just(json!(null)), any::<u32>().prop_map(|n| json!(n)), "[a-z]{0,5}".prop_map(|t| json!(t))],
    ) {
        let bytes = damaged(bytes, &Damage::Replace(which, value));
        let value: Value = serde_json::from_slice(&bytes).expect("still JSON");
        if let Ok(Some(_)) = decode(topic, &bytes) {
            // But for blank texts, which are null.
            let blank = value.as_object().expect("an object").values().any(|field| field == "");
            prop_assert!(blank || validator(topic).is_valid(&value), "{value}");
        }
    }
}
