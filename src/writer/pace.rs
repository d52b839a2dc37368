//! How fast the CRM is asked: longer after each failure, and never more often than it allows.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::Millis;

/// After the first failure.
const FIRST_MS: i64 = 1_000;
/// After any number of them.
const LONGEST_MS: i64 = 60_000;
/// The window in which requests are counted.
const WINDOW_MS: i64 = 10_000;

/// Twice as long after each failure in a row, less up to a half by chance: writers that failed together don't come
/// back together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// Notes a failure; returns how long to wait. `chance`: any number.
    pub fn fail_ms(&mut self, chance: u32) -> i64 {
        let longest = FIRST_MS.checked_shl(self.failures).filter(|wait| (1..LONGEST_MS).contains(wait));
        self.failures = self.failures.saturating_add(1);
        let longest = longest.unwrap_or(LONGEST_MS);
        longest - longest / 2 * i64::from(chance) / i64::from(u32::MAX)
    }

    /// A part of it went well: one failure is forgotten.
    pub fn ease(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

/// When requests left, as far as they still count.
#[derive(Clone, Debug)]
pub struct Window {
    most: usize,
    left: VecDeque<Millis>,
}

impl Window {
    /// At most so many in any ten seconds.
    pub fn new(most: u32) -> Window {
        Window { most: most.max(1) as usize, left: VecDeque::new() }
    }

    /// How long the next request has to wait. A clock that was put back makes nobody wait longer than the window.
    pub fn wait(&mut self, now: Millis) -> Duration {
        while self.left.front().is_some_and(|first| first.0 + WINDOW_MS <= now.0 || first.0 > now.0) {
            self.left.pop_front();
        }
        match self.left.front() {
            Some(first) if self.left.len() >= self.most => {
                Duration::from_millis((first.0 + WINDOW_MS - now.0).unsigned_abs())
            }
            _ => Duration::ZERO,
        }
    }

    pub fn note(&mut self, now: Millis) {
        self.left.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_have_an_end() {
        let mut backoff = Backoff::default();
        let waits: Vec<i64> = (0..8).map(|_| backoff.fail_ms(0)).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        for _ in 0..100 {
            assert_eq!(backoff.fail_ms(0), 60_000);
        }
        backoff.ease();
        assert_eq!(backoff.fail_ms(0), 60_000);
        backoff.succeed();
        assert_eq!(backoff.fail_ms(u32::MAX), 500);
    }

    #[test]
    fn in_any_ten_seconds_no_more_than_allowed() {
        let mut window = Window::new(2);
        for at in [0, 1_000] {
            assert_eq!(window.wait(Millis(at)), Duration::ZERO);
            window.note(Millis(at));
        }
        assert_eq!(window.wait(Millis(4_000)), Duration::from_secs(6));
        assert_eq!(window.wait(Millis(9_999)), Duration::from_millis(1));
        assert_eq!(window.wait(Millis(10_000)), Duration::ZERO);
        window.note(Millis(10_000));
        assert_eq!(window.wait(Millis(10_000)), Duration::from_secs(1));
    }

    #[test]
    fn a_clock_put_back_stops_nobody() {
        let mut window = Window::new(1);
        window.note(Millis(1_000_000));
        assert_eq!(window.wait(Millis(5)), Duration::ZERO);
    }
}
