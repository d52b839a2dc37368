//! bookd on a real broker: how much of a processor an event takes of a backlog, beside a bare consumer of the same
//! topics; and how long an event takes to become a command, beside a plain echo. Written into `docs/benchmarks.md`.
//!
//! `--quick` is a twentieth of the backlog and writes nothing. Needs Java and, once, Maven; see `tests/kafka/broker`.

#[path = "../document.rs"]
mod document;
#[path = "../../tests/support/mod.rs"]
mod support;
#[allow(dead_code, unused_imports)]
#[path = "../workload/mod.rs"]
mod workload;

mod backlog;
mod commit;
mod latency;
mod report;

use support::broker::Brokers;

/// Events of each backlog, and accounts.
const BACKLOGS: [(usize, u32); 2] = [(2_000_000, 100_000), (3_000_000, 1_000_000)];
const QUICKER: usize = 20;
/// Events a second, how long, and every which of them leads to a command.
const RATES: [(u64, u64, usize); 2] = [(200, 30, 1), (5_000, 20, 10)];

fn main() {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => make(false),
        ["--quick"] => make(true),
        ["--backlog", events, accounts] => alone(events, accounts),
        [backlog::CONSUME, brokers, ref topics @ ..] => backlog::consume(brokers, topics),
        _ => panic!("what is {words:?}?"),
    }
}

/// One backlog alone, for a profiler's sake: nothing is written.
fn alone(events: &str, accounts: &str) {
    let brokers = Brokers::start(1);
    let (events, accounts) = (events.parse().expect("how many"), accounts.parse().expect("how many"));
    let backlog = backlog::measure(brokers.address(), events, accounts);
    println!("{}", report::backlog(&backlog));
}

fn make(quick: bool) {
    let brokers = Brokers::start(1);
    let quicker = if quick { QUICKER } else { 1 };
    let backlogs = BACKLOGS
        .map(|(events, accounts)| backlog::measure(brokers.address(), events / quicker, accounts / quicker as u32));
    let commits = commit::measure(brokers.address());
    let rates = RATES.map(|(rate, seconds, every)| latency::measure(brokers.address(), rate, seconds, every));
    let table = report::table(&backlogs, &commits, &rates);
    println!("{table}");
    if !quick {
        report::write(&table);
    }
}
