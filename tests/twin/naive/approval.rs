//! §8: waves of losses that are asked for first.

use bookd::domain::output::{AlertKind, SeatStatus};
use bookd::domain::request::Request;
use bookd::domain::time::DAY;
use bookd::domain::{Code, Secs, Text};

use super::Twin;

impl Twin {
    fn role_name(&self, role: usize) -> Text {
        self.policy().roles[role].name.clone()
    }

    fn asks_above(&self, role: usize) -> Option<usize> {
        if self.roles[role].shadow {
            return None;
        }
        self.policy().roles[role].approve_above.map(|most| most as usize)
    }

    /// A day without an answer, or a policy that doesn't ask.
    pub(super) fn lapses(&mut self) {
        for role in 0..self.roles.len() {
            let Some((wave, asked)) = self.roles[role].wave else { continue };
            if self.now >= asked.plus(DAY) || self.asks_above(role).is_none() {
                self.roles[role].wave = None;
                self.alert(AlertKind::ApprovalLapsed { role: self.role_name(role), wave });
            }
        }
    }

    pub(super) fn is_approved(&self, role: usize, promised: Secs) -> bool {
        promised <= self.roles[role].approved
    }

    /// Whether so many that aren't approved must wait; a wave of them is asked for then.
    pub(super) fn must_ask(&mut self, role: usize) -> bool {
        let promises = self.living().into_iter().filter_map(|account| {
            let seat = &self.accounts[account].seats[role];
            seat.tenure.as_ref().filter(|tenure| tenure.waits && seat.status == SeatStatus::Owned)?.promised
        });
        let unapproved = promises.filter(|promised| !self.is_approved(role, *promised)).count();
        if self.asks_above(role).is_none_or(|most| unapproved <= most) {
            return false;
        }
        self.roles[role].wave = Some((self.sequence, self.now));
        self.alert(AlertKind::ApprovalWanted {
            role: self.role_name(role),
            wave: self.sequence,
            due: unapproved as u32,
            until: self.now.plus(DAY),
        });
        true
    }

    pub(super) fn approve(&mut self, request: &Request, role: usize) -> Result<(), Code> {
        match self.roles[role].wave {
            Some((wave, _)) if request.wave.is_none() || request.wave == Some(wave) => {
                self.roles[role].wave = None;
                self.roles[role].approved = self.now;
                self.alert(AlertKind::Approved { role: self.role_name(role), wave, by: request.by.clone() });
                Ok(())
            }
            _ => Err(Code::NothingToApprove),
        }
    }
}
