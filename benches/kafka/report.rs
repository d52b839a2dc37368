//! What was used, as one table, and where it's written down.

use std::fs;
use std::time::Duration;

use crate::backlog::Backlog;
use crate::document;
use crate::latency::Rate;

/// What the table is called in the document.
const MARK: &str = "on Kafka";
/// Linux counts a process's time in these, whatever its timer does.
const TICKS_PER_SECOND: u64 = 100;
/// Where user and system time stand in `/proc/<pid>/stat`, behind the program's name.
const TIMES: [usize; 2] = [11, 12];

#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub wall: Duration,
    pub cpu: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Delay {
    pub p50: Duration,
    pub p99: Duration,
    pub count: usize,
}

impl Delay {
    pub fn of(mut taken: Vec<Duration>) -> Delay {
        taken.sort_unstable();
        let at = |percent: usize| taken[taken.len() * percent / 100];
        Delay { p50: at(50), p99: at(99), count: taken.len() }
    }
}

/// User and system time of a process, all its threads together.
pub fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(')').expect("the program's name is in brackets");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = TIMES.map(|at| fields[at].parse::<u64>().expect("ticks")).iter().sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

pub fn table(backlogs: &[Backlog], commits: &[Delay; 2], rates: &[Rate]) -> String {
    let mut text = format!("{}\n\n| | measured | |\n| --- | ---: | --- |\n", about());
    backlogs.iter().for_each(|each| text += &backlog(each));
    text += &delays("a commit of a command and an entry, awaited by librdkafka's flush", &commits[0]);
    text += &delays("the same, looking every 200 µs", &commits[1]);
    for rate in rates {
        let every = if rate.every == 1 { "each".to_owned() } else { format!("one in {}", rate.every) };
        let what = format!("event → command at {}/s, {every} leads to one", rate.rate);
        text += &delays(&format!("**{what}**"), &rate.bookd);
        text += &delays("the same events through an echo", &rate.echo);
    }
    text
}

pub fn backlog(backlog: &Backlog) -> String {
    let per_cpu = |used: &Used| backlog.records as f64 / used.cpu.as_secs_f64();
    let line = |what: &str, used: &Used| {
        let [wall, cpu] = [used.wall, used.cpu].map(|time| time.as_secs_f64());
        format!("| {what} | {:.0} | {cpu:.2} s of processor, {wall:.1} s by the clock |\n", per_cpu(used))
    };
    let size = format!("backlog of {} about {} accounts", backlog.records, backlog.accounts);
    let mut text = line(&format!("**bookd, records a processor's second**, {size}"), &backlog.bookd);
    text += &line("a bare consumer of the same topics, the better of two runs", &backlog.bare);
    text += &line("the same, one message a call", &backlog.one_by_one);
    text += &format!("| **bare / bookd** | {:.1} | |\n", per_cpu(&backlog.bare) / per_cpu(&backlog.bookd));
    text
}

fn delays(what: &str, delay: &Delay) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    format!("| {what} | {:.1} ms | p50; p99 {:.1} ms; {} times |\n", ms(delay.p50), ms(delay.p99), delay.count)
}

/// Machine, versions and command.
fn about() -> String {
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    let (machine, versions, broker) = (document::machine(), document::versions(), broker());
    format!("{machine}; {versions}, librdkafka {librdkafka}, Apache Kafka {broker}; `make bench-kafka`.")
}

/// The version that the tests' script fetches.
fn broker() -> &'static str {
    let script = include_str!("../../tests/kafka/broker");
    script.lines().find_map(|line| line.strip_prefix("VERSION=")).expect("the script says it")
}

pub fn write(table: &str) {
    document::write(MARK, table);
}
