//! The log on a real Kafka broker: the contract, and what only Kafka can do to us.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`.
#![cfg(feature = "kafka")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bookd::domain::{OutRecord, Topic};
use bookd::log::kafka::{Kafka, Options, ensure_topics};
use bookd::log::{Log, LogError};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use support::log_contract::{self, World};

/// Key, value, and the number of headers.
type Stored = (Option<Vec<u8>>, Option<Vec<u8>>, usize);

const PATIENCE: Duration = Duration::from_secs(30);

/// Topics of its own on the shared broker.
struct KafkaWorld {
    options: Options,
    /// Inputs come in transactions, each of which leaves a marker behind.
    transactional: bool,
}

impl KafkaWorld {
    fn new() -> KafkaWorld {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("w{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let topics = Topic::INPUTS.into_iter().chain(Topic::OUTPUTS);
        let options = Options {
            brokers: support::broker::shared(),
            id: prefix.clone(),
            shard: 0,
            topics: topics.map(|topic| (topic, format!("{prefix}.{}", topic.name()))).collect(),
            properties: BTreeMap::new(),
        };
        let mut outputs = options.clone();
        outputs.topics.retain(|topic, _| Topic::OUTPUTS.contains(topic));
        ensure_topics(&outputs, 1, 1).expect("topics");
        KafkaWorld { options, transactional: false }
    }

    fn transactional() -> KafkaWorld {
        KafkaWorld { transactional: true, ..KafkaWorld::new() }
    }

    fn kafka(&self) -> Kafka {
        Kafka::new(self.options.clone()).expect("good options")
    }

    fn name(&self, topic: Topic) -> &str {
        self.options.name(topic).expect("all have names")
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.options.brokers);
        config
    }

    /// A producer that isn't bookd's; in transactions if it has an id for them.
    fn foreign(&self, transactional_id: Option<&str>) -> ThreadedProducer<DefaultProducerContext> {
        let mut config = self.config();
        config.set("linger.ms", "0");
        if let Some(id) = transactional_id {
            config.set("transactional.id", format!("{}-{id}", self.options.id)).set("transaction.timeout.ms", "60000");
        }
        let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer");
        if transactional_id.is_some() {
            producer.init_transactions(PATIENCE).expect("transactions");
        }
        producer
    }

    fn send(&self, producer: &ThreadedProducer<DefaultProducerContext>, topic: Topic, partition: i32, value: &[u8]) {
        // Compacted topics accept no record without a key.
        let record = BaseRecord::to(self.name(topic)).partition(partition).key(value).payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("a record");
    }

    fn admin<F: Future>(&self, act: impl FnOnce(AdminClient<DefaultClientContext>) -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(act(self.config().create().expect("an admin client")))
    }

    /// All that the first partition of a topic holds.
    fn read(&self, topic: Topic, isolation: &str) -> Vec<Stored> {
        let mut config = self.config();
        config.set("isolation.level", isolation).set("enable.partition.eof", "true").set("group.id", "reader");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.name(topic), 0, Offset::Beginning).expect("an offset");
        consumer.assign(&list).expect("assign");
        let mut records = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match consumer.poll(Duration::from_secs(1)) {
                Some(Ok(message)) => records.push((
                    message.key().map(<[u8]>::to_vec),
                    message.payload().map(<[u8]>::to_vec),
                    message.headers().map_or(0, Headers::count),
                )),
                Some(Err(KafkaError::PartitionEOF(_))) => return records,
                _ => assert!(Instant::now() < deadline, "{} is read to its end", self.name(topic)),
            }
        }
    }

    fn values(&self, topic: Topic, isolation: &str) -> Vec<String> {
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or_default()).expect("UTF-8");
        let line = |(key, value, _): Stored| match value {
            Some(value) => text(Some(value)),
            None => format!("{{\"tombstone\":true,\"key\":\"{}\"}}", text(key)),
        };
        self.read(topic, isolation).into_iter().map(line).collect()
    }
}

impl World for KafkaWorld {
    fn log(&self) -> Box<dyn Log> {
        Box::new(self.kafka())
    }

