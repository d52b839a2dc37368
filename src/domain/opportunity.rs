//! A record of the `opportunities` topic.

use super::account::Change;
use super::{Candidates, Millis, Text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpportunityRecord {
    /// The CRM's id of the opportunity.
    pub id: Text,
    pub op: OpportunityOp,
    pub at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpportunityOp {
    Change {
        /// Empty keeps the account it has.
        account: Candidates,
        /// Open, or closed (won or lost). Cleared means closed.
        open: Change<bool>,
    },
    Delete,
}
