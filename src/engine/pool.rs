//! The pool as priority queues: one heap for each distinct set of segments, so that an account stands in
//! exactly one per role. Between inputs priorities only fall, so a stored one is an upper bound; the top is
//! settled until its bound is its priority.

use std::cmp::Ordering;

use crate::domain::Secs;
use crate::domain::account::Value;
use crate::domain::output::SeatStatus;
use crate::domain::policy::{Policy, SortKey};

use super::Engine;
use super::heap::Entry;
use super::score;
use super::state::{AccountId, AccountSide, Phase, RepId, Seat, State};

/// The order of a role's pool under equal priorities: sort keys, age, hash, number.
fn rank(policy: &Policy, sides: &[AccountSide], seats: &[Seat], role: usize, a: AccountId, b: AccountId) -> Ordering {
    let (left, right) = (&sides[a.index()], &sides[b.index()]);
    let keys = policy.roles[role].sort.iter().map(|key| sorted(key, left, right));
    let by_keys = keys.fold(Ordering::Equal, Ordering::then);
    by_keys
        .then_with(|| seats[a.index()].since.cmp(&seats[b.index()].since))
        .then_with(|| left.hash.cmp(&right.hash))
        .then_with(|| a.cmp(&b))
}

fn sorted(key: &SortKey, a: &AccountSide, b: &AccountSide) -> Ordering {
    let number = |side: &AccountSide| match side.field(&key.field) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) if key.descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

impl AccountSide {
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.binary_search_by(|(field, _)| (**field).cmp(name)).ok().map(|index| &self.fields[index].1)
    }
}

fn priority_of(state: &State, policy: &Policy, account: AccountId) -> u32 {
    let row = &state.accounts[account.index()];
    let timing = score::timing(&policy.scoring, &row.sums, row.epoch, state.now);
    score::priority(&policy.scoring, row.fit, timing)
}

impl Engine {
    pub(super) fn priority(&self, account: AccountId) -> u32 {
        priority_of(&self.state, self.rules(), account)
    }

    /// Timing in millionths of 1, for people.
    pub(super) fn timing(&self, account: AccountId) -> u32 {
        let row = &self.state.accounts[account.index()];
        let timing = score::timing(&self.rules().scoring, &row.sums, row.epoch, self.state.now);
        (timing * 1_000_000.0 + 0.5).floor() as u32
    }

    /// The better rank under equal priorities is `Less`.
    pub(super) fn rank(&self, role: usize, a: AccountId, b: AccountId) -> Ordering {
        rank(self.rules(), &self.state.sides, &self.state.seats[role], role, a, b)
    }

    /// Segments of this role that the account matches.
    pub(super) fn segments_in(&self, role: usize, account: AccountId) -> u64 {
        self.state.accounts[account.index()].segments & self.index.role_segments[role]
    }

    /// In the pool and not held: eligible but for thresholds.
    pub(super) fn in_circulation(&self, role: usize, account: AccountId) -> bool {
        let (row, seat) = (&self.state.accounts[account.index()], &self.state.seats[role][account.index()]);
        row.alive && seat.status == SeatStatus::Pool && row.hold.max(seat.hold) <= self.state.now
    }

    /// Puts the account into the heap where it belongs now, with its priority as the bound, or into none.
    pub(super) fn place_in_pool(&mut self, role: usize, account: AccountId) {
        let set = self.segments_in(role, account);
        let pass = self.state.roles[role].pass.as_ref();
        let aside = pass.is_some_and(|pass| pass.aside.contains(&account));
        let belongs = set != 0 && !aside && self.in_circulation(role, account);
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let pool = &mut index.pools[role];
        if pool.places.len() <= account.index() {
            pool.places.resize(account.index() + 1, None);
        }
        let wanted = belongs.then(|| pool.heap_of(set));
        let order = |a, b| rank(policy, &state.sides, &state.seats[role], role, a, b);
        if let Some((heap, position)) = pool.places[account.index()] {
            // Its rank may have changed with its record: leaving and entering anew is always right.
            pool.heaps[usize::from(heap)].1.remove(heap, position, &mut pool.places, &order);
        }
        if let Some(heap) = wanted {
            let entry = Entry { bound: priority_of(state, policy, account), account };
            pool.heaps[usize::from(heap)].1.insert(heap, entry, &mut pool.places, &order);
        }
    }

    /// Takes the account out of its heap before its rank changes under it.
    pub(super) fn leave_pool(&mut self, role: usize, account: AccountId) {
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let pool = &mut index.pools[role];
        let order = |a, b| rank(policy, &state.sides, &state.seats[role], role, a, b);
        if let Some(Some((heap, position))) = pool.places.get(account.index()).copied() {
            pool.heaps[usize::from(heap)].1.remove(heap, position, &mut pool.places, &order);
        }
    }

    /// The best account of a heap and its priority: lowers the root's bound until it is its priority.
    pub(super) fn settle(&mut self, role: usize, heap: u16) -> Option<(AccountId, u32)> {
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let pool = &mut index.pools[role];
        let order = |a, b| rank(policy, &state.sides, &state.seats[role], role, a, b);
        loop {
            let top = pool.heaps[usize::from(heap)].1.top()?;
            let priority = priority_of(state, policy, top.account);
            debug_assert!(priority <= top.bound, "between inputs priorities only fall");
            if priority == top.bound {
                return Some((top.account, priority));
            }
            pool.heaps[usize::from(heap)].1.update(heap, 0, priority, &mut pool.places, &order);
        }
    }

    /// Into the pool, eligible since `since`; or out of circulation, where a rule of C11 says so.
    pub(super) fn enter_pool(&mut self, role: usize, account: AccountId, since: Secs) {
        self.change_seat(role, account, |seat| {
            seat.status = SeatStatus::Pool;
            seat.owner = RepId::NOBODY;
            seat.since = since;
            seat.until = Secs::ZERO;
            seat.wake = Secs::ZERO;
        });
        if self.excluded(role, account) {
            self.exclude(role, account);
        }
        self.mark(role, account);
    }

    /// The account alone is tried in this entry's matching. One set aside is back first.
    pub(super) fn mark(&mut self, role: usize, account: AccountId) {
        if self.state.seats[role][account.index()].status != SeatStatus::Pool {
            return;
        }
        let role_state = &mut self.state.roles[role];
        role_state.marked.insert(account, Phase::Thresholds);
        if role_state.pass.as_mut().is_some_and(|pass| pass.aside.remove(&account)) {
            self.place_in_pool(role, account);
        }
    }

    /// All segments of the role may have got an open rep.
    pub(super) fn dirty_all(&mut self, role: usize) {
        self.state.roles[role].dirty |= self.index.role_segments[role];
    }
}
