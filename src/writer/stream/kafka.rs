//! Commands and results on Kafka: results and the place in the commands in one transaction.
//!
//! The transactional id is the group's name: a second writer by this name ends the first one's transaction, and the
//! first hears of it at its next commit. So one process at a time applies, whatever starts others; partitions are
//! assigned, never balanced.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{error, info};

use super::Stream;
use crate::config::writer::{Source, Topics};
use crate::domain::{Millis, OutRecord, Record, Topic};
use crate::log::LogError;
use crate::log::kafka::context::Context;
use crate::log::kafka::errors::{self, Polled};
use crate::log::kafka::inputs::{ANSWER, partitions};

/// Taking over from a writer with an open transaction takes about a second.
const INIT: Duration = Duration::from_secs(30);
/// After this the brokers end a transaction on their own.
const TRANSACTION: Duration = Duration::from_secs(30);
/// Added partitions are found this often.
const PARTITIONS_EVERY: Duration = Duration::from_secs(60);

pub struct Kafka {
    topics: Topics,
    from_latest: bool,
    consumer: BaseConsumer<Context>,
    producer: ThreadedProducer<Context>,
    /// Where polling goes on in each partition.
    next: BTreeMap<i32, i64>,
    looked: Instant,
}

impl Kafka {
    /// Fences whoever wrote by this name before; then, and only then, reads how far they came.
    pub fn open(source: &Source) -> Result<Kafka, LogError> {
        let Source::Kafka { group, from_latest, topics, .. } = source else {
            return Err(LogError::Fatal("these settings aren't Kafka's".to_owned()));
        };
        let fatal = |error: KafkaError| LogError::Fatal(error.to_string());
        let consumer: BaseConsumer<Context> =
            consumer(source).create_with_context(Context::default()).map_err(fatal)?;
        for name in [&topics.commands, &topics.results, &topics.dead_letters] {
            if partitions(&consumer, name)? == 0 {
                return Err(LogError::Fatal(format!("there is no topic {name}")));
            }
        }
        let producer: ThreadedProducer<Context> =
            producer(source).create_with_context(Context::default()).map_err(fatal)?;
        producer.init_transactions(INIT).map_err(|error| match errors::transaction("taking over", &error) {
            LogError::Rebuild(what) => LogError::Retry(what),
            other => other,
        })?;
        let (next, looked) = (BTreeMap::new(), Instant::now());
        let mut kafka = Kafka { topics: topics.clone(), from_latest: *from_latest, consumer, producer, next, looked };
        kafka.assign()?;
        info!(group, places = ?kafka.next, "reading commands");
        Ok(kafka)
    }

