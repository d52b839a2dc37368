//! Three brokers under a leading bookd, one killed after the other: nothing is lost, nothing is there twice.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`.
#![cfg(feature = "kafka")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bookd::domain::Topic;
use support::broker::Brokers;
use support::company;
use support::feeder::Feeder;
use support::kafka::{self, Site};
use support::process::Process;

const BROKERS: u32 = 3;
/// The journal has grown by so many entries: bookd goes on.
const GOES_ON: usize = 10;
/// Kafka needs 6 s to miss a broker, and its clients to find the next; two cores are busy with four processes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which broker is to be killed.
type Victim = fn(&Site) -> i32;

/// Waits until bookd has committed more.
fn wait_until_it_goes_on(site: &Site, process: &mut Process) {
    let deadline = Instant::now() + PATIENCE;
    let wanted = site.journal().len() + GOES_ON;
    while site.journal().len() < wanted {
        assert!(process.is_running() && Instant::now() < deadline, "nothing was committed:\n{}", process.told());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn brokers_that_are_killed_and_come_back_lose_and_repeat_nothing() {
    let test = Instant::now();
    let mut brokers = Brokers::start(BROKERS);
    let site = Arc::new(Site::on(brokers.address(), "cluster", 3, BROKERS));
    let home = kafka::home(&site, &company::restless());
    let producer = Arc::new(site.feeder());
    let feeder = Feeder::start(u64::from(std::process::id()), site.sink(producer.clone()));
    let mut process = home.start();
    wait_until_it_goes_on(&site, &mut process);

    let victims: [(&str, Victim); 3] = [
        ("coordinator", Site::coordinator),
        ("journal's leader", Site::journal_leader),
        ("coordinator", Site::coordinator),
    ];
    for (what, of) in victims {
        site.wait_for_replicas(BROKERS as usize);
        let victim = of(&site);
        let begun = Instant::now();
        brokers.command(&format!("kill {victim}"));
        wait_until_it_goes_on(&site, &mut process);
        let [at, after] = [test, begun].map(|since| since.elapsed().as_secs_f64());
        println!("{at:.0} s: {what}, broker {victim}, was killed; bookd went on after {after:.1} s");
        brokers.command(&format!("start {victim}"));
    }

    let decided = site.read(Topic::Commands).len();
    let deadline = Instant::now() + PATIENCE;
    while site.read(Topic::Commands).len() == decided {
        assert!(process.is_running() && Instant::now() < deadline, "no command after the last kill");
        std::thread::sleep(Duration::from_millis(100));
    }

    let events = feeder.stop();
    site.flush(&producer);
    let records = site.inputs().values().map(Vec::len).sum();
    site.wait_until_decided(&mut process, records);
    let rebuilt = process.told().matches("rebuilding from the journal").count();
    process.stop();
    let verdict = site.committed().judge();
    println!(
        "{:.0} s: {events} events, {records} records, rebuilt {rebuilt} times: {verdict:?}",
        test.elapsed().as_secs_f64()
    );
    assert!(records >= events && verdict.commands > 0, "{verdict:?}");
}
