//! What ends a JSON text, looked for in sixteen bytes at once.
//!
//! Nobody can foresee how long a text is, so a loop over bytes or words pays for its end with a branch that the processor
//! gets wrong, and a fourth of all instructions of an event went into this (`benches/decode.rs`). Every x86-64 has
//! the instructions that say it in five steps. They take no pointer here; what is unsafe about them is that
//! another processor might not know them.

/// A quote, a backslash, or a control character, which no text may hold as it is.
pub fn is_stop(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// A bit for each byte that is a stop, the lowest for the first.
#[cfg(target_arch = "x86_64")]
pub fn stops(chunk: &[u8; 16]) -> u32 {
    // SAFETY: SSE2 is part of x86-64, and the function reads nothing but its argument.
    unsafe { sse2(chunk) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn sse2(chunk: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let both = u128::from_le_bytes(*chunk);
    let bytes = _mm_set_epi64x((both >> 64) as i64, both as i64);
    let last_control = _mm_set1_epi8(0x1f);
    let controls = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let escapes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    _mm_movemask_epi8(_mm_or_si128(controls, _mm_or_si128(quotes, escapes))) as u32
}

#[cfg(not(target_arch = "x86_64"))]
pub fn stops(chunk: &[u8; 16]) -> u32 {
    portable(chunk)
}

/// For every other processor; where there are the instructions, the tests compare the two.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(chunk: &[u8; 16]) -> u32 {
    chunk.iter().rev().fold(0, |bits, byte| (bits << 1) | u32::from(is_stop(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stop_has_its_bit(chunk in prop::array::uniform16(prop_oneof![any::<u8>(), b' '..=b'~', Just(b'"')])) {
            let found = stops(&chunk);
            for (place, byte) in chunk.iter().enumerate() {
                prop_assert_eq!((found >> place) & 1 == 1, is_stop(*byte));
            }
            prop_assert_eq!(found >> 16, 0);
            prop_assert_eq!(portable(&chunk), found);
        }
    }
}
