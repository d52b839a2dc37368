//! Target books: capacity, segments, evidence, warnings, losses, returns.

use super::check::Check;
use super::windows::source_names;
use crate::config::mistake::{Fault, nearest};
use crate::config::period::Period;
use crate::config::raw::Spanned;
use crate::config::raw::books::{RawBook, RawEvidence, RawHandling, RawReturn, RawReturns};
use crate::config::raw::policy::RawPolicy;
use crate::config::warning::Warning;
use crate::config::zone;
use crate::domain::policy::{
    Book, BookSegment, CoolOff, Evidence, Handling, Kind, MAX_BOOK_SEGMENTS, MAX_CONTACTS, MAX_DAYS, MAX_PAST_OWNERS,
    MAX_REPLIES, MAX_TOUCHES, RetrievalCaps, ReturnRule,
};
use crate::domain::signal::Class;
use crate::domain::time::{DAY, Zone};

/// No rep works more accounts than this; it bounds the exact comparison of fills.
const MAX_CAPACITY: u64 = 1_000_000;

/// A slack beyond this is no fairness any more.
const MAX_SLACK: u64 = 1_000;

/// A quota without a period is by this one.
pub const QUOTA_PERIOD: Period = Period(30 * DAY);

pub fn books(raw: &RawPolicy, kinds: &[Kind], check: &mut Check) -> Vec<Book> {
    let books = raw.books.get_ref();
    check.at_most(raw.books.span(), "books", books.len(), super::MAX_BOOKS);
    if books.is_empty() {
        check.fail(raw.books.span(), Fault::NoneAtAll("book"));
    }
    check.unique("book", books.iter().map(|book| &book.name));
    books.iter().map(|each| book(each, raw, kinds, check)).collect()
}

fn book(raw: &RawBook, policy: &RawPolicy, kinds: &[Kind], check: &mut Check) -> Book {
    let roles = policy.roles.get_ref().iter().map(|role| role.name.get_ref().as_str());
    let evidence = evidence(&raw.evidence, kinds, check);
    let book = Book {
        name: check.name(&raw.name),
        role: check.index(&raw.role, "role", roles) as u8,
        capacity: check.count(&raw.capacity, "a capacity", 1, MAX_CAPACITY),
        segments: segments(raw, policy, check),
        fill_idle: raw.fill_idle.as_ref().map(|value| check.priority(value, "fill_idle")),
        fill_slack: check.count(&raw.fill_slack, "fill_slack", 0, MAX_SLACK),
        zone: compile_zone(&raw.zone, check),
        grace_s: raw.grace.as_ref().map_or(evidence.window_s, |grace| check.period(grace, "grace", 0)),
        evidence,
        lead_s: check.period(&raw.lead, "lead", 0),
        caps: RetrievalCaps {
            per_rep_day: check.count(&raw.caps.per_rep_day, "per_rep_day", 1, MAX_CAPACITY),
            per_book_hour_ppm: check.share(&raw.caps.per_book_hour, "per_book_hour"),
        },
        sources: sources(raw, policy, check),
        rest_s: check.period(&raw.rest, "rest", 0),
        cool_off: CoolOff {
            owners: check.count(&raw.cool_off.owners, "owners", 0, MAX_PAST_OWNERS as u64),
            period_s: check.period(&raw.cool_off.period, "period", 0),
        },
        returns: returns(&raw.returns).map(|each| return_rule(each, check)).into(),
    };
    warn(raw, policy, &book, check);
    book
}

/// The book's segments: those written, or all.
pub fn segment_names(raw: &RawBook, policy: &RawPolicy) -> Vec<(Spanned<String>, Option<Spanned<u32>>)> {
    match &raw.segments {
        Some(listed) => listed.get_ref().iter().map(|each| (each.name.clone(), each.cap.clone())).collect(),
        None => policy.segments.get_ref().iter().map(|each| (each.name.clone(), None)).collect(),
    }
}

fn segments(raw: &RawBook, policy: &RawPolicy, check: &mut Check) -> Vec<BookSegment> {
    let listed = segment_names(raw, policy);
    let place = raw.segments.as_ref().map_or(raw.name.span(), |listed| listed.span());
    check.at_most(place.clone(), "segments of one book", listed.len(), MAX_BOOK_SEGMENTS);
    if raw.segments.is_some() && listed.is_empty() {
        check.fail(place, Fault::NoneAtAll("segment"));
    }
    if raw.segments.is_some() {
        check.unique("segment", listed.iter().map(|(name, _)| name));
    }
    let known = policy.segments.get_ref().iter().map(|segment| segment.name.get_ref().as_str());
    listed
        .iter()
        .map(|(name, cap)| BookSegment {
            segment: check.index(name, "segment", known.clone()) as u8,
            cap: cap.as_ref().map(|cap| check.count(cap, "a cap", 1, MAX_CAPACITY)),
        })
        .collect()
}

fn sources(raw: &RawBook, policy: &RawPolicy, check: &mut Check) -> Vec<u16> {
    let known = source_names(policy);
    let Some(listed) = &raw.sources else {
        return (0..known.len() as u16).collect();
    };
    check.unique("source", listed.iter());
    let mut indices: Vec<u16> =
        listed.iter().map(|name| check.index(name, "source", known.iter().copied()) as u16).collect();
    indices.sort_unstable();
    indices
}

