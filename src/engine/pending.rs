//! Commands that aren't owners yet: what went out, what waits behind it, and what undoes it. `docs/rules.md`, 13.
//!
//! A seat has at most one command out. What is decided about it meanwhile is a wish: the latest is kept, and goes
//! out when the command before is settled or undone. What the CRM says of owners is judged in [`super::observed`].

use crate::domain::output::{AlertKind, Decision, Disposition, LeftAlone, SeatStatus, Undone};
use crate::domain::policy::Confirm;
use crate::domain::time::{DAY, HOUR, MINUTE};
use crate::domain::{Output, Secs};

use super::Engine;
use super::commanded::WishOf;
use super::state::{AccountId, Commanded, RepId, Stage, Turn, Wish};

/// After `not_after` a writer's last change may still be on its way to us.
const MARGIN_S: u32 = 15 * MINUTE;
/// The CRM's own record follows the writer's result within this, or isn't waited for.
const SETTLE_S: u32 = 15 * MINUTE;
/// Without any answer for this long the writer is taken for broken.
const SILENT_S: u32 = 15 * MINUTE;
/// The rest of a seat after its first, second, … command in a row that was rejected or failed.
const BACK_OFF_S: [u32; 4] = [HOUR, 6 * HOUR, DAY, 7 * DAY];

impl Engine {
    /// In shadow nothing goes out that could be confirmed.
    pub(super) fn confirms(&self, role: usize) -> bool {
        self.rules().roles[role].confirm != Confirm::Assume && !self.is_in_shadow(role)
    }

    /// Whether another command of the role may go out.
    pub(super) fn issues(&self, role: usize) -> bool {
        let most = self.rules().roles[role].max_unresolved as usize;
        let stalled = self.state.roles[role].stalled && !self.may_probe(role);
        !self.confirms(role) || !stalled && self.index.commands.count_out(role) < most
    }

    /// One answer that was lost must not hold a role back for a day: now and then a command goes out all the same.
    fn may_probe(&self, role: usize) -> bool {
        self.next_probe(role).is_none_or(|at| self.state.now >= at)
    }

    fn next_probe(&self, role: usize) -> Option<Secs> {
        self.index.commands.newest_out(role).map(|issued| issued.plus(SILENT_S))
    }

    /// The wish whose turn it is, of those that nothing holds back but the role.
    fn next_wish(&self, role: usize) -> Option<AccountId> {
        // Most often nothing is wished.
        let first = |of| self.index.commands.first_wish(role, of, self.state.now).filter(|_| self.lets_go(role, of));
        WishOf::ALL.into_iter().filter_map(first).min().map(|(_, account)| account)
    }

    pub(super) fn commanded(&self, role: usize, account: AccountId) -> Option<&Commanded> {
        self.state.commands[role].get(&account)
    }

    /// Nothing is pending, and no back-off lasts.
    pub(super) fn may_be_commanded(&self, role: usize, account: AccountId) -> bool {
        self.commanded(role, account).is_none_or(|row| !row.is_busy() && row.retry_at <= self.state.now)
    }

    /// When the back-off of a seat ends.
    pub(super) fn retry_at(&self, role: usize, account: AccountId) -> Secs {
        self.commanded(role, account).map_or(Secs::ZERO, |row| row.retry_at)
    }

    /// By a hold or by a back-off.
    pub(super) fn held_until(&self, role: usize, account: AccountId) -> Secs {
        self.state.seats[role][account.index()].hold.max(self.retry_at(role, account))
    }

    pub(super) fn end_back_off(&mut self, role: usize, account: AccountId) {
        if self.state.commands[role].contains_key(&account) {
            self.change_row(role, account, |row| row.retry_at = Secs::ZERO);
        }
    }

    /// Every change of a row: the index follows.
    pub(super) fn change_row(&mut self, role: usize, account: AccountId, change: impl FnOnce(&mut Commanded)) {
        let row = self.state.commands[role].entry(account).or_default();
        let before = row.noted();
        change(row);
        self.index.commands.follow(role, account, &before, &row.noted());
    }

    /// A decision about the seat as it is: it goes out as a command, or waits.
    pub(super) fn command(&mut self, role: usize, account: AccountId, to: RepId, decision: Decision) {
        if !self.confirms(role) {
            return self.issue(role, account, decision);
        }
        let owner = self.state.seats[role][account.index()].owner;
        let now = self.state.now;
        let in_turn = self.issues(role) && self.next_wish(role).is_none();
        if in_turn && self.may_be_commanded(role, account) {
            return self.issue_from(role, account, owner, to, decision);
        }
        self.change_row(role, account, |row| {
            if !row.is_busy() {
                row.base = owner;
            }
            let at = row.wish.as_ref().map_or(now, |wish| wish.at);
            row.wish = Some(Wish { at, to, decision: Box::new(decision) });
        });
    }

