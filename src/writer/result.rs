//! Results as they stand in the topic `results`: see `schemas/results`.

use serde::Serialize;

use super::command::Command;
use super::judge::Answer;
use crate::domain::account::Change;
use crate::domain::{Millis, Text};
use crate::wire::instant::Rfc3339;

/// bookd takes no longer one.
const CODE_BYTES_MAX: usize = 64;

#[derive(Serialize)]
struct Body<'a> {
    command_id: &'a str,
    status: &'static str,
    /// Absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_owner_id: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    /// As text: a commit number can have more digits than a JSON number keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    crm_version: Option<String>,
    at: Rfc3339,
}

/// One line of JSON. `at`: when the writer was done.
pub fn encode(command: &Command, answer: &Answer, at: Millis) -> Vec<u8> {
    let observed = match &answer.observed {
        Change::Keep => None,
        Change::Clear => Some(None),
        Change::Set(owner) => Some(Some(owner.as_str())),
    };
    let body = Body {
        command_id: &command.id,
        status: answer.status.name(),
        observed_owner_id: observed,
        error_code: answer.code.as_ref().map(bounded),
        crm_version: answer.version.map(|version| version.to_string()),
        at: Rfc3339(at),
    };
    serde_json::to_vec(&body).expect("texts always serialise")
}

fn bounded(code: &Text) -> &str {
    let end = (0..=code.len().min(CODE_BYTES_MAX)).rev().find(|end| code.is_char_boundary(*end));
    &code[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::result::ResultStatus;

    fn command() -> Command {
        super::super::command::read(Some(include_bytes!("../../schemas/commands/examples/distribution.json"))).unwrap()
    }

    fn encoded(answer: &Answer) -> String {
        String::from_utf8(encode(&command(), answer, Millis(1_777_908_662_000))).unwrap()
    }

    #[test]
    fn nobody_and_not_looked_are_two_things() {
        let mut answer = Answer::unseen(ResultStatus::Rejected, "unknown_account");
        let expected = r#"{"command_id":"6fe6ad98536bbf36f4244579b7262214","status":"rejected","error_code":"unknown_account","at":"2026-05-04T15:31:02Z"}"#;
        assert_eq!(encoded(&answer), expected);
        answer.observed = Change::Clear;
        answer.code = None;
        answer.version = Some(u64::MAX);
        let told = encoded(&answer);
        assert!(told.contains(r#""observed_owner_id":null,"crm_version":"18446744073709551615""#), "{told}");
        answer.observed = Change::Set("ana".into());
        assert!(encoded(&answer).contains(r#""observed_owner_id":"ana""#));
    }

    #[test]
    fn results_are_what_their_schema_says() {
        let schema = serde_json::from_str(include_str!("../../schemas/results/schema.json")).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for status in ResultStatus::ALL {
            let mut answer = Answer::unseen(status, &"LONG_CODE_".repeat(20));
            answer.observed = Change::Clear;
            answer.version = Some(7);
            assert!(validator.is_valid(&serde_json::from_str(&encoded(&answer)).unwrap()));
        }
    }
}
