//! §5: how seats move, holds, deadlines, timers.

use bookd::domain::output::{AlertKind, Entered, SeatStatus};
use bookd::domain::policy::{Book, MAX_PAST_OWNERS};
use bookd::domain::time::{DAY, HOUR};
use bookd::domain::{Millis, Secs, Text};

use super::{AccountNo, RepNo, Seat, Tenure, Twin};

impl Twin {
    fn seat(&mut self, account: AccountNo, role: usize) -> &mut Seat {
        &mut self.accounts[account].seats[role]
    }

    pub(super) fn leave(&mut self, account: AccountNo, role: usize, status: SeatStatus, since: Secs) {
        let seat = self.seat(account, role);
        (seat.status, seat.since, seat.owner, seat.tenure, seat.wake) = (status, since, None, None, None);
        self.touched.insert(account);
    }

    pub(super) fn enter_pool(&mut self, account: AccountNo, role: usize, since: Secs) {
        self.leave(account, role, SeatStatus::Pool, since);
        self.seat(account, role).until = Secs::ZERO;
        if self.excluded(account, role) {
            self.exclude(account, role);
        }
        self.mark(account, role);
    }

    /// A rest of nothing is the pool.
    pub(super) fn enter_rest(&mut self, account: AccountNo, role: usize, until: Secs) {
        if until <= self.now {
            return self.enter_pool(account, role, self.now);
        }
        self.leave(account, role, SeatStatus::Rest, self.now);
        self.seat(account, role).until = until;
        if self.excluded(account, role) {
            self.exclude(account, role);
        }
    }

    pub(super) fn exclude(&mut self, account: AccountNo, role: usize) {
        self.leave(account, role, SeatStatus::Excluded, self.now);
    }

    pub(super) fn own(&mut self, account: AccountNo, role: usize, owner: RepNo, segment: Option<Text>) {
        let policy = self.policy();
        let book = &policy.books[self.book_of(owner).expect("an owner has a book")];
        let now = self.now;
        let tenure = Tenure {
            since: now,
            grace: now.plus(book.grace_s),
            segment,
            promised: None,
            warned_at: None,
            waits: false,
            entered: Entered::Adopted,
            touches: Vec::new(),
            days: Vec::new(),
            contacts: Vec::new(),
            replies: Vec::new(),
        };
        self.leave(account, role, SeatStatus::Owned, now);
        let seat = self.seat(account, role);
        (seat.owner, seat.tenure, seat.until) = (Some(owner), Some(tenure), Secs::ZERO);
    }

    pub(super) fn enter_holding(&mut self, account: AccountNo, role: usize, holder: RepNo) {
        self.leave(account, role, SeatStatus::Holding, self.now);
        self.seat(account, role).owner = Some(holder);
    }

    pub(super) fn out_of_circulation(&mut self, account: AccountNo, role: usize, status: SeatStatus) {
        self.leave(account, role, status, self.now);
        self.seat(account, role).until = Secs::ZERO;
    }

    /// Latest first.
    pub(super) fn note_past_owner(&mut self, account: AccountNo, role: usize) {
        let now = self.now;
        let seat = self.seat(account, role);
        let owner = seat.owner.expect("who loses an account owned it");
        seat.past.insert(0, (owner, now));
        seat.past.truncate(MAX_PAST_OWNERS);
    }

    /// Being marked brings back an account that was set aside, and marks it for both steps.
    pub(super) fn mark(&mut self, account: AccountNo, role: usize) {
        if self.accounts[account].seats[role].status == SeatStatus::Pool {
            self.roles[role].marked.insert(account);
            self.roles[role].marked_for_fill.remove(&account);
            self.roles[role].aside.remove(&account);
        }
    }

    fn owners_book(&self, account: AccountNo, role: usize) -> Option<Book> {
        let owner = self.accounts[account].seats[role].owner?;
        self.book_of(owner).map(|book| self.policy().books[book].clone())
    }

    /// The instants at which the holdouts of a seat end, opportunities apart.
    fn holdout_ends(&self, account: AccountNo, role: usize) -> [Secs; 3] {
        let row = &self.accounts[account];
        [row.meeting.unwrap_or(Secs::ZERO), row.hold, row.seats[role].hold]
    }

    fn held_out(&self, account: AccountNo, role: usize) -> bool {
        self.open_opportunities(account) > 0 || self.holdout_ends(account, role).iter().any(|end| *end > self.now)
    }

    /// `max(grace, worked until)`; never while a holdout lasts.
    pub(super) fn deadline(&self, account: AccountNo, role: usize) -> Secs {
        let tenure = self.accounts[account].seats[role].tenure.as_ref().expect("owned");
        match self.owners_book(account, role) {
            Some(book) if !self.held_out(account, role) => tenure.grace.max(tenure.worked_until(&book.evidence)),
            _ => Secs::NEVER,
        }
    }

    /// A promise is off when the deadline is later.
    pub(super) fn look_at_promise(&mut self, account: AccountNo, role: usize) {
        let Some(tenure) = &self.accounts[account].seats[role].tenure else { return };
        let Some(promised) = tenure.promised else { return };
        if self.deadline(account, role) <= promised {
            return;
        }
        let tenure = self.seat(account, role).tenure.as_mut().expect("looked at above");
        (tenure.promised, tenure.warned_at, tenure.waits) = (None, None, false);
        if self.owners_book(account, role).is_some_and(|book| book.lead_s > 0) {
            let owner = self.accounts[account].seats[role].owner.expect("owned");
            self.alert(AlertKind::RiskCleared {
                account: self.accounts[account].id.clone(),
                role: self.policy().roles[role].name.clone(),
                owner: self.reps[owner].id.clone(),
                shadow: self.roles[role].shadow,
            });
        }
    }

