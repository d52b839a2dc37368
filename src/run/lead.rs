//! The leader: the one thread that polls, decides and commits.
//!
//! A turn polls a batch, applies it at one instant, commits outputs and entry together, and only then tells
//! anybody. What isn't a record is journalled too: policy, gate, frontiers, the passing of time.

use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::error::RunError;
use super::figures::{self, Due};
use super::frontier::Samples;
use super::gate::Catching;
use super::intake::{Batch, Streaks};
use super::letters::{Letters, Untold};
use super::outbox;
use super::replica::{Draft, Made, Replica};
use super::setup::Setup;
use super::snapshot::Snapshots;
use crate::domain::input::{Frontier, order_batch};
use crate::domain::{Body, Disposition, EntryKind, Gate, Input, Millis, Output, Policy, Span, Topic};
use crate::log::{JournalReader, Log, LogError, Place};
use crate::metrics::{Committed, Meters};

/// The longest sleep in a poll: how soon a stop, a heartbeat or a sample is noticed.
const MAX_WAIT: Duration = Duration::from_millis(100);
/// Ends of the inputs are sampled this often: frontiers, lag, and a gate that waits.
const SAMPLE_EVERY_MS: i64 = 1_000;
/// Added partitions are looked for this often.
const PARTITIONS_EVERY_MS: i64 = 10_000;
/// A gate that stays closed is told this often, with what it waits for.
const GATE_NOTE_EVERY_MS: i64 = 30_000;
/// How long the first entry may take to come back with the log's time on it.
const READ_BACK_WAIT: Duration = Duration::from_secs(30);
/// Between two tries of a call that the log didn't answer.
const RETRY_WAIT: Duration = Duration::from_millis(200);
/// A minute of them.
const RETRIES: u32 = 300;

pub struct Leader<'a> {
    setup: &'a Setup,
    log: Box<dyn Log>,
    replica: Replica,
    meters: &'a mut Meters,
    snapshots: &'a mut Snapshots,
    /// Of the last entry that the log has for sure.
    committed: u64,
    streaks: Streaks,
    letters: Letters,
    /// While the gate is closed.
    catching: Option<Catching>,
    samples: Samples,
    partitions: Vec<(Topic, u32)>,
    /// The newest record's timestamp, by topic.
    newest: Vec<(Topic, Millis)>,
    next_sample: Millis,
    next_partitions: Millis,
    next_gate_note: Millis,
    /// When the last entry was committed.
    last_entry: Millis,
    figures: Due,
    checkpoint: Due,
}

