//! Replay: a directory of exported events, in the order in which they happened, under a virtual clock.
//!
//! The clock ticks (one minute by default). A tick takes the events in (previous end, end] and applies them at its
//! end; timers fire at theirs. Only ticks with either make an entry; where matching stopped at its bound the tick
//! is repeated. The gate opens at a given instant, by default with the first event that isn't reference data, so
//! that everything known by then is adopted first. Exports are complete: every source is known up to the tick's
//! end, but no further than its own last event or `complete_until`.
//!
//! Nothing else is special: journal and outputs go through any log, and the engine can't tell the difference. The
//! journal's id is a hash of policy, files and options, so that two runs give the same bytes. Entries have no
//! spans: events come by their time, not by their place. That is also how a replay that was killed goes on: it runs
//! anew, and what the journal has already is compared instead of committed.

mod export;
mod summary;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub use self::export::Export;
pub use self::summary::Summary;
use super::error::RunError;
use super::intake::Batch;
use super::outbox;
use super::positions::Positions;
use super::replica::{Draft, Made, Replica};
use crate::domain::ids::Id128;
use crate::domain::input::{Frontier, order_batch};
use crate::domain::output::BreakerScope;
use crate::domain::policy::Confirm;
use crate::domain::request::{Request, RequestOp};
use crate::domain::{AlertKind, Body, EntryKind, Gate, Input, Millis, Output, Policy, Text, Topic};
use crate::feed::Decoder;
use crate::log::{JournalReader, Log};

/// Inputs of one entry. A tick with more is split: an entry must stay far below what its encoding allows.
pub(super) const MAX_INPUTS: usize = 65_536;
/// Entries between two checkpoints; there is one more at the end.
const CHECKPOINT_EVERY: u64 = 10_000;
/// Timers, losses and matching that take more entries than this in one tick have a fault.
const MAX_REPEATS: u32 = 1_000_000;

#[derive(Clone, Debug)]
pub struct Options {
    pub tick_s: u32,
    /// When the gate opens; `None`: with the first event.
    pub open_at: Option<Millis>,
    /// Sources are complete up to here, whatever their last event says; and the clock runs on until then.
    pub complete_until: Option<Millis>,
    /// A breaker that trips is told to proceed at once.
    pub proceed: bool,
    /// The journal that is there was begun by this very replay and ended early: compare instead of commit up to
    /// its end, then go on.
    pub resume: bool,
}

/// What is told after each entry.
pub struct Step<'a> {
    pub made: &'a Made,
    /// Records done, of how many.
    pub done: usize,
    pub of: usize,
}

pub struct Replay<'a> {
    options: &'a Options,
    export: Export,
    decoder: &'a Decoder,
    log: &'a mut dyn Log,
    lines: bool,
    /// What an earlier run of the same replay has committed and isn't compared yet.
    earlier: Option<Box<dyn JournalReader>>,
    watch: &'a mut dyn FnMut(Step<'_>),
    replica: Replica,
    /// How far each source was said to be complete.
    complete: BTreeMap<Text, Millis>,
    opens_at: Millis,
    opened: bool,
    summary: Summary,
}

/// Where the outputs go.
pub struct Target<'a> {
    pub log: &'a mut dyn Log,
    pub shard: u16,
    /// Records are lines of JSON.
    pub lines: bool,
    /// For people.
    pub place: String,
}

