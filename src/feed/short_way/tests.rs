//! What the short way takes and what it leaves to the long way; and that both say the same of what it takes.

use crate::domain::feeds::Feeds;
use crate::domain::{Input, Millis, Record, Topic};
use crate::feed::{Decoder, Rejection};

const SIGNAL: &str = r#"{"event_id":"e-1","source":"vendor","kind":"surge","account":{"crm_id":"001A","vendor_ids":{"v":"c-1"},"domain":"acme.com","email":"d@acme.io"},"subject":"crm","strength":7.5,"mode":"delta","occurred_at":"2026-05-04T06:00:00.250Z"}"#;

const ACTIVITY: &str = r#"{"event_id":"e-1","source":"crm","kind":"call_made","account":{"crm_id":"001A","domain":"acme.com"},"actor":{"crm_id":"005A","email":"ana@x.com","alias":"a:1"},"contact":{"crm_id":"003A","email":"d@acme.io"},"direction":"mutual","meeting_at":"2026-05-12T09:00:00+02:00","occurred_at":1777903387250}"#;

const ACCOUNT: &str = r#"{"op":"patch","id":"001A","domains":["acme.com","www.acme.io"],"fit":0.75,"owners":{"sdr":"005A","ae":null},"fields":{"tier":"a","employees":1400,"growth":0.125,"named":true,"tech":["crm","x"]},"parent_id":"001B","crm_version":17,"updated_at":"2026-05-04T06:00:00Z"}"#;

/// What each way says.
fn ways(topic: Topic, json: &str) -> (Option<Input>, Result<Option<Input>, Rejection>) {
    let decoder = Decoder::new(Feeds { hash_key: b"a key of these tests".to_vec(), ..Feeds::default() });
    let (value, headers) = (Some(json.as_bytes().to_vec()), Vec::new());
    let record = Record { topic, partition: 1, offset: 2, next: 3, key: None, value, headers, timestamp: Millis(0) };
    assert_eq!(decoder.decode(&record), decoder.parse(&record), "{json}");
    (decoder.scan(&record), decoder.parse(&record))
}

#[track_caller]
fn taken(topic: Topic, json: &str) {
    let (short, long) = ways(topic, json);
    assert!(short.is_some(), "a surprise: {json}");
    assert_eq!(Ok(short), long, "{json}");
}

/// Left to the long way, which turns it away.
#[track_caller]
fn turned_away(topic: Topic, json: &str) {
    let (short, long) = ways(topic, json);
    assert_eq!(short, None, "{json}");
    assert!(long.is_err(), "nothing is wrong with it: {json}");
}

#[track_caller]
fn with(event: &str, from: &str, to: &str) -> String {
    assert!(event.contains(from), "{from}");
    event.replacen(from, to, 1)
}

