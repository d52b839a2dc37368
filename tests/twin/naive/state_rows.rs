//! §10: rows of account-state.

use bookd::domain::Output;
use bookd::domain::output::{AccountState, SeatState, SeatStatus};
use bookd::domain::policy::MAX_SHOWN;

use super::{AccountNo, RepNo, Twin};

/// What a row says, as far as it decides whether there is another.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Said {
    band: u8,
    pub seats: Vec<(SeatStatus, Option<RepNo>)>,
}

impl Twin {
    pub(super) fn state_rows(&mut self) {
        for account in std::mem::take(&mut self.touched) {
            self.look_at_row(account);
        }
        let Some(first) = self.to_show else { return };
        for account in (first..self.accounts.len()).take(MAX_SHOWN as usize) {
            self.look_at_row(account);
        }
        self.to_show = Some(first + MAX_SHOWN as usize).filter(|next| *next < self.accounts.len());
    }

    /// What was touched so far is among all; whoever is gone leaves now.
    pub(super) fn show_all(&mut self) {
        let accounts = &self.accounts;
        self.touched.retain(|account| !accounts[*account].alive);
        self.to_show = Some(0);
    }

    fn look_at_row(&mut self, account: AccountNo) {
        if self.accounts[account].alive {
            self.state_row(account);
        } else if self.accounts[account].last_row.take().is_some() {
            self.push_row(account, 0, Vec::new());
        }
    }

    fn state_row(&mut self, account: AccountNo) {
        let band = self.tier(account);
        let seats = self.accounts[account].seats.iter().map(|seat| (seat.status, seat.owner)).collect();
        let said = Said { band, seats };
        if self.accounts[account].last_row.as_ref() == Some(&said) {
            return;
        }
        self.accounts[account].last_row = Some(said);
        let policy = self.policy();
        let name = |rep: Option<RepNo>| rep.map(|rep| self.reps[rep].id.clone());
        let seats = self.accounts[account].seats.iter().zip(&policy.roles).enumerate();
        let seats = seats.map(|(number, (seat, role))| SeatState {
            role: role.name.clone(),
            status: seat.status,
            owner: name(seat.owner),
            crm_owner: name(seat.crm_owner),
            since: seat.since,
            shadow: self.roles[number].shadow,
        });
        let seats = seats.collect();
        self.push_row(account, band, seats);
    }

    fn push_row(&mut self, account: AccountNo, band: u8, seats: Vec<SeatState>) {
        let account = self.accounts[account].id.clone();
        self.out.push(Output::AccountState(Box::new(AccountState { account, at: self.now, band, seats })));
    }
}
