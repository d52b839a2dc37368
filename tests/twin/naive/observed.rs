//! §13: what writers and the CRM say of owners.

use bookd::domain::account::Change;
use bookd::domain::output::{AlertKind, LeftAlone, SeatStatus, Undone};
use bookd::domain::policy::Confirm;
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::time::DAY;
use bookd::domain::{Code, Secs};
use bookd::engine::state::Stage;

use super::{AccountNo, RepNo, Twin};

impl Twin {
    pub(super) fn result(&mut self, record: &ResultRecord) -> Result<(), Code> {
        let policy = self.policy();
        let Some((account, role)) = self.commanded_by(record) else {
            let awaits = |role: usize| self.confirms(role) && policy.roles[role].confirm == Confirm::Results;
            let awaited = (0..self.roles.len()).any(awaits);
            return if awaited { Err(Code::UnknownCommand) } else { Ok(()) };
        };
        if policy.roles[role].confirm == Confirm::Echo {
            return Err(Code::ResultNotExpected);
        }
        let observed = match &record.observed_owner {
            Change::Keep => None,
            Change::Clear => Some(None),
            Change::Set(owner) => Some(Some(self.rep_number(owner))),
        };
        self.touched.insert(account);
        let command = self.command(account, role).clone();
        if command.previous == Some(record.command_id) {
            return Ok(());
        }
        let applied = record.status == ResultStatus::Applied;
        let seen = self.accounts[account].seats[role].version;
        let known = record.crm_version.is_some() && seen.is_some();
        self.command(account, role).told = true;
        match command.stage {
            Stage::Issued => self.answered(account, role, record, observed),
            Stage::Settled if !command.told => {
                if !self.saw_later(account, role, record, observed) && applied {
                    self.see_version(account, role, record.crm_version);
                }
            }
            Stage::Applied | Stage::Settled if applied => {}
            Stage::Rejected if record.status == ResultStatus::Rejected => {}
            Stage::Failed if record.status == ResultStatus::Failed => {}
            Stage::Expired if applied && !(known && record.crm_version < seen) => {
                self.late(account, role, record, observed);
            }
            Stage::Overruled if applied && known && record.crm_version > seen => {
                self.late(account, role, record, observed);
            }
            Stage::Expired | Stage::Overruled => {
                self.saw_later(account, role, record, observed);
            }
            _ => return Err(Code::ResultContradicts),
        }
        Ok(())
    }

    fn commanded_by(&self, record: &ResultRecord) -> Option<(AccountNo, usize)> {
        let mut seats = Vec::new();
        for account in self.living() {
            for role in 0..self.roles.len() {
                let command = self.command_of(account, role).filter(|command| command.stage != Stage::Waiting);
                let ids = command.map(|command| [Some(command.id), command.previous]);
                let named = ids.is_some_and(|ids| ids.contains(&Some(record.command_id)));
                seats.extend(named.then_some((account, role)));
            }
        }
        seats.first().copied()
    }

    fn answered(&mut self, account: AccountNo, role: usize, record: &ResultRecord, observed: Option<Option<RepNo>>) {
        let command = self.command(account, role).clone();
        let version = record.crm_version;
        if record.status == ResultStatus::Applied || observed == Some(command.to) {
            self.applied(account, role, version);
            let may_be_later = command.kept.filter(|kept| version.is_none() && kept.1.is_some());
            self.command(account, role).kept = may_be_later;
            let later = |kept: &(Option<RepNo>, Option<u64>)| version.is_some() && kept.1 > version;
            let elsewhere = observed.filter(|owner| *owner != command.to);
            match command.kept.filter(later).map(|kept| kept.0).or(elsewhere) {
                Some(owner) => self.outside_change(account, role, owner),
                None => self.look_at_exclusion(account, role),
            }
            return;
        }
        self.see_version(account, role, version);
        self.roles[role].answered = self.now;
        let since = command.kept.filter(|kept| version.is_some() && kept.1 > version).map(|kept| kept.0);
        let owner = since.or(observed).unwrap_or(command.base);
        match record.status {
            ResultStatus::Expired => self.expired(account, role, owner),
            ResultStatus::Failed => self.refused(account, role, Undone::Failed, owner),
            _ => self.refused(account, role, Undone::Rejected, owner),
        }
    }

    pub(super) fn see_version(&mut self, account: AccountNo, role: usize, version: Option<u64>) {
        let seat = &mut self.accounts[account].seats[role];
        seat.version = seat.version.max(version);
    }

    /// What a result observed of a later version than any before is as good as the CRM's own record.
    fn saw_later(
        &mut self,
        account: AccountNo,
        role: usize,
        record: &ResultRecord,
        observed: Option<Option<RepNo>>,
    ) -> bool {
        let seen = self.accounts[account].seats[role].version;
        let later = seen.is_some() && record.crm_version > seen;
        if let Some(owner) = observed.filter(|_| later) {
            self.observe(account, role, owner, record.crm_version);
        }
        later && observed.is_some()
    }

    /// Applied when it had been given up.
    fn late(&mut self, account: AccountNo, role: usize, record: &ResultRecord, observed: Option<Option<RepNo>>) {
        self.see_version(account, role, record.crm_version);
        let owner = observed.unwrap_or(self.command(account, role).to);
        self.outside_change(account, role, owner);
    }

    pub(super) fn note_crm_owner(&mut self, account: AccountNo, role: usize, owner: Option<RepNo>) {
        let seat = &mut self.accounts[account].seats[role];
        seat.crm_owner = owner;
        seat.orphan &= owner.is_some();
    }

