//! From the mirror of `[policy]` to the compiled policy: names to indices, percentages to integers, filters
//! to trees, zones to offsets. Every limit that `domain::policy` names is checked here.

mod books;
mod canonical;
pub mod check;
mod scoring;
mod windows;

use std::ops::Range;

use super::mistake::Fault;
use super::raw::policy::{RawConfirm, RawFit, RawMode, RawPolicy, RawRole, RawSegment};
use super::raw::unwritten;
use super::warning::Warning;
use crate::domain::Policy;
use crate::domain::policy::{Confirm, Criterion, Fit, MAX_ROLES, MAX_SEGMENTS, Role, RoleMode, Segment, SortKey};
use check::Check;

/// More criteria than this are a model, which belongs into the CRM's own fit.
const MAX_CRITERIA: usize = 64;

/// Weights are relative; a sum of them must stay far within 32 bits.
const MAX_WEIGHT: u64 = 1_000_000;

/// After four criteria, ties are left to age and hash.
const MAX_SORT_KEYS: usize = 4;

/// Holding users are looked through account by account.
const MAX_HOLDING_USERS: usize = 256;

/// Commands that may be out unanswered, unless the file says otherwise; and the most, or a broken writer is noticed late.
const MAX_UNRESOLVED: u32 = 1_000;
const MOST_UNRESOLVED: u64 = 100_000;

/// More losses than this at once never are: caps let a book lose a share of itself in an hour.
const MOST_AT_ONCE: u64 = 1_000_000;

/// An account of which nothing is known fits neither well nor badly.
const FIT_OTHERWISE: f64 = 0.5;

/// A thousand kinds of reps are a configuration gone wrong.
const MAX_BOOKS: usize = 1_000;

/// Compiles the policy. With mistakes in `check` the result is a stand-in and must not be used.
pub fn policy(raw: &RawPolicy, check: &mut Check) -> Policy {
    check.count(&raw.version, "the version", 1, u64::from(u32::MAX));
    let roles = roles(raw, check);
    let segments = segments(raw, check);
    let kinds = scoring::kinds(&raw.kinds, check);
    let sources = windows::sources(&raw.sources, check);
    let books = books::books(raw, &kinds, check);
    let mut policy = Policy {
        version: *raw.version.get_ref(),
        text: "".into(),
        scoring: scoring::scoring(&raw.scoring, &kinds, check),
        fit: fit(&raw.fit, check),
        windows: windows::windows(&raw.windows, check),
        breaker: windows::breaker(&raw.breaker, check),
        roles,
        kinds,
        segments,
        books,
        sources,
    };
    check_usage(raw, &policy, check);
    if check.mistakes.is_empty() {
        policy.text = canonical::text(raw, &policy).into();
    }
    policy
}

fn roles(raw: &RawPolicy, check: &mut Check) -> Vec<Role> {
    let roles = raw.roles.get_ref();
    check.at_most(raw.roles.span(), "roles", roles.len(), MAX_ROLES);
    if roles.is_empty() {
        check.fail(raw.roles.span(), Fault::NoneAtAll("role"));
    }
    check.unique("role", roles.iter().map(|role| &role.name));
    roles.iter().map(|each| role(each, check)).collect()
}

fn role(raw: &RawRole, check: &mut Check) -> Role {
    check.at_most(raw.name.span(), "holding users", raw.holding_users.len(), MAX_HOLDING_USERS);
    check.at_most(raw.name.span(), "sort criteria", raw.sort.len(), MAX_SORT_KEYS);
    check.unique("holding user", raw.holding_users.iter());
    let sort_key = |key: &super::raw::policy::RawSortKey, check: &mut Check| SortKey {
        field: check.foreign(&key.field),
        descending: key.descending,
    };
    Role {
        name: check.name(&raw.name),
        exclude: check.filter(&raw.exclude),
        exclude_open_opportunities: raw.exclude_open_opportunities,
        holding_users: raw.holding_users.iter().map(|user| check.foreign(user)).collect(),
        mode: mode(raw),
        approve_above: raw.approve_above.as_ref().map(|most| check.count(most, "approve_above", 0, MOST_AT_ONCE)),
        not_after_s: check.period(&raw.not_after, "not_after", 1),
        confirm: confirm(raw),
        max_unresolved: max_unresolved(raw, check),
        sort: raw.sort.iter().map(|key| sort_key(key, check)).collect(),
    }
}

