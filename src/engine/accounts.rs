//! Records of accounts and opportunities: names, fields, fit, exclusion. `docs/rules.md`, 3.

use std::collections::btree_map::Entry;

use thin_vec::ThinVec;

use crate::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use crate::domain::ids::tie_hash;
use crate::domain::opportunity::{OpportunityOp, OpportunityRecord};
use crate::domain::output::SeatStatus;
use crate::domain::policy::Fit;
use crate::domain::{Body, Candidates, Code, Input, Position, Secs, Text};

use super::Engine;
use super::state::{
    Account, AccountId, AccountSide, Kept, NEVER_SHOWN, Opportunity, OwnDomains, Rare, RepId, Seat, Stage, see_version,
};
use super::timers::Kind;

impl Engine {
    pub(super) fn account_record(&mut self, record: &AccountRecord) -> Result<(), Code> {
        if self.state.policy.is_none() {
            return Err(Code::NoPolicy);
        }
        let known = self.find_account(&record.id);
        match (&record.op, known) {
            (AccountOp::Delete, known) => {
                self.forget_restored(&record.id);
                known.into_iter().for_each(|account| self.delete_account(account));
                Ok(())
            }
            (AccountOp::Change(change), known) => {
                self.check_owner_room(change)?;
                let account = known.unwrap_or_else(|| self.new_account(&record.id));
                self.change_record(account, change, known.is_none())
            }
        }
    }

    /// Owners and roles that the record names can all be known, before anything is changed.
    fn check_owner_room(&self, change: &AccountChange) -> Result<(), Code> {
        let policy = self.rules();
        let mut new = 0;
        for (role, owner) in &change.owners {
            policy.role_index(role).ok_or(Code::UnknownRole)?;
            new += usize::from(owner.as_ref().is_some_and(|id| self.rep_by_id(id).is_none()));
        }
        if self.state.reps.len() + new > super::state::MAX_REPS { Err(Code::LimitReached) } else { Ok(()) }
    }

    fn new_account(&mut self, id: &Text) -> AccountId {
        let account = AccountId(self.state.accounts.len() as u32);
        self.state.accounts.push(Account {
            sums: [0; 4],
            segments: 0,
            fit: 0,
            epoch: self.state.now,
            any_touch: Secs::ZERO,
            hold: Secs::ZERO,
            meeting: Secs::ZERO,
            open_opportunities: 0,
            shown_band: NEVER_SHOWN,
            alive: true,
        });
        self.state.sides.push(AccountSide {
            id: id.clone(),
            hash: tie_hash(id, 0),
            contributions: Default::default(),
            snapshots: ThinVec::new(),
            daily: ThinVec::new(),
        });
        self.state.records.push(Rare::default());
        self.state.seats.iter_mut().for_each(|seats| seats.push(Seat::default()));
        self.index.add_account();
        self.index.accounts.insert(&self.state.sides[account.index()], account);
        account
    }

    fn change_record(&mut self, account: AccountId, change: &AccountChange, new: bool) -> Result<(), Code> {
        // Sort keys may change with the fields: out of the heaps first.
        self.roles().for_each(|role| self.leave_pool(role, account));
        self.entry.touched.push(account);
        let before = self.return_fields(account, new);
        let lists = &mut self.index.name_lists;
        self.state.records[account.index()].change(|record| {
            change.fit.clone().apply(&mut record.fit_given);
            change.parent.clone().map(Box::new).apply(&mut record.parent);
            record.fields.change(change.replace_fields, &change.fields, lists);
        });
        let named = self.change_domains(account, &change.domains);
        self.evaluate_fields(account);
        for (role, owner) in &change.owners {
            self.note_crm_owner(role, account, owner.as_ref(), change.crm_version)?;
        }
        if self.state.opened.is_some() {
            self.roles().for_each(|role| self.settle_recorded_seat(role, account));
        }
        self.look_at_exclusion(account);
        self.change_account(account, |_| {});
        self.roles().for_each(|role| self.mark(role, account));
        self.return_by_fields(account, change, before);
        if new || named {
            self.credit_unknown(account);
        }
        Ok(())
    }

