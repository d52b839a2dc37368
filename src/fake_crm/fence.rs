//! The validation rules that an admin installs so that the CRM itself refuses what comes late, twice, or against what a
//! person did. They ask of the integration user alone; the formulas stand in the documentation of the writer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::instant;
use super::refusal::Refusal;
use super::shape::{Role, Stamp};
use crate::domain::{Millis, Text};

pub type Values = BTreeMap<Text, Value>;

/// The owner isn't the one whom the command expected.
const EXPECTED_OWNER: Refusal =
    Refusal::Fenced { rule: "Bookd_Owner_As_Expected", says: "the owner has changed since this command was made" };
/// A command with this sequence, or a later one, was here before.
const SEQUENCE: Refusal =
    Refusal::Fenced { rule: "Bookd_Once_And_In_Order", says: "this command or a later one was carried out" };
const TOO_LATE: Refusal = Refusal::Fenced { rule: "Bookd_In_Time", says: "the command's end is over" };

/// Asks the rules of each role about a record as it is and as it would be.
pub fn check(roles: &[Role], before: &Values, after: &Values, now: Millis) -> Result<(), Refusal> {
    roles.iter().try_for_each(|role| check_role(role, before, after, now))
}

fn check_role(role: &Role, before: &Values, after: &Values, now: Millis) -> Result<(), Refusal> {
    let changes = |field: &str| value(before, field) != value(after, field);
    let [sequence, expected, command, end] =
        [Stamp::Sequence, Stamp::ExpectedOwner, Stamp::Command, Stamp::NotAfter].map(|stamp| role.stamp(stamp));
    let (moves, told) = (changes(&role.owner), changes(&command));
    if moves && text(after, &expected) != text(before, &role.owner) {
        return Err(EXPECTED_OWNER);
    }
    if (moves || told) && number(after, &sequence) <= number(before, &sequence) {
        return Err(SEQUENCE);
    }
    // Without an end there is none to be over.
    if told && instant::parse(text(after, &end)).is_some_and(|end| end < now) {
        return Err(TOO_LATE);
    }
    Ok(())
}

fn value<'a>(values: &'a Values, field: &str) -> Option<&'a Value> {
    values.get(field)
}

fn text<'a>(values: &'a Values, field: &str) -> &'a str {
    value(values, field).and_then(Value::as_str).unwrap_or_default()
}

/// Blank is 0, as formulas are told to treat it.
fn number(values: &Values, field: &str) -> f64 {
    value(values, field).and_then(Value::as_f64).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_crm::shape::OWNER_ID;

    const NOW: Millis = Millis(1_777_903_200_000);

    fn record(owner: &str, expected: &str, sequence: u64) -> Values {
        let values = [
            (OWNER_ID, json!(owner)),
            ("Bookd_Expected_Owner__c", json!(expected)),
            ("Bookd_Sequence__c", json!(sequence)),
            ("Bookd_Command__c", json!(format!("command {sequence}"))),
        ];
        values.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }

    fn ask(before: &Values, after: &Values) -> Result<(), Refusal> {
        check(&[Role { name: "ae".into(), owner: OWNER_ID.into() }], before, after, NOW)
    }

    #[test]
    fn the_owner_must_be_the_expected_one_and_the_sequence_must_rise() {
        let now = record("ana", "nobody", 3);
        assert_eq!(ask(&now, &record("ben", "ana", 4)), Ok(()));
        assert_eq!(ask(&now, &record("ben", "cleo", 4)), Err(EXPECTED_OWNER));
        assert_eq!(ask(&now, &record("ben", "ana", 3)), Err(SEQUENCE));
        assert_eq!(ask(&now, &record("ben", "ana", 2)), Err(SEQUENCE));
    }

    #[test]
    fn what_moves_nothing_may_be_said_again_but_not_backwards() {
        let now = record("ben", "ana", 4);
        assert_eq!(ask(&now, &now), Ok(()));
        assert_eq!(ask(&now, &record("ben", "ana", 3)), Err(SEQUENCE));
    }

    #[test]
    fn a_command_whose_end_is_over_is_refused() {
        let until = |end: &str| {
            let mut record = record("ben", "ana", 4);
            record.insert("Bookd_Not_After__c".into(), json!(end));
            record
        };
        let now = record("ana", "nobody", 3);
        assert_eq!(ask(&now, &until("2026-05-04T14:00:00.000+0000")), Ok(()));
        assert_eq!(ask(&now, &until("2026-05-04T13:59:59.000+0000")), Err(TOO_LATE));
    }

    #[test]
    fn a_move_without_any_stamp_is_refused() {
        let bare = |owner: &str| Values::from([(OWNER_ID.into(), json!(owner))]);
        assert_eq!(ask(&bare("ana"), &bare("ben")), Err(EXPECTED_OWNER));
    }
}
