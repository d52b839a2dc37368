//! Roles in shadow: they decide everything and command nothing, until somebody has them go live. `docs/rules.md`, 15.

use crate::domain::Code;
use crate::domain::output::{AlertKind, LeftAlone, SeatStatus};
use crate::domain::policy::{Policy, RoleMode};
use crate::domain::request::Request;

use super::Engine;
use super::state::{AccountId, RepId, Seat};

impl Engine {
    pub(super) fn is_in_shadow(&self, role: usize) -> bool {
        self.state.roles[role].mode == RoleMode::Shadow
    }

    /// Whether an owner whom people change in the CRM is the desired one from then on.
    pub(super) fn follows(&self, role: usize) -> bool {
        self.confirms(role) || self.is_in_shadow(role)
    }

    /// Of the roles that there are: a policy says what they begin as, and nothing once something was decided.
    pub(super) fn keep_modes(&mut self, policy: &Policy) {
        for role in self.roles() {
            let (kept, named) = (self.state.roles[role].mode, &policy.roles[role]);
            if self.state.opened.is_none() {
                self.state.roles[role].mode = named.mode;
            } else if kept != named.mode {
                self.alert(AlertKind::ModeKept { role: named.name.clone(), mode: kept });
            }
        }
    }

    /// Virtual owners are forgotten, and the CRM's are adopted as at the gate's first opening.
    pub(super) fn go_live(&mut self, request: &Request) -> Result<(), Code> {
        let role = self.role_asked(request)?;
        if !self.is_in_shadow(role) {
            return Err(Code::AlreadyLive);
        }
        if self.state.opened.is_none() {
            return Err(Code::NeverOpened);
        }
        self.state.roles[role].mode = RoleMode::Live;
        self.end_pass(role);
        for account in self.account_ids().filter(|id| self.state.accounts[id.index()].alive).collect::<Vec<_>>() {
            self.adopt_afresh(role, account);
        }
        self.show_all();
        self.dirty_all(role);
        let owned = self.state.tenures[role].len() as u32;
        let (name, by) = (self.rules().roles[role].name.clone(), request.by.clone());
        self.alert(AlertKind::WentLive { role: name, by, owned });
        Ok(())
    }

    /// What people took out of circulation stays out, unless somebody owns it in the CRM.
    fn adopt_afresh(&mut self, role: usize, account: AccountId) {
        self.touch_for_undo(role, account, LeftAlone::ChangedOutside);
        let seat = &mut self.state.seats[role][account.index()];
        // Its row said what would be: another one says what is.
        seat.shown_status = SeatStatus::Unknown;
        let is_out = matches!(seat.status, SeatStatus::Review | SeatStatus::Retired);
        if is_out && seat.crm_owner == RepId::NOBODY {
            return;
        }
        self.free_slot(role, account);
        self.state.past_owners[role].remove(&account);
        self.change_seat(role, account, forget_what_was_virtual);
        self.adopt(role, account);
    }
}

fn forget_what_was_virtual(seat: &mut Seat) {
    let before = std::mem::take(seat);
    *seat = Seat {
        crm_owner: before.crm_owner,
        sequence: before.sequence,
        hold: before.hold,
        mark: before.mark,
        shown_status: before.shown_status,
        shown_owner: before.shown_owner,
        ..Seat::default()
    };
}
