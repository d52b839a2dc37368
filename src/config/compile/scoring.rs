//! Scoring: half-lives, weights, caps, tiers, and what each kind of event is worth.

use std::collections::BTreeMap;

use super::check::Check;
use crate::config::mistake::Fault;
use crate::config::period::Period;
use crate::config::raw::policy::{RawClass, RawKind, RawKinds, RawScoring};
use crate::config::raw::{Spanned, unwritten};
use crate::domain::policy::{Kind, MAX_KINDS, MAX_PER_DAY, MAX_POINTS_MILLI, Scoring};
use crate::domain::signal::Class;

const DAY: u32 = 86_400;

/// Half-life, weight and cap of a class of which the file says nothing: intent is vague and lasts, engagement
/// is plain and passes, inbound is a hand raised, the reps' own activity says the least.
pub const CLASS_DEFAULTS: [(u32, f64, f64); 4] =
    [(14 * DAY, 1.0, 60.0), (7 * DAY, 1.0, 40.0), (21 * DAY, 1.0, 80.0), (14 * DAY, 0.5, 20.0)];

/// Weights, caps and half points beyond this have no meaning, and doubles stay exact below.
const MAX_FACTOR: f64 = 1e6;

/// Strength of the vendor's own unit; thousandths of it fit 32 bits.
const MAX_STRENGTH: f64 = 4e6;

pub fn classes(raw: &RawScoring) -> [&RawClass; 4] {
    [&raw.intent, &raw.engagement, &raw.inbound, &raw.activity]
}

pub fn scoring(raw: &RawScoring, kinds: &[Kind], check: &mut Check) -> Scoring {
    let fit_share = check.number(&raw.fit_share, "the share of fit", 0.0, 1.0);
    let mut scoring = Scoring {
        half_life_s: [0; 4],
        weight: [0.0; 4],
        cap: [0.0; 4],
        half_timing_points: check.number(&raw.half_timing_points, "half_timing_points", 0.001, MAX_FACTOR),
        // Without any points timing is always 0, and half of each priority would be wasted on it.
        fit_share: if kinds.iter().all(|kind| kind.points_milli == 0) { 1.0 } else { fit_share },
        tiers: tiers(&raw.tiers, check),
    };
    for (index, raw_class) in classes(raw).into_iter().enumerate() {
        let class = written_out(raw_class, index);
        let (half_life, weight, cap) = (class.half_life, class.weight, class.cap);
        scoring.half_life_s[index] = half_life.map_or(1, |value| check.period(&value, "a half-life", 1));
        scoring.weight[index] = weight.map_or(0.0, |value| check.number(&value, "a weight", 0.0, MAX_FACTOR));
        scoring.cap[index] = cap.map_or(0.0, |value| check.number(&value, "a cap", 0.0, MAX_FACTOR));
    }
    scoring
}

/// The class with its defaults.
pub fn written_out(raw: &RawClass, index: usize) -> RawClass {
    let (half_life_s, weight, cap) = CLASS_DEFAULTS[index];
    RawClass {
        half_life: raw.half_life.clone().or(Some(unwritten(Period(half_life_s)))),
        weight: raw.weight.clone().or(Some(unwritten(weight))),
        cap: raw.cap.clone().or(Some(unwritten(cap))),
    }
}

fn tiers(raw: &Spanned<Vec<f64>>, check: &mut Check) -> [u32; 3] {
    let boundaries = raw.get_ref();
    let ascending = boundaries.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = boundaries.iter().all(|boundary| *boundary > 0.0 && *boundary < 100.0);
    if let ([low, middle, high], true, true) = (boundaries.as_slice(), ascending, inside) {
        return [low, middle, high].map(|boundary| (boundary * 1e6).round() as u32);
    }
    check.rule(raw.span(), "tiers are three ascending priorities between 0 and 100", "for example [25, 50, 75]");
    [1, 2, 3]
}

/// Sorted by class and name.
pub fn kinds(raw: &RawKinds, check: &mut Check) -> Vec<Kind> {
    let tables = [&raw.intent, &raw.engagement, &raw.inbound, &raw.activity];
    let found: usize = tables.iter().map(|table| table.len()).sum();
    if let Some(last) = tables.iter().rev().find_map(|table| table.keys().next_back()) {
        check.at_most(last.span(), "kinds", found, MAX_KINDS);
    }
    let mut kinds: Vec<Kind> = Vec::with_capacity(found);
    for (class, table) in Class::ALL.into_iter().zip(tables) {
        kinds.extend(of_class(class, table, check));
    }
    kinds.sort_by(|a, b| (a.class, &a.name).cmp(&(b.class, &b.name)));
    kinds
}

fn of_class(class: Class, table: &BTreeMap<Spanned<String>, RawKind>, check: &mut Check) -> Vec<Kind> {
    table.iter().map(|(name, raw)| kind(class, name, raw, check)).collect()
}

fn kind(class: Class, name: &Spanned<String>, raw: &RawKind, check: &mut Check) -> Kind {
    let points_milli = check.thousandths(&raw.points, "points", f64::from(MAX_POINTS_MILLI) / 1000.0);
    let in_market = raw.in_market.as_ref();
    let in_market_milli =
        in_market.map(|value| check.thousandths(value, "in_market", f64::from(MAX_POINTS_MILLI) / 1000.0));
    if let (Some(value), Some(needed)) = (in_market, in_market_milli)
        && needed > points_milli
    {
        check.rule(
            value.span(),
            "no event of this kind earns so many points",
            "in_market is at most the kind's points",
        );
    }
    let full_strength = raw.full_strength.as_ref();
    Kind {
        class,
        name: check.name(name),
        points_milli,
        full_strength: full_strength.map(|value| full(value, check)),
        max_per_day: check.count(&raw.max_per_day, "max_per_day", 0, MAX_PER_DAY as u64),
        in_market_milli,
    }
}

fn full(value: &Spanned<f64>, check: &mut Check) -> u32 {
    let full = check.thousandths(value, "full_strength", MAX_STRENGTH);
    if full == 0 {
        check.fail(value.span(), Fault::Range { what: "full_strength", least: 0.001, most: MAX_STRENGTH });
    }
    full
}
