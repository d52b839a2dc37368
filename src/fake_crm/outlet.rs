//! Where change events go, in the order of commits unless a fault says otherwise: a thread of its own, so that a broker
//! that is away holds nobody's answer back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use tracing::error;

use super::events::Records;
use super::faults::Delivery;
use crate::domain::Text;

/// Events on their way to the thread. Who commits waits while there are more.
const MAX_ON_THE_WAY: usize = 65_536;
/// How long the thread sleeps when nothing is due.
const IDLE: Duration = Duration::from_millis(200);
/// How long one attempt to deliver may take.
#[cfg(feature = "kafka")]
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Appended to, a JSON object a line.
    File(PathBuf),
    Topic {
        brokers: String,
        name: String,
    },
}

/// For Salesforce-shaped change events, and for bookd's canonical records.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    pub changes: Vec<Destination>,
    pub canonical: Vec<Destination>,
}

/// The end at which events go in.
pub struct Outlet {
    sender: SyncSender<(Records, Delivery)>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicU64,
    written: AtomicU64,
}

impl Outlet {
    /// Opens all destinations, or says which can't be.
    pub fn start(to: &Destinations) -> anyhow::Result<Outlet> {
        let open = |to: &[Destination]| to.iter().map(Sink::open).collect::<anyhow::Result<Vec<Sink>>>();
        let sinks = Sinks { changes: open(&to.changes)?, canonical: open(&to.canonical)? };
        let (sender, receiver) = sync_channel(MAX_ON_THE_WAY);
        let counts = Arc::new(Counts::default());
        let writer = Writer { sinks, queue: Queue::default(), unflushed: 0, counts: counts.clone() };
        std::thread::Builder::new().name("events".to_owned()).spawn(move || writer.run(&receiver))?;
        Ok(Outlet { sender, counts })
    }

    pub fn send(&self, records: Records, delivery: Delivery) {
        let times = 1 + u64::from(delivery.again.is_some());
        self.counts.waiting.fetch_add(times, Ordering::SeqCst);
        if self.sender.send((records, delivery)).is_err() {
            error!("the thread that writes events has ended");
        }
    }

    /// Events that are committed, but not yet delivered.
    pub fn waiting(&self) -> u64 {
        self.counts.waiting.load(Ordering::SeqCst)
    }

    /// Events that were delivered, the repeated ones twice.
    pub fn written(&self) -> u64 {
        self.counts.written.load(Ordering::SeqCst)
    }
}

/// What is due, and what will be.
#[derive(Default)]
struct Queue {
    due: BTreeMap<(Instant, u64), Records>,
    /// When the last event of an account is due that later ones wait for.
    last: BTreeMap<Text, Instant>,
    numbers: u64,
}

impl Queue {
    fn push(&mut self, records: Records, delivery: Delivery, now: Instant) {
        let wanted = now + delivery.delay;
        let due = if delivery.alone {
            wanted
        } else {
            let last = self.last.entry(records.account.clone()).or_insert(wanted);
            *last = wanted.max(*last);
            *last
        };
        if let Some(again) = delivery.again {
            self.insert(due + again, records.clone());
        }
        self.insert(due, records);
    }

    fn insert(&mut self, due: Instant, records: Records) {
        self.numbers += 1;
        self.due.insert((due, self.numbers), records);
    }

    fn pop(&mut self, now: Instant) -> Option<Records> {
        let first = self.due.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let records = first.remove();
        if self.due.is_empty() {
            self.last.clear();
        }
        Some(records)
    }

    fn wait(&self, now: Instant) -> Duration {
        let first = self.due.first_key_value();
        first.map_or(IDLE, |((due, _), _)| due.saturating_duration_since(now).min(IDLE))
    }
}

