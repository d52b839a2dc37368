//! §2: reps.

use bookd::domain::Code;
use bookd::domain::account::Change;
use bookd::domain::ids::Actor;
use bookd::domain::output::{AlertKind, BreakerScope, SeatStatus};
use bookd::domain::policy::MAX_REFUSED;
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};

use super::{AccountNo, Rep, RepNo, Twin};

impl Twin {
    pub(super) fn rep_record(&mut self, record: &RepRecord) -> Result<(), Code> {
        let before = self.find_rep(&record.id);
        let was_in = before.and_then(|rep| self.reps[rep].role);
        let rep = match &record.op {
            RepOp::Delete => {
                let Some(rep) = before else { return Ok(()) };
                self.set_status(rep, RepStatus::Departed);
                rep
            }
            RepOp::Change(change) => self.change_rep(&record.id, change)?,
        };
        for role in was_in.into_iter().chain(self.reps[rep].role) {
            self.roles[role].dirty = true;
        }
        Ok(())
    }

    fn change_rep(&mut self, id: &str, change: &RepChange) -> Result<RepNo, Code> {
        let policy = self.policy();
        let before = self.find_rep(id).map(|rep| self.reps[rep].clone());
        let role = match &change.role {
            Change::Keep => before.as_ref().and_then(|rep| rep.role),
            Change::Clear => None,
            Change::Set(name) => Some(usize::from(policy.role_index(name).ok_or(Code::UnknownRole)?)),
        };
        let book = match &change.book {
            Change::Keep => before.as_ref().and_then(|rep| rep.book.clone()),
            Change::Clear => None,
            Change::Set(name) => Some(name.clone()),
        };
        let names_one = change.role != Change::Keep || change.book != Change::Keep;
        if let Some(book) = book.as_ref().filter(|_| names_one) {
            let book = policy.book_index(book).ok_or(Code::UnknownBook)?;
            if role.is_some_and(|role| usize::from(policy.books[usize::from(book)].role) != role) {
                return Err(Code::UnknownBook);
            }
        }
        if let (Some(before), Some(rep)) = (&before, self.find_rep(id))
            && before.role != role
            && !self.accounts_of(rep).is_empty()
        {
            return Err(Code::RoleChange);
        }
        let rep = self.rep_number(id);
        let row = &mut self.reps[rep];
        row.role = role;
        row.book = book;
        change.capacity.clone().apply(&mut row.capacity);
        change.weight.clone().apply(&mut row.weight);
        change.manager.clone().apply(&mut row.manager);
        change.team.clone().apply(&mut row.team);
        match &change.aliases {
            Change::Keep => {}
            Change::Clear => row.aliases.clear(),
            Change::Set(aliases) => row.aliases = aliases.clone(),
        }
        match change.status {
            Change::Keep => {}
            Change::Clear => self.set_status(rep, RepStatus::Active),
            Change::Set(status) => self.set_status(rep, status),
        }
        self.taken_again(rep);
        for (account, role) in self.accounts_of(rep) {
            self.look_at_promise(account, role);
        }
        Ok(rep)
    }

    pub(super) fn is_served(&self, rep: RepNo) -> bool {
        self.reps[rep].status == RepStatus::Active && self.reps[rep].refused < MAX_REFUSED
    }

    /// The CRM refused to make them an owner.
    pub(super) fn not_taken(&mut self, rep: RepNo) {
        self.reps[rep].refused = self.reps[rep].refused.saturating_add(1);
        let scope = BreakerScope::Refused(self.reps[rep].id.clone());
        if self.reps[rep].refused == MAX_REFUSED && self.tripped.insert(scope.clone()) {
            self.alert(AlertKind::BreakerTripped { scope, due: MAX_REFUSED.into() });
        }
    }

