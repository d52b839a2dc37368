//! Undo: by one decision a seat is again as it was before others, its clocks with it, unless something happened to it
//! since. `docs/rules.md`, 16.

use std::collections::BTreeMap;

use crate::domain::output::{AlertKind, LeftAlone, SeatStatus, Stamps, Why};
use crate::domain::policy::MAX_UNDONE;
use crate::domain::rep::RepStatus;
use crate::domain::request::{Request, UndoAsked};
use crate::domain::{Code, DecisionKind, Secs, Text};

use super::Engine;
use super::decide::stamps;
use super::state::{AccountId, RepId, Turn};
use super::undo_log::{Before, UndoRow};

/// A seat, and the first of its decisions that are to be undone.
struct ToUndo {
    role: usize,
    account: AccountId,
    first: UndoRow,
    /// How many of them took it from an owner, who was noted.
    taken: usize,
    /// What all of them cost, the latest first.
    turns: Vec<(RepId, Turn)>,
    left: Option<LeftAlone>,
}

impl Engine {
    pub(super) fn undo(&mut self, request: &Request) -> Result<(), Code> {
        let asked = self.seats_to_undo(request)?;
        let (mut undone, mut left) = (0, 0);
        for seat in asked {
            match seat.left {
                Some(why) => {
                    left += 1;
                    self.tell_left(&seat, why);
                }
                None => {
                    undone += 1;
                    self.put_back(seat, &request.by);
                }
            }
        }
        let (role, by) = (request.role.clone(), request.by.clone());
        self.alert(AlertKind::UndoDone { role, by, undone, left });
        Ok(())
    }

    /// All of them are judged before the first is put back.
    fn seats_to_undo(&self, request: &Request) -> Result<Vec<ToUndo>, Code> {
        let role = self.role_named(request)?;
        let asked = request.undo.as_deref().filter(|asked| asked.is_clear()).ok_or(Code::UndoUnclear)?;
        if asked.since.is_some() && role.is_none() && self.state.roles.len() > 1 {
            return Err(Code::UnknownRole);
        }
        let account = match request.account.as_slice() {
            [] => None,
            names => Some(self.resolve(names).ok_or(Code::UnknownAccount)?),
        };
        let mut seats: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for place in self.decisions_asked(asked)? {
            let row = &self.state.undo.rows[place];
            let meant = role.is_none_or(|role| role == usize::from(row.role));
            let seat = (row.account, row.role);
            if asked.since.is_some() && row.kind == DecisionKind::Undo {
                // What came before it is undone.
                seats.remove(&seat);
            } else if meant && account.is_none_or(|account| account == row.account) {
                seats.entry(seat).or_default().push(place);
            }
        }
        match seats.len() {
            0 => Err(Code::NothingToUndo),
            number if number > MAX_UNDONE => Err(Code::LimitReached),
            _ => Ok(seats.values().map(|places| self.seat_to_undo(places)).collect()),
        }
    }

    /// Places of the decisions that are meant, in their order.
    fn decisions_asked(&self, asked: &UndoAsked) -> Result<Vec<usize>, Code> {
        let rows = &self.state.undo.rows;
        let forgotten = self.state.undo.forgotten;
        match (asked.command, asked.entry, asked.since.map(|since| since.secs())) {
            (Some(command), None, None) => {
                let place = rows.iter().position(|row| row.command == Some(command));
                place.map(|place| vec![place]).ok_or(Code::UnknownCommand)
            }
            (None, Some(entry), None) if forgotten.is_some_and(|(last, _)| entry <= last) => Err(Code::TooOld),
            (None, Some(entry), None) => {
                let from = rows.partition_point(|row| row.entry < entry);
                Ok((from..rows.partition_point(|row| row.entry <= entry)).collect())
            }
            (None, None, Some(since)) if forgotten.is_some_and(|(_, last)| since <= last) => Err(Code::TooOld),
            (None, None, Some(since)) => Ok((rows.partition_point(|row| row.at < since)..rows.len()).collect()),
            _ => Err(Code::UndoUnclear),
        }
    }

    /// The places are those of the decisions about one seat.
    fn seat_to_undo(&self, places: &[usize]) -> ToUndo {
        let rows = || places.iter().map(|place| &self.state.undo.rows[*place]);
        let first = self.state.undo.rows[places[0]].clone();
        let (role, account) = (usize::from(first.role), first.account);
        let took = |row: &&UndoRow| row.before.owner() != RepId::NOBODY && row.kind != DecisionKind::Undo;
        let turns = rows().rev().filter_map(|row| row.turn.clone()).collect();
        ToUndo { role, account, first, taken: rows().filter(took).count(), turns, left: self.why_left(places) }
    }