    fn create(&self, topic: Topic, partitions: u32) {
        let mut one = self.options.clone();
        one.topics.retain(|other, _| *other == topic || Topic::OUTPUTS.contains(other));
        ensure_topics(&one, partitions, 1).expect("a topic");
        let name = self.name(topic);
        let more = NewPartitions::new(name, partitions as usize);
        self.admin(|admin| async move { admin.create_partitions([&more], &AdminOptions::new()).await })
            .expect("an answer");
        let producer = self.foreign(None);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metadata = producer.client().fetch_metadata(Some(name), PATIENCE).expect("metadata");
            if metadata.topics()[0].partitions().len() == partitions as usize {
                return;
            }
            assert!(Instant::now() < deadline, "{partitions} partitions");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn append(&self, topic: Topic, partition: u32, values: &[&str]) {
        let producer = self.foreign(self.transactional.then_some("feeder"));
        for value in values {
            if self.transactional {
                producer.begin_transaction().expect("begin");
            }
            self.send(&producer, topic, partition as i32, value.as_bytes());
            if self.transactional {
                producer.commit_transaction(PATIENCE).expect("commit");
            }
        }
        producer.flush(PATIENCE).expect("delivered");
    }

    fn outputs(&self, topic: Topic) -> Vec<String> {
        self.values(topic, "read_committed")
    }

    fn damage_journal_before(&self, at: u64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.name(Topic::Journal), 0, Offset::Offset(at as i64)).expect("an offset");
        self.admin(|admin| async move { admin.delete_records(&list, &AdminOptions::new()).await.map(|_| ()) })
            .expect("records are deleted");
    }
}

mod contract {
    use super::*;
    log_contract!(KafkaWorld::new());
}

fn command(value: &str) -> OutRecord {
    let (topic, key) = (Topic::Commands, Some(b"account".to_vec()));
    OutRecord { topic, key, value: Some(value.as_bytes().to_vec()), headers: Vec::new() }
}

fn led(world: &KafkaWorld) -> Kafka {
    let mut log = world.kafka();
    log.lead().expect("a leader");
    log
}

fn journal(log: &mut Kafka) -> Vec<String> {
    let mut reader = log.open_journal(0).expect("the journal opens");
    std::iter::from_fn(|| reader.next(Duration::ZERO).expect("a journal entry"))
        .map(|record| String::from_utf8(record.bytes).expect("UTF-8"))
        .collect()
}

#[test]
fn inputs_that_come_in_transactions_end_behind_their_last_record() {
    log_contract::ends_are_where_reading_stops(&KafkaWorld::transactional());
}

#[test]
fn inputs_that_come_in_transactions_are_read_on_from_a_place() {
    log_contract::reading_goes_on_at_a_place(&KafkaWorld::transactional());
}

#[test]
fn a_place_before_a_marker_at_the_end_is_an_end() {
    let world = KafkaWorld::transactional();
    world.create(Topic::Activity, 1);
    world.append(Topic::Activity, 0, &["1"]);
    let mut log = world.kafka();
    let place = bookd::log::Place { topic: Topic::Activity, partition: 0, next: 1 };
    log.assign(&[place]).expect("assign");
    let deadline = Instant::now() + PATIENCE;
    while log.ends().expect("ends") != [place] {
        assert!(Instant::now() < deadline, "{:?}", log.ends());
        assert_eq!(log.poll(10, Duration::from_millis(50), &mut Vec::new()).expect("a poll"), 0);
    }
}

#[test]
fn an_open_transaction_hides_what_is_behind_it() {
    let world = KafkaWorld::new();
    world.create(Topic::Intent, 1);
    world.append(Topic::Intent, 0, &["1"]);
    let foreign = world.foreign(Some("slow"));
    foreign.begin_transaction().expect("begin");
    world.send(&foreign, Topic::Intent, 0, b"2");
    foreign.flush(PATIENCE).expect("delivered");
    world.append(Topic::Intent, 0, &["3"]);

    let mut log = world.kafka();
    log.assign(&[]).expect("assign");
    let mut records = Vec::new();
    while log.poll(10, Duration::from_secs(2), &mut records).expect("a poll") > 0 {}
    assert_eq!(records.len(), 1, "committed, and not behind an open transaction");
    assert_eq!(log.ends().expect("ends")[0].next, 1, "the end is that of the committed");
    foreign.abort_transaction(PATIENCE).expect("abort");
    let deadline = Instant::now() + PATIENCE;
    while records.len() < 2 && Instant::now() < deadline {
        log.poll(10, Duration::from_millis(200), &mut records).expect("a poll");
    }
    assert_eq!(records[1].value.as_deref(), Some(&b"3"[..]), "what was aborted never comes");
}

