//! The seats that wait to be lost, and what keeps them: how far feeds reach, caps, the breaker. Owners stand in lists by
//! what keeps theirs, so that an entry looks at those alone who may lose something. `docs/rules.md`, 8.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::Secs;
use crate::domain::output::BreakerScope;
use crate::domain::time::{DAY, HOUR};

use super::Engine;
use super::losses::Loss;
use super::sizes::share;
use super::state::{AccountId, RepId};

/// Of one role.
#[derive(Debug, Default)]
pub struct Waiting {
    lines: BTreeMap<RepId, Line>,
    books: BTreeMap<u16, Lists>,
}

/// What waits in one owner's book.
#[derive(Debug, Default)]
struct Line {
    /// By promise, each with its deadline: the stalest of thousands are found without a look at their evidence.
    seats: BTreeMap<(Secs, AccountId), Secs>,
    listed: Listed,
}

/// In which list an owner stands, and where in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Listed {
    /// Scopes that tripped stop all of theirs, or they have no book: nobody takes anything.
    #[default]
    Nowhere,
    /// By their least promise that no scope stops: the book's feeds must reach it.
    Open { book: u16, promised: Secs },
    /// They lost as many as a day may take, until then.
    AtCap { book: u16, until: Secs },
}

#[derive(Debug, Default)]
struct Lists {
    open: BTreeSet<(Secs, RepId)>,
    at_cap: BTreeSet<(Secs, RepId)>,
}

impl Waiting {
    fn list(&mut self, rep: RepId, listed: Listed) {
        let Some(line) = self.lines.get_mut(&rep) else { return };
        let before = std::mem::replace(&mut line.listed, listed);
        if line.seats.is_empty() {
            self.lines.remove(&rep);
        }
        if before != listed {
            self.each_list(before, |list, at| list.remove(&(at, rep)));
            self.each_list(listed, |list, at| list.insert((at, rep)));
        }
    }

    fn each_list(&mut self, listed: Listed, change: impl Fn(&mut BTreeSet<(Secs, RepId)>, Secs) -> bool) {
        match listed {
            Listed::Nowhere => false,
            Listed::Open { book, promised } => change(&mut self.books.entry(book).or_default().open, promised),
            Listed::AtCap { book, until } => change(&mut self.books.entry(book).or_default().at_cap, until),
        };
    }

    /// Owners whose day at the cap is over.
    fn over_cap(&self, now: Secs) -> Vec<RepId> {
        let ended = self.books.values().flat_map(|lists| lists.at_cap.range(..=(now, RepId::NOBODY)));
        ended.map(|(_, rep)| *rep).collect()
    }
}

/// What holds for all of a book's losses in one entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Up to when its feeds are known to have been read; `None`: nobody knows, or one of them is silent.
    frontier: Option<Secs>,
    /// So many more may go this hour.
    pub left: u64,
}

/// Whether a loss no longer counts in a window.
pub(super) fn is_over(at: Secs, window_s: u32, now: Secs) -> bool {
    at.plus(window_s) <= now
}

/// How many losses are younger than the window, and when the first of them no longer is.
fn counted<T>(losses: &VecDeque<T>, at: impl Fn(&T) -> Secs, window_s: u32, now: Secs) -> (u32, Secs) {
    let old = losses.partition_point(|loss| is_over(at(loss), window_s, now));
    let next = losses.get(old).map_or(Secs::NEVER, |loss| at(loss).plus(window_s));
    ((losses.len() - old) as u32, next)
}

impl Engine {
    pub(super) fn limits(&self) -> Vec<Limit> {
        let oldest_end = self.oldest_end();
        let limit = |book| Limit { frontier: self.frontier(book, oldest_end), left: self.left_of_hour(book).0 };
        (0..self.rules().books.len() as u16).map(limit).collect()
    }

    /// How many of a book's accounts this hour may still take, and when the next may go if none.
    fn left_of_hour(&self, book: u16) -> (u64, Secs) {
        let rules = &self.rules().books[usize::from(book)];
        let per_hour = share(self.index.sizes.of_book(book), rules.caps.per_book_hour_ppm);
        let losses = self.state.book_losses.get(&rules.name);
        let (done, next) = losses.map_or((0, Secs::NEVER), |losses| counted(losses, |at| *at, HOUR, self.state.now));
        (per_hour.max(1).saturating_sub(u64::from(done)), next)
    }

    /// Losses promised later than this wait.
    fn frontier(&self, book: u16, oldest_end: Option<Secs>) -> Option<Secs> {
        let sources = &self.rules().books[usize::from(book)].sources;
        sources.iter().try_fold(self.state.now, |least, source| {
            let silent = self.state.sources[usize::from(*source)].silent;
            let reach = self.reach_by(*source, oldest_end).filter(|_| !silent)?;
            Some(least.min(reach))
        })
    }

