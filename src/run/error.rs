//! Why a loop ends. Every message says what was found, where, and what can be done about it.

use std::path::PathBuf;

use super::owners::Unreadable;
use crate::domain::ids::Id128;
use crate::domain::{Code, Topic};
use crate::log::LogError;
use crate::wire::WireError;
use crate::wire::entry::TooLong;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry isn't what this engine makes of the same inputs, or isn't the next one.
    #[error(
        "journal entry {sequence} (place {at}): {why}. bookd does not go on from a state that it can't prove: restore \
         the journal from a backup, or begin a new one from the emitted commands: `bookd recover --from-commands`"
    )]
    Journal { sequence: u64, at: u64, why: Broken },
    /// An entry that another build wrote, in another format or under other rules: nothing is wrong with it.
    #[error(
        "journal entry {sequence} (place {at}): {why}. Run the build that wrote it. Or give up scores, rests, holds and \
         warnings, and begin a new journal from the emitted commands: `bookd recover --from-commands --force`"
    )]
    OtherBuild { sequence: u64, at: u64, why: Broken },
    #[error("journal entry {sequence} can't be written: {why}. Nothing was changed")]
    EntryTooLong { sequence: u64, why: TooLong },
    /// The log's own checks found it.
    #[error(
        "journal{}: {place}: {what}. Restore it from a backup, or begin a new one from the emitted commands: \
         `bookd recover --from-commands`", entry.map_or(String::new(), |entry| format!(" entry {entry}"))
    )]
    Damaged { entry: Option<u64>, place: String, what: String },
    /// An input topic isn't what was read of it.
    #[error(
        "{place}: {what}. `bookd recover --rebase` takes the reading of `reps`, `accounts` and `opportunities` back to \
         their beginning; `--topics` names others"
    )]
    Parted { place: String, what: String },
    #[error(
        "the command at partition {}, offset {} of the commands topic can't be read: {}. `--skip-unreadable` recovers \
         without it; its seat may then stand one command behind", .0.partition, .0.offset, .0.why
    )]
    Command(Unreadable),
    #[error(
        "the commands topic holds no command of this shard ({foreign} are other shards', {unreadable} can't be read): is \
         this the right log? With \
         `--force` a new journal begins in which nobody owns anything"
    )]
    NoCommands { foreign: u64, unreadable: u64 },
    #[error(
        "{gone} offsets are gone from the beginning of the commands topic: seats whose commands were among them would \
         be adopted from the CRM, and their sequences begin with 1 again. `--force` does it all the same"
    )]
    CommandsGone { gone: u64 },
    #[error(
        "the journal is whole up to entry {sequence}: nothing needs recovering, and a new journal would lose scores, \
         rests, holds and warnings. `--force` does it all the same"
    )]
    Whole { sequence: u64 },
    /// The newest good snapshot isn't of this journal as it is now.
    #[error(
        "snapshot {}: {why}. If the journal was restored or begun anew on purpose, move the snapshots away; \
         otherwise the journal has lost its end: restore it, or begin a new one from the emitted commands: \
         `bookd recover --from-commands`", path.display()
    )]
    Snapshot { path: PathBuf, why: Foreign },
    #[error(
        "the policy's version {version} is already in force with another text: give the changed policy a higher \
         version"
    )]
    PolicyReused { version: u32 },
    #[error(
        "this machine's clock and the log's are {apart_s} s apart, {max_s} s are allowed: not leading. Set the clock \
         (NTP), or raise `clock_skew_max`"
    )]
    ClockSkew { apart_s: u64, max_s: u32 },
    #[error(
        "{in_a_row} records of {topic} in a row were turned away, the last at partition {partition}, offset {offset}: \
         {code} ({detail}). The intake stops before it turns everything away: repair the feed or the policy, or \
         raise `rejected_in_a_row_max` (0 turns this off)",
        topic = topic.name(), code = code.text()
    )]
    Rejected { in_a_row: u32, topic: Topic, partition: u32, offset: u64, code: Code, detail: String },
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
    #[error(
        "{place} already holds a journal: a replay begins its own; name another place (files: `--out`, Kafka: another \
         journal topic)"
    )]
    NotEmpty { place: String },
    #[error(
        "entry {sequence} of the journal there isn't what this replay makes of it: resume with the same files, policy \
         and options, or name another place with `--out`"
    )]
    OtherReplay { sequence: u64 },
    #[error("there is nothing to replay in {}: no {} with a line", dir.display(), "<topic>-<partition>.jsonl")]
    NothingToReplay { dir: PathBuf },
    #[error(
        "entry {sequence}: timers, losses and matching did not come to an end within {entries} entries of one tick"
    )]
    Endless { sequence: u64, entries: u32 },
}

impl RunError {
    /// Of an entry that can't be taken in.
    pub fn of_entry(sequence: u64, at: u64, why: Broken) -> RunError {
        match why {
            Broken::Bytes(WireError::Older { .. } | WireError::Newer { .. }) | Broken::Rules { .. } => {
                RunError::OtherBuild { sequence, at, why }
            }
            why => RunError::Journal { sequence, at, why },
        }
    }
}

/// What is wrong with a journal entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("can't be read: {0}")]
    Bytes(#[from] WireError),
    #[error("has the sequence {found} where {expected} comes next: entries are missing or doubled")]
    Sequence { expected: u64, found: u64 },
    #[error("belongs to journal {found}, not to {expected}")]
    OtherJournal { expected: Id128, found: Id128 },
    #[error("belongs to shard {found}, not to {expected}")]
    OtherShard { expected: u16, found: u16 },
    #[error("follows an entry of digest {found}, but the one before has {expected}: the chain is broken")]
    Chain { expected: Id128, found: Id128 },
    #[error("was made under rules {found}; this build knows {known}")]
    Rules { found: u16, known: u16 },
    #[error("bears a time before that of the entry before it")]
    Backwards,
    #[error("reads {topic}-{partition} from {found}, but reading had got to {expected}", topic = topic.name())]
    Span { topic: Topic, partition: u32, expected: u64, found: u64 },
    #[error("decides otherwise when it is applied again: outputs {found}, journalled {expected}")]
    Outputs { expected: Id128, found: Id128 },
    #[error("leads to another state when it is applied again: {found}, journalled {expected}")]
    State { expected: Id128, found: Id128 },
}

/// Why a good snapshot doesn't fit the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    #[error("is of shard {found}, this is shard {expected}")]
    Shard { expected: u16, found: u16 },
    #[error("was made at entry {sequence}, which the journal doesn't have ({detail})")]
    Beyond { sequence: u64, detail: String },
    #[error("was made at entry {sequence}, but the journal has another entry there")]
    OtherEntry { sequence: u64 },
    #[error("was made under rules {found}; this build knows {known}")]
    Rules { found: u16, known: u16 },
}
