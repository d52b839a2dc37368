//! The loops: one leader that decides, followers that replay what it decided, and a replay of exports.
//!
//! All of them move one [`replica::Replica`]: an engine with its place in the journal. The leader makes
//! entries with it, a follower takes in entries that were made; recovery, snapshots, `explain` and `journal`
//! are followers. Nothing here is async: the owner thread polls, decides, commits.

pub mod adopt;
pub mod ahead;
pub mod clock;
pub mod error;
pub mod figures;
pub mod follow;
pub mod frontier;
pub mod gate;
pub mod intake;
pub mod lead;
pub mod letters;
pub mod open;
pub mod outbox;
pub mod owners;
pub mod positions;
pub mod rebase;
pub mod recover;
pub mod replay;
pub mod replica;
pub mod setup;
pub mod shard;
pub mod snapshot;
pub mod status;

pub use error::RunError;
