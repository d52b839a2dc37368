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

impl Standing {
    /// As the crew of a book has it.
    pub fn in_book(&self, book: u16) -> Standing {
        if self.book == Some(book) { *self } else { Standing::default() }
    }
}

/// Reps of the same capacity: by tier, the emptiest first, those of equal size in the order of their turns.
type Queues = [BTreeSet<(u32, Turn, RepId)>; TIERS];

#[derive(Debug, Default)]
pub struct Crew {
    /// Known and not departed, by number.
    pub members: BTreeSet<RepId>,
    pub active: usize,
    /// Bits of the segments that the book has.
    pub segments: u64,
    /// By segment: members with room for it.
    open: Vec<u32>,
    /// Bits of the segments for which there are any.
    open_segments: u64,
    /// Members with room for something. Empty queues stay: slots of full books come and go one by one.
    by_capacity: BTreeMap<u32, Queues>,
}

impl Crew {
    pub fn new(segments: &[BookSegment]) -> Crew {
        let most = segments.iter().map(|each| usize::from(each.segment) + 1).max().unwrap_or(0);
        let segments = segments.iter().fold(0, |bits, each| bits | 1u64 << each.segment);
        Crew { segments, open: vec![0; most], ..Crew::default() }
    }

    /// For `audit`: the same members with the same turns. Queues in which nobody stands don't count.
    pub fn is_like(&self, other: &Crew) -> bool {
        let counts = |crew: &Crew| (crew.active, crew.segments, crew.open_segments);
        let queues = |crew: &Crew| -> Vec<(u32, Queues)> {
            let filled = crew.by_capacity.iter().filter(|(_, queues)| queues.iter().any(|queue| !queue.is_empty()));
            filled.map(|(capacity, queues)| (*capacity, queues.clone())).collect()
        };
        self.members == other.members
            && counts(self) == counts(other)
            && self.open == other.open
            && queues(self) == queues(other)
    }

    pub fn open_segments(&self) -> u64 {
        self.open_segments
    }

    /// How a rep stood in this crew, and stands now. `Standing::default()`: not in it.
    pub fn follow(&mut self, rep: RepId, before: &Standing, after: &Standing) {
        match (before.book, after.book) {
            (None, Some(_)) => _ = self.members.insert(rep),
            (Some(_), None) => _ = self.members.remove(&rep),
            _ => {}
        }
        self.active = self.active + usize::from(after.active) - usize::from(before.active);
        self.count_open(before.open & !after.open, after.open & !before.open);
        self.follow_turns(rep, before, after);
        if before.capacity != after.capacity {
            // So there are never more of them than members had capacities.
            self.by_capacity.retain(|_, queues| !queues[0].is_empty());
        }
    }

    fn count_open(&mut self, closed: u64, opened: u64) {
        for segment in bits(closed) {
            let count = &mut self.open[usize::from(segment)];
            *count -= 1;
            self.open_segments &= !(u64::from(*count == 0) << segment);
        }
        bits(opened).for_each(|segment| self.open[usize::from(segment)] += 1);
        self.open_segments |= opened;
    }

    fn follow_turns(&mut self, rep: RepId, before: &Standing, after: &Standing) {
        let place = |standing: &Standing, tier| (standing.size, standing.turns[tier], rep);
        let stays = (before.open != 0, before.capacity) == (after.open != 0, after.capacity);
        let moved: [bool; TIERS] = std::array::from_fn(|tier| !stays || place(before, tier) != place(after, tier));
        let tiers = || (0..TIERS).filter(|tier| moved[*tier]);
        if before.open != 0 {
            let queues = self.by_capacity.entry(before.capacity).or_default();
            tiers().for_each(|tier| _ = queues[tier].remove(&place(before, tier)));
        }
        if after.open != 0 {
            let queues = self.by_capacity.entry(after.capacity).or_default();
            tiers().for_each(|tier| _ = queues[tier].insert(place(after, tier)));
        }
    }

    /// Of each capacity the emptiest who answers to `asks`: size and capacity.
    pub fn emptiest(&self, asks: impl Fn(RepId) -> bool) -> impl Iterator<Item = (u32, u32)> {
        self.by_capacity.iter().filter_map(move |(capacity, queues)| {
            let emptiest = queues[0].iter().find(|(_, _, rep)| asks(*rep));
            emptiest.map(|(size, ..)| (*size, *capacity))
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
        for (capacity, queues) in &self.by_capacity {
            let queue = &queues[tier];
            let from = |size: u32| queue.range((size, (0, 0), RepId(0))..);
            let mut next = from(0).next();
            while let Some((size, ..)) = next.filter(|(size, ..)| fits(*size, *capacity)) {
                let of_size = from(*size).take_while(|(each, ..)| each == size);
                let first_of_size = of_size.map(|(_, turn, rep)| (*turn, *rep)).find(|(_, rep)| asks(*rep));
                first = first.into_iter().chain(first_of_size).min();
                next = from(size + 1).next();
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::chance::draws;

    const SEGMENTS: u64 = 5;

    fn fits(size: u32, capacity: u32) -> bool {
        2 * size <= capacity
    }

    #[test]
    fn it_finds_whom_a_look_at_all_of_them_finds() {
        let mut draw = draws(11);
        let segments: Vec<_> = (0..SEGMENTS as u8).map(|segment| BookSegment { segment, cap: None }).collect();
        let mut crew = Crew::new(&segments);
        let mut all = [Standing::default(); 12];
        for _ in 0..20_000 {
            let place = draw(all.len() as u64) as usize;
            let after = Standing {
                book: Some(3),
                active: draw(2) == 0,
                open: draw(1 << SEGMENTS) * draw(2),
                capacity: 4 + 2 * draw(3) as u32,
                size: draw(4) as u32,
                turns: std::array::from_fn(|tier| if draw(3) == 0 { (0, draw(9)) } else { all[place].turns[tier] }),
            };
            let after = if draw(6) == 0 { Standing::default() } else { after };
            crew.follow(RepId(place as u16), &all[place], &after);
            all[place] = after;
            compare(&crew, &all, draw(1 << SEGMENTS), draw(TIERS as u64) as usize);
        }
    }

    fn compare(crew: &Crew, all: &[Standing], set: u64, tier: usize) {
        let reps = || all.iter().zip((0..).map(RepId));
        let asks = |rep: RepId| all[rep.index()].open & set != 0;
        let asked = || reps().filter(|(_, rep)| asks(*rep));
        let members: BTreeSet<_> = reps().filter(|(each, _)| each.book.is_some()).map(|(_, rep)| rep).collect();
        assert_eq!(crew.members, members);
        assert_eq!(crew.active, all.iter().filter(|each| each.active).count());
        assert_eq!(crew.open_segments(), all.iter().fold(0, |bits, each| bits | each.open));
        let mut emptiest = BTreeMap::new();
        for (each, _) in asked() {
            let least = emptiest.entry(each.capacity).or_insert(each.size);
            *least = each.size.min(*least);
        }
        let found: Vec<_> = crew.emptiest(asks).map(|(size, capacity)| (capacity, size)).collect();
        assert_eq!(found, emptiest.into_iter().collect::<Vec<_>>());
        let next = asked().filter(|(each, _)| fits(each.size, each.capacity));
        assert_eq!(crew.next_turn(tier, fits, asks), next.map(|(each, rep)| (each.turns[tier], rep)).min());
    }
}
