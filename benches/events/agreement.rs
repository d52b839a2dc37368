//! Before anything is measured: where every event counts once, all four ways keep the same sums.

use bookd::domain::Secs;
use bookd::domain::policy::landmark;

use crate::baselines::score::Sums;
use crate::contestants::Contestants;
use crate::pass::LARGE;
use crate::workload::policy::HALF_LIFE_HOURS;
use crate::workload::{Shape, Workload, policy};

/// Sums in the engine are whole units of 2^-28 points, rounded down once an event.
const TOLERANCE: f64 = 1e-5;
const ROUNDS: usize = 6;

pub fn check() {
    let shape = Shape { plain: true, ..Shape::of(10_000) };
    let mut workload = Workload::new(shape);
    let mut all = Contestants::all(&policy::config(&shape, 1), &workload);
    for _ in 0..ROUNDS {
        let mut events = workload.events(shape.round());
        all.run(&mut events, LARGE);
    }
    let engine = all.engine.as_ref().expect("all run").engine.view();
    let compared = engine.accounts.iter().filter(|account| {
        let ours: [f64; 4] = std::array::from_fn(|class| points(account.sums[class], class, engine.now));
        for theirs in all.sums(&account.id) {
            compare(&account.id, &ours, theirs, engine.now);
        }
        ours.iter().any(|points| *points > 0.0)
    });
    let compared = compared.count();
    assert!(compared > 1_000, "only {compared} accounts had events");
    eprintln!("agreement: the sums of {compared} accounts are the same four times over");
}

fn points(sum: u64, class: usize, now: Secs) -> f64 {
    let half_life_s = HALF_LIFE_HOURS[class] * 3600;
    let since = u64::from(now.0) - landmark(now, half_life_s);
    sum as f64 / f64::from(1u32 << 28) * (-(since as f64) / f64::from(half_life_s)).exp2()
}

fn compare(id: &str, ours: &[f64; 4], mut theirs: Sums, now: Secs) {
    theirs.decay(now.millis().0 / 1000);
    for (class, (ours, theirs)) in ours.iter().zip(theirs.points).enumerate() {
        let apart = (ours - theirs).abs();
        assert!(apart <= TOLERANCE * theirs.max(1.0), "{id}, class {class}: {ours} here, {theirs} there");
    }
}