    /// Gate open: ends of holds, and of what is due by now as much as one entry fires.
    pub(super) fn fire_timers(&mut self) {
        self.wake_the_pool();
        let mut due = Vec::new();
        for account in self.living() {
            for role in 0..self.roles.len() {
                due.extend(self.timer(account, role).filter(|at| *at <= self.now).map(|at| (at, account, role)));
            }
        }
        due.sort();
        self.timers_left = due.len() > self.at_once;
        for (_, account, role) in due.into_iter().take(self.at_once) {
            self.fire(account, role);
        }
    }

    /// When a rest ends, an owner is warned, or a promise falls due.
    fn timer(&self, account: AccountNo, role: usize) -> Option<Secs> {
        let seat = &self.accounts[account].seats[role];
        let promised = seat.tenure.as_ref().filter(|tenure| !tenure.waits).and_then(|tenure| tenure.promised);
        match seat.status {
            SeatStatus::Rest => Some(seat.until),
            _ => promised.or_else(|| self.warning_due(account, role)),
        }
    }

    fn fire(&mut self, account: AccountNo, role: usize) {
        let seat = &self.accounts[account].seats[role];
        if seat.status == SeatStatus::Rest {
            return self.enter_pool(account, role, seat.until);
        }
        if seat.tenure.as_ref().is_some_and(|tenure| tenure.promised.is_none()) {
            return self.promise(account, role, self.deadline(account, role));
        }
        self.seat(account, role).tenure.as_mut().expect("a promise is of a tenure").waits = true;
    }

    /// The end of a hold or of a cool-off marks; at an opening all are tried anyway.
    fn wake_the_pool(&mut self) {
        for account in self.living() {
            for role in 0..self.roles.len() {
                let ends = self.hold_ends(account, role);
                let held_until_now = ends.iter().any(|end| *end > self.before && *end <= self.now);
                let now = self.now;
                let woken = self.seat(account, role).wake.take_if(|wake| *wake <= now).is_some();
                if (held_until_now || woken) && !self.opens {
                    self.mark(account, role);
                }
            }
        }
    }

    fn hold_ends(&self, account: AccountNo, role: usize) -> Vec<Secs> {
        let seat = &self.accounts[account].seats[role];
        if seat.status != SeatStatus::Pool {
            return Vec::new();
        }
        let mut ends = vec![self.accounts[account].hold, seat.hold];
        ends.extend(seat.command.as_ref().map(|command| command.retry_at));
        ends
    }

    /// When the warning of an owned seat without a promise is due.
    fn warning_due(&self, account: AccountNo, role: usize) -> Option<Secs> {
        let tenure = self.accounts[account].seats[role].tenure.as_ref()?;
        let book = self.owners_book(account, role)?;
        let deadline = self.deadline(account, role);
        (tenure.promised.is_none() && deadline != Secs::NEVER).then(|| deadline.minus(book.lead_s))
    }

    fn promise(&mut self, account: AccountNo, role: usize, deadline: Secs) {
        let book = self.owners_book(account, role).expect("a warning is of a book");
        let now = self.now;
        let owner = self.accounts[account].seats[role].owner.expect("owned");
        let tenure = self.seat(account, role).tenure.as_mut().expect("owned");
        if book.lead_s == 0 {
            (tenure.promised, tenure.waits) = (Some(deadline), true);
            return;
        }
        let promised = deadline.max(now.plus(book.lead_s));
        (tenure.promised, tenure.warned_at) = (Some(promised), Some(now));
        let missing = tenure.missing(&book.evidence, promised);
        let (account, owner) = (self.accounts[account].id.clone(), self.reps[owner].id.clone());
        let shadow = self.roles[role].shadow;
        let role = self.policy().roles[role].name.clone();
        self.alert(AlertKind::AtRisk { account, role, owner, deadline, promised, missing, shadow });
    }

    /// The next instant at which something may be due without any input; `None` while the gate is closed.
    /// It may turn out that nothing is.
    pub fn next_deadline(&self) -> Option<Millis> {
        if !self.gate_open {
            return None;
        }
        let mut instants = self.silences();
        instants.extend(self.command_instants());
        instants.extend(self.issued.iter().map(|(at, _)| at.plus(HOUR)));
        instants.extend(self.roles.iter().filter_map(|role| role.wave).map(|(_, asked)| asked.plus(DAY)));
        for account in self.living() {
            for role in 0..self.roles.len() {
                let seat = &self.accounts[account].seats[role];
                match seat.status {
                    SeatStatus::Rest => instants.push(seat.until),
                    SeatStatus::Pool => {
                        instants.extend(self.hold_ends(account, role));
                        instants.extend(seat.wake);
                    }
                    SeatStatus::Owned => instants.extend(self.of_owned(account, role)),
                    _ => {}
                }
            }
        }
        instants.into_iter().filter(|instant| *instant > self.now && *instant != Secs::NEVER).min().map(Secs::millis)
    }

    fn of_owned(&self, account: AccountNo, role: usize) -> Vec<Secs> {
        let mut instants = self.holdout_ends(account, role).to_vec();
        instants.extend(self.warning_due(account, role));
        instants.extend(self.accounts[account].seats[role].tenure.as_ref().and_then(|tenure| tenure.promised));
        // A loss that a cap holds back goes when earlier ones grow old.
        instants.extend(self.losses.iter().flat_map(|loss| [loss.at.plus(HOUR), loss.at.plus(DAY)]));
        instants
    }
}
