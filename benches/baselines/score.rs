//! The arithmetic that all plain ways share: sums that decay on touch, and the priority they give.

use std::collections::HashMap;

use crate::workload::policy::{CAP, FIT_SHARE, HALF_LIFE_HOURS, HALF_TIMING_POINTS, KINDS, WEIGHT};

/// What is kept of an account.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Points by class, as of `at`.
    pub points: [f64; 4],
    /// Seconds since 1970.
    pub at: i64,
    pub fit: f64,
}

impl Sums {
    /// An event may be older than the last one: then it has decayed already.
    pub fn add(&mut self, class: usize, points: f64, at: i64) {
        if at >= self.at {
            self.decay(at);
            self.points[class] += points;
        } else {
            self.points[class] += points * decay(class, self.at - at);
        }
    }

    pub fn decay(&mut self, to: i64) {
        let age = to - self.at;
        for (class, points) in self.points.iter_mut().enumerate() {
            *points *= decay(class, age);
        }
        self.at = to;
    }

    /// 0 to 100, as of the last event.
    pub fn priority(&self) -> f64 {
        let capped = self.points.iter().zip(CAP).map(|(points, cap)| points.min(cap));
        let x: f64 = capped.zip(WEIGHT).map(|(points, weight)| weight * points).sum();
        let timing = 1.0 - (-x / HALF_TIMING_POINTS).exp2();
        100.0 * (FIT_SHARE * self.fit + (1.0 - FIT_SHARE) * timing)
    }
}

fn decay(class: usize, seconds: i64) -> f64 {
    (-(seconds as f64) / (f64::from(HALF_LIFE_HOURS[class]) * 3600.0)).exp2()
}

#[derive(Clone, Copy, Debug)]
pub struct Worth {
    pub class: usize,
    points: f64,
    full_strength: Option<f64>,
}

impl Worth {
    pub fn points(&self, strength: Option<f64>) -> f64 {
        match (self.full_strength, strength) {
            (Some(full), Some(strength)) if strength < full => self.points * strength / full,
            _ => self.points,
        }
    }
}

/// By kind.
pub fn worths() -> HashMap<&'static str, Worth> {
    let class = |name| ["intent", "engagement", "inbound", "activity"].iter().position(|each| *each == name);
    let worth = |(name, kind, points, full_strength)| {
        let class = class(name).expect("kinds are of the four classes");
        (kind, Worth { class, points, full_strength })
    };
    KINDS.into_iter().map(worth).collect()
}
