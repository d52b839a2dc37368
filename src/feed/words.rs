//! Bytes looked at eight or sixteen at a time: what a loop over bytes would find, in a fraction of the steps.
//!
//! The tests of a word mark bytes by their highest bit. Whether anything is marked is exact; a byte above a marked one
//! may be marked in error, by the borrow of a subtraction.

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;
/// What a short text is filled up with: a byte that no test here looks for.
const SPACES: u64 = ONES * 0x20;

pub fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    difference.wrapping_sub(ONES) & !difference & HIGHS
}

/// Right for limits up to 128.
pub fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

pub fn not_ascii(word: u64) -> u64 {
    word & HIGHS
}

/// A bit for each byte of sixteen that ends a JSON text or can't be in it as it is: quotes, backslashes, control
/// characters. Every x86-64 has the instructions that say it at once.
#[cfg(target_arch = "x86_64")]
pub fn stops(chunk: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let both = u128::from_le_bytes(*chunk);
    let last_control = _mm_set1_epi8(0x1f);
    let bytes = _mm_set_epi64x((both >> 64) as i64, both as i64);
    let controls = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let escapes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    _mm_movemask_epi8(_mm_or_si128(controls, _mm_or_si128(quotes, escapes))) as u32
}

#[cfg(not(target_arch = "x86_64"))]
pub fn stops(chunk: &[u8; 16]) -> u32 {
    chunk.iter().rev().fold(0, |bits, byte| (bits << 1) | u32::from(is_stop(*byte)))
}

pub fn is_stop(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// The marks of all words of a text, one upon the other: good for whether there are any.
pub fn marks(bytes: &[u8], test: impl Fn(u64) -> u64) -> u64 {
    let Some(last) = bytes.last_chunk::<8>() else {
        let filled = bytes.iter().fold(SPACES, |word, byte| (word << 8) | u64::from(*byte));
        return test(filled);
    };
    let (whole, _) = bytes.as_chunks::<8>();
    // The last eight may overlap the chunk before: looked at twice is no harm.
    whole.iter().fold(test(u64::from_le_bytes(*last)), |marks, chunk| marks | test(u64::from_le_bytes(*chunk)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_find_what_bytes_are(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), b' '..=b'~', Just(b'@'), Just(0u8)], 0..40),
            byte in prop_oneof![any::<u8>(), Just(b'@')],
            limit in 1u8..=128,
        ) {
            // Filling is no part of the text.
            prop_assume!(byte != b' ' && limit <= b' ' || bytes.len() >= 8);
            prop_assert_eq!(marks(&bytes, |word| equal(word, byte)) != 0, bytes.contains(&byte));
            prop_assert_eq!(marks(&bytes, |word| below(word, limit)) != 0, bytes.iter().any(|found| *found < limit));
            prop_assert_eq!(marks(&bytes, not_ascii) != 0, !bytes.is_ascii());
        }

        #[test]
        fn stops_are_found_at_their_place(chunk in prop::array::uniform16(prop_oneof![any::<u8>(), b' '..=b'~', Just(b'"')])) {
            let found = stops(&chunk);
            for (place, byte) in chunk.iter().enumerate() {
                prop_assert_eq!(found >> place & 1 == 1, is_stop(*byte));
            }
            prop_assert_eq!(found >> 16, 0);
        }
    }
}
