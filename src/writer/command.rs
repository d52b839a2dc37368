//! A command as it stands in the topic: what a writer needs of it. See `schemas/commands`.

use serde::{Deserialize, Deserializer};

use crate::domain::{Code, Millis, Text};
use crate::wire::instant::Rfc3339;

/// bookd's own commands are a few kilobytes.
const BYTES_MAX: usize = 1024 * 1024;
/// An id or a role is a short word; what is longer is none.
const NAME_BYTES_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// 32 hexadecimal digits.
    pub id: Text,
    pub account: Text,
    pub role: Text,
    /// Counts the commands of this account and role.
    pub sequence: u64,
    /// Who must be the owner; `None`: nobody.
    pub expected: Option<Text>,
    /// Who is to be; `None`: nobody.
    pub new: Option<Text>,
    pub issued_at: Millis,
    pub not_after: Millis,
    pub dry_run: bool,
    /// For people.
    pub reason: String,
    pub stamps: Stamps,
}

/// What the CRM may show beside the owner: of the stay in a book that begins with the command, or of the one that ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stamps {
    pub entered_at: Option<Millis>,
    pub entered_because: Option<Text>,
    pub at_risk_at: Option<Millis>,
    /// 0 to 100.
    pub priority: f64,
}

/// Why a record is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub code: Code,
    pub detail: String,
}

#[derive(Deserialize)]
struct Body {
    command_id: Text,
    schema_version: u32,
    issued_at: String,
    not_after: String,
    account: Account,
    role: Text,
    sequence: u64,
    #[serde(deserialize_with = "present")]
    expected_owner_id: Option<Text>,
    #[serde(deserialize_with = "present")]
    new_owner: Option<Owner>,
    reason: Reason,
    #[serde(default)]
    stamps: Option<StampsBody>,
    dry_run: bool,
}

#[derive(Deserialize)]
struct Account {
    crm_id: Text,
}

#[derive(Deserialize)]
struct Owner {
    crm_user_id: Text,
}

#[derive(Deserialize)]
struct Reason {
    text: String,
    priority: f64,
}

#[derive(Deserialize)]
struct StampsBody {
    entered_book_at: Option<String>,
    entered_book_because: Option<Text>,
    at_risk_at: Option<String>,
    priority: f64,
}

/// Null is nobody; absent is a mistake: serde would take one for the other.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a record's value.
pub fn read(value: Option<&[u8]>) -> Result<Command, Unreadable> {
    let value = value.ok_or_else(|| unreadable(Code::Malformed, "a tombstone"))?;
    if value.len() > BYTES_MAX {
        return Err(unreadable(Code::TooLarge, &format!("{} bytes", value.len())));
    }
    let body: Body = serde_json::from_slice(value).map_err(|error| of_json(&error))?;
    if body.schema_version != 1 {
        return Err(unreadable(Code::BadValue, &format!("schema_version {}", body.schema_version)));
    }
    let issued_at = instant("issued_at", &body.issued_at)?;
    let stamps = match body.stamps {
        Some(stamps) => read_stamps(stamps)?,
        // A command of before there were stamps.
        None => Stamps {
            entered_at: body.new_owner.is_some().then_some(issued_at),
            priority: body.reason.priority,
            ..Stamps::default()
        },
    };
    Ok(Command {
        id: id(body.command_id)?,
        account: name("account.crm_id", body.account.crm_id)?,
        role: name("role", body.role)?,
        sequence: body.sequence,
        expected: body.expected_owner_id.map(|owner| name("expected_owner_id", owner)).transpose()?,
        new: body.new_owner.map(|owner| name("new_owner.crm_user_id", owner.crm_user_id)).transpose()?,
        issued_at,
        not_after: instant("not_after", &body.not_after)?,
        dry_run: body.dry_run,
        reason: body.reason.text,
        stamps,
    })
}

fn read_stamps(body: StampsBody) -> Result<Stamps, Unreadable> {
    let at = |field: &str, text: Option<String>| text.map(|text| instant(field, &text)).transpose();
    Ok(Stamps {
        entered_at: at("stamps.entered_book_at", body.entered_book_at)?,
        entered_because: body.entered_book_because,
        at_risk_at: at("stamps.at_risk_at", body.at_risk_at)?,
        priority: body.priority,
    })
}

