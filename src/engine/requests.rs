//! What people ask for. A refusal is an alert and nothing else. `docs/rules.md`, 11.

use crate::domain::output::{AlertKind, BreakerScope, DecisionKind, LeftAlone, SeatStatus, Why};
use crate::domain::policy::{Handling, ReturnRule};
use crate::domain::request::{Request, RequestOp, ReturnReason};
use crate::domain::{Code, Millis, Secs, Text};

use super::Engine;
use super::state::{AccountId, RepId};

/// Of one rep for one reason, the latest: no quota asks for more.
const RETURNS_KEPT: usize = 100_000;

impl Engine {
    /// A dead letter for what can't be judged; anything judged and refused is an alert.
    pub(super) fn request(&mut self, request: &Request) -> Result<(), Code> {
        self.check_ahead(request.at)?;
        if self.index.remembered.contains(request.dedup) {
            self.entry.tally.duplicates += 1;
            return Ok(());
        }
        self.remember(request.dedup);
        if let Err(code) = self.act(request) {
            let account = self.resolve(&request.account).map(|id| self.state.sides[id.index()].id.clone());
            let (op, role, by) = (request.op, request.role.clone(), request.by.clone());
            self.alert(AlertKind::Refused { op, code, account, role, by });
        }
        Ok(())
    }

    fn act(&mut self, request: &Request) -> Result<(), Code> {
        match request.op {
            RequestOp::Return => {
                let (role, account) = self.seat_asked(request)?;
                let seat = &self.state.seats[role][account.index()];
                if !matches!(seat.status, SeatStatus::Owned | SeatStatus::Holding) {
                    return Err(Code::NotOwned);
                }
                let asker = request.rep.as_ref().unwrap_or(&request.by);
                if self.rep_by_id(asker) != Some(seat.owner) {
                    return Err(Code::NotOwner);
                }
                let reason = request.reason.ok_or(Code::ReasonMissing)?;
                self.hand_back(role, account, reason, request.until, &request.by)
            }
            RequestOp::ReviewDone => {
                let (role, account) = self.seat_asked(request)?;
                self.review_done(role, account)
            }
            RequestOp::Retire => {
                let (role, account) = self.seat_asked(request)?;
                self.retire(request, role, account)
            }
            RequestOp::Hold | RequestOp::Release => self.hold(request),
            RequestOp::Proceed => self.proceed(request),
            RequestOp::Pause | RequestOp::Resume => self.pause_or_resume(request),
            RequestOp::Rate => self.set_rate(request),
            RequestOp::GoLive => self.go_live(request),
            RequestOp::Undo => self.undo(request),
            RequestOp::Approve => self.approve(request),
            _ => Err(Code::NotSupported),
        }
    }

    pub(super) fn role_named(&self, request: &Request) -> Result<Option<usize>, Code> {
        let named = request.role.as_ref();
        named.map(|name| self.rules().role_index(name).map(usize::from).ok_or(Code::UnknownRole)).transpose()
    }

    /// As it is named, or the only one.
    pub(super) fn role_asked(&self, request: &Request) -> Result<usize, Code> {
        match self.role_named(request)? {
            Some(role) => Ok(role),
            None if self.state.roles.len() == 1 => Ok(0),
            None => Err(Code::UnknownRole),
        }
    }

    fn seat_asked(&self, request: &Request) -> Result<(usize, AccountId), Code> {
        let role = self.role_asked(request)?;
        let account = self.resolve(&request.account).ok_or(Code::UnknownAccount)?;
        Ok((role, account))
    }

    fn later(&self, until: Option<Millis>) -> Result<Secs, Code> {
        until.map(Millis::secs).filter(|until| *until > self.state.now).ok_or(Code::DateMissing)
    }