    /// Whether a name was gained.
    fn change_domains(&mut self, account: AccountId, change: &Change<Vec<Text>>) -> bool {
        let domains = match change {
            Change::Keep => return false,
            Change::Clear => OwnDomains::new(),
            Change::Set(domains) => OwnDomains::from(&domains[..]),
        };
        let record = &mut self.state.records[account.index()];
        let before = record.change(|record| std::mem::replace(&mut record.domains, domains.clone()));
        for domain in before.iter().filter(|domain| !domains.contains(domain)) {
            self.index.domains.forget(domain, account);
        }
        domains.iter().for_each(|domain| self.index.domains.name(domain, account));
        domains.iter().any(|domain| !before.contains(domain))
    }

    fn note_crm_owner(
        &mut self,
        role: &Text,
        account: AccountId,
        owner: Option<&Text>,
        version: Option<u64>,
    ) -> Result<(), Code> {
        let role = usize::from(self.rules().role_index(role).ok_or(Code::UnknownRole)?);
        let owner = owner.map_or(Ok(RepId::NOBODY), |id| self.rep_number(id))?;
        let record = &mut self.state.records[account.index()];
        let seen = record.version_seen(role);
        if version.is_some() && version < seen {
            // It was on its way for longer than what is known already.
            self.overtaken(role, account, owner, version);
            return Ok(());
        }
        see_version(record, role, version);
        if self.follows(role) && self.state.seats[role][account.index()].status != SeatStatus::Unknown {
            self.observe(role, account, owner, version, seen);
        } else {
            self.changed_beside_us(role, account, owner);
            self.note_owner(role, account, owner);
        }
        Ok(())
    }

    /// Segment bits and fit from the fields.
    pub(super) fn evaluate_fields(&mut self, account: AccountId) {
        let record = &self.state.records[account.index()];
        let found = self.index.fields.find(record);
        let segments = self.index.fields.segments(&found);
        let fit = match &self.rules().fit {
            Fit::Given { otherwise } => record.fit_given.unwrap_or(*otherwise),
            Fit::Criteria(_) => self.index.fields.fit(&found),
        };
        let row = &mut self.state.accounts[account.index()];
        row.segments = segments;
        row.fit = fit;
    }

    pub(super) fn is_holding_user(&self, role: usize, rep: RepId) -> bool {
        self.rep_name(rep).is_some_and(|name| self.rules().roles[role].holding_users.contains(&name))
    }

    pub(super) fn excluded(&self, role: usize, account: AccountId) -> bool {
        let rules = &self.rules().roles[role];
        let row = &self.state.accounts[account.index()];
        let side = &self.state.records[account.index()];
        let seat = &self.state.seats[role][account.index()];
        rules.exclude.matches(&|name| side.field(name))
            || (rules.exclude_open_opportunities && row.open_opportunities > 0)
            || self.is_holding_user(role, seat.crm_owner)
            || seat.orphan
    }

    pub(super) fn exclude(&mut self, role: usize, account: AccountId) {
        let now = self.state.now;
        self.change_seat(role, account, |seat| {
            seat.status = SeatStatus::Excluded;
            seat.since = now;
            seat.wake = Secs::ZERO;
        });
    }

    /// Pool and rest → excluded, and back, as the rules of C11 now say.
    pub(super) fn look_at_exclusion(&mut self, account: AccountId) {
        let now = self.state.now;
        for role in self.roles() {
            let seat = &self.state.seats[role][account.index()];
            let (status, until) = (seat.status, seat.until);
            match (status, self.excluded(role, account)) {
                (SeatStatus::Pool | SeatStatus::Rest, true) => self.exclude(role, account),
                (SeatStatus::Excluded, false) if until > now => self.change_seat(role, account, |seat| {
                    seat.status = SeatStatus::Rest;
                    seat.since = now;
                }),
                (SeatStatus::Excluded, false) => self.enter_pool(role, account, now),
                _ => {}
            }
        }
    }

    fn delete_account(&mut self, account: AccountId) {
        for role in self.roles() {
            self.leave_pool(role, account);
            if self.commanded(role, account).is_some_and(|row| row.stage == Stage::Issued) {
                self.give_turn_back(role, account);
            }
            self.forget_row(role, account);
            if self.state.seats[role][account.index()].status == SeatStatus::Owned {
                self.end_tenure(role, account);
            }
            self.state.past_owners[role].remove(&account);
            let seat = std::mem::take(&mut self.state.seats[role][account.index()]);
            self.index.note_holding(role, account, &seat, false);
            self.index.timers[role].set(account.0, Kind::Due, Secs::NEVER);
        }
        let side = &mut self.state.sides[account.index()];
        self.index.accounts.remove(side, account);
        side.contributions.clear();
        side.snapshots = ThinVec::new();
        side.daily = ThinVec::new();
        let record = std::mem::take(&mut self.state.records[account.index()]);
        for domain in &record.domains {
            self.index.domains.forget(domain, account);
        }
        for id in self.index.opportunities_of.remove(&account).unwrap_or_default() {
            self.state.opportunities.remove(&id);
        }
        self.state.accounts[account.index()].alive = false;
        self.entry.touched.push(account);
    }

