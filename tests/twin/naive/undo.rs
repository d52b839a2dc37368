//! §16: decisions that somebody wants undone.

use std::collections::BTreeMap;

use bookd::domain::ids::Id128;
use bookd::domain::output::{AlertKind, LeftAlone, SeatStatus, Stamps, Why};
use bookd::domain::policy::{MAX_UNDO, MAX_UNDONE, UNDO_S};
use bookd::domain::rep::RepStatus;
use bookd::domain::request::{Request, UndoAsked};
use bookd::domain::{Code, DecisionKind, Secs, Text};

use super::pending::Turn;
use super::{AccountNo, RepNo, Seat, Tenure, Twin};

#[derive(Clone)]
pub(super) struct Decided {
    pub number: usize,
    pub account: AccountNo,
    pub role: usize,
    pub entry: u64,
    pub at: Secs,
    pub kind: DecisionKind,
    pub command: Option<Id128>,
    /// The whole seat.
    pub before: Seat,
    pub turn: Option<(RepNo, Turn)>,
    pub touched: Option<LeftAlone>,
}

impl Twin {
    pub(super) fn note_decided(&mut self, account: AccountNo, role: usize, kind: DecisionKind) {
        if self.decided.len() == MAX_UNDO {
            self.forget_first_decided();
        }
        let number = self.decided.last().map_or(0, |last| last.number + 1);
        self.decided.push(Decided {
            number,
            account,
            role,
            entry: self.sequence,
            at: self.now,
            kind,
            command: None,
            before: self.accounts[account].seats[role].clone(),
            turn: None,
            touched: None,
        });
    }

    fn forget_first_decided(&mut self) {
        let first = self.decided.remove(0);
        self.decided_before = Some((first.entry, first.at));
    }

    pub(super) fn forget_decided(&mut self, most: usize) {
        let old = self.decided.iter().take_while(|each| each.at.plus(UNDO_S) <= self.now).count();
        (0..old.min(most)).for_each(|_| self.forget_first_decided());
    }

    pub(super) fn last_decided(&mut self, account: AccountNo, role: usize) -> Option<&mut Decided> {
        self.decided.iter_mut().rev().find(|each| each.account == account && each.role == role)
    }

    pub(super) fn touched_since(&mut self, account: AccountNo, role: usize, why: LeftAlone) {
        if let Some(last) = self.last_decided(account, role) {
            last.touched = last.touched.into_iter().chain([why]).min();
        }
    }

    pub(super) fn undo(&mut self, request: &Request, role: Option<usize>) -> Result<(), Code> {
        let asked = request.undo.as_deref().cloned().unwrap_or_default();
        let named = [asked.command.is_some(), asked.entry.is_some(), asked.since.is_some()];
        if named.iter().filter(|named| **named).count() != 1 {
            return Err(Code::UndoUnclear);
        }
        if asked.since.is_some() && role.is_none() && self.roles.len() > 1 {
            return Err(Code::UnknownRole);
        }
        let mut account = None;
        if !request.account.is_empty() {
            account = Some(self.resolve(&request.account).ok_or(Code::UnknownAccount)?);
        }
        let mut seats: BTreeMap<(AccountNo, usize), Vec<Decided>> = BTreeMap::new();
        for decided in self.meant(&asked)? {
            if asked.since.is_some() && decided.kind == DecisionKind::Undo {
                seats.remove(&(decided.account, decided.role));
            } else if role.is_none_or(|role| role == decided.role)
                && account.is_none_or(|account| account == decided.account)
            {
                seats.entry((decided.account, decided.role)).or_default().push(decided);
            }
        }
        if seats.is_empty() {
            return Err(Code::NothingToUndo);
        }
        if seats.len() > MAX_UNDONE {
            return Err(Code::LimitReached);
        }
        let judged: Vec<_> = seats.into_values().map(|meant| (self.why_not(&meant), meant)).collect();
        let (mut undone, mut left) = (0, 0);
        for (why, meant) in judged {
            match why {
                Some(why) => {
                    left += 1;
                    self.leave_alone(meant[0].account, meant[0].role, why);
                }
                None => {
                    undone += 1;
                    self.put_back(&meant, &request.by);
                }
            }
        }
        self.alert(AlertKind::UndoDone { role: request.role.clone(), by: request.by.clone(), undone, left });
        Ok(())
    }

    fn meant(&self, asked: &UndoAsked) -> Result<Vec<Decided>, Code> {
        let forgotten = self.decided_before;
        if let Some(command) = asked.command {
            let found = self.decided.iter().find(|each| each.command == Some(command));
            return Ok(vec![found.cloned().ok_or(Code::UnknownCommand)?]);
        }
        if let Some(entry) = asked.entry {
            if forgotten.is_some_and(|(last, _)| last >= entry) {
                return Err(Code::TooOld);
            }
            return Ok(self.decided.iter().filter(|each| each.entry == entry).cloned().collect());
        }
        let since = asked.since.expect("one of them is named").secs();
        if forgotten.is_some_and(|(_, last)| last >= since) {
            return Err(Code::TooOld);
        }
        Ok(self.decided.iter().filter(|each| each.at >= since).cloned().collect())
    }