impl<'a> Leader<'a> {
    pub fn new(
        setup: &'a Setup,
        log: Box<dyn Log>,
        replica: Replica,
        meters: &'a mut Meters,
        snapshots: &'a mut Snapshots,
    ) -> Leader<'a> {
        let now = setup.clock.now();
        Leader {
            setup,
            log,
            committed: replica.sequence(),
            replica,
            meters,
            snapshots,
            streaks: Streaks::new(setup.settings.rejected_in_a_row_max),
            letters: Letters::default(),
            catching: None,
            samples: Samples::default(),
            partitions: Vec::new(),
            newest: Vec::new(),
            next_sample: now,
            next_partitions: Millis(now.0 + PARTITIONS_EVERY_MS),
            next_gate_note: Millis(now.0 + GATE_NOTE_EVERY_MS),
            last_entry: now,
            figures: Due::at_once(),
            checkpoint: Due::at_once(),
        }
    }

    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// From recovered to deciding: gate closed, clock compared, policy taken, inputs assigned. `reader` stands
    /// at the journal's end.
    pub fn begin(&mut self, reader: Box<dyn JournalReader>) -> Result<(), RunError> {
        let proposed = self.proposed_policy()?;
        self.partitions = patiently(|| self.log.partitions())?;
        self.log.assign(&self.replica.positions().places()).map_err(parted)?;
        self.prove_clock(reader)?;
        if let Some(policy) = proposed {
            info!(version = policy.version, "a policy takes force");
            self.commit_own(EntryKind::Policy, vec![Body::Policy(Box::new(policy))])?;
        }
        self.commit_partitions(false)?;
        let roles: Vec<_> = self.replica.engine.policy().iter().flat_map(|policy| &policy.roles).collect();
        self.meters.begin_roles(roles.into_iter().map(|role| role.name.clone()));
        self.catch_up()?;
        self.meters.leading(true);
        info!(sequence = self.committed, "leading; the gate is closed until intake has caught up");
        Ok(())
    }

    pub fn decide_until_stopped(&mut self) -> Result<(), RunError> {
        while !self.setup.status.is_stopping() {
            self.turn()?;
        }
        self.letters.rest().into_iter().for_each(tell);
        // What was gathered in a group is durable before the end.
        Ok(self.log.sync()?)
    }

    /// The configured policy where it shall take force; refuses a version with two texts.
    fn proposed_policy(&self) -> Result<Option<Policy>, RunError> {
        let proposed = &self.setup.policy;
        let Some(current) = self.replica.engine.policy() else { return Ok(Some(proposed.clone())) };
        if proposed.version == current.version && proposed.text != current.text {
            return Err(RunError::PolicyReused { version: current.version });
        }
        if proposed.version < current.version {
            warn!(
                configured = proposed.version,
                in_force = current.version,
                "the configured policy is older than the one in force and is ignored"
            );
        }
        Ok((proposed.version > current.version).then(|| proposed.clone()))
    }

    /// The first entry still bears the last journalled time: only when the log's stamp on it agrees with this
    /// machine's clock may that clock enter the journal. It closes the gate where it is open.
    fn prove_clock(&mut self, mut reader: Box<dyn JournalReader>) -> Result<(), RunError> {
        let last = self.replica.engine.now();
        let (kind, inputs) = if self.replica.engine.gate_open() {
            (EntryKind::Gate, vec![Input::own(Body::Gate(Gate::Closed))])
        } else {
            (EntryKind::Heartbeat, Vec::new())
        };
        self.commit(Draft { kind, now: last, spans: Vec::new(), inputs }, &Batch::default())?;
        self.log.sync()?;
        let wall = self.setup.clock.now();
        let record = reader.next(READ_BACK_WAIT)?;
        let record = record.ok_or_else(|| LogError::Retry("the first entry didn't come back".to_owned()))?;
        let apart_s = record.appended.0.abs_diff(wall.0) / 1000;
        let max_s = self.setup.settings.clock_skew_max_s;
        if apart_s > u64::from(max_s) {
            return Err(RunError::ClockSkew { apart_s, max_s });
        }
        Ok(())
    }

    /// The gate is closed: notes what has to be read before it opens.
    fn catch_up(&mut self) -> Result<(), RunError> {
        self.catching = Some(Catching::up(&patiently(|| self.log.ends())?));
        Ok(())
    }

    fn turn(&mut self) -> Result<(), RunError> {
        let batch = self.poll()?;
        let wall = self.setup.clock.now();
        if self.has_jumped(wall) {
            warn!("the clock jumped forward: the gate closes until intake has caught up");
            self.commit_own(EntryKind::Gate, vec![Body::Gate(Gate::Closed)])?;
            self.catch_up()?;
        }
        self.apply(batch, wall)?;
        self.letters.take(wall).into_iter().for_each(tell);
        self.sample(wall)?;
        self.open_gate()?;
        if wall >= self.next_partitions {
            self.next_partitions = Millis(wall.0 + PARTITIONS_EVERY_MS);
            self.commit_partitions(true)?;
        }
        self.keep_house()
    }

    /// The time that the next entry bears.
    fn now(&self) -> Millis {
        self.replica.engine.now().max(self.setup.clock.now())
    }

    fn poll(&mut self) -> Result<Batch, RunError> {
        let (wait, max) = (self.wait(), self.setup.settings.batch_max_records);
        let mut records = Vec::new();
        match self.log.poll(max, wait, &mut records) {
            Ok(_) => {}
            Err(LogError::Retry(why)) => {
                warn!(why, "no records now");
                std::thread::sleep(RETRY_WAIT);
            }
            Err(error) => return Err(parted(error)),
        }
        for record in &records {
            match self.newest.iter_mut().find(|(topic, _)| *topic == record.topic) {
                Some((_, at)) => *at = record.timestamp.max(*at),
                None => self.newest.push((record.topic, record.timestamp)),
            }
        }
        Ok(Batch::read(&self.setup.decoder, records, self.replica.positions()))
    }

    /// Until something is due without any record.
    fn wait(&self) -> Duration {
        if self.replica.engine.wants_next() {
            return Duration::ZERO;
        }
        let Some(due) = self.replica.engine.next_deadline() else { return MAX_WAIT };
        let millis = (due.0 - self.setup.clock.now().0).max(0);
        MAX_WAIT.min(Duration::from_millis(millis.unsigned_abs()))
    }

    /// Heartbeats keep the journal's time within seconds of the wall's; more is a jump, or a long absence.
    fn has_jumped(&self, wall: Millis) -> bool {
        let jump_ms = i64::from(self.setup.settings.clock_jump_s) * 1000;
        self.replica.engine.gate_open() && wall.0 - self.replica.engine.now().0 > jump_ms
    }

    /// Once a second: where the inputs end, for frontiers, lag, and a gate that waits.
    fn sample(&mut self, wall: Millis) -> Result<(), RunError> {
        if wall < self.next_sample {
            return Ok(());
        }
        self.next_sample = Millis(wall.0 + SAMPLE_EVERY_MS);
        let ends = match self.log.ends() {
            Ok(ends) => ends,
            Err(LogError::Retry(why)) => {
                debug!(why, "no ends now");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.samples.sample(wall, &ends, self.replica.positions());
        let knows_whom_to_adopt = self.may_open();
        if let Some(catching) = &mut self.catching {
            catching.correct(&ends);
            if wall >= self.next_gate_note {
                self.next_gate_note = Millis(wall.0 + GATE_NOTE_EVERY_MS);
                info!(waits_for = ?catching.waits_for(), knows_whom_to_adopt, "the gate is closed");
            }
        }
        self.show_lag(wall, &ends);
        Ok(())
    }

    fn show_lag(&mut self, wall: Millis, ends: &[Place]) {
        for topic in Topic::INPUTS {
            let mut places = ends.iter().filter(|place| place.topic == topic);
            let behind = places.any(|place| !self.replica.positions().has_reached(place));
            let newest = self.newest.iter().find(|(of, _)| *of == topic).map(|(_, at)| *at);
            let age = newest.filter(|_| behind).map_or(0, |at| (wall.0 - at.0).max(0));
            self.meters.lag(topic, age as f64 / 1000.0);
        }
    }

    /// One entry for the batch and what is due, if there is anything.
    fn apply(&mut self, mut batch: Batch, wall: Millis) -> Result<(), RunError> {
        self.samples.pass(self.replica.positions());
        let frontiers = self.samples.take(self.replica.engine.state());
        let engine = &self.replica.engine;
        let due = engine.next_deadline().is_some_and(|due| due <= self.now()) || engine.wants_next();
        let idle_ms = i64::from(self.setup.settings.heartbeat_s) * 1000;
        let something = due || !batch.records.is_empty() || !frontiers.is_empty();
        let kind = match something {
            true => EntryKind::Batch,
            false if wall.0 - self.last_entry.0 >= idle_ms => EntryKind::Heartbeat,
            false => return Ok(()),
        };
        let mut inputs = std::mem::take(&mut batch.inputs);
        inputs.extend(frontiers.into_iter().map(|frontier| Input::own(Body::Frontier(frontier))));
        order_batch(&mut inputs);
        let spans: Vec<Span> = std::mem::take(&mut batch.spans);
        self.commit(Draft { kind, now: self.now(), spans, inputs }, &batch)?;
        self.log.recycle(batch.records);
        Ok(())
    }

    /// Opens the gate once intake has caught up.
    fn open_gate(&mut self) -> Result<(), RunError> {
        let Some(catching) = &mut self.catching else { return Ok(()) };
        if !catching.is_done(self.replica.positions()) || !self.may_open() {
            return Ok(());
        }
        self.catching = None;
        self.commit_own(EntryKind::Gate, vec![Body::Gate(Gate::Open)])?;
        info!(sequence = self.committed, "the gate is open");
        Ok(())
    }

    /// Owners are adopted from the CRM at the first opening alone: before any account and rep is known it would
    /// adopt nothing, and everybody's accounts would be dealt out anew.
    fn may_open(&self) -> bool {
        let state = self.replica.engine.state();
        state.opened.is_some()
            || (state.accounts.iter().any(|each| each.alive) && state.reps.iter().any(|rep| rep.known))
    }

    /// Journals how many partitions the activity topic has where that changed; `look`: finds out first, and
    /// reads those that were added from their beginning.
    fn commit_partitions(&mut self, look: bool) -> Result<(), RunError> {
        let mut added = false;
        if look {
            let found = patiently(|| self.log.partitions())?;
            added = found != self.partitions;
            self.partitions = found;
        }
        let activity = self.partitions.iter().find(|(topic, _)| *topic == Topic::Activity);
        let count = activity.map_or(0, |(_, count)| *count);
        let changed = self.replica.engine.state().partitions != count;
        if !added && !changed {
            return Ok(());
        }
        let frontier = changed.then_some(Body::Frontier(Frontier::Partitions { count }));
        self.commit_own(EntryKind::Partitions, frontier.into_iter().collect())?;
        if added {
            info!(partitions = ?self.partitions, "partitions were added");
            self.log.assign(&self.replica.positions().places()).map_err(parted)?;
        }
        Ok(())
    }

    /// An entry of the loop's own.
    fn commit_own(&mut self, kind: EntryKind, bodies: Vec<Body>) -> Result<(), RunError> {
        let inputs = bodies.into_iter().map(Input::own).collect();
        self.commit(Draft { kind, now: self.now(), spans: Vec::new(), inputs }, &Batch::default())
    }

    /// Makes the entry and commits it with all it led to. Only then does anybody hear of it.
    fn commit(&mut self, draft: Draft, batch: &Batch) -> Result<(), RunError> {
        let made = self.replica.make(draft)?;
        let dead = outbox::dead(batch, &made);
        self.streaks.judge(batch, &dead)?;
        let open = &self.setup.open;
        let records = outbox::records(batch, &made, &dead, open.has_lines(), |topic| open.topic_name(topic));
        let started = Instant::now();
        let log = &mut self.log;
        patiently(|| log.commit(&records, &made.bytes))?;
        self.committed = made.entry.sequence;
        self.last_entry = self.setup.clock.now();
        self.setup.status.set_entry(self.committed, self.replica.engine.gate_open());
        self.letters.note(batch, &dead);
        let dead = dead.iter().map(|letter| (batch.records[letter.record].topic, letter.code)).collect();
        let entry = Committed {
            commit: started.elapsed(),
            latency: self.latency(batch),
            gate_open: self.replica.engine.gate_open(),
            dead_letters: dead,
            ..committed(&made)
        };
        self.meters.committed(&entry);
        Ok(())
    }

    /// Of the batch's oldest record.
    fn latency(&self, batch: &Batch) -> Option<Duration> {
        let oldest = batch.records.iter().map(|record| record.timestamp).min()?;
        Some(Duration::from_millis((self.last_entry.0 - oldest.0).max(0).unsigned_abs()))
    }

    /// What comes now and then: checkpoints, snapshots, gauges.
    fn keep_house(&mut self) -> Result<(), RunError> {
        let settings = &self.setup.settings;
        let is_checkpoint = self.committed.is_multiple_of(settings.checkpoint_every_entries.max(1));
        if is_checkpoint && self.checkpoint.is_due() {
            let started = Instant::now();
            self.commit_own(EntryKind::Checkpoint, Vec::new())?;
            self.checkpoint.done(started.elapsed());
        }
        if self.snapshots.is_due(self.committed) {
            // A snapshot must never be ahead of a journal that lost its last group with the power.
            self.log.sync()?;
            self.snapshots.begin(self.committed, self.meters);
        }
        if self.figures.is_due() {
            let figures = figures::count(&self.replica.engine);
            self.figures.done(figures.took);
            self.meters.figures(&figures);
        }
        Ok(())
    }
}

/// Calls again while the log doesn't answer, a bounded number of times: then it is rebuilt.
fn patiently<T>(mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    for _ in 0..RETRIES {
        match call() {
            Err(LogError::Retry(why)) => {
                warn!(why, "trying again");
                std::thread::sleep(RETRY_WAIT);
            }
            answered => return answered,
        }
    }
    call()
}

/// What is wrong with an input has a way out of its own.
fn parted(error: LogError) -> RunError {
    match error {
        LogError::Corrupt { place, what } => RunError::Parted { place, what },
        other => other.into(),
    }
}

/// An entry's figures; what the log and the clock add is the caller's.
fn committed(made: &Made) -> Committed {
    let mut entry = Committed {
        kind: made.entry.kind,
        sequence: made.entry.sequence,
        gate_open: false,
        records: made.entry.spans.iter().map(|span| (span.topic, u64::from(span.read))).collect(),
        duplicates: u64::from(made.tally.duplicates),
        dead_letters: Vec::new(),
        decisions: Vec::new(),
        in_shadow: Vec::new(),
        alerts: Vec::new(),
        commit: Duration::ZERO,
        latency: None,
    };
    for output in &made.outputs {
        match output {
            Output::Decision(decision) => {
                let all = match decision.disposition {
                    Disposition::Shadow => &mut entry.in_shadow,
                    Disposition::Command | Disposition::Held => &mut entry.decisions,
                };
                all.push((decision.kind, decision.role.clone()));
            }
            Output::Alert(alert) => entry.alerts.push(alert.kind.name()),
            Output::AccountState(_) | Output::DeadLetter { .. } => {}
        }
    }
    entry
}

fn tell(Untold { code, count, first, detail }: Untold) {
    let (topic, code, partition, offset) = (first.topic.name(), code.text(), first.partition, first.offset);
    warn!(topic, code, count, partition, offset, detail, "records were turned away: dead letters");
}
