//! An open-addressing table of 64-bit words that are found by their own upper bits.
//!
//! A word is a hash (event ids), or a hash's upper half above a row's number (names): the table needs neither
//! keys nor a hasher, and growing never asks for the rows again. It doubles by moving a few clusters with each
//! insertion, so no insertion waits for all the others; until a word's cluster is moved, the old table is where it
//! belongs, so that the new one's memory is touched from its first page to its last and not here and there. The old one's is
//! given back piece by piece, too. Looked things up in, never iterated.

/// Slots of the smallest table.
const LEAST_BITS: u32 = 4;
/// Clusters of the old table that an insertion moves: it is empty before it is five sixths full.
const MOVED_AT_ONCE: usize = 4;
/// No page of memory is smaller.
const PAGE: usize = 4096;
/// Words of a spent table that are given back at once, in whole pages of any machine, after so many insertions.
const GIVEN_BACK: usize = (64 << 10) / size_of::<u64>();
const GIVEN_BACK_EVERY: usize = 32;
/// What is left of one may be given back as a whole; the process's allocator has no mapping of its own for less.
const SPENT_LEAST: usize = (4 << 20) / size_of::<u64>();
/// Of many words that are entered, those whose slots are fetched at once.
pub const PORTION: usize = 64;
/// Spreads words that aren't hashes; odd, so no two words become one.
pub const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Linear probing over a power of two of slots. 0 is an empty slot.
#[derive(Clone, Debug)]
struct Slots {
    words: Vec<u64>,
    bits: u32,
}

impl Slots {
    fn new(bits: u32) -> Slots {
        Slots { words: vec![0; 1 << bits], bits }
    }

    /// Has every page of its memory written to. A search would read it first, whereupon the system shows zeros that all
    /// have in common, and takes them away at the first write: two faults, and whoever runs beside is stopped.
    fn touch(&mut self) {
        self.words.iter_mut().step_by(PAGE / size_of::<u64>()).for_each(|word| *word = std::hint::black_box(0));
    }

    fn home(&self, word: u64) -> usize {
        (word >> (64 - self.bits)) as usize
    }

    fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.words.len() - 1)
    }

    fn find(&self, near: u64, mut is: impl FnMut(u64) -> bool) -> Option<usize> {
        let mut slot = self.home(near);
        while self.words[slot] != 0 {
            if is(self.words[slot]) {
                return Some(slot);
            }
            slot = self.next(slot);
        }
        None
    }

    fn put(&mut self, word: u64) {
        let mut slot = self.home(word);
        while self.words[slot] != 0 {
            slot = self.next(slot);
        }
        self.words[slot] = word;
    }

    /// Empties a slot and closes the gap: what stands behind it and may stand nearer its home moves up.
    fn clear(&mut self, mut gap: usize) {
        let mask = self.words.len() - 1;
        let mut slot = gap;
        loop {
            slot = self.next(slot);
            let word = self.words[slot];
            if word == 0 {
                break;
            }
            let home = self.home(word);
            if slot.wrapping_sub(home) & mask >= slot.wrapping_sub(gap) & mask {
                self.words[gap] = word;
                gap = slot;
            }
        }
        self.words[gap] = 0;
    }
}

/// The table before it doubled, and how far it has been moved.
#[derive(Clone, Debug)]
struct Moving {
    from: Slots,
    /// Slots looked at, counted from `start`.
    passed: usize,
    /// A slot that was empty when the move began: no cluster lay across it.
    start: usize,
}

impl Moving {
    /// Whether the cluster in which a word would stand is still to be moved.
    fn has(&self, word: u64) -> bool {
        let mask = self.from.words.len() - 1;
        self.from.home(word).wrapping_sub(self.start) & mask >= self.passed
    }
}

/// The memory of a table that was moved. To unmap what millions of ids take costs milliseconds.
#[derive(Clone, Debug, Default)]
struct Spent {
    words: Vec<u64>,
    /// Insertions since a piece was given back.
    waited: usize,
}

impl Spent {
    fn give_back_some(&mut self) {
        if self.words.is_empty() {
            return;
        }
        self.waited += 1;
        if self.waited < GIVEN_BACK_EVERY {
            return;
        }
        self.waited = 0;
        let left = self.words.len().saturating_sub(GIVEN_BACK);
        self.words.truncate(if left < SPENT_LEAST { 0 } else { left });
        self.words.shrink_to_fit();
    }
}

#[derive(Clone, Debug)]
pub struct Table {
    slots: Slots,
    moving: Option<Moving>,
    spent: Spent,
    len: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table { slots: Slots::new(LEAST_BITS), moving: None, spent: Spent::default(), len: 0 }
    }
}

