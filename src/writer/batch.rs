//! Commands that are answered together: which go now, what an answer of the CRM means, when all have theirs.
//!
//! No I/O and no clock: `due` says which are to be looked at, `judge` which of these are to be written, `replied` takes
//! what the CRM made of each. Their accounts are different ones.

use super::command::Command;
use super::judge::{Answer, Seen, Verdict, judge};
use super::meaning::{self, Meaning};
use super::pace::Backoff;
use crate::domain::account::Change;
use crate::domain::result::ResultStatus;
use crate::domain::{Millis, Text};

/// How far a command may be taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the latest moment at which a request may leave to the command's end.
    pub before_end_ms: i64,
    /// Tries that the CRM put off.
    pub attempts: u32,
    /// Whether an answer needs a second look: only then the record's version after the change is known.
    pub versions: bool,
    /// So long a request that was given up may still be carried out.
    pub unsure_ms: i64,
}

/// What the CRM made of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Applied,
    Refused { code: Text, message: String },
}

#[derive(Debug)]
pub struct Batch {
    items: Vec<Item>,
    limits: Limits,
    /// Records in a request at most: fewer after one was refused as a whole.
    together: usize,
}

#[derive(Debug)]
struct Item {
    command: Command,
    answer: Option<Answer>,
    /// Not before this it is looked at again.
    next: Millis,
    backoff: Backoff,
    /// By which rule of the CRM's it was refused when it was last written.
    refused: Option<Text>,
    /// Before this a request of ours may still be carried out: until then nothing but `applied` is certain.
    unsure: Millis,
}

impl Batch {
    /// In the order of the topic. `begun`: when this writer began; what the one before it had sent may still come.
    pub fn new(commands: Vec<Command>, limits: Limits, together: usize, begun: Millis) -> Batch {
        let unsure = Millis(begun.0 + limits.unsure_ms);
        let (next, backoff) = (Millis(0), Backoff::default());
        let item = |command| Item { command, answer: None, next, backoff, refused: None, unsure };
        Batch { items: commands.into_iter().map(item).collect(), limits, together }
    }

    pub fn is_done(&self) -> bool {
        self.items.iter().all(|item| item.answer.is_some())
    }

    /// Each command with its answer, in the order of the topic. Only of a batch that is done.
    pub fn answers(&self) -> impl Iterator<Item = (&Command, &Answer)> {
        self.items.iter().filter_map(|item| Some((&item.command, item.answer.as_ref()?)))
    }

    pub fn command(&self, index: usize) -> &Command {
        &self.items[index].command
    }

    /// Since when the oldest command without an answer waits.
    pub fn oldest(&self) -> Option<Millis> {
        self.open().map(|index| self.items[index].command.issued_at).min()
    }

    /// Those that go now: as many as fit into one request.
    pub fn due(&self, now: Millis) -> Vec<usize> {
        self.open().filter(|index| self.items[*index].next <= now).take(self.together).collect()
    }

    /// When the next is due.
    pub fn next_due(&self) -> Option<Millis> {
        self.open().map(|index| self.items[index].next).min()
    }

    fn open(&self) -> impl Iterator<Item = usize> {
        (0..self.items.len()).filter(|index| self.items[*index].answer.is_none())
    }

    /// Answers a command that needs no look.
    pub fn answer(&mut self, index: usize, answer: Answer) {
        self.items[index].answer = Some(answer);
    }

    /// Takes what the CRM says of its account. True: it is to be written now.
    pub fn judge(&mut self, index: usize, seen: Option<&Seen>, now: Millis) -> bool {
        let item = &mut self.items[index];
        let last_start = Millis(item.command.not_after.0 - self.limits.before_end_ms);
        match (judge(&item.command, seen, now, last_start), item.refused.take(), seen) {
            (Verdict::Answer(answer), _, _) => item.conclude(answer, now),
            // All conditions hold, and a rule refuses it still: it's none of ours.
            (Verdict::Go, Some(code), Some(seen)) => {
                item.conclude(seen.answer(ResultStatus::Failed, Some(&code)), now);
            }
            (Verdict::Go, _, _) => return true,
        }
        false
    }

