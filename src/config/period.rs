//! Lengths of time as people write them: `"21d"`, `"12h"`, `"45m"`, `"30s"`, `"1d 12h"`.
//!
//! One way for every length in the file. The unit stands with the number, so no key needs it in its name,
//! and a bare number is an error rather than a guess.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ten years: longer is a slip of the keyboard, and any sum of a few stays far below the clock's end.
pub const MAX_PERIOD_S: u32 = 3650 * 86_400;

const UNITS: [(char, u32); 5] = [('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A length of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error("a length of time needs a number and a unit: \"21d\", \"12h\", \"45m\", \"30s\", \"1d 12h\"")]
    Unreadable,
    #[error("a length of time is at most ten years")]
    TooLong,
}

impl Period {
    /// Reads numbers each with a unit behind it: w, d, h, m, s; spaces don't matter.
    pub fn parse(text: &str) -> Result<Period, PeriodError> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(PeriodError::Unreadable);
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: u64 = rest[..digits].parse().map_err(|_| PeriodError::Unreadable)?;
            let mut behind = rest[digits..].trim_start().chars();
            let unit = behind.next().and_then(|unit| UNITS.iter().find(|(name, _)| *name == unit));
            let (_, seconds) = unit.ok_or(PeriodError::Unreadable)?;
            total = total.saturating_add(number.saturating_mul(u64::from(*seconds)));
            rest = behind.as_str().trim_start();
        }
        match u32::try_from(total) {
            Ok(seconds) if seconds <= MAX_PERIOD_S => Ok(Period(seconds)),
            _ => Err(PeriodError::TooLong),
        }
    }
}

/// The shortest exact form, largest unit first; weeks are written as days.
impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, seconds) in &UNITS[1..] {
            if rest >= *seconds {
                let space = if rest == self.0 { "" } else { " " };
                write!(f, "{space}{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        deserializer.deserialize_str(PeriodVisitor)
    }
}

struct PeriodVisitor;

impl serde::de::Visitor<'_> for PeriodVisitor {
    type Value = Period;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a length of time such as \"21d\", \"12h\", \"45m\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Period, E> {
        Period::parse(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written() {
        let table = [
            ("21d", 21 * 86_400, "21d"),
            ("2w", 14 * 86_400, "14d"),
            ("12h", 43_200, "12h"),
            ("36h", 129_600, "1d 12h"),
            ("45m", 2_700, "45m"),
            ("90s", 90, "1m 30s"),
            (" 1d12h ", 129_600, "1d 12h"),
            ("1 d 1 s", 86_401, "1d 1s"),
            ("0s", 0, "0s"),
            ("0d", 0, "0s"),
        ];
        for (written, seconds, canonical) in table {
            assert_eq!(Period::parse(written), Ok(Period(seconds)), "{written}");
            assert_eq!(Period(seconds).to_string(), canonical);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", " ", "21", "d", "21 days", "1.5d", "-1d", "1d2", "1y", "１d"] {
            assert_eq!(Period::parse(text), Err(PeriodError::Unreadable), "{text}");
        }
        assert_eq!(Period::parse("3651d"), Err(PeriodError::TooLong));
        assert_eq!(Period::parse("99999999999999999w"), Err(PeriodError::TooLong));
        assert_eq!(Period::parse("3650d"), Ok(Period(MAX_PERIOD_S)));
    }
}
