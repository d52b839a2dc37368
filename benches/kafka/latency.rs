//! From an event to the command that it leads to, at a rate; and from the same events to the output of an echo: a
//! consumer that hands on what it reads, without a transaction.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bookd::domain::Topic;
use bookd::run::clock::Clock;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::report::Delay;
use crate::support::company;
use crate::support::kafka::Site;
use crate::support::process::Home;

const PARTITIONS: u32 = 4;
const REPS: u32 = 100;
const CAPACITY: u32 = 1_000;
/// The first seconds are everybody's warming up.
const WARM: Duration = Duration::from_secs(3);
/// For what is still on its way at the end.
const REST: Duration = Duration::from_secs(30);
/// Where the echo writes: nothing dies here, so bookd doesn't.
const ECHO: Topic = Topic::DeadLetters;

pub struct Rate {
    pub rate: u64,
    pub every: usize,
    pub bookd: Delay,
    pub echo: Delay,
}

/// When each account's first event left, and when what it led to was read.
type Times = BTreeMap<String, Instant>;

pub fn measure(brokers: &str, rate: u64, seconds: u64, every: usize) -> Rate {
    let site = Site::on(brokers, &format!("rate-{rate}"), PARTITIONS, 1);
    let events = (rate * seconds) as usize;
    let home = lead(&site, events / every);
    let mut process = home.start();
    process.wait(|| home.told().contains("the gate is open"));
    let stop = AtomicBool::new(false);
    let (sent, [commands, echoed]) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&site, &stop, events / every));
        scope.spawn(|| echo(&site, &stop));
        let sent = send(&site, rate, events, every);
        let read = reader.join().expect("no panic");
        stop.store(true, Ordering::SeqCst);
        (sent, read)
    });
    process.stop();
    Rate { rate, every, bookd: delay(&sent, &commands), echo: delay(&sent, &echoed) }
}

/// Reps with more room than there are accounts, nobody of whom is lost meanwhile.
fn lead(site: &Site, accounts: usize) -> Home {
    let roomy = "caps = { per_rep_day = 100000, per_book_hour = 1.0 }\nlead = \"5m\"";
    let policy = company::POLICY.replace("lead = \"5m\"", roomy);
    assert_ne!(policy, company::POLICY);
    let home = Home::with_log(&policy, &site.settings(), "");
    let settings = format!("[snapshots]\ndir = {:?}\n[http]\nlisten = \"off\"\n", home.snapshots());
    std::fs::write(home.config(), format!("{policy}\n{}\n{settings}", site.settings())).expect("a configuration");
    let feeder = site.bulk_feeder();
    for rep in 0..REPS {
        let id = format!("r{rep}");
        site.send_patiently(&feeder, Topic::Reps, &id, company::rep_with_capacity(&id, CAPACITY).as_bytes());
    }
    for number in 0..accounts {
        let id = account(number);
        site.send_patiently(&feeder, Topic::Accounts, &id, company::account(&id).as_bytes());
    }
    site.flush(&feeder);
    home
}

fn account(number: usize) -> String {
    format!("a{number}")
}

/// Every so many events is an account's first, which makes it worth a rep's time; the others are of accounts that are
/// owned already.
fn send(site: &Site, rate: u64, events: usize, every: usize) -> Times {
    let feeder = site.feeder();
    let (begun, mut sent) = (Instant::now(), Times::new());
    for number in 0..events {
        let due = begun + Duration::from_nanos(number as u64 * 1_000_000_000 / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let id = account(number / every);
        let line = company::surge(&format!("e{number}"), &id, Clock::Wall.now());
        if number % every == 0 && begun.elapsed() > WARM {
            sent.insert(id.clone(), Instant::now());
        }
        site.send(&feeder, Topic::Intent, &id, &line);
    }
    site.flush(&feeder);
    sent
}

fn reader(site: &Site, topics: &[Topic]) -> BaseConsumer {
    let mut config = site.config();
    config.set("group.id", "reader").set("isolation.level", "read_committed").set("fetch.queue.backoff.ms", "2");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..PARTITIONS as i32 {
            list.add_partition_offset(site.name(*topic), partition, Offset::End).expect("an offset");
        }
    }
    consumer.assign(&list).expect("assign");
    consumer
}

/// First commands, and first echoes, of so many accounts.
fn read(site: &Site, stop: &AtomicBool, accounts: usize) -> [Times; 2] {
    let consumer = reader(site, &[Topic::Commands, ECHO]);
    let mut times = [Times::new(), Times::new()];
    let mut quiet_since = Instant::now();
    while times.iter().any(|each| each.len() < accounts) && quiet_since.elapsed() < REST {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        quiet_since = Instant::now();
        let which = usize::from(message.topic() == site.name(ECHO));
        let id = crm_id(message.payload().expect("a value"));
        times[which].entry(id).or_insert(quiet_since);
    }
    assert!(!stop.load(Ordering::SeqCst), "nobody stops before this is read");
    times
}

/// Commands and events have it in the same place.
fn crm_id(value: &[u8]) -> String {
    let parsed: Value = serde_json::from_slice(value).expect("JSON");
    parsed["account"]["crm_id"].as_str().expect("it names its account").to_owned()
}

/// Hands on the first event of each account, so that it writes as often as bookd does.
fn echo(site: &Site, stop: &AtomicBool) {
    let consumer = reader(site, &[Topic::Intent]);
    let producer = site.feeder();
    let mut seen = std::collections::BTreeSet::new();
    while !stop.load(Ordering::SeqCst) {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let value = message.payload().expect("a value");
        let id = crm_id(value);
        if seen.insert(id.clone()) {
            let record = BaseRecord::to(site.name(ECHO)).key(&id).payload(value);
            producer.send(record).map_err(|(error, _)| error).expect("a record");
        }
    }
    producer.flush(REST).expect("delivered");
}

fn delay(sent: &Times, read: &Times) -> Delay {
    let taken = sent.iter().filter_map(|(id, at)| Some(read.get(id)?.saturating_duration_since(*at)));
    let taken: Vec<Duration> = taken.collect();
    assert!(taken.len() == sent.len(), "{} of {} came back", taken.len(), sent.len());
    Delay::of(taken)
}
