//! The invariants of the state, checked in full: in tests after every entry, and after a restore.

use crate::domain::output::{BreakerScope, SeatStatus};
use crate::domain::policy::MAX_REFUSED;
use crate::domain::rep::RepStatus;

use super::Engine;
use super::commanded::CommandIndex;
use super::crew::{Crew, Standing};
use super::heap::Place;
use super::state::{AccountId, RepId, Stage};
use super::undo_log::UndoIndex;

/// Names the first invariant that is broken.
type Audit = Result<(), String>;

fn require(holds: bool, what: impl FnOnce() -> String) -> Audit {
    if holds { Ok(()) } else { Err(what()) }
}

impl Engine {
    /// Checks every state invariant in full (`Err` names the first that is broken). O(accounts × reps).
    pub fn audit(&self) -> Result<(), String> {
        for role in self.roles() {
            for account in self.account_ids() {
                self.audit_seat(role, account)?;
                self.audit_place(role, account)?;
                self.audit_timer(role, account)?;
            }
            self.audit_commands(role)?;
            self.audit_heaps(role)?;
            self.audit_matching(role)?;
            self.audit_losses(role)?;
        }
        (0..self.state.reps.len() as u16).map(RepId).try_for_each(|rep| self.audit_rep(rep))?;
        self.audit_crews()?;
        self.audit_memory()
    }

    /// A timer is what the state says, whatever else was due before it; behind a closed gate holds end without theirs.
    fn audit_timer(&self, role: usize, account: AccountId) -> Audit {
        let (set, due) = (self.index.timers[role].of(account.0), self.timer(role, account));
        require(!self.state.gate_open || set == due, || {
            format!("{} in role {role}: its timer is {set:?}, not {due:?}", account.0)
        })
    }

    /// Crews that followed every change are as they would be anew.
    fn audit_crews(&self) -> Audit {
        let Some(policy) = &self.state.policy else { return Ok(()) };
        let mut anew: Vec<_> = policy.books.iter().map(|book| Crew::new(&book.segments)).collect();
        for (standing, rep) in self.index.standings.iter().zip(0..) {
            if let Some(book) = standing.book {
                anew[usize::from(book)].follow(RepId(rep), &Standing::default(), standing);
            }
        }
        let alike = anew.iter().zip(&self.index.crews).all(|(anew, crew)| anew.is_like(crew));
        require(alike, || "a crew is another one than its reps' standings say".into())?;
        let open: Vec<_> = self.roles().map(|role| self.open_segments(role)).collect();
        require(open == self.index.open_segments, || format!("open {:x?}, are {open:x?}", self.index.open_segments))
    }

    /// An account is owned in a role exactly if it has an owner, a tenure and a place in that owner's book.
    fn audit_seat(&self, role: usize, account: AccountId) -> Audit {
        let seat = &self.state.seats[role][account.index()];
        let name = || format!("{} in role {role}", self.state.sides[account.index()].id);
        let owned = seat.status == SeatStatus::Owned;
        let owner = seat.owner.some();
        require(owner.is_some() == matches!(seat.status, SeatStatus::Owned | SeatStatus::Holding), || {
            format!("{}: {:?} with owner {owner:?}", name(), seat.status)
        })?;
        let tenure = self.tenure_of(role, account);
        require(tenure.is_some_and(|tenure| tenure.account == account) == owned, || format!("{}: tenure", name()))?;
        // Who holds an account here may own it in another role.
        let in_book = owner
            .map(|owner| &self.state.reps[owner.index()])
            .is_some_and(|owner| owner.role == Some(role as u8) && owner.accounts.contains(&account));
        require(in_book == owned, || format!("{}: its owner's book doesn't know it", name()))?;
        let held = owner.is_some_and(|owner| self.index.holding.contains(&(owner, account, role)));
        require(held == (seat.status == SeatStatus::Holding), || format!("{}: held {held}", name()))?;
        let waits = self.state.roles[role].waiting.contains(&account);
        let promised = tenure.and_then(|tenure| tenure.promised);
        require(!waits || promised.is_some_and(|at| at <= self.state.now), || format!("{}: waits unpromised", name()))?;
        require(self.state.accounts[account.index()].alive || seat.status == SeatStatus::Unknown, || {
            format!("{}: deleted, yet has a seat", name())
        })
    }

    /// An account is in a heap exactly if it is in circulation, matches a segment, and isn't set aside.
    fn audit_place(&self, role: usize, account: AccountId) -> Audit {
        let set = self.segments_in(role, account);
        let aside = self.state.seats[role][account.index()].aside;
        let in_pass = self.state.roles[role].pass.as_ref().is_some_and(|pass| pass.aside.contains(&account));
        require(!aside || in_pass, || format!("{} in role {role}: set aside by no pass", account.0))?;
        let belongs = self.in_circulation(role, account) && set != 0 && !aside;
        let there = match self.index.pools[role].places[account.index()] {
            Place::Heap { heap, .. } => Some(self.index.pools[role].heaps[usize::from(heap)].0),
            _ => None,
        };
        // While the gate is closed holds may end without their timers firing.
        require(there == belongs.then_some(set) || !self.state.gate_open, || {
            format!("{} in role {role}: in heap {there:?}, belongs {belongs} to {set:b}", account.0)
        })
    }

