//! Policy, gate and adoption, and what is rebuilt when they change. `docs/rules.md`, 1 and 3.

use std::collections::BTreeSet;

use crate::domain::output::{Entered, SeatStatus};
use crate::domain::policy::{Kind, Policy};
use crate::domain::{Secs, Text};

use super::Engine;
use super::index::Pool;
use super::pending::Had;
use super::score;
use super::state::{AccountId, Before, RepId, RoleState, Seat, SourceState, Tenure};

impl Engine {
    /// A higher version replaces the policy; anything else was refused before it was journalled.
    pub(super) fn take_policy(&mut self, policy: &Policy) {
        let old = self.state.policy.take();
        if old.as_ref().is_some_and(|old| policy.version <= old.version || !extends(old, policy)) {
            self.state.policy = old;
            return;
        }
        self.state.policy = Some(policy.clone());
        // Before anything is ranked by the new policy: a heap in two orders never comes right again.
        self.index.pools.iter_mut().for_each(Pool::empty);
        self.index.reading = score::Reading::new(&policy.scoring, self.state.now);
        self.keep_kinds(policy);
        self.add_roles(policy);
        self.keep_sources(policy);
        if let Some(old) = &old {
            self.re_express_sums(old, policy);
            self.rename_tenure_segments(old, policy);
        }
        self.index.take_policy(policy, &self.state.kinds);
        self.end_passes();
        (0..self.state.reps.len()).for_each(|rep| self.rebook(RepId(rep as u16)));
        self.line_up_anew();
        self.re_evaluate_accounts();
        self.forget_unconfirmed();
        self.roles().for_each(|role| self.dirty_all(role));
        if self.state.opened.is_some() {
            self.show_all();
        }
    }

    fn add_roles(&mut self, policy: &Policy) {
        self.keep_modes(policy);
        for role in &policy.roles[self.state.roles.len()..] {
            self.state.roles.push(RoleState { mode: role.mode, ..RoleState::default() });
            self.state.seats.push(vec![Seat::default(); self.state.accounts.len()]);
            self.state.tenures.push(Default::default());
            self.state.past_owners.push(Default::default());
            self.state.commands.push(Default::default());
            self.index.add_role(self.state.accounts.len());
        }
    }

    /// Segments are other ones now: what was dirty, and a pass that runs, named them by their old places.
    fn end_passes(&mut self) {
        for (role, seats) in self.state.roles.iter_mut().zip(&mut self.state.seats) {
            let aside = role.pass.take().into_iter().flat_map(|pass| pass.aside);
            aside.for_each(|account| seats[account.index()].aside = false);
            role.dirty = 0;
        }
    }

    /// Contributions name their kind by its number here, whatever policies come.
    fn keep_kinds(&mut self, policy: &Policy) {
        let known: BTreeSet<_> = self.state.kinds.iter().cloned().collect();
        let kinds = policy.kinds.iter().map(|kind| (kind.class, kind.name.clone()));
        self.state.kinds.extend(kinds.filter(|kind| !known.contains(kind)));
    }

    fn keep_sources(&mut self, policy: &Policy) {
        let old = std::mem::take(&mut self.state.sources);
        let known = |name: &Text| old.iter().find(|source| source.name == *name).cloned();
        let new = |name: &Text| SourceState { name: name.clone(), latest: None, complete: None, silent: false };
        self.state.sources =
            policy.sources.iter().map(|source| known(&source.name).unwrap_or_else(|| new(&source.name))).collect();
    }

    /// Sums keep their value at this instant and decay anew; rows likewise.
    fn re_express_sums(&mut self, old: &Policy, new: &Policy) {
        let now = self.state.now;
        let half_lives = |class: usize| (old.scoring.half_life_s[class], new.scoring.half_life_s[class]);
        let anew = |class: usize, sum: u64, epoch: Secs| match half_lives(class) {
            (before, after) if before == after => score::shifted(sum, epoch, now, after),
            (before, after) => score::re_expressed(sum, epoch, now, before, after),
        };
        for account in &mut self.state.accounts {
            for class in 0..account.sums.len() {
                account.sums[class] = anew(class, account.sums[class], account.epoch);
            }
            account.epoch = now;
        }
        for row in self.state.sides.iter_mut().flat_map(|side| &mut side.snapshots) {
            row.contributed = anew(row.class as usize, row.contributed, row.epoch);
            row.epoch = now;
        }
        // Both policies have their kinds in the order of class and name: rows stay sorted.
        let renamed = |kind: &Kind| new.kind_index(kind.class, &kind.name);
        let renamed: Vec<_> = old.kinds.iter().map(renamed).collect();
        for side in &mut self.state.sides {
            side.daily.retain_mut(|row| {
                let was = usize::from(row.kind);
                row.contributed = anew(old.kinds[was].class as usize, row.contributed, row.epoch);
                row.epoch = now;
                row.kind = renamed[was].unwrap_or_default();
                renamed[was].is_some()
            });
        }
    }

