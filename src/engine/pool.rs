//! The pool as priority queues: one heap for each distinct set of segments, so that an account stands in
//! exactly one per role. Between inputs priorities only fall, so a stored one is an upper bound; the top is
//! settled until its bound is its priority.

use std::cmp::Ordering;

use crate::domain::Secs;
use crate::domain::account::Value;
use crate::domain::output::SeatStatus;
use crate::domain::policy::{Policy, SortKey};

use super::Engine;
use super::fetch;
use super::heap::{Entry, Place};
use super::score::{self, Reading};
use super::state::{AccountId, AccountRecordRow, Mark, RepId, State};

/// Bounds lowered in an entry: a tenth of a millisecond at a million accounts.
const SLICE: usize = 1_024;
/// In one with inputs, so many for each, and so many at least: one event doesn't wait for a thousand of them.
const LOWERED_FOR_EACH: usize = 2;
const LEAST_LOWERED: usize = 32;

/// The order of a role's pool under equal priorities: sort keys, age, hash, number.
fn rank(state: &State, policy: &Policy, role: usize, a: AccountId, b: AccountId) -> Ordering {
    let seats = &state.seats[role];
    let (left, right) = (&state.records[a.index()], &state.records[b.index()]);
    let keys = policy.roles[role].sort.iter().map(|key| sorted(key, left, right));
    let by_keys = keys.fold(Ordering::Equal, Ordering::then);
    by_keys
        .then_with(|| seats[a.index()].since.cmp(&seats[b.index()].since))
        .then_with(|| state.sides[a.index()].hash.cmp(&state.sides[b.index()].hash))
        .then_with(|| a.cmp(&b))
}

fn number(record: &AccountRecordRow, key: &SortKey) -> Option<i64> {
    match record.field(&key.field) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    }
}

