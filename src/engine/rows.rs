//! Account-state rows: owner, status and band of every account that changed in one of them.
//! `docs/rules.md`, 10.

use crate::domain::Output;
use crate::domain::output::{AccountState, SeatState};
use crate::domain::policy::MAX_SHOWN;

use super::Engine;
use super::state::{AccountId, NEVER_SHOWN};

impl Engine {
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn write_rows(&mut self) {
        let mut accounts = std::mem::take(&mut self.entry.touched);
        accounts.sort_unstable();
        accounts.dedup();
        accounts.iter().for_each(|account| self.look_at_row(*account));
        self.entry.touched = accounts;
        self.go_on_showing();
    }

    /// All accounts may stand otherwise: their rows follow, some in each entry. Those touched so far are among them; but
    /// who is gone leaves now: their id may come back before it is their number's turn.
    pub(super) fn show_all(&mut self) {
        let accounts = &self.state.accounts;
        self.entry.touched.retain(|account| !accounts[account.index()].alive);
        self.state.shown_up_to = Some(AccountId(0));
    }

    fn go_on_showing(&mut self) {
        let Some(AccountId(from)) = self.state.shown_up_to else { return };
        let all = self.state.accounts.len() as u32;
        let to = all.min(from + MAX_SHOWN);
        (from..to).for_each(|number| self.look_at_row(AccountId(number)));
        self.state.shown_up_to = (to < all).then_some(AccountId(to));
    }

    fn look_at_row(&mut self, account: AccountId) {
        let row = &mut self.state.accounts[account.index()];
        if row.alive {
            self.write_row(account);
        } else if row.shown_band != NEVER_SHOWN {
            row.shown_band = NEVER_SHOWN;
            self.push_row(account, 0, Vec::new());
        }
    }

    fn write_row(&mut self, account: AccountId) {
        let band = self.rules().scoring.tier(self.priority(account));
        let seats = self.roles().map(|role| &self.state.seats[role][account.index()]);
        let mut changed = self.state.accounts[account.index()].shown_band != band;
        for seat in seats {
            changed |= seat.shown_status != seat.status || seat.shown_owner != seat.owner;
        }
        if !changed {
            return;
        }
        self.state.accounts[account.index()].shown_band = band;
        for role in self.roles() {
            let seat = &mut self.state.seats[role][account.index()];
            seat.shown_status = seat.status;
            seat.shown_owner = seat.owner;
        }
        let seats = self.roles().map(|role| self.seat_state(role, account)).collect();
        self.push_row(account, band, seats);
    }

    fn seat_state(&self, role: usize, account: AccountId) -> SeatState {
        let seat = &self.state.seats[role][account.index()];
        SeatState {
            role: self.rules().roles[role].name.clone(),
            status: seat.status,
            owner: self.rep_name(seat.owner),
            crm_owner: self.rep_name(seat.crm_owner),
            since: seat.since,
            shadow: self.is_in_shadow(role),
        }
    }

    fn push_row(&mut self, account: AccountId, band: u8, seats: Vec<SeatState>) {
        let account = self.state.sides[account.index()].id.clone();
        let row = AccountState { account, at: self.state.now, band, seats };
        self.entry.out.push(Output::AccountState(Box::new(row)));
    }
}
