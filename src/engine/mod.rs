//! The engine: a pure state machine. Inputs and an instant go in, decisions come out as data.
//!
//! No I/O, no clock, no randomness, no logging, no calendar; no iteration over hashed containers in an order
//! that can reach an output. The same entries give the same outputs on every machine: replay, standby,
//! as-of, explain and recovery are this code, run again. What it does, exactly, is in `docs/rules.md`; each
//! file here is a section of that page.

mod accounts;
mod approval;
mod audit;
pub mod both;
#[cfg(test)]
mod chance;
mod choice;
mod commanded;
mod contributions;
mod control;
mod counting;
mod crew;
mod decide;
mod departures;
pub mod evidence;
mod fetch;
pub mod few;
mod field_returns;
mod fields;
mod gate;
mod heap;
mod index;
pub mod keeping;
mod lines;
mod lookahead;
mod losses;
mod matching;
mod named;
mod names;
mod observed;
mod pending;
mod pool;
pub mod queue;
pub mod rare;
mod rebuild;
mod reps;
mod requests;
mod restored;
mod rows;
mod score;
mod seats;
mod shadow;
mod signals;
mod sizes;
mod sources;
pub mod state;
mod table;
mod timers;
mod undo;
mod undo_log;
mod unknown;
pub mod view;
mod waiting;

use crate::domain::ids::Id128;
use crate::domain::policy::{MAX_FORGOTTEN, at_once};
use crate::domain::{Body, Candidate, Code, Gate, Input, Millis, Output, Policy, Position};
use index::Index;
use state::{AccountId, RepId, State};

/// What became of an entry's inputs; for metrics only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub applied: u32,
    pub duplicates: u32,
    /// Kept for an account that nobody created yet.
    pub kept: u32,
    /// Kept ones that grew too old.
    pub forgotten: u32,
    pub rejected: u32,
}

pub struct Engine {
    state: State,
    index: Index,
    /// Of the entry being applied.
    entry: Scratch,
}

/// What one entry gathers while it is applied.
#[derive(Default)]
struct Scratch {
    out: Vec<Output>,
    decisions: u32,
    /// How many timers fire, accounts are lost and are placed.
    at_once: usize,
    /// In any order, some more than once.
    touched: Vec<AccountId>,
    tally: Tally,
    placed: bool,
    /// The gate was opened.
    opens: bool,
    position: Option<Position>,
}

