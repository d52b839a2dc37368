//! The log as a directory of JSON-lines files: first steps, demos, exports and replays, with nothing installed.
//!
//! - Inputs: `<topic>-<partition>.jsonl`, one JSON text a line, appended by whoever feeds bookd. Offsets are
//!   byte positions; a last line without its newline isn't there yet; blank lines are skipped. A record has
//!   no key and no headers, and its timestamp is the file's last change.
//! - Outputs: `<topic>-<shard>.jsonl`, the values as lines. A tombstone is the line
//!   `{"tombstone":true,"key":"…"}`, in inputs too. Whoever tails them sees the bytes of a commit a moment
//!   before it is certain; after a crash lines that weren't committed are cut off, and appended to
//!   `<topic>-<shard>.jsonl.uncommitted`.
//! - Journal: `journal-<shard>.log`, frames with checksums ([`frame`]); it says how long the outputs are.
//!
//! One leader at a time, by an exclusive lock on the journal file: a second one is turned away, and the lock
//! ends with its process.

mod again;
mod anew;
mod frame;
mod inputs;
mod lines;
mod names;
mod outputs;
mod reader;
mod recovery;
mod send;
mod writer;

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

pub use self::again::Again;
use self::inputs::Inputs;
pub use self::lines::LINE_BYTES_MAX;
pub use self::outputs::Outputs;
use self::reader::Reader;
pub use self::send::send;
use self::writer::Writer;
use crate::domain::{Millis, OutRecord, Record, Topic};
use crate::log::{JournalReader, Log, LogError, Place, Stored};

/// How often a file that is at its end is looked at again.
const POLL_EVERY: Duration = Duration::from_millis(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Must exist.
    pub dir: PathBuf,
    pub shard: u16,
    /// Commits between two fsyncs. With 1 a commit that returned survives everything; with more, a crash or
    /// power loss takes the last group as a whole.
    pub sync_every_commits: u32,
}

#[derive(Debug)]
pub struct Files {
    options: Options,
    /// Holds the lock.
    journal: Option<File>,
    writer: Option<Writer>,
    inputs: Inputs,
}

impl Files {
    /// Touches nothing yet: [`Log::lead`] does.
    pub fn new(options: Options) -> Files {
        Files { options, journal: None, writer: None, inputs: Inputs::default() }
    }

    /// Of files to which nobody appends any more: their last lines that have no newline, behind all that `poll` gives.
    pub fn take_unfinished(&mut self) -> Result<Vec<Record>, LogError> {
        self.inputs.rest()
    }

    fn locked_journal(&mut self) -> Result<File, LogError> {
        let path = names::journal(&self.options.dir, self.options.shard);
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => lock(&path)?,
        };
        let handle = journal.try_clone().map_err(|error| failed(&path, &error));
        self.journal = Some(journal);
        handle
    }
}

/// Whether a journal was ever begun in this directory.
pub fn has_journal(dir: &Path, shard: u16) -> bool {
    names::journal(dir, shard).exists()
}

impl Log for Files {
    fn claim(&mut self) -> Result<bool, LogError> {
        self.locked_journal().map(|_| true)
    }

    fn lead(&mut self) -> Result<(), LogError> {
        if let Some(mut writer) = self.writer.take() {
            writer.flush()?;
        }
        let Options { dir, shard, sync_every_commits } = self.options.clone();
        let journal = self.locked_journal()?;
        let recovered = recovery::recover(&dir, shard, &journal)?;
        let path = names::journal(&dir, shard);
        self.writer = Some(Writer::new(recovered, path, journal, sync_every_commits));
        Ok(())
    }

    fn partitions(&mut self) -> Result<Vec<(Topic, u32)>, LogError> {
        names::input_partitions(&self.options.dir)
    }

    fn assign(&mut self, places: &[Place]) -> Result<(), LogError> {
        self.inputs = Inputs::assign(&self.options.dir, places)?;
        Ok(())
    }

    fn poll(&mut self, max: usize, wait: Duration, into: &mut Vec<Record>) -> Result<usize, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            let taken = self.inputs.take(max, into)?;
            if taken > 0 {
                return Ok(taken);
            }
            // Nothing to do: the group that was gathered needn't wait for more.
            self.sync()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(0);
            }
            std::thread::sleep(left.min(POLL_EVERY));
        }
    }

    fn ends(&mut self) -> Result<Vec<Place>, LogError> {
        self.inputs.ends()
    }

    fn commit(&mut self, outputs: &[OutRecord], entry: &[u8]) -> Result<(), LogError> {
        let Some(writer) = &mut self.writer else {
            return Err(LogError::Rebuild("this instance does not lead".to_owned()));
        };
        let committed = writer.commit(outputs, entry, now());
        if let Err(LogError::Rebuild(_) | LogError::Fatal(_)) = &committed {
            self.writer = None;
        }
        committed
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.writer.as_mut().map_or(Ok(()), Writer::flush)
    }

    fn read_output(&mut self, topic: Topic, each: &mut dyn FnMut(Stored<'_>)) -> Result<u64, LogError> {
        let partition = u32::from(self.options.shard);
        let path = names::lines(&self.options.dir, topic, partition);
        if let Some(mut lines) = lines::Lines::open(&path, 0)? {
            while let Some(line) = lines.next()? {
                each(Stored { partition, offset: line.start, value: &line.text });
            }
        }
        Ok(0)
    }

    fn begin_anew(&mut self, entry: &[u8]) -> Result<Option<String>, LogError> {
        self.writer = None;
        // Nobody leads the old one while it is set aside, nor the new one before we do.
        let old = self.locked_journal()?;
        let begun = anew::begin(&self.options.dir, self.options.shard, entry, now())?;
        self.journal = Some(begun.journal);
        drop(old);
        self.lead()?;
        Ok(begun.aside.map(|path| path.display().to_string()))
    }

    fn open_journal(&mut self, at: u64) -> Result<Box<dyn JournalReader>, LogError> {
        self.sync()?;
        let target = self.writer.as_ref().map_or(0, Writer::end);
        Ok(Box::new(Reader::open(&self.options.dir, self.options.shard, at, target)?))
    }
}

fn lock(path: &Path) -> Result<File, LogError> {
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(|error| failed(path, &error))?;
    match file.try_lock() {
        Ok(()) if !is_named(&file, path) => Err(LogError::Fenced(format!("{} was just begun anew", path.display()))),
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Fenced(format!("{} is locked", path.display()))),
        Err(TryLockError::Error(error)) => Err(failed(path, &error)),
    }
}

/// Whether the file still has this name: between opening and locking it may have been set aside.
fn is_named(file: &File, path: &Path) -> bool {
    let place = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let named = std::fs::metadata(path).map(place);
    matches!((file.metadata().map(place), named), (Ok(opened), Ok(named)) if opened == named)
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn failed(path: &Path, error: &io::Error) -> LogError {
    LogError::Fatal(format!("{}: {error}", path.display()))
}

fn corrupt(path: &Path, what: String) -> LogError {
    LogError::Corrupt { place: path.display().to_string(), what }
}
