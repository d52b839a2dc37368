//! What a JSON text may hold, looked for in sixteen bytes at once: where it ends, and what must be looked at closer.
//!
//! Nobody can foresee how long a text is, so a loop over bytes or words pays for its end with a branch that the processor
//! gets wrong, and a fourth of all instructions of an event went into this (`benches/decode.rs`). Every x86-64 has
//! the instructions that say it in five steps. They take no pointer here; what is unsafe about them is that
//! another processor might not know them.

/// A bit for each byte of a chunk, the lowest for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// A quote, a backslash, a control character, and whatever isn't ASCII.
    pub stops: u32,
    /// What may stand for the `@` of an address.
    pub ats: u32,
}

impl Marks {
    /// Without those of the first bytes.
    pub fn after(self, bytes: usize) -> Marks {
        Marks { stops: self.stops >> bytes, ats: self.ats >> bytes }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
pub fn marks(chunk: &[u8; 16]) -> Marks {
    // SAFETY: SSE2 is part of x86-64, and the function reads nothing but its argument.
    unsafe { sse2(chunk) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2(chunk: &[u8; 16]) -> Marks {
    use std::arch::x86_64::{
        _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let both = u128::from_le_bytes(*chunk);
    let bytes = _mm_set_epi64x((both >> 64) as i64, both as i64);
    let equal = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
    // With a sign, what isn't ASCII is below zero, and one more than DEL is too.
    let unseen = _mm_cmplt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(1)), _mm_set1_epi8(b' ' as i8 + 1));
    Marks {
        stops: _mm_movemask_epi8(_mm_or_si128(unseen, _mm_or_si128(equal(b'"'), equal(b'\\')))) as u32,
        ats: _mm_movemask_epi8(_mm_or_si128(equal(b'@'), equal(b'%'))) as u32,
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn marks(chunk: &[u8; 16]) -> Marks {
    portable(chunk)
}

/// For every other processor; where there are the instructions, the tests compare the two.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(chunk: &[u8; 16]) -> Marks {
    chunk.iter().rev().fold(Marks::default(), |marks, byte| Marks {
        stops: (marks.stops << 1) | u32::from(!matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')),
        ats: (marks.ats << 1) | u32::from(matches!(byte, b'@' | b'%')),
    })
}

/// Of a host's bytes: what may stand in one as it is looked up, and what not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostMarks {
    pub dots: u32,
    pub hyphens: u32,
    /// Neither of these, nor small letters and digits.
    pub others: u32,
}

#[cfg(target_arch = "x86_64")]
#[inline]
pub fn host_marks(chunk: &[u8; 16]) -> HostMarks {
    // SAFETY: as above.
    unsafe { host_sse2(chunk) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn host_sse2(chunk: &[u8; 16]) -> HostMarks {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_sub_epi8,
    };
    let both = u128::from_le_bytes(*chunk);
    let bytes = _mm_set_epi64x((both >> 64) as i64, both as i64);
    let equal = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
    // From `first` on so many: what is less than `first` is far above them when it is subtracted.
    let among = |first: u8, count: i8| {
        let place = _mm_sub_epi8(bytes, _mm_set1_epi8(first as i8));
        _mm_cmpeq_epi8(_mm_min_epu8(place, _mm_set1_epi8(count - 1)), place)
    };
    let (dots, hyphens) = (equal(b'.'), equal(b'-'));
    let known = _mm_or_si128(_mm_or_si128(among(b'a', 26), among(b'0', 10)), _mm_or_si128(dots, hyphens));
    HostMarks {
        dots: _mm_movemask_epi8(dots) as u32,
        hyphens: _mm_movemask_epi8(hyphens) as u32,
        others: _mm_movemask_epi8(known) as u32 ^ 0xffff,
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn host_marks(chunk: &[u8; 16]) -> HostMarks {
    host_portable(chunk)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn host_portable(chunk: &[u8; 16]) -> HostMarks {
    chunk.iter().rev().fold(HostMarks::default(), |marks, byte| HostMarks {
        dots: (marks.dots << 1) | u32::from(*byte == b'.'),
        hyphens: (marks.hyphens << 1) | u32::from(*byte == b'-'),
        others: (marks.others << 1) | u32::from(!matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_has_its_bits(
            chunk in prop::array::uniform16(prop_oneof![any::<u8>(), b' '..=b'~', Just(b'"'), Just(b'@'), Just(0x7f)]),
        ) {
            let found = marks(&chunk);
            for (place, byte) in chunk.iter().enumerate() {
                let bit = |marks: u32| (marks >> place) & 1 == 1;
                prop_assert_eq!(bit(found.stops), matches!(byte, b'"' | b'\\' | 0..=0x1f | 0x7f..));
                prop_assert_eq!(bit(found.ats), matches!(byte, b'@' | b'%'));
            }
            prop_assert_eq!((found.stops | found.ats) >> 16, 0);
            prop_assert_eq!(portable(&chunk), found);
        }

        #[test]
        fn every_byte_of_a_host_has_its_bit(chunk in prop::array::uniform16(any::<u8>())) {
            prop_assert_eq!(host_marks(&chunk), host_portable(&chunk));
        }

        #[test]
        fn what_comes_after(chunk in prop::array::uniform16(any::<u8>()), bytes in 0usize..16) {
            let mut rest = [b' '; 16];
            rest[..16 - bytes].copy_from_slice(&chunk[bytes..]);
            prop_assert_eq!(marks(&chunk).after(bytes), marks(&rest));
        }
    }
}
