//! §1: policy and gate.

use std::rc::Rc;

use bookd::domain::output::{AlertKind, SeatStatus};
use bookd::domain::{Policy, Text};

use super::{AccountNo, RepNo, Source, Twin, score};

impl Twin {
    pub(super) fn take_policy(&mut self, new: &Policy) {
        let old = self.policy.clone();
        if old.as_ref().is_some_and(|old| new.version <= old.version) {
            return;
        }
        if let Some(old) = &old {
            self.express_sums_anew(old, new);
        }
        self.policy = Some(Rc::new(new.clone()));
        self.take_modes(new);
        self.sources = new
            .sources
            .iter()
            .map(|source| (source.name.clone(), self.sources.get(&source.name).cloned().unwrap_or_default()))
            .collect::<std::collections::BTreeMap<_, Source>>();
        self.forget_what_is_not_named(new);
        for account in self.living() {
            self.segments_and_fit(account);
            self.settle_new_roles(account);
            for role in 0..new.roles.len() {
                self.look_at_exclusion(account, role);
                self.look_at_promise(account, role);
            }
        }
        self.forget_unconfirmed();
        self.end_passes();
        self.all_dirty();
        if self.opened.is_some() {
            self.show_all();
        }
    }

    fn end_passes(&mut self) {
        for role in &mut self.roles {
            role.pass = None;
            role.aside.clear();
        }
    }

    fn express_sums_anew(&mut self, old: &Policy, new: &Policy) {
        for class in 0..4 {
            let (hl_old, hl_new) = (old.scoring.half_life_s[class], new.scoring.half_life_s[class]);
            if hl_old == hl_new {
                continue;
            }
            let now = self.now;
            for account in &mut self.accounts {
                let of_class = |of: bookd::domain::signal::Class| of as usize == class;
                let daily = account.daily.iter_mut().filter(|row| of_class(row.class)).map(|row| &mut row.contributed);
                let snapshots = account.snapshots.iter_mut().filter(|(key, _)| of_class(key.1));
                let snapshots = snapshots.map(|(_, row)| &mut row.contributed);
                let sum = std::iter::once(&mut account.sums[class]);
                for each in sum.chain(daily).chain(snapshots) {
                    *each = score::expressed_anew(*each, now, hl_old, hl_new);
                }
            }
        }
    }

    /// Segments that tenures count against and kinds whose strongest are kept stay by their names.
    fn forget_what_is_not_named(&mut self, new: &Policy) {
        let named = |name: &Text| new.segments.iter().any(|segment| segment.name == *name);
        for account in &mut self.accounts {
            account.daily.retain(|row| new.kind_index(row.class, &row.kind).is_some());
            for tenure in account.seats.iter_mut().filter_map(|seat| seat.tenure.as_mut()) {
                tenure.segment = tenure.segment.take().filter(named);
            }
        }
        for tenure in self.decided.iter_mut().filter_map(|decided| decided.before.tenure.as_mut()) {
            tenure.segment = tenure.segment.take().filter(named);
        }
    }

    pub(super) fn all_dirty(&mut self) {
        for role in &mut self.roles {
            role.dirty = true;
        }
    }

    pub(super) fn open_gate(&mut self) {
        if self.policy.is_none() {
            return;
        }
        self.gate_open = true;
        self.opens = true;
        self.end_passes();
        self.all_dirty();
        if self.opened.is_some() {
            return;
        }
        self.opened = Some(self.now);
        for account in self.living() {
            for role in 0..self.roles.len() {
                if self.accounts[account].seats[role].status == SeatStatus::Unknown {
                    self.adopt(account, role);
                }
            }
        }
        self.show_all();
    }

    /// The name of the first segment of a known rep's book that the account matches.
    pub(super) fn first_segment(&self, account: AccountNo, owner: RepNo) -> Option<Text> {
        let policy = self.policy();
        let book = self.book_of(owner).expect("a known rep has a book");
        let mut segments = policy.books[book].segments.iter().map(|each| usize::from(each.segment));
        let first = segments.find(|segment| self.matches(account, *segment));
        first.map(|segment| policy.segments[segment].name.clone())
    }

    /// At the first opening, what the CRM says is believed, unless the commands say something.
    pub(super) fn adopt(&mut self, account: AccountNo, role: usize) {
        let policy = self.policy();
        if self.restore(account, role) {
            return;
        }
        let Some(owner) = self.accounts[account].seats[role].crm_owner else {
            return self.settle(account, role);
        };
        if self.known_in(owner) == Some(role) {
            return self.own(account, role, owner, self.first_segment(account, owner));
        }
        if !self.is_holding_user(owner, role) {
            self.accounts[account].seats[role].orphan = true;
            self.alert(AlertKind::Orphan {
                account: self.accounts[account].id.clone(),
                role: policy.roles[role].name.clone(),
                owner: self.reps[owner].id.clone(),
            });
        }
        self.settle(account, role);
    }
}