    pub(super) fn opportunity_record(&mut self, input: &Input) -> Result<(), Code> {
        let Body::Opportunity(record) = &input.body else { return Ok(()) };
        if self.state.policy.is_none() {
            return Err(Code::NoPolicy);
        }
        // It stands in one place: with its account, or with what is kept for one that nobody created yet.
        let kept = self.take_kept_opportunity(&record.id);
        let OpportunityOp::Change { account, open } = &record.op else {
            self.set_opportunity(&record.id, None);
            return Ok(());
        };
        let before = self.state.opportunities.get(&record.id).map(|known| (known.account, known.open));
        let (kept_account, kept_open) = kept.as_ref().and_then(|(_, kept)| kept_opportunity(kept)).unwrap_or_default();
        let open = match open {
            Change::Keep => before.map_or(kept_open, |(_, open)| open),
            Change::Clear => false,
            Change::Set(open) => *open,
        };
        let account = if account.is_empty() { kept_account } else { account.clone() };
        let resolved = match (account.as_slice(), before) {
            ([], Some((account, _))) => Some(account),
            ([], None) => return Err(Code::NoAccount),
            (candidates, _) => self.resolve(candidates),
        };
        let Some(account) = resolved else {
            let op = OpportunityOp::Change { account, open: Change::Set(open) };
            return self.keep_opportunity(input.position, OpportunityRecord { op, ..record.clone() }, kept);
        };
        self.set_opportunity(&record.id, Some(Opportunity { account, open }));
        Ok(())
    }

    /// Its account is nobody known: kept instead of what was kept before, and gone from the account before.
    fn keep_opportunity(
        &mut self,
        position: Option<Position>,
        record: OpportunityRecord,
        before: Option<(u64, Kept)>,
    ) -> Result<(), Code> {
        let id = record.id.clone();
        let kept = self.keep_unknown(&Input { position, body: Body::Opportunity(record) });
        match (kept, before) {
            (Ok(()), _) => self.set_opportunity(&id, None),
            (Err(_), Some((arrival, before))) => self.put_unknown(arrival, before),
            (Err(_), None) => {}
        }
        kept
    }

    /// Remembers or forgets an opportunity, and counts its account's open ones anew, the one before's too.
    fn set_opportunity(&mut self, id: &Text, opportunity: Option<Opportunity>) {
        let before = self.state.opportunities.remove(id);
        if let Some(before) = &before
            && let Entry::Occupied(mut ids) = self.index.opportunities_of.entry(before.account)
        {
            ids.get_mut().remove(id);
            if ids.get().is_empty() {
                ids.remove();
            }
        }
        let after = opportunity.as_ref().map(|opportunity| opportunity.account);
        if let Some(opportunity) = opportunity {
            self.index.opportunities_of.entry(opportunity.account).or_default().insert(id.clone());
            self.state.opportunities.insert(id.clone(), opportunity);
        }
        let before = before.map(|before| before.account).filter(|account| Some(*account) != after);
        before.into_iter().chain(after).for_each(|account| self.recount_opportunities(account));
    }

    fn recount_opportunities(&mut self, account: AccountId) {
        let ids = self.index.opportunities_of.get(&account);
        let open = ids.map_or(0, |ids| ids.iter().filter(|id| self.state.opportunities[*id].open).count());
        self.change_account(account, |row| row.open_opportunities = open.min(usize::from(u16::MAX)) as u16);
        self.look_at_exclusion(account);
        self.roles().for_each(|role| self.mark(role, account));
    }
}

/// What is kept of an opportunity: the names of its account, and whether it is open.
fn kept_opportunity(kept: &Kept) -> Option<(Candidates, bool)> {
    let Body::Opportunity(record) = &kept.input.body else { return None };
    let OpportunityOp::Change { account, open } = &record.op else { return None };
    Some((account.clone(), *open == Change::Set(true)))
}
