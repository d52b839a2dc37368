//! Reps who left: their books go back at once, unless too many leave at once. `docs/rules.md`, 7.

use std::collections::BTreeSet;

use crate::domain::Text;
use crate::domain::output::{BreakerScope, DecisionKind, SeatStatus, Why};
use crate::domain::rep::RepStatus;
use crate::domain::time::HOUR;

use super::Engine;
use super::sizes::exceeds;
use super::state::{AccountId, RepId};

impl Engine {
    pub(super) fn release_departures(&mut self) {
        if self.index.departing.is_empty() || self.departures_stopped() {
            return;
        }
        for rep in self.index.departing.clone() {
            for (account, role) in self.seats_of(rep) {
                if self.may_decide(role) {
                    self.release(role, account, rep);
                }
            }
            if self.has_seats(rep) {
                // A pause or the rate keeps them: who left goes on to leave.
                continue;
            }
            self.set_departing(rep, false);
            if let Some(role) = self.state.reps[rep.index()].role {
                self.dirty_all(usize::from(role));
            }
        }
    }

    /// What somebody owns, and what they hold for others who left, in roles that decide.
    fn seats_of(&self, rep: RepId) -> BTreeSet<(AccountId, usize)> {
        let row = &self.state.reps[rep.index()];
        let role = row.role.map(usize::from).filter(|role| self.may_decide(*role));
        let owned = role.into_iter().flat_map(|role| row.accounts.iter().map(move |each| (*each, role)));
        let held = self.held_by(rep).filter(|(_, role)| self.may_decide(*role));
        owned.chain(held).collect()
    }

    fn held_by(&self, rep: RepId) -> impl Iterator<Item = (AccountId, usize)> {
        let held = self.index.holding.range((rep, AccountId(0), 0)..=(rep, AccountId(u32::MAX), usize::MAX));
        held.map(|(_, account, role)| (*account, *role))
    }

    fn has_seats(&self, rep: RepId) -> bool {
        !self.state.reps[rep.index()].accounts.is_empty() || self.held_by(rep).next().is_some()
    }

    pub(super) fn set_departing(&mut self, rep: RepId, departing: bool) {
        self.state.reps[rep.index()].departing = departing;
        if departing {
            self.index.departing.insert(rep);
        } else {
            self.index.departing.remove(&rep);
        }
    }

    /// A burst of departures looks like a broken feed of reps.
    fn departures_stopped(&mut self) -> bool {
        let now = self.state.now;
        while self.state.departures.front().is_some_and(|at| at.plus(HOUR) <= now) {
            self.state.departures.pop_front();
        }
        if self.state.tripped.contains(&BreakerScope::Departures) {
            return true;
        }
        let proceeded = self.state.departures_proceeded;
        let n = self.state.departures.iter().filter(|at| **at > proceeded).count() as u64;
        let staying = |rep: &&super::state::Rep| rep.known && rep.status != RepStatus::Departed;
        let reps = self.state.reps.iter().filter(staying).count() as u64;
        let breaker = &self.rules().breaker;
        if n > u64::from(breaker.departures_min) && exceeds(n, breaker.departures_share_ppm, reps + n) {
            self.trip(BreakerScope::Departures, n);
        }
        self.state.tripped.contains(&BreakerScope::Departures)
    }

    fn release(&mut self, role: usize, account: AccountId, rep: RepId) {
        let now = self.state.now;
        let row = &self.state.accounts[account.index()];
        let (holds_opportunity, holds_meeting) = (row.open_opportunities > 0, row.meeting > now);
        let heir = if holds_opportunity || holds_meeting { self.heir(role, rep) } else { None };
        let why = Why::OwnerLeft { holds_opportunity, holds_meeting };
        self.decide(DecisionKind::Departure, role, account, heir.unwrap_or(RepId::NOBODY), why);
        self.end_tenure(role, account);
        match heir {
            None => self.enter_pool(role, account, now),
            Some(heir) => self.change_seat(role, account, |seat| {
                seat.status = SeatStatus::Holding;
                seat.owner = heir;
                seat.since = now;
            }),
        }
    }

    /// The manager, if they are a rep who is still there; else the role's first holding user who didn't leave.
    fn heir(&mut self, role: usize, rep: RepId) -> Option<RepId> {
        let manager = self.state.reps[rep.index()].manager.as_ref();
        let manager = manager.and_then(|id| self.rep_by_id(id)).filter(|manager| {
            let manager = &self.state.reps[manager.index()];
            manager.known && manager.status != RepStatus::Departed
        });
        let left = |id: &Text| {
            let user = self.rep_by_id(id);
            user.is_some_and(|user| self.state.reps[user.index()].status == RepStatus::Departed)
        };
        let holder = self.rules().roles[role].holding_users.iter().find(|id| !left(id)).cloned();
        manager.or_else(|| holder.and_then(|id| self.rep_number(&id).ok()))
    }
}
