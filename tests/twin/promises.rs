//! What no entry may do, whatever engine and twin agree about: held against the outputs and the state alone.

use bookd::domain::{Body, Decision, Disposition, Output};
use bookd::engine::view::View;

use crate::play::Entry;

/// The first promise that is broken. A policy's entry is another matter: what waited leaves where nothing may wait.
pub fn check(entry: &Entry, outputs: &[Output], after: &View) -> Result<(), String> {
    if entry.inputs.iter().any(|input| matches!(input.body, Body::Policy(_))) {
        return Ok(());
    }
    let decisions = outputs.iter().filter_map(|output| match output {
        Output::Decision(decision) => Some(&**decision),
        _ => None,
    });
    let (asked, ruled): (Vec<&Decision>, Vec<&Decision>) = decisions.partition(|decision| decision.kind.is_asked_for());
    for decision in &ruled {
        let paused = after.paused.iter().any(|(role, ..)| *role == decision.role);
        let shadow = after.shadow.contains(&decision.role);
        if paused {
            return Err(format!("decided in a role that is paused: {decision:?}"));
        }
        if shadow != (decision.disposition == Disposition::Shadow) {
            return Err(format!("in shadow {shadow}: {decision:?}"));
        }
    }
    let is_command = |decision: &&&Decision| decision.disposition == Disposition::Command;
    let issued: usize = after.issued.iter().map(|(_, count)| *count as usize).sum();
    let unasked = issued - asked.iter().filter(is_command).count();
    match &after.rate {
        Some((rate, _)) if ruled.iter().filter(is_command).count() > 0 && unasked > *rate as usize => {
            Err(format!("{unasked} commands within an hour, {rate} are allowed"))
        }
        _ => Ok(()),
    }
}
