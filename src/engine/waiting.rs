//! The seats that wait to be lost, and what keeps them: how far feeds reach, caps, the breaker. Owners stand in lists by
//! what keeps theirs, and by their stalest seat that may go, so that an entry looks at little more than it can take.
//! `docs/rules.md`, 8.

use std::collections::{BTreeSet, VecDeque};

use crate::domain::Secs;
use crate::domain::output::BreakerScope;
use crate::domain::time::{DAY, HOUR};

use super::Engine;
use super::lines::{Line, Listed, Waiting};
use super::losses::Loss;
use super::sizes::share;
use super::state::{AccountId, RepId};

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

/// Adds the stalest of all owners' losses, so many of them, in no order. Owners come by a place that is before all of theirs:
/// nobody is looked at whose losses are all less stale than so many others.
fn add_stalest<Theirs: Iterator<Item = Loss>>(
    owners: impl Iterator<Item = ((Secs, AccountId), Theirs)>,
    left: usize,
    due: &mut Vec<Loss>,
) {
    let from = due.len();
    // The least stale that may still be among so many; unknown until there were more.
    let mut last = None;
    for (place, theirs) in owners {
        if last.is_some_and(|last| last < place) {
            break;
        }
        // Nobody has more among so many.
        due.extend(theirs.take(left));
        // Not for every owner: what is put aside pays for looking at the rest.
        if due.len() - from >= left.saturating_mul(2) {
            last = keep_stalest(due, from, left);
        }
    }
    keep_stalest(due, from, left);
}

