//! A small company for tests of the loops: a policy in minutes instead of weeks, and the lines that feeds would send.

use bookd::config::{self, Config};
use bookd::domain::Millis;
use bookd::wire::instant::Rfc3339;

/// Idle for 30 minutes is lost, warned 5 minutes before; a surge is worth a place in a book.
pub const POLICY: &str = r#"
[policy]
version = 1

[policy.kinds.intent]
surge = { points = 30 }

[policy.kinds.activity]
email_sent = {}

[policy.fit]
otherwise = 0.5

[[policy.sources]]
name = "crm"
cadence = "1d"
lateness = "0s"

[[policy.roles]]
name = "sdr"

[[policy.segments]]
name = "everybody"
threshold = 30

[[policy.books]]
name = "sdr"
role = "sdr"
capacity = 4
lead = "5m"
rest = "10m"
evidence = { window = "30m", kinds = ["email_sent"] }

[feeds]
hash_key = "only tests know this key"
"#;

/// The same in seconds: accounts are lost and dealt out again all the time, and no breaker ends it.
pub fn restless() -> String {
    let policy = POLICY.replace(
        "lead = \"5m\"\nrest = \"10m\"\nevidence = { window = \"30m\", kinds = [\"email_sent\"] }",
        r#"lead = "1s"
rest = "1s"
evidence = { window = "2s", kinds = ["email_sent"] }
caps = { per_rep_day = 100000, per_book_hour = 1.0 }
cool_off = { owners = 0 }

[policy.breaker]
book_min = 100000
all_min = 100000
"#,
    );
    assert_ne!(policy, POLICY, "nothing was replaced");
    policy
}

/// The policy with settings behind it; `settings` is TOML.
pub fn config(settings: &str) -> Config {
    let text = format!("{POLICY}\n{settings}");
    config::parse("company.toml", &text, &[]).unwrap_or_else(|report| panic!("{report:?}"))
}

pub fn rep(id: &str) -> String {
    format!(r#"{{"op":"upsert","id":"{id}","role":"sdr","book":"sdr"}}"#)
}

pub fn rep_with_capacity(id: &str, capacity: u32) -> String {
    format!(r#"{{"op":"upsert","id":"{id}","role":"sdr","book":"sdr","capacity":{capacity}}}"#)
}

pub fn account(id: &str) -> String {
    format!(r#"{{"op":"upsert","id":"{id}","domains":["{id}.com"],"fit":0.5}}"#)
}

pub fn owned_account(id: &str, owner: &str) -> String {
    format!(r#"{{"op":"upsert","id":"{id}","domains":["{id}.com"],"fit":0.5,"owners":{{"sdr":"{owner}"}}}}"#)
}

/// An intent signal that makes an account worth placing.
pub fn surge(event: &str, account: &str, at: Millis) -> String {
    let at = Rfc3339(at);
    format!(
        r#"{{"event_id":"{event}","source":"vendor","kind":"surge","mode":"delta","account":{{"crm_id":"{account}"}},"occurred_at":"{at}"}}"#
    )
}

pub fn email(event: &str, rep: &str, account: &str, at: Millis) -> String {
    let at = Rfc3339(at);
    format!(
        r#"{{"event_id":"{event}","source":"crm","kind":"email_sent","account":{{"crm_id":"{account}"}},"actor":{{"crm_id":"{rep}"}},"direction":"outbound","occurred_at":"{at}"}}"#
    )
}