    fn audit_heaps(&self, role: usize) -> Audit {
        let order = |a, b| self.rank(role, a, b);
        let pool = &self.index.pools[role];
        for (number, (_, heap)) in pool.heaps.iter().enumerate() {
            require(heap.check(number as u16, &pool.places, &order), || format!("role {role}: heap {number}"))?;
            let lowest = heap.entries().iter().find(|entry| entry.bound < self.priority(entry.account));
            require(lowest.is_none(), || format!("role {role}: {lowest:?} is above its bound"))?;
        }
        Ok(())
    }

    /// Where nothing is pending who has a slot taken is the CRM's owner: none is counted for a command that was undone.
    fn audit_commands(&self, role: usize) -> Audit {
        let rebuilt = CommandIndex::rebuild(&self.state.commands);
        require(rebuilt == self.index.commands, || "commands: another index".into())?;
        require(self.confirms(role) || self.state.commands[role].is_empty(), || format!("role {role}: unconfirmed"))?;
        for (account, row) in &self.state.commands[role] {
            let seat = &self.state.seats[role][account.index()];
            // Before its first command a seat may be from when commands were taken for granted.
            let open = row.is_busy() || row.stage == Stage::Waiting;
            require(open || seat.owner == seat.crm_owner || seat.owner == RepId::NOBODY, || {
                format!("{} in role {role}: {:?}, desired {:?}", account.0, row, seat.owner)
            })?;
        }
        Ok(())
    }

    /// C1: no open slot beside an eligible account, unless matching isn't done.
    fn audit_matching(&self, role: usize) -> Audit {
        let state = &self.state.roles[role];
        let done = state.marked.is_empty() && state.dirty == 0 && state.pass.is_none();
        if !done || !self.state.gate_open {
            return Ok(());
        }
        match self.placeable(role) {
            None => Ok(()),
            Some((account, rep)) => Err(format!(
                "role {role}: {} could go to {}",
                self.state.sides[account.index()].id,
                self.state.reps[rep.index()].id
            )),
        }
    }

    /// Who waits stands in a line, and its owner in the list of what keeps it.
    fn audit_losses(&self, role: usize) -> Audit {
        self.fault_of_lines(role).map_or(Ok(()), Err)?;
        let mut books = 0..self.rules().books.len() as u16;
        let wrong = books.find(|book| self.index.sizes.of_book(*book) != self.size_of_book(*book));
        require(wrong.is_none(), || format!("book {wrong:?}: another size"))
    }

    fn audit_rep(&self, rep: RepId) -> Audit {
        let row = &self.state.reps[rep.index()];
        let role = row.role.map(usize::from);
        let segments = self.book_of(rep).map(|book| &book.segments);
        let mut counts = vec![0; segments.map_or(0, Vec::len)];
        for account in &row.accounts {
            let tenure = role.and_then(|role| self.tenure_of(role, *account));
            let tenure = tenure.ok_or_else(|| format!("{}: owns an account without a tenure", row.id))?;
            let place = segments.and_then(|all| all.iter().position(|each| Some(each.segment) == tenure.segment));
            place.into_iter().for_each(|place| counts[place] += 1);
        }
        require(counts == row.per_segment, || format!("{}: counts {:?}, are {counts:?}", row.id, row.per_segment))?;
        require(self.index.standings[rep.index()] == self.standing(rep), || format!("{}: stands otherwise", row.id))?;
        let stopped = self.state.tripped.contains(&BreakerScope::Refused(row.id.clone()));
        require(stopped == (row.refused >= MAX_REFUSED), || format!("{}: refused {}", row.id, row.refused))?;
        let departs = self.index.departing.contains(&rep);
        require(row.departing == departs, || format!("{}: departs {departs}", row.id))?;
        let gone = row.status == RepStatus::Departed && !row.departing;
        let holds =
            self.index.holding.range((rep, AccountId(0), 0)..).next().is_some_and(|(holder, ..)| *holder == rep);
        require(!gone || row.accounts.is_empty() && !holds, || format!("{}: left, yet owns or holds accounts", row.id))
    }

    fn audit_memory(&self) -> Audit {
        let ids = (self.state.remembered.len(), self.index.remembered.len());
        let arrivals: usize = self.state.arrivals.iter().map(|(_, count)| *count as usize).sum();
        require(ids.0 == ids.1 && ids.0 == arrivals, || format!("remembers {} ids, knows {}", ids.0, ids.1))?;
        let undo = UndoIndex::rebuild(&self.state);
        require(undo.finds_like(&self.index.undo, &self.state.undo.rows), || {
            "decisions to undo: another index".into()
        })?;
        let open = self.state.opportunities.values().filter(|opportunity| opportunity.open).count();
        let counted: usize =
            self.state.accounts.iter().filter(|row| row.alive).map(|row| usize::from(row.open_opportunities)).sum();
        require(open == counted, || format!("{open} open opportunities, accounts count {counted}"))
    }
}
