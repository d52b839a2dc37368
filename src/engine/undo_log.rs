//! Decisions that can be undone: how their seats were before, and whether anything happened to these since. A week's,
//! and no more than fit into a ring. How they are undone is told in [`super::undo`]. `docs/rules.md`, 16.

use crate::domain::ids::Id128;
use crate::domain::output::{Decision, LeftAlone, SeatStatus};
use crate::domain::policy::{MAX_UNDO, UNDO_S};
use crate::domain::{DecisionKind, Secs};

use super::Engine;
use super::queue::Queue;
use super::state::{AccountId, RepId, State, Tenure, Turn};
use super::table::{NameTable, SPREAD};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoLog {
    /// In the order in which they were decided.
    pub rows: Queue<UndoRow>,
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
#[derive(Debug, Default)]
pub struct UndoIndex {
    /// What is left of a number by [`MAX_UNDO`]: no two that are kept have it in common.
    last: NameTable,
    /// Numbers that are kept no longer.
    gone: u64,
}

fn hash(role: u8, account: AccountId) -> u64 {
    (u64::from(account.0) << 8 | u64::from(role)).wrapping_mul(SPREAD)
}

impl UndoIndex {
    pub fn rebuild(state: &State) -> UndoIndex {
        let mut index = UndoIndex { last: NameTable::with_room(state.undo.rows.len()), gone: 0 };
        for (place, row) in state.undo.rows.iter().enumerate() {
            index.note(&state.undo.rows, row.role, row.account, place);
        }
        index
    }

    /// The place of the latest decision about a seat among those kept.
    pub fn last(&self, rows: &Queue<UndoRow>, role: u8, account: AccountId) -> Option<usize> {
        let is = |row: u32| {
            let row = &rows[self.place(row)];
            (row.role, row.account) == (role, account)
        };
        self.last.find(hash(role, account), is).map(|row| self.place(row))
    }

    fn number(&self, place: usize) -> u32 {
        ((self.gone + place as u64) % MAX_UNDO as u64) as u32
    }

    fn place(&self, number: u32) -> usize {
        let first = (self.gone % MAX_UNDO as u64) as usize;
        (number as usize + MAX_UNDO - first) % MAX_UNDO
    }

    /// The latest decision about a seat stands there now.
    fn note(&mut self, rows: &Queue<UndoRow>, role: u8, account: AccountId, place: usize) {
        if let Some(before) = self.last(rows, role, account) {
            self.last.remove(hash(role, account), self.number(before));
        }
        self.last.insert(hash(role, account), self.number(place));
    }

    /// Before the first of all is kept no longer.
    fn forget_first(&mut self, rows: &Queue<UndoRow>, role: u8, account: AccountId) {
        if self.last(rows, role, account) == Some(0) {
            self.last.remove(hash(role, account), self.number(0));
        }
        self.gone += 1;
    }

    /// Whether both find the same of these rows.
    pub fn finds_like(&self, other: &UndoIndex, rows: &Queue<UndoRow>) -> bool {
        let place = |index: &UndoIndex, row: &UndoRow| index.last(rows, row.role, row.account);
        self.last.len() == other.last.len() && rows.iter().all(|row| place(self, row) == place(other, row))
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
        self.keep_row(UndoRow { command: None, entry, at, account, role, kind, before, turn: None, touched: None });
    }

    fn keep_row(&mut self, row: UndoRow) {
        let rows = &mut self.state.undo.rows;
        self.index.undo.note(rows, row.role, row.account, rows.len());
        rows.push_back(row);
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
        let rows = &mut self.state.undo.rows;
        let Some(first) = rows.front() else { return };
        self.index.undo.forget_first(rows, first.role, first.account);
        let Some(row) = rows.pop_front() else { return };
        self.state.undo.forgotten = Some((row.entry, row.at));
    }

    /// Those that are too old, the first of them.
    pub(super) fn forget_undo(&mut self, most: usize) {
        for _ in 0..most {
            if self.state.undo.rows.front().is_none_or(|row| row.at.plus(UNDO_S) > self.state.now) {
                break;
            }
            self.forget_first_undo();
        }
    }

    fn last_decision(&mut self, role: usize, account: AccountId) -> Option<&mut UndoRow> {
        let rows = &mut self.state.undo.rows;
        let place = self.index.undo.last(rows, role as u8, account)?;
        rows.get_mut(place)
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
        engine.keep_row(UndoRow {
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
        assert!(UndoIndex::rebuild(&engine.state).finds_like(&engine.index.undo, &engine.state.undo.rows));
        engine.forget_first_undo();
        assert_eq!(engine.last_decision(0, AccountId(8)), None);
        assert_eq!(engine.last_decision(0, AccountId(7)).map(|row| row.entry), Some(3));
    }

    #[test]
    fn decisions_are_forgotten_after_a_week_to_the_second() {
        let mut engine = Engine::new(Id128(1), 0);
        decided(&mut engine, 7, 1);
        engine.state.now = Secs(UNDO_S);
        engine.forget_undo(1);
        assert_eq!(engine.state.undo.rows.len(), 1);
        engine.state.now = Secs(UNDO_S + 1);
        engine.forget_undo(1);
        assert!(engine.state.undo.rows.is_empty());
    }
}