    /// The owner gives the account back.
    pub(super) fn hand_back(
        &mut self,
        role: usize,
        account: AccountId,
        reason: ReturnReason,
        until: Option<Millis>,
        by: &Text,
    ) -> Result<(), Code> {
        let owner = self.state.seats[role][account.index()].owner;
        let rule = self.return_rule(role, owner, reason)?;
        self.check_return(&rule, role, account, owner, reason)?;
        let until = match rule.handling {
            Handling::Date => Some(self.call_back(role, owner, until)?),
            Handling::Rest(rest_s) => Some(self.state.now.plus(rest_s)),
            Handling::Review | Handling::Retire => None,
        };
        let why = Why::Returned { reason, by: by.clone() };
        self.decide(DecisionKind::Return, role, account, RepId::NOBODY, why);
        let now = self.state.now;
        let returns = self.state.reps[owner.index()].returns.entry(reason as u8).or_default();
        if returns.len() == RETURNS_KEPT {
            returns.pop_front();
        }
        returns.push_back(now);
        self.end_tenure(role, account);
        match (rule.handling, until) {
            (_, Some(until)) => self.enter_rest(role, account, until),
            (Handling::Retire, None) => self.out_of_pool(role, account, SeatStatus::Retired),
            _ => self.out_of_pool(role, account, SeatStatus::Review),
        }
        Ok(())
    }

    /// The owner's book says, or the role's first for somebody without one.
    fn return_rule(&self, role: usize, owner: RepId, reason: ReturnReason) -> Result<ReturnRule, Code> {
        let policy = self.rules();
        let first = || policy.books.iter().position(|book| usize::from(book.role) == role).map(|book| book as u16);
        let book = self.state.reps[owner.index()].book.or_else(first).ok_or(Code::ReasonNotAllowed)?;
        policy.return_rule(book, reason).cloned().ok_or(Code::ReasonNotAllowed)
    }

    fn check_return(
        &self,
        rule: &ReturnRule,
        role: usize,
        account: AccountId,
        owner: RepId,
        reason: ReturnReason,
    ) -> Result<(), Code> {
        let touches = self.tenure_of(role, account).map_or(0, |tenure| tenure.evidence.touches.len());
        if touches < usize::from(rule.min_touches) {
            return Err(Code::EvidenceMissing);
        }
        let Some((most, period_s)) = rule.quota else { return Ok(()) };
        let now = self.state.now;
        let Some(returns) = self.state.reps[owner.index()].returns.get(&(reason as u8)) else { return Ok(()) };
        // None is forgotten for its age: a later policy's period may be longer.
        let lately = returns.len() - returns.partition_point(|at| at.plus(period_s) <= now);
        if lately >= most as usize { Err(Code::QuotaReached) } else { Ok(()) }
    }

    /// The start of the day that the request names, in the book's zone.
    fn call_back(&self, role: usize, owner: RepId, until: Option<Millis>) -> Result<Secs, Code> {
        let until = self.later(until)?;
        let first = || self.rules().books.iter().find(|book| usize::from(book.role) == role);
        let zone = &self.book_of(owner).or_else(first).ok_or(Code::ReasonNotAllowed)?.zone;
        Ok(zone.day_start(until))
    }

    pub(super) fn out_of_pool(&mut self, role: usize, account: AccountId, status: SeatStatus) {
        let now = self.state.now;
        self.change_seat(role, account, |seat| {
            seat.status = status;
            seat.owner = RepId::NOBODY;
            seat.since = now;
            seat.until = Secs::ZERO;
            seat.wake = Secs::ZERO;
        });
    }

    fn review_done(&mut self, role: usize, account: AccountId) -> Result<(), Code> {
        if self.state.seats[role][account.index()].status != SeatStatus::Review {
            return Err(Code::NotInReview);
        }
        let now = self.state.now;
        self.touch_for_undo(role, account, LeftAlone::AskedSince);
        self.enter_pool(role, account, now);
        Ok(())
    }

