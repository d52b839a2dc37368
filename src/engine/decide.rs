//! Decisions as data: who moves, under which command, and what spoke for it.

use crate::domain::ids::{Id128, command_id};
use crate::domain::output::{
    Decision, DecisionKind, Disposition, Entered, MAX_TOP_SIGNALS, Placement, Stamps, TopSignal, Why,
};
use crate::domain::{Secs, Text};

use super::Engine;
use super::state::{AccountId, Contribution, PastOwner, RepId, Tenure};
use crate::domain::policy::MAX_PAST_OWNERS;

impl Engine {
    pub(super) fn rep_name(&self, rep: RepId) -> Option<Text> {
        self.state.reps.get(rep.index()).map(|rep| rep.id.clone())
    }

    /// Account, role and owner by the names that the world knows.
    pub(super) fn names(&self, role: usize, account: AccountId) -> (Text, Text, Text) {
        let owner = self.state.seats[role][account.index()].owner;
        let owner = self.rep_name(owner).unwrap_or_default();
        (self.state.sides[account.index()].id.clone(), self.rules().roles[role].name.clone(), owner)
    }

    /// Records a decision to move the account from its desired owner to `to`. The caller changes the seat.
    pub(super) fn decide(&mut self, kind: DecisionKind, role: usize, account: AccountId, to: RepId, why: Why) {
        let stamps = match &why {
            Why::Placed(placement) => Stamps { entered: Some((self.state.now, entered(placement))), warned_at: None },
            _ => self.tenure_of(role, account).map_or_else(Stamps::default, stamps),
        };
        self.decide_with(kind, role, account, to, stamps, why);
    }

    /// The same, where another stay than the seat's own is meant.
    pub(super) fn decide_with(
        &mut self,
        kind: DecisionKind,
        role: usize,
        account: AccountId,
        to: RepId,
        stamps: Stamps,
        why: Why,
    ) {
        self.keep_for_undo(kind, role, account);
        let policy = self.rules();
        let now = self.state.now;
        let seat = &self.state.seats[role][account.index()];
        let side = &self.state.sides[account.index()];
        let shadow = self.is_in_shadow(role);
        let (priority, timing) = self.score(account);
        let decision = Decision {
            command_id: self.next_command(),
            kind,
            disposition: if shadow { Disposition::Shadow } else { Disposition::Command },
            account: side.id.clone(),
            role: policy.roles[role].name.clone(),
            sequence: seat.sequence + u32::from(!shadow),
            from: self.rep_name(seat.owner),
            to: self.rep_name(to),
            issued_at: now,
            not_after: now.plus(policy.roles[role].not_after_s),
            policy_version: policy.version,
            priority,
            fit: self.state.accounts[account.index()].fit,
            timing,
            top_signals: self.top_signals(account),
            stamps,
            why,
        };
        self.entry.touched.push(account);
        self.command(role, account, to, decision);
    }

    pub(super) fn next_command(&self) -> Id128 {
        command_id(self.state.journal, self.state.shard, self.state.sequence, self.entry.decisions)
    }

    /// Of the contributions kept, those with the most points left.
    fn top_signals(&self, account: AccountId) -> Vec<TopSignal> {
        let contributions = self.state.sides[account.index()].contributions.iter().rev();
        let mut left: Vec<_> =
            contributions.map(|each| (self.points_left(each), each)).filter(|(points, _)| *points > 0).collect();
        left.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
        left.truncate(MAX_TOP_SIGNALS);
        left.into_iter().map(|(points, each)| self.top_signal(points, each)).collect()
    }

    fn points_left(&self, contribution: &Contribution) -> u32 {
        let (class, _) = self.state.kinds[contribution.kind as usize];
        let half_life_s = self.rules().scoring.half_life_s[class as usize];
        let age = f64::from(self.state.now.since(contribution.at));
        (f64::from(contribution.points_milli) * libm::exp2(-age / f64::from(half_life_s))).floor() as u32
    }

    fn top_signal(&self, points_milli: u32, from: &Contribution) -> TopSignal {
        let (class, kind) = self.state.kinds[from.kind as usize].clone();
        TopSignal { class, kind, subject: from.subject.clone(), at: from.at, points_milli, position: from.position }
    }

    /// The owner loses the account: the tenure ends, the slot is free, the owner is remembered.
    pub(super) fn end_tenure(&mut self, role: usize, account: AccountId) {
        let now = self.state.now;
        let owner = self.state.seats[role][account.index()].owner;
        if owner != RepId::NOBODY {
            let past = self.state.past_owners[role].entry(account).or_default();
            past.insert(0, PastOwner { rep: owner, until: now });
            past.truncate(MAX_PAST_OWNERS);
        }
        self.free_slot(role, account);
    }

    /// The tenure ends and the slot is free, as though the account had never been theirs.
    pub(super) fn free_slot(&mut self, role: usize, account: AccountId) {
        let owner = self.state.seats[role][account.index()].owner;
        self.wait_no_longer(role, account);
        let tenure = self.remove_tenure(role, account);
        if owner == RepId::NOBODY {
            return;
        }
        // Who only held it had no place for it: what stands in their book is theirs in another role.
        let Some(tenure) = tenure else { return self.dirty_all(role) };
        self.state.reps[owner.index()].accounts.remove(&account);
        if let Some(segment) = tenure.segment {
            self.count_segment(owner, segment, -1);
        }
        self.refresh_room(owner);
        self.dirty_all(role);
    }

    /// An account counts, or no longer counts, against a segment of its owner's book.
    pub(super) fn count_segment(&mut self, rep: RepId, segment: u8, by: i32) {
        let Some(book) = self.book_of(rep) else { return };
        let place = book.segments.iter().position(|each| each.segment == segment);
        if let Some(place) = place {
            let count = &mut self.state.reps[rep.index()].per_segment[place];
            *count = count.checked_add_signed(by).expect("what is taken from a segment was counted in it");
        }
    }

    /// Past owners whose cool-off isn't over, with its end. A past owner's own book says how many and how long.
    pub(super) fn cooled_off(&self, role: usize, account: AccountId) -> Vec<(RepId, Secs)> {
        let Some(past) = self.state.past_owners[role].get(&account) else { return Vec::new() };
        let cooling = past.iter().enumerate().filter_map(|(place, owner)| {
            let rule = &self.book_of(owner.rep)?.cool_off;
            let end = owner.until.plus(rule.period_s);
            (place < usize::from(rule.owners) && end > self.state.now).then_some((owner.rep, end))
        });
        cooling.collect()
    }
}

pub(super) fn entered(placement: &Placement) -> Entered {
    if placement.filled_idle { Entered::FilledIdle } else { Entered::Placed }
}

pub(super) fn stamps(tenure: &Tenure) -> Stamps {
    Stamps { entered: Some((tenure.since, tenure.entered)), warned_at: tenure.warned_at }
}
