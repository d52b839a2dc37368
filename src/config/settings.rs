//! Settings local to one process: where the log is, where snapshots lie, what is listened on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::Topic;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub log: LogSettings,
    /// Where snapshots lie; relative to the working directory.
    pub snapshots_dir: PathBuf,
    /// Entries between two snapshots.
    pub snapshot_every_entries: u64,
    /// Entries between two checkpoints (state digest in the journal).
    pub checkpoint_every_entries: u64,
    /// `None`: no HTTP.
    pub http_listen: Option<SocketAddr>,
    pub batch_max_records: usize,
    /// An idle leader proves its lease this often.
    pub heartbeat_s: u32,
    /// A forward jump of the clock over this closes the gate.
    pub clock_jump_s: u32,
    /// Apart more than this from the log's clock: don't lead.
    pub clock_skew_max_s: u32,
    /// Dead letters of one topic in a row that stop the intake loudly; 0 never.
    pub rejected_in_a_row_max: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LogSettings {
    Files {
        dir: PathBuf,
        /// Commits between two fsyncs; 1 syncs every commit.
        sync_every_commits: u32,
    },
    Kafka {
        brokers: String,
        shard: u16,
        /// `transactional.id` and consumer group: this with the shard behind it.
        id: String,
        topics: BTreeMap<Topic, String>,
        /// Any librdkafka property but those that correctness needs.
        properties: BTreeMap<String, String>,
    },
}
