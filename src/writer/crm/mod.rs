//! The CRM as the writer needs it: read accounts, write owners, say what is missing. Two holders: Salesforce, HubSpot.

pub mod client;
pub mod hubspot;
pub mod salesforce;

use std::time::Duration;

use super::batch::Reply;
use super::command::Command;
use super::judge::Seen;
use crate::config::writer::RoleFields;
use crate::domain::{Millis, Text};
use crate::wire::instant::Rfc3339;
use client::Client;

/// Of a request that brought no answer about its records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Later. Whether it was carried out may be unknown: the next look tells.
    #[error("{what}")]
    Wait { why: Why, what: String, after: Option<Duration> },
    /// The request as such is wrong in the CRM's eyes, maybe for one of its records.
    #[error("{code}: {message}")]
    Refused { code: Text, message: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Too many requests.
    Throttled,
    /// It is down, or what answers isn't the CRM.
    Unavailable,
    /// The answer didn't come in time.
    Unanswered,
    /// A person must do something: a permission, a field, a secret.
    Denied,
}

impl Why {
    pub const ALL: [Why; 4] = [Why::Throttled, Why::Unavailable, Why::Unanswered, Why::Denied];

    pub fn name(self) -> &'static str {
        match self {
            Why::Throttled => "throttled",
            Why::Unavailable => "unavailable",
            Why::Unanswered => "unanswered",
            Why::Denied => "denied",
        }
    }
}

/// What the CRM says of the fields that the writer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// What is missing, a line each; empty: nothing.
    Lacks(Vec<String>),
    /// It doesn't show them to this writer, which can do without; why.
    Hidden(String),
}

/// A command with its role's fields.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    pub command: &'a Command,
    pub fields: &'a RoleFields,
}

/// Blocking; every request is bounded in time. Accounts of one call are different ones.
pub trait Crm: Send {
    /// Records in one request.
    fn most_together(&self) -> usize;

    /// Whether the configured fields, permissions and limits are there.
    fn check(&mut self) -> Result<Checked, Trouble>;