    /// Takes what the CRM made of a command that was written. `chance`: any number, for the jitter.
    pub fn replied(&mut self, index: usize, reply: Reply, seen: Option<&Seen>, now: Millis, chance: u32) {
        let Limits { attempts, versions, .. } = self.limits;
        let item = &mut self.items[index];
        let (code, message) = match reply {
            Reply::Applied if versions => return item.next = now,
            Reply::Applied => return item.answer = Some(applied(&item.command)),
            Reply::Refused { code, message } => (code, message),
        };
        let answer = |status| match seen {
            Some(seen) => seen.answer(status, Some(&code)),
            None => Answer::unseen(status, &code),
        };
        match meaning::of(&code, &message) {
            // Where even the look is refused so, looking again tells nothing.
            Meaning::LookAgain if item.refused.is_none() => {
                item.next = now;
                item.refused = Some(code);
            }
            Meaning::LookAgain => item.conclude(answer(ResultStatus::Failed), now),
            Meaning::Again if item.backoff.failures() + 1 < attempts => {
                item.next = Millis(now.0 + item.backoff.fail_ms(chance));
            }
            Meaning::Again => item.conclude(answer(ResultStatus::Failed), now),
            Meaning::Final(status) => item.conclude(answer(status), now),
        }
    }

    /// They were written, and no answer came: they may be carried out yet.
    pub fn unanswered(&mut self, indices: &[usize], now: Millis) {
        for index in indices {
            self.items[*index].unsure = Millis(now.0 + self.limits.unsure_ms);
        }
    }

    /// The CRM refused a request as a whole, and it isn't known for which record: fewer go together from now on. Of a
    /// single record it means what it means among others.
    pub fn refused_together(
        &mut self,
        indices: &[usize],
        refused: Reply,
        seen: &[Option<Seen>],
        now: Millis,
        chance: u32,
    ) {
        if let ([index], [seen]) = (indices, seen) {
            self.replied(*index, refused, seen.as_ref(), now, chance);
        }
        self.together = (indices.len() / 2).max(1);
    }

    /// A whole request went well: more may go together again.
    pub fn went_well(&mut self, most: usize) {
        self.together = (self.together * 2).min(most);
    }
}

impl Item {
    /// What isn't applied is so for certain only when nothing of ours can come any more: until then it is looked at again.
    fn conclude(&mut self, answer: Answer, now: Millis) {
        if answer.status == ResultStatus::Applied || now >= self.unsure {
            self.answer = Some(answer);
        } else {
            self.next = self.unsure;
        }
    }
}

/// The owner is the new one, and nobody has looked which version of the record that is.
fn applied(command: &Command) -> Answer {
    let observed = command.new.clone().map_or(Change::Clear, Change::Set);
    Answer { status: ResultStatus::Applied, observed, code: None, version: None }
}

#[cfg(test)]
mod tests {
    use super::super::judge::codes;
    use super::*;

    const NOW: Millis = Millis(1_000_000);
    const LIMITS: Limits = Limits { before_end_ms: 60_000, attempts: 3, versions: false, unsure_ms: 5_000 };
    /// Long before.
    const BEGUN: Millis = Millis(0);

    fn command(account: &str, role: &str, sequence: u64) -> Command {
        Command {
            id: format!("{account}-{role}-{sequence}").into(),
            account: account.into(),
            role: role.into(),
            sequence,
            expected: Some("ana".into()),
            new: Some("ben".into()),
            issued_at: Millis(NOW.0 - 1_000 * sequence as i64),
            not_after: Millis(NOW.0 + 120_000),
            dry_run: false,
            reason: String::new(),
            stamps: Default::default(),
        }
    }

    fn owned(owner: &str) -> Seen {
        Seen { owner: Some(owner.into()), ..Seen::default() }
    }

    fn refused(code: &str) -> Reply {
        Reply::Refused { code: code.into(), message: String::new() }
    }

    fn told(batch: &Batch) -> Vec<(ResultStatus, Option<&str>)> {
        batch.answers().map(|(_, answer)| (answer.status, answer.code.as_deref())).collect()
    }

