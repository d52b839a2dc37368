//! A record of a topic as bytes: what `log` polls and commits, before `feed` and after `wire`.

use super::{Millis, Text, Topic};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub topic: Topic,
    pub partition: u32,
    /// Kafka's offset; in a Files log the byte at which the line starts.
    pub offset: u64,
    /// Where reading goes on after this record: Kafka's offset + 1, or the byte after the line.
    pub next: u64,
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Text, Vec<u8>)>,
    pub timestamp: Millis,
}

/// A record to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRecord {
    pub topic: Topic,
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Text, Vec<u8>)>,
}
