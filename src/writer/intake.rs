//! What was polled, until it goes: a batch has one command of an account at most.
//!
//! So the result of one is committed before the next goes, and a writer that begins a batch again finds by the account's
//! stamp which of them is done. In each partition the order stays: who waits holds back what is behind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::command::{self, Command, Unreadable};
use crate::domain::{Record, Text};

#[derive(Debug, Default)]
pub struct Intake {
    waiting: VecDeque<(Record, Result<Command, Unreadable>)>,
}

/// Records that go together, in the order of their partitions.
#[derive(Debug, Default)]
pub struct Taken {
    pub commands: Vec<Command>,
    pub letters: Vec<(Record, Unreadable)>,
    /// Where reading goes on behind them, by partition.
    pub places: BTreeMap<u32, u64>,
}

impl Intake {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn add(&mut self, records: Vec<Record>) {
        let read = records.into_iter().map(|record| {
            let read = command::read(record.value.as_deref());
            (record, read)
        });
        self.waiting.extend(read);
    }

    /// Up to `max` records.
    pub fn take(&mut self, max: usize) -> Taken {
        let mut taken = Taken::default();
        let mut accounts: BTreeSet<Text> = BTreeSet::new();
        let mut held: BTreeSet<u32> = BTreeSet::new();
        let mut rest = VecDeque::new();
        let mut count = 0;
        for (record, read) in std::mem::take(&mut self.waiting) {
            let again = read.as_ref().is_ok_and(|command| accounts.contains(&command.account));
            if count == max || again || held.contains(&record.partition) {
                held.insert(record.partition);
                rest.push_back((record, read));
                continue;
            }
            count += 1;
            taken.places.insert(record.partition, record.next);
            match read {
                Ok(command) => {
                    accounts.insert(command.account.clone());
                    taken.commands.push(command);
                }
                Err(why) => taken.letters.push((record, why)),
            }
        }
        self.waiting = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Millis, Topic};

    const COMMAND: &str = include_str!("../../schemas/commands/examples/distribution.json");

    fn record(partition: u32, offset: u64, account: &str) -> Record {
        let value = match account {
            "" => b"nonsense".to_vec(),
            account => COMMAND.replace("001A0000016K3jP", account).into_bytes(),
        };
        let (topic, next, value) = (Topic::Commands, offset + 1, Some(value));
        Record { topic, partition, offset, next, key: None, value, headers: Vec::new(), timestamp: Millis(0) }
    }

    fn accounts(taken: &Taken) -> Vec<&str> {
        taken.commands.iter().map(|command| command.account.as_str()).collect()
    }

    #[test]
    fn the_second_of_an_account_waits_and_holds_back_its_partition() {
        let mut intake = Intake::default();
        let records = [(0, 0, "a"), (1, 0, "b"), (0, 1, "a"), (0, 2, "c"), (1, 1, "d"), (1, 2, "")];
        intake.add(records.map(|(partition, offset, account)| record(partition, offset, account)).into());
        let first = intake.take(9);
        assert_eq!(accounts(&first), ["a", "b", "d"]);
        assert_eq!((first.letters.len(), first.letters[0].0.offset), (1, 2));
        assert_eq!(first.places, BTreeMap::from([(0, 1), (1, 3)]));
        let second = intake.take(9);
        assert_eq!(accounts(&second), ["a", "c"]);
        assert_eq!(second.places, BTreeMap::from([(0, 3)]));
        assert!(intake.is_empty());
    }

    #[test]
    fn no_more_go_than_are_wanted_and_none_is_passed_over() {
        let mut intake = Intake::default();
        intake.add((0..5).map(|offset| record(0, offset, &format!("a{offset}"))).collect());
        assert_eq!(accounts(&intake.take(2)), ["a0", "a1"]);
        assert_eq!(intake.len(), 3);
        intake.add(vec![record(0, 5, "a5")]);
        assert_eq!(accounts(&intake.take(3)), ["a2", "a3", "a4"]);
        let last = intake.take(3);
        assert_eq!((accounts(&last), &last.places), (vec!["a5"], &BTreeMap::from([(0, 6)])));
    }
}