    /// It becomes the seat's command; nothing, if the CRM has that owner already.
    fn issue_from(&mut self, role: usize, account: AccountId, base: RepId, to: RepId, decision: Decision) {
        if to == base {
            self.change_row(role, account, |row| row.base = base);
            return self.free(role, account);
        }
        let (command, now, not_after) = (decision.command_id, decision.issued_at, decision.not_after);
        self.change_row(role, account, |row| {
            row.previous = (row.stage != Stage::Waiting).then_some(row.command);
            (row.stage, row.command, row.base, row.to, row.issued) = (Stage::Issued, command, base, to, now);
            (row.until, row.kept, row.turn, row.told) = (not_after.plus(MARGIN_S), None, None, false);
        });
        self.entry.touched.push(account);
        self.issue(role, account, decision);
    }

    /// The command leaves, or what would be one.
    fn issue(&mut self, role: usize, account: AccountId, decision: Decision) {
        self.note_command(role, account, &decision);
        self.entry.decisions += 1;
        if decision.disposition == Disposition::Command {
            self.count_command(decision.kind);
            self.state.seats[role][account.index()].sequence += 1;
        }
        self.entry.out.push(Output::Decision(Box::new(decision)));
    }

    /// What was wished becomes the seat's command, as things are now.
    fn issue_wish(&mut self, role: usize, account: AccountId) {
        let mut wished = None;
        self.change_row(role, account, |row| wished = row.wish.take().map(|wish| (wish, row.base)));
        let Some((Wish { to, decision, .. }, base)) = wished else { return };
        let decision = Decision {
            command_id: self.next_command(),
            sequence: self.state.seats[role][account.index()].sequence + 1,
            from: self.rep_name(base),
            issued_at: self.state.now,
            not_after: self.state.now.plus(self.rules().roles[role].not_after_s),
            ..*decision
        };
        self.issue_from(role, account, base, to, decision);
    }

    /// Wishes that nothing holds back any longer, role by role, the oldest first.
    pub(super) fn issue_wishes(&mut self) {
        for role in self.roles() {
            // One by one: while a writer is down thousands may wait.
            while self.issues(role)
                && let Some(account) = self.next_wish(role)
            {
                self.issue_wish(role, account);
            }
        }
    }

    /// Where commands are no longer confirmed nothing stays pending: what waits goes out.
    pub(super) fn forget_unconfirmed(&mut self) {
        for role in self.roles().filter(|role| !self.confirms(*role)).collect::<Vec<_>>() {
            let rows = self.state.commands[role].iter();
            let mut wishes: Vec<_> =
                rows.filter_map(|(account, row)| Some((row.wish.as_ref()?.at, *account))).collect();
            wishes.sort_unstable();
            for (_, account) in wishes {
                let out = self.commanded(role, account).is_some_and(Commanded::is_out);
                self.change_row(role, account, |row| {
                    if out {
                        row.base = row.to;
                        row.stage = Stage::Settled;
                    }
                });
                self.issue_wish(role, account);
            }
            for account in self.state.commands[role].keys().copied().collect::<Vec<_>>() {
                self.forget_row(role, account);
                self.free(role, account);
            }
            let state = &mut self.state.roles[role];
            state.answered = Secs::ZERO;
            if std::mem::take(&mut state.stalled) {
                self.alert(AlertKind::IssuingResumed { role: self.rules().roles[role].name.clone() });
            }
        }
    }

    pub(super) fn forget_row(&mut self, role: usize, account: AccountId) {
        if let Some(row) = self.state.commands[role].remove(&account) {
            self.index.commands.forget(role, account, &row);
        }
    }

    /// A distribution cost its rep this turn.
    pub(super) fn note_turn(&mut self, role: usize, account: AccountId, rep: RepId, turn: Turn) {
        self.note_turn_to_undo(role, account, rep, &turn);
        if self.confirms(role) {
            self.change_row(role, account, |row| row.turn = Some(turn));
        }
    }

    /// Who didn't get the account has the turn back, unless they had another one since.
    pub(super) fn give_turn_back(&mut self, role: usize, account: AccountId) {
        let Some(row) = self.state.commands[role].get_mut(&account) else { return };
        if let (rep, Some(turn)) = (row.to, row.turn.take()) {
            self.turn_back(rep, &turn);
        }
    }

    pub(super) fn turn_back(&mut self, rep: RepId, turn: &Turn) {
        let turns = &mut self.state.reps[rep.index()].turns[usize::from(turn.tier)];
        if *turns == turn.after {
            *turns = turn.before;
            self.refresh_room(rep);
        }
    }

    /// The seat may have nothing pending any more: back into circulation.
    pub(super) fn free(&mut self, role: usize, account: AccountId) {
        self.place_in_pool(role, account);
        self.set_timer(role, account);
        self.mark(role, account);
    }

    pub(super) fn applied(&mut self, role: usize, account: AccountId, version: Option<u64>) {
        let until = self.state.now.plus(SETTLE_S);
        self.change_row(role, account, |row| {
            (row.stage, row.until, row.turn) = (Stage::Applied, until, None);
            (row.tries, row.retry_at) = (0, Secs::ZERO);
        });
        self.see_version(role, account, version);
        let to = self.state.commands[role][&account].to;
        self.note_owner(role, account, to);
        self.state.roles[role].answered = self.state.now;
        if to != RepId::NOBODY {
            self.forget_refusals(to);
        }
    }