    fn retire(&mut self, request: &Request, role: usize, account: AccountId) -> Result<(), Code> {
        // Out for good: the owner that the commands say must hear of it.
        self.settle_restored(role, account);
        match self.state.seats[role][account.index()].status {
            SeatStatus::Retired => return Err(Code::AlreadyRetired),
            SeatStatus::Owned | SeatStatus::Holding => {
                let why = Why::Retired { by: request.by.clone() };
                self.decide(DecisionKind::Retirement, role, account, RepId::NOBODY, why);
                self.end_tenure(role, account);
            }
            _ => self.touch_for_undo(role, account, LeftAlone::AskedSince),
        }
        self.out_of_pool(role, account, SeatStatus::Retired);
        Ok(())
    }

    /// Sets or ends the hold of a seat, or of the account where no role is named.
    fn hold(&mut self, request: &Request) -> Result<(), Code> {
        let role = self.role_named(request)?;
        let account = self.resolve(&request.account).ok_or(Code::UnknownAccount)?;
        let held_until = match role {
            Some(role) if request.op == RequestOp::Release => self.held_until(role, account),
            Some(role) => self.state.seats[role][account.index()].hold,
            None => self.state.accounts[account.index()].hold,
        };
        let until = match request.op {
            RequestOp::Hold => self.later(request.until)?,
            _ if held_until > self.state.now => Secs::ZERO,
            _ => return Err(Code::NotHeld),
        };
        match role {
            Some(role) => {
                if request.op == RequestOp::Release {
                    self.end_back_off(role, account);
                }
                self.change_seat(role, account, |seat| seat.hold = until);
                self.deadline_moved(role, account);
            }
            None => self.change_account(account, |row| row.hold = until),
        }
        for each in self.roles().filter(|each| role.is_none_or(|role| role == *each)) {
            self.touch_for_undo(each, account, LeftAlone::AskedSince);
            self.mark(each, account);
        }
        Ok(())
    }

    fn proceed(&mut self, request: &Request) -> Result<(), Code> {
        let scopes = self.scopes_asked(request)?;
        let tripped: Vec<_> = self.state.tripped.iter().filter(|scope| scopes(scope)).cloned().collect();
        if tripped.is_empty() {
            return Err(Code::NothingToProceed);
        }
        for scope in tripped {
            self.state.tripped.remove(&scope);
            self.count_anew(&scope);
            self.list_those_in(&scope);
            self.alert(AlertKind::BreakerReset { scope });
        }
        Ok(())
    }

    fn scopes_asked(&self, request: &Request) -> Result<impl Fn(&BreakerScope) -> bool + use<>, Code> {
        self.role_named(request)?;
        let (rep, role) = (request.rep.clone(), request.role.clone());
        Ok(move |scope: &BreakerScope| match (scope, &rep, &role) {
            (BreakerScope::Book(id) | BreakerScope::QuietRep(id) | BreakerScope::Refused(id), Some(rep), _) => {
                id == rep
            }
            (BreakerScope::Role(name), None, Some(role)) => name == role,
            (BreakerScope::Role(_) | BreakerScope::Departures, None, None) => true,
            _ => false,
        })
    }

    fn count_anew(&mut self, scope: &BreakerScope) {
        let now = self.state.now;
        let uncounted = |losses: &mut std::collections::VecDeque<(Secs, bool)>| {
            losses.iter_mut().for_each(|(_, counts)| *counts = false);
        };
        match scope {
            BreakerScope::Departures => self.state.departures_proceeded = now,
            BreakerScope::Role(name) => {
                let Some(role) = self.rules().role_index(name) else { return };
                let role = &mut self.state.roles[usize::from(role)];
                role.proceeded = now;
                uncounted(&mut role.losses);
            }
            BreakerScope::Refused(id) => {
                let Some(rep) = self.rep_by_id(id) else { return };
                self.state.reps[rep.index()].refused = 0;
                self.serve_again(rep);
            }
            BreakerScope::Book(id) | BreakerScope::QuietRep(id) => {
                let Some(rep) = self.rep_by_id(id) else { return };
                let rep = &mut self.state.reps[rep.index()];
                if matches!(scope, BreakerScope::Book(_)) {
                    rep.book_proceeded = now;
                    uncounted(&mut rep.losses);
                } else {
                    rep.quiet_proceeded = now;
                }
            }
        }
    }
}
