//! What people hold back: roles that are paused, and how many commands an hour may take. `docs/rules.md`, 14.

use std::collections::VecDeque;

use crate::domain::output::{AlertKind, DecisionKind};
use crate::domain::request::{Request, RequestOp};
use crate::domain::time::HOUR;
use crate::domain::{Code, Secs};

use super::Engine;
use super::commanded::WishOf;
use super::state::{Pause, Rate};
use super::waiting::is_over;

impl Engine {
    /// Whether the rules may decide anything in the role: nobody paused it, and the hour takes another command.
    pub(super) fn may_decide(&self, role: usize) -> bool {
        self.state.roles[role].paused.is_none() && (self.is_in_shadow(role) || self.next_of_all().is_none())
    }

    /// The same, and the command may leave.
    pub(super) fn decides(&self, role: usize) -> bool {
        self.may_decide(role) && self.issues(role)
    }

    /// The same of losses: they take half of the rate at most, or nothing would ever be given under a low one.
    pub(super) fn loses(&self, role: usize) -> bool {
        self.decides(role) && (self.is_in_shadow(role) || self.next_of_losses().is_none())
    }

    /// Whether what waits behind a command may leave: what people asked for always may.
    pub(super) fn lets_go(&self, role: usize, of: WishOf) -> bool {
        match of {
            WishOf::People => true,
            WishOf::Losses => self.loses(role),
            WishOf::Rules => self.may_decide(role),
        }
    }

    /// A command leaves.
    pub(super) fn count_command(&mut self, kind: DecisionKind) {
        let now = self.state.now;
        count(&mut self.state.issued, now);
        if kind == DecisionKind::Retrieval {
            count(&mut self.state.issued_losses, now);
        }
    }

    /// When the hour takes a command, or a loss, again, if it takes none now.
    pub(super) fn next_of_rate(&self) -> Option<Secs> {
        [self.next_of_all(), self.next_of_losses()].into_iter().flatten().min()
    }

    fn next_of_all(&self) -> Option<Secs> {
        full_until(&self.state.issued, self.state.rate.as_ref()?.per_hour, self.state.now)
    }

    fn next_of_losses(&self) -> Option<Secs> {
        full_until(&self.state.issued_losses, self.state.rate.as_ref()?.per_hour.div_ceil(2), self.state.now)
    }

    /// The role that is named; all of them where none is.
    pub(super) fn pause_or_resume(&mut self, request: &Request) -> Result<(), Code> {
        let named = self.role_named(request)?;
        let pauses = request.op == RequestOp::Pause;
        let asked = self.roles().filter(|role| named.is_none_or(|named| named == *role));
        let changing: Vec<_> = asked.filter(|role| self.state.roles[*role].paused.is_some() != pauses).collect();
        if changing.is_empty() {
            return Err(if pauses { Code::AlreadyPaused } else { Code::NotPaused });
        }
        for role in changing {
            let (by, at, name) = (request.by.clone(), self.state.now, self.rules().roles[role].name.clone());
            self.state.roles[role].paused = pauses.then(|| Pause { by: by.clone(), at });
            self.alert(match pauses {
                true => AlertKind::Paused { role: name, by },
                false => AlertKind::Resumed { role: name, by },
            });
        }
        Ok(())
    }

    /// One rate for all roles together.
    pub(super) fn set_rate(&mut self, request: &Request) -> Result<(), Code> {
        if self.role_named(request)?.is_some() {
            return Err(Code::NotSupported);
        }
        if request.per_hour.is_none() && self.state.rate.is_none() {
            return Err(Code::NoRate);
        }
        let by = request.by.clone();
        self.state.rate = request.per_hour.map(|per_hour| Rate { per_hour, by: by.clone() });
        self.alert(AlertKind::RateSet { per_hour: request.per_hour, by });
        Ok(())
    }
}

/// Those that no longer count are forgotten.
fn count(issued: &mut VecDeque<(Secs, u32)>, now: Secs) {
    while issued.front().is_some_and(|(at, _)| is_over(*at, HOUR, now)) {
        issued.pop_front();
    }
    match issued.back_mut().filter(|(at, _)| *at == now) {
        Some((_, count)) => *count += 1,
        None => issued.push_back((now, 1)),
    }
}

/// Those of the last hour, by their instants.
pub(super) fn of_last_hour(
    issued: &VecDeque<(Secs, u32)>,
    now: Secs,
) -> impl DoubleEndedIterator<Item = (Secs, u32)> + '_ {
    issued.iter().copied().filter(move |(at, _)| !is_over(*at, HOUR, now))
}

/// If the last hour has so many already: when it no longer has.
fn full_until(issued: &VecDeque<(Secs, u32)>, most: u32, now: Secs) -> Option<Secs> {
    let mut all = 0;
    let full = of_last_hour(issued, now).rev().find(|(_, count)| {
        all += u64::from(*count);
        all >= u64::from(most)
    });
    full.map(|(at, _)| at.plus(HOUR))
}
