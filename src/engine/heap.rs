//! A four-ary max-heap of accounts by an upper bound of their priority, and where each account stands in it.
//! Equal bounds are ordered by the caller's rank. Bounds only ever find the top; they decide nothing.

use std::cmp::Ordering;

use super::state::AccountId;

const ARITY: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub bound: u32,
    /// The beginning of its rank: less is better.
    pub tie: u32,
    pub account: AccountId,
}

/// Where an account stands in a role: in a heap or among the tenures, never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    Heap { heap: u16, position: u32 },
    Tenure(u32),
}

pub type Places = Vec<Place>;

#[derive(Clone, Debug, Default)]
pub struct Heap {
    entries: Vec<Entry>,
    /// Roots found too high since all bounds were lowered last.
    wasted: usize,
    /// Entries before this one still wait to be lowered, from the last to the first.
    unlowered: usize,
}

/// All bounds of a heap are lowered once so many of its roots, as a share of its entries, were found too high: then
/// looking at all costs no more than the waste did (a campaign that decays together needs this).
const WASTE_SHARE: usize = 64;
/// A smaller heap waits for as many wasted roots as this large a one.
const LEAST_HEAP: usize = 1024;

/// Entries are lowered so many after their accounts were fetched.
const LOOKED_AHEAD: usize = 12;

/// The accounts' order under equal bounds: `Less` is the better rank.
pub trait Rank: Fn(AccountId, AccountId) -> Ordering {}
impl<F: Fn(AccountId, AccountId) -> Ordering> Rank for F {}

fn above(a: &Entry, b: &Entry, rank: &impl Rank) -> bool {
    match b.bound.cmp(&a.bound).then(a.tie.cmp(&b.tie)) {
        Ordering::Equal => rank(a.account, b.account) == Ordering::Less,
        order => order == Ordering::Less,
    }
}

/// Lets an entry sink to where it belongs; tells who stands elsewhere now.
fn sink(entries: &mut [Entry], start: usize, rank: &impl Rank, mut tell: impl FnMut(usize, AccountId)) {
    let (entry, mut position) = (entries[start], start);
    loop {
        let first = position * ARITY + 1;
        let children = first..(first + ARITY).min(entries.len());
        let better = |best, child| if above(&entries[child], &entries[best], rank) { child } else { best };
        let Some(best) = children.reduce(better) else { break };
        if !above(&entries[best], &entry, rank) {
            break;
        }
        entries[position] = entries[best];
        tell(position, entries[position].account);
        position = best;
    }
    if position != start {
        entries[position] = entry;
        tell(position, entry.account);
    }
}