    /// Losses of the last 24 hours, and when the first of them is older.
    pub(super) fn losses_of_day(&self, rep: RepId) -> (u32, Secs) {
        counted(&self.state.reps[rep.index()].losses, |(at, _)| *at, DAY, self.state.now)
    }

    /// Promises later than this are held back by a scope that tripped, or wait for an approval.
    fn let_go_until(&self, role: usize, owner: RepId) -> Secs {
        let approved = self.approved_until(role);
        if self.state.tripped.is_empty() {
            return approved;
        }
        let rep = &self.state.reps[owner.index()];
        let scopes = [
            (BreakerScope::QuietRep(rep.id.clone()), rep.quiet_proceeded),
            (BreakerScope::Book(rep.id.clone()), rep.book_proceeded),
            (self.role_scope(role), self.state.roles[role].proceeded),
        ];
        let tripped = scopes.into_iter().filter(|(scope, _)| self.state.tripped.contains(scope));
        // What is exempt from one scope may be held back by another.
        tripped.map(|(_, proceeded)| proceeded).min().unwrap_or(Secs::NEVER).min(approved)
    }

    /// A seat begins to wait.
    pub(super) fn wait(&mut self, role: usize, account: AccountId) {
        self.state.roles[role].waiting.insert(account);
        self.line_up(role, account);
    }

    fn line_up(&mut self, role: usize, account: AccountId) {
        let (owner, seat) = self.in_line(role, account);
        let deadline = self.evidence_deadline(role, account);
        self.index.waiting[role].lines.entry(owner).or_default().seats.insert(seat, deadline);
        self.list_owner(role, owner);
    }

    /// Whose line a waiting seat stands in, and where.
    fn in_line(&self, role: usize, account: AccountId) -> (RepId, (Secs, AccountId)) {
        let promised = self.tenure(role, account).promised.expect("what waits was promised");
        (self.state.seats[role][account.index()].owner, (promised, account))
    }

    /// Before its promise or its tenure ends: while it waits it has both.
    pub(super) fn wait_no_longer(&mut self, role: usize, account: AccountId) {
        if !self.state.roles[role].waiting.remove(&account) {
            return;
        }
        let (owner, seat) = self.in_line(role, account);
        if let Some(line) = self.index.waiting[role].lines.get_mut(&owner) {
            line.seats.remove(&seat);
        }
        self.list_owner(role, owner);
    }

    /// What they did since was too little to end the wait.
    pub(super) fn note_deadline(&mut self, role: usize, account: AccountId, deadline: Secs) {
        if self.state.roles[role].waiting.contains(&account) {
            let (owner, seat) = self.in_line(role, account);
            self.index.waiting[role].lines.entry(owner).or_default().seats.insert(seat, deadline);
        }
    }

    /// Their line, losses or book are other ones, or a scope of theirs tripped or was reset.
    pub(super) fn list_owner(&mut self, role: usize, owner: RepId) {
        let listed = self.listed(role, owner);
        self.index.waiting[role].list(owner, listed);
    }

    fn listed(&self, role: usize, owner: RepId) -> Listed {
        let line = self.index.waiting[role].lines.get(&owner);
        let (Some(line), Some(book)) = (line, self.state.reps[owner.index()].book) else { return Listed::Nowhere };
        let (done, until) = self.losses_of_day(owner);
        let promised = line.seats.first_key_value().map(|((promised, _), _)| *promised);
        let least = promised.filter(|promised| *promised <= self.let_go_until(role, owner));
        match least {
            None => Listed::Nowhere,
            Some(_) if done >= self.rules().books[usize::from(book)].caps.per_rep_day => Listed::AtCap { book, until },
            Some(promised) => Listed::Open { book, promised },
        }
    }

    /// A scope tripped or was reset: whoever is in it may lose less, or more.
    pub(super) fn list_those_in(&mut self, scope: &BreakerScope) {
        match scope {
            BreakerScope::Departures | BreakerScope::Refused(_) => {}
            BreakerScope::Book(id) | BreakerScope::QuietRep(id) => {
                let Some(rep) = self.rep_by_id(id) else { return };
                self.roles().for_each(|role| self.list_owner(role, rep));
            }
            BreakerScope::Role(name) => {
                let Some(role) = self.rules().role_index(name).map(usize::from) else { return };
                let owners: Vec<_> = self.index.waiting[role].lines.keys().copied().collect();
                owners.into_iter().for_each(|owner| self.list_owner(role, owner));
            }
        }
    }

