//! What writers and the CRM say of owners, and what follows: results, echoes, and changes that people made.
//! `docs/rules.md`, 13.

use crate::domain::Code;
use crate::domain::Secs;
use crate::domain::account::Change;
use crate::domain::output::{AlertKind, Entered, LeftAlone, SeatStatus, Undone};
use crate::domain::policy::Confirm;
use crate::domain::result::{ResultRecord, ResultStatus};
use crate::domain::time::DAY;

use super::Engine;
use super::pending::Had;
use super::state::{AccountId, Observed, RepId, Stage};

/// Moved back twice within this, an account is held for as long.
const TAKEN_BACK_S: u32 = 30 * DAY;

impl Engine {
    pub(super) fn result_record(&mut self, record: &ResultRecord) -> Result<(), Code> {
        let Some(policy) = &self.state.policy else { return Err(Code::NoPolicy) };
        let found = self.index.commands.find(record.command_id);
        let Some((role, account)) = found else {
            // Where no role waits for results they are recorded in the journal and decide nothing.
            let awaits = |role| self.confirms(role) && policy.roles[role].confirm == Confirm::Results;
            let awaited = self.roles().any(awaits);
            return if awaited { Err(Code::UnknownCommand) } else { Ok(()) };
        };
        if policy.roles[role].confirm != Confirm::Results {
            return Err(Code::ResultNotExpected);
        }
        let observed = match &record.observed_owner {
            Change::Keep => None,
            Change::Clear => Some(RepId::NOBODY),
            Change::Set(owner) => Some(self.rep_number(owner)?),
        };
        self.entry.touched.push(account);
        if self.state.commands[role][&account].command != record.command_id {
            self.entry.tally.duplicates += 1;
            return Ok(());
        }
        self.judge_result(role, account, record, observed)
    }

    fn judge_result(
        &mut self,
        role: usize,
        account: AccountId,
        record: &ResultRecord,
        observed: Option<RepId>,
    ) -> Result<(), Code> {
        let row = &self.state.commands[role][&account];
        let (stage, to, told) = (row.stage, row.to, row.told);
        let seen = self.version_seen(role, account);
        self.change_row(role, account, |row| row.told = true);
        // Of what no version is known nothing is older or newer.
        let both = record.crm_version.is_some() && seen.is_some();
        let (newer, older) = (both && record.crm_version > seen, both && record.crm_version < seen);
        let done = record.status == ResultStatus::Applied;
        match (stage, record.status) {
            (Stage::Issued, _) if done || observed == Some(to) => self.carried_out(role, account, record, observed),
            (Stage::Issued, status) => self.not_carried_out(role, account, status, record.crm_version, observed),
            (Stage::Expired, _) if done && !older => {
                self.see_version(role, account, record.crm_version);
                self.outside_change(role, account, observed.unwrap_or(to));
            }
            (Stage::Overruled, _) if done && newer => {
                self.see_version(role, account, record.crm_version);
                self.outside_change(role, account, observed.unwrap_or(to));
            }
            // As good as the CRM's own record, which is still to come.
            (Stage::Settled | Stage::Expired | Stage::Overruled, _)
                if newer
                    && !(told && stage == Stage::Settled)
                    && let Some(owner) = observed =>
            {
                self.see_version(role, account, record.crm_version);
                self.observe(role, account, owner, record.crm_version, seen);
            }
            // The CRM's own record was there first: whoever brought the owner about.
            (Stage::Settled, _) if !told => {
                self.see_version(role, account, record.crm_version.filter(|_| done));
            }
            (Stage::Applied | Stage::Settled, ResultStatus::Applied)
            | (Stage::Rejected, ResultStatus::Rejected)
            | (Stage::Failed, ResultStatus::Failed)
            | (Stage::Expired | Stage::Overruled, _) => self.entry.tally.duplicates += 1,
            _ => return Err(Code::ResultContradicts),
        }
        Ok(())
    }

