//! Whole numbers as decimal digits, two at a time: what every output is full of, without the machinery of `fmt`.

const PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

/// A number below 100, with its zero in front.
#[inline]
pub fn pair(number: u32) -> [u8; 2] {
    PAIRS[number as usize]
}

/// `u64::MAX` has as many.
const MOST: usize = 20;

#[inline]
pub fn put(out: &mut Vec<u8>, number: u64) {
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100 => out.extend_from_slice(&pair(number as u32)),
        _ => put_many(out, number),
    }
}

fn put_many(out: &mut Vec<u8>, number: u64) {
    let (mut digits, mut start, mut rest) = ([0; MOST], MOST, number);
    while rest >= 10 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&pair((rest % 100) as u32));
        rest /= 100;
    }
    // The first of an odd number of them.
    if rest > 0 {
        start -= 1;
        digits[start] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ever() {
        let powers = (0..20).map(|power| 10u64.pow(power));
        let ends = powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX - 1, u64::MAX]);
        for number in (0..2_000).chain(ends) {
            let mut out = b"at ".to_vec();
            put(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("at {number}"));
        }
        for number in 0..100 {
            assert_eq!(pair(number), format!("{number:02}").as_bytes());
        }
    }
}
