//! The read side: input partitions by plain assignment, at places that the journal knows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;
use super::errors::{self, Polled};
use super::options::Options;
use crate::domain::{Millis, Record, Topic};
use crate::log::{LogError, Place};

/// For questions to the brokers.
pub const ANSWER: Duration = Duration::from_secs(10);

type Partition = (Topic, u32);

pub struct Inputs {
    consumer: BaseConsumer<Context>,
    /// Where reading goes on in each partition that is assigned.
    next: BTreeMap<Partition, u64>,
    /// Of which nothing was ever read: their beginning is no place that anybody has reached.
    unread: BTreeSet<Partition>,
}

impl Inputs {
    pub fn new(options: &Options) -> Result<Inputs, LogError> {
        let created = options.consumer().create_with_context(Context::default());
        let consumer = created.map_err(|error| LogError::Fatal(error.to_string()))?;
        Ok(Inputs { consumer, next: BTreeMap::new(), unread: BTreeSet::new() })
    }

    /// How many partitions a topic has; 0 if it doesn't exist.
    pub fn partitions(&self, name: &str) -> Result<u32, LogError> {
        let doing = format!("asking for the partitions of {name}");
        let metadata = self.consumer.fetch_metadata(Some(name), ANSWER);
        let metadata = metadata.map_err(|error| errors::question(&doing, &error))?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        let Some(topic) = topic else { return Ok(0) };
        match topic.error().map(rdkafka::error::RDKafkaErrorCode::from) {
            None => Ok(topic.partitions().len() as u32),
            Some(rdkafka::error::RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(0),
            Some(code) => Err(errors::question(&doing, &rdkafka::error::KafkaError::MetadataFetch(code))),
        }
    }

    pub fn assign(&mut self, options: &Options, places: &[Place]) -> Result<(), LogError> {
        let mut partitions: Vec<Partition> = Vec::new();
        for (topic, name) in options.inputs() {
            partitions.extend((0..self.partitions(name)?).map(|partition| (topic, partition)));
        }
        let beginnings = self.offsets(options, &partitions, Offset::Beginning)?;
        let ends = self.offsets(options, &partitions, Offset::End)?;
        self.next = beginnings.clone();
        self.unread = beginnings.keys().copied().collect();
        for place in places {
            let partition = (place.topic, place.partition);
            let (begin, end) = match (beginnings.get(&partition), ends.get(&partition)) {
                (Some(begin), Some(end)) => (*begin, *end),
                _ => (0, 0),
            };
            check(options, place, begin, end)?;
            self.next.insert(partition, place.next);
            self.unread.remove(&partition);
        }
        let list =
            self.list(options, self.next.iter().map(|(partition, next)| (*partition, Offset::Offset(*next as i64))));
        self.consumer.assign(&list).map_err(|error| LogError::Fatal(format!("assigning inputs: {error}")))
    }

    pub fn poll(
        &mut self,
        options: &Options,
        max: usize,
        wait: Duration,
        into: &mut Vec<Record>,
    ) -> Result<usize, LogError> {
        let deadline = Instant::now() + wait;
        let begin = into.len();
        while into.len() - begin < max {
            let patience = if into.len() > begin { Duration::ZERO } else { left(deadline) };
            match self.consumer.poll(patience) {
                Some(Ok(message)) => {
                    if let Some(record) = record(options, &message) {
                        self.next.insert((record.topic, record.partition), record.next);
                        self.unread.remove(&(record.topic, record.partition));
                        into.push(record);
                    }
                }
                Some(Err(error)) => match errors::poll(&error) {
                    Polled::Noise | Polled::End => {}
                    Polled::Failed(error) => return Err(error),
                    Polled::OutOfRange(what) => return Err(self.out_of_range(options, what)),
                },
                None if into.len() > begin || left(deadline).is_zero() => break,
                None => {}
            }
        }
        Ok(into.len() - begin)
    }

    /// The ends of what is assigned. Where a partition has been read to its end, that is behind the last
    /// record: the markers of transactions behind it will never be delivered.
    pub fn ends(&self, options: &Options) -> Result<Vec<Place>, LogError> {
        let partitions: Vec<Partition> = self.next.keys().copied().collect();
        let ends = self.offsets(options, &partitions, Offset::End)?;
        let positions = self.consumer.position().map_err(|error| errors::question("asking for positions", &error))?;
        let position = |topic: Topic, partition: u32| {
            let found = positions.find_partition(options.name(topic)?, partition as i32)?.offset();
            if let Offset::Offset(offset) = found { u64::try_from(offset).ok() } else { None }
        };
        let place = |((topic, partition), end): ((Topic, u32), u64)| {
            let read = position(topic, partition).is_some_and(|position| position >= end);
            // All that there was has expired: no record can be read, and nobody needs to wait for one.
            let expired = self.unread.contains(&(topic, partition)) && self.next[&(topic, partition)] >= end;
            let next = match (expired, read) {
                (true, _) => 0,
                (false, true) => self.next[&(topic, partition)],
                (false, false) => end,
            };
            Place { topic, partition, next }
        };
        Ok(ends.into_iter().map(place).collect())
    }

    /// The beginnings, or the ends of what is committed, of many partitions by one request to each broker:
    /// as a timestamp these two offsets mean just that.
    fn offsets(
        &self,
        options: &Options,
        partitions: &[Partition],
        which: Offset,
    ) -> Result<BTreeMap<Partition, u64>, LogError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let list = self.list(options, partitions.iter().map(|partition| (*partition, which)));
        let doing = "asking where inputs begin and end";
        let found = self.consumer.offsets_for_times(list, ANSWER).map_err(|error| errors::question(doing, &error))?;
        let mut offsets = BTreeMap::new();
        for element in found.elements() {
            element.error().map_err(|error| errors::question(doing, &error))?;
            let topic = options.topic(element.topic()).expect("we asked for our own topics only");
            let Offset::Offset(offset) = element.offset() else {
                let what = format!("{doing}: {}-{} has no offset", element.topic(), element.partition());
                return Err(LogError::Retry(what));
            };
            offsets.insert((topic, element.partition() as u32), offset as u64);
        }
        Ok(offsets)
    }