impl Heap {
    pub fn top(&self) -> Option<Entry> {
        self.entries.first().copied()
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Has an entry and its parent fetched: what a change of its bound looks at first.
    pub fn fetch(&self, position: u32) {
        super::fetch::ahead(&self.entries[position as usize]);
        super::fetch::ahead(&self.entries[(position as usize).saturating_sub(1) / ARITY]);
    }

    /// One of many, before they are put in order all at once.
    pub fn lay(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Behind the last of many. Where they stand isn't noted.
    pub fn put_in_order(&mut self, rank: &impl Rank) {
        for position in (0..self.entries.len().div_ceil(ARITY)).rev() {
            sink(&mut self.entries, position, rank, |_, _| {});
        }
    }

    pub fn note_places(&self, me: u16, places: &mut Places) {
        for (entry, position) in self.entries.iter().zip(0..) {
            places[entry.account.index()] = Place::Heap { heap: me, position };
        }
    }

    pub fn insert(&mut self, me: u16, entry: Entry, places: &mut Places, rank: &impl Rank) {
        self.entries.push(entry);
        self.rise(me, self.entries.len() - 1, places, rank);
    }

    /// Gives the entry at `position` another bound. Its rank is the one that it was put in with.
    pub fn update(&mut self, me: u16, position: u32, bound: u32, places: &mut Places, rank: &impl Rank) {
        let position = position as usize;
        let before = std::mem::replace(&mut self.entries[position].bound, bound);
        match bound.cmp(&before) {
            Ordering::Less => self.sink(me, position, places, rank),
            Ordering::Equal => {}
            Ordering::Greater => _ = self.rise(me, position, places, rank),
        }
    }

    /// Lowers the root's bound, which was too high. True: so many were that all should be lowered.
    pub fn lower_root(&mut self, me: u16, bound: u32, places: &mut Places, rank: &impl Rank) -> bool {
        self.entries[0].bound = bound;
        self.sink(me, 0, places, rank);
        self.wasted += 1;
        let starts = self.unlowered == 0 && self.wasted * WASTE_SHARE > self.entries.len().max(LEAST_HEAP);
        if starts {
            self.wasted = 0;
            self.unlowered = self.entries.len();
        }
        starts
    }

    /// Lowers the bounds of up to `most` entries, from the last to the first, so that the heap is right after each:
    /// what stands below was lowered before. True: none is left.
    pub fn lower_some(
        &mut self,
        me: u16,
        most: usize,
        bound: impl Fn(AccountId) -> u32,
        fetch: impl Fn(AccountId),
        places: &mut Places,
        rank: &impl Rank,
    ) -> bool {
        self.unlowered = self.unlowered.min(self.entries.len());
        for _ in 0..most.min(self.unlowered) {
            self.unlowered -= 1;
            if let Some(soon) = self.unlowered.checked_sub(LOOKED_AHEAD) {
                fetch(self.entries[soon].account);
            }
            let entry = &mut self.entries[self.unlowered];
            entry.bound = entry.bound.min(bound(entry.account));
            self.sink(me, self.unlowered, places, rank);
        }
        self.unlowered == 0
    }

    pub fn remove(&mut self, me: u16, position: u32, places: &mut Places, rank: &impl Rank) {
        let position = position as usize;
        places[self.entries[position].account.index()] = Place::Nowhere;
        let last = self.entries.pop().expect("an account with a place is in its heap");
        if position < self.entries.len() {
            self.entries[position] = last;
            let position = self.rise(me, position, places, rank);
            self.sink(me, position, places, rank);
        }
    }

    fn put(&mut self, me: u16, position: usize, entry: Entry, places: &mut Places) {
        self.entries[position] = entry;
        places[entry.account.index()] = Place::Heap { heap: me, position: position as u32 };
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

    fn sink(&mut self, me: u16, position: usize, places: &mut Places, rank: &impl Rank) {
        sink(&mut self.entries, position, rank, |position, account| {
            places[account.index()] = Place::Heap { heap: me, position: position as u32 };
        });
    }

    /// The accounts that stand at the top and right below it.
    pub fn first_accounts(&self) -> impl Iterator<Item = AccountId> {
        self.entries.iter().take(1 + ARITY).map(|entry| entry.account)
    }

    /// Whether order and places hold everywhere.
    pub fn check(&self, me: u16, places: &Places, rank: &impl Rank) -> bool {
        self.entries.iter().enumerate().all(|(position, entry)| {
            let parent = position.checked_sub(1).map(|child| child / ARITY);
            places[entry.account.index()] == Place::Heap { heap: me, position: position as u32 }
                && parent.is_none_or(|parent| !above(entry, &self.entries[parent], rank))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::chance::draws;

    #[test]
    fn it_keeps_order_and_places_through_any_changes() {
        let rank = |a: AccountId, b: AccountId| a.cmp(&b);
        let mut draw = draws(5);
        let (mut heap, mut places): (Heap, Places) = (Heap::default(), vec![Place::Nowhere; 100]);
        let mut naive = std::collections::BTreeMap::new();
        for _ in 0..20_000 {
            let account = AccountId(draw(100) as u32);
            let bound = draw(30) as u32;
            match places[account.index()] {
                Place::Nowhere => heap.insert(3, Entry { bound, tie: account.0 / 8, account }, &mut places, &rank),
                Place::Heap { position, .. } if draw(3) == 0 => {
                    heap.remove(3, position, &mut places, &rank);
                    naive.remove(&account);
                    assert!(heap.check(3, &places, &rank));
                    continue;
                }
                Place::Heap { position, .. } => heap.update(3, position, bound, &mut places, &rank),
                Place::Tenure(_) => unreachable!("nothing here is a tenure"),
            }
            naive.insert(account, bound);
            let best = naive.iter().min_by_key(|(account, bound)| (std::cmp::Reverse(**bound), **account));
            assert_eq!(heap.top().map(|top| (top.account, top.bound)), best.map(|(a, b)| (*a, *b)));
        }
    }

    #[test]
    fn many_are_put_in_order_at_once() {
        let rank = |a: AccountId, b: AccountId| a.cmp(&b);
        for count in (0..40).chain([1_000]) {
            let bound = |number: u32| number.wrapping_mul(2_654_435_761) >> 27;
            let (mut heap, mut places): (Heap, Places) = (Heap::default(), vec![Place::Nowhere; count]);
            (0..count as u32)
                .for_each(|number| heap.lay(Entry { bound: bound(number), tie: 0, account: AccountId(number) }));
            heap.put_in_order(&rank);
            heap.note_places(2, &mut places);
            assert!(heap.check(2, &places, &rank), "{count}");
        }
    }

    #[test]
    fn lowering_in_slices_keeps_the_heap_right_meanwhile() {
        let rank = |a: AccountId, b: AccountId| a.cmp(&b);
        let truth = |account: AccountId| account.0.wrapping_mul(2_654_435_761) >> 16;
        let (mut heap, mut places): (Heap, Places) = (Heap::default(), vec![Place::Nowhere; 5_000]);
        for number in 0..5_000 {
            let entry = Entry { bound: u32::MAX - number % 7, tie: number, account: AccountId(number) };
            heap.insert(0, entry, &mut places, &rank);
        }
        let top = |heap: &Heap| heap.top().expect("nothing leaves");
        let mut wasted = 0;
        while !heap.lower_root(0, truth(top(&heap).account), &mut places, &rank) {
            wasted += 1;
        }
        assert_eq!(wasted, 5_000 / WASTE_SHARE);
        while !heap.lower_some(0, 700, truth, |_| {}, &mut places, &rank) {
            assert!(heap.check(0, &places, &rank));
        }
        assert!(heap.check(0, &places, &rank));
        let best = (0..5_000).map(AccountId).max_by_key(|account| (truth(*account), std::cmp::Reverse(*account)));
        assert_eq!(Some(top(&heap).account), best);
    }
}