    pub(super) fn settle_command(&mut self, role: usize, account: AccountId) {
        self.change_row(role, account, |row| {
            row.stage = Stage::Settled;
            if row.wish.is_some() {
                row.base = row.to;
            }
        });
        self.free(role, account);
    }

    /// Rejected or failed: the CRM's owner has it, and the seat rests from commands.
    pub(super) fn refuse(&mut self, role: usize, account: AccountId, undone: Undone, owner: RepId) {
        let now = self.state.now;
        self.give_turn_back(role, account);
        let mut tries = 0;
        self.change_row(role, account, |row| {
            row.stage = if undone == Undone::Failed { Stage::Failed } else { Stage::Rejected };
            (row.kept, row.wish) = (None, None);
            row.tries += 1;
            tries = row.tries;
            row.retry_at = BACK_OFF_S.get(usize::from(tries) - 1).map_or(Secs::ZERO, |back_off| now.plus(*back_off));
            if usize::from(tries) > BACK_OFF_S.len() {
                row.tries = 0;
            }
        });
        self.touch_for_undo(role, account, LeftAlone::UndoneAlready);
        self.tell_undone(role, account, undone, owner, tries);
        let row = &self.state.commands[role][&account];
        if tries == 1 && row.to != RepId::NOBODY && owner == row.base {
            self.count_refusal(row.to);
        }
        if usize::from(tries) > BACK_OFF_S.len() {
            self.note_owner(role, account, owner);
            self.free_slot(role, account);
            return self.out_of_pool(role, account, SeatStatus::Review);
        }
        self.adopt_owner(role, account, owner, Had::Not);
        self.free(role, account);
    }

    /// Nobody carried it out in time: whom the CRM has is the owner, unless it is as before and something was wished
    /// since.
    pub(super) fn expire(&mut self, role: usize, account: AccountId, owner: RepId) {
        self.give_turn_back(role, account);
        let (mut tries, mut waits) = (0, false);
        self.change_row(role, account, |row| {
            (row.stage, row.kept) = (Stage::Expired, None);
            row.wish = row.wish.take().filter(|_| owner == row.base);
            (tries, waits) = (row.tries, row.wish.is_some());
        });
        self.tell_undone(role, account, Undone::Expired, owner, tries);
        if waits {
            return self.note_owner(role, account, owner);
        }
        self.touch_for_undo(role, account, LeftAlone::UndoneAlready);
        self.adopt_owner(role, account, owner, Had::Not);
        self.free(role, account);
    }

    pub(super) fn tell_undone(&mut self, role: usize, account: AccountId, undone: Undone, owner: RepId, tries: u8) {
        let (account, role, _) = self.names(role, account);
        self.alert(AlertKind::CommandUndone { account, role, undone, owner: self.rep_name(owner), tries });
    }

    /// Commands that expire or are settled by now, by their instants.
    pub(super) fn fire_commands(&mut self) {
        for (account, role) in self.index.commands.due_by(self.state.now) {
            match self.commanded(role, account).map(|row| (row.stage, row.base)) {
                Some((Stage::Issued, base)) => self.expire(role, account, base),
                Some((Stage::Applied, _)) => self.settle_command(role, account),
                _ => {}
            }
        }
    }

    /// Whether a role's commands are answered at all. What isn't read yet may be an answer: behind a closed gate
    /// nobody falls silent.
    pub(super) fn look_at_writers(&mut self) {
        for role in self.roles() {
            let may_be = self.state.gate_open || self.state.roles[role].stalled;
            let stalled = may_be && self.unanswered_from(role).is_some_and(|from| self.state.now >= from);
            if std::mem::replace(&mut self.state.roles[role].stalled, stalled) == stalled {
                continue;
            }
            let name = self.rules().roles[role].name.clone();
            self.alert(match self.index.commands.oldest_out(role) {
                Some(issued_at) if stalled => {
                    AlertKind::IssuingStopped { role: name, issued_at, out: self.index.commands.count_out(role) as u32 }
                }
                _ => AlertKind::IssuingResumed { role: name },
            });
        }
    }

    /// From when on the commands that are out count as unanswered.
    fn unanswered_from(&self, role: usize) -> Option<Secs> {
        let oldest = self.index.commands.oldest_out(role)?;
        Some(oldest.max(self.state.roles[role].answered).plus(SILENT_S + 1))
    }

    /// The next instant at which time alone changes something about commands.
    pub(super) fn next_command_due(&self) -> Option<Secs> {
        let due = self.index.commands.next_due(self.state.now);
        let silent = self.roles().filter_map(|role| self.unanswered_from(role));
        let probes = self.roles().filter(|role| self.state.roles[*role].stalled);
        let probes = probes.filter_map(|role| self.next_probe(role));
        due.into_iter().chain(silent.chain(probes).filter(|at| *at > self.state.now)).min()
    }
}

/// Whether the owner who is undone ever had the account in the CRM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Had {
    It,
    Not,
}
