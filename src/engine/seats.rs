//! Seats: through which functions they and their accounts change, so that pools and timers follow, and what time does
//! to them: rests, holds, deadlines, warnings. `docs/rules.md`, 5.

use crate::domain::output::{AlertKind, SeatStatus};
use crate::domain::policy::Book;
use crate::domain::{Output, Secs, output::Alert};

use super::Engine;
use super::heap::Place;
use super::state::{Account, AccountId, RepId, Seat, Tenure};
use super::timers::Kind;

impl Engine {
    /// Every change of a seat: notes its cause, its place in the pool and its timer follow.
    pub(super) fn change_seat(&mut self, role: usize, account: AccountId, change: impl FnOnce(&mut Seat)) {
        // Out of the heap first: the change may move its rank.
        self.leave_pool(role, account);
        let cause = self.cause();
        let seat = &mut self.state.seats[role][account.index()];
        self.index.note_holding(role, account, seat, false);
        change(seat);
        self.index.note_holding(role, account, seat, true);
        seat.cause = cause;
        self.entry.touched.push(account);
        self.place_in_pool(role, account);
        self.set_timer(role, account);
    }

    /// Every change of an account: the pools of all roles and the timers follow.
    pub(super) fn change_account(&mut self, account: AccountId, change: impl FnOnce(&mut Account)) {
        change(&mut self.state.accounts[account.index()]);
        self.entry.touched.push(account);
        for role in self.roles() {
            self.place_in_pool(role, account);
            self.deadline_moved(role, account);
        }
    }

    /// Signals changed what the account is worth: nothing follows but its places in the heaps.
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn score_changed(&mut self, account: AccountId) {
        self.entry.touched.push(account);
        self.roles().for_each(|role| self.bound_anew(role, account));
    }

    /// The entry and the decision in it that a change is due to.
    fn cause(&self) -> u64 {
        self.state.sequence << 16 | u64::from(self.entry.decisions.min(0xffff))
    }

    pub(super) fn book_of(&self, rep: RepId) -> Option<&Book> {
        let book = self.state.reps.get(rep.index())?.book?;
        self.rules().books.get(usize::from(book))
    }

    /// The latest end of what holds an owned account: NEVER for an open opportunity, `None` for nothing.
    fn holdout(&self, role: usize, account: AccountId) -> Option<Secs> {
        let (row, seat) = (&self.state.accounts[account.index()], &self.state.seats[role][account.index()]);
        if row.open_opportunities > 0 {
            return Some(Secs::NEVER);
        }
        let end = row.meeting.max(row.hold).max(seat.hold);
        (end > self.state.now).then_some(end)
    }

    /// When the owner loses the account if nothing more happens, holdouts apart.
    pub(super) fn evidence_deadline(&self, role: usize, account: AccountId) -> Secs {
        let tenure = self.tenure(role, account);
        let owner = self.state.seats[role][account.index()].owner;
        let Some(book) = self.book_of(owner) else { return Secs::NEVER };
        tenure.grace.max(tenure.evidence.worked_until(&book.evidence))
    }

    pub(super) fn deadline(&self, role: usize, account: AccountId) -> Secs {
        match self.holdout(role, account) {
            Some(_) => Secs::NEVER,
            None => self.evidence_deadline(role, account),
        }
    }

    fn lead(&self, role: usize, account: AccountId) -> u32 {
        let owner = self.state.seats[role][account.index()].owner;
        self.book_of(owner).map_or(0, |book| book.lead_s)
    }

    /// After anything that may have moved the deadline: a promise that it has passed is off.
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn deadline_moved(&mut self, role: usize, account: AccountId) {
        if self.state.seats[role][account.index()].status == SeatStatus::Owned {
            let deadline = self.deadline(role, account);
            let warns = self.lead(role, account) > 0;
            if self.tenure(role, account).promised.is_some_and(|promised| deadline > promised) {
                self.wait_no_longer(role, account);
                let tenure = self.tenure_mut(role, account);
                tenure.promised = None;
                tenure.warned_at = None;
                if warns {
                    let shadow = self.is_in_shadow(role);
                    let (account, role_name, owner) = self.names(role, account);
                    self.alert(AlertKind::RiskCleared { account, role: role_name, owner, shadow });
                }
            } else {
                self.note_deadline(role, account, deadline);
            }
        }
        self.set_timer(role, account);
    }

    /// The one timer of a seat: the earliest instant at which time alone changes something.
    pub(super) fn set_timer(&mut self, role: usize, account: AccountId) {
        let (kind, due) = self.due(role, account);
        self.index.timers[role].set(account.0, kind, due);
    }

    /// For `audit`.
    pub(super) fn timer(&self, role: usize, account: AccountId) -> Option<(Kind, Secs)> {
        Some(self.due(role, account)).filter(|(_, due)| *due != Secs::NEVER)
    }

    pub(super) fn due(&self, role: usize, account: AccountId) -> (Kind, Secs) {
        let (row, seat) = (&self.state.accounts[account.index()], &self.state.seats[role][account.index()]);
        let now = self.state.now;
        let ahead = |at: Secs| if at > now { at } else { Secs::NEVER };
        match seat.status {
            _ if !row.alive => (Kind::Due, Secs::NEVER),
            SeatStatus::Rest => (Kind::Due, seat.until),
            SeatStatus::Pool => {
                let wake = if seat.wake > Secs::ZERO { seat.wake } else { Secs::NEVER };
                (Kind::Wake, ahead(row.hold.max(seat.hold).max(self.retry_at(role, account))).min(wake))
            }
            SeatStatus::Owned => self.owned_due(role, account),
            _ => (Kind::Due, Secs::NEVER),
        }
    }