    /// Older than what is known; if it is our own change, what is kept of the old owner came after it.
    fn older(&mut self, account: AccountNo, role: usize, owner: Option<RepNo>, version: Option<u64>) {
        let Some(command) = self.command_of(account, role).cloned() else { return };
        let stages = [Stage::Issued, Stage::Applied, Stage::Settled];
        if let Some((before, _)) = command.kept.filter(|kept| kept.1 > version)
            && stages.contains(&command.stage)
            && owner == command.to
        {
            if command.stage == Stage::Issued {
                self.applied(account, role, None);
            }
            self.outside_change(account, role, before);
        }
    }

    /// A record names the owner of a seat.
    pub(super) fn observe(&mut self, account: AccountNo, role: usize, owner: Option<RepNo>, version: Option<u64>) {
        let seat = &self.accounts[account].seats[role];
        let (last, desired, seen) = (seat.crm_owner, seat.owner, seat.version);
        if version.is_some() && version < seen {
            return self.older(account, role, owner, version);
        }
        self.see_version(account, role, version);
        let seat = &self.accounts[account].seats[role];
        if !self.follows(role) || seat.status == SeatStatus::Unknown {
            let echo = owner == last || owner == desired;
            let before = self.last_decided(account, role).map(|decided| decided.before.owner);
            if !echo && before.is_some_and(|before| before != owner) {
                self.touched_since(account, role, LeftAlone::ChangedOutside);
            }
            return self.note_crm_owner(account, role, owner);
        }
        let Some(command) = seat.command.clone() else {
            return match owner == last || owner == desired {
                true => self.note_crm_owner(account, role, owner),
                false => self.outside_change(account, role, owner),
            };
        };
        let (is_old, is_new) = (owner == command.base, owner == command.to);
        match command.stage {
            Stage::Issued if is_new => {
                self.applied(account, role, version);
                self.command(account, role).kept = None;
                self.settled(account, role);
                self.look_at_exclusion(account, role);
            }
            Stage::Issued if is_old => {
                let before = command.kept.and_then(|kept| kept.1);
                self.command(account, role).kept = Some((owner, version.max(before)));
            }
            Stage::Issued => {
                self.roles[role].answered = self.now;
                self.outside_change(account, role, owner);
            }
            Stage::Applied if is_new => {
                self.command(account, role).kept = None;
                self.settled(account, role);
            }
            Stage::Applied if is_old && (seen.is_none() || version <= seen) => {}
            Stage::Applied => self.outside_change(account, role, owner),
            _ => {
                let expected = if command.wish.is_some() { command.base } else { desired };
                if owner == last || owner == expected {
                    self.note_crm_owner(account, role, owner);
                } else {
                    self.outside_change(account, role, owner);
                }
            }
        }
    }

    /// Followed, never fought.
    fn outside_change(&mut self, account: AccountNo, role: usize, owner: Option<RepNo>) {
        self.touched_since(account, role, LeftAlone::ChangedOutside);
        let mut had_it = true;
        if let Some(before) = self.command_of(account, role).cloned() {
            if before.stage == Stage::Issued {
                had_it = false;
                self.turn_goes_back(account, role);
            }
            let command = self.command(account, role);
            if command.stage != Stage::Waiting {
                command.stage = Stage::Overruled;
            }
            command.kept = None;
            command.wish = None;
            command.turn = None;
            let was_done = before.stage == Stage::Applied || before.stage == Stage::Settled;
            if was_done && owner == before.base && before.base != before.to {
                self.tell_undone(account, role, Undone::TakenBack, owner, before.tries);
                self.taken_back(account, role);
            } else if before.is_pending() {
                self.tell_undone(account, role, Undone::Overruled, owner, before.tries);
            }
        }
        self.adopt_owner(account, role, owner, had_it);
        self.mark(account, role);
    }

    fn taken_back(&mut self, account: AccountNo, role: usize) {
        let now = self.now;
        let last = self.command(account, role).taken_back;
        if last > Secs::ZERO && last.plus(30 * DAY) > now {
            self.command(account, role).taken_back = Secs::ZERO;
            let seat = &mut self.accounts[account].seats[role];
            seat.hold = seat.hold.max(now.plus(30 * DAY));
        } else {
            self.command(account, role).taken_back = now;
        }
    }

    pub(super) fn adopt_owner(&mut self, account: AccountNo, role: usize, owner: Option<RepNo>, had_it: bool) {
        self.note_crm_owner(account, role, owner);
        let before = self.accounts[account].seats[role].owner;
        if before == owner {
            return self.look_at_exclusion(account, role);
        }
        if before.is_some() {
            self.roles[role].dirty = true;
            if had_it {
                self.note_past_owner(account, role);
            }
        }
        self.accounts[account].seats[role].orphan = false;
        let Some(owner) = owner else { return self.enter_pool(account, role, self.now) };
        if self.known_in(owner) == Some(role) {
            self.own(account, role, owner, self.first_segment(account, owner));
            return self.leave_again(owner);
        }
        self.out_of_circulation(account, role, SeatStatus::Excluded);
        if !self.is_holding_user(owner, role) {
            self.accounts[account].seats[role].orphan = true;
            self.alert(AlertKind::Orphan {
                account: self.accounts[account].id.clone(),
                role: self.policy().roles[role].name.clone(),
                owner: self.reps[owner].id.clone(),
            });
        }
    }
}
