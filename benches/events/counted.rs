//! Instructions an event, counted exactly by valgrind: unlike time they repeat from run to run and from machine to
//! machine, so that CI can hold each change to them.

use std::process::Command;

use crate::contestants::Contestants;
use crate::findings::Findings;
use crate::pass::LARGE;
use crate::workload::{Shape, Workload, policy};

/// Small: valgrind is fifty times slower than the machine.
const ACCOUNTS: u32 = 20_000;
const WARM: usize = 6;
const ROUNDS: usize = 5;

/// What is counted of each, by the functions that it stands in alone: they are kept from being inlined for that, which
/// costs applying half a hundredth.
const COUNTED: [(&str, &str, &[&str]); 12] = [
    ("engine", "decode", &["stage_decode"]),
    ("engine", "apply", &["stage_apply"]),
    ("engine", "outputs", &["stage_outputs"]),
    ("engine", "journal", &["stage_journal"]),
    // Parts of apply, none within another. The engine has no clock: they are told apart by instructions alone.
    ("engine", "identity", &["Engine>::look_ahead", "Engine::resolve", "Engine>::remember", "IdSet::contains"]),
    ("engine", "queue", &["Engine>::score_changed", "Engine>::lower_bounds"]),
    ("engine", "timers", &["Engine>::deadline_moved", "Engine>::fire_timers"]),
    ("engine", "matching", &["Engine>::retrieve", "Engine>::match_roles"]),
    ("engine", "rows", &["Engine>::write_rows"]),
    ("value", "value", &["run_value"]),
    ("typed", "typed", &["run_typed"]),
    ("card", "card", &["run_card"]),
];

/// The part that runs under valgrind, which collects in [`counted_rounds`] alone.
pub fn run_counted(names: &[&str]) {
    let shape = Shape::of(ACCOUNTS);
    let mut workload = Workload::new(shape);
    let config = policy::config(&shape, 1);
    let mut all = Contestants::default();
    names.iter().for_each(|name| all.add(name, &config, &workload));
    run_rounds(&mut all, &mut workload, WARM);
    if let Some(engine) = &mut all.engine {
        engine.journals = true;
    }
    counted_rounds(&mut all, &mut workload);
}

#[inline(never)]
fn counted_rounds(all: &mut Contestants, workload: &mut Workload) {
    run_rounds(all, workload, ROUNDS);
}

fn run_rounds(all: &mut Contestants, workload: &mut Workload, rounds: usize) {
    for _ in 0..rounds {
        let mut events = workload.events(workload.shape.round());
        all.run(&mut events, LARGE);
    }
}

/// Instructions an event of each of [`COUNTED`] that belongs to these. `None`: no valgrind.
pub fn count(names: &[&str]) -> Option<Findings> {
    let listing = callgrind(names)?;
    let events = (ROUNDS * Shape::of(ACCOUNTS).round()) as f64;
    let mut found = Findings::default();
    for (_, name, functions) in COUNTED.into_iter().filter(|(whose, _, _)| names.contains(whose)) {
        let count = |function: &&str| {
            inclusive(&listing, function).unwrap_or_else(|| panic!("{function} isn't in what valgrind lists"))
        };
        let all: u64 = functions.iter().map(count).sum();
        found.set(format!("instructions.{name}"), [all as f64 / events]);
    }
    Some(found)
}

fn callgrind(names: &[&str]) -> Option<String> {
    let program = std::env::current_exe().expect("this program has a path");
    let out = std::env::temp_dir().join(format!("bookd-callgrind-{}", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_rounds*"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    let run = valgrind.arg(program).arg("--counted").args(names).output().ok()?;
    assert!(run.status.success(), "under valgrind: {}", String::from_utf8_lossy(&run.stderr));
    let listed = Command::new("callgrind_annotate").args(["--inclusive=yes", "--threshold=100"]).arg(&out).output();
    let text = String::from_utf8_lossy(&listed.expect("callgrind_annotate comes with valgrind").stdout).into_owned();
    std::fs::remove_file(&out).expect("it was written a moment ago");
    Some(text)
}

/// The instructions of a function with all that it calls: `1,234,567 ( 1.23%)  file:function`.
fn inclusive(listing: &str, function: &str) -> Option<u64> {
    let named = format!("{function} [");
    let line = listing.lines().find(|line| line.contains(&named))?;
    line.split_whitespace().next()?.replace(',', "").parse().ok()
}