fn mode(raw: &RawRole) -> RoleMode {
    match raw.mode.as_ref().map(|mode| *mode.get_ref()).unwrap_or_default() {
        RawMode::Live => RoleMode::Live,
        RawMode::Shadow => RoleMode::Shadow,
    }
}

fn confirm(raw: &RawRole) -> Confirm {
    match raw.confirm.as_ref().map(|confirm| *confirm.get_ref()).unwrap_or_default() {
        RawConfirm::Assume => Confirm::Assume,
        RawConfirm::Echo => Confirm::Echo,
        RawConfirm::Results => Confirm::Results,
    }
}

fn max_unresolved(raw: &RawRole, check: &mut Check) -> u32 {
    let Some(most) = &raw.max_unresolved else { return MAX_UNRESOLVED };
    if confirm(raw) == Confirm::Assume {
        check.rule(
            most.span(),
            "nothing is unresolved in a role whose commands are assumed to be carried out",
            "set `confirm` to \"results\" or \"echo\", or take out `max_unresolved`",
        );
    }
    check.count(most, "max_unresolved", 1, MOST_UNRESOLVED)
}

fn segments(raw: &RawPolicy, check: &mut Check) -> Vec<Segment> {
    let segments = raw.segments.get_ref();
    check.at_most(raw.segments.span(), "segments", segments.len(), MAX_SEGMENTS);
    if segments.is_empty() {
        check.fail(raw.segments.span(), Fault::NoneAtAll("segment"));
    }
    check.unique("segment", segments.iter().map(|segment| &segment.name));
    segments.iter().map(|each| segment(each, check)).collect()
}

fn segment(raw: &RawSegment, check: &mut Check) -> Segment {
    Segment {
        name: check.name(&raw.name),
        filter: check.filter(&raw.filter),
        threshold: check.priority(&raw.threshold, "a threshold"),
    }
}

fn fit(raw: &RawFit, check: &mut Check) -> Fit {
    if raw.criteria.is_empty() {
        let otherwise = raw.otherwise.clone().unwrap_or(unwritten(FIT_OTHERWISE));
        return Fit::Given { otherwise: check.share(&otherwise, "the fit otherwise") };
    }
    if let Some(otherwise) = &raw.otherwise {
        check.rule(
            otherwise.span(),
            "fit is given or made of criteria, not both",
            "take out `otherwise` or the criteria",
        );
    }
    let place = raw.criteria[0].weight.span();
    check.at_most(place.clone(), "criteria of fit", raw.criteria.len(), MAX_CRITERIA);
    let criteria: Vec<Criterion> = raw
        .criteria
        .iter()
        .map(|each| Criterion {
            filter: check.filter(&each.filter),
            weight: check.count(&each.weight, "a weight", 0, MAX_WEIGHT),
        })
        .collect();
    if criteria.iter().all(|each| each.weight == 0) {
        check.rule(place, "all the weights of fit are 0", "give at least one criterion a weight");
    }
    Fit::Criteria(criteria)
}

/// Whether everything that is there is used by something.
fn check_usage(raw: &RawPolicy, policy: &Policy, check: &mut Check) {
    for (index, role) in policy.roles.iter().enumerate() {
        let books = || policy.books.iter().filter(|book| usize::from(book.role) == index);
        if books().next().is_none() {
            let place: Range<usize> = raw.roles.get_ref()[index].name.span();
            check.rule(
                place,
                "this role has no book: its reps could own nothing",
                "add a [[policy.books]] with this role",
            );
            continue;
        }
        for (bit, segment) in policy.segments.iter().enumerate() {
            if !books().any(|book| book.segments.iter().any(|each| usize::from(each.segment) == bit)) {
                check.warn(Warning::SegmentUnused { role: role.name.clone(), segment: segment.name.clone() });
            }
        }
    }
}
