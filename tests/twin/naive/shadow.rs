//! §15: roles in shadow.

use bookd::domain::output::{AlertKind, LeftAlone, SeatStatus};
use bookd::domain::policy::RoleMode;
use bookd::domain::request::Request;
use bookd::domain::{Code, Policy, Secs};

use super::{AccountNo, RoleState, Twin};

impl Twin {
    /// People's changes of owners are followed.
    pub(super) fn follows(&self, role: usize) -> bool {
        self.confirms(role) || self.roles[role].shadow
    }

    /// Roles that are new are in the mode that the policy names, and all are until the gate opens.
    pub(super) fn take_modes(&mut self, new: &Policy) {
        let known = self.roles.len();
        self.roles.resize_with(new.roles.len(), RoleState::default);
        for (role, named) in new.roles.iter().enumerate() {
            let shadow = named.mode == RoleMode::Shadow;
            if role >= known || self.opened.is_none() {
                self.roles[role].shadow = shadow;
            } else if self.roles[role].shadow != shadow {
                let mode = if shadow { RoleMode::Live } else { RoleMode::Shadow };
                self.alert(AlertKind::ModeKept { role: named.name.clone(), mode });
            }
        }
    }

    pub(super) fn go_live(&mut self, request: &Request, role: usize) -> Result<(), Code> {
        if !self.roles[role].shadow {
            return Err(Code::AlreadyLive);
        }
        if self.opened.is_none() {
            return Err(Code::NeverOpened);
        }
        self.roles[role].shadow = false;
        self.roles[role].pass = None;
        self.roles[role].aside.clear();
        self.roles[role].dirty = true;
        for account in self.living() {
            self.begin_afresh(account, role);
        }
        self.show_all();
        let owned = |account: &AccountNo| self.accounts[*account].seats[role].status == SeatStatus::Owned;
        let owned = self.living().iter().filter(|account| owned(account)).count() as u32;
        let name = self.policy().roles[role].name.clone();
        self.alert(AlertKind::WentLive { role: name, by: request.by.clone(), owned });
        Ok(())
    }

    fn begin_afresh(&mut self, account: AccountNo, role: usize) {
        self.touched_since(account, role, LeftAlone::ChangedOutside);
        // A role that came with this very entry isn't in it yet.
        if let Some(said) = self.accounts[account].last_row.as_mut().and_then(|row| row.seats.get_mut(role)) {
            said.0 = SeatStatus::Unknown;
        }
        let seat = &mut self.accounts[account].seats[role];
        if matches!(seat.status, SeatStatus::Review | SeatStatus::Retired) && seat.crm_owner.is_none() {
            return;
        }
        seat.orphan = false;
        seat.past.clear();
        seat.until = Secs::ZERO;
        self.leave(account, role, SeatStatus::Unknown, Secs::ZERO);
        self.adopt(account, role);
        if let Some(owner) = self.accounts[account].seats[role].owner {
            self.leave_again(owner);
        }
    }
}