/// Runs the whole replay of what [`Export::read`] found in the same directory. `watch` hears of every entry once it is committed.
pub fn run(
    export: Export,
    options: &Options,
    policy: &Policy,
    decoder: &Decoder,
    target: Target<'_>,
    watch: &mut dyn FnMut(Step<'_>),
) -> Result<Summary, RunError> {
    let started = Instant::now();
    target.log.lead()?;
    if !options.resume && target.log.open_journal(0)?.next(Duration::ZERO)?.is_some() {
        return Err(RunError::NotEmpty { place: target.place });
    }
    let earlier = if options.resume { Some(target.log.open_journal(0)?) } else { None };
    let journal = journal_id(options, policy, &export);
    let mut replay = Replay {
        opens_at: options.open_at.unwrap_or(export.start),
        options,
        decoder,
        log: target.log,
        lines: target.lines,
        earlier,
        watch,
        replica: Replica::new(journal, target.shard),
        complete: BTreeMap::new(),
        opened: false,
        summary: Summary::new(journal),
        export,
    };
    replay.take_policy(policy)?;
    while let Some(end) = replay.next_tick() {
        replay.tick(end)?;
    }
    // On its own behind what is durable already: so the log can tell damage in all before it from a torn write.
    replay.log.sync()?;
    replay.commit_own(EntryKind::Checkpoint, replay.replica.engine.now(), Vec::new())?;
    replay.log.sync()?;
    replay.summary.took = started.elapsed();
    Ok(replay.summary)
}

/// A hash of all that decides the outcome.
fn journal_id(options: &Options, policy: &Policy, export: &Export) -> Id128 {
    let mut text = format!(
        "replay {} {:?} {:?} {}\n{}\n",
        options.tick_s, options.open_at, options.complete_until, options.proceed, policy.text
    );
    for (name, length) in &export.files {
        text.push_str(&format!("{name} {length}\n"));
    }
    Id128(xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
}

impl Replay<'_> {
    /// The tick that holds an instant: its end.
    fn end_of_tick(&self, at: Millis) -> Millis {
        let tick_ms = i64::from(self.options.tick_s.max(1)) * 1000;
        Millis(at.0.div_euclid(tick_ms) * tick_ms + if at.0.rem_euclid(tick_ms) == 0 { 0 } else { tick_ms })
    }

    fn take_policy(&mut self, policy: &Policy) -> Result<(), RunError> {
        let now = self.end_of_tick(self.export.begin);
        let mut policy = policy.clone();
        // What writers answered is about other commands: a replay's are carried out as soon as they are issued.
        // Nor is anybody there to approve anything.
        for role in &mut policy.roles {
            (role.confirm, role.approve_above) = (Confirm::Assume, None);
        }
        self.commit_own(EntryKind::Policy, now, vec![Body::Policy(Box::new(policy))])
    }

    /// The end of the next tick with an event, a timer or the opening in it; `None` behind the last of them.
    fn next_tick(&self) -> Option<Millis> {
        let now = self.replica.engine.now();
        let opening = (!self.opened).then_some(self.opens_at);
        // Whatever is still due now was looked at in this tick, and is again in the next.
        let timer = self.replica.engine.next_deadline().map(|due| due.max(Millis(now.0 + 1)));
        let timer = timer.filter(|due| *due <= self.last());
        let next = self.export.next().into_iter().chain(opening).chain(timer).min()?;
        Some(self.end_of_tick(next.max(now)))
    }

    /// Timers after this are left alone.
    fn last(&self) -> Millis {
        let last = self.export.end.max(self.opens_at).max(self.options.complete_until.unwrap_or(self.export.end));
        self.end_of_tick(last)
    }

    fn tick(&mut self, end: Millis) -> Result<(), RunError> {
        loop {
            let records = self.export.take(end, MAX_INPUTS)?;
            let is_last = self.export.next().is_none_or(|next| next > end);
            let batch = Batch::read(self.decoder, records, &Positions::default());
            self.apply(batch, end, is_last)?;
            if is_last {
                break;
            }
        }
        if !self.opened && self.opens_at <= end {
            self.opened = true;
            self.commit_own(EntryKind::Gate, end, vec![Body::Gate(Gate::Open)])?;
        }
        let mut repeats = 0;
        while self.replica.engine.wants_next() {
            self.commit_own(EntryKind::Batch, end, Vec::new())?;
            repeats += 1;
            if repeats > MAX_REPEATS {
                return Err(RunError::Endless { sequence: self.replica.sequence(), entries: repeats });
            }
        }
        if self.replica.sequence().is_multiple_of(CHECKPOINT_EVERY) {
            self.commit_own(EntryKind::Checkpoint, end, Vec::new())?;
        }
        Ok(())
    }

    /// One entry of a tick; with its last one come the frontiers.
    fn apply(&mut self, mut batch: Batch, end: Millis, is_last: bool) -> Result<(), RunError> {
        let mut inputs = std::mem::take(&mut batch.inputs);
        if is_last {
            inputs.extend(self.frontiers(end));
        }
        order_batch(&mut inputs);
        self.commit(Draft { kind: EntryKind::Batch, now: end, spans: Vec::new(), inputs }, &batch)
    }

    /// Sources that are known to be complete further than was said before.
    fn frontiers(&mut self, end: Millis) -> Vec<Input> {
        let mut inputs = Vec::new();
        let sources = self.replica.engine.policy().map(|policy| &policy.sources[..]).unwrap_or_default();
        for source in sources {
            let Some(last) = self.export.last_of(&source.name, self.options.complete_until) else { continue };
            let until = end.min(last);
            let said = self.complete.get(&source.name);
            if said.is_none_or(|said| *said < until) {
                self.complete.insert(source.name.clone(), until);
                inputs.push(Input::own(Body::Frontier(Frontier::Complete { source: source.name.clone(), until })));
            }
        }
        inputs
    }

    fn commit_own(&mut self, kind: EntryKind, now: Millis, bodies: Vec<Body>) -> Result<(), RunError> {
        let inputs = bodies.into_iter().map(Input::own).collect();
        self.commit(Draft { kind, now, spans: Vec::new(), inputs }, &Batch::default())
    }

    /// Commits an entry, and those that people's `proceed` would bring at once.
    fn commit(&mut self, draft: Draft, batch: &Batch) -> Result<(), RunError> {
        let mut proceeds = self.commit_one(draft, batch)?;
        while !proceeds.is_empty() {
            let now = self.replica.engine.now();
            let draft = Draft { kind: EntryKind::Batch, now, spans: Vec::new(), inputs: proceeds };
            proceeds = self.commit_one(draft, &Batch::default())?;
        }
        Ok(())
    }

    /// Whether an earlier run of this replay committed the entry already: then it must be the same, byte for byte.
    fn is_there(&mut self, made: &Made) -> Result<bool, RunError> {
        let Some(earlier) = &mut self.earlier else { return Ok(false) };
        match earlier.next(Duration::ZERO)? {
            Some(record) if record.bytes == made.bytes => Ok(true),
            Some(_) => Err(RunError::OtherReplay { sequence: made.entry.sequence }),
            None => {
                self.earlier = None;
                Ok(false)
            }
        }
    }

    /// Returns what to proceed with, where that is wanted.
    fn commit_one(&mut self, draft: Draft, batch: &Batch) -> Result<Vec<Input>, RunError> {
        let mut made = self.replica.make(draft)?;
        let dead = outbox::dead(batch, &made);
        if !self.is_there(&made)? {
            let records = outbox::records(batch, &made, &dead, self.lines, Topic::name);
            self.log.commit(&records, &made.bytes)?;
        }
        self.summary.count(batch, &made, &dead);
        (self.watch)(Step { made: &made, done: self.export.done(), of: self.export.records() });
        Ok(if self.options.proceed { proceeds(&mut made) } else { Vec::new() })
    }
}

/// A request for each breaker that tripped in the entry.
fn proceeds(made: &mut Made) -> Vec<Input> {
    let (now, sequence) = (made.entry.now, made.entry.sequence);
    let tripped = made.outputs.drain(..).filter_map(|output| match output {
        Output::Alert(alert) => match alert.kind {
            AlertKind::BreakerTripped { scope, .. } => Some(scope),
            _ => None,
        },
        _ => None,
    });
    let request = |(index, scope): (usize, BreakerScope)| {
        let (role, rep) = match scope {
            BreakerScope::Role(role) => (Some(role), None),
            BreakerScope::Book(rep) | BreakerScope::QuietRep(rep) | BreakerScope::Refused(rep) => (None, Some(rep)),
            BreakerScope::Departures => (None, None),
        };
        let dedup = xxhash_rust::xxh3::xxh3_64(format!("proceed {sequence} {index}").as_bytes());
        Input::own(Body::Request(Request {
            role,
            rep,
            dedup,
            ..Request::new(RequestOp::Proceed, "replay".into(), now)
        }))
    };
    tripped.enumerate().map(request).collect()
}