    /// It did, or their record is another now.
    pub(super) fn taken_again(&mut self, rep: RepNo) {
        let stopped = self.reps[rep].refused >= MAX_REFUSED;
        self.reps[rep].refused = 0;
        let scope = BreakerScope::Refused(self.reps[rep].id.clone());
        if self.tripped.remove(&scope) {
            self.alert(AlertKind::BreakerReset { scope });
        }
        if let Some(role) = self.reps[rep].role.filter(|_| stopped) {
            self.roles[role].dirty = true;
        }
    }

    fn set_status(&mut self, rep: RepNo, status: RepStatus) {
        let before = std::mem::replace(&mut self.reps[rep].status, status);
        if status == RepStatus::Departed && before != RepStatus::Departed {
            self.departing.insert(rep);
            self.departures.push(self.now);
        }
        if status != RepStatus::Departed {
            self.departing.remove(&rep);
        }
    }

    pub(super) fn find_rep(&self, id: &str) -> Option<RepNo> {
        self.reps.iter().position(|rep| &*rep.id == id)
    }

    /// The number of a rep, given at the first mention.
    pub(super) fn rep_number(&mut self, id: &str) -> RepNo {
        self.find_rep(id).unwrap_or_else(|| {
            self.reps.push(Rep {
                id: id.into(),
                status: RepStatus::Active,
                role: None,
                book: None,
                capacity: None,
                weight: None,
                manager: None,
                team: None,
                aliases: Vec::new(),
                turns: [(0, 0); 4],
                acts: Vec::new(),
                refused: 0,
            });
            self.reps.len() - 1
        })
    }

    /// Who acted, if anybody with a number.
    pub(super) fn actor(&self, actor: &Actor) -> Option<RepNo> {
        match actor {
            Actor::Rep(id) => self.find_rep(id),
            Actor::Alias(alias) => self.reps.iter().position(|rep| rep.aliases.contains(alias)),
        }
    }

    /// The role of a rep who has both role and book.
    pub(super) fn known_in(&self, rep: RepNo) -> Option<usize> {
        self.book_of(rep).and(self.reps[rep].role)
    }

    pub(super) fn known_reps(&self, role: usize) -> Vec<RepNo> {
        (0..self.reps.len()).filter(|rep| self.known_in(*rep) == Some(role)).collect()
    }

    pub(super) fn book_of(&self, rep: RepNo) -> Option<usize> {
        let policy = self.policy.as_ref()?;
        let book = usize::from(policy.book_index(self.reps[rep].book.as_ref()?)?);
        (self.reps[rep].role == Some(policy.books[book].role.into())).then_some(book)
    }

    pub(super) fn capacity(&self, rep: RepNo) -> u32 {
        let of_book = self.book_of(rep).map_or(0, |book| self.policy().books[book].capacity);
        self.reps[rep].capacity.unwrap_or(of_book)
    }

    pub(super) fn weight(&self, rep: RepNo) -> u32 {
        self.reps[rep].weight.unwrap_or(1)
    }

    /// The accounts that a rep owns, by number; and in which role.
    pub(super) fn accounts_of(&self, rep: RepNo) -> Vec<(AccountNo, usize)> {
        let mut owned = Vec::new();
        for account in self.living() {
            for (role, seat) in self.accounts[account].seats.iter().enumerate() {
                if seat.status == SeatStatus::Owned && seat.owner == Some(rep) {
                    owned.push((account, role));
                }
            }
        }
        owned
    }

    pub(super) fn size(&self, rep: RepNo) -> u32 {
        self.accounts_of(rep).len() as u32
    }

    /// How many of a rep's accounts count against a segment.
    pub(super) fn count_against(&self, rep: RepNo, segment: &str) -> u32 {
        let counts = |(account, role): &(AccountNo, usize)| {
            let tenure = self.accounts[*account].seats[*role].tenure.as_ref();
            tenure.is_some_and(|tenure| tenure.segment.as_deref() == Some(segment))
        };
        self.accounts_of(rep).iter().filter(|owned| counts(owned)).count() as u32
    }
}
