//! Instants as text: RFC 3339 in UTC for programs, a weekday and a minute for people.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::digits;
use crate::domain::{Millis, Secs, calendar};

/// `2026-05-07T14:00:00Z`; milliseconds only where there are any.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(pub Millis);

impl From<Secs> for Rfc3339 {
    fn from(at: Secs) -> Rfc3339 {
        Rfc3339(at.millis())
    }
}

impl Rfc3339 {
    /// Reads what stands in our own outputs, and any other instant of that form.
    pub fn parse(text: &str) -> Option<Rfc3339> {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Rfc3339(Millis(at.timestamp_millis())))
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| f.write_str(ascii(text)))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with(|text| serializer.serialize_str(ascii(text)))
    }
}

/// `2026-05-07T14:00:00`, with room for `.123Z`.
const LONGEST: usize = 24;
const MILLIS_OF_A_DAY: i64 = 86_400_000;
/// The years of four digits: from 0000-01-01 to before 10000-01-01.
const FOUR_DIGITS: std::ops::Range<i64> = -62_167_219_200_000..253_402_300_800_000;

impl Rfc3339 {
    /// Every output bears several instants, and a calendar's formatting costs more than all else in it: so the usual
    /// ones are written by hand.
    pub fn with<T>(&self, hand_over: impl FnOnce(&[u8]) -> T) -> T {
        if FOUR_DIGITS.contains(&self.0.0) {
            let mut text = *b"0000-00-00T00:00:00.000Z";
            let length = write_instant(&mut text, self.0.0);
            return hand_over(&text[..length]);
        }
        match DateTime::<Utc>::from_timestamp_millis(self.0.0) {
            Some(at) => hand_over(at.to_rfc3339_opts(SecondsFormat::AutoSi, true).as_bytes()),
            // No calendar reaches that far: better the number than nothing.
            None => hand_over(self.0.0.to_string().as_bytes()),
        }
    }
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("digits and marks")
}

/// Fills in the digits; returns how much of the text is used.
fn write_instant(text: &mut [u8; LONGEST], millis: i64) -> usize {
    let (year, month, day) = calendar::date(millis.div_euclid(MILLIS_OF_A_DAY));
    let of_day = millis.rem_euclid(MILLIS_OF_A_DAY) as u32;
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let parts = [year / 100, year % 100, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60];
    for (part, at) in parts.into_iter().zip([0, 2, 5, 8, 11, 14, 17]) {
        text[at..at + 2].copy_from_slice(&digits::pair(part));
    }
    if millis == 0 {
        text[19] = b'Z';
        return 20;
    }
    text[20] += (millis / 100) as u8;
    text[21..23].copy_from_slice(&digits::pair(millis % 100));
    LONGEST
}

/// `Thursday 2026-05-07 14:00 UTC`; rounded down to the minute.
#[derive(Clone, Copy, Debug)]
pub struct Readable(pub Secs);

const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Secs::NEVER {
            return f.write_str("never");
        }
        let millis = self.0.millis().0;
        // 1970 began on a Thursday.
        f.write_str(WEEKDAYS[millis.div_euclid(MILLIS_OF_A_DAY).rem_euclid(7) as usize])?;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        write_instant(&mut text, millis);
        text[10] = b' ';
        f.write_str(" ")?;
        f.write_str(ascii(&text[..16]))?;
        f.write_str(" UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::DAY;

    #[test]
    fn programs_get_rfc_3339_in_utc() {
        assert_eq!(Rfc3339::from(Secs(0)).to_string(), "2020-01-01T00:00:00Z");
        assert_eq!(Rfc3339::from(Secs(59 * DAY + 86_399)).to_string(), "2020-02-29T23:59:59Z");
        assert_eq!(Rfc3339(Millis(1_778_162_400_123)).to_string(), "2026-05-07T14:00:00.123Z");
        assert_eq!(Rfc3339(Millis(-1)).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Rfc3339::from(Secs::NEVER).to_string(), "2156-02-07T06:28:15Z");
        assert_eq!(Rfc3339(Millis(i64::MAX)).to_string(), i64::MAX.to_string());
    }

    /// What chrono says, for every day of some centuries and any instant at all.
    #[test]
    fn instants_are_chronos() {
        let chronos = |millis| {
            let at = DateTime::<Utc>::from_timestamp_millis(millis).expect("within a calendar");
            at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
        };
        for day in (-719_528..2_932_896).filter(|day| *day > -200_000 && *day < 200_000 || day % 97 == 0) {
            let millis = day * MILLIS_OF_A_DAY + day.rem_euclid(86_400) * 1000 + day.rem_euclid(3) * 7;
            assert_eq!(Rfc3339(Millis(millis)).to_string(), chronos(millis));
        }
        for edge in [FOUR_DIGITS.start, FOUR_DIGITS.end] {
            for millis in [edge - 1, edge, edge + 1] {
                assert_eq!(Rfc3339(Millis(millis)).to_string(), chronos(millis));
            }
        }
    }

    #[test]
    fn what_programs_get_is_read_back() {
        for at in [Secs(0).millis(), Secs::NEVER.millis(), Millis(-1), Millis(1_778_162_400_123)] {
            assert_eq!(Rfc3339::parse(&Rfc3339(at).to_string()).map(|read| read.0), Some(at));
        }
        for wrong in ["", "yesterday", "2026-05-07", "2026-05-07T14:00:00", "2026-13-07T14:00:00Z", "1778162400"] {
            assert!(Rfc3339::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn people_get_the_weekday() {
        assert_eq!(Readable(Millis(1_778_162_459_999).secs()).to_string(), "Thursday 2026-05-07 14:00 UTC");
        assert_eq!(Readable(Secs::NEVER).to_string(), "never");
    }

    /// What chrono says, for every day that there can be.
    #[test]
    fn weekdays_are_chronos() {
        for at in (0..u32::MAX / DAY).map(|day| Secs(day * DAY + day % DAY)) {
            let chronos = DateTime::<Utc>::from_timestamp_millis(at.millis().0).expect("within a calendar");
            assert_eq!(Readable(at).to_string(), chronos.format("%A %Y-%m-%d %H:%M UTC").to_string());
        }
    }
}