    #[test]
    fn all_conditions_hold_and_all_are_applied() {
        let mut batch = Batch::new(vec![command("a", "ae", 1), command("b", "sdr", 4)], LIMITS, 200, BEGUN);
        assert_eq!(batch.due(NOW), [0, 1]);
        for index in batch.due(NOW) {
            assert!(batch.judge(index, Some(&owned("ana")), NOW));
            assert!(!batch.is_done());
            batch.replied(index, Reply::Applied, Some(&owned("ana")), NOW, 0);
        }
        assert!(batch.is_done() && batch.due(NOW).is_empty());
        assert_eq!(told(&batch), [(ResultStatus::Applied, None); 2]);
    }

    #[test]
    fn no_more_go_together_than_one_request_takes() {
        let commands = (0..5).map(|number| command(&format!("a{number}"), "ae", 1)).collect();
        let mut batch = Batch::new(commands, LIMITS, 4, BEGUN);
        assert_eq!(batch.due(NOW), [0, 1, 2, 3]);
        batch.refused_together(&[0, 1, 2, 3], refused("JSON_PARSER_ERROR"), &[const { None }; 4], NOW, 0);
        assert_eq!(batch.due(NOW), [0, 1]);
        batch.refused_together(&[0, 1], refused("JSON_PARSER_ERROR"), &[None, None], NOW, 0);
        batch.refused_together(&[0], refused("JSON_PARSER_ERROR"), &[Some(owned("ana"))], NOW, 0);
        assert_eq!(told(&batch), [(ResultStatus::Failed, Some("JSON_PARSER_ERROR"))]);
        batch.went_well(4);
        assert_eq!(batch.due(NOW), [1, 2]);
        batch.went_well(4);
        batch.went_well(4);
        assert_eq!(batch.due(NOW), [1, 2, 3, 4]);
    }

    /// As a whole request or as a record among others: the code's meaning is one.
    #[test]
    fn a_record_that_is_refused_alone_is_judged_by_the_same_table() {
        for (code, meaning) in meaning::TABLE {
            let alone = |seen: Option<Seen>| {
                let mut batch = Batch::new(vec![command("a", "ae", 1)], LIMITS, 200, BEGUN);
                batch.refused_together(&[0], refused(code), &[seen], NOW, 0);
                batch
            };
            let batch = alone(Some(owned("ana")));
            match meaning {
                Meaning::Final(status) => assert_eq!(told(&batch), [(*status, Some(*code))]),
                Meaning::Again => assert!(batch.next_due().unwrap().0 > NOW.0, "{code}"),
                Meaning::LookAgain => assert_eq!(batch.due(NOW), [0], "{code}"),
            }
            // So it is where the look was refused; but that isn't tried for ever.
            let mut batch = alone(None);
            for _ in 1..LIMITS.attempts {
                batch.refused_together(&[0], refused(code), &[None], NOW, 0);
            }
            assert!(batch.is_done(), "{code}");
        }
    }

    #[test]
    fn a_locked_record_waits_longer_each_time_and_fails_in_the_end() {
        let mut batch = Batch::new(vec![command("a", "ae", 1)], LIMITS, 200, BEGUN);
        let mut now = NOW;
        for _ in 0..2 {
            assert!(batch.judge(0, Some(&owned("ana")), now));
            batch.replied(0, refused("UNABLE_TO_LOCK_ROW"), Some(&owned("ana")), now, u32::MAX);
            assert_eq!(batch.due(now), [] as [usize; 0]);
            let next = batch.next_due().unwrap();
            assert!(next.0 > now.0);
            now = next;
            assert_eq!(batch.due(now), [0]);
        }
        batch.replied(0, refused("UNABLE_TO_LOCK_ROW"), Some(&owned("ana")), now, 0);
        assert_eq!(told(&batch), [(ResultStatus::Failed, Some("UNABLE_TO_LOCK_ROW"))]);
    }

    #[test]
    fn the_end_of_a_command_ends_its_tries() {
        let limits = Limits { attempts: 100, ..LIMITS };
        let mut batch = Batch::new(vec![command("a", "ae", 1)], limits, 200, BEGUN);
        batch.replied(0, refused("UNABLE_TO_LOCK_ROW"), Some(&owned("ana")), NOW, 0);
        let last = Millis(NOW.0 + 60_000);
        assert!(batch.judge(0, Some(&owned("ana")), last));
        assert!(!batch.judge(0, Some(&owned("ana")), Millis(last.0 + 1)));
        assert_eq!(told(&batch), [(ResultStatus::Expired, Some(codes::TOO_LATE))]);
    }

