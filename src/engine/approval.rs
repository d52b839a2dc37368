//! Waves of losses that people want to see before they go. `docs/rules.md`, 8.

use crate::domain::output::AlertKind;
use crate::domain::request::Request;
use crate::domain::time::DAY;
use crate::domain::{Code, Secs};

use super::Engine;
use super::losses::{Loss, is_exempt};
use super::state::{AccountId, Wave};

/// A wave that nobody approves is looked at anew after this long: who was in it may have been worked since.
const LAPSES_S: u32 = DAY;

impl Engine {
    /// Promises later than this wait for an approval.
    pub(super) fn approved_until(&self, role: usize) -> Secs {
        let state = &self.state.roles[role];
        if state.wave.is_some() { state.approved } else { Secs::NEVER }
    }

    /// Whether so many must be approved first that a wave of them waits from now on: those that go are others then. Those
    /// too are counted that something else holds back: an approval is for all.
    pub(super) fn asks_for_approval(&mut self, role: usize, going: &[Loss]) -> bool {
        let Some(most) = self.asks_above(role) else { return false };
        let approved = self.state.roles[role].approved;
        if going.iter().all(|loss| is_exempt(loss.promised, approved)) {
            return false;
        }
        let promised = |account: &AccountId| self.tenure_of(role, *account).and_then(|tenure| tenure.promised);
        let waiting = self.state.roles[role].waiting.iter().filter_map(promised);
        let due = waiting.filter(|promised| !is_exempt(*promised, approved)).count() as u32;
        if due <= most {
            return false;
        }
        let (wave, asked) = (self.state.sequence, self.state.now);
        self.set_wave(role, Some(Wave { wave, asked }));
        let name = self.rules().roles[role].name.clone();
        self.alert(AlertKind::ApprovalWanted { role: name, wave, due, until: asked.plus(LAPSES_S) });
        true
    }

    /// Nobody asks what a role in shadow may do.
    fn asks_above(&self, role: usize) -> Option<u32> {
        self.rules().roles[role].approve_above.filter(|_| !self.is_in_shadow(role))
    }

    fn set_wave(&mut self, role: usize, wave: Option<Wave>) {
        self.state.roles[role].wave = wave;
        let scope = self.role_scope(role);
        self.list_those_in(&scope);
    }

    /// Those that nobody approved in time, or that the policy no longer asks for.
    pub(super) fn look_at_waves(&mut self) {
        for role in self.roles() {
            let Some(Wave { wave, asked }) = self.state.roles[role].wave.clone() else { continue };
            if asked.plus(LAPSES_S) <= self.state.now || self.asks_above(role).is_none() {
                self.set_wave(role, None);
                self.alert(AlertKind::ApprovalLapsed { role: self.rules().roles[role].name.clone(), wave });
            }
        }
    }

    pub(super) fn next_lapse(&self) -> Option<Secs> {
        self.state.roles.iter().filter_map(|role| role.wave.as_ref()).map(|wave| wave.asked.plus(LAPSES_S)).min()
    }

    pub(super) fn approve(&mut self, request: &Request) -> Result<(), Code> {
        let role = self.role_asked(request)?;
        let wave = self.state.roles[role].wave.as_ref().map(|wave| wave.wave);
        let wave = wave.filter(|wave| request.wave.is_none_or(|named| named == *wave));
        let wave = wave.ok_or(Code::NothingToApprove)?;
        self.state.roles[role].approved = self.state.now;
        self.set_wave(role, None);
        let (name, by) = (self.rules().roles[role].name.clone(), request.by.clone());
        self.alert(AlertKind::Approved { role: name, wave, by });
        Ok(())
    }
}
