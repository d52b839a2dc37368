//! The read side: input partitions by plain assignment, at places that the journal knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;
use super::errors::{self, Polled};
use super::ffi::{self, Message};
use super::options::Options;
use crate::domain::{Millis, Record, Topic};
use crate::log::{LogError, Place};

/// For questions to the brokers.
pub const ANSWER: Duration = Duration::from_secs(10);

/// Records whose memory is kept for the next ones: a batch, by default. So a record of a usual size asks the allocator
/// for nothing, and what is kept is bounded by these two.
const SPARE_RECORDS: usize = 4_096;
/// Of a key or value. Longer ones are given back.
const SPARE_BYTES: usize = 4_096;

type Partition = (Topic, u32);

pub struct Inputs {
    /// Shared with nobody; see `check_client`.
    consumer: Arc<BaseConsumer<Context>>,
    reached: Reached,
    /// Done with, their memory to be used again.
    spare: Vec<Record>,
}

#[derive(Default)]
struct Reached {
    /// Where reading goes on in each partition that is assigned.
    next: BTreeMap<Partition, u64>,
    /// Of which nothing was ever read: their beginning is no place that anybody has reached.
    unread: BTreeSet<Partition>,
}

impl Reached {
    fn pass(&mut self, run: &Run) {
        self.next.insert((run.topic, run.partition), run.next);
        self.unread.remove(&(run.topic, run.partition));
    }
}

/// Messages of one partition, one after the other: what they have in common is looked up once.
struct Run {
    place: (usize, i32),
    topic: Topic,
    partition: u32,
    next: u64,
}

impl Run {
    /// `None` for a topic that isn't ours, which can't be.
    fn begin(options: &Options, message: Message<'_>) -> Option<Run> {
        let topic = options.topic(message.topic())?;
        let (partition, next) = (message.partition() as u32, message.offset() as u64 + 1);
        Some(Run { place: message.place(), topic, partition, next })
    }
}

/// How many partitions a topic has; 0 if it doesn't exist.
pub fn partitions(consumer: &BaseConsumer<Context>, name: &str) -> Result<u32, LogError> {
    let doing = format!("asking for the partitions of {name}");
    let metadata = consumer.fetch_metadata(Some(name), ANSWER).map_err(|error| errors::question(&doing, &error))?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { return Ok(0) };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(topic.partitions().len() as u32),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(0),
        Some(code) => Err(errors::question(&doing, &KafkaError::MetadataFetch(code))),
    }
}

impl Inputs {
    pub fn new(options: &Options) -> Result<Inputs, LogError> {
        let created = options.consumer().create_with_context(Context::default());
        let consumer = created.map_err(|error| LogError::Fatal(error.to_string()))?;
        ffi::log_by_tracing(&consumer);
        let (consumer, reached) = (Arc::new(consumer), Reached::default());
        Ok(Inputs { consumer, reached, spare: Vec::new() })
    }

    pub fn partitions(&self, name: &str) -> Result<u32, LogError> {
        partitions(&self.consumer, name)
    }

    pub fn assign(&mut self, options: &Options, places: &[Place]) -> Result<(), LogError> {
        let mut partitions: Vec<Partition> = Vec::new();
        for (topic, name) in options.inputs() {
            partitions.extend((0..self.partitions(name)?).map(|partition| (topic, partition)));
        }
        let beginnings = self.offsets(options, &partitions, Offset::Beginning)?;
        let ends = self.offsets(options, &partitions, Offset::End)?;
        self.reached.next = beginnings.clone();
        self.reached.unread = beginnings.keys().copied().collect();
        for place in places {
            let partition = (place.topic, place.partition);
            let (begin, end) = match (beginnings.get(&partition), ends.get(&partition)) {
                (Some(begin), Some(end)) => (*begin, *end),
                _ => (0, 0),
            };
            check(options, place, begin, end)?;
            self.reached.next.insert(partition, place.next);
            self.reached.unread.remove(&partition);
        }
        let places = self.reached.next.iter().map(|(partition, next)| (*partition, Offset::Offset(*next as i64)));
        let list = self.list(options, places);
        self.consumer.assign(&list).map_err(|error| LogError::Fatal(format!("assigning inputs: {error}")))
    }