    #[test]
    fn what_the_fence_refuses_is_told_by_the_record() {
        let fence = || refused("FIELD_CUSTOM_VALIDATION_EXCEPTION");
        let person = Seen { owner: Some("cleo".into()), ..Seen::default() };
        let before =
            Seen { sequence: Some(1), command: Some("a-ae-1".into()), owner: Some("ben".into()), version: None };
        let passed = Seen { sequence: Some(9), command: Some("later".into()), ..owned("ana") };
        let table = [
            (person, ResultStatus::Rejected, Some(codes::OWNER_CHANGED)),
            (before, ResultStatus::Applied, None),
            (passed, ResultStatus::Rejected, Some(codes::SEQUENCE_PASSED)),
            // All holds: another rule of the CRM's.
            (owned("ana"), ResultStatus::Failed, Some("FIELD_CUSTOM_VALIDATION_EXCEPTION")),
        ];
        for (seen, status, code) in table {
            let mut batch = Batch::new(vec![command("a", "ae", 1)], LIMITS, 200, BEGUN);
            assert!(batch.judge(0, Some(&owned("ana")), NOW));
            batch.replied(0, fence(), Some(&owned("ana")), NOW, 0);
            assert_eq!(batch.due(NOW), [0]);
            assert!(!batch.judge(0, Some(&seen), NOW));
            assert_eq!(told(&batch), [(status, code)]);
        }
    }

    #[test]
    fn a_result_with_a_version_needs_a_second_look() {
        let limits = Limits { versions: true, ..LIMITS };
        let mut batch = Batch::new(vec![command("a", "ae", 1)], limits, 200, BEGUN);
        assert!(batch.judge(0, Some(&owned("ana")), NOW));
        batch.replied(0, Reply::Applied, Some(&owned("ana")), NOW, 0);
        assert!(!batch.is_done());
        let after = Seen { sequence: Some(1), command: Some("a-ae-1".into()), version: Some(44), ..owned("ben") };
        assert!(!batch.judge(0, Some(&after), NOW));
        let (_, answer) = batch.answers().next().unwrap();
        assert_eq!((answer.status, answer.version), (ResultStatus::Applied, Some(44)));
    }

    #[test]
    fn while_a_request_may_still_come_nothing_but_applied_is_certain() {
        let cleo = owned("cleo");
        let mut batch = Batch::new(vec![command("a", "ae", 1)], LIMITS, 200, BEGUN);
        assert!(batch.judge(0, Some(&owned("ana")), NOW));
        batch.unanswered(&[0], NOW);
        assert!(!batch.judge(0, Some(&cleo), NOW));
        assert!(!batch.is_done());
        let sure = Millis(NOW.0 + 5_000);
        assert_eq!(batch.next_due(), Some(sure));
        assert!(!batch.judge(0, Some(&cleo), sure));
        assert_eq!(told(&batch), [(ResultStatus::Rejected, Some(codes::OWNER_CHANGED))]);

        let mut begun = Batch::new(vec![command("a", "ae", 1)], LIMITS, 200, Millis(NOW.0 - 4_999));
        assert!(!begun.judge(0, Some(&cleo), NOW));
        assert_eq!(begun.next_due(), Some(Millis(NOW.0 + 1)));
        assert!(!begun.judge(0, Some(&owned("ben")), NOW));
        assert_eq!(told(&begun), [(ResultStatus::Applied, None)]);
    }

    #[test]
    fn a_final_code_tells_whom_the_writer_saw() {
        let mut batch = Batch::new(vec![command("a", "ae", 1)], LIMITS, 200, BEGUN);
        batch.replied(0, refused("INACTIVE_OWNER_OR_USER"), Some(&owned("ana")), NOW, 0);
        let (_, answer) = batch.answers().next().unwrap();
        assert_eq!(answer.status, ResultStatus::Rejected);
        assert_eq!(answer.observed, Change::Set("ana".into()));
        assert_eq!(batch.oldest(), None);
    }
}
