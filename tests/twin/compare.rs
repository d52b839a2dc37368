//! Runs engine and twin side by side and says, readably, where they part.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use bookd::domain::ids::Id128;
use bookd::domain::output::{AlertKind, BreakerScope, SeatStatus, Why};
use bookd::domain::rep::RepStatus;
use bookd::domain::{Body, Code, DecisionKind, Disposition, Output, Text};
use bookd::engine::Engine;
use bookd::engine::view::{RepView, SeatView, View};

use crate::generate::history::Case;
use crate::generate::policy::ROLES;
use crate::naive::Twin;
use crate::play::{Entry, Player};
use crate::promises;

/// Everything that occurred, by name.
pub type Seen = BTreeMap<String, u64>;

/// Entries that may ask for the next at the same instant, in a row. A policy without grace, warning and rest
/// gives and takes the same account until a cap stops it.
const MAX_REPEATS: usize = 1_000;

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

    /// One entry, and those that it asks for at once: an unfinished pass, or what is due already.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        self.apply_once(entry)?;
        for _ in 0..MAX_REPEATS {
            let now = self.engine.now();
            let due = self.engine.next_deadline().is_some_and(|at| at.secs() <= now.secs());
            if !due && !self.engine.wants_next() {
                return self.never_oversleeps();
            }
            self.apply_once(&Entry { now, inputs: Vec::new() })?;
        }
        Err(format!("the engine never sleeps: {:?}\nafter {}", self.engine.next_deadline(), self.last))
    }

    /// One entry, whatever it leaves for the next.
    pub fn apply_once(&mut self, entry: &Entry) -> Result<(), String> {
        self.last = format!("{:?} with {:#?}", entry.now.secs(), entry.inputs);
        let (mut of_engine, mut of_twin) = (Vec::new(), Vec::new());
        let before = self.twin.view();
        let held = held_by_its_owner(&before);
        let engine = &mut self.engine;
        quietly(|| engine.apply(entry.now, &entry.inputs, &mut of_engine))
            .map_err(|panic| format!("the engine panicked: {panic}\nafter {}", self.last))?;
        self.twin.apply(entry.now, &entry.inputs, &mut of_twin);
        self.same("outputs", &of_engine, &of_twin)?;
        self.same::<View>("views", &self.engine.view(), &self.twin.view())?;
        self.same("wants_next", &self.engine.wants_next(), &self.twin.wants_next())?;
        promises::check(entry, &of_engine, &self.engine.view())
            .map_err(|broken| format!("{broken}\nafter {}", self.last))?;
        self.engine.audit().map_err(|broken| format!("audit: {broken}\nafter {}", self.last))?;
        let asked = entry.inputs.iter().any(|input| matches!(input.body, Body::Request(_)));
        for output in &of_twin {
            note(&mut self.seen, output);
            if let Output::Decision(decision) = output
                && decision.kind == DecisionKind::Return
                && !asked
            {
                *self.seen.entry("returned by a field".into()).or_default() += 1;
            }
            if let Output::Decision(decision) = output
                && held.contains(&(decision.account.clone(), decision.role.clone()))
            {
                *self.seen.entry("given up by who owns it in another role".into()).or_default() += 1;
            }
        }
        let view = self.twin.view();
        let stalled = |role: &Text| view.writers.iter().any(|(name, _, stalled)| name == role && *stalled);
        let probed = |output: &&Output| matches!(output, Output::Decision(decision) if stalled(&decision.role));
        if let probes @ 1.. = of_twin.iter().filter(probed).count() {
            *self.seen.entry("a stalled role probed".into()).or_default() += probes as u64;
        }
        for command in &view.commands {
            let mut count = |name: String| *self.seen.entry(name).or_default() += 1;
            count(format!("command {:?}", command.stage));
            if command.wish.is_some() {
                count("a wish waits".into());
            }
            let paused = view.paused.iter().any(|(role, ..)| *role == command.role);
            if paused && command.wish.as_ref().is_some_and(|(kind, ..)| !kind.is_asked_for()) {
                count("a wish waits for a pause".into());
            }
        }
        note_what_is_held_back(&mut self.seen, &view);
        note_what_is_followed(&mut self.seen, &before, &view);
        if self.twin.wants_next() {
            *self.seen.entry("matching stopped at its bound".into()).or_default() += 1;
        }
        for seat in self.twin.view().accounts.iter().flat_map(|row| &row.seats) {
            *self.seen.entry(format!("seat {}", seat.status.name())).or_default() += 1;
        }
        Ok(())
    }

    /// The engine wakes at the latest when the twin would do something without any input.
    fn never_oversleeps(&self) -> Result<(), String> {
        let engine = self.engine.next_deadline();
        let mut later = self.twin.clone();
        let mut at = Some(self.engine.now());
        for _ in 0..MAX_WAKES {
            let Some(instant) = at.filter(|at| engine.is_none_or(|engine| *at < engine)) else { break };
            let mut out = Vec::new();
            later.apply(instant, &[], &mut out);
            if !out.is_empty() {
                let difference = format!("twin {at:?}, engine {engine:?}: {out:#?}");
                return Err(format!("the engine oversleeps: {difference}\nafter {}", self.last));
            }
            at = later.next_deadline();
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

thread_local! {
    /// What the last panic of this thread said, while panics are taken for errors.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic as an error that says what and where, so that shrinking stays quiet.
fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let ordinary = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match PANIC.with_borrow(Option::is_some) {
            true => PANIC.set(Some(panic.to_string())),
            false => ordinary(panic),
        }));
    });
    PANIC.set(Some(String::new()));
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(run));
    let said = PANIC.take().unwrap_or_default();
    outcome.map_err(|_| said)
}

