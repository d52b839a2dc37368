//! Reading one partition of ours: everything committed up to a known end, then following. The journal is read so,
//! and an output that is read back.
//!
//! What is committed ends before the first open transaction, whoever opened it. So the end is asked for with all
//! that isn't committed yet, and reading begins once everything before it is committed or aborted.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;
use super::errors::{self, Polled};
use super::inputs::{ANSWER, left};
use super::options::Options;
use crate::log::LogError;

/// An open transaction of a dead writer ends within its timeout, 10 s by default, and the brokers' look for
/// such, 10 s too.
const OPEN_TRANSACTION: Duration = Duration::from_secs(30);
const OPEN_TRANSACTION_SLEEP: Duration = Duration::from_millis(20);
/// Without a record, a marker or the end for so long, reading to the known end has failed.
const NO_PROGRESS: Duration = Duration::from_secs(30);
/// Between two looks at the position, which no event announces.
const LOOK: Duration = Duration::from_millis(20);

/// Sees what isn't committed yet: only asks where partitions begin and end.
pub struct Ends(BaseConsumer<Context>);

impl Ends {
    pub fn new(options: &Options) -> Result<Ends, LogError> {
        create(options.uncommitted()).map(Ends)
    }
}

pub struct Partition {
    consumer: BaseConsumer<Context>,
    topic: String,
    number: i32,
    /// Where it began and ended when it was looked at, what wasn't committed then included.
    pub begin: u64,
    pub target: u64,
    reached: bool,
}

fn create(config: rdkafka::ClientConfig) -> Result<BaseConsumer<Context>, LogError> {
    config.create_with_context(Context::default()).map_err(|error| LogError::Fatal(error.to_string()))
}

impl Partition {
    /// Looks at it; nothing is read yet.
    pub fn find(options: &Options, ends: &Ends, topic: &str, number: i32) -> Result<Partition, LogError> {
        let mut config = options.consumer();
        config.set("enable.partition.eof", "true");
        let (consumer, topic) = (create(config)?, topic.to_owned());
        let mut partition = Partition { consumer, topic, number, begin: 0, target: 0, reached: false };
        (partition.begin, partition.target) = partition.watermarks(&ends.0)?;
        Ok(partition)
    }

    /// Begins to read at an offset, once everything before the target is committed or aborted.
    pub fn read_from(&mut self, at: u64) -> Result<(), LogError> {
        self.await_committed()?;
        self.assign(at)
    }

    /// Whether everything before the target was read.
    pub fn is_reached(&self) -> bool {
        self.reached
    }

    /// Hands records to `take` until it made something of them; what it can't read is corrupt. `None`: the target is
    /// reached, and nothing more came within `wait`.
    pub fn next<T>(
        &mut self,
        wait: Duration,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<Option<T>, String>,
    ) -> Result<Option<T>, LogError> {
        let deadline = Instant::now() + wait;
        let mut patience = Instant::now() + NO_PROGRESS;
        loop {
            let slice = if self.reached { left(deadline) } else { LOOK };
            let (progress, taken) = self.step(slice, &mut take)?;
            if taken.is_some() {
                return Ok(taken);
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

    pub fn corrupt(&self, what: String) -> LogError {
        LogError::Corrupt { place: self.place(), what }
    }

    /// One event of the consumer. Returns whether it was progress, and what was made of a record.
    fn step<T>(
        &mut self,
        wait: Duration,
        take: &mut impl FnMut(&BorrowedMessage<'_>) -> Result<Option<T>, String>,
    ) -> Result<(bool, Option<T>), LogError> {
        let error = match self.consumer.poll(wait) {
            None => return Ok((false, None)),
            Some(Err(error)) => error,
            Some(Ok(message)) => {
                let offset = message.offset() as u64;
                let taken = take(&message);
                drop(message);
                self.reached |= offset + 1 >= self.target;
                return match taken {
                    Ok(taken) => Ok((true, taken)),
                    Err(what) => Err(self.corrupt(format!("the record at {offset} {what}"))),
                };
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

    fn watermarks(&self, client: &BaseConsumer<Context>) -> Result<(u64, u64), LogError> {
        let found = client.fetch_watermarks(&self.topic, self.number, ANSWER);
        let doing = || format!("asking where {} begins and ends", self.place());
        let (begin, end) = found.map_err(|error| errors::question(&doing(), &error))?;
        Ok((begin as u64, end as u64))
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
        list.add_partition_offset(&self.topic, self.number, offset).expect("a watermark is above it");
        self.reached = at >= self.target;
        self.consumer.assign(&list).map_err(|error| LogError::Fatal(format!("assigning {}: {error}", self.place())))
    }

    /// Markers behind the last record are passed without an event: only the position tells. It is unknown
    /// until something was read.
    fn position(&self) -> Option<u64> {
        let positions = self.consumer.position().ok()?;
        match positions.find_partition(&self.topic, self.number)?.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        }
    }

    fn place(&self) -> String {
        format!("{}-{}", self.topic, self.number)
    }
}
