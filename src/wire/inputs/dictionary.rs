//! Byte strings numbered in the order of their first use: what repeats within an entry is written once.

use xxhash_rust::xxh3::xxh3_64;

use crate::wire::WireError;
use crate::wire::codec::{Reader, put_varint};

/// Slots to begin with, a power of two: enough for the kinds and sources of a company.
const SLOTS: usize = 128;

/// As it is made it has no slots yet: [`clear`](Self::clear) or [`get`](Self::get) comes first, and
/// [`number`](Self::number) would panic.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// All strings, one behind the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Open addressing, at most half full. A string's number and one more; 0 is free.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Dictionary {
    /// Forgets all strings, but keeps the memory. After an entry with many the next one begins small again.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.slots.resize(SLOTS, Slot::default());
        self.slots.fill(Slot::default());
    }

    /// The string's number: a new one if it wasn't seen yet.
    #[inline]
    pub fn number(&mut self, string: &[u8]) -> u32 {
        let hash = xxh3_64(string) as u32;
        let mut at = hash as usize & (self.slots.len() - 1);
        loop {
            let slot = self.slots[at];
            if slot.number == 0 {
                return self.add(string, hash, at);
            }
            if slot.hash == hash && self.string(slot.number as usize - 1) == string {
                return slot.number - 1;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn add(&mut self, string: &[u8], hash: u32, at: usize) -> u32 {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
        let number = self.ends.len() as u32;
        self.slots[at] = Slot { hash, number };
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        number - 1
    }

    fn grow(&mut self) {
        let length = self.slots.len() * 2;
        let mut slots = vec![Slot::default(); length];
        for slot in self.slots.iter().filter(|slot| slot.number != 0) {
            let mut at = slot.hash as usize & (length - 1);
            while slots[at].number != 0 {
                at = (at + 1) & (length - 1);
            }
            slots[at] = *slot;
        }
        self.slots = slots;
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn string(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    /// The count, all lengths, all bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        let mut start = 0;
        for end in &self.ends {
            put_varint((end - start) as u64, out);
            start = *end;
        }
        out.extend_from_slice(&self.bytes);
    }

    /// Reads what [`put`](Self::put) wrote. The same string twice is refused: it would have two numbers.
    pub fn get(&mut self, from: &mut Reader<'_>) -> Result<(), WireError> {
        self.clear();
        let count = from.count()?;
        let mut lengths = from.clone();
        for _ in 0..count {
            from.varint()?;
        }
        for number in 0..count {
            let length = lengths.count()?;
            if self.number(from.take(length)?) as usize != number {
                return Err(from.invalid("twice in one dictionary"));
            }
        }
        Ok(())
    }
}

/// Numbers as they are read: each must be known, and new ones come in their order.
#[derive(Debug, Default)]
pub struct Uses {
    seen: usize,
}

impl Uses {
    pub fn note(&mut self, number: usize, from: &Reader<'_>) -> Result<(), WireError> {
        if number > self.seen {
            return Err(from.invalid("a dictionary in another order than that of its use"));
        }
        self.seen += usize::from(number == self.seen);
        Ok(())
    }

    /// All of the dictionary, and no more, was used.
    pub fn finish(&self, known: usize, from: &Reader<'_>) -> Result<(), WireError> {
        if self.seen == known { Ok(()) } else { Err(from.invalid("a dictionary that isn't used up")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_numbered_as_they_come_and_read_back() {
        let mut written = Dictionary::default();
        for _ in 0..2 {
            written.clear();
            for round in 0..2 {
                for number in 0..5_000u32 {
                    assert_eq!(written.number(&number.to_le_bytes()), number, "round {round}");
                }
            }
        }
        let mut bytes = Vec::new();
        written.put(&mut bytes);
        let (mut read, mut from) = (Dictionary::default(), Reader::new(&bytes));
        assert_eq!(read.get(&mut from), Ok(()));
        assert_eq!((read.len(), from.left()), (5_000, 0));
        assert_eq!(read.string(4_999), 4_999u32.to_le_bytes());
    }

    #[test]
    fn a_string_twice_and_numbers_out_of_order_are_refused() {
        let get = |bytes: &[u8]| Dictionary::default().get(&mut Reader::new(bytes));
        assert_eq!(get(&[2, 1, 1, b'a', b'b']), Ok(()));
        assert!(get(&[2, 1, 1, b'a', b'a']).is_err());
        assert!(get(&[2, 1, 1, b'a']).is_err());
        assert!(get(&[200, 1, 1, b'a']).is_err());
        let (mut uses, from) = (Uses::default(), Reader::new(&[]));
        assert!(uses.note(1, &from).is_err());
        assert_eq!([0, 1, 0, 1].map(|number| uses.note(number, &from)), [const { Ok(()) }; 4]);
        assert!(uses.finish(3, &from).is_err());
        assert_eq!(uses.finish(2, &from), Ok(()));
    }
}