    /// The accounts as they are now, in the order asked; `None`: the CRM has no such account.
    fn look(&mut self, work: &[Work<'_>]) -> Result<Vec<Option<Seen>>, Trouble>;

    /// Writes owners, fence and stamps; what became of each, in the order asked.
    fn write(&mut self, work: &[Work<'_>]) -> Result<Vec<Reply>, Trouble>;

    fn client(&mut self) -> &mut Client;
}

impl Trouble {
    pub fn denied(what: impl Into<String>) -> Trouble {
        Trouble::Wait { why: Why::Denied, what: what.into(), after: None }
    }

    pub fn unavailable(what: impl Into<String>) -> Trouble {
        Trouble::Wait { why: Why::Unavailable, what: what.into(), after: None }
    }
}

/// A value of the CRM's records.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Empty,
    Text(String),
    Number(f64),
    Instant(Millis),
}

/// The longest text of a field whose length isn't known.
const TEXT_CHARACTERS: usize = 255;

/// What is written beside the account's id, field by field. `limit` gives the length of a field, in characters.
fn values(work: Work<'_>, limit: impl Fn(&str) -> Option<usize>) -> Vec<(Text, Value)> {
    let Work { command, fields } = work;
    let owner = |owner: &Option<Text>| match owner.as_ref().or(fields.nobody.as_ref()) {
        Some(owner) => Value::Text(owner.to_string()),
        None => Value::Empty,
    };
    let instant = |at: Option<Millis>| at.map_or(Value::Empty, Value::Instant);
    let because = command.stamps.entered_because.as_ref().map_or(Value::Empty, |code| Value::Text(code.to_string()));
    let reason = |field: &Text| {
        let limit = limit(field).unwrap_or(TEXT_CHARACTERS);
        Value::Text(command.reason.chars().take(limit).collect())
    };
    let stamps = &fields.stamps;
    let needed = [
        (fields.owner.clone(), owner(&command.new)),
        (fields.command.clone(), Value::Text(command.id.to_string())),
        (fields.sequence.clone(), Value::Number(command.sequence as f64)),
    ];
    let optional = [
        fields.expected_owner.clone().map(|field| (field, owner(&command.expected))),
        stamps.entered_at.clone().map(|field| (field, instant(command.stamps.entered_at))),
        stamps.entered_because.clone().map(|field| (field, because)),
        stamps.reason.clone().map(|field| (field.clone(), reason(&field))),
        stamps.priority.clone().map(|field| (field, Value::Number(command.stamps.priority))),
        stamps.at_risk_at.clone().map(|field| (field, instant(command.stamps.at_risk_at))),
        stamps.not_after.clone().map(|field| (field, Value::Instant(command.not_after))),
    ];
    needed.into_iter().chain(optional.into_iter().flatten()).collect()
}

impl Value {
    /// Both CRMs read instants as RFC 3339 in UTC.
    fn json(&self) -> serde_json::Value {
        match self {
            Value::Empty => serde_json::Value::Null,
            Value::Text(text) => text.as_str().into(),
            Value::Number(number) if number.fract() == 0.0 => (*number as i64).into(),
            Value::Number(number) => (*number).into(),
            Value::Instant(at) => Rfc3339(*at).to_string().into(),
        }
    }
}

/// A whole number, however a CRM writes it: 3, 3.0, "3".
fn whole(value: &serde_json::Value) -> Option<u64> {
    let number = match value {
        serde_json::Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

fn text(value: &serde_json::Value) -> Option<Text> {
    value.as_str().filter(|text| !text.is_empty()).map(Text::from)
}

/// The owner in the command's own spelling; who stands for nobody is nobody.
fn owner(found: Option<Text>, work: Work<'_>, same: impl Fn(&str, &str) -> bool) -> Option<Text> {
    let found = found?;
    if work.fields.nobody.as_ref().is_some_and(|nobody| same(nobody, &found)) {
        return None;
    }
    let known = [&work.command.expected, &work.command.new];
    let spelt = known.into_iter().flatten().find(|known| same(known, &found)).cloned();
    Some(spelt.unwrap_or(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::writer::Stamps;
    use crate::writer::command;

    fn fields() -> RoleFields {
        RoleFields {
            owner: "OwnerId".into(),
            nobody: Some("pool".into()),
            command: "C".into(),
            sequence: "S".into(),
            expected_owner: Some("E".into()),
            stamps: Stamps {
                entered_at: Some("At".into()),
                entered_because: Some("Because".into()),
                reason: Some("Why".into()),
                priority: None,
                at_risk_at: Some("Risk".into()),
                not_after: None,
            },
        }
    }

    fn command(expected: Option<&str>, new: Option<&str>) -> Command {
        Command {
            id: "c".into(),
            account: "acme".into(),
            role: "ae".into(),
            sequence: 3,
            expected: expected.map(Text::from),
            new: new.map(Text::from),
            issued_at: Millis(0),
            not_after: Millis(1),
            dry_run: false,
            reason: "because".into(),
            stamps: command::Stamps {
                entered_at: new.map(|_| Millis(0)),
                entered_because: Some("placed".into()),
                at_risk_at: Some(Millis(60_000)),
                priority: 1.5,
            },
        }
    }

    fn written(command: &Command) -> Vec<String> {
        let fields = fields();
        let values = values(Work { command, fields: &fields }, |field| (field == "Why").then_some(4));
        values.iter().map(|(field, value)| format!("{field}={}", value.json())).collect()
    }

    #[test]
    fn owner_fence_and_the_stamps_that_are_on_are_written() {
        let given = [
            "OwnerId=\"ana\"",
            "C=\"c\"",
            "S=3",
            "E=\"pool\"",
            "At=\"1970-01-01T00:00:00Z\"",
            "Because=\"placed\"",
            "Why=\"beca\"",
            "Risk=\"1970-01-01T00:01:00Z\"",
        ];
        assert_eq!(written(&command(None, Some("ana"))), given);
        let taken = [
            "OwnerId=\"pool\"",
            "C=\"c\"",
            "S=3",
            "E=\"ana\"",
            "At=null",
            "Because=\"placed\"",
            "Why=\"beca\"",
            "Risk=\"1970-01-01T00:01:00Z\"",
        ];
        assert_eq!(written(&command(Some("ana"), None)), taken);
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let cases = [("3", Some(3)), ("3.0", Some(3)), ("\"3\"", Some(3)), ("null", None), ("2.5", None), ("-1", None)];
        for (json, expected) in cases {
            assert_eq!(whole(&serde_json::from_str(json).unwrap()), expected, "{json}");
        }
    }

    #[test]
    fn whoever_stands_for_nobody_is_nobody() {
        let (fields, command) = (fields(), command(Some("ana"), Some("ben")));
        let work = Work { command: &command, fields: &fields };
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        assert_eq!(owner(Some("POOL".into()), work, same), None);
        assert_eq!(owner(Some("ANA".into()), work, same).as_deref(), Some("ana"));
        assert_eq!(owner(Some("Cleo".into()), work, same).as_deref(), Some("Cleo"));
        assert_eq!(owner(None, work, same), None);
    }
}
