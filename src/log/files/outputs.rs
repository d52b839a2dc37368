//! Following an output as other programs read it: committed lines alone, while bookd goes on writing.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::frame::{FILE_HEAD, Frames, OUTPUTS, Step};
use super::inputs;
use super::lines::Lines;
use super::{failed, names, recovery};
use crate::domain::{Record, Topic};
use crate::log::LogError;

/// One output of one shard. Lines that a crash left uncommitted are never handed over: the journal says how long the
/// file is.
#[derive(Debug)]
pub struct Outputs {
    topic: Topic,
    shard: u16,
    path: PathBuf,
    journal: PathBuf,
    /// `None` until there is a journal.
    followed: Option<Followed>,
    /// So many bytes are committed.
    committed: u64,
    /// Where reading goes on.
    next: u64,
}

#[derive(Debug)]
struct Followed {
    frames: Frames,
    file: Identity,
}

/// Device and number: a name may be another file's tomorrow, this is none's for as long as it is open.
type Identity = (u64, u64);

impl Outputs {
    /// Goes on at a byte that an earlier record gave as its `next`, or at 0.
    pub fn open(dir: &Path, topic: Topic, shard: u16, next: u64) -> Outputs {
        let (path, journal) = (names::lines(dir, topic, u32::from(shard)), names::journal(dir, shard));
        Outputs { topic, shard, path, journal, followed: None, committed: 0, next }
    }

    /// Up to `max` records that are committed now.
    pub fn take(&mut self, max: usize) -> Result<Vec<Record>, LogError> {
        self.follow_journal()?;
        let mut records = Vec::new();
        if self.next >= self.committed {
            return Ok(records);
        }
        // Opened each time: what stands behind the committed bytes may be another text tomorrow, and isn't kept.
        let Some(mut lines) = Lines::open(&self.path, self.next)? else { return Ok(records) };
        let timestamp = lines.refresh()?;
        while let Some(line) = lines.next()?.filter(|line| records.len() < max && line.next <= self.committed) {
            self.next = line.next;
            records.push(inputs::record(self.topic, u32::from(self.shard), line, timestamp));
        }
        Ok(records)
    }

    fn follow_journal(&mut self) -> Result<(), LogError> {
        self.read_frames()?;
        // One that was begun anew says in its first frame how long the outputs are: they stay, and so does our place.
        // The old one is read to its end before, and kept while there is none by its name.
        let named = std::fs::metadata(&self.journal);
        let Some(named) = present(named).map_err(|error| failed(&self.journal, &error))? else { return Ok(()) };
        if self.followed.as_ref().is_none_or(|followed| followed.file != identity(&named)) {
            self.begin()?;
            self.read_frames()?;
        }
        Ok(())
    }

    fn read_frames(&mut self) -> Result<(), LogError> {
        let index = OUTPUTS.iter().position(|output| *output == self.topic).expect("an output");
        let Some(Followed { frames, .. }) = &mut self.followed else { return Ok(()) };
        while let Step::Frame(frame) = frames.next().map_err(|error| failed(&self.journal, &error))? {
            self.committed = frame.lengths[index];
        }
        Ok(())
    }

    /// A journal without its whole head is none yet.
    fn begin(&mut self) -> Result<(), LogError> {
        let failed = |error: io::Error| failed(&self.journal, &error);
        let Some(file) = present(File::open(&self.journal)).map_err(failed)? else { return Ok(()) };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.len() >= FILE_HEAD {
            recovery::check_head(&self.journal, self.shard, &file)?;
            let frames = Frames::new(file, FILE_HEAD).map_err(failed)?;
            self.followed = Some(Followed { frames, file: identity(&metadata) });
        }
        Ok(())
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// `None`: there is no such file. Whatever else stands against opening one is an error.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OutRecord;
    use crate::log::Log;
    use crate::log::files::{Files, Options};

    fn command(text: &str) -> OutRecord {
        OutRecord { topic: Topic::Commands, key: None, value: Some(text.into()), headers: Vec::new() }
    }

    fn texts(records: &[Record]) -> Vec<String> {
        records.iter().map(|record| String::from_utf8(record.value.clone().unwrap()).unwrap()).collect()
    }

    #[test]
    fn only_committed_lines_are_handed_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut outputs = Outputs::open(dir.path(), Topic::Commands, 0, 0);
        assert_eq!(outputs.take(9).unwrap(), []);
        let mut log = Files::new(Options { dir: dir.path().to_owned(), shard: 0, sync_every_commits: 1 });
        log.lead().unwrap();
        log.commit(&[command("1"), command("2"), command("3")], b"entry").unwrap();
        let lines = dir.path().join("commands-0.jsonl");
        let mut text = std::fs::read(&lines).unwrap();
        text.extend_from_slice(b"4 torn off by a crash\n");
        std::fs::write(&lines, text).unwrap();
        let first = outputs.take(2).unwrap();
        assert_eq!(texts(&first), ["1", "2"]);
        assert_eq!(texts(&outputs.take(9).unwrap()), ["3"]);
        assert_eq!(outputs.take(9).unwrap(), []);

        drop(log);
        let mut log = Files::new(Options { dir: dir.path().to_owned(), shard: 0, sync_every_commits: 1 });
        log.lead().unwrap();
        log.commit(&[command("4")], b"entry").unwrap();
        assert_eq!(texts(&outputs.take(9).unwrap()), ["4"]);
        let mut again = Outputs::open(dir.path(), Topic::Commands, 0, first[1].next);
        assert_eq!(texts(&again.take(9).unwrap()), ["3", "4"]);
    }

    /// As `bookd recover` does it while somebody reads on.
    #[test]
    fn a_journal_that_was_begun_anew_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Files::new(Options { dir: dir.path().to_owned(), shard: 0, sync_every_commits: 1 });
        log.lead().unwrap();
        log.commit(&[command("1"), command("2")], b"entry").unwrap();
        let mut outputs = Outputs::open(dir.path(), Topic::Commands, 0, 0);
        assert_eq!(texts(&outputs.take(1).unwrap()), ["1"]);
        log.begin_anew(b"begun anew").unwrap();
        log.commit(&[command("3")], b"entry").unwrap();
        assert_eq!(texts(&outputs.take(9).unwrap()), ["2", "3"]);
        log.commit(&[command("4")], b"entry").unwrap();
        // Between the two renames there is none.
        let (journal, away) = (names::journal(dir.path(), 0), dir.path().join("away"));
        std::fs::rename(&journal, &away).unwrap();
        assert_eq!(texts(&outputs.take(9).unwrap()), ["4"]);
        std::fs::rename(&away, &journal).unwrap();
        log.commit(&[command("5")], b"entry").unwrap();
        assert_eq!(texts(&outputs.take(9).unwrap()), ["5"]);
    }

    #[test]
    fn a_journal_that_cannot_be_opened_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let journal = names::journal(dir.path(), 0);
        // It leads to itself: opening it fails for everybody, and it isn't that it isn't there.
        std::os::unix::fs::symlink(&journal, &journal).unwrap();
        let told = Outputs::open(dir.path(), Topic::Commands, 0, 0).take(9).unwrap_err().to_string();
        assert!(told.contains("journal-0.log"), "{told}");
    }
}
