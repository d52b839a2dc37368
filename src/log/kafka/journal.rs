//! Reading a shard's journal partition: everything committed up to a known end, then following.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::chunks::Pieces;
use super::context::Context;
use super::errors::{self, Polled};
use super::inputs::{ANSWER, left};
use super::options::Options;
use crate::domain::{Millis, Topic};
use crate::log::{JournalReader, JournalRecord, LogError};

/// An open transaction of a dead writer ends within its timeout, 10 s by default, and the brokers' look for
/// such, 10 s too.
const OPEN_TRANSACTION: Duration = Duration::from_secs(30);
const OPEN_TRANSACTION_SLEEP: Duration = Duration::from_millis(20);
/// Without a record, a marker or the end for so long, reading to the known end has failed.
const NO_PROGRESS: Duration = Duration::from_secs(30);
/// Between two looks at the position, which no event announces.
const LOOK: Duration = Duration::from_millis(20);

pub struct Reader {
    consumer: BaseConsumer<Context>,
    topic: String,
    partition: i32,
    /// The end when the reader was opened, what wasn't committed then included.
    target: u64,
    reached: bool,
    pieces: Pieces,
    /// Where the entry begins that is being put together.
    start: u64,
}

impl Reader {
    pub fn open(options: &Options, at: u64) -> Result<Reader, LogError> {
        let create = |config: rdkafka::ClientConfig| -> Result<BaseConsumer<Context>, LogError> {
            config.create_with_context(Context::default()).map_err(|error| LogError::Fatal(error.to_string()))
        };
        let mut config = options.consumer();
        config.set("enable.partition.eof", "true");
        let mut reader = Reader {
            consumer: create(config)?,
            topic: options.output(Topic::Journal).to_owned(),
            partition: i32::from(options.shard),
            target: 0,
            reached: false,
            pieces: Pieces::default(),
            start: at,
        };
        let (begin, end) = reader.watermarks(&create(options.uncommitted())?)?;
        reader.target = end;
        reader.check(at, begin)?;
        reader.await_committed()?;
        reader.assign(at)?;
        Ok(reader)
    }

    fn watermarks(&self, client: &BaseConsumer<Context>) -> Result<(u64, u64), LogError> {
        let found = client.fetch_watermarks(&self.topic, self.partition, ANSWER);
        let (begin, end) = found.map_err(|error| errors::question("asking where the journal ends", &error))?;
        Ok((begin as u64, end as u64))
    }

    fn check(&self, at: u64, begin: u64) -> Result<(), LogError> {
        if at < begin {
            return Err(
                self.corrupt(format!("begins at {begin}, reading should go on at {at}: its retention is too short"))
            );
        }
        if at > self.target {
            return Err(
                self.corrupt(format!("ends at {}, reading should go on at {at}: its end is missing", self.target))
            );
        }
        Ok(())
    }

    /// Everything before the target must be committed or aborted: else reading would stop short of it.
    fn await_committed(&self) -> Result<(), LogError> {
        let deadline = Instant::now() + OPEN_TRANSACTION;
        loop {
            let (_, committed) = self.watermarks(&self.consumer)?;
            if committed >= self.target {
                return Ok(());
            }
            if left(deadline).is_zero() {
                return Err(LogError::Retry(format!(
                    "an open transaction holds {} back at {committed} of {}; if its writer is gone, \
                     `kafka-transactions.sh find-hanging` names it and `abort` ends it",
                    self.place(),
                    self.target
                )));
            }
            std::thread::sleep(OPEN_TRANSACTION_SLEEP);
        }
    }

    fn assign(&mut self, at: u64) -> Result<(), LogError> {
        let mut list = TopicPartitionList::new();
        let offset = Offset::Offset(at as i64);
        list.add_partition_offset(&self.topic, self.partition, offset).expect("a watermark is above it");
        self.reached = at >= self.target;
        self.consumer.assign(&list).map_err(|error| LogError::Fatal(format!("assigning the journal: {error}")))
    }

    /// Markers behind the last record are passed without an event: only the position tells. It is unknown
    /// until something was read.
    fn position(&self) -> Option<u64> {
        let positions = self.consumer.position().ok()?;
        match positions.find_partition(&self.topic, self.partition)?.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        }
    }

    /// One event of the consumer. Returns whether it was progress, and the entry that it completed.
    fn step(&mut self, wait: Duration) -> Result<(bool, Option<JournalRecord>), LogError> {
        let error = match self.consumer.poll(wait) {
            None => return Ok((false, None)),
            Some(Err(error)) => error,
            Some(Ok(message)) => {
                let offset = message.offset() as u64;
                let appended = Millis(message.timestamp().to_millis().unwrap_or(0));
                if self.pieces.is_empty() {
                    self.start = offset;
                }
                let taken = self.pieces.take(message.payload().unwrap_or_default());
                let bytes = taken.map_err(|what| self.corrupt(format!("the record at {offset} {what}")))?;
                self.reached |= offset + 1 >= self.target;
                let at = self.start;
                return Ok((true, bytes.map(|bytes| JournalRecord { bytes, at, next: offset + 1, appended })));
            }
        };
        match errors::poll(&error) {
            Polled::Noise => Ok((false, None)),
            // The target was committed before reading began, so the end is not before it.
            Polled::End => {
                self.reached = true;
                Ok((true, None))
            }
            Polled::OutOfRange(what) => Err(self.corrupt(what)),
            Polled::Failed(error) => Err(error),
        }
    }

    fn place(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    fn corrupt(&self, what: String) -> LogError {
        LogError::Corrupt { place: self.place(), what }
    }
}

impl JournalReader for Reader {
    fn next(&mut self, wait: Duration) -> Result<Option<JournalRecord>, LogError> {
        let deadline = Instant::now() + wait;
        let mut patience = Instant::now() + NO_PROGRESS;
        loop {
            let slice = if self.reached { left(deadline) } else { LOOK };
            let (progress, entry) = self.step(slice)?;
            if entry.is_some() {
                return Ok(entry);
            }
            if progress {
                patience = Instant::now() + NO_PROGRESS;
            }
            if self.reached {
                if left(deadline).is_zero() {
                    return Ok(None);
                }
            } else if self.position().is_some_and(|position| position >= self.target) {
                self.reached = true;
            } else if left(patience).is_zero() {
                let what = format!("{} is known to go on to {}, but nothing comes", self.place(), self.target);
                return Err(LogError::Retry(what));
            }
        }
    }
}