/// Of those from there on, so many. The least stale of them, if there were more.
fn keep_stalest(due: &mut Vec<Loss>, from: usize, left: usize) -> Option<(Secs, AccountId)> {
    let found = &mut due[from..];
    if found.len() <= left {
        return None;
    }
    let (_, last, _) = found.select_nth_unstable(left.checked_sub(1)?);
    let last = (last.deadline, last.account);
    due.truncate(from + left);
    Some(last)
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
        self.index.waiting[role].line(owner).insert(seat, deadline);
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
        self.index.waiting[role].line(owner).remove(seat);
        self.list_owner(role, owner);
    }

    /// What they did since was too little to end the wait.
    pub(super) fn note_deadline(&mut self, role: usize, account: AccountId, deadline: Secs) {
        if self.state.roles[role].waiting.contains(&account) {
            let (owner, seat) = self.in_line(role, account);
            self.index.waiting[role].line(owner).insert(seat, deadline);
            self.list_owner(role, owner);
        }
    }

    /// Their line, losses or book are other ones, or a scope of theirs tripped or was reset.
    pub(super) fn list_owner(&mut self, role: usize, owner: RepId) {
        let let_go_until = self.let_go_until(role, owner);
        let listed = self.listed(role, owner, let_go_until);
        self.index.waiting[role].list(owner, listed);
        self.index.waiting[role].line(owner).let_go_until = let_go_until;
    }

    fn listed(&self, role: usize, owner: RepId, let_go_until: Secs) -> Listed {
        let firsts = self.index.waiting[role].lines.get(owner.index());
        let firsts = firsts.and_then(|line| Some((line.seats.first_key_value()?.0, line.stale.first_key_value()?.0)));
        let (Some(((promised, _), stalest)), Some(book)) = (firsts, self.state.reps[owner.index()].book) else {
            return Listed::Nowhere;
        };
        let (promised, stalest) = (*promised, *stalest);
        if promised > let_go_until {
            return Listed::Nowhere;
        }
        let (done, until) = self.losses_of_day(owner);
        if done >= self.rules().books[usize::from(book)].caps.per_rep_day {
            Listed::AtCap { book, until }
        } else {
            Listed::Open { book, promised, stalest }
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
                let owners = 0..self.index.waiting[role].lines.len();
                owners.for_each(|owner| self.list_owner(role, RepId(owner as u16)));
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
        for owner in self.index.waiting[role].end_caps(self.state.now) {
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

    /// Those of the role that go if the breaker lets them, in no order: the stalest of each book that its feeds reach, as
    /// many as a day may take of each owner and an hour of the book.
    pub(super) fn due_losses(&self, role: usize) -> Vec<Loss> {
        let mut due = Vec::new();
        for (book, limit) in (0..).zip(self.limits()) {
            if let Some(frontier) = limit.frontier {
                self.stalest_of_book(role, book, frontier, limit.left, &mut due);
            }
        }
        due
    }

    /// Owner by owner, by the stalest that each still has.
    fn stalest_of_book(&self, role: usize, book: u16, frontier: Secs, left: u64, due: &mut Vec<Loss>) {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let Some(lists) = self.index.waiting[role].books.get(&book).filter(|_| left > 0) else { return };
        let owners = lists
            .stalest
            .iter()
            .map(|(deadline, account, owner)| ((*deadline, *account), self.due_of_owner(role, book, *owner, frontier)));
        add_stalest(owners, left, due);
    }

    /// The stalest of an owner that are promised by then, as many as the day takes more of theirs.
    fn due_of_owner(&self, role: usize, book: u16, owner: RepId, frontier: Secs) -> impl Iterator<Item = Loss> {
        let line = &self.index.waiting[role].lines[owner.index()];
        let until = frontier.min(line.let_go_until);
        let of_day = self.rules().books[usize::from(book)].caps.per_rep_day;
        let left = of_day.saturating_sub(self.losses_of_day(owner).0);
        let free = line.stale.iter().filter(move |(_, promised)| **promised <= until);
        free.take(left as usize).map(move |((deadline, account), promised)| Loss {
            book,
            deadline: *deadline,
            account: *account,
            owner,
            promised: *promised,
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
        let in_lines: usize = waiting.lines.iter().map(|line| line.seats.len()).sum();
        let in_lists: usize = waiting.books.values().map(|lists| lists.open.len() + lists.at_cap.len()).sum();
        let listed = waiting.lines.iter().filter(|line| line.listed != Listed::Nowhere).count();
        if in_lines != self.state.roles[role].waiting.len() || in_lists != listed {
            return Some(format!("role {role}: {in_lines} in lines, {in_lists} in lists, {listed} listed"));
        }
        let in_line = |account: &AccountId| {
            let (owner, seat) = self.in_line(role, *account);
            let deadline = waiting.lines.get(owner.index()).and_then(|line| line.seats.get(&seat));
            deadline.is_some_and(|deadline| *deadline == self.evidence_deadline(role, *account))
        };
        if let Some(account) = self.state.roles[role].waiting.iter().find(|account| !in_line(account)) {
            return Some(format!("role {role}: {account:?} waits in no line, or with another deadline"));
        }
        // A cap may have ended since the last look.
        let stale = |listed: Listed| matches!(listed, Listed::AtCap { until, .. } if until <= self.state.now);
        let is_in_its_list = |owner: RepId, listed: Listed| match listed {
            Listed::Nowhere => true,
            Listed::Open { book, promised, stalest: (deadline, account) } => {
                let lists = &waiting.books[&book];
                lists.open.contains(&(promised, owner)) && lists.stalest.contains(&(deadline, account, owner))
            }
            Listed::AtCap { book, until } => waiting.books[&book].at_cap.contains(&(until, owner)),
        };
        let is_twice = |line: &Line| {
            let by_promise = line.seats.iter().map(|((promised, account), deadline)| (*deadline, *account, *promised));
            let by_deadline = line.stale.iter().map(|((deadline, account), promised)| (*deadline, *account, *promised));
            by_promise.collect::<BTreeSet<_>>().into_iter().eq(by_deadline)
        };
        let wrong = |(owner, line): &(RepId, &Line)| {
            let (listed, owner) = (line.listed, *owner);
            let let_go_until = self.let_go_until(role, owner);
            let is_stopped_otherwise = line.let_go_until != let_go_until && !line.seats.is_empty();
            let is_listed_otherwise = listed != self.listed(role, owner, let_go_until) && !stale(listed);
            !is_in_its_list(owner, listed) || !is_twice(line) || is_stopped_otherwise || is_listed_otherwise
        };
        let mut lines = (0..).map(RepId).zip(&waiting.lines);
        lines.find(wrong).map(|(owner, line)| {
            let Line { listed, let_go_until, .. } = line;
            format!("role {role}: {owner:?} stands in {listed:?}, let go until {let_go_until:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Owners begin before their first, where that one is promised too late.
        #[test]
        fn the_stalest_of_all_owners(
            owners in prop::collection::vec((0..4u32, prop::collection::btree_set(0..60u32, 0..9)), 0..12),
            left in 1..20usize,
            before in 0..3u32,
        ) {
            let loss = |owner: u16, account: u32| Loss {
                book: 1,
                deadline: Secs(100 + account / 3),
                account: AccountId(100 * account + u32::from(owner)),
                owner: RepId(owner),
                promised: Secs(7),
            };
            let mut lists: Vec<_> = (0..).zip(owners).map(|(owner, (early, accounts))| {
                let theirs: Vec<Loss> = accounts.into_iter().map(|account| loss(owner, account)).collect();
                let first = theirs.first().map_or(Secs(100), |first| first.deadline);
                ((first.minus(early), AccountId(0)), theirs)
            }).collect();
            lists.sort_by_key(|(place, _)| *place);
            let others: Vec<Loss> = (0..before).map(|account| Loss { book: 0, ..loss(0, account) }).collect();
            let mut naive: Vec<Loss> = lists.iter().flat_map(|(_, theirs)| theirs.iter().copied()).collect();
            naive.sort_unstable();
            naive.truncate(left);
            naive.splice(0..0, others.iter().copied());
            let mut due = others.clone();
            add_stalest(lists.into_iter().map(|(place, theirs)| (place, theirs.into_iter())), left, &mut due);
            due.sort_unstable();
            prop_assert_eq!(due, naive);
        }
    }
}
