//! bookd itself, through its rooms as its loop goes through them: decode, order, apply, outputs to bytes; and apart
//! from these, because everybody else does nothing of the kind, the journal's entry.

use std::time::{Duration, Instant};

use bookd::config::Config;
use bookd::domain::ids::Id128;
use bookd::domain::input::{Frontier, RULES, order_batch};
use bookd::domain::record::order_records;
use bookd::domain::{Body, DecisionKind, Entry, EntryKind, Gate, Input, Millis, Output, Record, Topic};
use bookd::engine::Engine;
use bookd::feed::Decoder;
use bookd::wire;
use bookd::wire::json::{Stamp, Stamped};

use crate::measure::Cpu;
use crate::workload::{START, Workload};

pub const JOURNAL: Id128 = Id128(7);
/// Records of a batch while reference data is loaded: the loop's default.
const LOAD_BATCH: u32 = 4_000;
/// The loop samples the ends of its inputs once a second.
const FRONTIER_EVERY_MS: i64 = 1_000;

/// What was decided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub distributions: u64,
    pub retrievals: u64,
    pub warnings: u64,
    pub cleared: u64,
    pub silences: u64,
    pub rows: u64,
    pub other: u64,
    pub bytes: u64,
    pub duplicates: u64,
    pub rejected: u64,
}

/// Time by stage, by the wall.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    pub decode: Duration,
    pub apply: Duration,
    pub outputs: Duration,
    pub journal: Duration,
    /// Inputs and outputs are given back to the allocator.
    pub free: Duration,
}

impl Stages {
    /// Each stage's share of what the thread took for an event: the wall's clock is cheap to read, and what other
    /// programs take of it they take of all stages alike.
    pub fn of(&self, ns: f64) -> [(&'static str, f64); 5] {
        let all = self.decode + self.apply + self.outputs + self.journal + self.free;
        let share = |stage: Duration| ns * stage.as_secs_f64() / all.as_secs_f64();
        [
            ("decode", share(self.decode)),
            ("apply", share(self.apply)),
            ("outputs", share(self.outputs)),
            ("journal", share(self.journal)),
            ("free", share(self.free)),
        ]
    }
}

pub struct Subject {
    decoder: Decoder,
    pub engine: Engine,
    previous: Id128,
    next_frontier: Millis,
    pub told: Told,
    pub stages: Stages,
    /// Of one entry, in ns of this thread.
    pub longest_apply: u64,
    /// Of each turn, likewise.
    pub turns: Vec<u64>,
    watched: bool,
    last: Cpu,
    /// Whether entries are made; those made, for a replay.
    pub journals: bool,
    /// Kept from entry to entry, as the loop does.
    encoder: wire::entry::Encoder,
    pub entries: Vec<Vec<u8>>,
}

impl Subject {
    /// The policy in force, the gate closed.
    pub fn new(config: &Config) -> Subject {
        let mut subject = Subject::around(Engine::new(JOURNAL, 0), config);
        let policy = Body::Policy(Box::new(config.policy.clone()));
        subject.own(Millis(START.0 - 2000), vec![policy, Body::Frontier(Frontier::Partitions { count: 1 })]);
        subject
    }

    pub fn around(engine: Engine, config: &Config) -> Subject {
        Subject {
            decoder: Decoder::new(config.feeds.clone()),
            engine,
            previous: Id128(0),
            next_frontier: Millis(0),
            told: Told::default(),
            stages: Stages::default(),
            longest_apply: 0,
            turns: Vec::new(),
            watched: false,
            last: Cpu::now(),
            journals: false,
            encoder: wire::entry::Encoder::default(),
            entries: Vec::new(),
        }
    }

    /// Reps, accounts, and the gate opens: owners are adopted and free slots filled.
    pub fn load(&mut self, workload: &Workload, roles: &[&str]) {
        let before = Millis(START.0 - 1000);
        for role in roles {
            self.turn(&mut workload.reps(role), before);
        }
        for from in (0..workload.shape.accounts).step_by(LOAD_BATCH as usize) {
            let to = (from + LOAD_BATCH).min(workload.shape.accounts);
            let mut batch: Vec<Record> = (from..to).map(|number| workload.account(number)).collect();
            self.turn(&mut batch, before);
        }
        self.own(START, vec![Body::Gate(Gate::Open)]);
        while self.engine.state().shown_up_to.is_some() {
            self.own(START, Vec::new());
        }
    }

    fn own(&mut self, now: Millis, bodies: Vec<Body>) {
        let inputs: Vec<Input> = bodies.into_iter().map(|body| Input { position: None, body }).collect();
        let start = Cpu::now();
        let outputs = self.stage_apply(now, &inputs);
        self.longest_apply = self.longest_apply.max(start.ns());
        self.stage_outputs(&outputs);
        self.finish(now, inputs, &outputs);
    }

    /// One turn of the loop: a batch and what follows from it, to the bytes that would be committed.
    pub fn turn(&mut self, records: &mut [Record], now: Millis) {
        let start = Instant::now();
        let inputs = self.stage_decode(records, now);
        let decoded = Instant::now();
        let outputs = self.stage_apply(now, &inputs);
        let applied = Instant::now();
        self.stage_outputs(&outputs);
        let encoded = Instant::now();
        let inputs = self.finish(now, inputs, &outputs);
        let journalled = Instant::now();
        drop((inputs, outputs));
        let freed = Instant::now();
        self.stages.decode += decoded - start;
        self.stages.apply += applied - decoded;
        self.stages.outputs += encoded - applied;
        self.stages.journal += journalled - encoded;
        self.stages.free += freed - journalled;
        while self.engine.wants_next() {
            self.own(now, Vec::new());
        }
        if self.watched {
            self.watch(applied - decoded);
        }
    }

