//! What a CRM's code about one record means for its command. docs/crm.md has the same table for people.

use crate::domain::result::ResultStatus;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It wasn't carried out, and may be later.
    Again,
    /// A rule of the CRM's refused it, perhaps the fence: the record tells which condition doesn't hold.
    LookAgain,
    /// It is final.
    Final(ResultStatus),
}

const REJECTED: Meaning = Meaning::Final(ResultStatus::Rejected);

/// The answer didn't speak of the record.
pub const NO_ANSWER: &str = "no_answer";

/// Codes that mean something; all others are failures. The writer's metrics know these alone.
pub const TABLE: &[(&str, Meaning)] = &[
    // Salesforce.
    ("UNABLE_TO_LOCK_ROW", Meaning::Again),
    ("SERVER_UNAVAILABLE", Meaning::Again),
    ("QUERY_TIMEOUT", Meaning::Again),
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK", Meaning::Again),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Meaning::LookAgain),
    // The new owner or the account isn't there; of an account the writer hears before by reading.
    ("INVALID_CROSS_REFERENCE_KEY", REJECTED),
    ("MALFORMED_ID", REJECTED),
    ("ENTITY_IS_DELETED", REJECTED),
    ("INACTIVE_OWNER_OR_USER", REJECTED),
    // Queues and users of another sort own no accounts.
    ("OP_WITH_INVALID_USER_TYPE_EXCEPTION", REJECTED),
    ("INVALID_OWNER", REJECTED),
    ("FIELD_INTEGRITY_EXCEPTION", REJECTED),
    ("TRANSFER_REQUIRES_READ", REJECTED),
    ("INSUFFICIENT_ACCESS_OR_READONLY", Meaning::Final(ResultStatus::Failed)),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Meaning::Final(ResultStatus::Failed)),
    ("ENTITY_IS_LOCKED", Meaning::Final(ResultStatus::Failed)),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Meaning::Final(ResultStatus::Failed)),
    ("REQUIRED_FIELD_MISSING", Meaning::Final(ResultStatus::Failed)),
    // HubSpot. Of what is written only the owner can be wrong: the properties are checked at the start.
    ("OBJECT_NOT_FOUND", REJECTED),
    ("VALIDATION_ERROR", REJECTED),
    ("INVALID_OWNER_ID", REJECTED),
    ("CONFLICT", Meaning::Again),
    (NO_ANSWER, Meaning::Again),
];

/// Salesforce wraps what a trigger met into a code of its own, and names it in the message.
const WRAPPED: (&str, &str) = ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "UNABLE_TO_LOCK_ROW");

pub fn of(code: &str, message: &str) -> Meaning {
    if code == WRAPPED.0 && message.contains(WRAPPED.1) {
        return Meaning::Again;
    }
    let known = TABLE.iter().find(|(known, _)| *known == code);
    known.map_or(Meaning::Final(ResultStatus::Failed), |(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_follows() {
        assert_eq!(of("UNABLE_TO_LOCK_ROW", ""), Meaning::Again);
        assert_eq!(of("INACTIVE_OWNER_OR_USER", ""), REJECTED);
        assert_eq!(of("FIELD_CUSTOM_VALIDATION_EXCEPTION", ""), Meaning::LookAgain);
        assert_eq!(of("SOMETHING_NEW", "UNABLE_TO_LOCK_ROW"), Meaning::Final(ResultStatus::Failed));
    }

    #[test]
    fn a_lock_that_a_trigger_met_is_a_lock() {
        let code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY";
        assert_eq!(of(code, "… BookTrigger: UNABLE_TO_LOCK_ROW, unable to obtain …"), Meaning::Again);
        assert_eq!(of(code, "… BookTrigger: NullPointerException"), Meaning::Final(ResultStatus::Failed));
    }

    #[test]
    fn no_code_is_there_twice() {
        let mut codes: Vec<&str> = TABLE.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
    }

    /// What a row of the document's table says.
    fn said(result: &str) -> Meaning {
        let words = [
            ("tried again", Meaning::Again),
            ("the record is read again", Meaning::LookAgain),
            ("`rejected`", REJECTED),
            ("`failed`", Meaning::Final(ResultStatus::Failed)),
        ];
        let found = words.into_iter().find(|(words, _)| result.starts_with(words));
        found.unwrap_or_else(|| panic!("what does it mean: {result}")).1
    }

    #[test]
    fn the_document_says_the_same_of_each_code() {
        let document = include_str!("../../docs/crm.md");
        let (_, table) = document.split_once("| code | result |\n| --- | --- |\n").expect("the table of codes");
        let rows = table.lines().map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        let of_row = rows.flat_map(|(codes, result)| codes.split(' ').map(move |code| (code, said(result))));
        let mut documented: Vec<(String, Meaning)> =
            of_row.map(|(code, meaning)| (code.trim_matches('`').to_owned(), meaning)).collect();
        let mut ours: Vec<(String, Meaning)> =
            TABLE.iter().map(|(code, meaning)| (code.to_string(), *meaning)).collect();
        documented.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        ours.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(documented, ours);
    }
}
