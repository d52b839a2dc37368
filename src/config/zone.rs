//! Time zones: an IANA name to its offsets from UTC, compiled here so that a replay never asks a calendar.

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use crate::domain::Secs;
use crate::domain::time::{DAY, EPOCH_MS, Zone};

/// The last day whose offsets are compiled in, 2040-01-01: afterwards the last offset holds. Days from 2020-01-01.
const LAST_DAY: u32 = 7_305;

/// Looking this often finds every change: no zone changes its offset twice within six hours.
const STEP_S: u32 = DAY / 4;

/// The offsets of an IANA zone from 2020 to 2040, exact to the second; `None` for a name that isn't one.
pub fn compile(name: &str) -> Option<Zone> {
    let tz: Tz = name.parse().ok()?;
    let mut offsets = vec![(Secs::ZERO, offset(tz, 0))];
    let mut from = 0;
    while from < LAST_DAY * DAY {
        let next = from + STEP_S;
        if offset(tz, next) != offset(tz, from) {
            let change = first_change(tz, from, next);
            offsets.push((Secs(change), offset(tz, change)));
        }
        from = next;
    }
    Some(Zone { name: tz.name().into(), offsets })
}

/// The first second in `(from, to]` with another offset than `from`.
fn first_change(tz: Tz, mut from: u32, mut to: u32) -> u32 {
    let before = offset(tz, from);
    while to - from > 1 {
        let middle = from + (to - from) / 2;
        if offset(tz, middle) == before { from = middle } else { to = middle }
    }
    to
}

/// Seconds east of UTC.
fn offset(tz: Tz, at: u32) -> i32 {
    let instant = DateTime::<Utc>::from_timestamp(EPOCH_MS / 1000 + i64::from(at), 0)
        .expect("an instant between 2020 and 2156 is a date");
    tz.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
}

/// Every name that there is, for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name())
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    const ZONES: [&str; 10] = [
        "UTC",
        "Europe/Berlin",
        "Europe/London",
        "America/New_York",
        "America/Sao_Paulo",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
    ];

    fn local_day(tz: Tz, at: u32) -> i32 {
        let instant = DateTime::<Utc>::from_timestamp(EPOCH_MS / 1000 + i64::from(at), 0).unwrap();
        let start = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap().num_days_from_ce();
        instant.with_timezone(&tz).date_naive().num_days_from_ce() - start
    }

    #[test]
    fn days_are_those_of_the_calendar_at_any_instant() {
        for name in ZONES {
            let (zone, tz) = (compile(name).unwrap(), name.parse::<Tz>().unwrap());
            // A stride that is coprime to the day meets every time of the day and of the year.
            for at in (0..LAST_DAY * DAY).step_by(97_001) {
                assert_eq!(zone.day(Secs(at)), local_day(tz, at), "{name} at {at}");
            }
        }
    }

    #[test]
    fn every_change_is_exact_to_the_second() {
        for name in ZONES {
            let (zone, tz) = (compile(name).unwrap(), name.parse::<Tz>().unwrap());
            for (from, east) in &zone.offsets[1..] {
                assert_eq!(offset(tz, from.0), *east, "{name} at {from:?}");
                assert_ne!(offset(tz, from.0 - 1), *east, "{name} before {from:?}");
            }
        }
    }

    #[test]
    fn summer_time_comes_and_goes_twice_a_year_in_berlin() {
        let zone = compile("Europe/Berlin").unwrap();
        assert_eq!(zone.offsets.len(), 1 + 2 * 20);
        // 2026-03-29 01:00 UTC.
        let spring = Secs((1_774_746_000 - EPOCH_MS / 1000) as u32);
        assert!(zone.offsets.contains(&(spring, 7_200)));
        assert_eq!(compile("UTC").unwrap(), Zone::utc());
        assert_eq!(compile("Europe/Berlín"), None);
    }

    #[test]
    fn a_days_start_is_local_midnight_through_summer_time() {
        for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
            let (zone, tz) = (compile(name).unwrap(), name.parse::<Tz>().unwrap());
            for at in (DAY * 30..DAY * 800).step_by(31_337) {
                let start = zone.day_start(Secs(at));
                assert_eq!(local_day(tz, start.0), local_day(tz, at), "{name} at {at}");
                assert_ne!(local_day(tz, start.0 - 1), local_day(tz, at), "{name} at {at}");
            }
        }
    }
}
