//! One timer a seat, in the order in which timers fire: by instant, then by account number. Two four-ary heaps of a
//! role's seats, of words that hold both: setting a timer moves a few words, the earliest is at hand at any time, and
//! thousands of them due in one second cost nobody anything who takes some.

use crate::domain::Secs;

const ARITY: usize = 4;
/// No place: the timer isn't set.
const UNSET: u32 = u32::MAX;

/// What the end of the time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A hold is over, and the seat is looked at again.
    Wake,
    /// The seat's turn to be given back, warned of or lost.
    Due,
}

/// Of one role, by account.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    /// By account: its position in a heap, and in the lowest bit in which.
    places: Vec<u32>,
    /// By kind: instants above account numbers, the least first.
    heaps: [Vec<u64>; 2],
}

fn word(due: Secs, id: u32) -> u64 {
    u64::from(due.0) << 32 | u64::from(id)
}

fn id(word: u64) -> u32 {
    word as u32
}

fn due(word: u64) -> Secs {
    Secs((word >> 32) as u32)
}

impl Timers {
    /// Timers 0 to `timers` − 1, none of them set.
    pub fn new(timers: usize) -> Timers {
        Timers { places: vec![UNSET; timers], heaps: Default::default() }
    }

    pub fn add(&mut self) {
        self.places.push(UNSET);
    }

    /// In which heap it stands, and where.
    fn place(&self, id: u32) -> Option<(usize, usize)> {
        let place = self.places[id as usize];
        (place != UNSET).then_some(((place & 1) as usize, (place >> 1) as usize))
    }

    /// Sets the timer of `id`, or moves it. [`Secs::NEVER`] cancels.
    pub fn set(&mut self, id: u32, kind: Kind, due: Secs) {
        let heap = kind as usize;
        match self.place(id) {
            Some((there, position)) if there == heap && due != Secs::NEVER => {
                if self.heaps[heap][position] != word(due, id) {
                    self.heaps[heap][position] = word(due, id);
                    self.settle(heap, position);
                }
                return;
            }
            Some((there, position)) => self.remove(there, position),
            None => {}
        }
        if due != Secs::NEVER {
            self.heaps[heap].push(word(due, id));
            self.rise(heap, self.heaps[heap].len() - 1);
        }
    }

    /// Sets a timer that isn't set, out of order: no other call makes sense before [`Timers::put_in_order`].
    pub fn lay(&mut self, id: u32, kind: Kind, due: Secs) {
        self.heaps[kind as usize].push(word(due, id));
    }

    pub fn put_in_order(&mut self) {
        for heap in 0..self.heaps.len() {
            (0..self.heaps[heap].len()).rev().for_each(|position| self.sink(heap, position));
        }
    }

    /// What is set for `id`, if anything is.
    pub fn of(&self, id: u32) -> Option<(Kind, Secs)> {
        let (heap, position) = self.place(id)?;
        let kind = if heap == Kind::Wake as usize { Kind::Wake } else { Kind::Due };
        Some((kind, due(self.heaps[heap][position])))
    }

    /// The earliest of a kind, and the least number of those that have it.
    pub fn first(&self, kind: Kind) -> Option<(Secs, u32)> {
        self.heaps[kind as usize].first().map(|word| (due(*word), id(*word)))
    }

    /// Takes the earliest of a kind.
    pub fn take_first(&mut self, kind: Kind) {
        self.remove(kind as usize, 0);
    }

    /// The earliest deadline that is set.
    pub fn next_deadline(&self) -> Option<Secs> {
        self.heaps.iter().filter_map(|heap| heap.first()).map(|word| due(*word)).min()
    }

    pub fn fetch(&self, id: u32) {
        super::fetch::ahead(&self.places[id as usize]);
    }

    /// Has fetched what a later deadline moves it behind.
    pub fn fetch_neighbours(&self, id: u32) {
        let Some((heap, position)) = self.place(id) else { return };
        super::fetch::ahead(&self.heaps[heap][position]);
        if let Some(child) = self.heaps[heap].get(position * ARITY + 1) {
            super::fetch::ahead(child);
        }
    }

    fn remove(&mut self, heap: usize, position: usize) {
        let removed = self.heaps[heap].swap_remove(position);
        self.places[id(removed) as usize] = UNSET;
        if position < self.heaps[heap].len() {
            self.settle(heap, position);
        }
    }

    /// Moves a word that changed to where it belongs.
    fn settle(&mut self, heap: usize, position: usize) {
        let position = self.rise(heap, position);
        self.sink(heap, position);
    }

    fn put(&mut self, heap: usize, position: usize, word: u64) {
        self.heaps[heap][position] = word;
        self.places[id(word) as usize] = (position as u32) << 1 | heap as u32;
    }

    fn rise(&mut self, heap: usize, mut position: usize) -> usize {
        let word = self.heaps[heap][position];
        while position > 0 {
            let parent = (position - 1) / ARITY;
            let above = self.heaps[heap][parent];
            if above < word {
                break;
            }
            self.put(heap, position, above);
            position = parent;
        }
        self.put(heap, position, word);
        position
    }

    fn sink(&mut self, heap: usize, mut position: usize) {
        let word = self.heaps[heap][position];
        loop {
            let first = position * ARITY + 1;
            let children = self.heaps[heap].iter().enumerate().skip(first).take(ARITY);
            let Some((child, below)) = children.map(|(child, below)| (child, *below)).min_by_key(|(_, below)| *below)
            else {
                break;
            };
            if word < below {
                break;
            }
            self.put(heap, position, below);
            position = child;
        }
        self.put(heap, position, word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::chance::draws;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn they_come_in_the_order_of_a_sorted_set() {
        let mut draw = draws(11);
        for _ in 0..50 {
            let mut timers = Timers::new(200);
            let (mut naive, mut set) = ([BTreeSet::new(), BTreeSet::new()], BTreeMap::new());
            for _ in 0..2_000 {
                let id = draw(200) as u32;
                let kind = if draw(4) == 0 { Kind::Wake } else { Kind::Due };
                let due = if draw(8) == 0 { Secs::NEVER } else { Secs(draw(50) as u32) };
                timers.set(id, kind, due);
                if let Some((kind, due)) = set.remove(&id) {
                    naive[kind as usize].remove(&(due, id));
                }
                if due != Secs::NEVER {
                    set.insert(id, (kind, due));
                    naive[kind as usize].insert((due, id));
                }
                if draw(4) == 0
                    && let Some((due, id)) = timers.first(kind)
                {
                    timers.take_first(kind);
                    assert_eq!(naive[kind as usize].pop_first(), Some((due, id)));
                    set.remove(&id);
                }
                for kind in [Kind::Wake, Kind::Due] {
                    assert_eq!(timers.first(kind), naive[kind as usize].first().copied());
                }
                assert_eq!(timers.next_deadline(), set.values().map(|(_, due)| *due).min());
                assert_eq!(timers.of(id), set.get(&id).copied());
            }
            let mut anew = Timers::new(200);
            set.iter().for_each(|(id, (kind, due))| anew.lay(*id, *kind, *due));
            anew.put_in_order();
            (0..200).for_each(|id| assert_eq!(anew.of(id), timers.of(id)));
            for kind in [Kind::Wake, Kind::Due] {
                while let Some(first) = timers.first(kind) {
                    assert_eq!(anew.first(kind), Some(first));
                    timers.take_first(kind);
                    anew.take_first(kind);
                }
            }
        }
    }
}
