//! §3: accounts and opportunities.

use std::collections::BTreeMap;

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::opportunity::{OpportunityOp, OpportunityRecord};
use bookd::domain::output::SeatStatus;
use bookd::domain::policy::Fit;
use bookd::domain::request::{Request, RequestOp, ReturnReason};
use bookd::domain::{Candidate, Code, Secs, Text};

use bookd::engine::state::Stage;

use super::{Account, AccountNo, Kept, KeptWhat, Opportunity, RepNo, Seat, Twin};

impl Twin {
    pub(super) fn account_record(&mut self, record: &AccountRecord) -> Result<(), Code> {
        match &record.op {
            AccountOp::Delete => self.delete(&record.id),
            AccountOp::Change(change) => self.change_account(&record.id, change)?,
        }
        Ok(())
    }

    fn delete(&mut self, id: &str) {
        self.restored.retain(|(account, _), _| account != id);
        let Some(account) = self.find_account(id) else { return };
        self.accounts[account].alive = false;
        for role in 0..self.roles.len() {
            if self.accounts[account].seats[role].owner.is_some() {
                self.roles[role].dirty = true;
            }
            if self.command_of(account, role).is_some_and(|command| command.stage == Stage::Issued) {
                self.turn_goes_back(account, role);
            }
            self.roles[role].marked.remove(&account);
            self.roles[role].marked_for_fill.remove(&account);
            self.roles[role].aside.remove(&account);
        }
        self.opportunities.retain(|_, opportunity| opportunity.account != account);
        self.touched.insert(account);
    }

    fn change_account(&mut self, id: &str, change: &AccountChange) -> Result<(), Code> {
        let policy = self.policy();
        if change.owners.iter().any(|(role, _)| policy.role_index(role).is_none()) {
            return Err(Code::UnknownRole);
        }
        let found = self.find_account(id);
        let account = found.unwrap_or_else(|| self.new_account(id));
        self.touched.insert(account);
        let fields_before = self.accounts[account].fields.clone();
        self.change_fields(account, change);
        self.segments_and_fit(account);
        for (role, owner) in &change.owners {
            let role = usize::from(policy.role_index(role).expect("looked up above"));
            let owner = owner.as_ref().map(|owner| self.rep_number(owner));
            self.observe(account, role, owner, change.crm_version);
        }
        for role in 0..self.roles.len() {
            if found.is_none() && self.opened.is_some() {
                self.settle_recorded(account, role);
            }
            self.look_at_exclusion(account, role);
            self.mark(account, role);
        }
        if found.is_some() {
            self.returns_by_field(account, change, &fields_before);
        }
        self.apply_kept();
        Ok(())
    }

    /// A field in which an owner says why an account goes back.
    fn returns_by_field(&mut self, account: AccountNo, change: &AccountChange, before: &BTreeMap<Text, Value>) {
        for (role, rules) in self.policy().roles.iter().enumerate() {
            let Some(field) = &rules.return_field else { continue };
            let Some(Value::Text(text)) = self.accounts[account].fields.get(field).cloned() else { continue };
            let seat = &self.accounts[account].seats[role];
            let stale = change.crm_version.is_some_and(|version| Some(version) < seat.version);
            if before.get(field) == Some(&Value::Text(text.clone())) || stale {
                continue;
            }
            let Some(owner) = seat.owner else { continue };
            let request = Request {
                account: vec![Candidate::CrmId(self.accounts[account].id.clone())].into(),
                role: Some(rules.name.clone()),
                reason: ReturnReason::ALL.into_iter().find(|reason| reason.name() == text),
                ..Request::new(RequestOp::Return, self.reps[owner].id.clone(), self.now.millis())
            };
            let given_back = match request.reason {
                Some(_) => self.give_back(&request, account, role),
                None => Err(Code::ReasonNotAllowed),
            };
            if let Err(code) = given_back {
                self.refuse(&request, code);
            }
        }
    }