fn sorted(key: &SortKey, a: &AccountRecordRow, b: &AccountRecordRow) -> Ordering {
    match (number(a, key), number(b, key)) {
        (Some(a), Some(b)) if key.descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// The beginning of the rank in 32 bits, so that most comparisons of equal bounds need no other row: less is
/// better, and equal ones are compared in full.
fn tie(state: &State, policy: &Policy, role: usize, account: AccountId) -> u32 {
    let Some(key) = policy.roles[role].sort.first() else {
        return state.seats[role][account.index()].since.0;
    };
    match number(&state.records[account.index()], key) {
        Some(number) if key.descending => !ordered(number),
        Some(number) => ordered(number),
        None => u32::MAX,
    }
}

/// A number in 32 bits, its 24 most significant ones exact: a greater one is never less. Never `u32::MAX`.
fn ordered(number: i64) -> u32 {
    const EXACT: u32 = 24;
    let size = number.unsigned_abs();
    let cut = (u64::BITS - size.leading_zeros()).saturating_sub(EXACT);
    let code = (cut << (EXACT - 1)) + (size >> cut) as u32;
    if number < 0 { (1 << 31) - code } else { (1 << 31) + code }
}

impl AccountRecordRow {
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }
}

fn priority_of(state: &State, policy: &Policy, reading: &Reading, account: AccountId) -> u32 {
    let row = &state.accounts[account.index()];
    score::priority(&policy.scoring, row.fit, reading.timing(&policy.scoring, &row.sums, row.epoch))
}

impl Engine {
    pub(super) fn priority(&self, account: AccountId) -> u32 {
        priority_of(&self.state, self.rules(), &self.index.reading, account)
    }

    /// What people are told: priority, and timing in millionths of 1.
    pub(super) fn score(&self, account: AccountId) -> (u32, u32) {
        let (row, scoring) = (&self.state.accounts[account.index()], &self.rules().scoring);
        let timing = self.index.reading.timing(scoring, &row.sums, row.epoch);
        (score::priority(scoring, row.fit, timing), (timing * 1_000_000.0 + 0.5).floor() as u32)
    }

    /// The better rank under equal priorities is `Less`.
    pub(super) fn rank(&self, role: usize, a: AccountId, b: AccountId) -> Ordering {
        rank(&self.state, self.rules(), role, a, b)
    }

    /// Segments of this role that the account matches.
    pub(super) fn segments_in(&self, role: usize, account: AccountId) -> u64 {
        self.state.accounts[account.index()].segments & self.index.role_segments[role]
    }

    /// In the pool and not held: eligible but for thresholds.
    pub(super) fn in_circulation(&self, role: usize, account: AccountId) -> bool {
        let (row, seat) = (&self.state.accounts[account.index()], &self.state.seats[role][account.index()]);
        row.alive
            && seat.status == SeatStatus::Pool
            && row.hold.max(seat.hold) <= self.state.now
            && self.may_be_commanded(role, account)
    }

    /// The segments in whose heap the account belongs now, and as what; `None`: in no heap.
    pub(super) fn pooled(&self, role: usize, account: AccountId) -> Option<(u64, Entry)> {
        let set = self.segments_in(role, account);
        let aside = self.state.seats[role][account.index()].aside;
        if set == 0 || aside || !self.in_circulation(role, account) {
            return None;
        }
        let bound = priority_of(&self.state, self.rules(), &self.index.reading, account);
        Some((set, Entry { bound, tie: tie(&self.state, self.rules(), role, account), account }))
    }

    /// Puts the account into the heap where it belongs now, with its priority as the bound, or into none.
    pub(super) fn place_in_pool(&mut self, role: usize, account: AccountId) {
        self.leave_pool(role, account);
        let Some((set, entry)) = self.pooled(role, account) else { return };
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let pool = &mut index.pools[role];
        let heap = pool.heap_of(set);
        let order = |a, b| rank(state, policy, role, a, b);
        pool.heaps[usize::from(heap)].1.insert(heap, entry, &mut pool.places, &order);
    }

    /// Takes the account out of its heap before its rank changes under it.
    pub(super) fn leave_pool(&mut self, role: usize, account: AccountId) {
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let pool = &mut index.pools[role];
        let order = |a, b| rank(state, policy, role, a, b);
        if let Place::Heap { heap, position } = pool.places[account.index()] {
            pool.heaps[usize::from(heap)].1.remove(heap, position, &mut pool.places, &order);
        }
    }

    /// Signals changed the priority of an account and nothing else: where it stands in a heap, its bound follows.
    pub(super) fn bound_anew(&mut self, role: usize, account: AccountId) {
        let Engine { state, index, .. } = self;
        let pool = &mut index.pools[role];
        let Place::Heap { heap, position } = pool.places[account.index()] else { return };
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let bound = priority_of(state, policy, &index.reading, account);
        let order = |a, b| rank(state, policy, role, a, b);
        pool.heaps[usize::from(heap)].1.update(heap, position, bound, &mut pool.places, &order);
    }

    /// The best account of a heap and its priority: lowers the root's bound until it is its priority.
    pub(super) fn settle(&mut self, role: usize, heap: u16) -> Option<(AccountId, u32)> {
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let pool = &mut index.pools[role];
        let order = |a, b| rank(state, policy, role, a, b);
        loop {
            let top = pool.heaps[usize::from(heap)].1.top()?;
            let priority = priority_of(state, policy, &index.reading, top.account);
            debug_assert!(priority <= top.bound, "between inputs priorities only fall");
            if priority == top.bound {
                return Some((top.account, priority));
            }
            if pool.heaps[usize::from(heap)].1.lower_root(heap, priority, &mut pool.places, &order) {
                pool.lowering.push(heap);
            }
        }
    }

    /// Has fetched what settling the heaps of these segments looks at first.
    pub(super) fn fetch_tops(&self, role: usize, segments: u64) {
        let heaps = self.index.pools[role].heaps.iter().filter(|(set, _)| set & segments != 0);
        let first = heaps.flat_map(|(_, heap)| heap.first_accounts());
        first.for_each(|account| fetch::ahead(&self.state.accounts[account.index()]));
    }

    /// Goes on lowering the bounds of heaps that wasted too many looks at their roots.
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn lower_bounds(&mut self, inputs: usize) {
        let slice = if inputs == 0 { SLICE } else { SLICE.min(LOWERED_FOR_EACH * inputs).max(LEAST_LOWERED) };
        let Engine { state, index, .. } = self;
        for (role, pool) in index.pools.iter_mut().enumerate() {
            let (Some(heap), Some(policy)) = (pool.lowering.last().copied(), &state.policy) else { continue };
            let order = |a, b| rank(state, policy, role, a, b);
            let bound = |account| priority_of(state, policy, &index.reading, account);
            let soon = |account: AccountId| fetch::ahead(&state.accounts[account.index()]);
            let queue = &mut pool.heaps[usize::from(heap)].1;
            if queue.lower_some(heap, slice, bound, soon, &mut pool.places, &order) {
                pool.lowering.pop();
            }
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
        let seat = &mut self.state.seats[role][account.index()];
        if seat.status != SeatStatus::Pool {
            return;
        }
        if seat.mark == Mark::None {
            self.state.roles[role].marked.push(account);
        }
        seat.mark = Mark::Thresholds;
        if std::mem::take(&mut seat.aside) {
            self.place_in_pool(role, account);
        }
    }

    /// All segments of the role may have got an open rep.
    pub(super) fn dirty_all(&mut self, role: usize) {
        self.state.roles[role].dirty |= self.index.role_segments[role];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greater_number_is_never_less_in_fewer_bits() {
        let powers = (0..63).flat_map(|bit| [(1i64 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << bit >> 1]);
        let mut numbers: Vec<i64> = powers.flat_map(|number| [number, -number]).collect();
        numbers.extend([i64::MIN, i64::MAX, 0]);
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| ordered(pair[0]) <= ordered(pair[1])));
        assert!(ordered(1_000_001) > ordered(1_000_000) && ordered(i64::MAX) < u32::MAX);
    }
}
