//! Runs engine and twin side by side and says, readably, where they part.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use bookd::domain::ids::Id128;
use bookd::domain::output::{AlertKind, BreakerScope, Why};
use bookd::domain::{Code, Output};
use bookd::engine::Engine;
use bookd::engine::view::View;

use crate::generate::history::Case;
use crate::naive::Twin;
use crate::play::{Entry, Player};

/// Everything that occurred, by name.
pub type Seen = BTreeMap<String, u64>;

/// Entries that an unfinished pass may ask for in a row.
const MAX_REPEATS: usize = 100;

/// Instants at which the twin looks again, and finds perhaps nothing, before the engine's is believed.
const MAX_WAKES: usize = 8;

pub struct Pair {
    pub engine: Engine,
    pub twin: Twin,
    pub seen: Seen,
    /// The last entry, for the report.
    last: String,
}

/// Plays a whole case; the error is a report.
pub fn run(case: &Case) -> Result<Seen, String> {
    let mut pair = Pair::new();
    let mut player = Player::new();
    let view = pair.twin.view();
    for entry in player.beginning(&case.policy, &case.beginning, &view) {
        pair.apply(&entry)?;
    }
    for step in &case.steps {
        let (view, next_deadline) = (pair.twin.view(), pair.twin.next_deadline());
        let entry = player.step(step, &view, next_deadline);
        pair.apply(&entry)?;
    }
    Ok(pair.seen)
}

impl Pair {
    pub fn new() -> Pair {
        let journal = Id128(7);
        Pair { engine: Engine::new(journal, 0), twin: Twin::new(journal, 0), seen: Seen::new(), last: String::new() }
    }

    /// One entry, and those that it asks for at once.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        self.apply_once(entry)?;
        for _ in 0..MAX_REPEATS {
            if !self.twin.wants_next() {
                return self.never_oversleeps();
            }
            self.apply_once(&Entry { now: entry.now, inputs: Vec::new() })?;
        }
        Err("a pass that never ends".into())
    }

    fn apply_once(&mut self, entry: &Entry) -> Result<(), String> {
        self.last = format!("{:?} with {:#?}", entry.now.secs(), entry.inputs);
        let (mut of_engine, mut of_twin) = (Vec::new(), Vec::new());
        self.engine.apply(entry.now, &entry.inputs, &mut of_engine);
        self.twin.apply(entry.now, &entry.inputs, &mut of_twin);
        self.same("outputs", &of_engine, &of_twin)?;
        self.same::<View>("views", &self.engine.view(), &self.twin.view())?;
        self.same("wants_next", &self.engine.wants_next(), &self.twin.wants_next())?;
        self.engine.audit().map_err(|broken| format!("audit: {broken}\nafter {}", self.last))?;
        for output in &of_twin {
            note(&mut self.seen, output);
        }
        for seat in self.twin.view().accounts.iter().flat_map(|row| &row.seats) {
            *self.seen.entry(format!("seat {}", seat.status.name())).or_default() += 1;
        }
        Ok(())
    }

    /// The engine wakes at the latest when the twin would do something without any input.
    fn never_oversleeps(&self) -> Result<(), String> {
        let (engine, twin) = (self.engine.next_deadline(), self.twin.next_deadline());
        if !self.engine.wants_next() && engine.is_some_and(|at| at.secs() <= self.engine.now().secs()) {
            return Err(format!("the engine never sleeps: {engine:?} isn't later than now\nafter {}", self.last));
        }
        if twin.is_none() {
            return self.same("next_deadline", &engine, &None);
        }
        let mut later = self.twin.clone();
        for _ in 0..MAX_WAKES {
            let at = later.next_deadline();
            if at.is_none() || (engine.is_some() && engine <= at) {
                break;
            }
            let mut out = Vec::new();
            later.apply(at.expect("looked at above"), &[], &mut out);
            if !out.is_empty() {
                return Err(format!(
                    "the engine oversleeps: twin {at:?}, engine {engine:?}: {out:#?}\nafter {}",
                    self.last
                ));
            }
        }
        Ok(())
    }

    fn same<T: Debug + PartialEq>(&self, what: &str, engine: &T, twin: &T) -> Result<(), String> {
        if engine == twin {
            return Ok(());
        }
        let difference = difference(&format!("{engine:#?}"), &format!("{twin:#?}"));
        Err(format!("{what} differ (- engine, + twin):\n{difference}\nafter {}", self.last))
    }
}

/// The lines that differ, each with where it stands.
fn difference(engine: &str, twin: &str) -> String {
    let (engine, twin): (Vec<&str>, Vec<&str>) = (engine.lines().collect(), twin.lines().collect());
    let first = engine.iter().zip(&twin).take_while(|(a, b)| a == b).count();
    let after = engine[first..].iter().rev().zip(twin[first..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for line in &engine[first.saturating_sub(6)..first] {
        let _ = writeln!(text, "  {line}");
    }
    for line in &engine[first..engine.len() - after] {
        let _ = writeln!(text, "- {line}");
    }
    for line in &twin[first..twin.len() - after] {
        let _ = writeln!(text, "+ {line}");
    }
    for line in engine[engine.len() - after..].iter().take(3) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn note(seen: &mut Seen, output: &Output) {
    let mut count = |name: String| *seen.entry(name).or_default() += 1;
    match output {
        Output::Decision(decision) => {
            count(format!("decision {}", decision.kind.name()));
            match &decision.why {
                Why::Placed(placement) => {
                    count(format!("filled idle {}", placement.filled_idle));
                    count(format!("tier {}", placement.tier));
                    for candidate in &placement.candidates {
                        count(format!("verdict {}", candidate.verdict.name()));
                    }
                }
                Why::Returned { reason, .. } => count(format!("returned {}", reason.name())),
                Why::Idle { warned_at, .. } => count(format!("idle, warned {}", warned_at.is_some())),
                _ => {}
            }
        }
        Output::Alert(alert) => {
            count(format!("alert {}", alert.kind.name()));
            match &alert.kind {
                AlertKind::Refused { code, .. } => count(format!("refused {}", code.text())),
                AlertKind::BreakerTripped { scope, .. } => count(format!("tripped {}", scope_name(scope))),
                AlertKind::BreakerReset { scope } => count(format!("reset {}", scope_name(scope))),
                _ => {}
            }
        }
        Output::AccountState(row) if row.seats.is_empty() => count("tombstone".into()),
        Output::AccountState(_) => count("row".into()),
        Output::DeadLetter { code, .. } => count(dead_letter(*code)),
    }
}

fn scope_name(scope: &BreakerScope) -> &'static str {
    match scope {
        BreakerScope::Role(_) => "role",
        BreakerScope::Book(_) => "book",
        BreakerScope::QuietRep(_) => "quiet rep",
        BreakerScope::Departures => "departures",
    }
}

fn dead_letter(code: Code) -> String {
    format!("dead letter {}", code.text())
}
