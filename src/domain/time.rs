//! Two clocks' readings and nothing else: milliseconds at the edge, whole seconds inside.

/// Milliseconds since 1970-01-01 UTC; the unit of every event, record and journal entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

/// Whole seconds since 2020-01-01 UTC, the unit of everything the engine keeps. Lasts until 2156.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secs(pub u32);

/// 2020-01-01T00:00:00Z in milliseconds since 1970.
pub const EPOCH_MS: i64 = 1_577_836_800_000;

pub const MINUTE: u32 = 60;
pub const HOUR: u32 = 3_600;
pub const DAY: u32 = 86_400;

impl Millis {
    /// Rounded down to whole seconds. Instants before 2020 become 0: `feed` turns them away before that
    /// can matter, and 0 is older than every window.
    pub fn secs(self) -> Secs {
        let secs = (self.0 - EPOCH_MS).div_euclid(1000);
        Secs(secs.clamp(0, i64::from(u32::MAX)) as u32)
    }
}

impl Secs {
    pub const ZERO: Secs = Secs(0);
    /// Later than every instant: a deadline that never comes.
    pub const NEVER: Secs = Secs(u32::MAX);

    pub fn millis(self) -> Millis {
        Millis(EPOCH_MS + i64::from(self.0) * 1000)
    }

    /// Saturates at [`Secs::NEVER`], which also absorbs: never plus anything is never.
    pub fn plus(self, seconds: u32) -> Secs {
        Secs(self.0.saturating_add(seconds))
    }

    /// Saturates at zero; never stays never.
    pub fn minus(self, seconds: u32) -> Secs {
        if self == Secs::NEVER { self } else { Secs(self.0.saturating_sub(seconds)) }
    }

    /// Seconds from `earlier` to here, 0 if `earlier` is later.
    pub fn since(self, earlier: Secs) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The UTC day, counted from 2020-01-01.
    pub fn utc_day(self) -> u32 {
        self.0 / DAY
    }
}

/// A time zone as its offsets from UTC, compiled at the edge so that a replay never asks a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// IANA name, for people.
    pub name: crate::domain::Text,
    /// `(from, seconds east of UTC)`, ascending; the first holds from the beginning. Never empty.
    pub offsets: Vec<(Secs, i32)>,
}

impl Zone {
    pub fn utc() -> Zone {
        Zone { name: "UTC".into(), offsets: vec![(Secs::ZERO, 0)] }
    }

    fn offset(&self, at: Secs) -> i64 {
        let next = self.offsets.partition_point(|(from, _)| *from <= at);
        i64::from(self.offsets[next.saturating_sub(1)].1)
    }

    /// The instant at which the local day of `at` began.
    pub fn day_start(&self, at: Secs) -> Secs {
        let day = self.day(at);
        // Offsets change by an hour or so, at night: look back from the naive start for the first second
        // that is still of that day.
        let naive = i64::from(day) * i64::from(DAY) - self.offset(at);
        let mut start = naive.max(0) as u32;
        while start < at.0 && self.day(Secs(start)) < day {
            start += 900;
        }
        while start >= 900 && self.day(Secs(start - 900)) == day {
            start -= 900;
        }
        Secs(start)
    }

    /// The local day of `at`; days before 2020-01-01 local are negative.
    pub fn day(&self, at: Secs) -> i32 {
        ((i64::from(at.0) + self.offset(at)).div_euclid(i64::from(DAY))) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_round_down_and_survive_the_ends() {
        assert_eq!(Millis(EPOCH_MS + 1999).secs(), Secs(1));
        assert_eq!(Millis(0).secs(), Secs(0));
        assert_eq!(Millis(i64::MAX).secs(), Secs::NEVER);
        assert_eq!(Secs(1).millis(), Millis(EPOCH_MS + 1000));
        assert_eq!(Secs::NEVER.plus(5), Secs::NEVER);
        assert_eq!(Secs::NEVER.minus(5), Secs::NEVER);
    }

    #[test]
    fn a_zone_changes_its_day_at_local_midnight() {
        let zone = Zone { name: "x".into(), offsets: vec![(Secs(0), -3600), (Secs(10 * DAY), 3600)] };
        assert_eq!(zone.day(Secs(0)), -1);
        assert_eq!(zone.day(Secs(3600)), 0);
        assert_eq!(zone.day(Secs(11 * DAY - 3600)), 11);
    }
}
