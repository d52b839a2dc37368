//! An engine from a snapshot's state: everything that isn't state is built anew, in bulk. What is found by a name or
//! an id is entered in a thread beside, while pools and timers are laid out here.

use crate::domain::Secs;

use super::both::both;
use super::heap::Place;
use super::index::{Index, Pool};
use super::names::{AccountNames, Domains};
use super::state::{AccountId, AccountSide, RepId, State};
use super::table::IdSet;
use super::timers::Timers;
use super::{Engine, Scratch};

/// What is found by a hash: each in a place of its own, whatever was entered before it.
struct Found {
    accounts: AccountNames,
    domains: Domains,
    remembered: IdSet,
}

impl Found {
    fn rebuild(state: &State) -> Found {
        let alive = || state.accounts.iter().zip(0..).filter(|(row, _)| row.alive).map(|(_, number)| AccountId(number));
        let side = |account: AccountId| -> (&AccountSide, AccountId) { (&state.sides[account.index()], account) };
        let named =
            |account: AccountId| state.records[account.index()].domains.iter().map(move |domain| (domain, account));
        let domains = state.records.iter().map(|record| record.domains.len()).sum();
        let mut remembered = IdSet::with_room(state.remembered.len());
        state.remembered.slices().for_each(|ids| remembered.insert_all(ids));
        Found {
            accounts: AccountNames::of_all(state.accounts.len(), alive().map(side)),
            domains: Domains::of_all(domains, alive().flat_map(named)),
            remembered,
        }
    }
}

impl Engine {
    /// An engine that goes on from a snapshot's state. Everything that isn't state is rebuilt.
    pub fn from_state(state: State) -> Engine {
        let index = Index::rebuild(&state);
        let mut engine = Engine { state, index, entry: Scratch::default() };
        engine.place_tenures();
        let timers = std::mem::take(&mut engine.index.timers);
        let (found, seats) = both(
            || Found::rebuild(&engine.state),
            || timers.into_iter().zip(0..).map(|(timers, role)| engine.lay_out(role, timers)).collect::<Vec<_>>(),
        );
        let Found { accounts, domains, remembered } = found;
        engine.index.accounts = accounts;
        engine.index.domains = domains;
        engine.index.remembered = remembered;
        for (role, (pool, timers)) in seats.into_iter().enumerate() {
            engine.take_pool(role, pool);
            engine.index.timers.push(timers);
        }
        if engine.state.policy.is_some() {
            (0..engine.state.reps.len()).for_each(|rep| engine.refresh_room(RepId(rep as u16)));
        }
        engine.line_up_anew();
        engine
    }

    fn place_tenures(&mut self) {
        for (tenures, pool) in self.state.tenures.iter().zip(&mut self.index.pools) {
            for (tenure, row) in tenures.iter().zip(0..) {
                pool.places[tenure.account.index()] = Place::Tenure(row);
            }
        }
    }

    /// A role's pool and timers. Where its accounts stand in the heaps isn't noted yet: the tenures' places are read.
    fn lay_out(&self, role: usize, mut timers: Timers) -> (Pool, Timers) {
        let mut pool = Pool::default();
        // Whoever knows no policy has no pools and no deadlines.
        if self.state.policy.is_none() {
            return (pool, timers);
        }
        for account in self.account_ids() {
            if let Some((set, entry)) = self.pooled(role, account) {
                let heap = pool.heap_of(set);
                pool.heaps[usize::from(heap)].1.lay(entry);
            }
            let (kind, due) = self.due(role, account);
            if due != Secs::NEVER {
                timers.lay(account.0, kind, due);
            }
        }
        timers.put_in_order();
        let order = |a, b| self.rank(role, a, b);
        pool.heaps.iter_mut().for_each(|(_, heap)| heap.put_in_order(&order));
        (pool, timers)
    }

    fn take_pool(&mut self, role: usize, pool: Pool) {
        let mut places = std::mem::take(&mut self.index.pools[role].places);
        for ((_, heap), number) in pool.heaps.iter().zip(0..) {
            heap.note_places(number, &mut places);
        }
        self.index.pools[role] = Pool { places, ..pool };
    }
}