    /// Reading the thread's clock is dear: once a turn. What was applied took no longer than the turn, whoever else
    /// was on the processor meanwhile.
    fn watch(&mut self, applied: Duration) {
        let end = Cpu::now();
        let turn = end.since(self.last);
        self.last = end;
        self.turns.push(turn);
        self.longest_apply = self.longest_apply.max(turn.min(applied.as_nanos() as u64));
    }

    /// A round begins: what the last one took is forgotten. `watched`: turns are timed one by one.
    pub fn begin(&mut self, watched: bool) {
        self.stages = Stages::default();
        self.longest_apply = 0;
        self.turns.clear();
        self.watched = watched;
        self.last = Cpu::now();
    }

    /// Nothing arrives; the loop wakes up when something is due.
    pub fn idle(&mut self, until: Millis) {
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= until) {
            self.own(due, Vec::new());
        }
    }

    #[inline(never)]
    fn stage_decode(&mut self, records: &mut [Record], now: Millis) -> Vec<Input> {
        order_records(records);
        let mut inputs = Vec::with_capacity(records.len() + 1);
        for record in records.iter() {
            match self.decoder.decode(record) {
                Ok(input) => inputs.extend(input),
                Err(why) => panic!("the workload holds no bad record: {why}"),
            }
        }
        if now >= self.next_frontier && records.first().is_some_and(|record| record.topic > Topic::Opportunities) {
            self.next_frontier = Millis(now.0 + FRONTIER_EVERY_MS);
            let passed = Frontier::EndPassed { partition: 0, at: now };
            inputs.push(Input { position: None, body: Body::Frontier(passed) });
        }
        order_batch(&mut inputs);
        inputs
    }

    #[inline(never)]
    fn stage_apply(&mut self, now: Millis, inputs: &[Input]) -> Vec<Output> {
        let mut outputs = Vec::new();
        let tally = self.engine.apply(now, inputs, &mut outputs);
        // The loop asks how long it may sleep.
        std::hint::black_box(self.engine.next_deadline());
        self.told.duplicates += u64::from(tally.duplicates);
        self.told.rejected += u64::from(tally.rejected);
        outputs
    }

    #[inline(never)]
    fn stage_outputs(&mut self, outputs: &[Output]) {
        let mut stamped = Stamped::of(Stamp { journal: JOURNAL, shard: 0, sequence: self.engine.sequence() });
        for (index, output) in outputs.iter().enumerate() {
            self.told.count(output);
            if let Some(record) = stamped.record(output, index) {
                self.told.bytes += record.value.as_ref().map_or(0, Vec::len) as u64;
            }
        }
    }

    /// The entry, if this subject journals; gives the inputs back.
    fn finish(&mut self, now: Millis, inputs: Vec<Input>, outputs: &[Output]) -> Vec<Input> {
        if !self.journals {
            return inputs;
        }
        let entry = self.entry(now, inputs, outputs);
        let bytes = stage_journal(&mut self.encoder, &entry);
        self.previous = wire::entry::digest(&bytes);
        self.entries.push(bytes);
        entry.inputs
    }

    fn entry(&self, now: Millis, inputs: Vec<Input>, outputs: &[Output]) -> Entry {
        Entry {
            journal: JOURNAL,
            shard: 0,
            sequence: self.engine.sequence(),
            previous: self.previous,
            now,
            rules: RULES,
            kind: EntryKind::Batch,
            spans: Vec::new(),
            inputs,
            outputs: wire::digest::outputs(outputs),
            state: None,
        }
    }
}

#[inline(never)]
fn stage_journal(encoder: &mut wire::entry::Encoder, entry: &Entry) -> Vec<u8> {
    encoder.encode(entry).expect("a batch is far below what an entry may hold")
}

impl Told {
    fn count(&mut self, output: &Output) {
        let counter = match output {
            Output::Decision(decision) if decision.kind == DecisionKind::Distribution => &mut self.distributions,
            Output::Decision(decision) if decision.kind == DecisionKind::Retrieval => &mut self.retrievals,
            Output::AccountState(_) => &mut self.rows,
            Output::Alert(alert) => match alert.kind.name() {
                "at_risk" => &mut self.warnings,
                "risk_cleared" => &mut self.cleared,
                "source_silent" => &mut self.silences,
                _ => &mut self.other,
            },
            _ => &mut self.other,
        };
        *counter += 1;
    }

    pub fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("distributions", self.distributions),
            ("retrievals", self.retrievals),
            ("warnings", self.warnings),
            ("warnings-cleared-by-evidence", self.cleared),
            ("sources-fallen-silent", self.silences),
            ("account-state-rows", self.rows),
            ("duplicates", self.duplicates),
        ]
    }

    pub fn expect_everything_occurred(&self) {
        for (what, count) in self.counts() {
            assert!(count > 0, "no {what} in this workload: {self:?}");
        }
        assert_eq!(self.rejected, 0, "late events are within their windows, and every kind is known");
    }
}