/// The lines that differ, with the keys that they stand under.
fn difference(engine: &str, twin: &str) -> String {
    let (engine, twin): (Vec<&str>, Vec<&str>) = (engine.lines().collect(), twin.lines().collect());
    let first = engine.iter().zip(&twin).take_while(|(a, b)| a == b).count();
    let after = engine[first..].iter().rev().zip(twin[first..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for line in above(&engine, first) {
        let _ = writeln!(text, "  {line}");
    }
    let (left, right) = (&engine[first..engine.len() - after], &twin[first..twin.len() - after]);
    for (sign, line) in steps(left, right) {
        let _ = writeln!(text, "{sign} {line}");
    }
    text
}

/// The lines that a line stands under, by their indents.
fn above<'a>(lines: &[&'a str], at: usize) -> Vec<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut open = Vec::new();
    let mut least = lines.get(at).map_or(0, |line| indent(line));
    for line in lines[..at].iter().rev() {
        if indent(line) < least || line.trim_start().starts_with("id:") && indent(line) <= least {
            least = indent(line);
            open.push(*line);
        }
    }
    open.reverse();
    open
}

/// The shortest way from one to the other, lines that they share left out.
fn steps<'a>(left: &[&'a str], right: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut common = vec![vec![0u32; right.len() + 1]; left.len() + 1];
    for (i, a) in left.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            common[i][j] = if a == b { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut steps) = (0, 0, Vec::new());
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            steps.push((' ', left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || (i < left.len() && common[i + 1][j] >= common[i][j + 1]) {
            steps.push(('-', left[i]));
            i += 1;
        } else {
            steps.push(('+', right[j]));
            j += 1;
        }
    }
    steps
}

/// Seats of whoever holds an account in one role and owns it in another, by account and role.
fn held_by_its_owner(view: &View) -> BTreeSet<(Text, Text)> {
    let mut held = BTreeSet::new();
    for row in &view.accounts {
        for (seat, role) in row.seats.iter().zip(ROLES) {
            let owns = |other: &SeatView| other.status == SeatStatus::Owned && other.owner == seat.owner;
            if seat.status == SeatStatus::Holding && row.seats.iter().any(owns) {
                held.insert((row.id.clone(), role.into()));
            }
        }
    }
    held
}

/// By a pause or by the rate.
fn note_what_is_held_back(seen: &mut Seen, view: &View) {
    let mut count = |name: &str| *seen.entry(name.into()).or_default() += 1;
    let issued: u32 = view.issued.iter().map(|(_, count)| count).sum();
    if view.rate.as_ref().is_some_and(|(rate, _)| issued >= *rate) {
        count("the rate is used up");
    }
    let left = |rep: &&RepView| rep.status == RepStatus::Departed && rep.size > 0;
    let paused = |rep: &RepView| {
        let role = rep.role.map(|role| ROLES[usize::from(role)]);
        view.paused.iter().any(|(name, ..)| Some(&**name) == role)
    };
    if view.gate_open && view.reps.iter().filter(left).any(paused) {
        count("who left waits for a pause");
    }
}

/// Seats of roles in shadow whose owner in the CRM is another one than before, and is the desired one now.
fn note_what_is_followed(seen: &mut Seen, before: &View, after: &View) {
    for row in &after.accounts {
        let Some(was) = before.accounts.iter().find(|was| was.id == row.id) else { continue };
        for ((was, seat), role) in was.seats.iter().zip(&row.seats).zip(ROLES) {
            let changed = was.crm_owner != seat.crm_owner && was.owner != seat.owner;
            if changed && seat.owner == seat.crm_owner && after.shadow.iter().any(|name| *name == role) {
                *seen.entry("followed in shadow".into()).or_default() += 1;
            }
        }
    }
}

fn note(seen: &mut Seen, output: &Output) {
    let mut count = |name: String| *seen.entry(name).or_default() += 1;
    match output {
        Output::Decision(decision) => {
            let what = if decision.disposition == Disposition::Shadow { "in shadow" } else { "decision" };
            count(format!("{what} {}", decision.kind.name()));
            match &decision.why {
                Why::Placed(placement) => {
                    count(format!("filled idle {}", placement.filled_idle));
                    count(format!("tier {}", placement.tier));
                    for candidate in &placement.candidates {
                        count(format!("verdict {}", candidate.verdict.name()));
                    }
                }
                Why::Returned { reason, .. } => count(format!("returned {}", reason.name())),
                Why::Undone { kind, .. } => count(format!("taken back {}", kind.name())),
                Why::Idle { warned_at, .. } => count(format!("idle, warned {}", warned_at.is_some())),
                _ => {}
            }
        }
        Output::Alert(alert) => {
            count(format!("alert {}", alert.kind.name()));
            match &alert.kind {
                AlertKind::Refused { code, .. } => count(format!("refused {}", code.text())),
                AlertKind::UndoLeft { why, .. } => count(format!("left alone {}", why.name())),
                AlertKind::CommandUndone { undone, .. } => count(format!("undone {}", undone.name())),
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
        BreakerScope::Refused(_) => "refused",
        BreakerScope::Departures => "departures",
    }
}

fn dead_letter(code: Code) -> String {
    format!("dead letter {}", code.text())
}