    fn list(&self, options: &Options, partitions: impl Iterator<Item = (Partition, Offset)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in partitions {
            let name = options.name(topic).expect("only named topics have partitions");
            list.add_partition_offset(name, partition as i32, offset).expect("offsets of ours are in range");
        }
        list
    }

    /// A fetch said that some place isn't there: finds out which, to name it.
    fn out_of_range(&self, options: &Options, what: String) -> LogError {
        let partitions: Vec<Partition> = self.next.keys().copied().collect();
        let beginnings = self.offsets(options, &partitions, Offset::Beginning);
        let ends = self.offsets(options, &partitions, Offset::End);
        if let (Ok(beginnings), Ok(ends)) = (beginnings, ends) {
            for (&(topic, partition), &next) in &self.next {
                let place = Place { topic, partition, next };
                if let Err(error) = check(options, &place, beginnings[&(topic, partition)], ends[&(topic, partition)]) {
                    return error;
                }
            }
        }
        LogError::Corrupt { place: "an input topic".to_owned(), what }
    }
}

/// A place must still be there: nothing may be skipped because it was deleted too early.
fn check(options: &Options, place: &Place, begin: u64, end: u64) -> Result<(), LogError> {
    if (begin..=end).contains(&place.next) {
        return Ok(());
    }
    let name = options.name(place.topic).unwrap_or(place.topic.name());
    let next = place.next;
    let what = if next < begin {
        format!(
            "begins at {begin}, reading should go on at {next}: the topic's retention deleted records that were never read"
        )
    } else {
        format!("ends at {end}, reading should go on at {next}: the topic was truncated or made anew")
    };
    Err(LogError::Corrupt { place: format!("{name}-{}", place.partition), what })
}

/// `None` for a topic that isn't ours, which can't be.
fn record(options: &Options, message: &BorrowedMessage<'_>) -> Option<Record> {
    let topic = options.topic(message.topic())?;
    let offset = message.offset() as u64;
    let headers = message.headers().map(|headers| headers.iter().collect::<Vec<_>>()).unwrap_or_default();
    let header = |header: &rdkafka::message::Header<'_, &[u8]>| {
        (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
    };
    Some(Record {
        topic,
        partition: message.partition() as u32,
        offset,
        next: offset + 1,
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.iter().map(header).collect(),
        timestamp: Millis(message.timestamp().to_millis().unwrap_or(0)),
    })
}

pub fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
