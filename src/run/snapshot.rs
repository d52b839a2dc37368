//! Snapshots are written by a follower in a worker thread: it loads the last one, replays the journal, writes the
//! next. The owner thread never pauses, and every snapshot proves that recovery works.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::{error, info};

use super::error::RunError;
use super::open::OpenLog;
use super::recover;
use crate::metrics::Meters;
use crate::wire;

/// The journal holds the entry already; only the network may be slow.
const ENTRY_WAIT: Duration = Duration::from_secs(30);

pub struct Snapshots {
    open: OpenLog,
    shard: u16,
    dir: PathBuf,
    every_entries: u64,
    /// The entry that the last snapshot was asked for, or that recovery began from.
    last: u64,
    worker: Option<JoinHandle<Result<PathBuf, RunError>>>,
}

impl Snapshots {
    pub fn new(open: OpenLog, shard: u16, dir: PathBuf, every_entries: u64) -> Snapshots {
        Snapshots { open, shard, dir, every_entries, last: 0, worker: None }
    }

    /// Recovery began from the snapshot of this entry.
    pub fn began_from(&mut self, sequence: u64) {
        self.last = self.last.max(sequence);
    }

    /// Whether the next snapshot should begin: the caller first makes what it committed durable.
    pub fn is_due(&self, sequence: u64) -> bool {
        let busy = self.worker.as_ref().is_some_and(|worker| !worker.is_finished());
        !busy && sequence >= self.last + self.every_entries
    }

    /// Begins a snapshot of the state after this entry, in a thread of its own.
    pub fn begin(&mut self, sequence: u64, meters: &mut Meters) {
        self.collect(meters);
        self.last = sequence;
        let (open, shard, dir) = (self.open.clone(), self.shard, self.dir.clone());
        self.worker = Some(std::thread::spawn(move || write(&open, shard, &dir, sequence)));
    }

    /// The last snapshot, at a clean end: the next start has next to nothing to replay.
    pub fn finish(mut self, sequence: u64, meters: &mut Meters) {
        self.collect(meters);
        if sequence > self.last {
            self.begin(sequence, meters);
            self.collect(meters);
        }
    }

    /// Waits for the worker. A snapshot that failed is told and skipped: the journal has everything.
    fn collect(&mut self, meters: &mut Meters) {
        let Some(worker) = self.worker.take() else { return };
        let written = worker.join();
        meters.snapshot(matches!(written, Ok(Ok(_))));
        match written {
            Ok(Ok(path)) => info!(snapshot = %path.display(), "snapshot written"),
            Ok(Err(why)) => error!(%why, "snapshot failed"),
            Err(_) => error!("snapshot failed: its thread panicked"),
        }
    }
}

/// Loads the last snapshot, follows the journal to this entry, writes the next.
pub fn write(open: &OpenLog, shard: u16, dir: &Path, sequence: u64) -> Result<PathBuf, RunError> {
    let mut log = open.open()?;
    let mut follower = recover::begin(&mut *log, shard, dir)?;
    while follower.sequence() < sequence {
        if follower.next(ENTRY_WAIT)?.is_none() {
            let what = format!("journal entry {sequence} did not arrive");
            return Err(crate::log::LogError::Retry(what).into());
        }
    }
    let io = |error| RunError::Io { what: dir.display().to_string(), error };
    let (Some(header), Some(replica)) = (follower.header(), follower.replica()) else {
        return Err(io(std::io::Error::other("the journal is empty")));
    };
    wire::snapshot::write(dir, &header, &wire::state::encode(&replica.engine)).map_err(io)
}