fn unreadable(code: Code, detail: &str) -> Unreadable {
    Unreadable { code, detail: detail.to_owned() }
}

fn of_json(error: &serde_json::Error) -> Unreadable {
    let detail = error.to_string();
    let code = match error.classify() {
        serde_json::error::Category::Data if detail.starts_with("missing field") => Code::MissingField,
        serde_json::error::Category::Data => Code::WrongType,
        _ => Code::Malformed,
    };
    Unreadable { code, detail }
}

fn id(text: Text) -> Result<Text, Unreadable> {
    match text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text),
        false => Err(unreadable(Code::BadValue, "command_id isn't 32 hexadecimal digits")),
    }
}

fn name(field: &str, text: Text) -> Result<Text, Unreadable> {
    match text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        true => Err(unreadable(Code::BadValue, &format!("{field} is empty, too long or unprintable"))),
        false => Ok(text),
    }
}

fn instant(field: &str, text: &str) -> Result<Millis, Unreadable> {
    let at = Rfc3339::parse(text).ok_or_else(|| unreadable(Code::BadValue, &format!("{field} is no instant")))?;
    Ok(at.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTRIBUTION: &str = include_str!("../../schemas/commands/examples/distribution.json");

    #[test]
    fn every_example_of_the_schema_is_read() {
        let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/commands/examples")).unwrap();
        let mut count = 0;
        for example in examples {
            let path = example.unwrap().path();
            let value = std::fs::read(&path).unwrap();
            assert!(read(Some(&value)).is_ok(), "{}: {:?}", path.display(), read(Some(&value)));
            count += 1;
        }
        assert!(count >= 7);
    }

    #[test]
    fn a_distribution_says_who_and_until_when() {
        let command = read(Some(DISTRIBUTION.as_bytes())).unwrap();
        assert_eq!((&*command.account, &*command.role, command.sequence), ("001A0000016K3jP", "sdr", 3));
        assert_eq!((command.expected.as_deref(), command.new.as_deref()), (None, Some("ana")));
        assert_eq!(command.not_after.0 - command.issued_at.0, 86_400_000);
        assert_eq!((command.stamps.entered_at, command.stamps.at_risk_at), (Some(command.issued_at), None));
        assert!(command.reason.contains("ana had the lowest fill"));
    }

    #[test]
    fn stamps_are_taken_as_they_are_said() {
        let mut body: serde_json::Value = serde_json::from_str(DISTRIBUTION).unwrap();
        body["stamps"] = serde_json::json!({
            "entered_book_at": "2026-04-03T14:00:00Z", "entered_book_because": "adopted", "at_risk_at": null,
            "priority": 12.5,
        });
        let stamps = read(Some(body.to_string().as_bytes())).unwrap().stamps;
        assert_eq!(stamps.entered_at.map(|at| Rfc3339(at).to_string()).as_deref(), Some("2026-04-03T14:00:00Z"));
        assert_eq!((stamps.entered_because.as_deref(), stamps.at_risk_at), (Some("adopted"), None));
        assert_eq!(stamps.priority, 12.5);
        body["stamps"]["at_risk_at"] = "soon".into();
        assert_eq!(read(Some(body.to_string().as_bytes())).unwrap_err().code, Code::BadValue);
    }

    #[test]
    fn what_is_no_command_says_why() {
        let spoilt = |from: &str, to: &str| {
            let text = DISTRIBUTION.replacen(from, to, 1);
            assert_ne!(text, DISTRIBUTION, "{from}");
            read(Some(text.as_bytes())).unwrap_err().code
        };
        assert_eq!(spoilt("\"expected_owner_id\": null,", ""), Code::MissingField);
        assert_eq!(spoilt("\"expected_owner_id\": null", "\"expected_owner_id\": 7"), Code::WrongType);
        assert_eq!(spoilt("6fe6ad98", "no-hex-8"), Code::BadValue);
        assert_eq!(spoilt("2026-05-05T14:00:00Z", "tomorrow"), Code::BadValue);
        assert_eq!(spoilt("\"schema_version\": 1", "\"schema_version\": 2"), Code::BadValue);
        assert_eq!(spoilt("{", "{{"), Code::Malformed);
        assert_eq!(read(None).unwrap_err().code, Code::Malformed);
        assert_eq!(read(Some(&vec![b' '; BYTES_MAX + 1])).unwrap_err().code, Code::TooLarge);
    }
}
