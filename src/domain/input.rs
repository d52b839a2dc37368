//! What the engine is given: one type for records, policy, gate and the passing of time, and the journal
//! entry that keeps them.

use super::account::AccountRecord;
use super::ids::Id128;
use super::opportunity::OpportunityRecord;
use super::output::SeatStatus;
use super::policy::Policy;
use super::rep::RepRecord;
use super::request::Request;
use super::result::ResultRecord;
use super::signal::{Activity, Signal};
use super::{Millis, Position, Text, Topic};

#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Where the record stands; `None` for what the loop itself brings (policy, gate, frontier).
    pub position: Option<Position>,
    pub body: Body,
}

impl Input {
    /// What no record says: the loop's own.
    pub fn own(body: Body) -> Input {
        Input { position: None, body }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Policy(Box<Policy>),
    Gate(Gate),
    Frontier(Frontier),
    Rep(RepRecord),
    Account(AccountRecord),
    Opportunity(OpportunityRecord),
    Result(ResultRecord),
    Activity(Activity),
    Request(Request),
    Signal(Signal),
    Restored(Restored),
}

impl Body {
    /// The place of this input in its batch: policy, gate, reps, accounts, opportunities, results,
    /// activity, requests, signals, frontiers, restored seats; then topic, partition, offset.
    pub fn order(&self) -> u8 {
        match self {
            Body::Policy(_) => 0,
            Body::Gate(_) => 1,
            Body::Rep(_) => 2,
            Body::Account(_) => 3,
            Body::Opportunity(_) => 4,
            Body::Result(_) => 5,
            Body::Activity(_) => 6,
            Body::Request(_) => 7,
            Body::Signal(_) => 8,
            Body::Frontier(_) => 9,
            Body::Restored(_) => 10,
        }
    }
}

/// A seat as the emitted commands say: what a journal is told that begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The account's CRM id.
    pub account: Text,
    pub role: Text,
    /// `Owned` or `Holding` with an owner, else `Pool`, `Review` or `Retired`.
    pub status: SeatStatus,
    pub owner: Option<Text>,
    /// Of the seat's last command.
    pub sequence: u32,
}

/// Sorts a batch into the order in which it is applied.
pub fn order_batch(inputs: &mut [Input]) {
    // Records are read in this order already, most often; and an input is large: places are sorted, each input moved once.
    if !inputs.is_sorted_by_key(place) {
        inputs.sort_by_cached_key(place);
    }
}

/// Order, topic, partition, offset in one number; without a position before all that have one.
fn place(input: &Input) -> u128 {
    let position = input.position.map_or(0, |Position { topic, partition, offset }| {
        1 << 104 | (topic as u128) << 96 | u128::from(partition) << 64 | u128::from(offset)
    });
    u128::from(input.body.order()) << 112 | position
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// Every required topic has been read to the end it had at the closing.
    Open,
    /// Start, a clock that jumped, a new policy: inputs are applied, nothing is decided.
    Closed,
}

/// How far the activity feeds are known to have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frontier {
    /// Live: how many partitions the activity topic has. A partition never heard of holds nothing back.
    Partitions { count: u32 },
    /// Live: reading of this partition of the activity topic has passed the end it had at `at`.
    EndPassed { partition: u32, at: Millis },
    /// Replay: the export of this source is complete up to here, whatever its last event says.
    Complete { source: Text, until: Millis },
}

/// What a journal entry is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    Batch,
    Policy,
    Gate,
    /// Carries the state's digest beside the outputs'.
    Checkpoint,
    Rules,
    Undo,
    Partitions,
    Rebase,
    /// Nothing happened; proves that this leader still leads.
    Heartbeat,
}

impl EntryKind {
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::Batch => "batch",
            EntryKind::Policy => "policy",
            EntryKind::Gate => "gate",
            EntryKind::Checkpoint => "checkpoint",
            EntryKind::Rules => "rules",
            EntryKind::Undo => "undo",
            EntryKind::Partitions => "partitions",
            EntryKind::Rebase => "rebase",
            EntryKind::Heartbeat => "heartbeat",
        }
    }
}

/// The part of one input partition that an entry covers: offsets in `[from, next)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub topic: Topic,
    pub partition: u32,
    pub from: u64,
    /// Last delivered offset + 1: never a watermark.
    pub next: u64,
    /// Records delivered in between, the rejected ones among them.
    pub read: u32,
    /// Records that `feed` turned away.
    pub rejected: u32,
}

/// One journal entry: all that a replay needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Drawn when the journal was created; in a replay computed from policy and input files.
    pub journal: Id128,
    pub shard: u16,
    /// Gapless from 1.
    pub sequence: u64,
    /// The digest of the entry before; 0 for the first.
    pub previous: Id128,
    /// Never less than the entry's before.
    pub now: Millis,
    /// The version of the rules it was applied under.
    pub rules: u16,
    pub kind: EntryKind,
    pub spans: Vec<Span>,
    /// In the order applied.
    pub inputs: Vec<Input>,
    /// Over the outputs, dead letters excepted.
    pub outputs: Id128,
    /// In checkpoints: over the state after this entry.
    pub state: Option<Id128>,
}

/// The rules that this build applies: `docs/rules.md` as it stands beside it. Every change of behaviour raises it; a
/// build follows no other's.
pub const RULES: u16 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inputs() -> impl Strategy<Value = Input> {
        let topic = proptest::sample::select(Topic::INPUTS.to_vec());
        let numbers = || prop_oneof![0u64..3, any::<u64>()];
        let position = (topic, numbers(), numbers()).prop_map(|(topic, partition, offset)| Position {
            topic,
            partition: partition as u32,
            offset,
        });
        let body = prop_oneof![
            Just(Body::Gate(Gate::Open)),
            (0u32..2).prop_map(|count| Body::Frontier(Frontier::Partitions { count }))
        ];
        (proptest::option::of(position), body).prop_map(|(position, body)| Input { position, body })
    }

    proptest! {
        #[test]
        fn one_number_orders_like_its_parts(one in inputs(), other in inputs()) {
            let parts = |input: &Input| (input.body.order(), input.position);
            prop_assert_eq!(place(&one).cmp(&place(&other)), parts(&one).cmp(&parts(&other)));
        }
    }
}
