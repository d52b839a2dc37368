//! What can be rebuilt from the state: names, pools, timers, who has room. Looked things up in, never
//! iterated in an order that could reach an output unless that order is the state's own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::output::SeatStatus;
use crate::domain::policy::Policy;
use crate::domain::{Body, Candidate, Text};

use super::heap::{Heap, Places};
use super::state::{AccountId, RepId, Seat, State};
use super::wheel::Wheel;

#[derive(Debug, Default)]
pub struct Index {
    pub account_by_id: HashMap<Text, AccountId>,
    /// Living accounts that name a domain; the first is its owner.
    pub account_by_domain: HashMap<Text, BTreeSet<AccountId>>,
    pub rep_by_id: HashMap<Text, RepId>,
    pub rep_by_alias: HashMap<u64, BTreeSet<RepId>>,
    pub remembered: HashSet<u64>,
    /// Kept signals by every name they know their account by.
    pub unknown_by_name: HashMap<Name, BTreeSet<u64>>,
    /// Kept signals by their first candidate: how many.
    pub unknown_by_first: HashMap<Candidate, u32>,
    /// The kept record of an opportunity: at most one each.
    pub unknown_opportunities: HashMap<Text, u64>,
    /// By role.
    pub pools: Vec<Pool>,
    pub wheels: Vec<Wheel>,
    /// By role: bits of the segments that any of its books names.
    pub role_segments: Vec<u64>,
    /// By role, then segment: active reps with room for it.
    pub open: Vec<Vec<BTreeSet<RepId>>>,
    /// Open opportunities by account are counted in the account; here, which ids name it.
    pub opportunities_of: HashMap<AccountId, BTreeSet<Text>>,
    /// Seats that somebody holds without owning them, by holder, account and role.
    pub holding: BTreeSet<(RepId, AccountId, usize)>,
}

/// What an account can be found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    Crm(Text),
    Domain(Text),
}

impl Name {
    /// Vendor ids resolve to nothing yet.
    pub fn of(candidate: &Candidate) -> Option<Name> {
        match candidate {
            Candidate::CrmId(id) => Some(Name::Crm(id.clone())),
            Candidate::Domain(domain) | Candidate::EmailDomain(domain) => Some(Name::Domain(domain.clone())),
            Candidate::VendorId { .. } => None,
        }
    }
}

/// One role's pool: a heap for each distinct set of segments that occurs.
#[derive(Debug, Default)]
pub struct Pool {
    pub heaps: Vec<(u64, Heap)>,
    pub by_set: BTreeMap<u64, u16>,
    pub places: Places,
}

impl Pool {
    pub fn heap_of(&mut self, set: u64) -> u16 {
        *self.by_set.entry(set).or_insert_with(|| {
            self.heaps.push((set, Heap::default()));
            (self.heaps.len() - 1) as u16
        })
    }
}

impl Index {
    pub fn add_role(&mut self) {
        self.pools.push(Pool::default());
        self.wheels.push(Wheel::default());
    }

    /// What hangs on the policy's books and segments.
    pub fn take_policy(&mut self, policy: &Policy) {
        let of_role = |role: usize| {
            let books = policy.books.iter().filter(move |book| usize::from(book.role) == role);
            books.flat_map(|book| &book.segments).fold(0, |bits, each| bits | 1u64 << each.segment)
        };
        self.role_segments = (0..policy.roles.len()).map(of_role).collect();
        self.open = vec![vec![BTreeSet::new(); policy.segments.len()]; policy.roles.len()];
    }

    /// The first of the candidates that names a living account.
    pub fn resolve(&self, candidates: &[Candidate]) -> Option<AccountId> {
        candidates.iter().find_map(|candidate| match Name::of(candidate)? {
            Name::Crm(id) => self.account_by_id.get(&id).copied(),
            Name::Domain(domain) => self.account_by_domain.get(&domain)?.first().copied(),
        })
    }

    pub fn name_domain(&mut self, domain: &Text, account: AccountId) {
        self.account_by_domain.entry(domain.clone()).or_default().insert(account);
    }

    pub fn forget_domain(&mut self, domain: &Text, account: AccountId) {
        if let Some(named) = self.account_by_domain.get_mut(domain) {
            named.remove(&account);
            if named.is_empty() {
                self.account_by_domain.remove(domain);
            }
        }
    }

    pub fn keep_unknown(&mut self, arrival: u64, body: &Body) {
        let candidates = super::signals::candidates(body);
        if let Body::Opportunity(record) = body {
            self.unknown_opportunities.insert(record.id.clone(), arrival);
        }
        for name in candidates.iter().filter_map(Name::of) {
            self.unknown_by_name.entry(name).or_default().insert(arrival);
        }
        if let Some(first) = candidates.first() {
            *self.unknown_by_first.entry(first.clone()).or_default() += 1;
        }
    }

    pub fn forget_unknown(&mut self, arrival: u64, body: &Body) {
        let candidates = super::signals::candidates(body);
        if let Body::Opportunity(record) = body {
            self.unknown_opportunities.remove(&record.id);
        }
        for name in candidates.iter().filter_map(Name::of) {
            if let Some(kept) = self.unknown_by_name.get_mut(&name) {
                kept.remove(&arrival);
                if kept.is_empty() {
                    self.unknown_by_name.remove(&name);
                }
            }
        }
        if let Some(first) = candidates.first()
            && let Some(count) = self.unknown_by_first.get_mut(first)
        {
            *count -= 1;
            if *count == 0 {
                self.unknown_by_first.remove(first);
            }
        }
    }

    /// Before and after a change of a seat.
    pub fn note_holding(&mut self, role: usize, account: AccountId, seat: &Seat, holds: bool) {
        if seat.status == SeatStatus::Holding {
            let place = (seat.owner, account, role);
            if holds {
                self.holding.insert(place)
            } else {
                self.holding.remove(&place)
            };
        }
    }

    /// Names and memories; pools, timers and room are entered by the engine, which knows how.
    pub fn rebuild(state: &State) -> Index {
        let mut index = Index::default();
        for (number, side) in state.sides.iter().enumerate().filter(|(number, _)| state.accounts[*number].alive) {
            let account = AccountId(number as u32);
            index.account_by_id.insert(side.id.clone(), account);
            side.domains.iter().for_each(|domain| index.name_domain(domain, account));
        }
        for (number, rep) in state.reps.iter().enumerate() {
            index.rep_by_id.insert(rep.id.clone(), RepId(number as u16));
            for alias in &rep.aliases {
                index.rep_by_alias.entry(*alias).or_default().insert(RepId(number as u16));
            }
        }
        index.remembered = state.remembered.iter().map(|(_, id)| *id).collect();
        for (arrival, kept) in &state.unknown {
            index.keep_unknown(*arrival, &kept.input.body);
        }
        for (id, opportunity) in &state.opportunities {
            index.opportunities_of.entry(opportunity.account).or_default().insert(id.clone());
        }
        for (role, seats) in state.seats.iter().enumerate() {
            for (number, seat) in seats.iter().enumerate() {
                index.note_holding(role, AccountId(number as u32), seat, true);
            }
        }
        state.roles.iter().for_each(|_| index.add_role());
        if let Some(policy) = &state.policy {
            index.take_policy(policy);
        }
        index
    }
}
