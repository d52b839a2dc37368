//! The engine: a pure state machine. Inputs and an instant go in, decisions come out as data.
//!
//! No I/O, no clock, no randomness, no logging, no calendar; no iteration over hashed containers in an order
//! that can reach an output. The same entries give the same outputs on every machine: replay, standby,
//! as-of, explain and recovery are this code, run again. What it does, exactly, is in `docs/rules.md`.

pub mod view;

use crate::domain::ids::Id128;
use crate::domain::{Input, Millis, Output, Policy};
use view::View;

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

pub struct Engine {}

impl Engine {
    /// An empty engine: no policy, gate closed, sequence 0.
    pub fn new(_journal: Id128, _shard: u16) -> Engine {
        Engine {}
    }

    /// One journal entry: applies the inputs at one instant, fires what is due, decides. `inputs` are in the
    /// order of [`crate::domain::input::order_batch`].
    pub fn apply(&mut self, _now: Millis, _inputs: &[Input], _out: &mut Vec<Output>) -> Tally {
        Tally::default()
    }

    /// When something is due without any input; `None` while the gate is closed.
    pub fn next_deadline(&self) -> Option<Millis> {
        None
    }

    /// Whether matching stopped at its bound: the next entry should come at once, inputs or not.
    pub fn wants_next(&self) -> bool {
        false
    }

    pub fn sequence(&self) -> u64 {
        0
    }

    /// The last entry's instant.
    pub fn now(&self) -> Millis {
        Millis(0)
    }

    pub fn gate_open(&self) -> bool {
        false
    }

    pub fn policy(&self) -> Option<&Policy> {
        None
    }

    /// The deciding state in a canonical order. O(accounts): for tests, checkpoints and answers.
    pub fn view(&self) -> View {
        unimplemented!()
    }

    /// Checks every state invariant in full (`Err` names the first that is broken). O(accounts × reps).
    pub fn audit(&self) -> Result<(), String> {
        Ok(())
    }
}
