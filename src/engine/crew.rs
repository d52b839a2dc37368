//! The reps of one target book, in the order in which matching asks for them: by capacity, by size, and by their
//! turns in each tier. Finding who is next looks at a few of them, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::policy::{BookSegment, TIERS};

use super::matching::bits;
use super::state::RepId;

/// A rep's place among the turns of a tier: count of the last one; for those who had none the hash.
pub type Turn = (u32, u64);

/// What a book's crew knows of a rep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Of whose crew; `None`: of nobody's.
    pub book: Option<u16>,
    pub active: bool,
    /// Bits of the segments that the rep has room for.
    pub open: u64,
    pub capacity: u32,
    pub size: u32,
    pub turns: [Turn; TIERS],
}

/// Reps of the same capacity and size, by tier in the order of their turns.
type Equals = [BTreeSet<(Turn, RepId)>; TIERS];

#[derive(Debug, Default)]
pub struct Crew {
    /// Known and not departed, by number.
    pub members: BTreeSet<RepId>,
    pub active: usize,
    /// By segment: members with room for it.
    open: Vec<u32>,
    /// Bits of the segments for which there are any.
    open_segments: u64,
    /// Members with room for something: by capacity, then size.
    by_capacity: BTreeMap<u32, BTreeMap<u32, Equals>>,
}

impl Crew {
    pub fn new(segments: &[BookSegment]) -> Crew {
        let most = segments.iter().map(|each| usize::from(each.segment) + 1).max().unwrap_or(0);
        Crew { open: vec![0; most], ..Crew::default() }
    }

    pub fn open_segments(&self) -> u64 {
        self.open_segments
    }

    pub fn enter(&mut self, rep: RepId, standing: &Standing) {
        self.members.insert(rep);
        self.active += usize::from(standing.active);
        self.open_segments |= standing.open;
        bits(standing.open).for_each(|segment| self.open[usize::from(segment)] += 1);
        if standing.open == 0 {
            return;
        }
        let by_size = self.by_capacity.entry(standing.capacity).or_default();
        let equals = by_size.entry(standing.size).or_default();
        for (turns, turn) in equals.iter_mut().zip(standing.turns) {
            turns.insert((turn, rep));
        }
    }

    /// Takes away what `enter` brought.
    pub fn leave(&mut self, rep: RepId, standing: &Standing) {
        self.members.remove(&rep);
        self.active -= usize::from(standing.active);
        for segment in bits(standing.open) {
            let count = &mut self.open[usize::from(segment)];
            *count -= 1;
            self.open_segments &= !(u64::from(*count == 0) << segment);
        }
        let Some(by_size) = self.by_capacity.get_mut(&standing.capacity).filter(|_| standing.open != 0) else { return };
        let Some(equals) = by_size.get_mut(&standing.size) else { return };
        for (turns, turn) in equals.iter_mut().zip(standing.turns) {
            turns.remove(&(turn, rep));
        }
        if equals[0].is_empty() {
            by_size.remove(&standing.size);
        }
        if by_size.is_empty() {
            self.by_capacity.remove(&standing.capacity);
        }
    }

    /// Of each capacity the emptiest who answers to `asks`: size and capacity.
    pub fn emptiest(&self, asks: impl Fn(RepId) -> bool) -> impl Iterator<Item = (u32, u32)> {
        self.by_capacity.iter().filter_map(move |(capacity, by_size)| {
            let any = |equals: &Equals| equals[0].iter().any(|(_, rep)| asks(*rep));
            by_size.iter().find(|(_, equals)| any(equals)).map(|(size, _)| (*size, *capacity))
        })
    }

    /// Of those whose size and capacity `fits` (smaller ones fit too), and who answer to `asks`: whose turn it is.
    pub fn next_turn(
        &self,
        tier: usize,
        fits: impl Fn(u32, u32) -> bool,
        asks: impl Fn(RepId) -> bool,
    ) -> Option<(Turn, RepId)> {
        let mut first: Option<(Turn, RepId)> = None;
        for (capacity, by_size) in &self.by_capacity {
            for (_, equals) in by_size.iter().take_while(|(size, _)| fits(**size, *capacity)) {
                let next = equals[tier].iter().find(|(_, rep)| asks(*rep)).copied();
                first = first.into_iter().chain(next).min();
            }
        }
        first
    }
}
