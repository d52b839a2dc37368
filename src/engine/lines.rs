//! The lines in which seats wait to be lost, one an owner, and the lists in which owners stand by what keeps theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Secs;

use super::state::{AccountId, RepId};

/// What waits in one role.
#[derive(Debug, Default)]
pub struct Waiting {
    /// By rep; empty for most.
    pub lines: Vec<Line>,
    pub books: BTreeMap<u16, Lists>,
}

/// What waits in one owner's book.
#[derive(Debug, Default)]
pub struct Line {
    /// By promise, each with its deadline.
    pub seats: BTreeMap<(Secs, AccountId), Secs>,
    /// The same by deadline, each with its promise: the stalest of thousands are found without a look at their evidence.
    pub stale: BTreeMap<(Secs, AccountId), Secs>,
    pub listed: Listed,
    /// Promises later than this are held back by a scope that tripped, or wait for an approval.
    pub let_go_until: Secs,
}

impl Line {
    pub fn insert(&mut self, (promised, account): (Secs, AccountId), deadline: Secs) {
        self.remove((promised, account));
        self.seats.insert((promised, account), deadline);
        self.stale.insert((deadline, account), promised);
    }

    pub fn remove(&mut self, (promised, account): (Secs, AccountId)) {
        if let Some(deadline) = self.seats.remove(&(promised, account)) {
            self.stale.remove(&(deadline, account));
        }
    }
}

/// In which list an owner stands, and where in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listed {
    /// Scopes that tripped stop all of theirs, or they have no book: nobody takes anything.
    #[default]
    Nowhere,
    /// By their least promise that no scope stops: the book's feeds must reach it. And by their stalest seat, which may
    /// be promised later.
    Open { book: u16, promised: Secs, stalest: (Secs, AccountId) },
    /// They lost as many as a day may take, until then.
    AtCap { book: u16, until: Secs },
}

#[derive(Debug, Default)]
pub struct Lists {
    pub open: BTreeSet<(Secs, RepId)>,
    pub stalest: BTreeSet<(Secs, AccountId, RepId)>,
    pub at_cap: BTreeSet<(Secs, RepId)>,
}

impl Waiting {
    /// Of an owner; a new one is empty.
    pub fn line(&mut self, rep: RepId) -> &mut Line {
        if self.lines.len() <= rep.index() {
            self.lines.resize_with(rep.index() + 1, Line::default);
        }
        &mut self.lines[rep.index()]
    }

    pub fn list(&mut self, rep: RepId, listed: Listed) {
        let before = std::mem::replace(&mut self.line(rep).listed, listed);
        if before == listed {
            return;
        }
        match before {
            Listed::Nowhere => {}
            Listed::Open { book, promised, stalest: (deadline, account) } => {
                let lists = self.books.entry(book).or_default();
                lists.open.remove(&(promised, rep));
                lists.stalest.remove(&(deadline, account, rep));
            }
            Listed::AtCap { book, until } => drop(self.books.entry(book).or_default().at_cap.remove(&(until, rep))),
        }
        match listed {
            Listed::Nowhere => {}
            Listed::Open { book, promised, stalest: (deadline, account) } => {
                let lists = self.books.entry(book).or_default();
                lists.open.insert((promised, rep));
                lists.stalest.insert((deadline, account, rep));
            }
            Listed::AtCap { book, until } => drop(self.books.entry(book).or_default().at_cap.insert((until, rep))),
        }
    }

    /// Takes the owners whose day at the cap is over out of their lists. They may be thousands, all of one second.
    pub fn end_caps(&mut self, now: Secs) -> Vec<RepId> {
        let mut over = Vec::new();
        for lists in self.books.values_mut() {
            if lists.at_cap.first().is_some_and(|(until, _)| *until <= now) {
                let later = lists.at_cap.split_off(&(now.plus(1), RepId(0)));
                over.extend(std::mem::replace(&mut lists.at_cap, later).into_iter().map(|(_, rep)| rep));
            }
        }
        over.iter().for_each(|rep| self.lines[rep.index()].listed = Listed::Nowhere);
        over
    }
}
