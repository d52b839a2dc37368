//! What keeps waiting seats from going: how far feeds reach, caps, the breaker. Remembered, so that an entry looks at
//! all that wait only when an obstacle may be gone. `docs/rules.md`, 8.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::Secs;
use crate::domain::output::BreakerScope;
use crate::domain::time::{DAY, HOUR};

use super::Engine;
use super::losses::is_exempt;
use super::state::{AccountId, RepId};

const MILLION: u64 = 1_000_000;

/// Why one seat can't go, the first reason in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// Its book's feeds aren't known to reach so far.
    BeyondFrontier,
    /// A scope that tripped; or nobody's book asks for it any more.
    Stopped,
    /// The owner lost as many as a day may take: until then.
    RepAtCap(Secs),
    BookAtCap(Secs),
}

/// Why none of a role's waiting seats can go, as far as it goes away by itself or by events alone. All else that may
/// take an obstacle away has them looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacles {
    /// The first instant at which a loss no longer counts under a cap that stops somebody.
    pub until: Secs,
    /// Books whose feeds don't reach far enough, each with its least promise.
    beyond: BTreeMap<u16, Secs>,
    /// Books of which the hour took its share: of a larger one it takes more.
    at_cap: BTreeSet<u16>,
    /// Some of this was said of a seat that no longer waits: to be found anew at the entry's end.
    outdated: bool,
}

impl Obstacles {
    const NONE: Obstacles =
        Obstacles { until: Secs::NEVER, beyond: BTreeMap::new(), at_cap: BTreeSet::new(), outdated: false };
}

