//! A commit whose outcome nobody was told: the journal says whether it's there, and nothing is lost or twice.
//!
//! A proxy before a real broker loses the request that ends a transaction, or its answer. Needs Java and, once, Maven;
//! see `tests/kafka/broker`.
#![cfg(feature = "kafka")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bookd::domain::{OutRecord, Topic};
use bookd::log::kafka::{Kafka, Options, ensure_topics};
use bookd::log::{Log, LogError};
use support::broker::Brokers;
use support::company;
use support::feeder::Feeder;
use support::kafka::{self, Site};
use support::process::Process;
use support::proxy::{Loss, Proxy};

/// A producer gives a commit up after so long; bookd's own setting is 10 s.
const TRANSACTION_TIMEOUT_MS: &str = "3000";
/// What bookd says when it doubts.
const DOUBT: &str = "rebuilding from the journal";

struct World {
    brokers: Brokers,
    proxy: Proxy,
}

/// One broker for all tests of this process, and one test at a time on it.
fn world() -> MutexGuard<'static, World> {
    static WORLD: OnceLock<Mutex<World>> = OnceLock::new();
    let world = WORLD.get_or_init(|| {
        let proxy = Proxy::start();
        let brokers = Brokers::start_behind(&proxy);
        Mutex::new(World { brokers, proxy })
    });
    // A test that failed has said so itself.
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A log that goes through the proxy, with topics of its own.
fn log(world: &World, name: &str) -> Kafka {
    let topics = Topic::OUTPUTS.into_iter();
    let options = Options {
        brokers: world.proxy.address(),
        id: name.to_owned(),
        shard: 0,
        topics: topics.map(|topic| (topic, format!("{name}.{}", topic.name()))).collect(),
        properties: BTreeMap::from([("transaction.timeout.ms".to_owned(), TRANSACTION_TIMEOUT_MS.to_owned())]),
    };
    ensure_topics(&options, 1, 1).expect("topics");
    let mut log = Kafka::new(options).expect("good options");
    log.lead().expect("a leader");
    log
}

fn commit(log: &mut Kafka, text: &str) -> Result<(), LogError> {
    let value = Some(text.as_bytes().to_vec());
    let command = OutRecord { topic: Topic::Commands, key: Some(b"account".to_vec()), value, headers: Vec::new() };
    log.commit(&[command], text.as_bytes())
}

fn journal(log: &mut Kafka) -> Vec<String> {
    let mut reader = log.open_journal(0).expect("the journal opens");
    std::iter::from_fn(|| reader.next(Duration::ZERO).expect("a journal entry"))
        .map(|record| String::from_utf8(record.bytes).expect("UTF-8"))
        .collect()
}

/// What is committed, past the proxy.
fn commands(world: &World, name: &str) -> Vec<String> {
    let values = kafka::read(world.brokers.address(), &format!("{name}.commands"));
    values.into_iter().map(|stored| String::from_utf8(stored.value).expect("UTF-8")).collect()
}

#[test]
fn an_answer_that_is_lost_once_is_asked_for_again() {
    for loss in [Loss::Request, Loss::Answer] {
        let world = world();
        let name = format!("once-{loss:?}");
        let mut log = log(&world, &name);
        commit(&mut log, "1").expect("a commit");
        world.proxy.lose_once(loss);
        commit(&mut log, "2").expect("librdkafka says it again");
        assert!(world.proxy.is_done(), "nothing was lost");
        commit(&mut log, "3").expect("a commit");
        assert_eq!(journal(&mut log), ["1", "2", "3"], "{loss:?}");
        assert_eq!(commands(&world, &name), ["1", "2", "3"], "{loss:?}");
    }
}

#[test]
fn a_doubtful_commit_is_in_the_journal_or_never_was() {
    for (loss, found) in [(Loss::Answer, &["1", "2"][..]), (Loss::Request, &["1"])] {
        let world = world();
        let name = format!("doubt-{loss:?}");
        let mut log = log(&world, &name);
        commit(&mut log, "1").expect("a commit");
        world.proxy.lose_until_next_lead(loss);
        let doubted = commit(&mut log, "2");
        assert!(matches!(doubted, Err(LogError::Rebuild(_))), "{doubted:?}");
        assert!(!world.proxy.is_done());
        log.lead().expect("a leader again");
        assert!(world.proxy.is_done());
        assert_eq!(journal(&mut log), found, "{loss:?}");
        let wanted = [found, &["3"]].concat();
        commit(&mut log, "3").expect("a commit");
        assert_eq!(journal(&mut log), wanted, "{loss:?}");
        assert_eq!(commands(&world, &name), wanted, "{loss:?}");
    }
}

/// Waits until the journal has grown by some entries.
fn goes_on(site: &Site, process: &mut Process) {
    let wanted = site.journal().len() + 10;
    process.wait(|| site.journal().len() >= wanted);
}

#[test]
fn bookd_resolves_doubtful_commits_by_its_journal() {
    let world = world();
    let site = Arc::new(Site::on(world.brokers.address(), "run", 2, 1).through(&world.proxy.address()));
    let home = kafka::home(&site, &company::restless());
    let producer = Arc::new(site.feeder());
    let feeder = Feeder::start(u64::from(std::process::id()), site.sink(producer.clone()));
    let mut process = home.start();
    for (number, loss) in [Loss::Answer, Loss::Request].into_iter().enumerate() {
        goes_on(&site, &mut process);
        world.proxy.lose_until_next_lead(loss);
        process.wait(|| world.proxy.is_done());
        assert_eq!(home.told().matches(DOUBT).count(), number + 1, "{}", home.told());
    }
    goes_on(&site, &mut process);
    let events = feeder.stop();
    site.flush(&producer);
    let records = site.inputs().values().map(Vec::len).sum();
    site.wait_until_decided(&mut process, records);
    process.stop();
    let verdict = site.committed().judge();
    println!("{events} events, {records} records: {verdict:?}");
    assert!(records >= events && verdict.commands > 0, "{verdict:?}");
}
