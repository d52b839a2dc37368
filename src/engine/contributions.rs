//! The last contributions of an account, kept to explain decisions and for nothing else.

use crate::domain::{Position, Secs, Text};

use super::fetch;

/// Contributions kept to explain a decision.
pub const MAX_CONTRIBUTIONS: usize = 8;

/// The last [`MAX_CONTRIBUTIONS`] of an account, in a ring: a new one overwrites the oldest.
#[derive(Clone, Debug, Default)]
pub struct Contributions(Option<Box<Ring>>);

#[derive(Clone, Debug, Default)]
struct Ring {
    rows: [Contribution; MAX_CONTRIBUTIONS],
    len: u8,
    next: u8,
}

impl Contributions {
    pub fn push(&mut self, row: Contribution) {
        let ring = self.0.get_or_insert_default();
        ring.rows[usize::from(ring.next)] = row;
        ring.next = (ring.next + 1) % MAX_CONTRIBUTIONS as u8;
        ring.len = (ring.len + 1).min(MAX_CONTRIBUTIONS as u8);
    }

    /// The oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Contribution> + ExactSizeIterator {
        let ring = self.0.as_deref();
        let (len, next) = ring.map_or((0, 0), |ring| (usize::from(ring.len), usize::from(ring.next)));
        let rows = ring.map_or(&[][..], |ring| &ring.rows);
        (0..len).map(move |number| &rows[(next + MAX_CONTRIBUTIONS - len + number) % MAX_CONTRIBUTIONS])
    }

    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Has what says where the next row goes fetched, and then that row.
    pub(super) fn fetch(&self) {
        if let Some(ring) = &self.0 {
            fetch::ahead(&ring.next);
        }
    }

    pub(super) fn fetch_next(&self) {
        if let Some(ring) = &self.0 {
            fetch::whole(&ring.rows[usize::from(ring.next)]);
        }
    }
}

impl PartialEq for Contributions {
    fn eq(&self, other: &Contributions) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Contributions {}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contribution {
    /// Index into [`super::state::State::kinds`].
    pub kind: u32,
    pub subject: Option<Text>,
    pub at: Secs,
    pub points_milli: u32,
    pub position: Option<Position>,
}