    pub fn poll(
        &mut self,
        options: &Options,
        max: usize,
        wait: Duration,
        into: &mut Vec<Record>,
    ) -> Result<usize, LogError> {
        let polled = self.fill(options, max, wait, into);
        self.check_client().and(polled)
    }

    pub fn recycle(&mut self, done: Vec<Record>) {
        let is_small = |bytes: &Option<Vec<u8>>| bytes.as_ref().is_none_or(|bytes| bytes.capacity() <= SPARE_BYTES);
        let small = done.into_iter().filter(|record| is_small(&record.key) && is_small(&record.value));
        self.spare.extend(small.take(SPARE_RECORDS - self.spare.len()));
    }

    fn fill(
        &mut self,
        options: &Options,
        max: usize,
        wait: Duration,
        into: &mut Vec<Record>,
    ) -> Result<usize, LogError> {
        let begin = into.len();
        self.wait_for_first(options, wait, into)?;
        // Whatever came with the first; librdkafka fetches the next meanwhile.
        let mut more = into.len() > begin;
        while more && into.len() - begin < max {
            more = self.take_fetched(options, max - (into.len() - begin), into)?;
        }
        Ok(into.len() - begin)
    }

    /// A batch that meets a fatal error of the client tells nobody that it was one.
    fn check_client(&self) -> Result<(), LogError> {
        let Some((code, why)) = self.consumer.client().fatal_error() else { return Ok(()) };
        // Destroying such a client never ends: it stays, so that the process can end.
        std::mem::forget(Arc::clone(&self.consumer));
        Err(LogError::Fatal(format!("the Kafka client can't go on: {code}: {why}")))
    }

    /// rdkafka serves everything else that is in the queue, so the first record comes through it.
    fn wait_for_first(&mut self, options: &Options, wait: Duration, into: &mut Vec<Record>) -> Result<(), LogError> {
        let deadline = Instant::now() + wait;
        loop {
            match self.consumer.poll(left(deadline)) {
                Some(Ok(message)) => {
                    let message = Message::of(&message);
                    if let Some(run) = Run::begin(options, message) {
                        into.push(record(run.topic, message, self.spare.pop()));
                        self.reached.pass(&run);
                        return Ok(());
                    }
                }
                Some(Err(error)) => self.judge(options, &error)?,
                None if left(deadline).is_zero() => return Ok(()),
                None => {}
            }
        }
    }

    /// Returns whether there was anything.
    fn take_fetched(&mut self, options: &Options, max: usize, into: &mut Vec<Record>) -> Result<bool, LogError> {
        let messages = ffi::take_fetched(&self.consumer, max);
        let mut run: Option<Run> = None;
        for message in messages.iter() {
            if let Some(code) = message.error() {
                self.judge(options, &KafkaError::MessageConsumption(code))?;
                continue;
            }
            match &mut run {
                Some(run) if run.place == message.place() => run.next = message.offset() as u64 + 1,
                other => {
                    other.iter().for_each(|run| self.reached.pass(run));
                    *other = Run::begin(options, message);
                }
            }
            into.extend(run.as_ref().map(|run| record(run.topic, message, self.spare.pop())));
        }
        run.iter().for_each(|run| self.reached.pass(run));
        Ok(!messages.is_empty())
    }

    /// Errors that reading gives in place of a record.
    fn judge(&self, options: &Options, error: &KafkaError) -> Result<(), LogError> {
        match errors::poll(error) {
            Polled::Noise | Polled::End => Ok(()),
            Polled::Failed(error) => Err(error),
            Polled::OutOfRange(what) => Err(self.out_of_range(options, what)),
        }
    }

