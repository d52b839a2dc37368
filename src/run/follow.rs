//! A follower: reads the journal, applies it with an engine of its own, and proves on the way that it leads to
//! what was decided. Recovery, snapshots, `explain` and `journal` are followers.

use std::time::Duration;

use super::ahead::{self, Place};
use super::error::{Broken, RunError};
use super::recover::damaged;
use super::replica::{Replica, Taken};
use crate::engine::Engine;
use crate::log::{JournalReader, JournalRecord, Log};
use crate::wire;
use crate::wire::snapshot::Header;

pub struct Follower {
    reader: Box<dyn JournalReader>,
    shard: u16,
    /// `None` before the first entry: that one says which journal it is.
    replica: Option<Replica>,
    /// Of the last entry that was taken in.
    last: Option<Place>,
}

impl Follower {
    /// Follows the whole journal.
    pub fn from_start(log: &mut dyn Log, shard: u16) -> Result<Follower, RunError> {
        Ok(Follower {
            reader: log.open_journal(0).map_err(|error| damaged(Some(1), error))?,
            shard,
            replica: None,
            last: None,
        })
    }

    /// Goes on behind a snapshot. The caller has made sure that it is of this journal.
    pub fn from_snapshot(log: &mut dyn Log, header: &Header, engine: Engine) -> Result<Follower, RunError> {
        Ok(Follower {
            reader: log.open_journal(header.next)?,
            shard: header.shard,
            replica: Some(Replica::from_snapshot(header, engine)),
            last: Some(Place { at: header.at, next: header.next }),
        })
    }

    /// Takes the next entry in; `None` if there is none within `wait`.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Taken>, RunError> {
        let sequence = self.sequence() + 1;
        let record = self.reader.next(wait).map_err(|error| damaged(Some(sequence), error))?;
        let Some(record) = record else { return Ok(None) };
        self.take(&record).map(Some)
    }

    /// Takes in what the journal holds by now; returns how many entries that were. Their outputs are out.
    pub fn catch_up(&mut self) -> Result<u64, RunError> {
        // The first entry says which journal it is.
        let first = match &self.replica {
            None => u64::from(self.next(Duration::ZERO)?.is_some()),
            Some(_) => 0,
        };
        let Some(replica) = &mut self.replica else { return Ok(first) };
        let reached = ahead::catch_up(replica, &mut *self.reader)?;
        self.last = reached.last.or(self.last);
        Ok(first + reached.entries)
    }

    fn take(&mut self, record: &JournalRecord) -> Result<Taken, RunError> {
        let sequence = self.sequence() + 1;
        let refused = |why| RunError::of_entry(sequence, record.at, why);
        if self.replica.is_none() {
            let first = wire::entry::decode(&record.bytes).map_err(|error| refused(Broken::Bytes(error)))?;
            self.replica = Some(Replica::new(first.journal, self.shard));
        }
        let replica = self.replica.as_mut().expect("it was set where it was missing");
        let taken = replica.take(&record.bytes).map_err(refused)?;
        self.last = Some(Place { at: record.at, next: record.next });
        Ok(taken)
    }

    /// Of the last entry taken in; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.replica.as_ref().map_or(0, Replica::sequence)
    }

    /// `None` while the journal is empty.
    pub fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// The engine's place, and the reader for what comes next.
    pub fn into_parts(self) -> (Option<Replica>, Box<dyn JournalReader>) {
        (self.replica, self.reader)
    }

    /// A snapshot's header for the state reached; `None` before the first entry.
    pub fn header(&self) -> Option<Header> {
        let (replica, last) = (self.replica.as_ref()?, self.last?);
        Some(Header {
            journal: replica.journal(),
            shard: replica.shard(),
            sequence: replica.sequence(),
            at: last.at,
            next: last.next,
            digest: replica.previous(),
            now: replica.engine.now(),
            rules: crate::domain::input::RULES,
            positions: replica.positions().rows(),
            policy_version: replica.engine.policy().map_or(0, |policy| policy.version),
            build: env!("CARGO_PKG_VERSION").into(),
            created: super::clock::Clock::Wall.now(),
        })
    }
}
