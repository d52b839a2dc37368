//! The score's arithmetic: integer sums relative to landmarks, read as timing and priority.
//! `docs/rules.md`, 4.

use crate::domain::Secs;
use crate::domain::policy::{Scoring, landmark};

/// 2^28: the units of a sum in one point.
const UNIT: f64 = 268_435_456.0;
/// Bits that a sum loses when its landmark moves on by one interval of eight half-lives.
const SHIFT: u64 = 8;

/// A sum, or a part of one, as of the landmark current at `now`.
pub fn shifted(sum: u64, epoch: Secs, now: Secs, half_life_s: u32) -> u64 {
    let interval = u64::from(half_life_s) * 8;
    let passed = landmark(now, half_life_s).saturating_sub(landmark(epoch, half_life_s)) / interval;
    let bits = passed * SHIFT;
    if bits >= 64 { 0 } else { sum >> bits }
}

/// What a signal of so many thousandths of a point, at `at`, adds to a sum at `now`'s landmark.
pub fn contribution(points_milli: u32, at: Secs, now: Secs, half_life_s: u32) -> u64 {
    let from_landmark = i64::from(at.0) - landmark(now, half_life_s) as i64;
    let decay = libm::exp2(from_landmark as f64 / f64::from(half_life_s));
    (f64::from(points_milli) / 1000.0 * UNIT * decay).floor() as u64
}

/// A sum's value in points at `now`.
pub fn points(sum: u64, epoch: Secs, now: Secs, half_life_s: u32) -> f64 {
    let since_landmark = u64::from(now.0) - landmark(now, half_life_s);
    let sum = shifted(sum, epoch, now, half_life_s);
    sum as f64 / UNIT * libm::exp2(-(since_landmark as f64) / f64::from(half_life_s))
}

/// A sum expressed under another half-life: it keeps its value at `now` and decays anew.
pub fn re_expressed(sum: u64, epoch: Secs, now: Secs, old_half_life_s: u32, new_half_life_s: u32) -> u64 {
    let sum = shifted(sum, epoch, now, old_half_life_s);
    let since = |half_life_s: u32| (u64::from(now.0) - landmark(now, half_life_s)) as f64 / f64::from(half_life_s);
    (sum as f64 * libm::exp2(-since(old_half_life_s)) * libm::exp2(since(new_half_life_s))).floor() as u64
}

/// Timing, 0 to 1.
pub fn timing(scoring: &Scoring, sums: &[u64; 4], epoch: Secs, now: Secs) -> f64 {
    let mut x = 0.0;
    for (class, sum) in sums.iter().enumerate() {
        let points = points(*sum, epoch, now, scoring.half_life_s[class]);
        x += scoring.weight[class] * points.min(scoring.cap[class]);
    }
    1.0 - libm::exp2(-x / scoring.half_timing_points)
}

/// Priority in millionths of a point of 0 to 100. `fit` in millionths of 1.
pub fn priority(scoring: &Scoring, fit: u32, timing: f64) -> u32 {
    let fit = f64::from(fit) / 1_000_000.0;
    let priority = 100.0 * (scoring.fit_share * fit + (1.0 - scoring.fit_share) * timing);
    (1_000_000.0 * priority + 0.5).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{DAY, HOUR};

    #[test]
    fn any_order_of_arrival_gives_the_same_sum() {
        let signals: Vec<(u32, Secs)> =
            (0..200).map(|i| (i * 37 % 900, Secs(1000 * DAY + i * 7919 % (90 * DAY)))).collect();
        let now = Secs(1100 * DAY);
        let half_life = 10 * DAY;
        let sum =
            |order: &[(u32, Secs)]| order.iter().map(|(p, at)| contribution(*p, *at, now, half_life)).sum::<u64>();
        let mut reversed = signals.clone();
        reversed.reverse();
        assert_eq!(sum(&signals), sum(&reversed));
    }

    #[test]
    fn a_half_life_halves_and_landmarks_lose_at_most_a_unit() {
        let half_life = 6 * HOUR;
        let start = Secs(1000 * DAY);
        let sum = contribution(10_000, start, start, half_life);
        for halvings in 0..20u32 {
            let now = start.plus(halvings * half_life);
            let left = points(sum, start, now, half_life);
            let exact = 10.0 / f64::from(1u32 << halvings);
            assert!((left - exact).abs() < 2e-8, "{halvings}: {left} for {exact}");
        }
        assert_eq!(shifted(sum, start, start.plus(500 * DAY), half_life), 0);
    }

    #[test]
    fn shifting_in_steps_is_shifting_at_once() {
        let half_life = HOUR;
        let (a, b, c) = (Secs(DAY), Secs(3 * DAY), Secs(5 * DAY));
        let sum = u64::MAX / 3;
        assert_eq!(shifted(shifted(sum, a, b, half_life), b, c, half_life), shifted(sum, a, c, half_life));
    }

    #[test]
    fn half_of_full_timing_at_h_points() {
        let scoring = Scoring {
            half_life_s: [DAY; 4],
            weight: [1.0; 4],
            cap: [100.0, 100.0, 100.0, 100.0],
            half_timing_points: 30.0,
            fit_share: 0.5,
            tiers: [25_000_000, 50_000_000, 75_000_000],
        };
        let now = Secs(8 * DAY * 10);
        let sums = [contribution(30_000, now, now, DAY), 0, 0, 0];
        let half = timing(&scoring, &sums, now, now);
        assert!((half - 0.5).abs() < 1e-9);
        assert_eq!(priority(&scoring, 1_000_000, half), 75_000_000);
        assert_eq!(scoring.tier(75_000_000), 3);
        assert_eq!(scoring.tier(74_999_999), 2);
    }
}