struct Writer {
    sinks: Sinks,
    queue: Queue,
    unflushed: u64,
    counts: Arc<Counts>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<(Records, Delivery)>) {
        loop {
            match receiver.recv_timeout(self.queue.wait(Instant::now())) {
                Ok(first) => {
                    let now = Instant::now();
                    let more = std::iter::once(first).chain(receiver.try_iter());
                    more.for_each(|(records, delivery)| self.queue.push(records, delivery, now));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.write_due();
        }
    }

    fn write_due(&mut self) {
        while let Some(records) = self.queue.pop(Instant::now()) {
            self.sinks.write(&records);
            self.unflushed += 1;
        }
        if self.unflushed > 0 && self.sinks.flush() {
            self.counts.written.fetch_add(self.unflushed, Ordering::SeqCst);
            self.counts.waiting.fetch_sub(self.unflushed, Ordering::SeqCst);
            self.unflushed = 0;
        }
    }
}

struct Sinks {
    changes: Vec<Sink>,
    canonical: Vec<Sink>,
}

impl Sinks {
    fn write(&mut self, records: &Records) {
        self.changes.iter_mut().for_each(|sink| sink.write(&records.account, &records.change));
        self.canonical.iter_mut().for_each(|sink| sink.write(&records.account, &records.canonical));
    }

    /// Whether all that was written is there.
    fn flush(&mut self) -> bool {
        let all = self.changes.iter_mut().chain(&mut self.canonical);
        // Each is tried, whatever became of the others.
        all.filter_map(|sink| (!sink.flush()).then_some(())).count() == 0
    }
}

enum Sink {
    File(File, PathBuf),
    #[cfg(feature = "kafka")]
    Topic(kafka::Topic),
}

impl Sink {
    fn open(to: &Destination) -> anyhow::Result<Sink> {
        match to {
            Destination::File(path) => {
                let opened = File::options().create(true).append(true).open(path);
                let file = opened.with_context(|| format!("{} can't be appended to", path.display()))?;
                Ok(Sink::File(file, path.clone()))
            }
            #[cfg(feature = "kafka")]
            Destination::Topic { brokers, name } => Ok(Sink::Topic(kafka::Topic::open(brokers, name)?)),
            #[cfg(not(feature = "kafka"))]
            Destination::Topic { name, .. } => anyhow::bail!("no topic {name}: this bookd was built without Kafka"),
        }
    }

    /// A line is written at once and whole: whoever follows the file never sees half of one.
    fn write(&mut self, key: &str, record: &Value) {
        match self {
            Sink::File(file, path) => {
                if let Err(why) = file.write_all(format!("{record}\n").as_bytes()) {
                    error!(%why, path = %path.display(), "an event is lost");
                }
            }
            #[cfg(feature = "kafka")]
            Sink::Topic(topic) => topic.write(key, record),
        }
        #[cfg(not(feature = "kafka"))]
        let _ = key;
    }

    fn flush(&mut self) -> bool {
        match self {
            Sink::File(..) => true,
            #[cfg(feature = "kafka")]
            Sink::Topic(topic) => topic.flush(),
        }
    }
}

#[cfg(feature = "kafka")]
mod kafka {
    //! A topic on a broker; the key is the account.

    use anyhow::Context;
    use rdkafka::ClientConfig;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};
    use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
    use serde_json::Value;
    use tracing::error;

    use super::PATIENCE;

    pub struct Topic {
        producer: ThreadedProducer<DefaultProducerContext>,
        name: String,
    }

    impl Topic {
        pub fn open(brokers: &str, name: &str) -> anyhow::Result<Topic> {
            let mut config = ClientConfig::new();
            // Idempotence keeps the order; without a time-out nothing is given up while the broker is away.
            config.set("bootstrap.servers", brokers).set("enable.idempotence", "true").set("message.timeout.ms", "0");
            let producer = config.create().with_context(|| format!("no producer for {name}"))?;
            Ok(Topic { producer, name: name.to_owned() })
        }

        pub fn write(&self, key: &str, record: &Value) {
            let value = record.to_string();
            let mut record = BaseRecord::to(&self.name).key(key).payload(&value);
            while let Err((why, back)) = self.producer.send(record) {
                if why != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                    return error!(%why, topic = self.name, "an event is lost");
                }
                self.flush();
                record = back;
            }
        }

        pub fn flush(&self) -> bool {
            let flushed = self.producer.flush(PATIENCE);
            flushed.inspect_err(|why| error!(%why, topic = self.name, "events wait")).is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(account: &str, number: u64) -> Records {
        Records { account: account.into(), change: number.into(), canonical: Value::Null }
    }

    fn late(ms: u64, alone: bool) -> Delivery {
        Delivery { delay: Duration::from_millis(ms), alone, again: None }
    }

    /// In which order they come in the end.
    fn order(mut queue: Queue, end: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop(end)).map(|records| records.change.as_u64().unwrap()).collect()
    }

    #[test]
    fn a_late_event_holds_its_account_back_and_no_other() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.push(records("a", 1), late(500, false), now);
        queue.push(records("a", 2), Delivery::default(), now);
        queue.push(records("b", 3), Delivery::default(), now);
        assert_eq!(order(queue, now + Duration::from_secs(1)), [3, 1, 2]);
    }

    #[test]
    fn an_event_that_is_late_alone_is_overtaken() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.push(records("a", 1), late(500, true), now);
        queue.push(records("a", 2), Delivery::default(), now);
        assert_eq!(order(queue, now + Duration::from_secs(1)), [2, 1]);
    }

    #[test]
    fn an_event_may_come_twice_and_nothing_comes_early() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let twice = Delivery { again: Some(Duration::from_millis(300)), ..Delivery::default() };
        queue.push(records("a", 1), twice, now);
        assert_eq!(queue.pop(now).unwrap().change, 1);
        assert!(queue.pop(now + Duration::from_millis(299)).is_none());
        assert_eq!(queue.pop(now + Duration::from_millis(300)).unwrap().change, 1);
        assert_eq!(queue.wait(now), IDLE);
    }
}
