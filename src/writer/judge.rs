//! Whether a command goes now, by what the CRM says of its account: the contract of `schemas/commands`, as a function.

use super::command::Command;
use crate::domain::account::Change;
use crate::domain::result::ResultStatus;
use crate::domain::{Millis, Text};

/// An account of the CRM, in one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `None`: nobody.
    pub owner: Option<Text>,
    /// Of the last command that was carried out.
    pub sequence: Option<u64>,
    pub command: Option<Text>,
    /// Where results bear it.
    pub version: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All conditions hold: write it.
    Go,
    Answer(Answer),
}

/// What the result will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: ResultStatus,
    /// `Keep`: nobody looked.
    pub observed: Change<Text>,
    pub code: Option<Text>,
    pub version: Option<u64>,
}

/// The writer's own codes; all others are the CRM's.
pub mod codes {
    /// The CRM knows no such account, or doesn't show it.
    pub const UNKNOWN_ACCOUNT: &str = "unknown_account";
    /// A later command of the account and role was carried out already.
    pub const SEQUENCE_PASSED: &str = "sequence_passed";
    /// Somebody else than expected owns it.
    pub const OWNER_CHANGED: &str = "owner_changed";
    /// There is no time left.
    pub const TOO_LATE: &str = "too_late";
    /// The writer has no fields for the role.
    pub const UNKNOWN_ROLE: &str = "unknown_role";
    pub const ALL: [&str; 5] = [UNKNOWN_ACCOUNT, SEQUENCE_PASSED, OWNER_CHANGED, TOO_LATE, UNKNOWN_ROLE];
}

/// `last_start`: a request that leaves after it could be carried out after the command's end. What was done before
/// comes first: a command that the CRM has is applied, however late it is asked.
pub fn judge(command: &Command, seen: Option<&Seen>, now: Millis, last_start: Millis) -> Verdict {
    let Some(seen) = seen else {
        return Verdict::Answer(Answer::unseen(ResultStatus::Rejected, codes::UNKNOWN_ACCOUNT));
    };
    let done = seen.command.as_ref().is_some_and(|last| last.eq_ignore_ascii_case(&command.id));
    if done {
        return Verdict::Answer(seen.answer(ResultStatus::Applied, None));
    }
    if seen.sequence.is_some_and(|last| last >= command.sequence) {
        return Verdict::Answer(seen.answer(ResultStatus::Rejected, Some(codes::SEQUENCE_PASSED)));
    }
    // Somebody brought about what we were to: there is nothing to do.
    if seen.owner == command.new {
        return Verdict::Answer(seen.answer(ResultStatus::Applied, None));
    }
    if now > last_start {
        return Verdict::Answer(seen.answer(ResultStatus::Expired, Some(codes::TOO_LATE)));
    }
    if seen.owner != command.expected {
        return Verdict::Answer(seen.answer(ResultStatus::Rejected, Some(codes::OWNER_CHANGED)));
    }
    Verdict::Go
}

impl Seen {
    pub fn answer(&self, status: ResultStatus, code: Option<&str>) -> Answer {
        let observed = self.owner.clone().map_or(Change::Clear, Change::Set);
        Answer { status, observed, code: code.map(Text::from), version: self.version }
    }
}

impl Answer {
    pub fn unseen(status: ResultStatus, code: &str) -> Answer {
        Answer { status, observed: Change::Keep, code: Some(code.into()), version: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Millis = Millis(1_000);
    const LAST: Millis = Millis(2_000);
    const LATE: Millis = Millis(2_001);

    fn command() -> Command {
        Command {
            id: "00112233445566778899aabbccddeeff".into(),
            account: "acme".into(),
            role: "ae".into(),
            sequence: 7,
            expected: Some("ana".into()),
            new: Some("ben".into()),
            issued_at: Millis(0),
            not_after: Millis(3_000),
            dry_run: false,
            reason: String::new(),
            stamps: Default::default(),
        }
    }

    fn seen(owner: &str, sequence: u64, command: &str) -> Seen {
        let owner = (!owner.is_empty()).then(|| owner.into());
        Seen { owner, sequence: Some(sequence), command: Some(command.into()), version: Some(5) }
    }

    fn told(seen: &Seen, now: Millis) -> (Option<ResultStatus>, Option<Text>) {
        match judge(&command(), Some(seen), now, LAST) {
            Verdict::Go => (None, None),
            Verdict::Answer(answer) => {
                assert_eq!(answer.version, Some(5));
                (Some(answer.status), answer.code)
            }
        }
    }

    #[test]
    fn each_condition_has_its_answer() {
        use ResultStatus::{Applied, Expired, Rejected};
        let ours = "00112233445566778899AABBCCDDEEFF";
        let code = |code: &str| Some(Text::from(code));
        let table = [
            (seen("ana", 6, "other"), EARLY, (None, None)),
            (seen("ana", 6, "other"), LAST, (None, None)),
            (seen("ana", 6, "other"), LATE, (Some(Expired), code("too_late"))),
            (seen("cleo", 6, "other"), EARLY, (Some(Rejected), code("owner_changed"))),
            (seen("", 6, "other"), EARLY, (Some(Rejected), code("owner_changed"))),
            (seen("ana", 7, "other"), EARLY, (Some(Rejected), code("sequence_passed"))),
            (seen("ana", 8, "other"), LATE, (Some(Rejected), code("sequence_passed"))),
            (seen("ben", 6, "other"), LATE, (Some(Applied), None)),
            // Ours, and nobody else's business since: not even who owns it now.
            (seen("ben", 7, ours), LATE, (Some(Applied), None)),
            (seen("cleo", 7, ours), EARLY, (Some(Applied), None)),
        ];
        for (seen, now, expected) in table {
            assert_eq!(told(&seen, now), expected, "{seen:?}");
        }
    }

    #[test]
    fn who_was_never_stamped_has_no_sequence_to_pass() {
        let fresh = Seen { owner: Some("ana".into()), ..Seen::default() };
        assert_eq!(judge(&command(), Some(&fresh), EARLY, LAST), Verdict::Go);
    }

    #[test]
    fn nobody_is_an_owner_like_any_other() {
        let from_pool = Command { expected: None, ..command() };
        let pooled = Seen::default();
        assert_eq!(judge(&from_pool, Some(&pooled), EARLY, LAST), Verdict::Go);
        let to_pool = Command { new: None, ..command() };
        let Verdict::Answer(answer) = judge(&to_pool, Some(&pooled), EARLY, LAST) else { panic!("it is there") };
        assert_eq!((answer.status, answer.observed), (ResultStatus::Applied, Change::Clear));
    }

    #[test]
    fn an_account_that_is_not_there_was_not_looked_at() {
        let Verdict::Answer(answer) = judge(&command(), None, EARLY, LAST) else { panic!("it isn't there") };
        assert_eq!(answer, Answer::unseen(ResultStatus::Rejected, codes::UNKNOWN_ACCOUNT));
        assert_eq!(answer.observed, Change::Keep);
    }
}