impl Table {
    /// Room for so many words without growing: they are about to be entered.
    pub fn with_room(words: usize) -> Table {
        let bits = (words * 4 / 3 + 1).next_power_of_two().trailing_zeros().max(LEAST_BITS);
        let mut slots = Slots::new(bits);
        slots.touch();
        Table { slots, ..Table::default() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Where words near `near` stand.
    fn side(&self, near: u64) -> &Slots {
        match &self.moving {
            Some(moving) if moving.has(near) => &moving.from,
            _ => &self.slots,
        }
    }

    fn side_mut(&mut self, near: u64) -> &mut Slots {
        match &mut self.moving {
            Some(moving) if moving.has(near) => &mut moving.from,
            _ => &mut self.slots,
        }
    }

    /// The word near `near` that `is` says is meant.
    pub fn find(&self, near: u64, is: impl FnMut(u64) -> bool) -> Option<u64> {
        let side = self.side(near);
        side.find(near, is).map(|slot| side.words[slot])
    }

    /// Enters a word that isn't in the table, and isn't 0.
    pub fn insert(&mut self, word: u64) {
        debug_assert!(word != 0);
        self.spent.give_back_some();
        self.go_on_moving();
        if self.len * 4 >= self.slots.words.len() * 3 {
            self.double();
        }
        self.side_mut(word).put(word);
        self.len += 1;
    }

    pub fn remove(&mut self, word: u64) {
        let side = self.side_mut(word);
        if let Some(slot) = side.find(word, |each| each == word) {
            side.clear(slot);
            self.len -= 1;
        }
    }

    fn double(&mut self) {
        while self.moving.is_some() {
            self.go_on_moving();
        }
        let larger = Slots::new(self.slots.bits + 1);
        let from = std::mem::replace(&mut self.slots, larger);
        let start = from.words.iter().position(|word| *word == 0).expect("a table is never full");
        self.moving = Some(Moving { from, passed: 0, start });
        // Before anything is entered: what is entered at the end of the old table and goes on at its beginning finds room
        // there that was passed, as every insertion passes more than the one slot that it takes.
        self.go_on_moving();
    }

    /// Moves some clusters. Whole ones: what is left in the old table is found as before. The last one may have grown
    /// beyond the first slot since.
    fn go_on_moving(&mut self) {
        let Some(moving) = &mut self.moving else { return };
        let size = moving.from.words.len();
        let mut clusters = 0;
        while clusters < MOVED_AT_ONCE {
            let slot = (moving.start + moving.passed) & (size - 1);
            let word = std::mem::take(&mut moving.from.words[slot]);
            if word == 0 && moving.passed >= size {
                self.spent.words = self.moving.take().map(|moving| moving.from.words).unwrap_or_default();
                return;
            }
            moving.passed += 1;
            match word {
                0 => clusters += 1,
                word => self.slots.put(word),
            }
        }
    }

    /// Where a search for words near `near` will begin; to have it fetched ahead.
    pub fn fetch(&self, near: u64) {
        let side = self.side(near);
        super::fetch::ahead(&side.words[side.home(near)]);
    }
}

/// A set of event ids, which are hashes already.
#[derive(Clone, Debug, Default)]
pub struct IdSet {
    table: Table,
    /// The one id that can't stand in the table.
    has_zero: bool,
}

impl IdSet {
    pub fn with_room(ids: usize) -> IdSet {
        IdSet { table: Table::with_room(ids), has_zero: false }
    }

    pub fn len(&self) -> usize {
        self.table.len() + usize::from(self.has_zero)
    }

    #[inline(never)] // Counted apart by the benches.
    pub fn contains(&self, id: u64) -> bool {
        let word = id.wrapping_mul(SPREAD);
        if word == 0 { self.has_zero } else { self.table.find(word, |each| each == word).is_some() }
    }

    /// Enters many, none of them in the set.
    pub fn insert_all(&mut self, ids: &[u64]) {
        for portion in ids.chunks(PORTION) {
            portion.iter().for_each(|id| self.fetch(*id));
            portion.iter().for_each(|id| self.insert(*id));
        }
    }

    /// Enters an id that isn't in the set.
    pub fn insert(&mut self, id: u64) {
        match id.wrapping_mul(SPREAD) {
            0 => self.has_zero = true,
            word => self.table.insert(word),
        }
    }

    pub fn remove(&mut self, id: u64) {
        match id.wrapping_mul(SPREAD) {
            0 => self.has_zero = false,
            word => self.table.remove(word),
        }
    }

    pub fn fetch(&self, id: u64) {
        self.table.fetch(id.wrapping_mul(SPREAD));
    }
}

/// Row numbers by the hash of their name; who asks compares the name itself.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    table: Table,
}

fn word(hash: u64, row: u32) -> u64 {
    (hash & !u64::from(u32::MAX)) | (u64::from(row) + 1)
}

fn row(word: u64) -> u32 {
    word as u32 - 1
}

impl NameTable {
    pub fn with_room(names: usize) -> NameTable {
        NameTable { table: Table::with_room(names) }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.table.find(hash, |word| word >> 32 == hash >> 32 && is(row(word))).map(row)
    }

