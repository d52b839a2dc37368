//! Instants as text: RFC 3339 in UTC for programs, a weekday and a minute for people.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::domain::{Millis, Secs};

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
        match DateTime::<Utc>::from_timestamp_millis(self.0.0) {
            Some(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            // No calendar reaches that far: better the number than nothing.
            None => write!(f, "{}", self.0.0),
        }
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `Thursday 2026-05-07 14:00 UTC`; rounded down to the minute.
#[derive(Clone, Copy, Debug)]
pub struct Readable(pub Secs);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0.millis().0) {
            Some(at) if self.0 != Secs::NEVER => write!(f, "{} UTC", at.format("%A %Y-%m-%d %H:%M")),
            _ => f.write_str("never"),
        }
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
}
