//! A command: what a writer does to the CRM, and why. See `schemas/commands`.
//!
//! Written by hand, field by field in the schema's order; the tests hold it to the schema as structs.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::SCHEMA_VERSION;
use super::writer::Writer;
use crate::domain::output::{Considered, Disposition, Placement, Stamps, TopSignal, Why};
use crate::domain::policy::PRIORITY_ONE;
use crate::domain::{Decision, Secs};
use crate::wire::text;

/// What most commands take no more than: without lists, and for each candidate and signal.
const BYTES: usize = 1_152;
const BYTES_OF_A_CANDIDATE: usize = 80;
const BYTES_OF_A_SIGNAL: usize = 160;

/// The command's value; `issued_at` is that instant as text.
pub fn value(decision: &Decision, issued_at: &[u8], correlation_id: &[u8]) -> Vec<u8> {
    let mut out = Writer::new(bytes(decision));
    out.plain(r#"{"command_id":"#, &decision.command_id.digits());
    out.plain(r#","type":"#, decision.kind.name().as_bytes());
    out.number(r#","schema_version":"#, SCHEMA_VERSION.into());
    out.plain(r#","issued_at":"#, issued_at);
    out.instant(r#","not_after":"#, decision.not_after);
    out.text(r#","account":{"crm_id":"#, &decision.account);
    out.text(r#"},"role":"#, &decision.role);
    out.number(r#","sequence":"#, decision.sequence.into());
    out.text_or_null(r#","expected_owner_id":"#, decision.from.as_deref());
    match &decision.to {
        Some(to) => {
            out.text(r#","new_owner":{"crm_user_id":"#, to);
            out.raw("}");
        }
        None => out.raw(r#","new_owner":null"#),
    }
    put_reason(&mut out, decision);
    put_stamps(&mut out, decision);
    out.number(r#","policy_version":"#, decision.policy_version.into());
    out.flag(r#","dry_run":"#, decision.disposition == Disposition::Shadow);
    out.plain(r#","correlation_id":"#, correlation_id);
    out.raw("}");
    out.end()
}

fn bytes(decision: &Decision) -> usize {
    let candidates = match &decision.why {
        Why::Placed(placement) => placement.candidates.len(),
        _ => 0,
    };
    BYTES + BYTES_OF_A_CANDIDATE * candidates + BYTES_OF_A_SIGNAL * decision.top_signals.len()
}

fn put_reason(out: &mut Writer, decision: &Decision) {
    let (code, rule) = code_and_rule(&decision.why);
    out.plain(r#","reason":{"code":"#, code.as_bytes());
    out.text(r#","text":"#, &text::reason(decision));
    out.text(r#","rule":"#, &rule);
    out.thousandths(r#","priority":"#, of_priority(decision.priority));
    out.thousandths(r#","fit":"#, of_share(decision.fit));
    out.thousandths(r#","timing":"#, of_share(decision.timing));
    out.raw(r#","top_signals":["#);
    decision.top_signals.iter().for_each(|signal| put_signal(out, signal));
    out.close("]");
    put_why(out, &decision.why);
    out.raw("}");
}

/// The reason's code, of a closed set, and the rule of the policy that decided.
fn code_and_rule(why: &Why) -> (&'static str, Cow<'static, str>) {
    match why {
        Why::Placed(placement) if placement.filled_idle => ("filled_idle", rule("fill_idle:", &placement.book)),
        Why::Placed(placement) => ("placed", rule("segment:", &placement.segment)),
        Why::Idle { book, .. } => ("idle", rule("evidence:", book)),
        Why::Returned { reason, .. } => ("returned", rule("return:", reason.name())),
        Why::OwnerLeft { .. } => ("owner_left", "departure".into()),
        Why::Retired { .. } => ("retired", "retirement".into()),
        Why::Undone { .. } => ("undone", "undo".into()),
    }
}

fn rule(kind: &str, of: &str) -> Cow<'static, str> {
    [kind, of].concat().into()
}

/// With a comma behind it: see [`Writer::close`].
fn put_signal(out: &mut Writer, signal: &TopSignal) {
    out.plain(r#"{"class":"#, signal.class.name().as_bytes());
    out.text(r#","kind":"#, &signal.kind);
    out.text_or_null(r#","subject":"#, signal.subject.as_deref());
    out.instant(r#","at":"#, signal.at);
    out.thousandths(r#","points":"#, signal.points_milli.into());
    // Absent where the event stood in no topic.
    if let Some(position) = signal.position {
        out.plain(r#","topic":"#, position.topic.name().as_bytes());
        out.number(r#","partition":"#, position.partition.into());
        out.number(r#","offset":"#, position.offset);
    }
    out.raw("},");
}

/// One member of the reason, named after its kind.
fn put_why(out: &mut Writer, why: &Why) {
    match why {
        Why::Placed(placement) => put_placement(out, placement),
        Why::Idle { book, deadline, warned_at, promised, last_touch } => {
            out.text(r#","idle":{"book":"#, book);
            out.instant_or_null(r#","last_touch":"#, *last_touch);
            out.instant(r#","deadline":"#, *deadline);
            out.instant_or_null(r#","warned_at":"#, *warned_at);
            out.instant(r#","promised":"#, *promised);
        }
        Why::Returned { reason, by } => {
            out.plain(r#","return":{"reason":"#, reason.name().as_bytes());
            out.text(r#","by":"#, by);
        }
        Why::OwnerLeft { holds_opportunity, holds_meeting } => {
            out.flag(r#","departure":{"holds_opportunity":"#, *holds_opportunity);
            out.flag(r#","holds_meeting":"#, *holds_meeting);
        }
        Why::Retired { by } => out.text(r#","retirement":{"by":"#, by),
        Why::Undone { by, kind, entry } => {
            out.text(r#","undo":{"by":"#, by);
            out.plain(r#","type":"#, kind.name().as_bytes());
            out.number(r#","entry":"#, *entry);
        }
    }
    out.raw("}");
}

fn put_placement(out: &mut Writer, placement: &Placement) {
    out.text(r#","placement":{"book":"#, &placement.book);
    out.text(r#","segment":"#, &placement.segment);
    out.fraction(r#","threshold":"#, f64::from(placement.threshold) / f64::from(PRIORITY_ONE));
    out.flag(r#","filled_idle":"#, placement.filled_idle);
    out.number(r#","tier":"#, placement.tier.into());
    out.instant(r#","pool_since":"#, placement.pool_since);
    out.raw(r#","candidates":["#);
    placement.candidates.iter().for_each(|considered| put_candidate(out, considered));
    out.close("]");
    out.number(r#","more":"#, placement.more.into());
}

/// With a comma behind it: see [`Writer::close`].
fn put_candidate(out: &mut Writer, considered: &Considered) {
    out.text(r#"{"rep_id":"#, &considered.rep);
    out.plain(r#","verdict":"#, considered.verdict.name().as_bytes());
    out.number(r#","size":"#, considered.size.into());
    out.number(r#","capacity":"#, considered.capacity.into());
    out.raw("},");
}

/// What the CRM may keep with the account.
fn put_stamps(out: &mut Writer, decision: &Decision) {
    let Stamps { entered, warned_at } = &decision.stamps;
    out.instant_or_null(r#","stamps":{"entered_book_at":"#, entered.map(|(at, _): (Secs, _)| at));
    out.text_or_null(r#","entered_book_because":"#, entered.map(|(_, how)| how.name()));
    out.instant_or_null(r#","at_risk_at":"#, *warned_at);
    out.thousandths(r#","priority":"#, of_priority(decision.priority));
    out.raw("}");
}

/// A priority in points, to one decimal.
fn of_priority(millionths: u32) -> u64 {
    (u64::from(millionths) + 50_000) / 100_000 * 100
}

/// Fit or timing, to three decimals.
fn of_share(millionths: u32) -> u64 {
    (u64::from(millionths) + 500) / 1_000
}
