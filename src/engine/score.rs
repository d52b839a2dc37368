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

/// A sum expressed under another half-life: it keeps its value at `now` and decays anew.
pub fn re_expressed(sum: u64, epoch: Secs, now: Secs, old_half_life_s: u32, new_half_life_s: u32) -> u64 {
    let sum = shifted(sum, epoch, now, old_half_life_s);
    let since = |half_life_s: u32| (u64::from(now.0) - landmark(now, half_life_s)) as f64 / f64::from(half_life_s);
    (sum as f64 * libm::exp2(-since(old_half_life_s)) * libm::exp2(since(new_half_life_s))).floor() as u64
}

/// How sums are read at one instant under one policy: what is the same for every account, computed once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    now: Secs,
    half_life_s: [u32; 4],
    /// By class: the landmark of `now`, and what is left at `now` of a point at the landmark.
    landmark: [u64; 4],
    decay: [f64; 4],
}

impl Reading {
    pub fn new(scoring: &Scoring, now: Secs) -> Reading {
        let landmark = scoring.half_life_s.map(|half_life_s| landmark(now, half_life_s));
        let decay = std::array::from_fn(|class| {
            let since_landmark = u64::from(now.0) - landmark[class];
            libm::exp2(-(since_landmark as f64) / f64::from(scoring.half_life_s[class]))
        });
        Reading { now, half_life_s: scoring.half_life_s, landmark, decay }
    }

    pub fn now(&self) -> Secs {
        self.now
    }

    /// A sum, or a part of one, as of the landmark of now.
    pub fn shifted(&self, class: usize, sum: u64, epoch: Secs) -> u64 {
        if u64::from(epoch.0) >= self.landmark[class] {
            return sum;
        }
        shifted(sum, epoch, self.now, self.half_life_s[class])
    }

    /// A sum's value in points.
    fn points(&self, class: usize, sum: u64, epoch: Secs) -> f64 {
        self.shifted(class, sum, epoch) as f64 / UNIT * self.decay[class]
    }

    /// Timing, 0 to 1.
    pub fn timing(&self, scoring: &Scoring, sums: &[u64; 4], epoch: Secs) -> f64 {
        let mut x = 0.0;
        for (class, sum) in sums.iter().enumerate() {
            x += scoring.weight[class] * self.points(class, *sum, epoch).min(scoring.cap[class]);
        }
        // Of nothing there is nothing, exactly; most accounts are seldom heard of.
        if x == 0.0 { 0.0 } else { 1.0 - libm::exp2(-x / scoring.half_timing_points) }
    }
}

/// Instants whose decay is kept, by class: a minute's, and some late ones.
const KEPT_DECAYS: usize = 128;

/// What a point at an instant is worth at the landmark, kept for the instants at which events came lately.
#[derive(Debug)]
pub struct Decays {
    /// What the kept ones hold for.
    half_life_s: [u32; 4],
    landmark: [u64; 4],
    kept: [[(Secs, f64); KEPT_DECAYS]; 4],
}

impl Default for Decays {
    fn default() -> Decays {
        // No instant is kept in the place of another.
        let kept = std::array::from_fn(|place| (Secs(place as u32 + 1), 0.0));
        Decays { half_life_s: [0; 4], landmark: [0; 4], kept: [kept; 4] }
    }
}

impl Decays {
    /// What a signal of so many thousandths of a point, at `at`, adds to a sum at the landmark of now.
    pub fn contribution(&mut self, reading: &Reading, class: usize, points_milli: u32, at: Secs) -> u64 {
        if (self.half_life_s, self.landmark) != (reading.half_life_s, reading.landmark) {
            *self = Decays { half_life_s: reading.half_life_s, landmark: reading.landmark, ..Decays::default() };
        }
        let kept = &mut self.kept[class][at.0 as usize % KEPT_DECAYS];
        if kept.0 != at {
            *kept = (at, decay_from(reading.landmark[class], at, reading.half_life_s[class]));
        }
        (f64::from(points_milli) / 1000.0 * UNIT * kept.1).floor() as u64
    }
}

fn decay_from(landmark: u64, at: Secs, half_life_s: u32) -> f64 {
    let from_landmark = i64::from(at.0) - landmark as i64;
    libm::exp2(from_landmark as f64 / f64::from(half_life_s))
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

    fn scoring(half_life_s: u32) -> Scoring {
        Scoring {
            half_life_s: [half_life_s; 4],
            weight: [1.0; 4],
            cap: [100.0; 4],
            half_timing_points: 30.0,
            fit_share: 0.5,
            tiers: [25_000_000, 50_000_000, 75_000_000],
        }
    }

    fn contribution(points_milli: u32, at: Secs, now: Secs, half_life_s: u32) -> u64 {
        Decays::default().contribution(&Reading::new(&scoring(half_life_s), now), 0, points_milli, at)
    }

    fn points(sum: u64, epoch: Secs, now: Secs, half_life_s: u32) -> f64 {
        Reading::new(&scoring(half_life_s), now).points(0, sum, epoch)
    }

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
        let scoring = scoring(DAY);
        let now = Secs(8 * DAY * 10);
        let sums = [contribution(30_000, now, now, DAY), 0, 0, 0];
        let half = Reading::new(&scoring, now).timing(&scoring, &sums, now);
        assert!((half - 0.5).abs() < 1e-9);
        assert_eq!(priority(&scoring, 1_000_000, half), 75_000_000);
        assert_eq!(scoring.tier(75_000_000), 3);
        assert_eq!(scoring.tier(74_999_999), 2);
    }

    #[test]
    fn a_kept_decay_is_the_computed_one() {
        let mut decays = Decays::default();
        for half_life_s in [HOUR, 7 * DAY] {
            for step in 0..2_000u32 {
                let now = Secs(1000 * DAY + step * 97);
                let reading = Reading::new(&scoring(half_life_s), now);
                let at = now.minus(step * 7919 % 300);
                let fresh = Decays::default().contribution(&reading, 1, 1_500, at);
                assert_eq!(decays.contribution(&reading, 1, 1_500, at), fresh);
            }
        }
    }
}
