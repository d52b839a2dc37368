//! Records of reps: who may receive what. `docs/rules.md`, 2.

use crate::domain::account::{Change, Value};
use crate::domain::ids::Actor;
use crate::domain::output::{AlertKind, BreakerScope};
use crate::domain::policy::MAX_REFUSED;
use crate::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use crate::domain::{Code, Secs, Text};

use super::Engine;
use super::state::{MAX_REPS, Rep, RepId};

/// Acts kept of a rep: what the quiet-rep breaker asks about, at most.
const MAX_ACTS: usize = 10;

impl Rep {
    pub fn new(id: Text) -> Rep {
        Rep {
            id,
            known: false,
            status: RepStatus::Active,
            refused: 0,
            role: None,
            book: None,
            book_name: None,
            capacity_set: None,
            weight: 1,
            manager: None,
            team: None,
            aliases: Vec::new(),
            fields: Vec::new(),
            per_segment: Vec::new(),
            turns: [(0, 0); 4],
            acts: Vec::new(),
            losses: Default::default(),
            returns: Default::default(),
            departing: false,
            book_proceeded: Secs::ZERO,
            quiet_proceeded: Secs::ZERO,
            accounts: Default::default(),
        }
    }
}

/// Applies field changes, and keeps the fields sorted by name.
pub(super) fn change_fields(fields: &mut Vec<(Text, Value)>, replace: bool, changes: &[(Text, Option<Value>)]) {
    if replace {
        fields.clear();
    }
    for (name, value) in changes {
        match (fields.binary_search_by(|(field, _)| field.cmp(name)), value) {
            (Ok(place), Some(value)) => fields[place].1 = value.clone(),
            (Ok(place), None) => drop(fields.remove(place)),
            (Err(place), Some(value)) => fields.insert(place, (name.clone(), value.clone())),
            (Err(_), None) => {}
        }
    }
}

impl Engine {
    /// The number of a CRM user, given at the first mention.
    pub(super) fn rep_number(&mut self, id: &Text) -> Result<RepId, Code> {
        if let Some(rep) = self.rep_by_id(id) {
            return Ok(rep);
        }
        if self.state.reps.len() >= MAX_REPS {
            return Err(Code::LimitReached);
        }
        let rep = RepId(self.state.reps.len() as u16);
        self.state.reps.push(Rep::new(id.clone()));
        self.index.reps.insert(id, rep);
        self.index.standings.push(Default::default());
        Ok(rep)
    }

    pub(super) fn rep_record(&mut self, record: &RepRecord) -> Result<(), Code> {
        if self.state.policy.is_none() {
            return Err(Code::NoPolicy);
        }
        match &record.op {
            RepOp::Delete => {
                if let Some(rep) = self.rep_by_id(&record.id) {
                    self.change_status(rep, RepStatus::Departed);
                    self.rep_changed(rep);
                }
                Ok(())
            }
            RepOp::Change(change) => self.change_rep(&record.id, change),
        }
    }

    fn change_rep(&mut self, id: &Text, change: &RepChange) -> Result<(), Code> {
        let existing = self.rep_by_id(id);
        let was_in = existing.and_then(|rep| self.state.reps[rep.index()].role);
        let (role, book_name) = self.role_and_book(existing, change)?;
        let rep = self.rep_number(id)?;
        let row = &mut self.state.reps[rep.index()];
        row.role = role;
        row.book_name = book_name;
        change.capacity.clone().apply(&mut row.capacity_set);
        change.manager.clone().apply(&mut row.manager);
        change.team.clone().apply(&mut row.team);
        change_fields(&mut row.fields, change.replace_fields, &change.fields);
        match change.weight {
            Change::Keep => {}
            Change::Clear => row.weight = 1,
            Change::Set(weight) => row.weight = weight,
        }
        self.change_aliases(rep, &change.aliases);
        let status = match change.status {
            Change::Keep => self.state.reps[rep.index()].status,
            Change::Clear => RepStatus::Active,
            Change::Set(status) => status,
        };
        self.change_status(rep, status);
        self.forget_refusals(rep);
        self.rebook(rep);
        self.rep_changed(rep);
        if let Some(left) = was_in.filter(|_| was_in != role) {
            // Who leaves a role may have been the last there who could take some account.
            self.dirty_all(usize::from(left));
        }
        Ok(())
    }

    /// Role and book as they will be, or why the record can't be taken.
    #[allow(clippy::type_complexity)]
    fn role_and_book(&self, rep: Option<RepId>, change: &RepChange) -> Result<(Option<u8>, Option<Text>), Code> {
        let policy = self.rules();
        let now = rep.map(|rep| &self.state.reps[rep.index()]);
        let role = match &change.role {
            Change::Keep => now.and_then(|rep| rep.role),
            Change::Clear => None,
            Change::Set(name) => Some(policy.role_index(name).ok_or(Code::UnknownRole)?),
        };
        let book = match &change.book {
            Change::Keep => now.and_then(|rep| rep.book_name.clone()),
            Change::Clear => None,
            Change::Set(name) => Some(name.clone()),
        };
        if let Some(name) = &book
            && (!matches!(change.book, Change::Keep) || !matches!(change.role, Change::Keep))
        {
            let index = policy.book_index(name).ok_or(Code::UnknownBook)?;
            if role.is_some_and(|role| role != policy.books[usize::from(index)].role) {
                return Err(Code::UnknownBook);
            }
        }
        if now.is_some_and(|rep| !rep.accounts.is_empty() && rep.role != role) {
            return Err(Code::RoleChange);
        }
        Ok((role, book))
    }

