//! The log as a port: poll inputs, commit outputs with their journal entry atomically, read the journal.
//!
//! Three holders behind one contract (`tests/log_contract.rs`): Kafka for production, Files for first steps
//! and exports, Simulated for tests. Everything is blocking and belongs to the owner thread.

pub mod files;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod simulated;

use std::time::Duration;

use crate::domain::{Millis, OutRecord, Record, Topic};

/// Where reading of one input partition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub topic: Topic,
    pub partition: u32,
    pub next: u64,
}

/// Sorted by what the caller does.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Nothing happened; the same call may be repeated.
    #[error("the log is not answering: {0}")]
    Retry(String),
    /// The outcome of a commit is unknown, or it was aborted: discard the engine, `lead` again, read the
    /// journal's end, and go on from there.
    #[error("the commit failed or its outcome is unknown: {0}")]
    Rebuild(String),
    /// Somebody else leads this shard: end the process.
    #[error("another instance leads this shard: {0}")]
    Fenced(String),
    /// The journal or a topic isn't what it must be: a gap, a flipped bit, a truncation.
    #[error("{place}: {what}")]
    Corrupt { place: String, what: String },
    #[error("{0}")]
    Fatal(String),
}

/// One committed journal entry as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    pub bytes: Vec<u8>,
    /// Opaque place of this entry, and of what follows it, for `open_journal`.
    pub at: u64,
    pub next: u64,
    /// When the log appended it, by the log's own clock.
    pub appended: Millis,
}

/// A committed record of an output, read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    pub partition: u32,
    pub offset: u64,
    pub value: &'a [u8],
}

pub trait JournalReader: Send {
    /// The next committed entry, or `None` if there is none within `wait`. Entries that were appended before
    /// `open_journal` was called are never missed: `None` within them is an error, not an end.
    fn next(&mut self, wait: Duration) -> Result<Option<JournalRecord>, LogError>;
}

pub trait Log: Send {
    /// Keeps others from leading, where that changes nothing yet, and returns true: then `lead` may cut off what the
    /// journal doesn't know of, and the caller first makes sure that the journal is the one it knows. False: `lead`
    /// cuts nothing off.
    fn claim(&mut self) -> Result<bool, LogError> {
        Ok(false)
    }

    /// Takes the leadership of the shard: from here on a former leader's commits fail. Must be called
    /// before the journal is read to its end, and again after [`LogError::Rebuild`].
    fn lead(&mut self) -> Result<(), LogError>;

    /// How many partitions each input topic has; a topic that doesn't exist has none.
    fn partitions(&mut self) -> Result<Vec<(Topic, u32)>, LogError>;

    /// Starts reading inputs at these places; partitions that aren't named are read from their beginning.
    /// Which partitions there are is looked up here: one that is added later is read from the next `assign`
    /// on, so that the caller can journal it first.
    fn assign(&mut self, places: &[Place]) -> Result<(), LogError>;

    /// Appends up to `max` committed input records to `into`, waiting up to `wait` for the first. In one
    /// partition in order; among partitions in any. Returns how many.
    fn poll(&mut self, max: usize, wait: Duration, into: &mut Vec<Record>) -> Result<usize, LogError>;

    /// Takes records that are done with, so that the next ones can be put into their memory.
    fn recycle(&mut self, _done: Vec<Record>) {}

    /// The end of every assigned partition now: `next` of the last record that can be read. Kafka can't tell
    /// that before it was read: until then the end may be a little later (markers of transactions take
    /// offsets too), so a caller that waits for an end asks again.
    fn ends(&mut self) -> Result<Vec<Place>, LogError>;

    /// Commits outputs and journal entry together: all become visible or none. Returns when that is certain.
    fn commit(&mut self, outputs: &[OutRecord], entry: &[u8]) -> Result<(), LogError>;

    /// Makes what was committed durable. Only a holder that gathers commits in groups has something to do.
    fn sync(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    /// Hands over every committed record of an output that has a value, from the first that is still there; those of
    /// one key in order. Returns how many offsets are gone before them. The caller leads.
    fn read_output(&mut self, topic: Topic, each: &mut dyn FnMut(Stored<'_>)) -> Result<u64, LogError>;

    /// Begins a journal anew with this entry, beside outputs that stay as they are, and leads it. A holder that can
    /// sets the old journal aside, and says where it is now; the others need an empty place for the new one.
    fn begin_anew(&mut self, entry: &[u8]) -> Result<Option<String>, LogError> {
        self.lead()?;
        let mut reader = match self.open_journal(0) {
            Err(LogError::Corrupt { place, .. }) => return Err(not_empty(&place)),
            opened => opened?,
        };
        match reader.next(Duration::ZERO) {
            Ok(None) => self.commit(&[], entry).map(|()| None),
            Ok(Some(_)) => Err(not_empty("the configured journal")),
            Err(LogError::Corrupt { place, .. }) => Err(not_empty(&place)),
            Err(error) => Err(error),
        }
    }

    /// A reader of this shard's journal from a place that a [`JournalRecord`] gave, or 0 for its beginning.
    fn open_journal(&mut self, at: u64) -> Result<Box<dyn JournalReader>, LogError>;
}

fn not_empty(place: &str) -> LogError {
    LogError::Fatal(format!(
        "{place} holds entries, and a new journal needs a new topic: create one, name it in the configuration \
         (`[kafka.topics] journal`), and say this again. The old topic stays as it is"
    ))
}

/// Inputs, and the journal itself, are not written as outputs.
fn check_outputs(outputs: &[OutRecord]) -> Result<(), LogError> {
    match outputs.iter().find(|output| output.topic == Topic::Journal || !Topic::OUTPUTS.contains(&output.topic)) {
        Some(other) => Err(LogError::Fatal(format!("{} is not an output", other.topic.name()))),
        None => Ok(()),
    }
}
