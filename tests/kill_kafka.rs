//! `kill.rs` on a real Kafka broker: a bookd that is killed in the middle of a transaction, of a start, of a read.
//!
//! Besides, a replay into Kafka. 8 kills in the ordinary run; `BOOKD_KILLS=100` for more. Needs Java and, once, Maven; see `tests/kafka/broker`.
#![cfg(feature = "kafka")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bookd::domain::Topic;
use bookd::log::Log;
use bookd::log::kafka::{Kafka, Options, ensure_topics};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use support::company;
use support::feeder::{Feeder, Sink};
use support::oracle::Committed;
use support::process::{Home, append};

const PARTITIONS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(30);

fn options(id: &str) -> Options {
    let topics = Topic::INPUTS.into_iter().chain(Topic::OUTPUTS);
    Options {
        brokers: support::broker::shared(),
        id: id.to_owned(),
        shard: 0,
        topics: topics.map(|topic| (topic, format!("{id}.{}", topic.name()))).collect(),
        properties: BTreeMap::new(),
    }
}

fn config(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.brokers);
    config
}

/// Appends without waiting; what is delivered is read back for the oracle.
fn sink(options: &Options) -> Sink {
    let producer: ThreadedProducer<DefaultProducerContext> =
        config(options).set("linger.ms", "0").create().expect("a producer");
    let topics = options.topics.clone();
    let mut count = 0;
    Box::new(move |topic, line| {
        count += 1;
        let key = format!("{count}");
        let record = BaseRecord::to(&topics[&topic]).key(&key).payload(line);
        producer.send(record).map_err(|(error, _)| error).expect("a record");
        if count % 50 == 0 {
            producer.flush(PATIENCE).expect("delivered");
        }
    })
}

/// All committed values of a topic, by a reader that isn't bookd's.
fn values(options: &Options, topic: Topic) -> Vec<Vec<u8>> {
    let mut config = config(options);
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true").set("group.id", "oracle");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(&options.topics[&topic], partition as i32, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("assign");
    let (mut values, mut ended) = (Vec::new(), 0);
    let deadline = Instant::now() + PATIENCE;
    while ended < PARTITIONS {
        match consumer.poll(Duration::from_millis(500)) {
            Some(Ok(message)) => values.push(message.payload().expect("a command has a value").to_vec()),
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            _ => assert!(Instant::now() < deadline, "{} is read to its end", topic.name()),
        }
    }
    values
}

fn journal(options: &Options) -> Vec<Vec<u8>> {
    let mut log = Kafka::new(options.clone()).expect("good options");
    let mut reader = log.open_journal(0).expect("a journal");
    let mut entries = Vec::new();
    while let Some(record) = reader.next(Duration::ZERO).expect("an entry") {
        entries.push(record.bytes);
    }
    entries
}

fn inputs(options: &Options) -> BTreeMap<(Topic, u32), Vec<u64>> {
    let mut log = Kafka::new(options.clone()).expect("good options");
    log.assign(&[]).expect("assign");
    let ends = log.ends().expect("ends");
    let mut inputs: BTreeMap<(Topic, u32), Vec<u64>> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    let read = |inputs: &BTreeMap<(Topic, u32), Vec<u64>>, topic, partition| {
        inputs.get(&(topic, partition)).and_then(|offsets| offsets.last()).map_or(0, |last| last + 1)
    };
    while ends.iter().any(|end| read(&inputs, end.topic, end.partition) < end.next) {
        assert!(Instant::now() < deadline, "inputs are read to their ends");
        let mut records = Vec::new();
        log.poll(1000, Duration::from_millis(200), &mut records).expect("records");
        for record in records {
            inputs.entry((record.topic, record.partition)).or_default().push(record.offset);
        }
    }
    inputs
}

fn home(options: &Options) -> Home {
    let mut log =
        format!("[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{}\"\nid = \"{}\"\n", options.brokers, options.id);
    log.push_str("[kafka.topics]\n");
    for (topic, name) in &options.topics {
        log.push_str(&format!("{} = \"{name}\"\n", topic.name()));
    }
    let settings = "[http]\nlisten = \"off\"\n[loop]\nheartbeat = \"1s\"\n";
    Home::with_log(&company::restless(), &log, settings)
}

#[test]
fn killed_at_any_instant_on_kafka_it_loses_nothing_and_repeats_nothing() {
    let kills: u32 = std::env::var("BOOKD_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let options = options("killed");
    ensure_topics(&options, PARTITIONS, 1).expect("topics");
    let home = home(&options);
    let feeder = Feeder::start(seed, sink(&options));
    let mut leaderships = 0;
    for _ in 0..kills {
        let before = journal(&options).len();
        let process = home.start();
        std::thread::sleep(Duration::from_millis(500 + u64::from(random.next_u32() % 3000)));
        process.kill();
        leaderships += usize::from(journal(&options).len() > before);
        if random.next_u32().is_multiple_of(4) {
            let _ = std::fs::remove_dir_all(home.snapshots());
        }
    }
    let mut process = home.start();
    let events = feeder.stop();
    let inputs = inputs(&options);
    let records: u64 = inputs.values().map(|offsets| offsets.len() as u64).sum();
    process.wait(|| {
        let entries = journal(&options).into_iter().map(|bytes| bookd::wire::entry::decode(&bytes).unwrap());
        let read: u64 = entries.flat_map(|entry| entry.spans).map(|span| u64::from(span.read)).sum();
        read == records
    });
    process.stop();
    assert!(!bookd::wire::snapshot::list(&home.snapshots(), 0).expect("a directory").is_empty(), "no snapshot");
    let committed = Committed { journal: journal(&options), commands: values(&options, Topic::Commands), inputs };
    let verdict = committed.judge();
    println!("{kills} kills, {leaderships} of them of a leader, {events} events: {verdict:?}");
    assert!(leaderships * 2 > kills as usize, "most kills came before anything was committed");
    assert!(verdict.commands > kills as usize, "too little was decided: {verdict:?}");
}

#[test]
fn a_replay_into_kafka_says_what_one_into_files_says() {
    let options = options("replayed");
    ensure_topics(&options, PARTITIONS, 1).expect("topics");
    let home = home(&options);
    let exports = home.path().join("exports");
    std::fs::create_dir(&exports).expect("a directory");
    let at = |minute: i64| bookd::domain::Millis(1_772_442_000_000 + minute * 60_000);
    let line = |topic, text: String| append(&exports, topic, &format!("{text}\n"));
    line(Topic::Reps, company::rep("ana"));
    for number in 0..6 {
        line(Topic::Accounts, company::account(&format!("a{number}")));
        line(Topic::Intent, company::surge(&format!("e{number}"), &format!("a{number}"), at(number)));
        line(Topic::Activity, company::email(&format!("m{number}"), "ana", &format!("a{number}"), at(number)));
    }
    for more in [&["--kafka"][..], &["--out", "files"]] {
        let done = home.bookd(&[&["replay", "exports"], more].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let mut in_kafka = values(&options, Topic::Commands);
    let text = std::fs::read_to_string(home.path().join("files/commands-0.jsonl")).expect("commands");
    let mut in_files: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
    // Kafka keeps the order of an account alone.
    in_kafka.sort();
    in_files.sort();
    assert!(!in_files.is_empty());
    assert_eq!(in_kafka, in_files);
    let again = home.bookd(&["replay", "exports", "--kafka"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already holds a journal"));
    let verified = home.bookd(&["journal", "--verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
