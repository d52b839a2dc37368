//! Slots of a hash table: linear probing over a power of two of them. They stand in blocks that are there once something
//! is put into them, and can be given back one by one: none of them has to wait for megabytes to be zeroed or given back.

/// Slots of a block: 64 KB.
const BLOCK_BITS: u32 = 13;
const BLOCK: usize = 1 << BLOCK_BITS;

/// 0 is an empty slot.
#[derive(Clone, Debug)]
pub struct Slots {
    /// An empty one is all zeros.
    blocks: Vec<Vec<u64>>,
    bits: u32,
}

impl Slots {
    pub fn new(bits: u32) -> Slots {
        Slots { blocks: vec![Vec::new(); 1 << bits.saturating_sub(BLOCK_BITS)], bits }
    }

    pub fn count(&self) -> usize {
        1 << self.bits
    }

    pub fn bits(&self) -> u32 {
        self.bits
    }

    fn mask(&self) -> usize {
        self.count() - 1
    }

    /// How far a slot is behind another one.
    pub fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    pub fn home(&self, word: u64) -> usize {
        (word >> (64 - self.bits)) as usize
    }

    pub fn word(&self, slot: usize) -> u64 {
        self.blocks[slot >> BLOCK_BITS].get(slot & (BLOCK - 1)).copied().unwrap_or(0)
    }

    fn set(&mut self, slot: usize, word: u64) {
        let size = self.count().min(BLOCK);
        let block = &mut self.blocks[slot >> BLOCK_BITS];
        if block.is_empty() {
            *block = vec![0; size];
        }
        block[slot & (BLOCK - 1)] = word;
    }

    /// Empties the slot so many behind `start`, without a look at what stands behind it. The last one of a block of which
    /// all are emptied so gives it back.
    pub fn take(&mut self, start: usize, behind: usize) -> u64 {
        let slot = (start + behind) & self.mask();
        let word = self.word(slot);
        if word != 0 {
            self.set(slot, 0);
        }
        if slot & (BLOCK - 1) == BLOCK - 1 && behind + 1 >= BLOCK {
            self.blocks[slot >> BLOCK_BITS] = Vec::new();
        }
        word
    }

    pub fn find(&self, near: u64, mut is: impl FnMut(u64) -> bool) -> Option<usize> {
        let mut slot = self.home(near);
        loop {
            match self.word(slot) {
                0 => return None,
                word if is(word) => return Some(slot),
                _ => slot = (slot + 1) & self.mask(),
            }
        }
    }

    pub fn first_empty(&self) -> usize {
        (0..self.count()).find(|slot| self.word(*slot) == 0).expect("a table is never full")
    }

    pub fn put(&mut self, word: u64) {
        let mut slot = self.home(word);
        while self.word(slot) != 0 {
            slot = (slot + 1) & self.mask();
        }
        self.set(slot, word);
    }

    /// Empties a slot and closes the gap: what stands behind it and may stand nearer its home moves up.
    pub fn clear(&mut self, mut gap: usize) {
        let mut slot = gap;
        loop {
            slot = (slot + 1) & self.mask();
            let word = self.word(slot);
            if word == 0 {
                break;
            }
            if self.distance(self.home(word), slot) >= self.distance(gap, slot) {
                self.set(gap, word);
                gap = slot;
            }
        }
        self.set(gap, 0);
    }

    pub fn fetch(&self, near: u64) {
        let slot = self.home(near);
        if let Some(word) = self.blocks[slot >> BLOCK_BITS].get(slot & (BLOCK - 1)) {
            super::fetch::ahead(word);
        }
    }
}