    /// The CRM has the new owner, unless somebody was quicker to change it again.
    fn carried_out(&mut self, role: usize, account: AccountId, record: &ResultRecord, observed: Option<RepId>) {
        let version = record.crm_version;
        let mut kept = None;
        let mut to = RepId::NOBODY;
        self.change_row(role, account, |row| {
            kept = row.kept.clone();
            // Which of the two came first is told by the CRM's own record, if the result doesn't say.
            row.kept = row.kept.take().filter(|kept| version.is_none() && kept.version.is_some());
            to = row.to;
        });
        self.applied(role, account, version);
        let newer = |kept: &Observed| version.is_some() && kept.version > version;
        let since = kept.filter(newer).map(|kept| kept.owner).or(observed.filter(|owner| *owner != to));
        match since {
            Some(owner) => self.outside_change(role, account, owner),
            None => self.look_at_exclusion(account),
        }
    }

    /// The owner is whom the CRM was seen to have last: what the writer saw may have been changed back since.
    fn not_carried_out(
        &mut self,
        role: usize,
        account: AccountId,
        status: ResultStatus,
        version: Option<u64>,
        observed: Option<RepId>,
    ) {
        self.see_version(role, account, version);
        self.state.roles[role].answered = self.state.now;
        let row = &self.state.commands[role][&account];
        let since = row.kept.as_ref().filter(|kept| version.is_some() && kept.version > version);
        let owner = since.map(|kept| kept.owner).or(observed).unwrap_or(row.base);
        match status {
            ResultStatus::Expired => self.expire(role, account, owner),
            ResultStatus::Failed => self.refuse(role, account, Undone::Failed, owner),
            ResultStatus::Applied | ResultStatus::Rejected => self.refuse(role, account, Undone::Rejected, owner),
        }
    }

    fn version_seen(&self, role: usize, account: AccountId) -> Option<u64> {
        self.state.records[account.index()].version_seen(role)
    }

    pub(super) fn see_version(&mut self, role: usize, account: AccountId, version: Option<u64>) {
        super::state::see_version(&mut self.state.records[account.index()], role, version);
    }

    /// A record of the CRM names the owner of a settled seat; `seen` is the latest version before it.
    pub(super) fn observe(
        &mut self,
        role: usize,
        account: AccountId,
        owner: RepId,
        version: Option<u64>,
        seen: Option<u64>,
    ) {
        let seat = &self.state.seats[role][account.index()];
        let (last, desired) = (seat.crm_owner, seat.owner);
        let Some(row) = self.commanded(role, account) else {
            return self.observe_settled(role, account, owner, owner == last || owner == desired);
        };
        let (stage, base, to, waits) = (row.stage, row.base, row.to, row.wish.is_some());
        match stage {
            Stage::Issued if owner == to => {
                self.applied(role, account, version);
                self.settle_by_record(role, account);
                self.look_at_exclusion(account);
            }
            Stage::Issued if owner == base => {
                self.change_row(role, account, |row| {
                    let before = row.kept.take().and_then(|kept| kept.version);
                    row.kept = Some(Observed { owner, version: version.max(before) });
                });
            }
            Stage::Issued => {
                self.state.roles[role].answered = self.state.now;
                self.outside_change(role, account, owner);
            }
            Stage::Applied if owner == to => self.settle_by_record(role, account),
            // Unless it is of a later version than all before it can't be told from an echo that is late.
            Stage::Applied if owner == base && (seen.is_none() || version <= seen) => {}
            Stage::Applied => self.outside_change(role, account, owner),
            _ => {
                let known = owner == last || if waits { owner == base } else { owner == desired };
                self.observe_settled(role, account, owner, known);
            }
        }
    }

    /// The CRM's own record shows the new owner, and nothing later is known.
    fn settle_by_record(&mut self, role: usize, account: AccountId) {
        self.change_row(role, account, |row| row.kept = None);
        self.settle_command(role, account);
    }

