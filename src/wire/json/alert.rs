//! An alert: what a person should know or do. See `schemas/alerts`.
//!
//! Written by hand, field by field in the schema's order, without those that don't apply; the tests hold it to the
//! schema as structs.

#[cfg(test)]
mod tests;

use super::SCHEMA_VERSION;
use super::writer::Writer;
use crate::domain::ids::Id128;
use crate::domain::output::{BreakerScope, Missing, Undone};
use crate::domain::request::RequestOp;
use crate::domain::{Alert, AlertKind, Code, Secs};
use crate::wire::text;

/// What most alerts take no more than.
const BYTES: usize = 512;

/// The alert's value; `at` is its instant as text.
pub fn value(alert: &Alert, at: &[u8], id: Id128) -> Vec<u8> {
    let mut out = Writer::new(BYTES);
    out.plain(r#"{"alert_id":"#, &id.digits());
    out.plain(r#","type":"#, alert.kind.name().as_bytes());
    out.number(r#","schema_version":"#, SCHEMA_VERSION.into());
    out.plain(r#","at":"#, at);
    out.text(r#","text":"#, &text::alert(alert));
    let (account, role) = alert.kind.concerns();
    if let Some(account) = account {
        out.text(r#","account":{"crm_id":"#, account);
        out.raw("}");
    }
    if let Some(role) = role {
        out.text(r#","role":"#, role);
    }
    put_rest(&mut out, &alert.kind);
    out.raw("}");
    out.end()
}

/// What the alert is about, beside the account and the role.
fn put_rest(out: &mut Writer, kind: &AlertKind) {
    match kind {
        AlertKind::AtRisk { owner, deadline, promised, missing, shadow, .. } => {
            put_owner(out, Some(owner));
            out.instant(r#","deadline":"#, *deadline);
            out.instant(r#","goes_cold_at":"#, *promised);
            put_missing(out, missing);
            put_dry_run(out, *shadow);
        }
        AlertKind::RiskCleared { owner, shadow, .. } => {
            put_owner(out, Some(owner));
            put_dry_run(out, *shadow);
        }
        AlertKind::Orphan { owner, .. } => put_owner(out, Some(owner)),
        AlertKind::CommandUndone { undone, owner, tries, .. } => {
            put_owner(out, owner.as_deref());
            put_undone(out, *undone, *tries);
        }
        AlertKind::UndoLeft { owner, why, .. } => {
            put_owner(out, owner.as_deref());
            out.plain(r#","left_alone":"#, why.name().as_bytes());
        }
        AlertKind::Refused { op, code, by, .. } => put_request(out, *op, by, *code),
        AlertKind::SourceSilent { source, latest } => put_source(out, source, *latest),
        AlertKind::SourceBack { source } => put_source(out, source, None),
        AlertKind::BreakerTripped { scope, due } => put_breaker(out, scope, Some(*due)),
        AlertKind::BreakerReset { scope } => put_breaker(out, scope, None),
        AlertKind::IssuingStopped { issued_at, out: commands, .. } => put_unanswered(out, *commands, *issued_at),
        AlertKind::IssuingResumed { .. } => {}
        AlertKind::Paused { by, .. } | AlertKind::Resumed { by, .. } => put_by(out, by),
        AlertKind::RateSet { per_hour, by } => {
            put_by(out, by);
            if let Some(per_hour) = per_hour {
                out.number(r#","per_hour":"#, (*per_hour).into());
            }
        }
        AlertKind::WentLive { by, owned, .. } => {
            put_by(out, by);
            out.number(r#","owned":"#, (*owned).into());
        }
        AlertKind::ModeKept { mode, .. } => out.plain(r#","mode":"#, mode.name().as_bytes()),
        AlertKind::ApprovalWanted { wave, due, until, .. } => put_wave(out, *wave, Some((*due, *until))),
        AlertKind::Approved { wave, by, .. } => {
            put_by(out, by);
            put_wave(out, *wave, None);
        }
        AlertKind::ApprovalLapsed { wave, .. } => put_wave(out, *wave, None),
        AlertKind::UndoDone { by, undone, left, .. } => put_undo(out, by, *undone, *left),
    }
}

fn put_owner(out: &mut Writer, owner: Option<&str>) {
    if let Some(owner) = owner {
        out.text(r#","owner_id":"#, owner);
    }
}

fn put_by(out: &mut Writer, by: &str) {
    out.text(r#","by":"#, by);
}

fn put_dry_run(out: &mut Writer, shadow: bool) {
    if shadow {
        out.flag(r#","dry_run":"#, true);
    }
}

fn put_missing(out: &mut Writer, missing: &Missing) {
    let Missing { touches, days, contacts, replies } = *missing;
    out.number(r#","missing":{"touches":"#, touches.into());
    out.number(r#","days":"#, days.into());
    out.number(r#","contacts":"#, contacts.into());
    out.number(r#","replies":"#, replies.into());
    out.raw("}");
}

fn put_request(out: &mut Writer, op: RequestOp, by: &str, code: Code) {
    out.plain(r#","request":{"op":"#, op.name().as_bytes());
    out.text(r#","by":"#, by);
    out.plain(r#","code":"#, code.text().as_bytes());
    out.raw("}");
}

fn put_source(out: &mut Writer, source: &str, latest: Option<Secs>) {
    out.text(r#","source":"#, source);
    if let Some(latest) = latest {
        out.instant(r#","latest_event_at":"#, latest);
    }
}

fn put_breaker(out: &mut Writer, scope: &BreakerScope, held_back: Option<u32>) {
    out.raw(r#","breaker":{"scope":"#);
    match scope {
        BreakerScope::Role(role) => out.text(r#""role","role":"#, role),
        BreakerScope::Book(rep) => out.text(r#""book","rep_id":"#, rep),
        BreakerScope::QuietRep(rep) => out.text(r#""quiet_rep","rep_id":"#, rep),
        BreakerScope::Refused(rep) => out.text(r#""refused","rep_id":"#, rep),
        BreakerScope::Departures => out.raw(r#""departures""#),
    }
    if let Some(held_back) = held_back {
        out.number(r#","held_back":"#, held_back.into());
    }
    out.raw("}");
}

fn put_unanswered(out: &mut Writer, commands: u32, oldest: Secs) {
    out.number(r#","unanswered":{"commands":"#, commands.into());
    out.instant(r#","oldest_issued_at":"#, oldest);
    out.raw("}");
}

fn put_undone(out: &mut Writer, undone: Undone, tries: u8) {
    out.plain(r#","undone":{"why":"#, undone.name().as_bytes());
    out.number(r#","tries":"#, tries.into());
    out.raw("}");
}

/// With how many are due, and when they are looked at anew, where somebody is to approve it.
fn put_wave(out: &mut Writer, id: u64, wanted: Option<(u32, Secs)>) {
    out.number(r#","wave":{"id":"#, id);
    if let Some((due, until)) = wanted {
        out.number(r#","due":"#, due.into());
        out.instant(r#","lapses_at":"#, until);
    }
    out.raw("}");
}

fn put_undo(out: &mut Writer, by: &str, undone: u32, left: u32) {
    out.text(r#","undo":{"by":"#, by);
    out.number(r#","undone":"#, undone.into());
    out.number(r#","left":"#, left.into());
    out.raw("}");
}
