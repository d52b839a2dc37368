//! Ids and domains, each by what differs from the one before of its kind.
//!
//! Ids of one system begin alike, domains end alike: `001A000001234567AAA` after `001A000001299999AAA` is 11 bytes
//! at the beginning, 3 at the end, and `34567` in between, which as a number takes 3 bytes. A byte holds how much is
//! shared, a varint how long the middle is and whether it is a number.

use crate::domain::Text;
use crate::wire::WireError;
use crate::wire::codec::{Reader, put_varint};
use crate::wire::digits::pair;

/// Bytes of a name at least: what it shares, and how long its middle is.
pub const LEAST: usize = 2;
/// What half a byte can say. Longer ones are shared up to here.
const MOST_SHARED: usize = 15;
/// Digits that are written as a number: fewer gain nothing, more don't fit into 64 bits.
const DIGITS: std::ops::RangeInclusive<usize> = 2..=19;

#[inline]
pub fn put(before: &[u8], text: &[u8], out: &mut Vec<u8>) {
    let head = shared_head(before, text);
    let (before, rest) = (&before[head..], &text[head..]);
    let tail = shared_tail(before, rest);
    let middle = &rest[..rest.len() - tail];
    out.push((head << 4 | tail) as u8);
    let length = (middle.len() as u64) << 1;
    match number(middle) {
        Some(number) => {
            put_varint(length | 1, out);
            put_varint(number, out);
        }
        None => {
            put_varint(length, out);
            out.extend_from_slice(middle);
        }
    }
}

/// How many bytes both begin with, up to [`MOST_SHARED`]. Eight at once where both have them: names are looked at one
/// after the other, and byte by byte this is a good part of an entry.
#[inline]
fn shared_head(one: &[u8], other: &[u8]) -> usize {
    let mut same = 0;
    while let (Some(a), Some(b)) = (one[same..].first_chunk(), other[same..].first_chunk()) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return MOST_SHARED.min(same + (differ.trailing_zeros() / 8) as usize);
        }
        same += size_of::<u64>();
        if same > MOST_SHARED {
            return MOST_SHARED;
        }
    }
    let rest = one[same..].iter().zip(&other[same..]);
    same + rest.take(MOST_SHARED - same).take_while(|(one, other)| one == other).count()
}

/// How many bytes both end with, up to [`MOST_SHARED`].
#[inline]
fn shared_tail(mut one: &[u8], mut other: &[u8]) -> usize {
    let mut same = 0;
    while let (Some((one_rest, a)), Some((other_rest, b))) = (one.split_last_chunk(), other.split_last_chunk()) {
        let differ = u64::from_be_bytes(*a) ^ u64::from_be_bytes(*b);
        if differ != 0 {
            return MOST_SHARED.min(same + (differ.trailing_zeros() / 8) as usize);
        }
        same += size_of::<u64>();
        if same > MOST_SHARED {
            return MOST_SHARED;
        }
        (one, other) = (one_rest, other_rest);
    }
    let rest = one.iter().rev().zip(other.iter().rev());
    same + rest.take(MOST_SHARED - same).take_while(|(one, other)| one == other).count()
}

