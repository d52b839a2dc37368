//! §11: what people ask for.

use bookd::domain::output::{AlertKind, BreakerScope, LeftAlone, SeatStatus, Why};
use bookd::domain::policy::Handling;
use bookd::domain::request::{Request, RequestOp};
use bookd::domain::{Code, DecisionKind, Secs};

use super::{AccountNo, Twin};

impl Twin {
    /// An error turns the request away as a record; a refusal is an alert.
    pub(super) fn request(&mut self, request: &Request) -> Result<(), Code> {
        if request.at.secs() > self.now.plus(self.policy().windows.ahead_s) {
            return Err(Code::TooFarAhead);
        }
        if self.remember(request.dedup)
            && let Err(code) = self.do_as_asked(request)
        {
            self.refuse(request, code);
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, request: &Request, code: Code) {
        let account = self.resolve(&request.account).map(|account| self.accounts[account].id.clone());
        let (op, by) = (request.op, request.by.clone());
        self.alert(AlertKind::Refused { op, code, account, role: request.role.clone(), by });
    }

    fn do_as_asked(&mut self, request: &Request) -> Result<(), Code> {
        if !RequestOp::SUPPORTED.contains(&request.op) {
            return Err(Code::NotSupported);
        }
        let named = self.named_role(request)?;
        match request.op {
            RequestOp::Proceed => return self.proceed(request, named),
            RequestOp::Pause => return self.pause(request, named),
            RequestOp::Resume => return self.resume(request, named),
            RequestOp::Rate => return self.set_rate(request),
            _ => {}
        }
        if request.op == RequestOp::Undo {
            return self.undo(request, named);
        }
        let only = (self.roles.len() == 1).then_some(0);
        if request.op == RequestOp::GoLive {
            return self.go_live(request, named.or(only).ok_or(Code::UnknownRole)?);
        }
        if request.op == RequestOp::Approve {
            return self.approve(request, named.or(only).ok_or(Code::UnknownRole)?);
        }
        let acts_on_a_seat = matches!(request.op, RequestOp::Return | RequestOp::ReviewDone | RequestOp::Retire);
        let role = if acts_on_a_seat { named.or(only).ok_or(Code::UnknownRole)? } else { 0 };
        let account = self.resolve(&request.account).ok_or(Code::UnknownAccount)?;
        match request.op {
            RequestOp::Return => self.give_back(request, account, role)?,
            RequestOp::ReviewDone => self.review_done(account, role)?,
            RequestOp::Retire => self.retire(request, account, role)?,
            RequestOp::Hold => self.hold(request, account, named)?,
            RequestOp::Release => self.release(account, named)?,
            _ => unreachable!("turned away above"),
        }
        self.touched.insert(account);
        Ok(())
    }

    fn named_role(&self, request: &Request) -> Result<Option<usize>, Code> {
        match &request.role {
            None => Ok(None),
            Some(name) => self.policy().role_index(name).map(|role| Some(usize::from(role))).ok_or(Code::UnknownRole),
        }
    }

    pub(super) fn give_back(&mut self, request: &Request, account: AccountNo, role: usize) -> Result<(), Code> {
        let policy = self.policy();
        let seat = &self.accounts[account].seats[role];
        if !matches!(seat.status, SeatStatus::Owned | SeatStatus::Holding) {
            return Err(Code::NotOwned);
        }
        let owner = seat.owner.expect("owned or held");
        if self.reps[owner].id != *request.rep.as_ref().unwrap_or(&request.by) {
            return Err(Code::NotOwner);
        }
        let reason = request.reason.ok_or(Code::ReasonMissing)?;
        let first = policy.books.iter().position(|book| usize::from(book.role) == role);
        let book = self.book_of(owner).or(first).ok_or(Code::ReasonNotAllowed)?;
        let rule = policy.return_rule(book as u16, reason).ok_or(Code::ReasonNotAllowed)?;
        let touches = seat.tenure.as_ref().map_or(0, |tenure| tenure.touches.len());
        if touches < usize::from(rule.min_touches) {
            return Err(Code::EvidenceMissing);
        }
        if let Some((quota, period_s)) = rule.quota {
            let counts =
                |(rep, why, at): &&(usize, _, Secs)| *rep == owner && *why == reason && *at > self.now.minus(period_s);
            if self.returns.iter().filter(counts).count() >= quota as usize {
                return Err(Code::QuotaReached);
            }
        }
        let until = request.until.map(|until| until.secs()).filter(|until| *until > self.now);
        if rule.handling == Handling::Date && until.is_none() {
            return Err(Code::DateMissing);
        }

        let why = Why::Returned { reason, by: request.by.clone() };
        self.decide(account, role, DecisionKind::Return, None, why);
        self.note_past_owner(account, role);
        self.returns.push((owner, reason, self.now));
        match rule.handling {
            Handling::Review => self.out_of_circulation(account, role, SeatStatus::Review),
            Handling::Retire => self.out_of_circulation(account, role, SeatStatus::Retired),
            Handling::Rest(rest_s) => self.enter_rest(account, role, self.now.plus(rest_s)),
            Handling::Date => {
                let day = policy.books[book].zone.day_start(until.expect("looked at above"));
                self.enter_rest(account, role, day);
            }
        }
        self.roles[role].dirty = true;
        Ok(())
    }

    fn review_done(&mut self, account: AccountNo, role: usize) -> Result<(), Code> {
        if self.accounts[account].seats[role].status != SeatStatus::Review {
            return Err(Code::NotInReview);
        }
        self.touched_since(account, role, LeftAlone::AskedSince);
        self.enter_pool(account, role, self.now);
        Ok(())
    }

    fn retire(&mut self, request: &Request, account: AccountNo, role: usize) -> Result<(), Code> {
        if self.accounts[account].seats[role].status == SeatStatus::Unknown {
            self.restore(account, role);
        }
        let seat = &self.accounts[account].seats[role];
        if seat.status == SeatStatus::Retired {
            return Err(Code::AlreadyRetired);
        }
        if seat.owner.is_some() {
            let why = Why::Retired { by: request.by.clone() };
            self.decide(account, role, DecisionKind::Retirement, None, why);
            self.note_past_owner(account, role);
            self.roles[role].dirty = true;
        } else {
            self.touched_since(account, role, LeftAlone::AskedSince);
        }
        self.out_of_circulation(account, role, SeatStatus::Retired);
        Ok(())
    }

    fn hold(&mut self, request: &Request, account: AccountNo, role: Option<usize>) -> Result<(), Code> {
        let until = request.until.map(|until| until.secs()).filter(|until| *until > self.now);
        *self.hold_of(account, role) = until.ok_or(Code::DateMissing)?;
        self.holds_are_asked_for(account, role);
        self.look_at_promises(account);
        Ok(())
    }

    fn release(&mut self, account: AccountNo, role: Option<usize>) -> Result<(), Code> {
        let now = self.now;
        let rests = role.and_then(|role| self.command_of(account, role)).is_some_and(|command| command.retry_at > now);
        let hold = self.hold_of(account, role);
        if *hold <= now && !rests {
            return Err(Code::NotHeld);
        }
        *hold = Secs::ZERO;
        if let Some(command) = role.and_then(|role| self.accounts[account].seats[role].command.as_mut()) {
            command.retry_at = Secs::ZERO;
        }
        self.holds_are_asked_for(account, role);
        for role in 0..self.roles.len() {
            self.mark(account, role);
        }
        Ok(())
    }

    fn holds_are_asked_for(&mut self, account: AccountNo, role: Option<usize>) {
        for each in (0..self.roles.len()).filter(|each| role.is_none_or(|role| role == *each)) {
            self.touched_since(account, each, LeftAlone::AskedSince);
        }
    }

    /// The seat's, or the account's where no role is named.
    fn hold_of(&mut self, account: AccountNo, role: Option<usize>) -> &mut Secs {
        match role {
            Some(role) => &mut self.accounts[account].seats[role].hold,
            None => &mut self.accounts[account].hold,
        }
    }

    fn look_at_promises(&mut self, account: AccountNo) {
        for role in 0..self.roles.len() {
            self.look_at_promise(account, role);
        }
    }

    fn proceed(&mut self, request: &Request, role: Option<usize>) -> Result<(), Code> {
        let policy = self.policy();
        let mut asked = match (&request.rep, role) {
            (Some(rep), _) => {
                let scopes = [BreakerScope::Book, BreakerScope::QuietRep, BreakerScope::Refused];
                scopes.map(|scope| scope(rep.clone())).to_vec()
            }
            (None, Some(role)) => vec![BreakerScope::Role(policy.roles[role].name.clone())],
            (None, None) => {
                let roles = policy.roles.iter().map(|role| BreakerScope::Role(role.name.clone()));
                roles.chain([BreakerScope::Departures]).collect()
            }
        };
        asked.retain(|scope| self.tripped.contains(scope));
        if asked.is_empty() {
            return Err(Code::NothingToProceed);
        }
        asked.sort();
        for scope in asked {
            self.reset(&scope);
        }
        Ok(())
    }
}
