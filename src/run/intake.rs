//! A polled batch on its way in: decoded, its spans counted, and the watch over feeds that only fail.

use std::collections::BTreeMap;

use super::error::RunError;
use super::positions::Positions;
use crate::domain::input::order_batch;
use crate::domain::record::order_records;
use crate::domain::{Code, Input, Position, Record, Span, Topic};
use crate::feed::{Decoder, Rejection};

/// Records of one poll, and what became of them.
#[derive(Debug, Default)]
pub struct Batch {
    /// By topic, partition, offset.
    pub records: Vec<Record>,
    pub spans: Vec<Span>,
    pub inputs: Vec<Input>,
    /// By the index of their record.
    pub rejected: Vec<(usize, Rejection)>,
}

impl Batch {
    /// Decodes. Spans begin where reading had got to, or at the first record of a partition never read.
    pub fn read(decoder: &Decoder, mut records: Vec<Record>, positions: &Positions) -> Batch {
        order_records(&mut records);
        let mut batch = Batch { records, ..Batch::default() };
        for (index, record) in batch.records.iter().enumerate() {
            let rejected = match decoder.decode(record) {
                Ok(input) => {
                    batch.inputs.extend(input);
                    false
                }
                Err(rejection) => {
                    batch.rejected.push((index, rejection));
                    true
                }
            };
            count(&mut batch.spans, record, rejected, positions);
        }
        order_batch(&mut batch.inputs);
        batch
    }

    /// The record of an input.
    pub fn record_of(&self, position: &Position) -> Option<usize> {
        let wanted = (position.topic, position.partition, position.offset);
        self.records.binary_search_by_key(&wanted, Record::place).ok()
    }
}

fn count(spans: &mut Vec<Span>, record: &Record, rejected: bool, positions: &Positions) {
    let (topic, partition) = (record.topic, record.partition);
    let same = |span: &Span| span.topic == topic && span.partition == partition;
    if !spans.last().is_some_and(same) {
        let from = positions.get(topic, partition).unwrap_or(record.offset);
        spans.push(Span { topic, partition, from, next: from, read: 0, rejected: 0 });
    }
    let span = spans.last_mut().expect("it was pushed where it was missing");
    span.next = record.next;
    span.read += 1;
    span.rejected += u32::from(rejected);
}

/// A record that was turned away, by `feed` or by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Index of the record in its batch.
    pub record: usize,
    pub code: Code,
    pub detail: String,
}

/// Counts records turned away in a row, by topic.
#[derive(Debug, Default)]
pub struct Streaks {
    /// 0: no limit.
    limit: u32,
    in_a_row: BTreeMap<Topic, u32>,
}

impl Streaks {
    pub fn new(limit: u32) -> Streaks {
        Streaks { limit, in_a_row: BTreeMap::new() }
    }

    /// Judges a batch before it is committed: what goes over the limit must not become a dead letter, so that it
    /// can be read again once the feed or the policy is repaired. `dead` is in the order of the records.
    pub fn judge(&mut self, batch: &Batch, dead: &[Dead]) -> Result<(), RunError> {
        if dead.is_empty() {
            // Nearly always: then topics are looked up by the topic, and not by the record.
            let topics = batch.records.chunk_by(|one, other| one.topic == other.topic);
            self.in_a_row.extend(topics.map(|records| (records[0].topic, 0)));
            return Ok(());
        }
        let mut dead = dead.iter().peekable();
        for (index, record) in batch.records.iter().enumerate() {
            let in_a_row = self.in_a_row.entry(record.topic).or_insert(0);
            let Some(letter) = dead.next_if(|letter| letter.record == index) else {
                *in_a_row = 0;
                continue;
            };
            if !tells_of_a_broken_feed(letter.code) {
                continue;
            }
            *in_a_row += 1;
            if self.limit > 0 && *in_a_row > self.limit {
                return Err(RunError::Rejected {
                    in_a_row: *in_a_row,
                    topic: record.topic,
                    partition: record.partition,
                    offset: record.offset,
                    code: letter.code,
                    detail: letter.detail.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Old events and full stores come in thousands where a feed is read from its beginning; nothing is broken then.
fn tells_of_a_broken_feed(code: Code) -> bool {
    !matches!(code, Code::TooOld | Code::UnknownAccountsFull)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Millis;

    fn record(topic: Topic, partition: u32, offset: u64) -> Record {
        Record {
            topic,
            partition,
            offset,
            next: offset + 1,
            key: None,
            value: Some(b"not json".to_vec()),
            headers: Vec::new(),
            timestamp: Millis(0),
        }
    }

    fn batch(records: Vec<Record>) -> Batch {
        Batch::read(&Decoder::new(Default::default()), records, &Positions::from_rows(&[(Topic::Intent, 1, 3)]))
    }

    fn dead(record: usize, code: Code) -> Dead {
        Dead { record, code, detail: String::new() }
    }

    #[test]
    fn spans_cover_gaps_and_begin_where_reading_had_got_to() {
        let records = vec![
            record(Topic::Intent, 1, 9),
            record(Topic::Accounts, 0, 70),
            record(Topic::Intent, 1, 5),
            record(Topic::Accounts, 0, 72),
        ];
        let batch = batch(records);
        let spans: Vec<_> =
            batch.spans.iter().map(|span| (span.topic, span.partition, span.from, span.next, span.read)).collect();
        assert_eq!(spans, [(Topic::Accounts, 0, 70, 73, 2), (Topic::Intent, 1, 3, 10, 2)]);
        let position = Position { topic: Topic::Intent, partition: 1, offset: 9 };
        assert_eq!(batch.record_of(&position), Some(3));
    }

    #[test]
    fn a_feed_that_only_fails_stops_and_one_that_is_old_does_not() {
        let batch = batch((0..4).map(|offset| record(Topic::Intent, 1, offset)).collect());
        let mut streaks = Streaks::new(3);
        streaks.judge(&batch, &[dead(0, Code::Malformed), dead(1, Code::Malformed), dead(3, Code::Malformed)]).unwrap();
        let all: Vec<Dead> = (0..4).map(|index| dead(index, Code::TooOld)).collect();
        streaks.judge(&batch, &all).unwrap();
        streaks.judge(&batch, &[dead(0, Code::Malformed), dead(1, Code::Malformed)]).unwrap();
        let all: Vec<Dead> = (0..4).map(|index| dead(index, Code::BadValue)).collect();
        // Three at a batch's end are over once nothing of the next is turned away.
        streaks.judge(&batch, &all[1..]).unwrap();
        streaks.judge(&batch, &[]).unwrap();
        let stopped = streaks.judge(&batch, &all);
        assert!(matches!(stopped, Err(RunError::Rejected { topic: Topic::Intent, offset: 3, .. })), "{stopped:?}");
        Streaks::new(0).judge(&batch, &all).unwrap();
    }
}