    pub fn insert(&mut self, hash: u64, row: u32) {
        self.table.insert(word(hash, row));
    }

    pub fn remove(&mut self, hash: u64, row: u32) {
        self.table.remove(word(hash, row));
    }

    pub fn fetch(&self, hash: u64) {
        self.table.fetch(hash);
    }

    /// The row that is probably meant: a hint, to fetch what belongs to it. Only the names' rows can tell.
    pub fn likely(&self, hash: u64) -> Option<u32> {
        self.table.find(hash, |word| word >> 32 == hash >> 32).map(row)
    }
}

/// Rows of what a table finds, by number. A number that was given back is the next row's.
#[derive(Clone, Debug)]
pub struct Rows<R> {
    rows: Vec<R>,
    free: Vec<u32>,
}

impl<R> Default for Rows<R> {
    fn default() -> Rows<R> {
        Rows { rows: Vec::new(), free: Vec::new() }
    }
}

impl<R> Rows<R> {
    pub fn with_room(rows: usize) -> Rows<R> {
        Rows { rows: Vec::with_capacity(rows), free: Vec::new() }
    }

    pub fn put(&mut self, new: R) -> u32 {
        if let Some(number) = self.free.pop() {
            self.rows[number as usize] = new;
            return number;
        }
        self.rows.push(new);
        (self.rows.len() - 1) as u32
    }

    /// How many there are, and how many of these are free.
    #[cfg(test)]
    pub fn counts(&self) -> (usize, usize) {
        (self.rows.len(), self.free.len())
    }

    /// `empty` holds the place of what is given back.
    pub fn give_back(&mut self, number: u32, empty: R) {
        self.rows[number as usize] = empty;
        self.free.push(number);
    }
}

impl<R> std::ops::Index<u32> for Rows<R> {
    type Output = R;

    fn index(&self, number: u32) -> &R {
        &self.rows[number as usize]
    }
}

impl<R> std::ops::IndexMut<u32> for Rows<R> {
    fn index_mut(&mut self, number: u32) -> &mut R {
        &mut self.rows[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::chance::draws;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_spent_is_given_back_in_pieces() {
        let mut spent = Spent { words: vec![1; SPENT_LEAST + 3 * GIVEN_BACK], waited: 0 };
        for pieces in (0..=3).rev() {
            assert_eq!(spent.words.len(), SPENT_LEAST + pieces * GIVEN_BACK);
            (0..GIVEN_BACK_EVERY).for_each(|_| spent.give_back_some());
        }
        assert_eq!((spent.words.len(), spent.words.capacity()), (0, 0));
    }

    #[test]
    fn it_holds_what_a_set_holds_while_it_grows_and_shrinks() {
        let mut draw = draws(3);
        // Words that crowd on few homes, and ones that spread.
        for spread in [1u64, 1 << 40, SPREAD] {
            let (mut set, mut naive) = (IdSet::default(), BTreeSet::new());
            for step in 0..30_000u64 {
                let id = draw(1 + step / 8).wrapping_mul(spread);
                assert_eq!(set.contains(id), naive.contains(&id));
                if naive.contains(&id) {
                    set.remove(id);
                    naive.remove(&id);
                } else {
                    set.insert(id);
                    naive.insert(id);
                }
                assert_eq!(set.len(), naive.len());
                assert!(set.table.moving.is_none() || naive.iter().all(|id| set.contains(*id)));
            }
            assert!(naive.iter().all(|id| set.contains(*id)));
        }
    }

    #[test]
    fn names_with_the_same_upper_half_are_told_apart_by_their_rows() {
        let names = ["a", "b", "c"];
        let mut table = NameTable::default();
        (0..3).for_each(|row| table.insert(7 << 32 | u64::from(row), row));
        let find = |table: &NameTable, name: &str| table.find(7 << 32, |row| names[row as usize] == name);
        assert_eq!(find(&table, "b"), Some(1));
        table.remove(7 << 32 | 1, 1);
        assert_eq!((find(&table, "b"), find(&table, "c"), find(&table, "d")), (None, Some(2), None));
    }

    #[test]
    fn no_insertion_moves_more_than_a_few_clusters() {
        let mut set = IdSet::default();
        let mut moving = 0;
        for id in 0..200_000u64 {
            set.insert(id);
            let old = set.table.moving.as_ref().map_or(0, |moving| moving.from.words.len());
            assert!(old < set.table.slots.words.len());
            moving += u32::from(old > 0);
        }
        assert!(moving > 1_000 && (0..200_000).all(|id| set.contains(id)));
    }
}