    fn change_aliases(&mut self, rep: RepId, change: &Change<Vec<u64>>) {
        let aliases = match change {
            Change::Keep => return,
            Change::Clear => Vec::new(),
            Change::Set(aliases) => aliases.clone(),
        };
        for alias in std::mem::replace(&mut self.state.reps[rep.index()].aliases, aliases.clone()) {
            self.index.reps.remove_alias(alias, rep);
        }
        for alias in aliases {
            self.index.reps.insert_alias(alias, rep);
        }
    }

    /// Leaving notes the instant; the book goes back when the gate is open and the breaker agrees.
    fn change_status(&mut self, rep: RepId, status: RepStatus) {
        let now = self.state.now;
        let was = std::mem::replace(&mut self.state.reps[rep.index()].status, status);
        if status == RepStatus::Departed && was != RepStatus::Departed {
            self.set_departing(rep, true);
            self.state.departures.push_back(now);
        } else if status != RepStatus::Departed {
            self.set_departing(rep, false);
        }
    }

    /// The book's index after a record named it or a policy moved it; counts and room follow.
    pub(super) fn rebook(&mut self, rep: RepId) {
        let policy = self.rules();
        let row = &self.state.reps[rep.index()];
        let book = row.book_name.as_ref().and_then(|name| policy.book_index(name));
        let book = book.filter(|book| row.role == Some(policy.books[usize::from(*book)].role));
        let row = &mut self.state.reps[rep.index()];
        row.book = book;
        row.known = row.role.is_some() && book.is_some();
        self.recount(rep);
    }

    /// Counts what the rep owns against the segments of the book as it is now.
    pub(super) fn recount(&mut self, rep: RepId) {
        let places = self.book_of(rep).map_or(0, |book| book.segments.len());
        self.state.reps[rep.index()].per_segment = vec![0; places];
        let Some(role) = self.state.reps[rep.index()].role.map(usize::from) else { return };
        let owned: Vec<_> = self.state.reps[rep.index()].accounts.iter().copied().collect();
        for account in owned {
            if let Some(segment) = self.tenure(role, account).segment {
                self.count_segment(rep, segment, 1);
            }
        }
        self.refresh_room(rep);
    }

    fn rep_changed(&mut self, rep: RepId) {
        self.refresh_room(rep);
        let Some(role) = self.state.reps[rep.index()].role.map(usize::from) else { return };
        self.dirty_all(role);
        self.list_owner(role, rep);
        // A book's rules may be other ones now.
        for account in self.state.reps[rep.index()].accounts.clone() {
            self.deadline_moved(role, account);
        }
    }

    pub fn capacity(&self, rep: RepId) -> u32 {
        let row = &self.state.reps[rep.index()];
        row.capacity_set.or(self.book_of(rep).map(|book| book.capacity)).unwrap_or(0)
    }

    /// Active, and the CRM takes them for an owner.
    pub(super) fn is_served(&self, rep: RepId) -> bool {
        let row = &self.state.reps[rep.index()];
        row.status == RepStatus::Active && row.refused < MAX_REFUSED
    }

    /// The CRM refused to make them an owner. That is about the account once, and about them if it goes on: the whole pool
    /// would be refused, one account after the other.
    pub(super) fn count_refusal(&mut self, rep: RepId) {
        let row = &mut self.state.reps[rep.index()];
        row.refused = row.refused.saturating_add(1);
        if row.refused == MAX_REFUSED {
            let scope = BreakerScope::Refused(row.id.clone());
            self.trip(scope, u64::from(MAX_REFUSED));
            self.refresh_room(rep);
        }
    }

    /// They own something in the CRM, or their record is another now.
    pub(super) fn forget_refusals(&mut self, rep: RepId) {
        let row = &mut self.state.reps[rep.index()];
        if std::mem::take(&mut row.refused) < MAX_REFUSED {
            return;
        }
        let scope = BreakerScope::Refused(row.id.clone());
        if self.state.tripped.remove(&scope) {
            self.alert(AlertKind::BreakerReset { scope });
        }
        self.serve_again(rep);
    }

    pub(super) fn serve_again(&mut self, rep: RepId) {
        self.refresh_room(rep);
        if let Some(role) = self.state.reps[rep.index()].role {
            self.dirty_all(usize::from(role));
        }
    }

    /// Who acted, if it's somebody known by number.
    pub(super) fn actor(&self, actor: &Actor) -> Option<RepId> {
        match actor {
            Actor::Rep(id) => self.rep_by_id(id),
            Actor::Alias(alias) => self.index.reps.find_alias(&self.state.reps, *alias),
        }
    }

    /// Somebody did something, on whatever account: they aren't silent.
    pub(super) fn note_act(&mut self, rep: RepId, at: Secs) {
        let row = &mut self.state.reps[rep.index()];
        let place = row.acts.partition_point(|act| *act >= at);
        row.acts.insert(place, at);
        row.acts.truncate(MAX_ACTS);
        if self.state.tripped.is_empty() {
            return;
        }
        let scope = BreakerScope::QuietRep(row.id.clone());
        if self.state.tripped.remove(&scope) {
            self.list_those_in(&scope);
            self.alert(AlertKind::BreakerReset { scope });
        }
    }
}
