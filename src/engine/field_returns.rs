//! Returns that come from the CRM: the owner writes the reason into a field of the account. `docs/rules.md`, 11.

use crate::domain::account::{AccountChange, Value};
use crate::domain::output::{AlertKind, SeatStatus};
use crate::domain::request::{RequestOp, ReturnReason};
use crate::domain::{Code, Text};

use super::Engine;
use super::state::AccountId;

/// What a role's field said before the record.
pub(super) struct FieldBefore {
    role: usize,
    said: Option<Value>,
}

impl Engine {
    /// Of the roles whose returns may come from a field. Whatever a new account says was said before bookd knew it.
    pub(super) fn return_fields(&self, account: AccountId, new: bool) -> Vec<FieldBefore> {
        let roles = self.rules().roles.iter().enumerate().filter(|_| !new);
        let of = |(role, field): (usize, &Text)| FieldBefore { role, said: self.field(account, field).cloned() };
        roles.filter_map(|(role, rules)| Some((role, rules.return_field.as_ref()?))).map(of).collect()
    }

    /// A field that says something else now is a return, asked for by the owner.
    pub(super) fn return_by_fields(&mut self, account: AccountId, change: &AccountChange, before: Vec<FieldBefore>) {
        for FieldBefore { role, said } in before {
            let field = self.rules().roles[role].return_field.as_ref();
            let says = field.and_then(|field| self.field(account, field));
            let Some(Value::Text(says)) = says.filter(|says| Some(*says) != said.as_ref()).cloned() else { continue };
            let seen = self.state.records[account.index()].version_seen(role);
            let is_stale = change.crm_version.is_some() && change.crm_version < seen;
            let seat = &self.state.seats[role][account.index()];
            if matches!(seat.status, SeatStatus::Owned | SeatStatus::Holding) && !is_stale {
                self.return_by_field(role, account, &says);
            }
        }
    }

    fn return_by_field(&mut self, role: usize, account: AccountId, says: &Text) {
        let (id, role_name, owner) = self.names(role, account);
        let reason = ReturnReason::ALL.into_iter().find(|reason| reason.name() == says);
        let outcome = match reason {
            Some(reason) => self.hand_back(role, account, reason, None, &owner),
            None => Err(Code::ReasonNotAllowed),
        };
        if let Err(code) = outcome {
            let (account, role) = (Some(id), Some(role_name));
            self.alert(AlertKind::Refused { op: RequestOp::Return, code, account, role, by: owner });
        }
    }

    fn field(&self, account: AccountId, name: &str) -> Option<&Value> {
        self.state.records[account.index()].field(name)
    }
}
