//! Reading a shard's journal partition: entries put together from their pieces, up to a known end, then following.

use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Message};

use super::chunks::Pieces;
use super::options::Options;
use super::partition::{Ends, Partition};
use crate::domain::{Millis, Topic};
use crate::log::{JournalReader, JournalRecord, LogError};

pub struct Reader {
    partition: Partition,
    pieces: Pieces,
    /// Where the entry begins that is being put together.
    start: u64,
}

impl Reader {
    pub fn open(options: &Options, at: u64) -> Result<Reader, LogError> {
        let number = i32::from(options.shard);
        let mut partition = Partition::find(options, &Ends::new(options)?, options.output(Topic::Journal), number)?;
        check(&partition, at)?;
        partition.read_from(at)?;
        Ok(Reader { partition, pieces: Pieces::default(), start: at })
    }
}

fn check(partition: &Partition, at: u64) -> Result<(), LogError> {
    let Partition { begin, target, .. } = partition;
    if at < *begin {
        let what = format!("begins at {begin}, reading should go on at {at}: its retention is too short");
        return Err(partition.corrupt(what));
    }
    if at > *target {
        let what = format!("ends at {target}, reading should go on at {at}: its end is missing");
        return Err(partition.corrupt(what));
    }
    Ok(())
}

/// The entry that this piece completes.
fn take(pieces: &mut Pieces, start: &mut u64, message: &BorrowedMessage<'_>) -> Result<Option<JournalRecord>, String> {
    let offset = message.offset() as u64;
    if pieces.is_empty() {
        *start = offset;
    }
    let appended = Millis(message.timestamp().to_millis().unwrap_or(0));
    let bytes = pieces.take(message.payload().unwrap_or_default())?;
    Ok(bytes.map(|bytes| JournalRecord { bytes, at: *start, next: offset + 1, appended }))
}

impl JournalReader for Reader {
    fn next(&mut self, wait: Duration) -> Result<Option<JournalRecord>, LogError> {
        let Reader { partition, pieces, start } = self;
        partition.next(wait, |message| take(pieces, start, message))
    }
}
