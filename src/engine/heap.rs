//! A four-ary max-heap of accounts by an upper bound of their priority, and where each account stands in it.
//! Equal bounds are ordered by the caller's rank. Bounds only ever find the top; they decide nothing.

use std::cmp::Ordering;

use super::state::AccountId;

const ARITY: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub bound: u32,
    pub account: AccountId,
}

/// Where an account stands: which heap, which position. `None` where it is in no heap.
pub type Places = Vec<Option<(u16, u32)>>;

#[derive(Clone, Debug, Default)]
pub struct Heap {
    entries: Vec<Entry>,
}

/// The accounts' order under equal bounds: `Less` is the better rank.
pub trait Rank: Fn(AccountId, AccountId) -> Ordering {}
impl<F: Fn(AccountId, AccountId) -> Ordering> Rank for F {}

fn above(a: &Entry, b: &Entry, rank: &impl Rank) -> bool {
    match b.bound.cmp(&a.bound) {
        Ordering::Equal => rank(a.account, b.account) == Ordering::Less,
        order => order == Ordering::Less,
    }
}

impl Heap {
    pub fn top(&self) -> Option<Entry> {
        self.entries.first().copied()
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn insert(&mut self, me: u16, entry: Entry, places: &mut Places, rank: &impl Rank) {
        self.entries.push(entry);
        self.rise(me, self.entries.len() - 1, places, rank);
    }

    /// Gives the entry at `position` another bound.
    pub fn update(&mut self, me: u16, position: u32, bound: u32, places: &mut Places, rank: &impl Rank) {
        let position = position as usize;
        self.entries[position].bound = bound;
        let position = self.rise(me, position, places, rank);
        self.sink(me, position, places, rank);
    }

    pub fn remove(&mut self, me: u16, position: u32, places: &mut Places, rank: &impl Rank) {
        let position = position as usize;
        places[self.entries[position].account.index()] = None;
        let last = self.entries.pop().expect("an account with a place is in its heap");
        if position < self.entries.len() {
            self.entries[position] = last;
            let position = self.rise(me, position, places, rank);
            self.sink(me, position, places, rank);
        }
    }

    fn put(&mut self, me: u16, position: usize, entry: Entry, places: &mut Places) {
        self.entries[position] = entry;
        places[entry.account.index()] = Some((me, position as u32));
    }

    fn rise(&mut self, me: u16, mut position: usize, places: &mut Places, rank: &impl Rank) -> usize {
        let entry = self.entries[position];
        while position > 0 {
            let parent = (position - 1) / ARITY;
            if !above(&entry, &self.entries[parent], rank) {
                break;
            }
            self.put(me, position, self.entries[parent], places);
            position = parent;
        }
        self.put(me, position, entry, places);
        position
    }

    fn sink(&mut self, me: u16, mut position: usize, places: &mut Places, rank: &impl Rank) {
        let entry = self.entries[position];
        loop {
            let first = position * ARITY + 1;
            let children = first..(first + ARITY).min(self.entries.len());
            let Some(best) =
                children.reduce(
                    |best, child| {
                        if above(&self.entries[child], &self.entries[best], rank) { child } else { best }
                    },
                )
            else {
                break;
            };
            if !above(&self.entries[best], &entry, rank) {
                break;
            }
            self.put(me, position, self.entries[best], places);
            position = best;
        }
        self.put(me, position, entry, places);
    }

    /// Whether order and places hold everywhere.
    pub fn check(&self, me: u16, places: &Places, rank: &impl Rank) -> bool {
        self.entries.iter().enumerate().all(|(position, entry)| {
            let parent = position.checked_sub(1).map(|child| child / ARITY);
            places[entry.account.index()] == Some((me, position as u32))
                && parent.is_none_or(|parent| !above(entry, &self.entries[parent], rank))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_order_and_places_through_any_changes() {
        let rank = |a: AccountId, b: AccountId| a.cmp(&b);
        let mut seed = 5u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let (mut heap, mut places): (Heap, Places) = (Heap::default(), vec![None; 100]);
        let mut naive = std::collections::BTreeMap::new();
        for _ in 0..20_000 {
            let account = AccountId(draw(100) as u32);
            let bound = draw(30) as u32;
            match places[account.index()] {
                None => heap.insert(3, Entry { bound, account }, &mut places, &rank),
                Some((_, position)) if draw(3) == 0 => {
                    heap.remove(3, position, &mut places, &rank);
                    naive.remove(&account);
                    assert!(heap.check(3, &places, &rank));
                    continue;
                }
                Some((_, position)) => heap.update(3, position, bound, &mut places, &rank),
            }
            naive.insert(account, bound);
            let best = naive.iter().min_by_key(|(account, bound)| (std::cmp::Reverse(**bound), **account));
            assert_eq!(heap.top().map(|top| (top.account, top.bound)), best.map(|(a, b)| (*a, *b)));
        }
    }
}