#[test]
fn retention_that_overtook_us_is_refused_and_named() {
    let world = KafkaWorld::new();
    world.create(Topic::Intent, 2);
    world.append(Topic::Intent, 1, &["1", "2", "3"]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(world.name(Topic::Intent), 1, Offset::Offset(2)).expect("an offset");
    world
        .admin(|admin| async move { admin.delete_records(&list, &AdminOptions::new()).await.map(|_| ()) })
        .expect("deleted");
    let mut log = world.kafka();
    let place = |next| bookd::log::Place { topic: Topic::Intent, partition: 1, next };
    let error = log.assign(&[place(1)]).expect_err("records 1 was never read");
    assert!(matches!(&error, LogError::Corrupt { place, .. } if place.ends_with("intent-1")), "{error}");
    assert!(error.to_string().contains("begins at 2"), "{error}");
    log.assign(&[place(2)]).expect("the first record that is there");
    log.assign(&[]).expect("or from the beginning");
    let mut records = Vec::new();
    log.poll(10, PATIENCE, &mut records).expect("a poll");
    assert_eq!(records[0].offset, 2);
}

#[test]
fn a_fenced_leader_leaves_nothing_behind() {
    let world = KafkaWorld::new();
    let mut first = led(&world);
    first.commit(&[command("1")], b"first").expect("a commit");
    let mut second = led(&world);
    for _ in 0..2 {
        let late = first.commit(&[command("late")], b"late");
        assert!(matches!(late, Err(LogError::Fenced(_) | LogError::Rebuild(_))), "{late:?}");
    }
    second.commit(&[command("2")], b"second").expect("a commit");
    assert_eq!(journal(&mut second), ["first", "second"]);
    assert_eq!(world.outputs(Topic::Commands), ["1", "2"]);
}

#[test]
fn an_aborted_transaction_is_in_the_log_and_not_in_the_journal() {
    let world = KafkaWorld::new();
    let mut log = led(&world);
    log.commit(&[command("1")], b"first").expect("a commit");
    let aborted = world.foreign(Some("aborting"));
    aborted.begin_transaction().expect("begin");
    world.send(&aborted, Topic::Journal, 0, b"aborted");
    world.send(&aborted, Topic::Commands, 0, b"aborted");
    aborted.flush(PATIENCE).expect("delivered");
    aborted.abort_transaction(PATIENCE).expect("abort");
    log.commit(&[command("2")], b"second").expect("a commit");
    assert_eq!(journal(&mut log), ["first", "second"]);
    assert_eq!(world.outputs(Topic::Commands), ["1", "2"]);
    assert_eq!(world.values(Topic::Commands, "read_uncommitted"), ["1", "aborted", "2"], "it was really there");
}

#[test]
fn the_journal_ends_with_the_last_commit_after_every_change_of_leader() {
    let world = KafkaWorld::new();
    for round in 0..5 {
        let mut log = led(&world);
        let entries = journal(&mut log);
        assert_eq!(entries.len(), round * 3);
        for number in round * 3..round * 3 + 3 {
            log.commit(&[command("1")], number.to_string().as_bytes()).expect("a commit");
        }
    }
}

#[test]
fn a_foreign_open_transaction_on_the_journal_is_waited_for_and_then_named() {
    let world = KafkaWorld::new();
    let mut log = led(&world);
    log.commit(&[], b"first").expect("a commit");
    let hanging = world.foreign(Some("hanging"));
    hanging.begin_transaction().expect("begin");
    world.send(&hanging, Topic::Journal, 0, b"hanging");
    hanging.flush(PATIENCE).expect("delivered");

    let waited = std::thread::scope(|scope| {
        let opened = scope.spawn(|| {
            let begun = Instant::now();
            let error = led_reader(&world).expect_err("the transaction is still open");
            (begun.elapsed(), error)
        });
        opened.join().expect("no panic")
    });
    assert!(waited.0 > Duration::from_secs(25), "{waited:?}");
    let text = waited.1.to_string();
    assert!(
        matches!(waited.1, LogError::Retry(_)) && text.contains("open transaction") && text.contains("journal-0"),
        "{text}"
    );

    let ended = std::thread::scope(|scope| {
        let opened = scope.spawn(|| led_reader(&world));
        std::thread::sleep(Duration::from_millis(500));
        hanging.abort_transaction(PATIENCE).expect("abort");
        opened.join().expect("no panic")
    });
    assert_eq!(ended.expect("waited for its end"), ["first"]);
}

fn led_reader(world: &KafkaWorld) -> Result<Vec<String>, LogError> {
    let mut reader = world.kafka().open_journal(0)?;
    let mut entries = Vec::new();
    while let Some(record) = reader.next(Duration::ZERO)? {
        entries.push(String::from_utf8(record.bytes).expect("UTF-8"));
    }
    Ok(entries)
}

/// The commands topic has other writers: the shards, whose transactions bookd doesn't end when it leads.
#[test]
fn a_foreign_open_transaction_on_the_commands_hides_none_of_ours() {
    let world = KafkaWorld::new();
    let mut log = led(&world);
    log.commit(&[command("1")], b"first").expect("a commit");
    let other = world.foreign(Some("other"));
    other.begin_transaction().expect("begin");
    world.send(&other, Topic::Commands, 0, b"open");
    other.flush(PATIENCE).expect("delivered");
    log.commit(&[command("2")], b"second").expect("a commit");

    let refused = commands(&mut log).expect_err("the transaction is still open");
    let text = refused.to_string();
    assert!(
        matches!(refused, LogError::Retry(_)) && text.contains("open transaction") && text.contains("commands-0"),
        "{text}"
    );

    let read = std::thread::scope(|scope| {
        let read = scope.spawn(|| commands(&mut log));
        std::thread::sleep(Duration::from_millis(500));
        assert!(!read.is_finished(), "it waits");
        other.abort_transaction(PATIENCE).expect("abort");
        read.join().expect("no panic")
    });
    assert_eq!(read.expect("waited for its end"), ["1", "2"]);
}

fn commands(log: &mut Kafka) -> Result<Vec<String>, LogError> {
    let mut values = Vec::new();
    log.read_output(Topic::Commands, &mut |stored| {
        values.push(String::from_utf8(stored.value.to_vec()).expect("UTF-8"))
    })?;
    Ok(values)
}

#[test]
fn a_dead_letter_over_the_brokers_limit_is_cut_and_says_so() {
    let world = KafkaWorld::new();
    let mut log = led(&world);
    let letter = OutRecord { topic: Topic::DeadLetters, value: Some(vec![b'x'; 3_000_000]), ..command("") };
    log.commit(std::slice::from_ref(&letter), b"entry").expect("a commit");
    let records = world.read(Topic::DeadLetters, "read_committed");
    let (_, value, headers) = &records[0];
    assert_eq!((value.as_ref().map(Vec::len), *headers), (Some(900 * 1024), 1));
    let refused = log.commit(&[OutRecord { topic: Topic::Commands, ..letter }], b"no command is so large");
    assert!(matches!(refused, Err(LogError::Fatal(_))), "{refused:?}");
    log.lead().expect("a leader again");
    assert_eq!(journal(&mut log), ["entry"]);
}

#[test]
fn missing_topics_are_named_before_anything_is_written() {
    let world = KafkaWorld::new();
    let mut options = world.options.clone();
    options.shard = 1;
    let error = Kafka::new(options.clone()).expect("good options").lead().expect_err("the journal has one partition");
    assert!(error.to_string().contains("journal needs 2 partition(s) and has 1"), "{error}");
    options.topics.insert(Topic::Alerts, "nowhere".to_owned());
    let error = Kafka::new(options).expect("good options").lead().expect_err("no such topic");
    assert!(matches!(&error, LogError::Fatal(what) if what.contains("nowhere")), "{error}");
}
