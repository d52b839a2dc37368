//! Sources of activity, how old or new an event may be, and the breaker.

use super::check::Check;
use crate::config::raw::policy::{RawBreaker, RawSource, RawWindows};
use crate::config::raw::{Spanned, policy::RawPolicy};
use crate::domain::policy::{Breaker, Source, Windows};

/// Every source holds losses back; more of them than this are campaigns, not feeds.
const MAX_SOURCES: usize = 256;

/// A remembered id is about 77 bytes: 100 million are the memory of a whole machine.
const MAX_DEDUP: u64 = 100_000_000;

/// Signals for accounts that nobody created yet are whole events.
const MAX_UNKNOWN: u64 = 10_000_000;

/// Acts of a rep that are kept.
const MAX_ACTS: u64 = 10;

/// The sources' names in their compiled order.
pub fn source_names(raw: &RawPolicy) -> Vec<&str> {
    let mut names: Vec<&str> = raw.sources.iter().map(|source| source.name.get_ref().as_str()).collect();
    names.sort_unstable();
    names
}

/// Sorted by name.
pub fn sources(raw: &[RawSource], check: &mut Check) -> Vec<Source> {
    if let Some(last) = raw.last() {
        check.at_most(last.name.span(), "sources", raw.len(), MAX_SOURCES);
    }
    check.unique("source", raw.iter().map(|source| &source.name));
    let mut sources: Vec<Source> = raw
        .iter()
        .map(|source| Source {
            name: check.name(&source.name),
            lateness_s: check.period(&source.lateness, "lateness", 0),
            cadence_s: check.period(&source.cadence, "a cadence", 1),
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

pub fn windows(raw: &RawWindows, check: &mut Check) -> Windows {
    if raw.dedup.get_ref() < raw.late.get_ref() {
        check.rule(
            written(&raw.dedup, &raw.late),
            "activity is accepted longer than its ids are remembered: what is sent again would count twice",
            "make dedup at least as long as late",
        );
    }
    if raw.history.get_ref() < raw.late.get_ref() {
        check.rule(
            written(&raw.history, &raw.late),
            "less history is read while the gate is closed than while it is open",
            "make history at least as long as late",
        );
    }
    Windows {
        dedup_s: check.period(&raw.dedup, "dedup", 1),
        dedup_max: check.count(&raw.dedup_max, "dedup_max", 1, MAX_DEDUP),
        ahead_s: check.period(&raw.ahead, "ahead", 0),
        late_s: check.period(&raw.late, "late", 1),
        history_s: check.period(&raw.history, "history", 1),
        unknown_max: check.count(&raw.unknown_max, "unknown_max", 0, MAX_UNKNOWN),
        unknown_per_account: check.count(&raw.unknown_per_account, "unknown_per_account", 1, MAX_UNKNOWN),
        unknown_s: check.period(&raw.unknown, "unknown", 1),
    }
}

/// The place of the one of two that stands in the file.
fn written<T>(first: &Spanned<T>, second: &Spanned<T>) -> std::ops::Range<usize> {
    if first.span().is_empty() { second.span() } else { first.span() }
}

pub fn breaker(raw: &RawBreaker, check: &mut Check) -> Breaker {
    Breaker {
        book_share_ppm: check.share(&raw.book_share, "a share"),
        book_min: raw.book_min,
        all_share_ppm: check.share(&raw.all_share, "a share"),
        all_min: raw.all_min,
        quiet_s: check.period(&raw.quiet, "quiet", 1),
        quiet_acts: check.count(&raw.quiet_acts, "quiet_acts", 1, MAX_ACTS),
        departures_share_ppm: check.share(&raw.departures_share, "a share"),
        departures_min: raw.departures_min,
    }
}
