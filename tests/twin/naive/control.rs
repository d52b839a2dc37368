//! §14: what people hold back.

use bookd::domain::output::AlertKind;
use bookd::domain::request::Request;
use bookd::domain::time::HOUR;
use bookd::domain::{Code, Secs};

use super::Twin;

impl Twin {
    /// Commands that left within the last hour.
    pub(super) fn issued_this_hour(&self) -> Vec<(Secs, bool)> {
        self.issued.iter().copied().filter(|(at, _)| at.plus(HOUR) > self.now).collect()
    }

    /// The role isn't paused, and the rate isn't used up.
    pub(super) fn may_decide(&self, role: usize) -> bool {
        let full = self.rate.as_ref().is_some_and(|(rate, _)| self.issued_this_hour().len() >= *rate as usize);
        self.roles[role].paused.is_none() && (!full || self.roles[role].shadow)
    }

    pub(super) fn decides(&self, role: usize) -> bool {
        self.may_decide(role) && self.issues(role)
    }

    /// Of a rate of n, losses take (n + 1) / 2 at most.
    pub(super) fn loses(&self, role: usize) -> bool {
        let losses = self.issued_this_hour().into_iter().filter(|(_, loss)| *loss).count();
        let full = self.rate.as_ref().is_some_and(|(rate, _)| losses > (*rate as usize - 1) / 2);
        self.decides(role) && (!full || self.roles[role].shadow)
    }

    fn asked(&self, named: Option<usize>) -> Vec<usize> {
        named.map_or((0..self.roles.len()).collect(), |role| vec![role])
    }

    pub(super) fn pause(&mut self, request: &Request, named: Option<usize>) -> Result<(), Code> {
        let mut code = Err(Code::AlreadyPaused);
        for role in self.asked(named) {
            if self.roles[role].paused.is_none() {
                self.roles[role].paused = Some((request.by.clone(), self.now));
                let name = self.policy().roles[role].name.clone();
                self.alert(AlertKind::Paused { role: name, by: request.by.clone() });
                code = Ok(());
            }
        }
        code
    }

    pub(super) fn resume(&mut self, request: &Request, named: Option<usize>) -> Result<(), Code> {
        let mut code = Err(Code::NotPaused);
        for role in self.asked(named) {
            if self.roles[role].paused.take().is_some() {
                let name = self.policy().roles[role].name.clone();
                self.alert(AlertKind::Resumed { role: name, by: request.by.clone() });
                code = Ok(());
            }
        }
        code
    }

    pub(super) fn set_rate(&mut self, request: &Request) -> Result<(), Code> {
        if request.role.is_some() {
            return Err(Code::NotSupported);
        }
        if request.per_hour.is_none() && self.rate.is_none() {
            return Err(Code::NoRate);
        }
        self.rate = request.per_hour.map(|rate| (rate, request.by.clone()));
        self.alert(AlertKind::RateSet { per_hour: request.per_hour, by: request.by.clone() });
        Ok(())
    }
}
