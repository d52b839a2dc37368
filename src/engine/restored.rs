//! Seats as the emitted commands say them, in a journal that began anew: they win over what the CRM says.
//! `docs/rules.md`, 12.

use crate::domain::output::{AlertKind, Entered, SeatStatus};
use crate::domain::rep::RepStatus;
use crate::domain::{Code, Restored, Text};

use super::Engine;
use super::state::{AccountId, RepId, RestoredSeat};

impl Engine {
    /// Kept until the seat is settled: its account, its role and the gate's first opening are still to come.
    pub(super) fn keep_restored(&mut self, row: &Restored) -> Result<(), Code> {
        let owner = row.owner.as_ref().map_or(Ok(RepId::NOBODY), |id| self.rep_number(id))?;
        let seat = RestoredSeat { status: row.status, owner, sequence: row.sequence };
        self.state.restored.insert((row.account.clone(), row.role.clone()), seat);
        Ok(())
    }

    /// For what can't wait until the gate opens.
    pub(super) fn settle_restored(&mut self, role: usize, account: AccountId) {
        if self.state.seats[role][account.index()].status == SeatStatus::Unknown {
            self.restore(role, account);
        }
    }

    /// Settles a seat as it was restored, if it was.
    pub(super) fn restore(&mut self, role: usize, account: AccountId) -> bool {
        if self.state.restored.is_empty() {
            return false;
        }
        let key = (self.state.sides[account.index()].id.clone(), self.rules().roles[role].name.clone());
        let Some(RestoredSeat { status, owner, sequence }) = self.state.restored.remove(&key) else { return false };
        self.state.seats[role][account.index()].sequence = sequence;
        match (status, owner.some()) {
            (SeatStatus::Owned, Some(owner)) => self.restore_owner(role, account, owner),
            (SeatStatus::Holding, Some(owner)) => self.restore_holder(role, account, owner),
            (SeatStatus::Review | SeatStatus::Retired, _) => self.out_of_pool(role, account, status),
            _ => {
                let now = self.state.now;
                self.enter_pool(role, account, now);
            }
        }
        true
    }

    /// Somebody who isn't a known rep of the role holds what they owned: the next command expects them, and the
    /// account isn't dealt anew.
    fn restore_owner(&mut self, role: usize, account: AccountId, owner: RepId) {
        let rep = &self.state.reps[owner.index()];
        if rep.known && rep.role == Some(role as u8) {
            self.own(role, account, owner, self.adopted_segment(owner, account), Entered::Adopted);
            return self.leaves_again(owner);
        }
        self.restore_holder(role, account, owner);
        let (account, role, owner) = self.names(role, account);
        self.alert(AlertKind::Orphan { account, role, owner });
    }

    fn restore_holder(&mut self, role: usize, account: AccountId, holder: RepId) {
        let now = self.state.now;
        self.change_seat(role, account, |seat| {
            seat.status = SeatStatus::Holding;
            seat.owner = holder;
            seat.since = now;
        });
        self.leaves_again(holder);
    }

    /// Who left before they got this goes on to leave.
    pub(super) fn leaves_again(&mut self, rep: RepId) {
        if self.state.reps[rep.index()].status == RepStatus::Departed {
            self.set_departing(rep, true);
        }
    }

    pub(super) fn forget_restored(&mut self, account: &Text) {
        let of_account = self.state.restored.range((account.clone(), Text::default())..);
        let keys: Vec<_> = of_account.map(|(key, _)| key).take_while(|(of, _)| of == account).cloned().collect();
        for key in keys {
            self.state.restored.remove(&key);
        }
    }
}