#[test]
fn values_that_are_taken() {
    taken(Topic::Intent, SIGNAL);
    taken(Topic::Activity, ACTIVITY);
    let long = "x".repeat(1024);
    for (from, to) in [
        (r#""e-1""#, "12"),
        (r#""e-1""#, "null"),
        (r#""e-1""#, r#"" ""#),
        (r#""e-1""#, r#""jane@acme.com""#),
        (r#""vendor""#, r#"" vendor ""#),
        (r#""vendor""#, r#""v""#),
        (r#""vendor""#, &format!("\"{long}\"")),
        (r#""vendor""#, &format!("\"  {long} \"")),
        (r#""001A""#, "17"),
        (r#""001A""#, "null"),
        (r#""acme.com""#, r#""https://www.Acme.com:443/x?y@z""#),
        (r#""acme.com""#, r#""n/a""#),
        (r#""acme.com""#, r#""co.uk""#),
        (r#""acme.com""#, r#""BÜCHER.de""#),
        (r#""d@acme.io""#, r#""d@acme.com""#),
        (r#""d@acme.io""#, r#""d@www.acme.com""#),
        (r#""d@acme.io""#, r#""D@Gmail.com""#),
        (r#""d@acme.io""#, r#""nobody""#),
        (r#""crm""#, r#""jane@acme.com""#),
        (r#""crm""#, r#""x?mail=jane%40acme.com""#),
        (r#""crm""#, r#""100 % größer @ home""#),
        (r#""crm""#, r#""exactly sixteen!""#),
        (r#""crm""#, r#""a bit more than sixteen, and @ behind them""#),
        ("7.5", "4000000"),
        ("7.5", "4000000.0"),
        ("7.5", "0.0005"),
        ("7.5", "null"),
        (r#""delta""#, r#"" snapshot""#),
        (r#""delta""#, r#""""#),
        (r#""2026-05-04T06:00:00.250Z""#, "1577836800000"),
        (r#""2026-05-04T06:00:00.250Z""#, "4102444800000"),
        (r#""v":"c-1""#, ""),
        (r#""v":"c-1""#, r#""z":1,"b":"x","c":null,"é":" ""#),
        (r#"{"v":"c-1"}"#, "null"),
    ] {
        taken(Topic::Intent, &with(SIGNAL, from, to));
    }
    for (from, to) in [
        (r#""2026-05-12T09:00:00+02:00""#, r#"" ""#),
        (r#""005A""#, "null"),
        (r#""005A","email":"ana@x.com""#, r#""","email":"  ""#),
        (r#"{"crm_id":"003A","email":"d@acme.io"}"#, r#"{"crm_id":3}"#),
        (r#"{"crm_id":"003A","email":"d@acme.io"}"#, r#"{"email":"Müller@ACME.io"}"#),
        (r#"{"crm_id":"003A","email":"d@acme.io"}"#, "{}"),
        (r#"{"crm_id":"001A","domain":"acme.com"}"#, "null"),
    ] {
        taken(Topic::Activity, &with(ACTIVITY, from, to));
    }
}

#[test]
fn accounts_that_are_taken() {
    taken(Topic::Accounts, ACCOUNT);
    taken(Topic::Accounts, r#"{"op":"upsert","id":17}"#);
    taken(Topic::Accounts, r#"{"op":"delete","id":"001A","updated_at":null}"#);
    for (from, to) in [
        (r#""patch""#, r#""upsert""#),
        (r#""patch""#, r#"" delete""#),
        (r#"["acme.com","www.acme.io"]"#, "null"),
        (r#"["acme.com","www.acme.io"]"#, "[]"),
        (r#""www.acme.io""#, r#""https://www.ACME.com/x""#),
        (r#""www.acme.io""#, r#"null," ","n/a""#),
        ("0.75", "1"),
        ("0.75", "null"),
        (r#"{"sdr":"005A","ae":null}"#, "null"),
        (r#""005A""#, "17"),
        (r#""tier":"a""#, r#""tier":" a ""#),
        (r#""tier":"a""#, r#""tier":" ""#),
        (r#""tier":"a""#, r#""tier":"ask jane@acme.com""#),
        (r#""tier":"a""#, r#"" tier ":"a""#),
        (r#""tier":"a","employees""#, r#""z":null,"employees""#),
        ("1400", "9007199254740993"),
        ("1400", "99999999999999.9"),
        ("true", "false"),
        (r#"["crm","x"]"#, r#"[null,"jane@acme.com"," "]"#),
        (r#"["crm","x"]"#, "[]"),
        (r#""001B""#, r#""""#),
        ("17", r#""18446744073709551615""#),
        ("17", "null"),
        (r#""2026-05-04T06:00:00Z""#, "1577836799999"),
        (r#""crm_version":17,"#, ""),
    ] {
        taken(Topic::Accounts, &with(ACCOUNT, from, to));
    }
    let fields = r#"{"tier":"a","employees":1400,"growth":0.125,"named":true,"tech":["crm","x"]}"#;
    taken(Topic::Accounts, &with(ACCOUNT, fields, "null"));
    taken(Topic::Accounts, &with(ACCOUNT, fields, "{}"));
    taken(Topic::Accounts, &with(ACCOUNT, &format!(r#""fields":{fields},"#), ""));
}

#[test]
fn what_is_wrong_with_an_account_is_the_long_ways_to_say() {
    let many = (0..33).map(|role| format!("\"{role}\":null")).collect::<Vec<_>>().join(",");
    for (from, to) in [
        (r#""patch""#, r#""Patch""#),
        (r#""op":"patch","#, ""),
        (r#""001A""#, r#""jane@acme.com""#),
        (r#""001A""#, "null"),
        ("0.75", "1.001"),
        ("0.75", r#""1""#),
        (r#""sdr":"005A","ae":null"#, &many),
        (r#""ae":null"#, r#""sdr":null"#),
        (r#""ae":null"#, r#"" sdr":null"#),
        (r#""ae":null"#, r#""jane@acme.com":null"#),
        (r#""ae":null"#, r#"" ":null"#),
        (r#""005A""#, r#""jane@acme.com""#),
        (r#""tier""#, r#""named""#),
        (r#""tier""#, r#""jane@acme.com""#),
        ("1400", "999999999999999999"),
        ("1400", "{}"),
        (r#"["crm","x"]"#, "[1]"),
        (r#""001B""#, "1.5"),
        ("17", "1.5"),
        ("17", r#""1.5""#),
        (r#""2026-05-04T06:00:00Z""#, "4102444800001"),
        (r#""crm_version":17"#, r#""fit":null"#),
    ] {
        turned_away(Topic::Accounts, &with(ACCOUNT, from, to));
    }
    // Nothing is wrong with these.
    for (from, to) in [("1400", "-1400"), ("17", "17.0"), ("17", "18446744073709551615")] {
        let (short, long) = ways(Topic::Accounts, &with(ACCOUNT, from, to));
        assert!(short.is_none() && long.is_ok(), "{to}");
    }
}

#[test]
fn a_key_stands_for_an_accounts_id() {
    let decoder = Decoder::new(Feeds::default());
    let with_key = |key: &[u8], json: &str| {
        let (value, headers) = (Some(json.as_bytes().to_vec()), Vec::new());
        let (topic, key) = (Topic::Accounts, Some(key.to_vec()));
        let record = Record { topic, partition: 1, offset: 2, next: 3, key, value, headers, timestamp: Millis(0) };
        (decoder.scan(&record), decoder.parse(&record))
    };
    let nameless = r#"{"op":"upsert","id":null}"#;
    for key in [b"001B".as_slice(), b"\"001B\"", b" 001B "] {
        let (short, long) = with_key(key, nameless);
        assert!(short.is_some());
        assert_eq!(Ok(short), long);
        let (short, long) = with_key(key, r#"{"op":"upsert","id":"001A"}"#);
        assert_eq!(Ok(short), long);
    }
    // A key that is wrong is, whether it is needed or not.
    for key in [b"jane@acme.com".as_slice(), b"\xff", b"\"", b"a\tb"] {
        for json in [nameless, r#"{"op":"upsert","id":"001A"}"#] {
            let (short, long) = with_key(key, json);
            assert!(short.is_none() && long.is_err());
        }
    }
    let (short, long) = with_key(b"", nameless);
    assert!(short.is_none() && long.is_err());
}

#[test]
fn any_order_and_spacing_is_taken() {
    for (from, to) in [
        (r#""crm_id":"001A","vendor_ids":{"v":"c-1"}"#, r#""vendor_ids":{"v":"c-1"},"crm_id":"001A""#),
        (r#""domain":"acme.com","email":"d@acme.io""#, r#""email":"d@acme.io","name":"Acme","domain":"acme.com""#),
        (r#""source":"vendor","kind":"surge""#, r#""kind":"surge","later":[{"a":[1.5,-2,true]}],"source":"vendor""#),
        (r#""source":"vendor""#, "\n\t\"source\" : \"vendor\""),
        (r#""source":"vendor""#, r#" "source": "vendor""#),
        (r#""mode":"delta","#, ""),
        ("250Z\"}", "250Z\" } \n"),
    ] {
        taken(Topic::Intent, &with(SIGNAL, from, to));
    }
}

#[test]
fn what_is_wrong_is_the_long_ways_to_say() {
    let long = "x".repeat(1025);
    for (from, to) in [
        (r#""vendor""#, r#""jane@acme.com""#),
        (r#""vendor""#, "\"ven\u{7f}dor\""),
        (r#""vendor""#, "\"ven\u{85}dor\""),
        (r#""vendor""#, "\"ven\tdor\""),
        (r#""vendor""#, &format!("\"{long}\"")),
        (r#""vendor""#, r#"" ""#),
        (r#""surge""#, "null"),
        (r#""001A""#, r#""jane@acme.com""#),
        (r#""001A""#, "1.5"),
        (r#""acme.com""#, "7"),
        (r#""v":"c-1""#, r#"" ":"c-1""#),
        (r#""v":"c-1""#, r#""v":"c-1"," v":null"#),
        (r#""v":"c-1""#, r#""jane@acme.com":1"#),
        (r#""v":"c-1""#, &(0..17).map(|vendor| format!("\"{vendor}\":null")).collect::<Vec<_>>().join(",")),
        ("7.5", "4000001"),
        ("7.5", "4000000.5"),
        ("7.5", r#""7""#),
        (r#""delta""#, r#""Delta""#),
        (r#""2026-05-04T06:00:00.250Z""#, "1577836799999"),
        (r#""2026-05-04T06:00:00.250Z""#, "4102444800001"),
        (r#""2026-05-04T06:00:00.250Z""#, r#""""#),
        (r#""occurred_at":"2026-05-04T06:00:00.250Z""#, r#""later":1"#),
        ("250Z\"}", "250Z\",}"),
        ("250Z\"}", "250Z\"}}"),
        ("250Z\"}", "250Z"),
        ("250Z\"}", "250Z\""),
    ] {
        turned_away(Topic::Intent, &with(SIGNAL, from, to));
    }
    let nobody = r#"{"crm_id":"001A","vendor_ids":{"v":"c-1"},"domain":"acme.com","email":"d@acme.io"}"#;
    turned_away(Topic::Intent, &with(SIGNAL, nobody, r#"{"domain":"n/a"}"#));
    for (from, to) in [
        (r#""mutual""#, r#""sideways""#),
        (r#""direction":"mutual","#, ""),
        (r#""2026-05-12T09:00:00+02:00""#, "4102444800001"),
        (r#""005A""#, r#""ana@x.com""#),
    ] {
        turned_away(Topic::Activity, &with(ACTIVITY, from, to));
    }
    // Nothing is wrong with an escape: it is only no short way.
    let (short, long) = ways(Topic::Intent, &with(SIGNAL, r#""crm""#, r#""c\u0072m""#));
    assert!(short.is_none() && long.is_ok());
}

/// Behind the others, where keys come in any order.
#[test]
fn no_known_key_comes_twice() {
    let signal = ["event_id", "source", "kind", "account", "subject", "strength", "mode", "occurred_at"];
    for key in signal {
        turned_away(Topic::Intent, &format!("{},\"{key}\":null}}", SIGNAL.trim_end_matches('}')));
    }
    for key in ["event_id", "source", "kind", "account", "actor", "contact", "direction", "meeting_at", "occurred_at"] {
        turned_away(Topic::Activity, &format!("{},\"{key}\":null}}", ACTIVITY.trim_end_matches('}')));
    }
    let twice = |event: &str, last: &str, key: &str| with(event, last, &format!("{last},\"{key}\":null"));
    for key in ["crm_id", "vendor_ids", "domain", "email"] {
        turned_away(Topic::Intent, &twice(SIGNAL, r#""email":"d@acme.io""#, key));
    }
    for (last, keys) in [(r#""alias":"a:1""#, ["crm_id", "email"]), (r#""email":"d@acme.io""#, ["crm_id", "email"])] {
        keys.iter().for_each(|key| turned_away(Topic::Activity, &twice(ACTIVITY, last, key)));
    }
    turned_away(Topic::Activity, &twice(ACTIVITY, r#""alias":"a:1""#, "alias"));
    // What nobody knows may be named as often as it likes.
    taken(Topic::Intent, &with(SIGNAL, r#""subject""#, r#""later":1,"later":2,"subject""#));
}
