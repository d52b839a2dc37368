//! A backlog that waits in the topics: bookd reads it to its end, and so does a consumer that only reads.

use std::process::Command;
use std::time::{Duration, Instant};

use bookd::domain::{Record, Topic};
use bookd::log::kafka::ffi;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::report::{self, Used};
use crate::support::kafka::{Feeder, Site};
use crate::support::process::Home;
use crate::workload::{EVENTS_PER_REP_DAY, START, Shape, Workload, policy};

/// The word by which the bench runs itself as the bare consumer.
pub const CONSUME: &str = "--consume";

const PARTITIONS: u32 = 4;
/// Made and sent at once.
const CHUNK: usize = 20_000;
/// What bookd says when it has read the backlog to its end.
const CAUGHT_UP: &str = "the gate is open";
/// A backlog of some weeks: what is older than ids are remembered would be dead letters.
const WINDOWS: &str = "[policy.windows]\ndedup = \"90d\"\n";
const PATIENCE: Duration = Duration::from_secs(1_800);

pub struct Backlog {
    pub accounts: u32,
    pub records: usize,
    pub bookd: Used,
    /// Of two runs the better, as of the next.
    pub bare: Used,
    /// The same, one message a call.
    pub one_by_one: Used,
}

/// Messages a call of the bare consumer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Many,
    One,
}

impl Call {
    const ALL: [(Call, &str); 2] = [(Call::Many, "many"), (Call::One, "one")];
}

pub fn measure(brokers: &str, events: usize, accounts: u32) -> Backlog {
    let site = Site::on(brokers, &format!("backlog-{accounts}"), PARTITIONS, 1);
    let shape = Shape::of(accounts);
    let records = produce(&site, Workload::new(shape), events);
    eprintln!("{records} records are there");
    let before = Call::ALL.map(|call| run_bare(&site, records, call));
    let bookd = run_bookd(&site, &format!("{}{WINDOWS}", policy::text(&shape, 1)));
    let after = Call::ALL.map(|call| run_bare(&site, records, call));
    let better = |which: usize| if before[which].cpu < after[which].cpu { before[which] } else { after[which] };
    Backlog { accounts, records, bookd, bare: better(0), one_by_one: better(1) }
}

/// Everything that there is, and then everything that happened until now.
fn produce(site: &Site, mut workload: Workload, events: usize) -> usize {
    let feeder = site.bulk_feeder();
    let shape = workload.shape;
    let reps = workload.reps(policy::ROLES[0]);
    reps.iter().for_each(|rep| send(site, &feeder, rep));
    (0..shape.accounts).for_each(|number| send(site, &feeder, &workload.account(number)));
    site.flush(&feeder);
    let now = bookd::run::clock::Clock::Wall.now();
    let took_ms = events as i64 * 86_400_000 / (i64::from(shape.reps) * EVENTS_PER_REP_DAY);
    workload.skip_hours((now.0 - START.0 - took_ms) / 3_600_000);
    for begun in (0..events).step_by(CHUNK) {
        for event in workload.events(CHUNK.min(events - begun)) {
            send(site, &feeder, &event);
        }
    }
    site.flush(&feeder);
    reps.len() + shape.accounts as usize + events
}

/// By what names the account or rep, as feeds key their records.
fn send(site: &Site, feeder: &Feeder, record: &Record) {
    let value = record.value.as_deref().expect("no tombstones");
    let parsed: Value = serde_json::from_slice(value).expect("JSON");
    let account = &parsed["account"];
    let names = [&parsed["id"], &account["crm_id"], &account["email"]];
    let key = names.into_iter().find_map(Value::as_str).expect("every record names something");
    site.send_patiently(feeder, record.topic, key, value);
}

fn run_bookd(site: &Site, policy: &str) -> Used {
    let home = Home::with_log(policy, &site.settings(), "");
    let dir = home.snapshots();
    let settings = format!("[snapshots]\ndir = {dir:?}\n[http]\nlisten = \"off\"\n");
    std::fs::write(home.config(), format!("{policy}\n{}\n{settings}", site.settings())).expect("a configuration");
    let begun = Instant::now();
    let mut process = home.start();
    while !home.told().contains(CAUGHT_UP) {
        assert!(process.is_running() && begun.elapsed() < PATIENCE, "{}", home.told());
        std::thread::sleep(Duration::from_millis(50));
    }
    let used = Used { wall: begun.elapsed(), cpu: report::cpu(process.id()) };
    process.stop();
    used
}

/// In a process of its own, so that nothing else counts.
fn run_bare(site: &Site, records: usize, (_, call): (Call, &str)) -> Used {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([CONSUME, site.brokers(), call]).arg(records.to_string());
    command.args(Topic::INPUTS.map(|topic| site.name(topic).to_owned()));
    let begun = Instant::now();
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("seconds");
    Used { wall: begun.elapsed(), cpu: Duration::from_secs_f64(seconds) }
}

/// Reads so many records of these topics and prints the processor's time for it. Nothing is kept of a record.
pub fn consume(brokers: &str, words: &[&str]) {
    let [call, records, topics @ ..] = words else { panic!("how, how many, and topics") };
    let (call, _) = Call::ALL.into_iter().find(|(_, name)| name == call).expect("a way to call");
    let records: usize = records.parse().expect("a number");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "bare").set("isolation.level", "read_committed");
    config.set("fetch.queue.backoff.ms", "2").set("fetch.wait.max.ms", "100").set("enable.auto.commit", "false");
    // As bookd's own consumer has them.
    config.set("queued.min.messages", "10000").set("socket.nagle.disable", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition as i32, Offset::Beginning).expect("an offset");
        }
    }
    consumer.assign(&list).expect("assign");
    let (mut read, mut bytes) = (0, 0);
    while read < records {
        if let Some(Ok(first)) = consumer.poll(Duration::from_millis(100)) {
            (read, bytes) = (read + 1, bytes + first.payload_len());
            if call == Call::One {
                continue;
            }
            let messages = ffi::take_fetched(&consumer, usize::MAX);
            for message in messages.iter().filter(|message| message.error().is_none()) {
                (read, bytes) = (read + 1, bytes + message.value().map_or(0, <[u8]>::len));
            }
        }
    }
    assert!(bytes > records, "records have values");
    println!("{}", report::cpu(std::process::id()).as_secs_f64());
}
