//! Days of the made-up company: numbered from 0, from midnight to midnight UTC; offices work from Monday to Friday.

use chrono::{DateTime, FixedOffset, SecondsFormat};

use super::chance::Chance;
use crate::domain::Millis;

pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Office hours in UTC: 9 to 18 in Berlin in summer.
const OPENS: u32 = 7;
const CLOSES: u32 = 16;

/// 1970-01-01 was a Thursday; Monday is 0.
const EPOCH_WEEKDAY: i64 = 3;

/// How many people of a thousand are on the web at each hour (UTC) of a day.
const WEB_HOURS: [(u32, u32); 24] = [
    (4, 0),
    (3, 1),
    (3, 2),
    (4, 3),
    (8, 4),
    (20, 5),
    (45, 6),
    (75, 7),
    (85, 8),
    (85, 9),
    (70, 10),
    (65, 11),
    (80, 12),
    (85, 13),
    (80, 14),
    (70, 15),
    (50, 16),
    (40, 17),
    (35, 18),
    (35, 19),
    (28, 20),
    (16, 21),
    (9, 22),
    (5, 23),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    /// Midnight UTC of day 0.
    pub start: Millis,
}

impl Calendar {
    pub fn at(self, day: u32, ms: i64) -> Millis {
        Millis(self.start.0 + i64::from(day) * DAY_MS + ms)
    }

    pub fn weekday(self, day: u32) -> Weekday {
        let days = self.at(day, 0).0.div_euclid(DAY_MS) + EPOCH_WEEKDAY;
        match days.rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    pub fn is_workday(self, day: u32) -> bool {
        !matches!(self.weekday(day), Weekday::Saturday | Weekday::Sunday)
    }

    /// This day if people work on it, else the next on which they do.
    pub fn workday_from(self, day: u32) -> u32 {
        (day..day + 7).find(|day| self.is_workday(*day)).unwrap_or(day)
    }

    pub fn in_office(self, day: u32, chance: &mut Chance) -> Millis {
        self.at(day, chance.between_ms(i64::from(OPENS) * HOUR_MS, i64::from(CLOSES) * HOUR_MS - 1))
    }

    pub fn on_the_web(self, day: u32, chance: &mut Chance) -> Millis {
        let hour = i64::from(chance.weighted(&WEB_HOURS));
        self.at(day, hour * HOUR_MS + chance.between_ms(0, HOUR_MS - 1))
    }

    /// A meeting's start: a full or half hour, so that it ends while the office is open.
    pub fn meeting(self, day: u32, chance: &mut Chance) -> Millis {
        let half_hours = chance.between(OPENS * 2, CLOSES * 2 - 3);
        self.at(day, i64::from(half_hours) * 30 * MINUTE_MS)
    }
}

/// How a system writes instants: servers in UTC, desks in their own zone. An offset, so no calendar is asked.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    Utc,
    Berlin,
}

/// RFC 3339, whole seconds.
pub fn rfc3339(at: Millis, clock: Clock) -> String {
    let hours = match clock {
        Clock::Utc => 0,
        Clock::Berlin => 2,
    };
    let offset = FixedOffset::east_opt(hours * 3600).expect("less than a day");
    let utc = DateTime::from_timestamp_millis(at.0).expect("the workload's years have four digits");
    let whole = utc.with_timezone(&offset);
    whole.to_rfc3339_opts(SecondsFormat::Secs, matches!(clock, Clock::Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_july_2026_is_a_wednesday() {
        let calendar = Calendar { start: Millis(1_782_864_000_000) };
        assert_eq!(rfc3339(calendar.start, Clock::Utc), "2026-07-01T00:00:00Z");
        assert_eq!(rfc3339(calendar.at(1, HOUR_MS), Clock::Berlin), "2026-07-02T03:00:00+02:00");
        assert_eq!(calendar.weekday(0), Weekday::Wednesday);
        assert_eq!(calendar.weekday(4), Weekday::Sunday);
        assert_eq!(calendar.workday_from(3), 5);
        assert_eq!(calendar.workday_from(5), 5);
    }
}
