//! Dead letters in the process's own log: a line per topic and code, at most one a minute each.

use std::collections::BTreeMap;

use super::intake::{Batch, Dead};
use crate::domain::{Code, Millis, Position, Topic};

/// A broken feed turns away thousands a second; a line a minute says as much.
const EVERY_MS: i64 = 60_000;

#[derive(Debug, Default)]
pub struct Letters {
    by_sort: BTreeMap<(Topic, Code), Sort>,
}

#[derive(Debug)]
struct Sort {
    /// Not before this the next line.
    next: Millis,
    /// Since the last line.
    untold: Option<Untold>,
}

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    pub code: Code,
    pub count: u64,
    /// Where the first of them is, and what was wrong with it.
    pub first: Position,
    pub detail: String,
}

impl Letters {
    pub fn note(&mut self, batch: &Batch, dead: &[Dead]) {
        for letter in dead {
            let record = &batch.records[letter.record];
            let sort = self.by_sort.entry((record.topic, letter.code));
            let sort = sort.or_insert(Sort { next: Millis(0), untold: None });
            let untold = sort.untold.get_or_insert_with(|| Untold {
                code: letter.code,
                count: 0,
                first: Position { topic: record.topic, partition: record.partition, offset: record.offset },
                detail: letter.detail.clone(),
            });
            untold.count += 1;
        }
    }

    /// What is left to be told when nothing more comes.
    pub fn rest(&mut self) -> Vec<Untold> {
        self.by_sort.values_mut().filter_map(|sort| sort.untold.take()).collect()
    }

    /// The lines that are due.
    pub fn take(&mut self, now: Millis) -> Vec<Untold> {
        let due = self.by_sort.values_mut().filter(|sort| sort.next <= now);
        let told = due.filter_map(|sort| {
            let untold = sort.untold.take()?;
            sort.next = Millis(now.0 + EVERY_MS);
            Some(untold)
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Record;

    fn batch(offset: u64) -> Batch {
        let (topic, value) = (Topic::Intent, Some(b"nonsense".to_vec()));
        let (key, headers, timestamp) = (None, Vec::new(), Millis(0));
        let record = Record { topic, partition: 2, offset, next: offset + 1, key, value, headers, timestamp };
        Batch { records: vec![record], ..Batch::default() }
    }

    fn dead(code: Code) -> Dead {
        Dead { record: 0, code, detail: "no JSON".to_owned() }
    }

    #[test]
    fn the_first_is_told_at_once_and_those_of_the_next_minute_together() {
        let mut letters = Letters::default();
        letters.note(&batch(7), &[dead(Code::Malformed)]);
        let first = Position { topic: Topic::Intent, partition: 2, offset: 7 };
        let told = Untold { code: Code::Malformed, count: 1, first, detail: "no JSON".to_owned() };
        assert_eq!(letters.take(Millis(1_000)), std::slice::from_ref(&told));
        letters.note(&batch(8), &[dead(Code::Malformed)]);
        letters.note(&batch(9), &[dead(Code::Malformed), dead(Code::TooOld)]);
        let other = letters.take(Millis(2_000));
        assert_eq!(other.iter().map(|told| (told.code, told.count)).collect::<Vec<_>>(), [(Code::TooOld, 1)]);
        let later = letters.take(Millis(61_000));
        assert_eq!(later, [Untold { count: 2, first: Position { offset: 8, ..first }, ..told }]);
        assert_eq!(letters.take(Millis(200_000)), []);
        letters.note(&batch(10), &[dead(Code::Malformed)]);
        assert_eq!(letters.take(Millis(62_000)), []);
        assert_eq!(letters.rest().len(), 1);
    }
}