impl Engine {
    /// An empty engine: no policy, gate closed, sequence 0.
    pub fn new(journal: Id128, shard: u16) -> Engine {
        Engine { state: State::new(journal, shard), index: Index::default(), entry: Scratch::default() }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// One journal entry: applies the inputs at one instant, fires what is due, decides. `inputs` are in the
    /// order of [`crate::domain::input::order_batch`].
    pub fn apply(&mut self, now: Millis, inputs: &[Input], out: &mut Vec<Output>) -> Tally {
        self.state.sequence += 1;
        self.state.now_ms = self.state.now_ms.max(now.0);
        self.state.now = self.state.now.max(now.secs());
        self.entry.at_once = at_once(inputs.len());
        self.read_anew();
        self.forget_old(MAX_FORGOTTEN.max(2 * inputs.len()));
        for (number, input) in inputs.iter().enumerate() {
            if number % lookahead::PORTION == 0 {
                self.look_ahead(&inputs[number..inputs.len().min(number + lookahead::PORTION)]);
            }
            self.entry.position = input.position;
            match self.apply_input(input) {
                Ok(()) => self.entry.tally.applied += 1,
                Err(code) => {
                    self.entry.tally.rejected += 1;
                    self.entry.out.push(Output::DeadLetter { input: number as u32, code });
                }
            }
        }
        self.entry.position = None;
        if self.state.gate_open {
            self.look_at_sources();
            self.fire_commands();
            self.fire_timers();
        }
        self.look_at_writers();
        self.issue_wishes();
        if self.state.gate_open {
            self.release_departures();
            self.look_at_waves();
            self.retrieve();
            self.match_roles();
            self.lower_bounds(inputs.len());
        }
        if self.state.opened.is_some() {
            self.write_rows();
        }
        self.state.again = self.looks_again(self.entry.placed);
        self.end_entry(out)
    }

    /// Hands out what the entry gathered; what it gathered it in is kept for the next.
    fn end_entry(&mut self, out: &mut Vec<Output>) -> Tally {
        out.append(&mut self.entry.out);
        self.entry.decisions = 0;
        self.entry.placed = false;
        self.entry.opens = false;
        self.entry.touched.clear();
        std::mem::take(&mut self.entry.tally)
    }

    /// Sums are read as of this entry's instant.
    fn read_anew(&mut self) {
        if let Some(policy) = &self.state.policy
            && self.index.reading.now() != self.state.now
        {
            self.index.reading = score::Reading::new(&policy.scoring, self.state.now);
        }
    }

    fn apply_input(&mut self, input: &Input) -> Result<(), Code> {
        match &input.body {
            Body::Policy(policy) => self.take_policy(policy),
            Body::Gate(Gate::Open) => self.open_gate(),
            Body::Gate(Gate::Closed) => self.state.gate_open = false,
            Body::Frontier(frontier) => self.move_frontier(frontier),
            Body::Rep(record) => return self.rep_record(record),
            Body::Account(record) => return self.account_record(record),
            Body::Opportunity(_) => return self.opportunity_record(input),
            Body::Result(record) => return self.result_record(record),
            Body::Activity(_) | Body::Signal(_) => return self.event(input),
            Body::Request(request) => return self.request(request),
            Body::Restored(row) => return self.keep_restored(row),
        }
        Ok(())
    }

    /// When something is due without any input; `None` while the gate is closed. Never later than the truth;
    /// an entry at that instant may turn out to change nothing.
    pub fn next_deadline(&self) -> Option<Millis> {
        if !self.state.gate_open {
            return None;
        }
        let timers = self.index.timers.iter().filter_map(timers::Timers::next_deadline);
        let again = self.state.again.then_some(self.state.now);
        let others =
            [self.next_silence(), self.next_loss(), self.next_command_due(), self.next_of_rate(), self.next_lapse()]
                .into_iter()
                .flatten();
        timers.chain(again).chain(others).min().map(|due| due.max(self.state.now).millis())
    }

    /// Whether timers, losses, matching or rows stopped at a bound: the next entry should come at once, inputs or not.
    pub fn wants_next(&self) -> bool {
        let unfinished = self.state.gate_open
            && (self.state.timers_left
                || self.state.losses_left
                || self.state.roles.iter().enumerate().any(|(number, role)| {
                    (role.pass.is_some() || role.dirty != 0 || !role.marked.is_empty()) && self.decides(number)
                }));
        unfinished || self.state.shown_up_to.is_some()
    }

    pub fn sequence(&self) -> u64 {
        self.state.sequence
    }

    /// The last entry's instant.
    pub fn now(&self) -> Millis {
        Millis(self.state.now_ms)
    }

    pub fn gate_open(&self) -> bool {
        self.state.gate_open
    }

    pub fn policy(&self) -> Option<&Policy> {
        self.state.policy.as_ref()
    }

    /// The policy in force, where a caller has made sure that there is one.
    fn rules(&self) -> &Policy {
        self.state.policy.as_ref().expect("roles, seats and signals exist only under a policy")
    }

    fn roles(&self) -> std::ops::Range<usize> {
        0..self.state.roles.len()
    }

    #[inline(never)] // Counted apart by the benches.
    fn resolve(&self, candidates: &[Candidate]) -> Option<AccountId> {
        self.index.resolve(&self.state, candidates)
    }

    fn rep_by_id(&self, id: &str) -> Option<RepId> {
        self.index.reps.find(&self.state.reps, id)
    }

    fn account_ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.state.accounts.len() as u32).map(AccountId)
    }
}
