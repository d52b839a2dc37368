//! `[policy]`: scoring, fit, kinds, roles, segments, sources, windows, breaker. Books are a file of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::books::RawBook;
use super::{Spanned, unwritten};
use crate::config::period::Period;
use crate::domain::policy::{Breaker, Windows};

/// Parts per million as a share of 1.
const PPM: f64 = 1e6;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    pub version: Spanned<u32>,
    #[serde(default)]
    pub scoring: RawScoring,
    #[serde(default)]
    pub fit: RawFit,
    #[serde(default)]
    pub kinds: RawKinds,
    #[serde(default)]
    pub windows: RawWindows,
    #[serde(default)]
    pub breaker: RawBreaker,
    #[serde(default)]
    pub sources: Vec<RawSource>,
    pub roles: Spanned<Vec<RawRole>>,
    pub segments: Spanned<Vec<RawSegment>>,
    pub books: Spanned<Vec<RawBook>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawScoring {
    pub fit_share: Spanned<f64>,
    pub half_timing_points: Spanned<f64>,
    pub tiers: Spanned<Vec<f64>>,
    pub intent: RawClass,
    pub engagement: RawClass,
    pub inbound: RawClass,
    pub activity: RawClass,
}

impl Default for RawScoring {
    fn default() -> RawScoring {
        RawScoring {
            fit_share: unwritten(0.5),
            half_timing_points: unwritten(30.0),
            tiers: unwritten(vec![25.0, 50.0, 75.0]),
            intent: RawClass::default(),
            engagement: RawClass::default(),
            inbound: RawClass::default(),
            activity: RawClass::default(),
        }
    }
}

/// What is absent is its class's default (`compile::scoring`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawClass {
    pub half_life: Option<Spanned<Period>>,
    pub weight: Option<Spanned<f64>>,
    pub cap: Option<Spanned<f64>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawFit {
    pub otherwise: Option<Spanned<f64>>,
    pub criteria: Vec<RawCriterion>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCriterion {
    pub filter: Spanned<String>,
    pub weight: Spanned<u32>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawKinds {
    pub intent: BTreeMap<Spanned<String>, RawKind>,
    pub engagement: BTreeMap<Spanned<String>, RawKind>,
    pub inbound: BTreeMap<Spanned<String>, RawKind>,
    pub activity: BTreeMap<Spanned<String>, RawKind>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawKind {
    pub points: Spanned<f64>,
    pub full_strength: Option<Spanned<f64>>,
    pub max_per_day: Spanned<u8>,
    pub in_market: Option<Spanned<f64>>,
}

impl Default for RawKind {
    fn default() -> RawKind {
        RawKind { points: unwritten(0.0), full_strength: None, max_per_day: unwritten(0), in_market: None }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRole {
    pub name: Spanned<String>,
    #[serde(default = "nobody")]
    pub exclude: Spanned<String>,
    #[serde(default = "yes")]
    pub exclude_open_opportunities: bool,
    #[serde(default)]
    pub holding_users: Vec<Spanned<String>>,
    pub mode: Option<Spanned<RawMode>>,
    pub approve_above: Option<Spanned<u32>>,
    #[serde(default = "one_day")]
    pub not_after: Spanned<Period>,
    pub confirm: Option<Spanned<RawConfirm>>,
    pub max_unresolved: Option<Spanned<u32>>,
    #[serde(default)]
    pub sort: Vec<RawSortKey>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawMode {
    #[default]
    Live,
    Shadow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawConfirm {
    #[default]
    Assume,
    Echo,
    Results,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSortKey {
    pub field: Spanned<String>,
    #[serde(default = "yes")]
    pub descending: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSegment {
    pub name: Spanned<String>,
    #[serde(default = "everybody")]
    pub filter: Spanned<String>,
    #[serde(default = "zero")]
    pub threshold: Spanned<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSource {
    pub name: Spanned<String>,
    #[serde(default = "one_hour")]
    pub lateness: Spanned<Period>,
    #[serde(default = "one_day")]
    pub cadence: Spanned<Period>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWindows {
    pub dedup: Spanned<Period>,
    pub dedup_max: Spanned<u32>,
    pub ahead: Spanned<Period>,
    pub late: Spanned<Period>,
    pub history: Spanned<Period>,
    pub unknown: Spanned<Period>,
    pub unknown_max: Spanned<u32>,
    pub unknown_per_account: Spanned<u32>,
}

impl Default for RawWindows {
    fn default() -> RawWindows {
        let windows = Windows::default();
        let period = |seconds| unwritten(Period(seconds));
        RawWindows {
            dedup: period(windows.dedup_s),
            dedup_max: unwritten(windows.dedup_max),
            ahead: period(windows.ahead_s),
            late: period(windows.late_s),
            history: period(windows.history_s),
            unknown: period(windows.unknown_s),
            unknown_max: unwritten(windows.unknown_max),
            unknown_per_account: unwritten(windows.unknown_per_account),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawBreaker {
    pub book_share: Spanned<f64>,
    pub book_min: u32,
    pub all_share: Spanned<f64>,
    pub all_min: u32,
    pub quiet: Spanned<Period>,
    pub quiet_acts: Spanned<u8>,
    pub departures_share: Spanned<f64>,
    pub departures_min: u32,
}

impl Default for RawBreaker {
    fn default() -> RawBreaker {
        let breaker = Breaker::default();
        let share = |ppm| unwritten(f64::from(ppm) / PPM);
        RawBreaker {
            book_share: share(breaker.book_share_ppm),
            book_min: breaker.book_min,
            all_share: share(breaker.all_share_ppm),
            all_min: breaker.all_min,
            quiet: unwritten(Period(breaker.quiet_s)),
            quiet_acts: unwritten(breaker.quiet_acts),
            departures_share: share(breaker.departures_share_ppm),
            departures_min: breaker.departures_min,
        }
    }
}

fn yes() -> bool {
    true
}

fn zero() -> Spanned<f64> {
    unwritten(0.0)
}

fn nobody() -> Spanned<String> {
    unwritten("false".into())
}

fn everybody() -> Spanned<String> {
    unwritten("true".into())
}

fn one_hour() -> Spanned<Period> {
    unwritten(Period(3_600))
}

fn one_day() -> Spanned<Period> {
    unwritten(Period(86_400))
}
