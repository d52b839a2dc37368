//! A record of the `results` topic: what a CRM writer made of a command.

use super::account::Change;
use super::ids::Id128;
use super::{Millis, Text};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultStatus {
    Applied,
    Rejected,
    Failed,
    Expired,
}

impl ResultStatus {
    pub const ALL: [ResultStatus; 4] =
        [ResultStatus::Applied, ResultStatus::Rejected, ResultStatus::Failed, ResultStatus::Expired];

    pub fn name(self) -> &'static str {
        match self {
            ResultStatus::Applied => "applied",
            ResultStatus::Rejected => "rejected",
            ResultStatus::Failed => "failed",
            ResultStatus::Expired => "expired",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRecord {
    pub command_id: Id128,
    pub status: ResultStatus,
    /// The owner when the writer looked: not said, nobody, or who.
    pub observed_owner: Change<Text>,
    pub error_code: Option<Text>,
    pub crm_version: Option<u64>,
    pub at: Millis,
}
