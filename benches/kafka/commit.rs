//! How long a commit takes, by the way in which deliveries are awaited: what librdkafka offers and rdkafka doesn't, and
//! what can be done without it.

use std::time::{Duration, Instant};

use bookd::domain::Topic;
use bookd::log::kafka::ffi;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::report::Delay;
use crate::support::kafka::Site;

const COMMITS: usize = 400;
/// Between two, as between batches of a quiet hour.
const GAP: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);
/// Short against a round trip, long enough to leave the processor to librdkafka.
const SLEEP: Duration = Duration::from_micros(200);
/// About a command, and an entry.
const VALUE: [u8; 325] = [b'x'; 325];

type Transactional = ThreadedProducer<DefaultProducerContext>;

/// By librdkafka's flush, and by looking every 200 µs; in turns, so that both meet the same machine.
pub fn measure(brokers: &str) -> [Delay; 2] {
    let site = Site::on(brokers, "commit", 1, 1);
    let flushing = producer(&site, "flush");
    let looking = producer(&site, "look");
    let mut taken = [const { Vec::new() }; 2];
    for _ in 0..COMMITS {
        taken[0].push(commit(&site, &flushing, |producer| assert!(ffi::drain(producer, PATIENCE))));
        taken[1].push(commit(&site, &looking, look));
    }
    taken.map(Delay::of)
}

fn look(producer: &Transactional) {
    while producer.in_flight_count() > 0 {
        std::thread::sleep(SLEEP);
    }
}

/// As bookd sets its producer up.
fn producer(site: &Site, name: &str) -> Transactional {
    let mut config = site.config();
    config.set("transactional.id", name).set("linger.ms", "0").set("socket.nagle.disable", "true");
    config.set("retry.backoff.ms", "2").set("retry.backoff.max.ms", "10");
    let producer: Transactional = config.create().expect("a producer");
    producer.init_transactions(PATIENCE).expect("transactions");
    producer
}

fn commit(site: &Site, producer: &Transactional, await_deliveries: impl Fn(&Transactional)) -> Duration {
    std::thread::sleep(GAP);
    let begun = Instant::now();
    producer.begin_transaction().expect("begin");
    for topic in [Topic::Commands, Topic::Journal] {
        let record = BaseRecord::to(site.name(topic)).key("account").payload(&VALUE[..]);
        producer.send(record).map_err(|(error, _)| error).expect("a record");
    }
    await_deliveries(producer);
    producer.commit_transaction(PATIENCE).expect("commit");
    begun.elapsed()
}