    /// From the state alone: after a restart, and under a policy with other books and caps.
    pub(super) fn line_up_anew(&mut self) {
        for role in self.roles() {
            self.index.waiting[role] = Waiting::default();
            let waiting: Vec<_> = self.state.roles[role].waiting.iter().copied().collect();
            waiting.into_iter().for_each(|account| self.line_up(role, account));
        }
    }

    /// Whether anything but the breaker's judgement keeps all of the role's waiting seats from going.
    pub(super) fn none_can_go(&mut self, role: usize) -> bool {
        for owner in self.index.waiting[role].over_cap(self.state.now) {
            self.list_owner(role, owner);
        }
        let open =
            self.index.waiting[role].books.iter().filter_map(|(book, lists)| Some((*book, lists.open.first()?.0)));
        let mut open = open.peekable();
        let oldest_end = if open.peek().is_some() { self.oldest_end() } else { None };
        open.all(|(book, least)| {
            self.frontier(book, oldest_end).is_none_or(|at| at < least) || self.left_of_hour(book).0 == 0
        })
    }

    /// Those of the role that nothing but their number keeps from going, by book and owner.
    pub(super) fn free_to_go(
        &self,
        role: usize,
        limits: &[Limit],
    ) -> impl Iterator<Item = (u16, impl Iterator<Item = (RepId, impl Iterator<Item = Loss>)>)> {
        let waiting = &self.index.waiting[role];
        let reached = waiting.books.iter().filter_map(|(book, lists)| {
            let limit = limits[usize::from(*book)];
            limit.frontier.filter(|_| limit.left > 0).map(|frontier| (*book, lists, frontier))
        });
        reached.map(move |(book, lists, frontier)| {
            let owners = lists.open.range(..=(frontier, RepId::NOBODY)).map(|(_, owner)| *owner);
            let free = owners.map(move |owner| {
                let last = frontier.min(self.let_go_until(role, owner));
                let free = waiting.lines[&owner].seats.range(..=(last, AccountId(u32::MAX)));
                let loss = move |((promised, account), deadline): (&(Secs, AccountId), &Secs)| Loss {
                    book,
                    deadline: *deadline,
                    account: *account,
                    owner,
                    promised: *promised,
                };
                (owner, free.map(loss))
            });
            (book, free)
        })
    }

    /// The next instant at which time alone may let a waiting loss go.
    pub(super) fn next_loss(&self) -> Option<Secs> {
        let books = self.index.waiting.iter().flat_map(|waiting| &waiting.books);
        let next = books.filter_map(|(book, lists)| match self.left_of_hour(*book) {
            _ if lists.open.is_empty() && lists.at_cap.is_empty() => None,
            (0, next) => Some(next),
            _ => lists.at_cap.first().map(|(until, _)| *until),
        });
        next.filter(|at| *at > self.state.now && *at != Secs::NEVER).min()
    }

    /// What is wrong with a role's lines.
    pub(super) fn fault_of_lines(&self, role: usize) -> Option<String> {
        let waiting = &self.index.waiting[role];
        let in_lines: usize = waiting.lines.values().map(|line| line.seats.len()).sum();
        let in_lists: usize = waiting.books.values().map(|lists| lists.open.len() + lists.at_cap.len()).sum();
        let listed = waiting.lines.values().filter(|line| line.listed != Listed::Nowhere).count();
        if in_lines != self.state.roles[role].waiting.len() || in_lists != listed {
            return Some(format!("role {role}: {in_lines} in lines, {in_lists} in lists, {listed} listed"));
        }
        let in_line = |account: &AccountId| {
            let (owner, seat) = self.in_line(role, *account);
            let deadline = waiting.lines.get(&owner).and_then(|line| line.seats.get(&seat));
            deadline.is_some_and(|deadline| *deadline == self.evidence_deadline(role, *account))
        };
        if let Some(account) = self.state.roles[role].waiting.iter().find(|account| !in_line(account)) {
            return Some(format!("role {role}: {account:?} waits in no line, or with another deadline"));
        }
        // A cap may have ended since the last look.
        let stale = |listed: Listed| matches!(listed, Listed::AtCap { until, .. } if until <= self.state.now);
        let is_in_its_list = |owner: RepId, listed: Listed| match listed {
            Listed::Nowhere => true,
            Listed::Open { book, promised } => waiting.books[&book].open.contains(&(promised, owner)),
            Listed::AtCap { book, until } => waiting.books[&book].at_cap.contains(&(until, owner)),
        };
        let wrong = |(owner, line): &(&RepId, &Line)| {
            let Line { listed, .. } = **line;
            !is_in_its_list(**owner, listed) || listed != self.listed(role, **owner) && !stale(listed)
        };
        waiting
            .lines
            .iter()
            .find(wrong)
            .map(|(owner, line)| format!("role {role}: {owner:?} stands in {:?}", line.listed))
    }
}
