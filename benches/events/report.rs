//! The one table: gathers what passes at one and at ten million accounts find, and writes it down.

use crate::contestants::NAMES;
use crate::counted;
use crate::document::{self, machine, versions};
use crate::findings::Findings;
use crate::measure::available_memory;
use crate::memory;

/// What the table is called in the document.
const MARK: &str = "measured";

const MILLION: u32 = 1_000_000;
const SIZES: [u32; 2] = [MILLION, 10 * MILLION];
const QUICK: u32 = 100_000;
/// All at once up to here; above, one after the other: together they would take too much memory.
const MAX_TOGETHER: u32 = 2 * MILLION;
/// An account of the greediest of them while its snapshot is taken and read.
const BYTES_PER_ACCOUNT: u64 = 2_000;

struct Column {
    accounts: u32,
    found: Findings,
}

pub fn make() {
    let quick = std::env::var_os("BOOKD_BENCH_QUICK").is_some();
    crate::agreement::check();
    let mut columns: Vec<Column> = sizes(quick).into_iter().filter_map(column).collect();
    if let Some(first) = columns.first_mut() {
        first.found.merge(counted::count(&NAMES).unwrap_or_default());
    }
    let text = table(&columns);
    println!("{text}");
    if !quick {
        document::write(MARK, &text);
    }
}

fn sizes(quick: bool) -> Vec<u32> {
    match std::env::var("BOOKD_BENCH_ACCOUNTS") {
        Ok(sizes) => sizes.split(',').map(|size| size.trim().parse().expect("a number of accounts")).collect(),
        Err(_) if quick => vec![QUICK],
        Err(_) => SIZES.to_vec(),
    }
}

/// `None` where this machine hasn't the memory.
fn column(accounts: u32) -> Option<Column> {
    if u64::from(accounts) * BYTES_PER_ACCOUNT > available_memory() {
        eprintln!("{accounts} accounts don't fit into this machine's memory: left out");
        return None;
    }
    let mut found = Findings::default();
    let words = accounts.to_string();
    if accounts <= MAX_TOGETHER {
        found.gather(&[&["--pass", &words], &NAMES[..]].concat(), &[]);
    } else {
        NAMES.iter().for_each(|name| found.gather(&["--pass", &words, name], &[]));
    }
    for (name, what) in
        [("engine", "whole"), ("engine", "bare"), ("engine", "two-roles"), ("card", "whole"), ("card", "bare")]
    {
        found.gather(&["--memory", name, what, &words], &[memory::GIVEN_BACK]);
    }
    Some(Column { accounts, found })
}