    /// Every partition, at the place that was committed; those that are read already go on where they are.
    fn assign(&mut self) -> Result<(), LogError> {
        let count = partitions(&self.consumer, &self.topics.commands)?;
        let committed = self.committed(count)?;
        for partition in 0..count as i32 {
            if !self.next.contains_key(&partition) {
                let place = self.place(partition, committed.get(&partition).copied())?;
                self.next.insert(partition, place);
            }
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in &self.next {
            let added = list.add_partition_offset(&self.topics.commands, *partition, Offset::Offset(*next));
            added.map_err(|error| LogError::Fatal(format!("assigning commands: {error}")))?;
        }
        self.consumer.assign(&list).map_err(|error| LogError::Fatal(format!("assigning commands: {error}")))
    }

    fn committed(&self, count: u32) -> Result<BTreeMap<i32, i64>, LogError> {
        let mut list = TopicPartitionList::new();
        for partition in 0..count as i32 {
            list.add_partition(&self.topics.commands, partition);
        }
        let found = self.consumer.committed_offsets(list, ANSWER);
        let found = found.map_err(|error| errors::question("asking how far was read", &error))?;
        let place = |offset| if let Offset::Offset(next) = offset { Some(next) } else { None };
        Ok(found.elements().iter().filter_map(|one| Some((one.partition(), place(one.offset())?))).collect())
    }

    /// Commands that are gone have ended long ago, and bookd has undone them: that is told, and no reason to stop. A
    /// topic that is shorter than what was read of it is another one.
    fn place(&self, partition: i32, committed: Option<i64>) -> Result<i64, LogError> {
        let name = &self.topics.commands;
        let watermarks = self.consumer.fetch_watermarks(name, partition, ANSWER);
        let (low, high) =
            watermarks.map_err(|error| errors::question("asking where commands begin and end", &error))?;
        match committed {
            None if self.from_latest => Ok(high),
            None => Ok(low),
            Some(next) if next < low => {
                error!(topic = name, partition, from = next, to = low, "commands were deleted before they were read");
                Ok(low)
            }
            Some(next) if next > high => Err(LogError::Corrupt {
                place: format!("{name}-{partition}"),
                what: format!(
                    "ends at {high}, reading should go on at {next}: the topic was made anew; name another `group`"
                ),
            }),
            Some(next) => Ok(next),
        }
    }

    fn wait_for_first(&self, wait: Duration) -> Result<Option<Record>, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.take(left)? {
                Some(record) => return Ok(Some(record)),
                None if left.is_zero() => return Ok(None),
                None => {}
            }
        }
    }

    fn take(&self, wait: Duration) -> Result<Option<Record>, LogError> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(record(&message))),
            Some(Err(error)) => match errors::poll(&error) {
                Polled::Noise | Polled::End => Ok(None),
                Polled::Failed(error) => Err(error),
                Polled::OutOfRange(what) => Err(LogError::Rebuild(what)),
            },
        }
    }

    fn transact(&self, outputs: &[OutRecord], places: &BTreeMap<u32, u64>) -> Result<(), LogError> {
        self.producer.begin_transaction().map_err(|error| errors::transaction("beginning a commit", &error))?;
        for output in outputs {
            self.send(output)?;
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in places {
            let (partition, next) = (*partition as i32, Offset::Offset(*next as i64));
            let added = list.add_partition_offset(&self.topics.commands, partition, next);
            added.map_err(|error| LogError::Fatal(format!("a place in the commands: {error}")))?;
        }
        let group = self.consumer.group_metadata().expect("the consumer has a group id");
        let sent = self.producer.send_offsets_to_transaction(&list, &group, TRANSACTION);
        sent.map_err(|error| errors::transaction("committing places", &error))?;
        self.producer.commit_transaction(TRANSACTION).map_err(|error| errors::transaction("committing", &error))
    }

    fn send(&self, output: &OutRecord) -> Result<(), LogError> {
        let topic = if output.topic == Topic::Results { &self.topics.results } else { &self.topics.dead_letters };
        let mut headers = OwnedHeaders::new();
        for (name, value) in &output.headers {
            headers = headers.insert(Header { key: name, value: Some(&**value) });
        }
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).headers(headers);
        if let Some(key) = &output.key {
            record = record.key(key);
        }
        if let Some(value) = &output.value {
            record = record.payload(value);
        }
        self.producer.send(record).map_err(|(error, _)| LogError::Rebuild(format!("sending: {error}")))
    }
}

impl Stream for Kafka {
    fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        if self.looked.elapsed() >= PARTITIONS_EVERY {
            self.looked = Instant::now();
            if partitions(&self.consumer, &self.topics.commands)? as usize != self.next.len() {
                self.assign()?;
            }
        }
        let mut records: Vec<Record> = self.wait_for_first(wait)?.into_iter().collect();
        // Whatever came with the first.
        while !records.is_empty() && records.len() < max {
            match self.take(Duration::ZERO)? {
                Some(record) => records.push(record),
                None => break,
            }
        }
        for record in &records {
            self.next.insert(record.partition as i32, record.next as i64);
        }
        Ok(records)
    }

    fn commit(&mut self, outputs: &[OutRecord], places: &BTreeMap<u32, u64>) -> Result<(), LogError> {
        self.transact(outputs, places)
    }

    fn commands(&self) -> &str {
        &self.topics.commands
    }

    fn has_lines(&self) -> bool {
        false
    }
}

fn client(source: &Source) -> ClientConfig {
    let mut config = ClientConfig::new();
    if let Source::Kafka { brokers, group, properties, .. } = source {
        config.set("client.id", group);
        for (name, value) in properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", brokers);
    }
    config
}

fn consumer(source: &Source) -> ClientConfig {
    let mut config = client(source);
    if let Source::Kafka { group, .. } = source {
        config.set("group.id", group);
    }
    config
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "error")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false");
    config
}

fn producer(source: &Source) -> ClientConfig {
    let mut config = client(source);
    if let Source::Kafka { group, .. } = source {
        config.set("transactional.id", group);
    }
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("transaction.timeout.ms", TRANSACTION.as_millis().to_string())
        // What Java's clients do, so that an account's results lie where its other records do.
        .set("partitioner", "murmur2_random");
    config
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let header = |header: Header<'_, &[u8]>| (header.key.into(), header.value.unwrap_or_default().to_vec());
    let offset = message.offset() as u64;
    Record {
        topic: Topic::Commands,
        partition: message.partition() as u32,
        offset,
        next: offset + 1,
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: message.headers().map(|all| all.iter().map(header).collect()).unwrap_or_default(),
        timestamp: Millis(message.timestamp().to_millis().unwrap_or(0)),
    }
}