/// The number that these digits are; leading zeros are kept by their length.
fn number(digits: &[u8]) -> Option<u64> {
    if !DIGITS.contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

/// The last name of one kind, which the next one is written over.
#[derive(Debug, Default)]
pub struct Last {
    text: Vec<u8>,
}

impl Last {
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// The next name; refused if [`put`] would have written it otherwise.
    pub fn get(&mut self, from: &mut Reader<'_>) -> Result<Text, WireError> {
        let byte = from.byte()?;
        let (head, tail) = (usize::from(byte >> 4), usize::from(byte & 15));
        if head + tail > self.text.len() {
            return Err(from.invalid("more shared than there is"));
        }
        let before = self.ends(head, tail);
        self.middle(head, tail, from)?;
        let after = self.ends(head, tail);
        let more =
            |shared: usize, before: Option<u8>, after| shared < MOST_SHARED && before.is_some() && before == after;
        if more(head, before.0, after.0) || more(tail, before.1, after.1) {
            return Err(from.invalid("less shared than there is"));
        }
        let text = std::str::from_utf8(&self.text).map_err(|_| from.invalid("text that isn't UTF-8"))?;
        Ok(Text::new(text))
    }

    /// The byte behind the head, and the one before the tail that isn't of the head.
    fn ends(&self, head: usize, tail: usize) -> (Option<u8>, Option<u8>) {
        let rest = &self.text[head..];
        (rest.first().copied(), rest.len().checked_sub(tail + 1).map(|at| rest[at]))
    }

    fn middle(&mut self, head: usize, tail: usize, from: &mut Reader<'_>) -> Result<(), WireError> {
        let length = from.varint()?;
        let (is_number, length) = (length & 1 == 1, (length >> 1) as usize);
        if is_number {
            let number = from.varint()?;
            if !DIGITS.contains(&length) || !write(number, self.between(head, tail, length)) {
                return Err(from.invalid("a number of other digits"));
            }
            return Ok(());
        }
        let middle = from.take(length)?;
        if number(middle).is_some() {
            return Err(from.invalid("digits that aren't a number"));
        }
        self.between(head, tail, length).copy_from_slice(middle);
        Ok(())
    }

    /// Room for so many bytes between head and tail.
    fn between(&mut self, head: usize, tail: usize, length: usize) -> &mut [u8] {
        let (before, after) = (self.text.len(), head + length + tail);
        if before != after {
            self.text.resize(before.max(after), 0);
            self.text.copy_within(before - tail..before, after - tail);
            self.text.truncate(after);
        }
        &mut self.text[head..head + length]
    }
}

/// Writes a number with leading zeros; false if it has more digits.
fn write(mut number: u64, digits: &mut [u8]) -> bool {
    let mut pairs = digits.rchunks_exact_mut(2);
    for two in pairs.by_ref() {
        two.copy_from_slice(&pair((number % 100) as u32));
        number /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (number % 10) as u8;
        number /= 10;
    }
    number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_cost_what_differs() {
        let long = "x".repeat(40);
        let names = [
            ("001A000001299999AAA", 21),
            ("001A000001234567AAA", 5),
            ("001A000001234567AAA", 2),
            ("", 2),
            ("acme.com", 10),
            ("acme.co", 2),
            ("00", 3),
            ("18446744073709551616", 22),
            (&long, 42),
            (&long, 12),
            ("日本.jp", 11),
            ("日木.jp", 3),
        ];
        let (mut last, mut before) = (Last::default(), "");
        for (name, length) in names {
            let mut bytes = Vec::new();
            put(before.as_bytes(), name.as_bytes(), &mut bytes);
            assert_eq!(bytes.len(), length, "{name} after {before}");
            assert_eq!(last.get(&mut Reader::new(&bytes)).as_deref(), Ok(name));
            before = name;
        }
    }

    #[test]
    fn what_is_shared_is_as_byte_by_byte() {
        let count = |pairs: &mut dyn Iterator<Item = (u8, u8)>| {
            pairs.take(MOST_SHARED).take_while(|(one, other)| one == other).count()
        };
        let text = b"001A000001234567AAA.example";
        for length in 0..text.len() {
            for other_length in 0..text.len() {
                for changed in 0..text.len() {
                    let one = &text[..length];
                    let mut other = text[..other_length].to_vec();
                    other.iter_mut().skip(changed).take(1).for_each(|byte| *byte ^= 1);
                    let head = count(&mut one.iter().copied().zip(other.iter().copied()));
                    assert_eq!(shared_head(one, &other), head);
                    let (one, mut other) = (&text[length..], text[other_length..].to_vec());
                    other.iter_mut().skip(changed).take(1).for_each(|byte| *byte ^= 1);
                    let tail = count(&mut one.iter().rev().copied().zip(other.iter().rev().copied()));
                    assert_eq!(shared_tail(one, &other), tail);
                }
            }
        }
    }

    #[test]
    fn what_would_be_written_otherwise_is_refused() {
        let after = |before: &str, bytes: &[u8]| {
            let mut last = Last { text: before.into() };
            last.get(&mut Reader::new(bytes))
        };
        assert_eq!(after("ab", &[0x11, 2, b'c']).as_deref(), Ok("acb"));
        assert!(after("ab", &[0x10, 4, b'c', b'b']).is_err(), "a longer tail");
        assert!(after("ab", &[0x01, 4, b'a', b'c']).is_err(), "a longer head");
        assert!(after("ab", &[0x30, 0]).is_err(), "a longer text");
        assert!(after("ab", &[0x21, 0]).is_err(), "head and tail overlap");
        assert!(after("", &[0, 4, b'1', b'2']).is_err(), "digits");
        assert!(after("", &[0, 5, 100]).is_err(), "three digits in two");
        assert!(after("", &[0, 3, 1]).is_err(), "one digit");
        assert!(after("", &[0, 2, 0xff]).is_err(), "no UTF-8");
        assert!(after("", &[0, 200]).is_err());
    }
}
