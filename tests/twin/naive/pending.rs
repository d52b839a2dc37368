//! §13: a seat's command, from the decision to its end.

use bookd::domain::ids::Id128;
use bookd::domain::output::{AlertKind, Decision, LeftAlone, Output, SeatStatus, Undone};
use bookd::domain::policy::Confirm;
use bookd::domain::time::{DAY, HOUR, MINUTE};
use bookd::domain::{DecisionKind, Secs};
use bookd::engine::state::Stage;

use super::{AccountNo, RepNo, Twin};

const A_WHILE: u32 = 15 * MINUTE;

#[derive(Clone)]
pub(super) struct Command {
    pub stage: Stage,
    pub id: Id128,
    pub previous: Option<Id128>,
    pub base: Option<RepNo>,
    pub to: Option<RepNo>,
    pub issued: Secs,
    pub until: Secs,
    pub kept: Option<(Option<RepNo>, Option<u64>)>,
    /// The writer's result is in.
    pub told: bool,
    pub turn: Option<Turn>,
    pub tries: u8,
    pub retry_at: Secs,
    pub taken_back: Secs,
    pub wish: Option<Wish>,
}

#[derive(Clone)]
pub(super) struct Turn {
    pub tier: u8,
    pub before: (u32, u32),
    pub after: (u32, u32),
}

#[derive(Clone)]
pub(super) struct Wish {
    pub at: Secs,
    pub to: Option<RepNo>,
    pub decision: Decision,
}

impl Command {
    fn none() -> Command {
        Command {
            stage: Stage::Waiting,
            id: Id128::default(),
            previous: None,
            base: None,
            to: None,
            issued: Secs::ZERO,
            until: Secs::ZERO,
            kept: None,
            told: false,
            turn: None,
            tries: 0,
            retry_at: Secs::ZERO,
            taken_back: Secs::ZERO,
            wish: None,
        }
    }

    fn has_left(&self) -> bool {
        self.stage == Stage::Issued || self.stage == Stage::Applied
    }

    pub(super) fn is_pending(&self) -> bool {
        self.has_left() || self.wish.is_some()
    }
}

impl Twin {
    pub(super) fn confirms(&self, role: usize) -> bool {
        self.policy().roles[role].confirm != Confirm::Assume && !self.roles[role].shadow
    }

    pub(super) fn command_of(&self, account: AccountNo, role: usize) -> Option<&Command> {
        self.accounts[account].seats[role].command.as_ref()
    }

    pub(super) fn command(&mut self, account: AccountNo, role: usize) -> &mut Command {
        self.accounts[account].seats[role].command.get_or_insert_with(Command::none)
    }

    /// Commands of the role that nobody answered: when they left.
    fn unanswered(&self, role: usize) -> Vec<Secs> {
        let commands = self.living().into_iter().filter_map(|account| self.command_of(account, role));
        commands.filter(|command| command.stage == Stage::Issued).map(|command| command.issued).collect()
    }

    pub(super) fn issues(&self, role: usize) -> bool {
        let most = self.policy().roles[role].max_unresolved as usize;
        let unanswered = self.unanswered(role);
        let quiet = unanswered.iter().all(|issued| issued.plus(A_WHILE) <= self.now);
        !self.confirms(role) || ((!self.roles[role].stalled || quiet) && unanswered.len() < most)
    }

    /// Of the wishes that may leave, if the role issues, the oldest.
    fn next_in_turn(&self, role: usize) -> Option<AccountNo> {
        self.wishes(role).into_iter().find(|account| {
            let command = self.command_of(*account, role).expect("it has a wish");
            let may_leave = match command.wish.as_ref().expect("it has one").decision.kind {
                DecisionKind::Retrieval => self.loses(role),
                kind => kind.is_asked_for() || self.may_decide(role),
            };
            !command.has_left() && command.retry_at <= self.now && may_leave
        })
    }

    /// Nothing is pending, and no back-off lasts.
    pub(super) fn is_at_rest(&self, account: AccountNo, role: usize) -> bool {
        match self.command_of(account, role) {
            Some(command) => !command.is_pending() && command.retry_at <= self.now,
            None => true,
        }
    }

    /// A decision about the seat, before it moves.
    pub(super) fn decided(&mut self, account: AccountNo, role: usize, to: Option<RepNo>, decision: Decision) {
        if !self.confirms(role) {
            return self.leaves(account, role, decision);
        }
        let at_once = self.is_at_rest(account, role) && self.issues(role) && self.next_in_turn(role).is_none();
        let (owner, now) = (self.accounts[account].seats[role].owner, self.now);
        let command = self.command(account, role);
        if !command.is_pending() {
            command.base = owner;
        }
        let at = command.wish.as_ref().map_or(now, |wish| wish.at);
        command.wish = Some(Wish { at, to, decision });
        if at_once {
            self.fulfil(account, role);
        }
    }