/// What holds for all of a book's losses in one entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Up to when its feeds are known to have been read; `None`: nobody knows, or one of them is silent.
    frontier: Option<Secs>,
    /// So many more may go this hour.
    pub left: u64,
    /// When the next may go if none is left.
    next: Secs,
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
        (0..self.rules().books.len() as u16).map(|book| self.limit(book, oldest_end)).collect()
    }

    fn limit(&self, book: u16, oldest_end: Option<Secs>) -> Limit {
        let (left, next) = self.left_of_hour(book);
        Limit { frontier: self.frontier(book, oldest_end), left, next }
    }

    /// How many of a book's accounts this hour may still take, and when the next may go if none.
    fn left_of_hour(&self, book: u16) -> (u64, Secs) {
        let rules = &self.rules().books[usize::from(book)];
        let per_hour = self.index.sizes.of_book(book) * u64::from(rules.caps.per_book_hour_ppm) / MILLION;
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

    fn obstacle(&self, role: usize, account: AccountId, limits: &[Limit]) -> Option<Obstacle> {
        let owner = self.state.seats[role][account.index()].owner;
        let Some(book) = self.state.reps[owner.index()].book else { return Some(Obstacle::Stopped) };
        self.obstacle_of(role, account, book, &limits[usize::from(book)])
    }

    fn obstacle_of(&self, role: usize, account: AccountId, book: u16, limit: &Limit) -> Option<Obstacle> {
        let owner = self.state.seats[role][account.index()].owner;
        let Some(promised) = self.tenure(role, account).promised else { return Some(Obstacle::Stopped) };
        if limit.frontier.is_none_or(|frontier| promised > frontier) {
            return Some(Obstacle::BeyondFrontier);
        }
        if self.is_stopped(role, owner, promised) {
            return Some(Obstacle::Stopped);
        }
        let (done, next) = self.losses_of_day(owner);
        if done >= self.rules().books[usize::from(book)].caps.per_rep_day {
            return Some(Obstacle::RepAtCap(next));
        }
        (limit.left == 0).then_some(Obstacle::BookAtCap(limit.next))
    }

    fn is_stopped(&self, role: usize, owner: RepId, promised: Secs) -> bool {
        if self.state.tripped.is_empty() {
            return false;
        }
        let rep = &self.state.reps[owner.index()];
        let stops = |scope: BreakerScope, proceeded: Secs| {
            self.state.tripped.contains(&scope) && !is_exempt(promised, proceeded)
        };
        stops(BreakerScope::QuietRep(rep.id.clone()), rep.quiet_proceeded)
            || stops(BreakerScope::Book(rep.id.clone()), rep.book_proceeded)
            || stops(self.role_scope(role), self.state.roles[role].proceeded)
    }

    /// Those of the role that nothing but their number keeps from going.
    pub(super) fn free_to_go(&self, role: usize, limits: &[Limit]) -> impl Iterator<Item = AccountId> {
        let waiting = self.state.roles[role].waiting.iter().copied();
        waiting.filter(move |account| self.obstacle(role, *account, limits).is_none())
    }

    fn find_obstacles(&self, role: usize) -> Obstacles {
        let mut all = Obstacles::NONE;
        let waiting = &self.state.roles[role].waiting;
        if !waiting.is_empty() {
            let limits = self.limits();
            waiting
                .iter()
                .for_each(|each| self.add_obstacle(&mut all, role, *each, self.obstacle(role, *each, &limits)));
        }
        all
    }

    fn add_obstacle(&self, all: &mut Obstacles, role: usize, account: AccountId, obstacle: Option<Obstacle>) {
        let owner = self.state.seats[role][account.index()].owner;
        let (book, tenure) = (self.state.reps[owner.index()].book, self.tenure(role, account));
        match (obstacle, book, tenure.promised) {
            (Some(Obstacle::BeyondFrontier), Some(book), Some(promised)) => {
                all.beyond.entry(book).and_modify(|least| *least = promised.min(*least)).or_insert(promised);
            }
            (Some(Obstacle::BookAtCap(next)), Some(book), _) => {
                all.until = all.until.min(next);
                all.at_cap.insert(book);
            }
            (Some(Obstacle::RepAtCap(next)), ..) => all.until = all.until.min(next),
            (None, ..) => all.until = self.state.now,
            (Some(_), ..) => {}
        }
    }

    /// A seat begins to wait.
    pub(super) fn wait(&mut self, role: usize, account: AccountId) {
        self.state.roles[role].waiting.insert(account);
        if let Some(mut all) = self.index.obstacles[role].take() {
            self.add_obstacle(&mut all, role, account, self.obstacle_of_one(role, account));
            self.index.obstacles[role] = Some(all);
        }
    }

    /// Before its promise or its tenure ends: while it waits it has both.
    pub(super) fn wait_no_longer(&mut self, role: usize, account: AccountId) {
        if !self.state.roles[role].waiting.contains(&account) {
            return;
        }
        if let Some(mut all) = self.index.obstacles[role].take() {
            all.outdated |= self.is_named_by(&all, role, account);
            self.index.obstacles[role] = Some(all);
        }
        self.state.roles[role].waiting.remove(&account);
    }

    /// Whether the obstacles may be other ones without this seat.
    fn is_named_by(&self, all: &Obstacles, role: usize, account: AccountId) -> bool {
        let owner = self.state.seats[role][account.index()].owner;
        let (book, promised) = (self.state.reps[owner.index()].book, self.tenure(role, account).promised);
        match (self.obstacle_of_one(role, account), book, promised) {
            (Some(Obstacle::Stopped), ..) => false,
            (Some(Obstacle::RepAtCap(next)), ..) => next <= all.until,
            (Some(Obstacle::BeyondFrontier), Some(book), Some(promised)) => {
                all.beyond.get(&book).is_none_or(|least| promised <= *least)
            }
            _ => true,
        }
    }

    fn obstacle_of_one(&self, role: usize, account: AccountId) -> Option<Obstacle> {
        let owner = self.state.seats[role][account.index()].owner;
        let Some(book) = self.state.reps[owner.index()].book else { return Some(Obstacle::Stopped) };
        self.obstacle_of(role, account, book, &self.limit(book, self.oldest_end()))
    }

    /// Something may have taken an obstacle away, other than what [`Engine::none_can_go`] looks at.
    pub(super) fn look_at_losses_again(&mut self, role: usize) {
        self.index.obstacles[role] = None;
    }

    pub(super) fn look_at_all_losses_again(&mut self) {
        self.index.obstacles.fill(None);
    }

    /// Whether none of the role's waiting seats can go, as the obstacles that were found last say.
    pub(super) fn none_can_go(&self, role: usize) -> bool {
        let Some(all) = &self.index.obstacles[role] else { return false };
        let oldest_end = if all.beyond.is_empty() { None } else { self.oldest_end() };
        let beyond = |(book, least): (&u16, &Secs)| self.frontier(*book, oldest_end).is_none_or(|at| at < *least);
        let at_cap = |book: &u16| self.left_of_hour(*book).0 == 0;
        self.state.now < all.until && all.beyond.iter().all(beyond) && all.at_cap.iter().all(at_cap)
    }

    /// At an entry's end: what the next one goes by, and when time alone may next let a waiting loss go.
    pub(super) fn remember_obstacles(&mut self) {
        for role in self.roles() {
            if self.index.obstacles[role].as_ref().is_none_or(|all| all.outdated) {
                self.index.obstacles[role] = Some(self.find_obstacles(role));
            }
        }
    }

    /// The next instant at which time alone may let a waiting loss go.
    pub(super) fn next_loss(&self) -> Option<Secs> {
        let ends = self.index.obstacles.iter().flatten().map(|all| all.until);
        ends.filter(|at| *at > self.state.now && *at != Secs::NEVER).min()
    }
}
