//! Bytes looked at eight at a time: what a loop over bytes would find, in a fraction of the steps.
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
    }
}
