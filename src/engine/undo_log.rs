//! Decisions that can be undone: how their seats were before, and whether anything happened to these since. A week's,
//! and no more than fit into a ring. How they are undone is told in [`super::undo`]. `docs/rules.md`, 16.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::ids::Id128;
use crate::domain::output::{Decision, LeftAlone, SeatStatus};
use crate::domain::policy::{MAX_UNDO, UNDO_S};
use crate::domain::{DecisionKind, Secs};

use super::Engine;
use super::state::{AccountId, RepId, State, Tenure, Turn};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoLog {
    /// In the order in which they were decided.
    pub rows: VecDeque<UndoRow>,
    /// Entry and instant of the latest that is kept no longer.
    pub forgotten: Option<(u64, Secs)>,
}

/// A decision, and its seat before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoRow {
    /// Nothing left yet: a wish, or one that needed no command.
    pub command: Option<Id128>,
    pub entry: u64,
    pub at: Secs,
    pub account: AccountId,
    pub role: u8,
    pub kind: DecisionKind,
    pub before: Before,
    /// Whom a distribution cost which turn.
    pub turn: Option<(RepId, Turn)>,
    /// What happened since, but for decisions and activity.
    pub touched: Option<LeftAlone>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    Owned { owner: RepId, tenure: Box<Tenure> },
    Held { owner: RepId, since: Secs },
    Unowned { status: SeatStatus, since: Secs, until: Secs },
}

impl Before {
    /// Whoever has it again is to be warned anew.
    pub fn without_promise(mut self) -> Before {
        if let Before::Owned { tenure, .. } = &mut self {
            (tenure.promised, tenure.warned_at) = (None, None);
        }
        self
    }

    pub fn owner(&self) -> RepId {
        match self {
            Before::Owned { owner, .. } | Before::Held { owner, .. } => *owner,
            Before::Unowned { .. } => RepId::NOBODY,
        }
    }
}

/// The latest decision about each seat, by its number; numbers count from the first that was kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UndoIndex {
    last: BTreeMap<(AccountId, u8), u64>,
    /// Numbers that are kept no longer.
    gone: u64,
}

impl UndoIndex {
    pub fn rebuild(state: &State) -> UndoIndex {
        let numbers = state.undo.rows.iter().zip(0..);
        UndoIndex { last: numbers.map(|(row, number)| ((row.account, row.role), number)).collect(), gone: 0 }
    }

    /// The place of the latest decision about a seat among those kept.
    pub fn last(&self, role: u8, account: AccountId) -> Option<usize> {
        self.last.get(&(account, role)).map(|number| (number - self.gone) as usize)
    }

    /// Whether both find the same rows.
    pub fn finds_like(&self, other: &UndoIndex) -> bool {
        let places = |index: &UndoIndex| {
            let places = index.last.iter().map(|(seat, number)| (*seat, number - index.gone));
            places.collect::<Vec<_>>()
        };
        places(self) == places(other)
    }
}

impl Engine {
    /// Before a decision moves its seat.
    pub(super) fn keep_for_undo(&mut self, kind: DecisionKind, role: usize, account: AccountId) {
        if self.state.undo.rows.len() == MAX_UNDO {
            self.forget_first_undo();
        }
        let (entry, at) = (self.state.sequence, self.state.now);
        let before = self.seat_before(role, account);
        let role = role as u8;
        let number = self.index.undo.gone + self.state.undo.rows.len() as u64;
        self.index.undo.last.insert((account, role), number);
        let row = UndoRow { command: None, entry, at, account, role, kind, before, turn: None, touched: None };
        self.state.undo.rows.push_back(row);
    }

    fn seat_before(&self, role: usize, account: AccountId) -> Before {
        let seat = &self.state.seats[role][account.index()];
        let (owner, since) = (seat.owner, seat.since);
        match (self.tenure_of(role, account), owner.some()) {
            (Some(tenure), _) => Before::Owned { owner, tenure: Box::new(tenure.clone()) },
            (None, Some(owner)) => Before::Held { owner, since },
            (None, None) => Before::Unowned { status: seat.status, since, until: seat.until },
        }
    }

