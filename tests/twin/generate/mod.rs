//! Random policies and random histories as plain lists that shrink well: small numbers that are read
//! against the state (the n-th account, the n-th owned seat) only when they are played.

pub mod answers;
mod episodes;
pub mod history;
pub mod policy;
mod requests;

use bookd::domain::time::{DAY, HOUR, MINUTE};

/// Lengths of time, the simplest first.
pub const SPANS: [u32; 12] =
    [0, 1, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 2 * DAY, 4 * DAY, 9 * DAY, 20 * DAY, 60 * DAY];

/// Everything that comes after the first day of a world: 2025-03-28, before a change of the clocks.
pub const START_S: u32 = 1_913 * DAY;

pub fn span(index: u8) -> u32 {
    SPANS[usize::from(index) % SPANS.len()]
}

/// The n-th of a list, by index modulo.
pub fn nth<T>(items: &[T], index: u8) -> Option<&T> {
    items.get(usize::from(index) % items.len().max(1))
}
