//! Snapshots, and the journal: how fast they are written, and how fast an engine comes back from them. By the wall's
//! clock, as two threads work on each, and what they are compared with too; a journal's decoding alone by the thread's own.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bookd::domain::ids::Id128;
use bookd::domain::input::RULES;
use bookd::domain::{Millis, Text};
use bookd::log::{JournalReader, JournalRecord, LogError};
use bookd::run::ahead;
use bookd::run::replica::Replica;
use bookd::wire;
use bookd::wire::snapshot::Header;
use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use crate::baselines::score::Sums;
use crate::contestants::{Contestants, run_engine};
use crate::findings::Findings;
use crate::measure::Cpu;
use crate::pass::LARGE;
use crate::subject::{JOURNAL, Subject};
use crate::workload::Workload;

/// Rounds lived through and replayed.
const ROUNDS: usize = 2;
/// Above this the whole state isn't compared row by row: that takes as much memory again.
const MAX_COMPARED: u32 = 1_000_000;

pub fn measure(mut live: Subject, mut workload: Workload, found: &mut Findings) {
    let accounts = f64::from(workload.shape.accounts);
    let start = Instant::now();
    let snapshot = wire::state::encode(&live.engine);
    found.set("snapshot.encode", [start.elapsed().as_nanos() as f64 / accounts]);
    found.set("snapshot.bytes", [snapshot.len() as f64 / accounts]);
    let header = header(&live);

    live.journals = true;
    live.begin(false);
    let mut ns = 0;
    let mut count = 0.0;
    for _ in 0..ROUNDS {
        let mut events = workload.events(workload.shape.round());
        count += events.len() as f64;
        let start = Instant::now();
        run_engine(&mut live, &mut events, LARGE);
        ns += start.elapsed().as_nanos();
    }
    let bytes: usize = live.entries.iter().map(Vec::len).sum();
    found.set("journal.live", [ns as f64 / count]);
    let [_, _, _, (_, encode), _] = live.stages.of(ns as f64 / count);
    found.set("journal.encode", [encode]);
    found.set("journal.bytes", [bytes as f64 / count]);

    let compared = workload.shape.accounts <= MAX_COMPARED;
    let state = compared.then(|| wire::digest::state(&live.engine.view()));
    let entries = std::mem::take(&mut live.entries);
    drop(live);
    let mut replica = restored(&snapshot, &header, accounts, found);
    drop(snapshot);
    decode(&entries, count, found);
    replay(&mut replica, entries, count, found);
    assert!(state.is_none_or(|state| state == wire::digest::state(&replica.engine.view())), "the replay went astray");
}

fn header(live: &Subject) -> Header {
    Header {
        journal: JOURNAL,
        shard: 0,
        sequence: live.engine.sequence(),
        at: 0,
        next: 0,
        digest: Id128(0),
        now: live.engine.now(),
        rules: RULES,
        positions: Vec::new(),
        policy_version: 1,
        build: Text::from("bench"),
        created: live.engine.now(),
    }
}

fn restored(snapshot: &[u8], header: &Header, accounts: f64, found: &mut Findings) -> Replica {
    let (start, used) = (Instant::now(), ProcessTime::now());
    let engine = wire::state::decode(snapshot).expect("it was encoded a moment ago");
    found.set("snapshot.decode", [start.elapsed().as_nanos() as f64 / accounts]);
    found.set("snapshot.decode-processor", [used.elapsed().as_nanos() as f64 / accounts]);
    Replica::from_snapshot(header, engine)
}

fn decode(entries: &[Vec<u8>], count: f64, found: &mut Findings) {
    // Kept, as who reads many entries does.
    let mut decoder = wire::entry::Decoder::default();
    let start = Cpu::now();
    for bytes in entries {
        let entry = decoder.decode(bytes).expect("it was encoded a moment ago");
        decoder.recycle(black_box(entry.inputs));
    }
    found.set("journal.decode", [start.ns() as f64 / count]);
}

/// By the clock: two threads are at work.
fn replay(replica: &mut Replica, entries: Vec<Vec<u8>>, count: f64, found: &mut Findings) {
    let start = Instant::now();
    let reached = ahead::catch_up(replica, &mut Journal { entries: entries.into_iter() });
    found.set("journal.replay", [start.elapsed().as_nanos() as f64 / count]);
    reached.expect("a replay leads where the live engine went");
}

/// A journal in memory.
struct Journal {
    entries: std::vec::IntoIter<Vec<u8>>,
}

impl JournalReader for Journal {
    fn next(&mut self, _: Duration) -> Result<Option<JournalRecord>, LogError> {
        Ok(self.entries.next().map(|bytes| JournalRecord { bytes, at: 0, next: 0, appended: Millis(0) }))
    }
}

/// A row of a changelog topic, as a state store would write it.
#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    points: [f64; 4],
    at: i64,
    fit: f64,
}

/// What a restore is compared with: a JSON record for each account, read into a `HashMap`.
pub fn from_json(all: &Contestants, found: &mut Findings) {
    let Some(typed) = &all.typed else { return };
    let rows: Vec<Vec<u8>> = typed.accounts.iter().map(|(id, sums)| row(id, sums)).collect();
    let start = Instant::now();
    let mut restored: HashMap<String, Sums> = HashMap::new();
    for row in &rows {
        let Row { id, points, at, fit } = serde_json::from_slice(row).expect("a row");
        restored.insert(id, Sums { points, at, fit });
    }
    found.set("restore.json", [start.elapsed().as_nanos() as f64 / rows.len() as f64]);
    black_box(restored);
}

fn row(id: &str, sums: &Sums) -> Vec<u8> {
    let row = Row { id: id.to_owned(), points: sums.points, at: sums.at, fit: sums.fit };
    serde_json::to_vec(&row).expect("finite numbers")
}