    fn forget_first_undo(&mut self) {
        let Some(row) = self.state.undo.rows.pop_front() else { return };
        let index = &mut self.index.undo;
        if index.last.get(&(row.account, row.role)) == Some(&index.gone) {
            index.last.remove(&(row.account, row.role));
        }
        index.gone += 1;
        self.state.undo.forgotten = Some((row.entry, row.at));
    }

    /// Those that are too old.
    pub(super) fn forget_undo(&mut self) {
        while self.state.undo.rows.front().is_some_and(|row| row.at.plus(UNDO_S) <= self.state.now) {
            self.forget_first_undo();
        }
    }

    fn last_decision(&mut self, role: usize, account: AccountId) -> Option<&mut UndoRow> {
        let place = self.index.undo.last(role as u8, account)?;
        self.state.undo.rows.get_mut(place)
    }

    /// The command of the latest decision about a seat leaves: an undo that needs no command may have come after it.
    pub(super) fn note_command(&mut self, role: usize, account: AccountId, decision: &Decision) {
        if let Some(row) = self.last_decision(role, account).filter(|row| row.kind == decision.kind) {
            row.command = Some(decision.command_id);
        }
    }

    /// The latest decision about a seat cost a rep this turn.
    pub(super) fn note_turn_to_undo(&mut self, role: usize, account: AccountId, rep: RepId, turn: &Turn) {
        if let Some(row) = self.last_decision(role, account) {
            row.turn = Some((rep, turn.clone()));
        }
    }

    /// What was decided about the seat can't be undone any more: of several reasons the first in their order is told.
    pub(super) fn touch_for_undo(&mut self, role: usize, account: AccountId, why: LeftAlone) {
        if let Some(row) = self.last_decision(role, account) {
            row.touched = Some(row.touched.map_or(why, |before| before.min(why)));
        }
    }

    /// Where people's changes aren't followed, one that a record tells of is still no echo of ours.
    pub(super) fn changed_beside_us(&mut self, role: usize, account: AccountId, owner: RepId) {
        let seat = &self.state.seats[role][account.index()];
        let is_known = [seat.crm_owner, seat.owner].contains(&owner);
        let before = self.last_decision(role, account).map(|row| row.before.owner());
        if !is_known && before.is_some_and(|before| before != owner) {
            self.touch_for_undo(role, account, LeftAlone::ChangedOutside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(engine: &mut Engine, account: u32, entry: u64) {
        let before = Before::Unowned { status: SeatStatus::Pool, since: Secs(1), until: Secs::ZERO };
        let number = engine.index.undo.gone + engine.state.undo.rows.len() as u64;
        engine.index.undo.last.insert((AccountId(account), 0), number);
        engine.state.undo.rows.push_back(UndoRow {
            command: None,
            entry,
            at: Secs(entry as u32),
            account: AccountId(account),
            role: 0,
            kind: DecisionKind::Distribution,
            before,
            turn: None,
            touched: None,
        });
    }

    #[test]
    fn the_latest_decision_is_found_whatever_is_forgotten_before_it() {
        let mut engine = Engine::new(Id128(1), 0);
        for (account, entry) in [(7, 1), (8, 2), (7, 3)] {
            decided(&mut engine, account, entry);
        }
        engine.forget_first_undo();
        assert_eq!(engine.state.undo.forgotten, Some((1, Secs(1))));
        assert_eq!(engine.last_decision(0, AccountId(7)).map(|row| row.entry), Some(3));
        assert!(UndoIndex::rebuild(&engine.state).finds_like(&engine.index.undo));
        engine.forget_first_undo();
        assert_eq!(engine.last_decision(0, AccountId(8)), None);
        assert_eq!(engine.last_decision(0, AccountId(7)).map(|row| row.entry), Some(3));
    }

    #[test]
    fn decisions_are_forgotten_after_a_week_to_the_second() {
        let mut engine = Engine::new(Id128(1), 0);
        decided(&mut engine, 7, 1);
        engine.state.now = Secs(UNDO_S);
        engine.forget_undo();
        assert_eq!(engine.state.undo.rows.len(), 1);
        engine.state.now = Secs(UNDO_S + 1);
        engine.forget_undo();
        assert!(engine.state.undo.rows.is_empty());
    }
}