    fn new_account(&mut self, id: &str) -> AccountNo {
        self.accounts.push(Account {
            id: id.into(),
            alive: true,
            domains: Vec::new(),
            fields: Default::default(),
            given_fit: None,
            sums: [0; 4],
            daily: Vec::new(),
            snapshots: Default::default(),
            counted: Vec::new(),
            segments: 0,
            fit: 0,
            any_touch: None,
            hold: Secs::ZERO,
            meeting: None,
            seats: vec![Seat::unknown(); self.roles.len()],
            last_row: None,
        });
        self.accounts.len() - 1
    }

    fn change_fields(&mut self, account: AccountNo, change: &AccountChange) {
        let row = &mut self.accounts[account];
        match &change.domains {
            Change::Keep => {}
            Change::Clear => row.domains.clear(),
            Change::Set(domains) => row.domains = domains.clone(),
        }
        change.fit.clone().apply(&mut row.given_fit);
        if change.replace_fields {
            row.fields.clear();
        }
        for (name, value) in &change.fields {
            match value {
                Some(value) => row.fields.insert(name.clone(), value.clone()),
                None => row.fields.remove(name),
            };
        }
    }

    pub(super) fn segments_and_fit(&mut self, account: AccountNo) {
        let policy = self.policy();
        let row = &mut self.accounts[account];
        let field = |name: &Text| row.fields.get(name);
        row.segments = 0;
        for (bit, segment) in policy.segments.iter().enumerate() {
            row.segments |= u64::from(segment.filter.matches(&field)) << bit;
        }
        row.fit = match &policy.fit {
            Fit::Given { otherwise } => row.given_fit.unwrap_or(*otherwise),
            Fit::Criteria(criteria) => {
                let all: u64 = criteria.iter().map(|each| u64::from(each.weight)).sum();
                let matching = criteria.iter().filter(|each| each.filter.matches(&field));
                let matching: u64 = matching.map(|each| u64::from(each.weight)).sum();
                (1_000_000 * matching).checked_div(all).unwrap_or(0) as u32
            }
        };
    }

    pub(super) fn matches(&self, account: AccountNo, segment: usize) -> bool {
        self.accounts[account].segments >> segment & 1 == 1
    }

    pub(super) fn find_account(&self, id: &str) -> Option<AccountNo> {
        self.living().into_iter().find(|account| &*self.accounts[*account].id == id)
    }

    /// The account of the first candidate that resolves.
    pub(super) fn resolve(&self, candidates: &[Candidate]) -> Option<AccountNo> {
        candidates.iter().find_map(|candidate| match candidate {
            Candidate::CrmId(id) => self.find_account(id),
            Candidate::VendorId { .. } => None,
            Candidate::Domain(domain) | Candidate::EmailDomain(domain) => {
                self.living().into_iter().find(|account| self.accounts[*account].domains.contains(domain))
            }
        })
    }

    pub(super) fn open_opportunities(&self, account: AccountNo) -> u32 {
        let open = self.opportunities.values().filter(|each| each.open && each.account == account);
        open.count() as u32
    }

    pub(super) fn is_holding_user(&self, rep: RepNo, role: usize) -> bool {
        self.policy().roles[role].holding_users.contains(&self.reps[rep].id)
    }

    pub(super) fn excluded(&self, account: AccountNo, role: usize) -> bool {
        let policy = self.policy();
        let (row, rules) = (&self.accounts[account], &policy.roles[role]);
        let seat = &row.seats[role];
        rules.exclude.matches(&|name: &Text| row.fields.get(name))
            || (rules.exclude_open_opportunities && self.open_opportunities(account) > 0)
            || seat.crm_owner.is_some_and(|owner| self.is_holding_user(owner, role))
            || seat.orphan
    }

    /// A seat of a role that came with the policy.
    pub(super) fn settle_new_roles(&mut self, account: AccountNo) {
        while self.accounts[account].seats.len() < self.roles.len() {
            self.accounts[account].seats.push(Seat::unknown());
            let role = self.accounts[account].seats.len() - 1;
            if self.opened.is_some() {
                self.settle(account, role);
            }
        }
    }

