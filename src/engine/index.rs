//! What can be rebuilt from the state: names, pools, timers, who has room. Walked in orders
//! that are the state's own, or not at all; nothing here is hashed by the standard library.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::output::SeatStatus;
use crate::domain::policy::Policy;
use crate::domain::signal::Class;
use crate::domain::{Body, Candidate, Text};

use super::commanded::CommandIndex;
use super::crew::{Crew, Standing};
use super::fields::Fields;
use super::heap::{Heap, Place};
use super::lines::Waiting;
use super::named::NameLists;
use super::names::{AccountNames, Domains, KindNames, RepNames};
use super::score::{Decays, Reading};
use super::sizes::Sizes;
use super::state::{AccountId, RepId, Seat, State};
use super::table::IdSet;
use super::timers::Timers;
use super::undo_log::UndoIndex;
use super::unknown::Unknown;

#[derive(Debug, Default)]
pub struct Index {
    pub accounts: AccountNames,
    pub domains: Domains,
    pub reps: RepNames,
    pub kinds: KindNames,
    pub fields: Fields,
    pub name_lists: NameLists,
    /// By the policy's kinds: their number among the state's.
    pub kind_numbers: Vec<u32>,
    /// By the policy's kinds: some book's evidence lists it.
    pub meaningful: Vec<bool>,
    pub remembered: IdSet,
    pub unknown: Unknown,
    /// The kept record of an opportunity: at most one each.
    pub unknown_opportunities: BTreeMap<Text, u64>,
    /// By role.
    pub pools: Vec<Pool>,
    pub timers: Vec<Timers>,
    /// By role: bits of the segments that any of its books names.
    pub role_segments: Vec<u64>,
    /// By the policy's books: their reps.
    pub crews: Vec<Crew>,
    /// By rep: how their book's crew has them.
    pub standings: Vec<Standing>,
    pub sizes: Sizes,
    /// Reps who left and still have what they owned.
    pub departing: BTreeSet<RepId>,
    /// By role: the seats that wait to be lost, by what keeps them.
    pub waiting: Vec<Waiting>,
    /// By role: bits of the segments that some rep has room for.
    pub open_segments: Vec<u64>,
    /// Open opportunities by account are counted in the account; here, which ids name it.
    pub opportunities_of: BTreeMap<AccountId, BTreeSet<Text>>,
    /// Seats that somebody holds without owning them, by holder, account and role.
    pub holding: BTreeSet<(RepId, AccountId, usize)>,
    pub commands: CommandIndex,
    pub undo: UndoIndex,
    /// How sums are read now.
    pub reading: Reading,
    pub decays: Decays,
}

/// One role's pool: a heap for each distinct set of segments that occurs.
#[derive(Debug, Default)]
pub struct Pool {
    pub heaps: Vec<(u64, Heap)>,
    pub by_set: BTreeMap<u64, u16>,
    /// Heaps of which all bounds are being lowered.
    pub lowering: Vec<u16>,
    /// By account: where it stands, in a heap or among the tenures.
    pub places: Vec<Place>,
}

impl Pool {
    pub fn heap_of(&mut self, set: u64) -> u16 {
        *self.by_set.entry(set).or_insert_with(|| {
            self.heaps.push((set, Heap::default()));
            u16::try_from(self.heaps.len() - 1).expect("accounts match at most 65,536 different sets of segments")
        })
    }

    /// Takes every account out of its heap: its order, or what it is ordered by, is another one for all of them.
    pub fn empty(&mut self) {
        self.heaps.clear();
        self.by_set.clear();
        self.lowering.clear();
        let pooled = self.places.iter_mut().filter(|place| matches!(place, Place::Heap { .. }));
        pooled.for_each(|place| *place = Place::Nowhere);
    }
}

impl Index {
    pub fn add_role(&mut self, accounts: usize) {
        self.pools.push(Pool { places: vec![Place::Nowhere; accounts], ..Pool::default() });
        self.timers.push(Timers::new(accounts));
        self.waiting.push(Waiting::default());
    }

    pub fn add_account(&mut self) {
        self.pools.iter_mut().for_each(|pool| pool.places.push(Place::Nowhere));
        self.timers.iter_mut().for_each(Timers::add);
    }

    /// What hangs on the policy's kinds, books and segments.
    pub fn take_policy(&mut self, policy: &Policy, kinds: &[(Class, Text)]) {
        let of_role = |role: usize| {
            let books = policy.books.iter().filter(move |book| usize::from(book.role) == role);
            books.flat_map(|book| &book.segments).fold(0, |bits, each| bits | 1u64 << each.segment)
        };
        self.role_segments = (0..policy.roles.len()).map(of_role).collect();
        self.crews = policy.books.iter().map(|book| Crew::new(&book.segments)).collect();
        self.standings.fill(Standing::default());
        self.sizes.restart(policy.books.len());
        self.open_segments = vec![0; policy.roles.len()];
        self.kinds = KindNames::new(&policy.kinds);
        self.fields = Fields::of(policy);
        let numbers: BTreeMap<_, _> = kinds.iter().zip(0..).collect();
        let number = |kind: &crate::domain::policy::Kind| numbers[&(kind.class, kind.name.clone())];
        self.kind_numbers = policy.kinds.iter().map(number).collect();
        let listed = |kind: u16| policy.books.iter().any(|book| book.evidence.kinds.contains(&kind));
        self.meaningful = (0..policy.kinds.len() as u16).map(listed).collect();
    }

    /// The first of the candidates that names a living account.
    pub fn resolve(&self, state: &State, candidates: &[Candidate]) -> Option<AccountId> {
        candidates.iter().find_map(|candidate| match candidate {
            Candidate::CrmId(id) => self.accounts.find(&state.sides, id),
            Candidate::Domain(domain) | Candidate::EmailDomain(domain) => self.domains.owner(domain),
            Candidate::VendorId { .. } => None,
        })
    }

    pub fn keep_unknown(&mut self, arrival: u64, body: &Body) {
        if let Body::Opportunity(record) = body {
            self.unknown_opportunities.insert(record.id.clone(), arrival);
        }
        self.unknown.keep(arrival, super::signals::candidates(body));
    }

    pub fn forget_unknown(&mut self, arrival: u64, body: &Body) {
        if let Body::Opportunity(record) = body {
            self.unknown_opportunities.remove(&record.id);
        }
        self.unknown.forget(arrival, super::signals::candidates(body));
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

    /// What is small; accounts' names, ids, pools, timers and room are entered by the engine, in [`super::rebuild`].
    pub fn rebuild(state: &State) -> Index {
        let accounts = state.accounts.len();
        let mut index = Index {
            standings: vec![Standing::default(); state.reps.len()],
            commands: CommandIndex::rebuild(&state.commands),
            undo: UndoIndex::rebuild(state),
            ..Index::default()
        };
        for (rep, number) in state.reps.iter().zip(0..) {
            index.reps.insert(&rep.id, RepId(number));
            rep.aliases.iter().for_each(|alias| index.reps.insert_alias(*alias, RepId(number)));
            if rep.departing {
                index.departing.insert(RepId(number));
            }
        }
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
        state.roles.iter().for_each(|_| index.add_role(accounts));
        if let Some(policy) = &state.policy {
            index.take_policy(policy, &state.kinds);
            index.reading = Reading::new(&policy.scoring, state.now);
        }
        index
    }
}
