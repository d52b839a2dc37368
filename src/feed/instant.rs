//! Instants as events name them: strict RFC 3339, or integer milliseconds since 1970.
//!
//! There is no fall-back: a date that can't be understood is a dead letter, never "now".

use crate::domain::{Millis, calendar};

/// No event and no date of one is later than this (2100-01-01 UTC): beyond it lie mistyped years and the
/// "forever" dates of databases.
pub const LATEST: Millis = Millis(4_102_444_800_000);

/// A full date, `T`, a full time, and `Z` or an offset with a colon. Fractions round down to milliseconds. A
/// leap second is refused: no clock here can stand on it.
pub fn parse(text: &str) -> Option<Millis> {
    let (clock, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let seconds = seconds_since_1970(clock)?;
    // As most writers write it.
    let (millis, offset) = match *rest {
        [b'Z'] => (0, 0),
        [b'.', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'Z'] => {
            (u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0'), 0)
        }
        _ => {
            let (millis, rest) = fraction(rest)?;
            (millis, offset_ms(rest)?)
        }
    };
    Some(Millis(seconds * 1000 + i64::from(millis) - offset))
}

/// Of `YYYY-MM-DDTHH:MM:SS`, as if it were UTC.
fn seconds_since_1970(clock: &[u8; 19]) -> Option<i64> {
    let (date, rest) = clock.split_first_chunk()?;
    let ([day_tens, day_ones, between], time) = rest.split_first_chunk()?;
    let (date, time) = (pairs(*date, *b"0000-00-")?, pairs(*time.first_chunk()?, *b"00:00:00")?);
    let (century, year, month) = (pair(date, 0), pair(date, 2), pair(date, 5));
    let (hour, minute, second) = (pair(time, 0), pair(time, 3), pair(time, 6));
    let (tens, ones) = (u32::from(day_tens ^ b'0'), u32::from(day_ones ^ b'0'));
    if between | 0x20 != b't' || tens > 9 || ones > 9 {
        return None;
    }
    let (year, leap, day) = (century * 100 + year, is_leap(century, year), tens * 10 + ones);
    let right = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !right || day < 1 || day > days_of(month, leap) {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(calendar::days_since_1970(year, month, day) * 86_400 + i64::from(seconds))
}

/// The highest bit of each byte.
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Eight bytes at once: at each place the number of two digits that begins there. A digit must stand where `shape` has a
/// `0`, and everywhere else what stands in it.
#[inline]
fn pairs(bytes: [u8; 8], shape: [u8; 8]) -> Option<u64> {
    // A digit is its number, and what is as in the shape is 0.
    let digits = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(shape);
    // A byte that is more than it may be reaches its highest bit.
    let most = u64::from_le_bytes(shape.map(|byte| if byte == b'0' { 0x7f - 9 } else { 0x7f }));
    let above = ((digits & !HIGHS).wrapping_add(most) | digits) & HIGHS;
    // No byte becomes more than 9 * 10 + 9: none reaches into the next.
    (above == 0).then(|| digits.wrapping_mul(10).wrapping_add(digits >> 8))
}

fn pair(pairs: u64, place: u32) -> u32 {
    (pairs >> (8 * place)) as u32 & 0xff
}

fn is_leap(century: u32, year_of_century: u32) -> bool {
    // 2000 is one, 1900 is none.
    let year = if year_of_century == 0 { century } else { year_of_century };
    year.is_multiple_of(4)
}

fn days_of(month: u32, leap: bool) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 31,
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// The milliseconds of `.123456…`, and what comes behind.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.', after)) = bytes.split_first() else { return Some((0, bytes)) };
    let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let kept = length.min(3);
    let millis = digits(&after[..kept])? * 10u32.pow(3 - kept as u32);
    (length > 0).then_some((millis, &after[length..]))
}

fn offset_ms(bytes: &[u8]) -> Option<i64> {
    let sign = match bytes {
        [b'Z' | b'z'] => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&bytes[1..3])?, digits(&bytes[4..6])?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_an_instant() {
        for (text, millis) in [
            ("2024-05-01T12:00:00Z", 1_714_564_800_000),
            ("2024-05-01t12:00:00z", 1_714_564_800_000),
            ("2024-05-01T14:00:00+02:00", 1_714_564_800_000),
            ("2024-05-01T07:00:00.1239-05:00", 1_714_564_800_123),
            ("2024-05-01T12:00:00.5Z", 1_714_564_800_500),
            ("2024-05-01T12:00:00.987Z", 1_714_564_800_987),
            ("2024-05-01T12:00:00.9876z", 1_714_564_800_987),
            ("2024-02-29T00:00:00-00:00", 1_709_164_800_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(parse(text), Some(Millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "2024-05-01",
            "2024-05-01T12:00:00",
            "2024-05-01 12:00:00Z",
            "2024-05-01T12:00Z",
            "2024-05-01T12:00:00 Z",
            "2024-05-01T12:00:00-5:00",
            "2024-05-01T12:00:00+0000",
            "2024-05-01T12:00:00+02",
            "2024-05-01T12:00:00+24:00",
            "2024-05-01T12:00:00+01:60",
            "2024-05-01T12:00:00.Z",
            "2024-05-01T12:00:00.9:7Z",
            "2024-05-01T12:00:00.987ZZ",
            "2024-05-01T12:00:00,5Z",
            "2024-05-01T12:00:00Z[UTC]",
            "2024-12-31T23:59:60Z",
            "2024-05-01T24:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-10T00:00:00Z",
            "2024-05-00T00:00:00Z",
            "5/3/2020 12:00 AM....",
            "+024-05-01T12:00:00Z",
            "20240501T120000Z0000",
            "２024-05-01T12:00:00Z",
            "1714564800000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    /// What stands beside digits and separators in ASCII, and with another highest bit.
    #[test]
    fn a_byte_beside_the_right_one_is_wrong_anywhere() {
        let right = "1999-09-29T19:49:59Z";
        assert!(parse(right).is_some());
        for place in 0..right.len() {
            let byte = right.as_bytes()[place];
            let wrong = if byte.is_ascii_digit() { vec![b'/', b':', b'@'] } else { vec![byte - 1, byte + 1, b'0'] };
            for other in wrong.into_iter().map(char::from).chain(['\u{b9}']) {
                let text = format!("{}{other}{}", &right[..place], &right[place + 1..]);
                assert_eq!(parse(&text), None, "{text}");
            }
        }
    }

    /// As plain as it gets, with chrono's calendar.
    fn by_chrono(text: &str) -> Option<Millis> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() >= 20
            && (bytes[4], bytes[7], bytes[13], bytes[16]) == (b'-', b'-', b':', b':')
            && matches!(bytes[10], b'T' | b't');
        if !shaped {
            return None;
        }
        let part = |from: usize, to: usize| digits(&bytes[from..to]);
        let date = chrono::NaiveDate::from_ymd_opt(part(0, 4)? as i32, part(5, 7)?, part(8, 10)?)?;
        let (millis, rest) = fraction(&bytes[19..])?;
        let local = date.and_hms_milli_opt(part(11, 13)?, part(14, 16)?, part(17, 19)?, millis)?;
        Some(Millis(local.and_utc().timestamp_millis() - offset_ms(rest)?))
    }

    #[test]
    fn every_day_is_chronos_day() {
        for year in 0..10_000 {
            for (month, day) in (0..14).flat_map(|month| [0, 1, 28, 29, 30, 31, 32].map(|day| (month, day))) {
                let text = format!("{year:04}-{month:02}-{day:02}T12:34:56Z");
                assert_eq!(parse(&text), by_chrono(&text), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn chrono_agrees_on_what_is_almost_an_instant(
            text in "[0-9]{3}[0-9:/]-[0-9]{2}-[0-9][0-9 ][Tt ][0-2][0-9]:[0-9]{2}:[0-6][0-9]([.,][0-9]{0,12})?([zZ]|[+-][0-9]{2}:?[0-9]{2}|)[ é]?",
            hit in any::<usize>(),
            with in any::<char>(),
        ) {
            prop_assert_eq!(parse(&text), by_chrono(&text));
            let place = hit % text.len();
            if text.is_char_boundary(place) && text.is_char_boundary(place + 1) {
                let text = format!("{}{with}{}", &text[..place], &text[place + 1..]);
                prop_assert_eq!(parse(&text), by_chrono(&text));
            }
        }

        #[test]
        fn chrono_agrees(millis in -62_167_219_200_000i64..253_402_300_799_999, minutes in -1439i32..=1439) {
            let zone = chrono::FixedOffset::east_opt(minutes * 60).expect("less than a day");
            let utc = chrono::DateTime::from_timestamp_millis(millis).expect("in range");
            let text = utc.with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Millis, false);
            // Over the ends of the range the year has a sign or five digits.
            prop_assume!(text.len() == 29);
            prop_assert_eq!(parse(&text), Some(Millis(millis)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
