//! What people hold back: roles that are paused, and how many commands an hour may take. `docs/rules.md`, 14.

use crate::domain::output::AlertKind;
use crate::domain::request::{Request, RequestOp};
use crate::domain::time::HOUR;
use crate::domain::{Code, Secs};

use super::Engine;
use super::state::{Pause, Rate};
use super::waiting::is_over;

impl Engine {
    /// Whether the rules may decide anything in the role: nobody paused it, and the hour takes another command.
    pub(super) fn may_decide(&self, role: usize) -> bool {
        self.state.roles[role].paused.is_none() && (self.is_in_shadow(role) || !self.is_rate_used_up())
    }

    /// The same, and the command may leave.
    pub(super) fn decides(&self, role: usize) -> bool {
        self.may_decide(role) && self.issues(role)
    }

    /// A command leaves. Those that no longer count are forgotten.
    pub(super) fn count_command(&mut self) {
        let now = self.state.now;
        let issued = &mut self.state.issued;
        while issued.front().is_some_and(|(at, _)| is_over(*at, HOUR, now)) {
            issued.pop_front();
        }
        match issued.back_mut().filter(|(at, _)| *at == now) {
            Some((_, count)) => *count += 1,
            None => issued.push_back((now, 1)),
        }
    }

    /// Commands of the last hour, by their instants.
    pub(super) fn issued_lately(&self) -> impl DoubleEndedIterator<Item = (Secs, u32)> {
        let now = self.state.now;
        self.state.issued.iter().copied().filter(move |(at, _)| !is_over(*at, HOUR, now))
    }

    fn is_rate_used_up(&self) -> bool {
        let Some(rate) = &self.state.rate else { return false };
        self.issued_lately().map(|(_, count)| u64::from(count)).sum::<u64>() >= u64::from(rate.per_hour)
    }

    /// When the hour takes a command again, if it takes none now.
    pub(super) fn next_of_rate(&self) -> Option<Secs> {
        let rate = self.state.rate.as_ref()?;
        let mut count = 0;
        let mut latest = self.issued_lately().rev();
        let full = latest.find(|(_, issued)| {
            count += u64::from(*issued);
            count >= u64::from(rate.per_hour)
        });
        full.map(|(at, _)| at.plus(HOUR))
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
