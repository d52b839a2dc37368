//! Has the rows that a portion of inputs will touch fetched before they are applied, one step of indirection at a
//! time for all of them: the processor waits for many rows at once instead of for each in turn.
//!
//! Everything here is a hint. A name that isn't the one meant, or an account that an earlier input of the batch
//! creates, costs time and changes nothing: `apply` looks everything up again, in order.

use crate::domain::account::{AccountOp, AccountRecord, Change};
use crate::domain::{Body, Input};

use super::Engine;
use super::fetch;
use super::heap::Place;
use super::names::NameHash;
use super::signals::candidates;
use super::state::AccountId;

/// Events looked at together: what they touch stays in a core's own cache until they are applied.
pub const PORTION: usize = 32;

/// How far the search for an event's account has got.
#[derive(Clone, Copy)]
enum Hint {
    Nobody,
    Name(NameHash),
    Domain(u32),
    Account(AccountId),
}

/// What will be done with an account, and so what of it will be touched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    Record,
    Signal,
    /// Something of an owner's: an act, or their loss.
    Tenure,
}

impl Touch {
    fn of(body: &Body) -> Touch {
        match body {
            Body::Account(_) => Touch::Record,
            Body::Signal(_) => Touch::Signal,
            _ => Touch::Tenure,
        }
    }
}

impl Engine {
    /// `inputs`: at most [`PORTION`] of them.
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn look_ahead(&self, inputs: &[Input]) {
        let mut hints = [Hint::Nobody; PORTION];
        let hints = &mut hints[..inputs.len()];
        for (hint, input) in hints.iter_mut().zip(inputs) {
            *hint = self.fetch_names(&input.body);
        }
        for (hint, input) in hints.iter_mut().zip(inputs) {
            *hint = self.follow_name(*hint, &input.body);
        }
        hints.iter_mut().for_each(|hint| *hint = self.follow_domain(*hint));
        for (hint, input) in hints.iter().zip(inputs) {
            if let Hint::Account(account) = hint {
                self.fetch_places(*account, Touch::of(&input.body));
            }
        }
        for (hint, input) in hints.iter().zip(inputs) {
            if let Hint::Account(account) = hint {
                self.fetch_counted(*account, Touch::of(&input.body));
            }
        }
    }

    /// The same for what is lost: nobody has looked at these accounts for long.
    pub(super) fn look_ahead_at_losses(&self, accounts: impl Iterator<Item = AccountId> + Clone) {
        accounts.clone().for_each(|account| self.fetch_account(account));
        accounts.clone().for_each(|account| self.fetch_places(account, Touch::Tenure));
        accounts.for_each(|account| self.fetch_counted(account, Touch::Tenure));
    }

    /// The slots in which the input's id and its account's name would stand.
    fn fetch_names(&self, body: &Body) -> Hint {
        match body {
            Body::Signal(signal) => self.index.remembered.fetch(signal.dedup),
            Body::Activity(activity) => self.index.remembered.fetch(activity.dedup),
            Body::Account(record) => return self.fetch_recorded(record),
            _ => return Hint::Nobody,
        }
        let Some(name) = candidates(body).first().and_then(NameHash::of) else { return Hint::Nobody };
        match name {
            NameHash::Account(hash) => self.index.accounts.fetch(hash),
            NameHash::Domain(hash) => self.index.domains.fetch(hash),
        }
        Hint::Name(name)
    }

    /// A record's names: most have others' events kept for them, or a place where they will stand.
    fn fetch_recorded(&self, record: &AccountRecord) -> Hint {
        let name = NameHash::account(&record.id);
        if let NameHash::Account(hash) = name {
            self.index.accounts.fetch(hash);
        }
        self.index.unknown.fetch_account(&record.id);
        if let AccountOp::Change(change) = &record.op
            && let Change::Set(domains) = &change.domains
        {
            for domain in domains {
                self.index.domains.fetch_name(domain);
                self.index.unknown.fetch_domain(domain);
            }
        }
        Hint::Name(name)
    }

    /// What was found of an account.
    fn follow_account(&self, account: AccountId) -> Hint {
        self.fetch_account(account);
        Hint::Account(account)
    }

    fn follow_name(&self, hint: Hint, body: &Body) -> Hint {
        let found = match hint {
            Hint::Name(NameHash::Account(hash)) => {
                self.index.accounts.likely(hash).map(|account| self.follow_account(account))
            }
            Hint::Name(NameHash::Domain(hash)) => self.index.domains.fetch_likely(hash).map(Hint::Domain),
            Hint::Nobody | Hint::Domain(_) | Hint::Account(_) => return hint,
        };
        found.unwrap_or_else(|| {
            self.index.unknown.fetch(candidates(body));
            Hint::Nobody
        })
    }

    fn follow_domain(&self, hint: Hint) -> Hint {
        match hint {
            Hint::Domain(row) => self.follow_account(self.index.domains.owner_of_row(row)),
            other => other,
        }
    }

    /// An account's rows in the arrays that have one for each.
    pub(super) fn fetch_account(&self, account: AccountId) {
        fetch::ahead(&self.state.accounts[account.index()]);
        fetch::ahead(&self.state.sides[account.index()]);
        for (seats, pool) in self.state.seats.iter().zip(&self.index.pools) {
            fetch::ahead(&seats[account.index()]);
            fetch::ahead(&pool.places[account.index()]);
        }
    }

    /// What the account's rows point at.
    fn fetch_places(&self, account: AccountId, touch: Touch) {
        if touch == Touch::Record {
            fetch::ahead(&self.state.records[account.index()]);
        }
        let side = &self.state.sides[account.index()];
        side.contributions.fetch();
        // Their lengths stand before the first rows.
        fetch::at(side.snapshots.as_ptr());
        fetch::at(side.daily.as_ptr());
        for (role, pool) in self.index.pools.iter().enumerate() {
            match pool.places[account.index()] {
                Place::Heap { heap, position } => pool.heaps[usize::from(heap)].1.fetch(position),
                Place::Tenure(row) if touch == Touch::Tenure => {
                    fetch::whole(&self.state.tenures[role][row as usize]);
                    self.index.timers[role].fetch(account.0);
                }
                _ => {}
            }
        }
    }

    /// What a signal replaces or is one of the day's strongest among, where a contribution is noted, an owner's touches, and
    /// what their timer stands above.
    fn fetch_counted(&self, account: AccountId, touch: Touch) {
        let side = &self.state.sides[account.index()];
        side.contributions.fetch_next();
        match touch {
            Touch::Record => self.state.records[account.index()].fetch(),
            Touch::Signal => {
                fetch::rows(&side.snapshots);
                fetch::rows(&side.daily);
            }
            Touch::Tenure => {
                for (role, timers) in self.index.timers.iter().enumerate() {
                    if let Some(tenure) = self.tenure_of(role, account) {
                        tenure.evidence.fetch();
                        timers.fetch_neighbours(account.0);
                    }
                }
            }
        }
    }
}
