//! §7: reps who leave.

use bookd::domain::output::{AlertKind, BreakerScope, Why};
use bookd::domain::rep::RepStatus;
use bookd::domain::time::HOUR;
use bookd::domain::{DecisionKind, Secs, Text};

use super::{AccountNo, RepNo, Twin};

impl Twin {
    pub(super) fn departures(&mut self) {
        if self.departing.is_empty() {
            return;
        }
        self.judge_departures();
        if self.tripped.contains(&BreakerScope::Departures) {
            return;
        }
        for rep in self.departing.clone() {
            for (account, role) in self.seats_of(rep) {
                if self.may_decide(role) {
                    self.owner_left(account, role, rep);
                }
            }
            if self.seats_of(rep).is_empty() {
                self.departing.remove(&rep);
            }
        }
    }

    fn judge_departures(&mut self) {
        let proceeded = self.proceeds.get(&BreakerScope::Departures);
        let counts = |at: &&Secs| **at > self.now.minus(HOUR) && proceeded.is_none_or(|then| *at > then);
        let n = self.departures.iter().filter(counts).count() as u64;
        let staying = (0..self.reps.len())
            .filter(|rep| self.known_in(*rep).is_some() && self.reps[*rep].status != RepStatus::Departed);
        let all = staying.count() as u64 + n;
        let breaker = &self.policy().breaker;
        if n > u64::from(breaker.departures_min) && n * 1_000_000 > u64::from(breaker.departures_share_ppm) * all {
            self.trip(BreakerScope::Departures, n as u32);
        }
    }

    /// Trips a scope, with an alert unless it is tripped already.
    pub(super) fn trip(&mut self, scope: BreakerScope, due: u32) {
        if self.tripped.insert(scope.clone()) {
            self.alert(AlertKind::BreakerTripped { scope, due });
        }
    }

    fn owner_left(&mut self, account: AccountNo, role: usize, owner: RepNo) {
        let holds_opportunity = self.open_opportunities(account) > 0;
        let holds_meeting = self.accounts[account].meeting.is_some_and(|meeting| meeting > self.now);
        let holder = if holds_opportunity || holds_meeting { self.holder(owner, role) } else { None };
        let why = Why::OwnerLeft { holds_opportunity, holds_meeting };
        self.decide(account, role, DecisionKind::Departure, holder, why);
        self.note_past_owner(account, role);
        match holder {
            Some(holder) => self.enter_holding(account, role, holder),
            None => self.enter_pool(account, role, self.now),
        }
        self.roles[role].dirty = true;
    }

    /// What somebody owns, and what they hold for others who left; by number, then role.
    fn seats_of(&self, rep: RepNo) -> Vec<(AccountNo, usize)> {
        let mut seats = Vec::new();
        for account in self.living() {
            for (role, seat) in self.accounts[account].seats.iter().enumerate() {
                if seat.owner == Some(rep) {
                    seats.push((account, role));
                }
            }
        }
        seats
    }

    /// The manager if they are a known rep and there, else the role's first holding user who didn't leave.
    fn holder(&mut self, owner: RepNo, role: usize) -> Option<RepNo> {
        let manager = self.reps[owner].manager.clone().and_then(|manager| self.find_rep(&manager));
        let there = |rep: &RepNo| self.known_in(*rep).is_some() && self.reps[*rep].status != RepStatus::Departed;
        if let Some(manager) = manager.filter(there) {
            return Some(manager);
        }
        let left = |user: &Text| self.find_rep(user).is_some_and(|user| self.reps[user].status == RepStatus::Departed);
        let user = self.policy().roles[role].holding_users.iter().find(|user| !left(user)).cloned()?;
        Some(self.rep_number(&user))
    }
}