    fn owned_due(&self, role: usize, account: AccountId) -> (Kind, Secs) {
        if let Some(end) = self.holdout(role, account) {
            return (Kind::Wake, end);
        }
        if self.state.roles[role].waiting.contains(&account) {
            return (Kind::Due, Secs::NEVER);
        }
        let due = match self.tenure(role, account).promised {
            Some(promised) => promised,
            None => self.evidence_deadline(role, account).minus(self.lead(role, account)),
        };
        (Kind::Due, due)
    }

    /// Holds that are over first, all of them: what they held back is due as if they had never been. Then what is due, as
    /// much of it as fires in one entry.
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn fire_timers(&mut self) {
        for role in self.roles() {
            while let Some((at, account)) = self.index.timers[role].first(Kind::Wake)
                && at <= self.state.now
            {
                self.index.timers[role].take_first(Kind::Wake);
                self.wake(role, AccountId(account));
            }
        }
        let mut left = self.entry.at_once;
        while left > 0
            && let Some((_, account, role)) = self.next_due()
        {
            left -= 1;
            self.index.timers[role].take_first(Kind::Due);
            self.fire(role, account);
        }
        self.state.timers_left = left == 0 && self.next_due().is_some();
    }

    /// Of what is due the one that fires first.
    fn next_due(&self) -> Option<(Secs, AccountId, usize)> {
        let timers = self.index.timers.iter().enumerate();
        let firsts = timers
            .filter_map(|(role, timers)| timers.first(Kind::Due).map(|(at, account)| (at, AccountId(account), role)));
        firsts.min().filter(|(at, ..)| *at <= self.state.now)
    }

    fn wake(&mut self, role: usize, account: AccountId) {
        let now = self.state.now;
        let seat = &mut self.state.seats[role][account.index()];
        let pooled = seat.status == SeatStatus::Pool;
        if pooled {
            if seat.wake <= now {
                seat.wake = Secs::ZERO;
            }
            self.place_in_pool(role, account);
        }
        self.set_timer(role, account);
        // At an opening all are tried anyway, and what ended behind the gate no state knows.
        if pooled && !self.entry.opens {
            self.mark(role, account);
        }
    }

    fn fire(&mut self, role: usize, account: AccountId) {
        let seat = &self.state.seats[role][account.index()];
        match seat.status {
            SeatStatus::Rest => {
                let since = seat.until;
                self.enter_pool(role, account, since);
            }
            SeatStatus::Owned => self.fire_owned(role, account),
            _ => {}
        }
        self.set_timer(role, account);
    }

    fn fire_owned(&mut self, role: usize, account: AccountId) {
        if self.tenure(role, account).promised.is_some() {
            return self.wait(role, account);
        }
        let (deadline, lead) = (self.evidence_deadline(role, account), self.lead(role, account));
        if lead == 0 {
            self.promise(role, account, deadline);
        } else {
            self.warn(role, account, deadline, lead);
        }
    }

    /// A lead of nothing needs no warning.
    fn promise(&mut self, role: usize, account: AccountId, deadline: Secs) {
        self.tenure_mut(role, account).promised = Some(deadline);
        self.wait(role, account);
    }

    fn warn(&mut self, role: usize, account: AccountId, deadline: Secs, lead: u32) {
        let now = self.state.now;
        let promised = deadline.max(now.plus(lead));
        let tenure = self.tenure_mut(role, account);
        tenure.promised = Some(promised);
        tenure.warned_at = Some(now);
        let seat = &self.state.seats[role][account.index()];
        let book = self.book_of(seat.owner).expect("an owner with a deadline has a book");
        let missing = self.tenure(role, account).evidence.missing(&book.evidence, promised);
        let shadow = self.is_in_shadow(role);
        let (account, role, owner) = self.names(role, account);
        self.alert(AlertKind::AtRisk { account, role, owner, deadline, promised, missing, shadow });
    }

    pub(super) fn tenure_of(&self, role: usize, account: AccountId) -> Option<&Tenure> {
        match self.index.pools[role].places[account.index()] {
            Place::Tenure(row) => Some(&self.state.tenures[role][row as usize]),
            _ => None,
        }
    }

    pub(super) fn tenure(&self, role: usize, account: AccountId) -> &Tenure {
        self.tenure_of(role, account).expect("an owned seat has a tenure")
    }

    pub(super) fn tenure_mut(&mut self, role: usize, account: AccountId) -> &mut Tenure {
        let Place::Tenure(row) = self.index.pools[role].places[account.index()] else {
            panic!("an owned seat has a tenure");
        };
        &mut self.state.tenures[role][row as usize]
    }

    pub(super) fn begin_tenure(&mut self, role: usize, tenure: Tenure) {
        let place = Place::Tenure(self.state.tenures[role].len() as u32);
        self.index.pools[role].places[tenure.account.index()] = place;
        self.state.tenures[role].push(tenure);
    }

    /// Takes the row of an account's tenure away; the last row moves to its place.
    pub(super) fn remove_tenure(&mut self, role: usize, account: AccountId) -> Option<Tenure> {
        let places = &mut self.index.pools[role].places;
        let Place::Tenure(row) = places[account.index()] else { return None };
        places[account.index()] = Place::Nowhere;
        let tenures = &mut self.state.tenures[role];
        let tenure = tenures.swap_remove(row as usize);
        if let Some(moved) = tenures.get(row as usize) {
            places[moved.account.index()] = Place::Tenure(row);
        }
        Some(tenure)
    }

    pub(super) fn alert(&mut self, kind: AlertKind) {
        self.entry.out.push(Output::Alert(Box::new(Alert { at: self.state.now, kind })));
    }
}