    /// Why the seat of these decisions stays as it is.
    fn why_left(&self, places: &[usize]) -> Option<LeftAlone> {
        let rows = &self.state.undo.rows;
        let UndoRow { role, account, at, before, .. } = &rows[places[0]];
        let row = &self.state.accounts[account.index()];
        let touched = places.iter().filter_map(|place| rows[*place].touched);
        let latest =
            self.index.undo.last(&self.state.undo.rows, *role, *account).filter(|latest| !places.contains(latest));
        let decided = latest.map(|latest| match rows[latest].kind {
            DecisionKind::Undo => LeftAlone::UndoneAlready,
            _ => LeftAlone::DecidedSince,
        });
        let deleted = (!row.alive).then_some(LeftAlone::Deleted);
        // A deal or a meeting of whoever has it now needs no activity that we hear of.
        let has_now = self.state.seats[usize::from(*role)][account.index()].owner;
        let others = has_now != RepId::NOBODY && has_now != before.owner();
        let deals = row.open_opportunities > 0 || row.meeting > self.state.now;
        let worked = (row.any_touch > *at || others && deals).then_some(LeftAlone::WorkedSince);
        let gone = (!self.may_have_again(usize::from(*role), before)).then_some(LeftAlone::OwnerGone);
        [deleted, decided, worked, gone].into_iter().flatten().chain(touched).min()
    }

    /// Whether who had it before is still there. A full book is no reason: over-full is legal.
    fn may_have_again(&self, role: usize, before: &Before) -> bool {
        let rep = |owner: &RepId| &self.state.reps[owner.index()];
        match before {
            Before::Owned { owner, .. } => {
                let rep = rep(owner);
                rep.known && rep.role == Some(role as u8) && rep.status == RepStatus::Active
            }
            Before::Held { owner, .. } => rep(owner).status != RepStatus::Departed,
            Before::Unowned { .. } => true,
        }
    }

    fn tell_left(&mut self, seat: &ToUndo, why: LeftAlone) {
        let owner = self.rep_name(self.state.seats[seat.role][seat.account.index()].owner);
        let (account, role, _) = self.names(seat.role, seat.account);
        self.alert(AlertKind::UndoLeft { account, role, owner, why });
    }

    fn put_back(&mut self, seat: ToUndo, by: &Text) {
        let ToUndo { role, account, first: UndoRow { entry, kind, before, .. }, taken, turns, .. } = seat;
        let before = before.without_promise();
        let owner = before.owner();
        if self.state.seats[role][account.index()].owner == owner {
            // Given and taken again: there is nothing to command, and no less to be put back.
            self.keep_for_undo(DecisionKind::Undo, role, account);
        } else {
            let why = Why::Undone { by: by.clone(), kind, entry };
            let stay = match &before {
                Before::Owned { tenure, .. } => Some(&**tenure),
                _ => self.tenure_of(role, account),
            };
            let stamps = stay.map_or_else(Stamps::default, stamps);
            self.decide_with(DecisionKind::Undo, role, account, owner, stamps, why);
        }
        self.free_slot(role, account);
        self.forget_past_owners(role, account, taken);
        self.give_turns_back(role, account, turns);
        match before {
            Before::Owned { tenure, .. } => self.own_since(role, account, owner, *tenure),
            Before::Held { since, .. } => self.change_seat(role, account, |seat| {
                (seat.status, seat.owner, seat.since) = (SeatStatus::Holding, owner, since);
            }),
            Before::Unowned { status, since, until } => self.disown(role, account, status, since, until),
        }
    }

    /// Whoever the undone decisions took it from has it again, or as though they had never had it: the latest noted.
    fn forget_past_owners(&mut self, role: usize, account: AccountId, taken: usize) {
        if let Some(past) = self.state.past_owners[role].get_mut(&account) {
            past.drain(..taken.min(past.len()));
        }
    }

    fn disown(&mut self, role: usize, account: AccountId, status: SeatStatus, since: Secs, until: Secs) {
        let now = self.state.now;
        match status {
            SeatStatus::Pool => self.enter_pool(role, account, since),
            SeatStatus::Rest if until <= now => self.enter_pool(role, account, until),
            SeatStatus::Excluded => self.enter_pool(role, account, now),
            _ => {
                self.change_seat(role, account, |seat| {
                    (seat.status, seat.owner) = (status, RepId::NOBODY);
                    (seat.since, seat.until, seat.wake) = (since, until, Secs::ZERO);
                });
                self.look_at_exclusion(account);
            }
        }
    }

    fn give_turns_back(&mut self, role: usize, account: AccountId, turns: Vec<(RepId, Turn)>) {
        if self.commanded(role, account).is_some_and(|row| row.turn.is_some()) {
            self.change_row(role, account, |row| row.turn = None);
        }
        turns.iter().for_each(|(rep, turn)| self.turn_back(*rep, turn));
    }
}