    fn leaves(&mut self, account: AccountNo, role: usize, decision: Decision) {
        // What waited for more than a week can't be undone any more.
        if let Some(decided) = self.last_decided(account, role).filter(|decided| decided.kind == decision.kind) {
            decided.command = Some(decision.command_id);
        }
        self.ordinal += 1;
        if !self.roles[role].shadow {
            self.issued.push((self.now, decision.kind == DecisionKind::Retrieval));
            self.accounts[account].seats[role].sequence += 1;
        }
        self.out.push(Output::Decision(Box::new(decision)));
    }

    /// A wish becomes a command, unless the CRM has it so already.
    fn fulfil(&mut self, account: AccountNo, role: usize) {
        let wish = self.command(account, role).wish.take().expect("there is a wish");
        let base = self.command(account, role).base;
        if wish.to == base {
            return self.mark(account, role);
        }
        let decision = Decision {
            command_id: self.next_id(),
            sequence: self.accounts[account].seats[role].sequence + 1,
            from: base.map(|rep| self.reps[rep].id.clone()),
            issued_at: self.now,
            not_after: self.now.plus(self.policy().roles[role].not_after_s),
            ..wish.decision
        };
        let now = self.now;
        let command = self.command(account, role);
        command.previous = (command.stage != Stage::Waiting).then_some(command.id);
        command.stage = Stage::Issued;
        command.id = decision.command_id;
        command.to = wish.to;
        command.issued = now;
        command.until = decision.not_after.plus(A_WHILE);
        command.kept = None;
        command.turn = None;
        command.told = false;
        self.touched.insert(account);
        self.leaves(account, role, decision);
    }

    /// Accounts of the role with a wish, by when it was wished.
    fn wishes(&self, role: usize) -> Vec<AccountNo> {
        let mut wishes = Vec::new();
        for account in self.living() {
            if let Some(wish) = self.command_of(account, role).and_then(|command| command.wish.as_ref()) {
                wishes.push((wish.at, account));
            }
        }
        wishes.sort_unstable();
        wishes.into_iter().map(|(_, account)| account).collect()
    }

    pub(super) fn fulfil_wishes(&mut self) {
        for role in 0..self.roles.len() {
            while self.issues(role) {
                let Some(account) = self.next_in_turn(role) else { break };
                self.fulfil(account, role);
            }
        }
    }

    /// The policy assumes from now on: wishes leave, and commands are forgotten.
    pub(super) fn forget_unconfirmed(&mut self) {
        for role in (0..self.roles.len()).filter(|role| !self.confirms(*role)).collect::<Vec<_>>() {
            for account in self.wishes(role) {
                let command = self.command(account, role);
                if command.has_left() {
                    command.base = command.to;
                }
                self.fulfil(account, role);
            }
            for account in self.living() {
                if self.accounts[account].seats[role].command.take().is_some() {
                    self.mark(account, role);
                }
            }
            self.roles[role].answered = Secs::ZERO;
            if std::mem::take(&mut self.roles[role].stalled) {
                let name = self.policy().roles[role].name.clone();
                self.alert(AlertKind::IssuingResumed { role: name });
            }
        }
    }

    pub(super) fn turn_goes_back(&mut self, account: AccountNo, role: usize) {
        let command = self.command(account, role);
        if let (Some(rep), Some(turn)) = (command.to, command.turn.take()) {
            let turns = &mut self.reps[rep].turns[usize::from(turn.tier)];
            if *turns == turn.after {
                *turns = turn.before;
            }
        }
    }

    pub(super) fn applied(&mut self, account: AccountNo, role: usize, version: Option<u64>) {
        let now = self.now;
        let command = self.command(account, role);
        command.stage = Stage::Applied;
        command.until = now.plus(A_WHILE);
        command.turn = None;
        command.tries = 0;
        command.retry_at = Secs::ZERO;
        let to = command.to;
        self.see_version(account, role, version);
        self.note_crm_owner(account, role, to);
        self.roles[role].answered = now;
        if let Some(rep) = to {
            self.taken_again(rep);
        }
    }

    pub(super) fn settled(&mut self, account: AccountNo, role: usize) {
        let command = self.command(account, role);
        command.stage = Stage::Settled;
        if command.wish.is_some() {
            command.base = command.to;
        }
        self.mark(account, role);
    }