/// One line of the table: what, and how to read it from what was found.
type Line = (&'static str, fn(&Findings) -> Option<String>);

const LINES: &[Line] = &[
    ("**ns an event, steady** (thread CPU): bookd, batches of 512", |found| ns(found.median("steady.engine"))),
    ("bookd, batches of 128", |found| ns(found.median("steady-small.engine"))),
    ("R1 `Value` + `HashMap`", |found| ns(found.median("steady.value"))),
    ("R2 typed serde + `HashMap`", |found| ns(found.median("steady.typed"))),
    ("Card: tagged serde, chrono, `DashMap`, `priority-queue`, `counter!`", |found| ns(found.median("steady.card"))),
    ("**R1 / bookd**", |found| times(found.ratio("steady.value", "steady.engine"))),
    ("**R2 / bookd**", |found| times(found.ratio("steady.typed", "steady.engine"))),
    ("**Card / bookd**", |found| times(found.ratio("steady.card", "steady.engine"))),
    ("**stages**, ns an event: decode and order", |found| ns(found.median("steady.stage.decode"))),
    ("apply", |found| ns(found.median("steady.stage.apply"))),
    ("outputs to JSON", |found| ns(found.median("steady.stage.outputs"))),
    ("giving inputs and outputs back to the allocator", |found| ns(found.median("steady.stage.free"))),
    ("apart: journal entry, encode", |found| ns(found.median("journal.encode"))),
    ("apart: journal entry, decode", |found| ns(found.median("journal.decode"))),
    ("bytes of journal an event", |found| plain(found.median("journal.bytes"))),
    ("**in a campaign**, ns an event", |found| ns(found.median("campaign.engine"))),
    ("after a gap of 72 h, ns an event", |found| ns(found.median("after-gap.engine"))),
    ("**instructions an event**: bookd, decode + apply + outputs", |found| plain(instructions(found))),
    ("decode and order", |found| plain(found.median("instructions.decode"))),
    ("apply", |found| plain(found.median("instructions.apply"))),
    ("of it identity: rows fetched ahead, ids, the account", |found| plain(found.median("instructions.identity"))),
    ("state: sums, evidence, what explains", |found| plain(rest_of_apply(found))),
    ("queue: priorities, bounds", |found| plain(found.median("instructions.queue"))),
    ("timers: deadlines, what is due, warnings", |found| plain(found.median("instructions.timers"))),
    ("losses and matching, decisions", |found| plain(found.median("instructions.matching"))),
    ("account-state rows", |found| plain(found.median("instructions.rows"))),
    ("outputs to JSON", |found| plain(found.median("instructions.outputs"))),
    ("apart: journal entry, encode", |found| plain(found.median("instructions.journal"))),
    ("R1", |found| plain(found.median("instructions.value"))),
    ("R2", |found| plain(found.median("instructions.typed"))),
    ("Card", |found| plain(found.median("instructions.card"))),
    ("bookd / R2", |found| share(Some(instructions(found)? / found.median("instructions.typed")?))),
    ("**one event alone**, from bytes to bytes, µs p50 / p99 / p99.9: bookd", |found| three(found, "single.engine")),
    ("Card", |found| three(found, "single.card")),
    ("a batch of 512, µs p50 / p99 / p99.9", |found| three(found, "steady.turns")),
    ("**longest `apply`**, ms: steady", |found| ms(found.max("steady.longest"))),
    ("in a campaign", |found| ms(found.max("campaign.longest"))),
    ("in the gap and after it", |found| ms(longest_after_gap(found))),
    ("**bytes an account**, growth of the process: bookd, id and owner alone", |found| {
        plain(found.median("memory.engine.bare"))
    }),
    ("Card, the same", |found| plain(found.median("memory.card.bare"))),
    ("bookd / Card", |found| share(found.ratio("memory.engine.bare", "memory.card.bare"))),
    ("bookd, with a domain and eight fields", |found| plain(found.median("memory.engine.whole"))),
    ("bookd, the same in two roles", |found| plain(found.median("memory.engine.two-roles"))),
    ("Card, with a domain", |found| plain(found.median("memory.card.whole"))),
    ("bookd, bytes an event leaves behind (ids, snapshots, days)", |found| {
        plain(found.median("memory.engine.whole.event"))
    }),
    ("**snapshot**, million accounts a second by the clock: encode", |found| millions(found.median("snapshot.encode"))),
    ("restore", |found| millions(found.median("snapshot.decode"))),
    ("ns of processor an account restored, all threads", |found| plain(found.median("snapshot.decode-processor"))),
    ("JSON records into a `HashMap`", |found| millions(found.median("restore.json"))),
    ("restore / JSON", |found| times(found.ratio("restore.json", "snapshot.decode"))),
    ("bytes of snapshot an account", |found| plain(found.median("snapshot.bytes"))),
    ("**journal**: replay (two threads) against live (one, with its encoding), by the clock", |found| {
        times(found.ratio("journal.live", "journal.replay"))
    }),
    ("**decided**, of all events: distributions", |found| count(found, "distributions")),
    ("retrievals", |found| count(found, "retrievals")),
    ("warnings", |found| count(found, "warnings")),
    ("warnings cleared by evidence", |found| count(found, "warnings-cleared-by-evidence")),
    ("account-state rows", |found| count(found, "account-state-rows")),
    ("duplicates", |found| count(found, "duplicates")),
    ("late events", |found| whole(found.median("made.late"))),
    ("events", |found| whole(found.median("made.events"))),
    ("placements by Card", |found| count(found, "by-card")),
    ("bytes of an event", |found| plain(Some(found.median("made.bytes")? / found.median("made.events")?))),
];

fn table(columns: &[Column]) -> String {
    let sizes = std::env::var("BOOKD_BENCH_ACCOUNTS").map(|sizes| format!("BOOKD_BENCH_ACCOUNTS={sizes} "));
    let mut text = format!("{}; {}; `{}make bench`.\n\n", machine(), versions(), sizes.unwrap_or_default());
    text.push_str(&row("accounts", columns.iter().map(|column| Some(group(f64::from(column.accounts))))));
    text.push_str(&row("---", columns.iter().map(|_| Some("---:".to_owned()))));
    for (what, read) in LINES {
        text.push_str(&row(what, columns.iter().map(|column| read(&column.found))));
    }
    if let [one, ten] = columns {
        let growth = |name: &str| Some(ten.found.median(name)? / one.found.median(name)?);
        for (what, name) in
            [("**growth** of an event's cost: bookd", "steady.engine"), ("R1", "steady.value"), ("Card", "steady.card")]
        {
            text.push_str(&row(what, [None, times(growth(name))].into_iter()));
        }
    }
    text
}

fn row(what: &str, cells: impl Iterator<Item = Option<String>>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.unwrap_or_default()).collect();
    format!("| {what} | {} |\n", cells.join(" | "))
}

fn instructions(found: &Findings) -> Option<f64> {
    ["decode", "apply", "outputs"].iter().map(|stage| found.median(&format!("instructions.{stage}"))).sum()
}

fn rest_of_apply(found: &Findings) -> Option<f64> {
    let parts = ["identity", "queue", "timers", "matching", "rows"];
    let parts: Option<f64> = parts.iter().map(|part| found.median(&format!("instructions.{part}"))).sum();
    Some(found.median("instructions.apply")? - parts?)
}

fn longest_after_gap(found: &Findings) -> Option<f64> {
    found.max("gap.longest").map(|gap| gap.max(found.max("after-gap.longest").unwrap_or(0.0)))
}

fn ns(value: Option<f64>) -> Option<String> {
    whole(value)
}

fn whole(value: Option<f64>) -> Option<String> {
    value.map(group)
}

fn plain(value: Option<f64>) -> Option<String> {
    value.map(|value| if value < 100.0 { format!("{value:.1}") } else { group(value) })
}

fn times(value: Option<f64>) -> Option<String> {
    value.map(|value| format!("{value:.2}×"))
}

fn share(value: Option<f64>) -> Option<String> {
    value.map(|value| format!("{value:.2}"))
}

fn ms(ns: Option<f64>) -> Option<String> {
    ns.map(|ns| format!("{:.2}", ns / 1e6))
}

/// Of ns for one.
fn millions(ns: Option<f64>) -> Option<String> {
    ns.map(|ns| format!("{:.2}", 1e3 / ns))
}

fn three(found: &Findings, name: &str) -> Option<String> {
    let micros: Vec<String> = found.all(name).iter().map(|ns| format!("{:.1}", ns / 1e3)).collect();
    (!micros.is_empty()).then(|| micros.join(" / "))
}

fn count(found: &Findings, name: &str) -> Option<String> {
    whole(found.median(&format!("told.{name}")))
}

/// With a space at the thousands.
fn group(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