    /// As restored, else `Excluded` or `Pool`, since now.
    pub(super) fn settle(&mut self, account: AccountNo, role: usize) {
        if !self.restore(account, role) {
            self.enter_pool(account, role, self.now);
        }
    }

    /// Where commands are confirmed, a new account is whose the CRM says.
    fn settle_recorded(&mut self, account: AccountNo, role: usize) {
        match self.accounts[account].seats[role].crm_owner {
            Some(owner) if self.follows(role) => {
                if !self.restore(account, role) {
                    self.adopt_owner(account, role, Some(owner), false);
                }
            }
            _ => self.settle(account, role),
        }
    }

    pub(super) fn look_at_exclusion(&mut self, account: AccountNo, role: usize) {
        let (status, until) = (self.accounts[account].seats[role].status, self.accounts[account].seats[role].until);
        match (status, self.excluded(account, role)) {
            (SeatStatus::Pool | SeatStatus::Rest, true) => self.exclude(account, role),
            (SeatStatus::Excluded, false) => self.enter_rest(account, role, until),
            _ => {}
        }
    }

    pub(super) fn opportunity_record(&mut self, record: &OpportunityRecord) -> Result<(), Code> {
        let before = self.opportunities.get(&record.id).map(|each| each.account);
        match &record.op {
            OpportunityOp::Delete => {
                self.opportunities.remove(&record.id);
                self.kept.retain(|kept| !kept.is_of_opportunity(&record.id));
            }
            OpportunityOp::Change { account, open } => self.change_opportunity(record, account, open)?,
        }
        let after = self.opportunities.get(&record.id).map(|each| each.account);
        for account in before.into_iter().chain(after.filter(|_| after != before)) {
            self.touched.insert(account);
            for role in 0..self.roles.len() {
                self.look_at_exclusion(account, role);
                self.look_at_promise(account, role);
                self.mark(account, role);
            }
        }
        Ok(())
    }

    /// An opportunity is known with its account, or kept for an account that nobody knows; never both.
    fn change_opportunity(
        &mut self,
        record: &OpportunityRecord,
        names: &[Candidate],
        open: &Change<bool>,
    ) -> Result<(), Code> {
        let kept_before = self.kept.clone();
        let (mut names, mut is_open, mut known) = (names.to_vec(), false, None);
        if let Some(row) = self.opportunities.get(&record.id) {
            (is_open, known) = (row.open, Some(row.account));
        }
        if let Some(place) = self.kept.iter().position(|kept| kept.is_of_opportunity(&record.id)) {
            let kept = self.kept.remove(place);
            is_open = matches!(kept.what, KeptWhat::Opportunity(_, true));
            if names.is_empty() {
                names = kept.candidates().to_vec();
            }
        }
        match open {
            Change::Keep => {}
            Change::Clear => is_open = false,
            Change::Set(open) => is_open = *open,
        }
        let account = if names.is_empty() { Some(known.ok_or(Code::NoAccount)?) } else { self.resolve(&names) };
        if let Some(account) = account {
            self.opportunities.insert(record.id.clone(), Opportunity { account, open: is_open });
            return Ok(());
        }
        let op = OpportunityOp::Change { account: names.into(), open: Change::Set(is_open) };
        let what = KeptWhat::Opportunity(OpportunityRecord { op, ..record.clone() }, is_open);
        if let Err(full) = self.keep(Kept { arrived: self.now, position: None, what }) {
            self.kept = kept_before;
            return Err(full);
        }
        self.opportunities.remove(&record.id);
        Ok(())
    }
}

impl Seat {
    fn unknown() -> Seat {
        Seat {
            status: SeatStatus::Unknown,
            owner: None,
            crm_owner: None,
            orphan: false,
            sequence: 0,
            since: Secs::ZERO,
            until: Secs::ZERO,
            hold: Secs::ZERO,
            version: None,
            past: Vec::new(),
            tenure: None,
            wake: None,
            command: None,
        }
    }
}