    /// A record that is older than what is known tells of our own change: what is kept of the old owner is later, and
    /// somebody took the account back.
    pub(super) fn overtaken(&mut self, role: usize, account: AccountId, owner: RepId, version: Option<u64>) {
        let Some(row) = self.commanded(role, account) else { return };
        let follows = matches!(row.stage, Stage::Issued | Stage::Applied | Stage::Settled) && owner == row.to;
        let Some(kept) = row.kept.clone().filter(|kept| follows && kept.version > version) else { return };
        if row.stage == Stage::Issued {
            self.applied(role, account, None);
        }
        self.outside_change(role, account, kept.owner);
    }

    fn observe_settled(&mut self, role: usize, account: AccountId, owner: RepId, known: bool) {
        if known {
            self.note_owner(role, account, owner);
        } else {
            self.outside_change(role, account, owner);
        }
    }

    pub(super) fn note_owner(&mut self, role: usize, account: AccountId, owner: RepId) {
        let seat = &mut self.state.seats[role][account.index()];
        seat.crm_owner = owner;
        seat.orphan &= owner != RepId::NOBODY;
    }

    /// Somebody changed the owner in the CRM: that is followed, never fought.
    fn outside_change(&mut self, role: usize, account: AccountId, owner: RepId) {
        self.touch_for_undo(role, account, LeftAlone::ChangedOutside);
        let mut had = Had::It;
        if let Some(row) = self.commanded(role, account) {
            let (issued, busy, tries) = (row.stage == Stage::Issued, row.is_busy(), row.tries);
            let back = matches!(row.stage, Stage::Applied | Stage::Settled) && owner == row.base && row.base != row.to;
            if issued {
                had = Had::Not;
                self.give_turn_back(role, account);
            }
            self.change_row(role, account, |row| {
                if row.stage != Stage::Waiting {
                    row.stage = Stage::Overruled;
                }
                (row.kept, row.wish, row.turn) = (None, None, None);
            });
            if back {
                self.tell_undone(role, account, Undone::TakenBack, owner, tries);
                self.taken_back(role, account);
            } else if busy {
                self.tell_undone(role, account, Undone::Overruled, owner, tries);
            }
        }
        self.adopt_owner(role, account, owner, had);
        self.free(role, account);
    }

    /// The second time within the period the account is held.
    fn taken_back(&mut self, role: usize, account: AccountId) {
        let now = self.state.now;
        let mut again = false;
        self.change_row(role, account, |row| {
            again = row.taken_back > Secs::ZERO && row.taken_back.plus(TAKEN_BACK_S) > now;
            row.taken_back = if again { Secs::ZERO } else { now };
        });
        if again {
            self.change_seat(role, account, |seat| seat.hold = seat.hold.max(now.plus(TAKEN_BACK_S)));
        }
    }

    /// The CRM's owner is the desired one from now on.
    pub(super) fn adopt_owner(&mut self, role: usize, account: AccountId, owner: RepId, had: Had) {
        self.note_owner(role, account, owner);
        if self.state.seats[role][account.index()].owner == owner {
            return self.look_at_exclusion(account);
        }
        match had {
            Had::It => self.end_tenure(role, account),
            Had::Not => self.free_slot(role, account),
        }
        let now = self.state.now;
        let rep = self.state.reps.get(owner.index());
        let is_of_role = rep.is_some_and(|rep| rep.known && rep.role == Some(role as u8));
        let is_holding_user = self.is_holding_user(role, owner);
        self.state.seats[role][account.index()].orphan = false;
        if owner == RepId::NOBODY {
            self.enter_pool(role, account, now);
        } else if is_of_role {
            self.own(role, account, owner, self.adopted_segment(owner, account), Entered::Adopted);
            self.leaves_again(owner);
        } else {
            self.state.seats[role][account.index()].orphan = !is_holding_user;
            self.out_of_pool(role, account, SeatStatus::Excluded);
            if !is_holding_user {
                let (account, role, _) = self.names(role, account);
                let owner = self.rep_name(owner).unwrap_or_default();
                self.alert(AlertKind::Orphan { account, role, owner });
            }
        }
    }
}
