//! Commands and results in the directory of a bookd on files: for first steps, where there is no broker.
//!
//! Commands are the committed lines of `commands-0.jsonl`; results are appended to `results-0.jsonl`, an input of bookd;
//! the place stands in `write-crm.place`, written after the results. A writer that ends in between says the last
//! results again: bookd knows them, and the CRM knows what was carried out.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Stream;
use crate::domain::{OutRecord, Record, Topic};
use crate::log::LogError;
use crate::log::files::Outputs;

/// How often the journal is looked at.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// Commands of a Files log are one shard's.
const SHARD: u16 = 0;
const PLACE: &str = "write-crm.place";

pub struct Files {
    dir: PathBuf,
    commands: Outputs,
    /// Holds the lock: one writer at a time.
    _lock: File,
}

impl Files {
    pub fn open(dir: &Path) -> Result<Files, LogError> {
        let lock = lock(&dir.join("write-crm.lock"))?;
        let place = dir.join(PLACE);
        let next = match std::fs::read_to_string(&place) {
            Ok(text) => text.trim().parse().map_err(|_| LogError::Corrupt {
                place: place.display().to_string(),
                what: "is no number: the byte behind the last command that was answered".to_owned(),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed(&place, &error)),
        };
        let commands = Outputs::open(dir, Topic::Commands, SHARD, next);
        Ok(Files { dir: dir.to_owned(), commands, _lock: lock })
    }

    fn append(&self, topic: Topic, outputs: &[OutRecord]) -> Result<(), LogError> {
        let mut lines = Vec::new();
        for output in outputs.iter().filter(|output| output.topic == topic) {
            lines.extend_from_slice(output.value.as_deref().unwrap_or_default());
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.dir.join(name(topic));
        append_lines(&path, &lines).map_err(|error| failed(&path, &error))
    }
}

/// Dead letters have a file of their own: bookd's is its alone.
fn name(topic: Topic) -> String {
    match topic {
        Topic::DeadLetters => "write-crm-dead-letters.jsonl".to_owned(),
        other => format!("{}-{SHARD}.jsonl", other.name()),
    }
}

/// A line that a loss of power tore is ended, and so is a line of its own: bookd turns it away.
fn append_lines(path: &Path, lines: &[u8]) -> std::io::Result<()> {
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    let mut text = Vec::with_capacity(lines.len() + 1);
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        text.extend((last != [b'\n']).then_some(b'\n'));
    }
    text.extend_from_slice(lines);
    file.write_all(&text)?;
    file.sync_data()
}

/// Under another name first: a place is there whole, or the one before is.
fn write_place(dir: &Path, next: u64) -> std::io::Result<()> {
    let aside = dir.join(format!("{PLACE}.new"));
    let mut file = File::create(&aside)?;
    writeln!(file, "{next}")?;
    file.sync_all()?;
    std::fs::rename(&aside, dir.join(PLACE))?;
    File::open(dir)?.sync_all()
}

fn lock(path: &Path) -> Result<File, LogError> {
    let file =
        File::options().create(true).truncate(false).write(true).open(path).map_err(|error| failed(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Fenced(format!("{} is locked", path.display()))),
        Err(TryLockError::Error(error)) => Err(failed(path, &error)),
    }
}

fn failed(path: &Path, error: &std::io::Error) -> LogError {
    LogError::Fatal(format!("{}: {error}", path.display()))
}

impl Stream for Files {
    fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            let records = self.commands.take(max)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !records.is_empty() || left.is_zero() {
                return Ok(records);
            }
            std::thread::sleep(left.min(POLL_EVERY));
        }
    }

    fn commit(&mut self, outputs: &[OutRecord], places: &BTreeMap<u32, u64>) -> Result<(), LogError> {
        self.append(Topic::DeadLetters, outputs)?;
        self.append(Topic::Results, outputs)?;
        match places.get(&u32::from(SHARD)) {
            Some(next) => write_place(&self.dir, *next).map_err(|error| failed(&self.dir, &error)),
            None => Ok(()),
        }
    }

    fn commands(&self) -> &str {
        Topic::Commands.name()
    }

    fn has_lines(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;
    use crate::log::files;

    fn output(topic: Topic, text: &str) -> OutRecord {
        OutRecord { topic, key: None, value: Some(text.into()), headers: Vec::new() }
    }

    fn bookd(dir: &Path, commands: &[&str]) {
        let mut log = files::Files::new(files::Options { dir: dir.to_owned(), shard: 0, sync_every_commits: 1 });
        log.lead().unwrap();
        let commands: Vec<OutRecord> = commands.iter().map(|text| output(Topic::Commands, text)).collect();
        log.commit(&commands, b"entry").unwrap();
    }

    fn polled(stream: &mut Files) -> Vec<String> {
        let records = stream.poll(9, Duration::ZERO).unwrap();
        records.into_iter().map(|record| String::from_utf8(record.value.unwrap()).unwrap()).collect()
    }

    #[test]
    fn what_was_not_committed_comes_again() {
        let dir = tempfile::tempdir().unwrap();
        bookd(dir.path(), &["1", "2"]);
        let mut stream = Files::open(dir.path()).unwrap();
        assert_eq!(polled(&mut stream), ["1", "2"]);
        drop(stream);
        let mut stream = Files::open(dir.path()).unwrap();
        assert_eq!(polled(&mut stream), ["1", "2"]);
        let behind = std::fs::metadata(dir.path().join("commands-0.jsonl")).unwrap().len();
        let outputs = [output(Topic::Results, "r1"), output(Topic::DeadLetters, "d2")];
        stream.commit(&outputs, &BTreeMap::from([(0, behind)])).unwrap();
        bookd(dir.path(), &["3"]);
        drop(stream);
        let mut stream = Files::open(dir.path()).unwrap();
        assert_eq!(polled(&mut stream), ["3"]);
        assert_eq!(std::fs::read_to_string(dir.path().join("results-0.jsonl")).unwrap(), "r1\n");
    }

    #[test]
    fn one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Files::open(dir.path()).unwrap();
        assert!(matches!(Files::open(dir.path()), Err(LogError::Fenced(_))));
        drop(first);
        assert!(Files::open(dir.path()).is_ok());
    }

    #[test]
    fn a_torn_line_is_a_line_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "{\"torn").unwrap();
        append_lines(&path, b"whole\n").unwrap();
        append_lines(&path, b"next\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"torn\nwhole\nnext\n");
    }
}
