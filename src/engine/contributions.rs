//! The last contributions of an account, kept to explain decisions and for nothing else.

use thin_vec::ThinVec;

use crate::domain::{Position, Secs, Text};

use super::fetch;

/// Contributions kept to explain a decision.
pub const MAX_CONTRIBUTIONS: usize = 8;
/// Places that an account gets at first: most have fewer.
const FIRST_PLACES: usize = 4;

/// The last [`MAX_CONTRIBUTIONS`] of an account: once there are as many, a new one overwrites the oldest.
#[derive(Clone, Debug, Default)]
pub struct Contributions {
    rows: ThinVec<Contribution>,
    /// Where the oldest stands.
    oldest: u8,
}

impl Contributions {
    pub fn push(&mut self, row: Contribution) {
        let len = self.rows.len();
        if len == MAX_CONTRIBUTIONS {
            self.rows[usize::from(self.oldest)] = row;
            self.oldest = (self.oldest + 1) % MAX_CONTRIBUTIONS as u8;
            return;
        }
        if len == self.rows.capacity() {
            let places = if len < FIRST_PLACES { FIRST_PLACES } else { MAX_CONTRIBUTIONS };
            self.rows.reserve_exact(places - len);
        }
        self.rows.push(row);
    }

    /// The oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Contribution> + ExactSizeIterator {
        let oldest = usize::from(self.oldest);
        (0..self.rows.len()).map(move |number| &self.rows[(oldest + number) % MAX_CONTRIBUTIONS])
    }

    pub fn clear(&mut self) {
        *self = Contributions::default();
    }

    /// Has what says where the next row goes fetched, and then that row.
    pub(super) fn fetch(&self) {
        fetch::at(self.rows.as_ptr());
    }

    pub(super) fn fetch_next(&self) {
        if let Some(row) = self.rows.get(usize::from(self.oldest)).filter(|_| self.rows.len() == MAX_CONTRIBUTIONS) {
            fetch::whole(row);
        }
    }
}

/// The oldest first, and no more than are kept.
impl From<ThinVec<Contribution>> for Contributions {
    fn from(rows: ThinVec<Contribution>) -> Contributions {
        assert!(rows.len() <= MAX_CONTRIBUTIONS, "whoever has them has counted them");
        Contributions { rows, oldest: 0 }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_however_many_there_were() {
        for first in 0..=MAX_CONTRIBUTIONS as u32 {
            let row = |kind: u32| Contribution { kind, ..Contribution::default() };
            let mut kept = Contributions::from((0..first).map(row).collect::<ThinVec<_>>());
            for kind in first..30 {
                kept.push(row(kind));
                let kinds: Vec<u32> = kept.iter().map(|row| row.kind).collect();
                let from = (kind + 1).saturating_sub(MAX_CONTRIBUTIONS as u32);
                assert_eq!(kinds, (from..=kind).collect::<Vec<u32>>());
                assert!(kept.rows.capacity() <= MAX_CONTRIBUTIONS);
            }
        }
    }
}
