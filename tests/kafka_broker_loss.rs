//! A broker that dies under a leader: every commit is there once or was said not to be.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`.
#![cfg(feature = "kafka")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bookd::domain::{OutRecord, Topic};
use bookd::log::kafka::{Kafka, Options, ensure_topics};
use bookd::log::{Log, LogError};
use support::broker::Brokers;

const KILLS: u32 = 3;
/// A broker with one JVM thread to spare on a busy machine takes long to come back.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a leader does, reduced to numbered entries: commit, and after doubt ask the journal.
struct Leader {
    log: Kafka,
    /// The number of the next entry.
    next: u64,
    rebuilt: u32,
}

impl Leader {
    fn turn(&mut self) {
        let number = self.next.to_string();
        let command = OutRecord {
            topic: Topic::Commands,
            key: Some(number.clone().into_bytes()),
            value: Some(number.clone().into_bytes()),
            headers: Vec::new(),
        };
        match self.log.commit(&[command], number.as_bytes()) {
            Ok(()) => self.next += 1,
            Err(LogError::Retry(_)) => {}
            Err(LogError::Rebuild(_)) => self.rebuild(),
            Err(error) => panic!("{error}"),
        }
    }

    /// The journal says whether the doubtful entry is there; it can't hold more than that.
    fn rebuild(&mut self) {
        let entries = persist(|| {
            self.log.lead()?;
            read(&mut self.log)
        });
        let found = entries.len() as u64;
        assert!(found == self.next || found == self.next + 1, "{found} entries, {} were committed", self.next);
        self.next = found;
        self.rebuilt += 1;
    }
}

/// Repeats what only failed because nobody answered.
fn persist<T>(mut attempt: impl FnMut() -> Result<T, LogError>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(LogError::Retry(_)) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
            Err(error) => panic!("{error}"),
        }
    }
}

fn read(log: &mut Kafka) -> Result<Vec<String>, LogError> {
    let mut reader = log.open_journal(0)?;
    let mut entries = Vec::new();
    while let Some(record) = reader.next(Duration::ZERO)? {
        entries.push(String::from_utf8(record.bytes).expect("UTF-8"));
    }
    Ok(entries)
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_and_repeats_nothing() {
    let mut brokers = Brokers::start(1);
    let mut topics: BTreeMap<Topic, String> =
        Topic::OUTPUTS.into_iter().map(|topic| (topic, topic.name().to_owned())).collect();
    // Read back as an input, the commands show whether any is missing or doubled.
    let options = Options {
        brokers: brokers.address().to_owned(),
        id: "loss".to_owned(),
        shard: 0,
        topics: topics.clone(),
        // As a broker's death is noticed by silence here, a short silence keeps the test short.
        properties: BTreeMap::from([("transaction.timeout.ms".to_owned(), "5000".to_owned())]),
    };
    ensure_topics(&options, 1, 1).expect("topics");
    let mut log = Kafka::new(options.clone()).expect("good options");
    log.lead().expect("a leader");
    let mut leader = Leader { log, next: 0, rebuilt: 0 };

    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for kill in 0..KILLS {
                std::thread::sleep(Duration::from_millis(1000));
                brokers.command("kill 1");
                // Sometimes back before anything times out, sometimes after.
                std::thread::sleep(Duration::from_secs(u64::from(kill) * 4));
                brokers.command("start 1");
            }
            ended.store(true, Ordering::Relaxed);
        });
        while !ended.load(Ordering::Relaxed) {
            leader.turn();
        }
    });
    for _ in 0..20 {
        leader.turn();
    }
    let wanted: Vec<String> = (0..leader.next).map(|number| number.to_string()).collect();
    assert_eq!(persist(|| read(&mut leader.log)), wanted);
    assert!(leader.next > 20, "it went on: {} entries, rebuilt {} times", leader.next, leader.rebuilt);

    topics.remove(&Topic::Commands);
    topics.insert(Topic::Intent, Topic::Commands.name().to_owned());
    topics.insert(Topic::Commands, "other".to_owned());
    let mut reader = Kafka::new(Options { topics, ..options }).expect("good options");
    reader.assign(&[]).expect("commands as an input");
    let mut commands = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while commands.len() < wanted.len() && Instant::now() < deadline {
        reader.poll(1000, Duration::from_millis(500), &mut commands).expect("a poll");
    }
    let commands: Vec<String> = commands
        .into_iter()
        .map(|record| String::from_utf8(record.value.expect("no tombstones")).expect("UTF-8"))
        .collect();
    assert_eq!(commands, wanted, "each command once, in order");
    eprintln!("{} commits, {} rebuilt", leader.next, leader.rebuilt);
}
