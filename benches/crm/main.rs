//! What it costs that a command is no owner yet: a million accounts, ten thousand reps, every slot commanded, answered
//! and echoed, beside the same where commands are assumed to be carried out. And what it costs to judge the CRM's
//! books before going live. Written into `docs/benchmarks.md`.
//!
//! `--quick` is a twentieth and writes nothing. Each part runs in a process of its own, whose growth is its memory.

#[path = "../document.rs"]
mod document;
#[allow(dead_code)]
#[path = "../events/measure.rs"]
mod measure;
#[allow(dead_code, unused_imports)]
#[path = "../workload/mod.rs"]
mod workload;

mod adoption;
mod commands;

use std::collections::BTreeMap;
use std::process::Command;

use bookd::large_pages::LargePages;
use workload::Shape;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: LargePages<mimalloc::MiMalloc> = LargePages(mimalloc::MiMalloc);

const ACCOUNTS: u32 = 1_000_000;
const REPS: u32 = 10_000;
const QUICKER: u32 = 20;

/// Of a part: what was measured, by name.
type Findings = BTreeMap<String, f64>;

fn main() {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => make(1),
        ["--quick"] => make(QUICKER),
        ["--part", part, quicker] => run(part, quicker.parse().expect("a number")),
        _ => panic!("what is {words:?}?"),
    }
}

fn run(part: &str, quicker: u32) {
    let shape = Shape { reps: REPS / quicker, ..Shape::of(ACCOUNTS / quicker) };
    let found = match part {
        "adoption" => adoption::measure(shape),
        confirm => commands::measure(shape, confirm),
    };
    found.iter().for_each(|(name, value)| println!("{name} {value}"));
}

fn part(name: &str, quicker: u32) -> Findings {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).args(["--part", name, &quicker.to_string()]).output().expect("it runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let pair = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

fn make(quicker: u32) {
    let [assume, results, adoption] = ["assume", "results", "adoption"].map(|name| part(name, quicker));
    let table = table(&assume, &results, &adoption);
    println!("{table}");
    if quicker == 1 {
        document::write("CRM", &table);
    }
}

fn table(assume: &Findings, results: &Findings, adoption: &Findings) -> String {
    let mut text = format!(
        "{}; {}; `cargo bench --bench crm`.\n\n| | assumed | confirmed by results |\n| --- | ---: | ---: |\n",
        document::machine(),
        document::versions()
    );
    let mut row = |what: &str, name: &str, digits: usize| {
        let told = |found: &Findings| found.get(name).map_or(String::new(), |value| format!("{value:.digits$}"));
        text += &format!("| {what} | {} | {} |\n", told(assume), told(results));
    };
    row("accounts commanded", "commanded", 0);
    row("µs a command, decided and issued", "command", 1);
    row("bytes that remain of a command, process growth", "bytes", 0);
    row("ns a writer's result", "result", 0);
    row("ns an account record with the owner as commanded", "echo", 0);
    row("ns an event about a commanded account, before its result", "event.out", 0);
    row("the same when all is settled", "event.settled", 0);
    row("µs a command taken back, by an undo of the entry that decided it (up to 64), and what follows", "undo", 1);
    let [seconds, rss, books] = ["seconds", "bytes", "accounts"].map(|name| adoption[name]);
    text += &format!(
        "\n`bookd adopt` of {books:.0} accounts and their activity: {seconds:.1} s, {:.0} bytes an account.\n",
        rss / books
    );
    text
}
