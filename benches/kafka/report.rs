//! What was used, as one table, and where it's written down.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::backlog::Backlog;
use crate::latency::Rate;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");
const BEGIN: &str = "<!-- on Kafka: begin -->\n";
const END: &str = "<!-- on Kafka: end -->";
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

pub fn table(backlog: &Backlog, commits: &[Delay; 2], rates: &[Rate]) -> String {
    let per_cpu = |used: &Used| backlog.records as f64 / used.cpu.as_secs_f64();
    let [bookd, bare, one_by_one] = [&backlog.bookd, &backlog.bare, &backlog.one_by_one].map(per_cpu);
    let line = |what: &str, used: &Used, per_cpu: f64| {
        let [wall, cpu] = [used.wall, used.cpu].map(|time| time.as_secs_f64());
        format!("| {what} | {per_cpu:.0} | {cpu:.2} s of processor, {wall:.1} s by the clock |\n")
    };
    let mut text = format!("{}\n\n| | measured | |\n| --- | ---: | --- |\n", about());
    text += &line(
        &format!("**bookd, records a processor's second**, backlog of {}", backlog.records),
        &backlog.bookd,
        bookd,
    );
    text += &line("a bare consumer of the same topics, the better of two runs", &backlog.bare, bare);
    text += &line("the same, one message a call", &backlog.one_by_one, one_by_one);
    text += &format!("| **bare / bookd** | {:.1} | |\n", bare / bookd);
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

fn delays(what: &str, delay: &Delay) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    format!("| {what} | {:.1} ms | p50; p99 {:.1} ms; {} times |\n", ms(delay.p50), ms(delay.p99), delay.count)
}

/// Machine, versions and command.
fn about() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    format!(
        "`make bench-kafka` at {}: {model}, {cores} cores, librdkafka {librdkafka}, Apache Kafka {}.",
        commit(),
        broker()
    )
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    output.map_or_else(|_| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version that the tests' script fetches.
fn broker() -> &'static str {
    let script = include_str!("../../tests/kafka/broker");
    script.lines().find_map(|line| line.strip_prefix("VERSION=")).expect("the script says it")
}

pub fn write(table: &str) {
    let text = fs::read_to_string(DOCUMENT).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("the begin mark");
    let (_, after) = rest.split_once(END).expect("the end mark");
    fs::write(DOCUMENT, format!("{before}{BEGIN}{table}{END}{after}")).expect("the document can be written");
}
