//! §12: what the emitted commands said.

use bookd::domain::Restored;
use bookd::domain::output::{AlertKind, SeatStatus};
use bookd::domain::rep::RepStatus;

use super::{AccountNo, RepNo, Twin};

impl Twin {
    pub(super) fn keep_restored(&mut self, row: &Restored) {
        if let Some(owner) = &row.owner {
            self.rep_number(owner);
        }
        self.restored.insert((row.account.clone(), row.role.clone()), row.clone());
    }

    /// Whether the seat was restored, and is settled now.
    pub(super) fn restore(&mut self, account: AccountNo, role: usize) -> bool {
        let key = (self.accounts[account].id.clone(), self.policy().roles[role].name.clone());
        let Some(row) = self.restored.remove(&key) else { return false };
        self.accounts[account].seats[role].sequence = row.sequence;
        let owner = row.owner.as_ref().map(|owner| self.rep_number(owner));
        match (row.status, owner) {
            (SeatStatus::Owned, Some(owner)) if self.known_in(owner) == Some(role) => {
                self.own(account, role, owner, self.first_segment(account, owner));
            }
            (SeatStatus::Owned, Some(owner)) => {
                self.enter_holding(account, role, owner);
                self.alert(AlertKind::Orphan {
                    account: row.account,
                    role: row.role,
                    owner: self.reps[owner].id.clone(),
                });
            }
            (SeatStatus::Holding, Some(owner)) => self.enter_holding(account, role, owner),
            (SeatStatus::Review | SeatStatus::Retired, _) => self.out_of_circulation(account, role, row.status),
            _ => self.enter_pool(account, role, self.now),
        }
        if let Some(owner) = self.accounts[account].seats[role].owner {
            self.leave_again(owner);
        }
        true
    }

    /// Who had left already goes on to leave.
    pub(super) fn leave_again(&mut self, owner: RepNo) {
        if self.reps[owner].status == RepStatus::Departed {
            self.departing.insert(owner);
        }
    }
}