    fn rename_tenure_segments(&mut self, old: &Policy, new: &Policy) {
        let renamed = |segment: u8| {
            let name = &old.segments[usize::from(segment)].name;
            new.segments.iter().position(|each| each.name == *name).map(|index| index as u8)
        };
        let ended = self.state.undo.rows.iter_mut().filter_map(|row| match &mut row.before {
            Before::Owned { tenure, .. } => Some(&mut **tenure),
            _ => None,
        });
        for tenure in self.state.tenures.iter_mut().flatten().chain(ended) {
            tenure.segment = tenure.segment.and_then(renamed);
        }
    }

    /// Segment bits, fit, exclusion and deadlines of every account, from scratch.
    fn re_evaluate_accounts(&mut self) {
        for account in self.account_ids().filter(|id| self.state.accounts[id.index()].alive).collect::<Vec<_>>() {
            self.evaluate_fields(account);
            if self.state.opened.is_some() {
                self.roles().for_each(|role| self.settle_new_seat(role, account));
            }
            self.look_at_exclusion(account);
            self.change_account(account, |_| {});
        }
    }

    /// A seat of an account that is new in the CRM: where its owners are followed, the owner there is the desired one.
    pub(super) fn settle_recorded_seat(&mut self, role: usize, account: AccountId) {
        if self.follows(role) { self.adopt(role, account) } else { self.settle_new_seat(role, account) }
    }

    /// A seat that a later policy or a record brought after the gate's first opening.
    pub(super) fn settle_new_seat(&mut self, role: usize, account: AccountId) {
        if self.state.seats[role][account.index()].status != SeatStatus::Unknown || self.restore(role, account) {
            return;
        }
        if self.excluded(role, account) {
            self.exclude(role, account);
        } else {
            let now = self.state.now;
            self.enter_pool(role, account, now);
        }
    }

    pub(super) fn open_gate(&mut self) {
        if self.state.policy.is_none() {
            return;
        }
        self.state.gate_open = true;
        self.entry.opens = true;
        if self.state.opened.is_none() {
            self.state.opened = Some(self.state.now);
            for account in self.account_ids().filter(|id| self.state.accounts[id.index()].alive).collect::<Vec<_>>() {
                self.roles().for_each(|role| self.adopt(role, account));
            }
            self.show_all();
        }
        for role in self.roles() {
            self.end_pass(role);
            self.dirty_all(role);
        }
    }

    /// Day one: the CRM's owners are ours, and their clocks start now.
    pub(super) fn adopt(&mut self, role: usize, account: AccountId) {
        if self.state.seats[role][account.index()].status != SeatStatus::Unknown || self.restore(role, account) {
            return;
        }
        match self.state.seats[role][account.index()].crm_owner.some() {
            Some(owner) => self.adopt_owner(role, account, owner, Had::Not),
            None => self.settle_new_seat(role, account),
        }
    }

    pub(super) fn adopted_segment(&self, owner: RepId, account: AccountId) -> Option<u8> {
        let bits = self.state.accounts[account.index()].segments;
        let book = self.book_of(owner)?;
        book.segments.iter().map(|each| each.segment).find(|segment| bits >> segment & 1 == 1)
    }

    /// A tenure begins.
    pub(super) fn own(&mut self, role: usize, account: AccountId, owner: RepId, segment: Option<u8>, entered: Entered) {
        let now = self.state.now;
        let grace_s = self.book_of(owner).map_or(0, |book| book.grace_s);
        let tenure = Tenure {
            account,
            since: now,
            grace: now.plus(grace_s),
            segment,
            promised: None,
            warned_at: None,
            entered,
            evidence: Default::default(),
        };
        self.own_since(role, account, owner, tenure);
    }

    /// A tenure begins, or goes on.
    pub(super) fn own_since(&mut self, role: usize, account: AccountId, owner: RepId, tenure: Tenure) {
        let (since, segment) = (tenure.since, tenure.segment);
        self.leave_pool(role, account);
        self.begin_tenure(role, tenure);
        self.state.reps[owner.index()].accounts.insert(account);
        if let Some(segment) = segment {
            self.count_segment(owner, segment, 1);
        }
        self.change_seat(role, account, |seat| {
            seat.status = SeatStatus::Owned;
            seat.owner = owner;
            seat.since = since;
            seat.until = Secs::ZERO;
            seat.wake = Secs::ZERO;
        });
        self.refresh_room(owner);
    }
}

/// Roles may only be added behind the existing ones: seats are kept by their place.
fn extends(old: &Policy, new: &Policy) -> bool {
    old.roles.len() <= new.roles.len() && old.roles.iter().zip(&new.roles).all(|(a, b)| a.name == b.name)
}