    fn has_deal_or_meeting(&self, account: AccountNo) -> bool {
        let meeting = self.accounts[account].meeting.is_some_and(|meeting| meeting > self.now);
        self.open_opportunities(account) > 0 || meeting
    }

    /// The first reason for which the seat of these decisions is left alone.
    fn why_not(&self, meant: &[Decided]) -> Option<LeftAlone> {
        let (first, last) = (&meant[0], &meant[meant.len() - 1]);
        let (account, role) = (first.account, first.role);
        if !self.accounts[account].alive {
            return Some(LeftAlone::Deleted);
        }
        let of_seat = |each: &&Decided| each.account == account && each.role == role;
        let latest = self.decided.iter().rfind(of_seat).expect("at least those");
        let touched = |why| meant.iter().any(|each| each.touched == Some(why));
        let is_latest = latest.number == last.number;
        if !is_latest && latest.kind == DecisionKind::Undo || touched(LeftAlone::UndoneAlready) {
            return Some(LeftAlone::UndoneAlready);
        }
        if !is_latest {
            return Some(LeftAlone::DecidedSince);
        }
        if touched(LeftAlone::ChangedOutside) {
            return Some(LeftAlone::ChangedOutside);
        }
        if touched(LeftAlone::AskedSince) {
            return Some(LeftAlone::AskedSince);
        }
        if self.accounts[account].any_touch > Some(first.at) {
            return Some(LeftAlone::WorkedSince);
        }
        let has_now = self.accounts[account].seats[role].owner;
        if has_now.is_some() && has_now != first.before.owner && self.has_deal_or_meeting(account) {
            return Some(LeftAlone::WorkedSince);
        }
        let owner = first.before.owner?;
        let there = match first.before.status {
            SeatStatus::Owned => self.known_in(owner) == Some(role) && self.reps[owner].status == RepStatus::Active,
            _ => self.reps[owner].status != RepStatus::Departed,
        };
        (!there).then_some(LeftAlone::OwnerGone)
    }

    fn leave_alone(&mut self, account: AccountNo, role: usize, why: LeftAlone) {
        let owner = self.accounts[account].seats[role].owner.filter(|_| self.accounts[account].alive);
        self.alert(AlertKind::UndoLeft {
            account: self.accounts[account].id.clone(),
            role: self.policy().roles[role].name.clone(),
            owner: owner.map(|owner| self.reps[owner].id.clone()),
            why,
        });
    }

    fn put_back(&mut self, meant: &[Decided], by: &Text) {
        let Decided { account, role, entry, kind, before, .. } = meant[0].clone();
        let now_owner = self.accounts[account].seats[role].owner;
        if now_owner == before.owner {
            self.note_decided(account, role, DecisionKind::Undo);
        } else {
            let why = Why::Undone { by: by.clone(), kind, entry };
            // Of the stay that goes on.
            let stamps = match &before.tenure {
                Some(tenure) => Stamps { entered: Some((tenure.since, tenure.entered)), warned_at: None },
                None => self.stamps_of(account, role, &why),
            };
            self.decide_with(account, role, DecisionKind::Undo, before.owner, stamps, why);
        }
        if now_owner.is_some() {
            self.roles[role].dirty = true;
        }
        let took = |each: &&Decided| each.before.owner.is_some() && each.kind != DecisionKind::Undo;
        for _ in meant.iter().filter(took) {
            let past = &mut self.accounts[account].seats[role].past;
            if !past.is_empty() {
                past.remove(0);
            }
        }
        if let Some(command) = self.accounts[account].seats[role].command.as_mut() {
            command.turn = None;
        }
        for (rep, turn) in meant.iter().rev().filter_map(|each| each.turn.clone()) {
            let turns = &mut self.reps[rep].turns[usize::from(turn.tier)];
            if *turns == turn.after {
                *turns = turn.before;
            }
        }
        self.be_as_before(account, role, &before);
    }

    fn be_as_before(&mut self, account: AccountNo, role: usize, before: &Seat) {
        match (before.status, before.owner) {
            (SeatStatus::Owned, Some(owner)) => {
                self.own(account, role, owner, None);
                let tenure = before.tenure.clone().expect("owned");
                self.accounts[account].seats[role].since = tenure.since;
                self.accounts[account].seats[role].tenure =
                    Some(Tenure { promised: None, warned_at: None, waits: false, ..tenure });
            }
            (SeatStatus::Holding, Some(owner)) => {
                self.enter_holding(account, role, owner);
                self.accounts[account].seats[role].since = before.since;
            }
            (SeatStatus::Pool, _) => self.enter_pool(account, role, before.since),
            (SeatStatus::Rest, _) => {
                // One that is over is the pool since its end.
                if before.until <= self.now {
                    return self.enter_pool(account, role, before.until);
                }
                self.enter_rest(account, role, before.until);
                let seat = &mut self.accounts[account].seats[role];
                if seat.status == SeatStatus::Rest {
                    seat.since = before.since;
                }
            }
            (SeatStatus::Excluded, _) => self.enter_pool(account, role, self.now),
            (status, _) => {
                self.out_of_circulation(account, role, status);
                self.accounts[account].seats[role].since = before.since;
            }
        }
    }
}
