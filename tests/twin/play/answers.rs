//! What writers and the CRM say of commands, against the state as the twin has it.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::{Millis, Text};
use bookd::engine::state::Stage;
use bookd::engine::view::{CommandView, View};

use super::{account_name, rep_name, role_name};
use crate::generate::answers::{EchoWhat, Owner, ResultWhat};
use crate::generate::nth;
use crate::generate::policy::ROLES;

/// Commands that nobody answered yet.
pub(super) fn unanswered(state: &View) -> Vec<&CommandView> {
    state.commands.iter().filter(|command| command.stage == Stage::Issued).collect()
}

/// The n-th command: of the unanswered ones, or of all.
fn command(pick: u8, open: bool, state: &View) -> Option<&CommandView> {
    let all: Vec<_> = state.commands.iter().collect();
    let some = if open { unanswered(state) } else { Vec::new() };
    nth(if some.is_empty() { &all } else { &some }, pick).copied()
}

fn named(owner: &Owner, command: Option<&CommandView>) -> Option<Text> {
    match owner {
        Owner::New => command?.to.clone(),
        Owner::Old => command?.base.clone(),
        Owner::Nobody => None,
        Owner::Rep(who) => Some(rep_name(*who)),
    }
}

pub(super) fn result(what: &ResultWhat, state: &View) -> ResultRecord {
    let command = what.command.and_then(|pick| command(pick, what.open, state));
    let statuses = [ResultStatus::Applied, ResultStatus::Rejected, ResultStatus::Failed, ResultStatus::Expired];
    ResultRecord {
        command_id: command.map_or(Default::default(), |command| {
            command.previous.filter(|_| what.previous).unwrap_or(command.command)
        }),
        status: statuses[usize::from(what.status)],
        observed_owner: match &what.observed {
            None => Change::Keep,
            Some(owner) => named(owner, command).map_or(Change::Clear, Change::Set),
        },
        error_code: None,
        crm_version: what.version.map(u64::from),
        at: Millis(0),
    }
}

/// The CRM's own record of the owner of a seat that was commanded.
pub(super) fn echo(what: &EchoWhat, state: &View) -> AccountRecord {
    let command = command(what.command, what.open, state);
    let role = command.map_or_else(|| role_name(what.command % 2), |command| command.role.clone());
    let known = usize::from(&*role == ROLES[0]) + usize::from(state.accounts.iter().any(|row| row.seats.len() > 1));
    let change = AccountChange {
        owners: (known > 0).then(|| (role, named(&what.owner, command))).into_iter().collect(),
        crm_version: what.version.map(u64::from),
        ..AccountChange::default()
    };
    let id = command.map_or_else(|| account_name(what.command % 12), |command| command.account.clone());
    AccountRecord { id, op: AccountOp::Change(Box::new(change)), at: None }
}
