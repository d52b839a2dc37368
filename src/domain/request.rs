//! A record of the `requests` topic: what people ask for, each with who asked and in which role.

use super::{Candidates, Millis, Text};

pub use super::undo::UndoAsked;

/// All that can be asked. The ones that don't act yet are refused by name, never ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestOp {
    Return,
    ReviewDone,
    Retire,
    Hold,
    Release,
    Proceed,
    Distribute,
    Claim,
    Undo,
    Pause,
    Resume,
    Rate,
    Approve,
    Adopt,
    GoLive,
    Rebalance,
    Erase,
}

impl RequestOp {
    pub const ALL: [RequestOp; 17] = [
        RequestOp::Return,
        RequestOp::ReviewDone,
        RequestOp::Retire,
        RequestOp::Hold,
        RequestOp::Release,
        RequestOp::Proceed,
        RequestOp::Distribute,
        RequestOp::Claim,
        RequestOp::Undo,
        RequestOp::Pause,
        RequestOp::Resume,
        RequestOp::Rate,
        RequestOp::Approve,
        RequestOp::Adopt,
        RequestOp::GoLive,
        RequestOp::Rebalance,
        RequestOp::Erase,
    ];

    /// Those that act.
    pub const SUPPORTED: [RequestOp; 12] = [
        RequestOp::Return,
        RequestOp::ReviewDone,
        RequestOp::Retire,
        RequestOp::Hold,
        RequestOp::Release,
        RequestOp::Proceed,
        RequestOp::Pause,
        RequestOp::Resume,
        RequestOp::Rate,
        RequestOp::GoLive,
        RequestOp::Approve,
        RequestOp::Undo,
    ];

    pub fn name(self) -> &'static str {
        match self {
            RequestOp::Return => "return",
            RequestOp::ReviewDone => "review_done",
            RequestOp::Retire => "retire",
            RequestOp::Hold => "hold",
            RequestOp::Release => "release",
            RequestOp::Proceed => "proceed",
            RequestOp::Distribute => "distribute",
            RequestOp::Claim => "claim",
            RequestOp::Undo => "undo",
            RequestOp::Pause => "pause",
            RequestOp::Resume => "resume",
            RequestOp::Rate => "rate",
            RequestOp::Approve => "approve",
            RequestOp::Adopt => "adopt",
            RequestOp::GoLive => "go_live",
            RequestOp::Rebalance => "rebalance",
            RequestOp::Erase => "erase",
        }
    }
}

/// Why a rep gives an account back (D7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReturnReason {
    Duplicate,
    BadData,
    NoIcpMatch,
    NoRelevantContact,
    CallBack,
    NotInterested,
    Competitor,
    OutOfBusiness,
}

impl ReturnReason {
    pub const ALL: [ReturnReason; 8] = [
        ReturnReason::Duplicate,
        ReturnReason::BadData,
        ReturnReason::NoIcpMatch,
        ReturnReason::NoRelevantContact,
        ReturnReason::CallBack,
        ReturnReason::NotInterested,
        ReturnReason::Competitor,
        ReturnReason::OutOfBusiness,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ReturnReason::Duplicate => "duplicate",
            ReturnReason::BadData => "bad_data",
            ReturnReason::NoIcpMatch => "no_icp_match",
            ReturnReason::NoRelevantContact => "no_relevant_contact",
            ReturnReason::CallBack => "call_back",
            ReturnReason::NotInterested => "not_interested",
            ReturnReason::Competitor => "competitor",
            ReturnReason::OutOfBusiness => "out_of_business",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub op: RequestOp,
    /// Empty where the request is about no account.
    pub account: Candidates,
    /// The role it is made in; the policy's first where it has just one.
    pub role: Option<Text>,
    /// Whose book, where the request is about a rep.
    pub rep: Option<Text>,
    pub reason: Option<ReturnReason>,
    /// The end of a hold; the day of a call-back.
    pub until: Option<Millis>,
    /// Of a rate: commands in any hour; `None` ends it.
    pub per_hour: Option<u32>,
    pub undo: Option<Box<UndoAsked>>,
    /// Of an approval: the wave's number. `None`: whichever waits in the role.
    pub wave: Option<u64>,
    /// Who asked: a CRM user id, a service's name, or a keyed hash.
    pub by: Text,
    pub at: Millis,
    pub dedup: u64,
}

impl Request {
    /// Naming nothing yet: what is asked for, who asks, and when.
    pub fn new(op: RequestOp, by: Text, at: Millis) -> Request {
        Request {
            op,
            account: Candidates::new(),
            role: None,
            rep: None,
            reason: None,
            until: None,
            per_hour: None,
            wave: None,
            undo: None,
            by,
            at,
            dedup: 0,
        }
    }
}