fn compile_zone(raw: &Spanned<String>, check: &mut Check) -> Zone {
    zone::compile(raw.get_ref()).unwrap_or_else(|| {
        let near = nearest(raw.get_ref(), zone::names()).map(str::to_owned);
        let known = near.map_or_else(|| vec!["UTC".into(), "Europe/Berlin".into()], |name| vec![name]);
        check.fail(raw.span(), Fault::Unknown { what: "time zone", name: raw.get_ref().clone(), known });
        Zone::utc()
    })
}

fn evidence(raw: &RawEvidence, kinds: &[Kind], check: &mut Check) -> Evidence {
    let window_s = check.period(&raw.window, "the evidence's window", 1);
    let days = check.count(&raw.days, "days", 0, MAX_DAYS as u64);
    if u32::from(days) > window_s.div_ceil(DAY) + 1 {
        check.rule(raw.days.span(), "the window hasn't so many days: no account could be kept", "widen the window");
    }
    Evidence {
        window_s,
        touches: check.count(&raw.touches, "touches", 1, MAX_TOUCHES as u64),
        days,
        contacts: check.count(&raw.contacts, "contacts", 0, MAX_CONTACTS as u64),
        replies: check.count(&raw.replies, "replies", 0, MAX_REPLIES as u64),
        kinds: evidence_kinds(&raw.kinds, kinds, check),
    }
}

fn evidence_kinds(raw: &Spanned<Vec<Spanned<String>>>, kinds: &[Kind], check: &mut Check) -> Vec<u16> {
    if raw.get_ref().is_empty() {
        check.fail(raw.span(), Fault::NoneAtAll("kind of activity"));
    }
    check.unique("kind", raw.get_ref().iter());
    let first = kinds.partition_point(|kind| kind.class < Class::Activity);
    let known = kinds[first..].iter().map(|kind| &*kind.name);
    let index = |name, check: &mut Check| (first + check.index(name, "kind of activity", known.clone())) as u16;
    let mut indices: Vec<u16> = raw.get_ref().iter().map(|name| index(name, check)).collect();
    indices.sort_unstable();
    indices
}

/// In the order of `ReturnReason::ALL`.
fn returns(raw: &RawReturns) -> [&Spanned<RawReturn>; 8] {
    [
        &raw.duplicate,
        &raw.bad_data,
        &raw.no_icp_match,
        &raw.no_relevant_contact,
        &raw.call_back,
        &raw.not_interested,
        &raw.competitor,
        &raw.out_of_business,
    ]
}

fn return_rule(raw: &Spanned<RawReturn>, check: &mut Check) -> Option<ReturnRule> {
    let rule = raw.get_ref();
    let handling = match (rule.handling, &rule.rest) {
        (RawHandling::Refuse, _) => return None,
        (RawHandling::Review, _) => Handling::Review,
        (RawHandling::Date, _) => Handling::Date,
        (RawHandling::Retire, _) => Handling::Retire,
        (RawHandling::Rest, Some(rest)) => Handling::Rest(check.period(rest, "rest", 0)),
        (RawHandling::Rest, None) => {
            check.rule(raw.span(), "how long does it rest?", "for example { handling = \"rest\", rest = \"90d\" }");
            Handling::Rest(0)
        }
    };
    if let (false, Some(rest)) = (rule.handling == RawHandling::Rest, &rule.rest) {
        check.rule(rest.span(), "only the handling \"rest\" rests", "take out `rest`, or the other handling");
    }
    if let (None, Some(period)) = (&rule.quota, &rule.quota_period) {
        check.rule(period.span(), "there is no quota to go with this period", "add `quota`");
    }
    Some(ReturnRule {
        handling,
        min_touches: check.count(&rule.min_touches, "min_touches", 0, MAX_TOUCHES as u64),
        quota: rule.quota.as_ref().map(|quota| self::quota(quota, rule.quota_period.as_ref(), check)),
    })
}

fn quota(quota: &Spanned<u32>, period: Option<&Spanned<Period>>, check: &mut Check) -> (u32, u32) {
    let count = check.count(quota, "a quota", 1, MAX_CAPACITY);
    (count, period.map_or(QUOTA_PERIOD.0, |period| check.period(period, "a quota's period", 1)))
}

fn warn(raw: &RawBook, policy: &RawPolicy, book: &Book, check: &mut Check) {
    let name = || book.name.clone();
    if book.lead_s >= book.evidence.window_s {
        check.warn(Warning::LeadCoversWindow { book: name() });
    } else if book.grace_s < book.lead_s {
        check.warn(Warning::GraceBelowLead { book: name() });
    }
    if raw.sources.is_none() && policy.sources.is_empty() {
        check.warn(Warning::NoSources { book: name() });
    }
    let thresholds = policy.segments.get_ref();
    for each in &book.segments {
        if let (Some(cap), Some(segment)) = (each.cap, thresholds.get(usize::from(each.segment)))
            && cap >= book.capacity
        {
            check.warn(Warning::CapNeverActs { book: name(), segment: segment.name.get_ref().as_str().into() });
        }
    }
    let lowest = book.segments.iter().filter_map(|each| thresholds.get(usize::from(each.segment)));
    let lowest = lowest.map(|segment| *segment.threshold.get_ref()).fold(100.0, f64::min);
    if raw.fill_idle.as_ref().is_some_and(|fill| *fill.get_ref() >= lowest) {
        check.warn(Warning::FillIdleNeverActs { book: name() });
    }
}