    /// The ends of what is assigned. Where a partition has been read to its end, that is behind the last
    /// record: the markers of transactions behind it will never be delivered.
    pub fn ends(&self, options: &Options) -> Result<Vec<Place>, LogError> {
        let partitions: Vec<Partition> = self.reached.next.keys().copied().collect();
        let ends = self.offsets(options, &partitions, Offset::End)?;
        let positions = self.consumer.position().map_err(|error| errors::question("asking for positions", &error))?;
        let position = |topic: Topic, partition: u32| {
            let found = positions.find_partition(options.name(topic)?, partition as i32)?.offset();
            if let Offset::Offset(offset) = found { u64::try_from(offset).ok() } else { None }
        };
        let place = |((topic, partition), end): ((Topic, u32), u64)| {
            let read = position(topic, partition).is_some_and(|position| position >= end);
            // All that there was has expired: no record can be read, and nobody needs to wait for one.
            let expired =
                self.reached.unread.contains(&(topic, partition)) && self.reached.next[&(topic, partition)] >= end;
            let next = match (expired, read) {
                (true, _) => 0,
                (false, true) => self.reached.next[&(topic, partition)],
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
        let partitions: Vec<Partition> = self.reached.next.keys().copied().collect();
        let beginnings = self.offsets(options, &partitions, Offset::Beginning);
        let ends = self.offsets(options, &partitions, Offset::End);
        if let (Ok(beginnings), Ok(ends)) = (beginnings, ends) {
            for (&(topic, partition), &next) in &self.reached.next {
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

/// A copy of the message, in the memory of a record that is done with, if there is one.
fn record(topic: Topic, message: Message<'_>, spare: Option<Record>) -> Record {
    let offset = message.offset() as u64;
    let (key, value) = spare.map_or((None, None), |spare| (spare.key, spare.value));
    Record {
        topic,
        partition: message.partition() as u32,
        offset,
        next: offset + 1,
        key: copied(message.key(), key),
        value: copied(message.value(), value),
        headers: message.headers().map(|(name, value)| (name.into(), value.to_vec())).collect(),
        timestamp: Millis(message.timestamp().unwrap_or(0)),
    }
}

fn copied(bytes: Option<&[u8]>, spare: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut copy = spare.unwrap_or_default();
    copy.clear();
    copy.extend_from_slice(bytes?);
    Some(copy)
}

pub fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let topics = BTreeMap::from([(Topic::Intent, "intent".to_owned())]);
        let (brokers, properties) = ("localhost:1".to_owned(), BTreeMap::new());
        Options { brokers, id: "bookd".to_owned(), shard: 0, topics, properties }
    }

    #[test]
    fn spare_memory_is_bounded_and_of_the_next_record_alone() {
        let mut inputs = Inputs::new(&options()).unwrap();
        let record = |length: usize| Record {
            topic: Topic::Intent,
            partition: 0,
            offset: 0,
            next: 1,
            key: Some(vec![b'k'; 3]),
            value: Some(vec![b'v'; length]),
            headers: Vec::new(),
            timestamp: Millis(0),
        };
        inputs.recycle(vec![record(SPARE_BYTES + 1), record(SPARE_BYTES)]);
        assert_eq!(inputs.spare.len(), 1);
        inputs.recycle((0..SPARE_RECORDS + 1).map(record).collect());
        inputs.recycle(vec![record(1)]);
        assert_eq!(inputs.spare.len(), SPARE_RECORDS);
        let spare = || Some(b"what was there before".to_vec());
        assert_eq!(copied(Some(b"now"), spare()), Some(b"now".to_vec()));
        assert_eq!(copied(Some(b""), spare()), Some(Vec::new()));
        assert_eq!(copied(None, spare()), None);
        let place = spare();
        let at = place.as_ref().map(|bytes| bytes.as_ptr());
        assert_eq!(copied(Some(b"in its place"), place).map(|bytes| bytes.as_ptr()), at);
    }

    #[test]
    fn a_fatal_error_is_told_whoever_took_the_event() {
        let options = options();
        let mut inputs = Inputs::new(&options).unwrap();
        let poll = |inputs: &mut Inputs| inputs.poll(&options, 10, Duration::ZERO, &mut Vec::new());
        assert_eq!(poll(&mut inputs).unwrap(), 0);
        ffi::fail(&inputs.consumer, c"broken for good");
        // The event comes once; the second time there is none.
        for _ in 0..2 {
            let told = poll(&mut inputs).unwrap_err();
            assert!(matches!(&told, LogError::Fatal(what) if what.contains("broken for good")), "{told}");
        }
    }
}