    pub(super) fn refused(&mut self, account: AccountNo, role: usize, undone: Undone, owner: Option<RepNo>) {
        let now = self.now;
        self.turn_goes_back(account, role);
        let command = self.command(account, role);
        command.stage = if undone == Undone::Failed { Stage::Failed } else { Stage::Rejected };
        command.kept = None;
        command.wish = None;
        command.tries += 1;
        let tries = command.tries;
        let back_off = [HOUR, 6 * HOUR, DAY, 7 * DAY].get(usize::from(tries) - 1).copied();
        command.retry_at = back_off.map_or(Secs::ZERO, |back_off| now.plus(back_off));
        if back_off.is_none() {
            command.tries = 0;
        }
        self.touched_since(account, role, LeftAlone::UndoneAlready);
        self.tell_undone(account, role, undone, owner, tries);
        let command = self.command(account, role);
        if let Some(rep) = command.to.filter(|_| tries == 1 && owner == command.base) {
            self.not_taken(rep);
        }
        if back_off.is_some() {
            self.adopt_owner(account, role, owner, false);
            return self.mark(account, role);
        }
        self.note_crm_owner(account, role, owner);
        if self.accounts[account].seats[role].owner.is_some() {
            self.roles[role].dirty = true;
        }
        self.out_of_circulation(account, role, SeatStatus::Review);
    }

    /// Nobody did it in time, and the owner is this one.
    pub(super) fn expired(&mut self, account: AccountNo, role: usize, owner: Option<RepNo>) {
        self.turn_goes_back(account, role);
        let command = self.command(account, role);
        command.stage = Stage::Expired;
        command.kept = None;
        if owner != command.base {
            command.wish = None;
        }
        let (tries, waits) = (command.tries, command.wish.is_some());
        self.tell_undone(account, role, Undone::Expired, owner, tries);
        if waits {
            return self.note_crm_owner(account, role, owner);
        }
        self.touched_since(account, role, LeftAlone::UndoneAlready);
        self.adopt_owner(account, role, owner, false);
        self.mark(account, role);
    }

    pub(super) fn tell_undone(
        &mut self,
        account: AccountNo,
        role: usize,
        undone: Undone,
        owner: Option<RepNo>,
        tries: u8,
    ) {
        self.alert(AlertKind::CommandUndone {
            account: self.accounts[account].id.clone(),
            role: self.policy().roles[role].name.clone(),
            undone,
            owner: owner.map(|rep| self.reps[rep].id.clone()),
            tries,
        });
    }

    /// The clock: what expires and what is settled.
    pub(super) fn commands_by_the_clock(&mut self) {
        let mut due = Vec::new();
        for account in self.living() {
            for role in 0..self.roles.len() {
                let command = self.command_of(account, role).filter(|command| command.has_left());
                due.extend(command.filter(|command| command.until <= self.now).map(|each| (each.until, account, role)));
            }
        }
        due.sort_unstable();
        for (_, account, role) in due {
            match self.command(account, role).stage {
                Stage::Issued => {
                    let base = self.command(account, role).base;
                    self.expired(account, role, base);
                }
                _ => self.settled(account, role),
            }
        }
    }

    /// After which instant a role whose commands nobody answers is stalled.
    fn patience(&self, role: usize) -> Option<Secs> {
        let oldest = self.unanswered(role).into_iter().min()?;
        Some(oldest.max(self.roles[role].answered).plus(A_WHILE))
    }

    pub(super) fn look_at_writers(&mut self) {
        for role in 0..self.roles.len() {
            let silent = self.patience(role).is_some_and(|until| self.now > until);
            // Behind a closed gate an answer may be there and not be read yet.
            let stalled = silent && (self.gate_open || self.roles[role].stalled);
            if stalled == self.roles[role].stalled {
                continue;
            }
            self.roles[role].stalled = stalled;
            let (unanswered, name) = (self.unanswered(role), self.policy().roles[role].name.clone());
            self.alert(if stalled {
                let issued_at = *unanswered.iter().min().expect("stalled by one");
                AlertKind::IssuingStopped { role: name, issued_at, out: unanswered.len() as u32 }
            } else {
                AlertKind::IssuingResumed { role: name }
            });
        }
    }

    /// Instants at which something about commands may be due.
    pub(super) fn command_instants(&self) -> Vec<Secs> {
        let mut instants = Vec::new();
        for role in 0..self.roles.len() {
            instants.extend(self.patience(role).map(|until| until.plus(1)));
            instants.extend(self.unanswered(role).into_iter().map(|issued| issued.plus(A_WHILE)));
            for command in self.living().into_iter().filter_map(|account| self.command_of(account, role)) {
                instants.extend(command.has_left().then_some(command.until));
                instants.push(command.retry_at);
            }
        }
        instants
    }
}
