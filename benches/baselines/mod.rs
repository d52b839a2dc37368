//! The plain ways to do it, as their adherents would write them: what the engine's figures are held against.
//!
//! They keep a sum that decays for each account and class, and read the priority from it. They know nothing of
//! events sent twice, of snapshots that replace, of a day's strongest, of owners' evidence, timers and losses: the
//! engine does more. Where nothing of that occurs their sums and the engine's are the same (`agreement.rs`).

pub mod card;
pub mod score;
pub mod typed;
pub mod value;
