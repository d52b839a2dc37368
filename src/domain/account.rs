//! A record of the `accounts` topic.

use super::{Millis, Text};

/// What a record does to one field: a patch keeps what it doesn't name and clears what it sets to null; an
/// upsert clears what it doesn't name (`feed` writes that out, so the engine knows no difference).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Change<T> {
    pub fn map<Other>(self, of: impl FnOnce(T) -> Other) -> Change<Other> {
        match self {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => Change::Set(of(value)),
        }
    }

    /// Writes the change into an optional field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Change::Keep => {}
            Change::Clear => *field = None,
            Change::Set(value) => *field = Some(value),
        }
    }
}

/// A value of an account's or rep's field, as filters compare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Bool(bool),
    /// Thousandths: 12.5 is 12500. Exact comparisons, no NaN.
    Number(i64),
    Text(Text),
    List(Box<[Text]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// The CRM's id.
    pub id: Text,
    pub op: AccountOp,
    /// When the record says it was made; for people, not for decisions.
    pub at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountOp {
    Change(Box<AccountChange>),
    /// A tombstone too. The id may come back later: that is a new account.
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// Registrable domains, normalised.
    pub domains: Change<Vec<Text>>,
    /// Fit given by the CRM, 0 to 1, in millionths.
    pub fit: Change<u32>,
    /// CRM owner by role. A role that isn't named keeps its owner, in an upsert too: absent is not null.
    pub owners: Vec<(Text, Option<Text>)>,
    /// Field changes; `None` clears.
    pub fields: Vec<(Text, Option<Value>)>,
    /// An upsert: fields that aren't in `fields` are cleared.
    pub replace_fields: bool,
    /// The CRM id of the parent company.
    pub parent: Change<Text>,
    /// Modification stamp or commit number of the CRM, if it has one.
    pub crm_version: Option<u64>,
}
