//! The policy's canonical text: a policy file of its own, with everything written out that has a default.
//!
//! It hangs on what the policy says and on nothing else: not on comments, order of keys, spelling of lengths
//! of time or spaces in filters. Read again, it gives the same policy, and the same text.

use serde::Serialize;

use super::books::{QUOTA_PERIOD, segment_names};
use super::scoring::written_out;
use crate::config::filter;
use crate::config::period::Period;
use crate::config::raw::books::{RawBook, RawBookSegment, RawReturn};
use crate::config::raw::policy::{RawPolicy, RawRole};
use crate::config::raw::unwritten;
use crate::domain::Policy;
use crate::domain::filter::Filter;
use crate::domain::policy::{Book, Confirm, Fit, Role, RoleMode};

#[derive(Serialize)]
struct Document {
    policy: RawPolicy,
}

/// The text of a policy that was compiled without mistakes.
pub fn text(raw: &RawPolicy, policy: &Policy) -> String {
    let mut written = raw.clone();
    write_out_scoring(&mut written);
    write_out_filters(&mut written, policy);
    written.sources.sort_by(|a, b| a.name.get_ref().cmp(b.name.get_ref()));
    for (book, compiled) in written.books.get_mut().iter_mut().zip(&policy.books) {
        write_out_book(book, raw, policy, compiled);
    }
    // By way of a table, whose keys are sorted.
    let table = toml::Value::try_from(Document { policy: written }).expect("the mirror of a TOML file is TOML");
    toml::to_string(&table).expect("a TOML table has a text")
}

fn write_out_scoring(written: &mut RawPolicy) {
    let scoring = &mut written.scoring;
    let classes = [&mut scoring.intent, &mut scoring.engagement, &mut scoring.inbound, &mut scoring.activity];
    for (index, class) in classes.into_iter().enumerate() {
        *class = written_out(class, index);
    }
}

fn write_out_filters(written: &mut RawPolicy, policy: &Policy) {
    let canonical = |filter: &Filter| unwritten(filter::text(filter));
    for (role, compiled) in written.roles.get_mut().iter_mut().zip(&policy.roles) {
        role.exclude = canonical(&compiled.exclude);
        write_out_confirmation(role, compiled);
        // As policies were before there was a choice.
        role.mode = role.mode.take().filter(|_| compiled.mode == RoleMode::Shadow);
    }
    for (segment, compiled) in written.segments.get_mut().iter_mut().zip(&policy.segments) {
        segment.filter = canonical(&compiled.filter);
    }
    match &policy.fit {
        Fit::Given { otherwise } => written.fit.otherwise = Some(unwritten(f64::from(*otherwise) / 1e6)),
        Fit::Criteria(criteria) => {
            for (criterion, compiled) in written.fit.criteria.iter_mut().zip(criteria) {
                criterion.filter = canonical(&compiled.filter);
            }
        }
    }
}

/// Where commands are assumed to be carried out nothing is written: as policies were before there was a choice.
fn write_out_confirmation(written: &mut RawRole, compiled: &Role) {
    let confirms = compiled.confirm != Confirm::Assume;
    written.confirm = written.confirm.take().filter(|_| confirms);
    written.max_unresolved = confirms.then(|| unwritten(compiled.max_unresolved));
}

fn write_out_book(book: &mut RawBook, raw: &RawPolicy, policy: &Policy, compiled: &Book) {
    let segments = segment_names(book, raw).into_iter().map(|(name, cap)| RawBookSegment { name, cap });
    book.segments = Some(unwritten(segments.collect()));
    book.grace = Some(unwritten(Period(compiled.grace_s)));
    let sources = compiled.sources.iter().map(|index| policy.sources[usize::from(*index)].name.to_string());
    book.sources = Some(sources.map(unwritten).collect());
    let kinds = compiled.evidence.kinds.iter().map(|index| policy.kinds[usize::from(*index)].name.to_string());
    book.evidence.kinds = unwritten(kinds.map(unwritten).collect());
    book.zone = unwritten(compiled.zone.name.to_string());
    let returns = &mut book.returns;
    for rule in [
        &mut returns.duplicate,
        &mut returns.bad_data,
        &mut returns.no_icp_match,
        &mut returns.no_relevant_contact,
        &mut returns.call_back,
        &mut returns.not_interested,
        &mut returns.competitor,
        &mut returns.out_of_business,
    ] {
        write_out_return(rule.get_mut());
    }
}

fn write_out_return(rule: &mut RawReturn) {
    if rule.quota.is_some() && rule.quota_period.is_none() {
        rule.quota_period = Some(unwritten(QUOTA_PERIOD));
    }
}
