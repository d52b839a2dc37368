//! §4, the arithmetic: sums, priorities, and what a decision shows.

use bookd::domain::Secs;
use bookd::domain::output::{MAX_TOP_SIGNALS, TopSignal};
use bookd::domain::policy::landmark;

use super::{AccountNo, Twin};

const POINT: f64 = (1u64 << 28) as f64;

/// `floor(points/1000 · 2^28 · 2^((t − L)/half_life))`.
pub(super) fn contribution(points_milli: u32, at: Secs, now: Secs, half_life_s: u32) -> u64 {
    let age = f64::from(at.0) - landmark(now, half_life_s) as f64;
    (f64::from(points_milli) / 1000.0 * POINT * libm::exp2(age / f64::from(half_life_s))).floor() as u64
}

pub(super) fn expressed_anew(sum: u64, now: Secs, old_s: u32, new_s: u32) -> u64 {
    let since = |half_life_s: u32| f64::from(now.0) - landmark(now, half_life_s) as f64;
    let decayed = sum as f64 * libm::exp2(-since(old_s) / f64::from(old_s));
    (decayed * libm::exp2(since(new_s) / f64::from(new_s))).floor() as u64
}

impl Twin {
    /// Sums and rows lose 8 bits for each landmark that was passed since the entry before.
    pub(super) fn shift_sums(&mut self) {
        let half_lives = self.policy().scoring.half_life_s;
        let passed = |class: usize| {
            let half_life_s = half_lives[class];
            let distance = landmark(self.now, half_life_s) - landmark(self.before, half_life_s);
            distance / (8 * u64::from(half_life_s))
        };
        let passed = [passed(0), passed(1), passed(2), passed(3)];
        let shift = |sum: &mut u64, class: usize| {
            *sum = if passed[class] < 8 { *sum >> (8 * passed[class]) } else { 0 };
        };
        for account in &mut self.accounts {
            for class in 0..4 {
                shift(&mut account.sums[class], class);
            }
            for row in &mut account.daily {
                shift(&mut row.contributed, row.class as usize);
            }
            for (key, row) in &mut account.snapshots {
                shift(&mut row.contributed, key.1 as usize);
            }
        }
    }

    fn timing(&self, account: AccountNo) -> f64 {
        let scoring = &self.policy().scoring;
        let mut points = 0.0;
        for class in 0..4 {
            let half_life_s = scoring.half_life_s[class];
            let age = f64::from(self.now.0) - landmark(self.now, half_life_s) as f64;
            let sum = self.accounts[account].sums[class] as f64;
            let s = sum * (1.0 / POINT) * libm::exp2(-age / f64::from(half_life_s));
            points += scoring.weight[class] * scoring.cap[class].min(s);
        }
        1.0 - libm::exp2(-points / scoring.half_timing_points)
    }

    pub(super) fn priority(&self, account: AccountNo) -> u32 {
        let fit = f64::from(self.accounts[account].fit) / 1e6;
        let share = self.policy().scoring.fit_share;
        let p = 100.0 * (share * fit + (1.0 - share) * self.timing(account));
        (1e6 * p + 0.5).floor() as u32
    }

    pub(super) fn timing_millionths(&self, account: AccountNo) -> u32 {
        (1e6 * self.timing(account) + 0.5).floor() as u32
    }

    pub(super) fn tier(&self, account: AccountNo) -> u8 {
        self.policy().scoring.tier(self.priority(account))
    }

    pub(super) fn top_signals(&self, account: AccountNo) -> Vec<TopSignal> {
        let half_lives = self.policy().scoring.half_life_s;
        // The later arrival first, which a stable sort keeps among equals.
        let latest_first = self.accounts[account].counted.iter().rev();
        let mut top: Vec<TopSignal> = latest_first
            .map(|signal| {
                let age = f64::from(self.now.since(signal.at)) / f64::from(half_lives[signal.class as usize]);
                TopSignal {
                    class: signal.class,
                    kind: signal.kind.clone(),
                    subject: signal.subject.clone(),
                    at: signal.at,
                    points_milli: (f64::from(signal.points_milli) * libm::exp2(-age)).floor() as u32,
                    position: signal.position,
                }
            })
            .filter(|signal| signal.points_milli > 0)
            .collect();
        top.sort_by_key(|signal| std::cmp::Reverse(signal.points_milli));
        top.truncate(MAX_TOP_SIGNALS);
        top
    }
}
