//! The write side of a log directory: commits, gathered in groups, outputs before the journal.
//!
//! A group is written at once: the outputs' bytes, then their fsync, then the frames, then the journal's
//! fsync. So outputs may be ahead of the journal on the disk, never behind it, and recovery cuts off what is
//! ahead. A crash loses the group that was being gathered as a whole; with groups of one that is nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::Serialize;

use super::frame::{self, ENTRY_BYTES_MAX, Lengths, OUTPUTS};
use super::recovery::{Output, Recovered};
use crate::domain::{Millis, OutRecord};
use crate::log::{LogError, check_outputs};

/// A group is written once it is this large, however few commits it holds.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub struct Writer {
    outputs: [Output; OUTPUTS.len()],
    path: PathBuf,
    journal: File,
    /// What lies on the disk.
    lengths: Lengths,
    end: u64,
    group: Group,
    commits_per_group: u32,
}

/// Commits that aren't written yet.
#[derive(Debug, Default)]
struct Group {
    outputs: [Vec<u8>; OUTPUTS.len()],
    frames: Vec<u8>,
    commits: u32,
}

#[derive(Serialize)]
struct TombstoneLine<'a> {
    tombstone: bool,
    key: &'a str,
}

impl Writer {
    pub fn new(recovered: Recovered, path: PathBuf, journal: File, commits_per_group: u32) -> Writer {
        Writer {
            outputs: recovered.outputs,
            path,
            journal,
            lengths: recovered.lengths,
            end: recovered.end,
            group: Group::default(),
            commits_per_group,
        }
    }

    /// The journal's length, all that was flushed included.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Adds a commit to the group, and writes the group if it is full. After an error this commit isn't
    /// there; commits gathered before it still are.
    pub fn commit(&mut self, outputs: &[OutRecord], entry: &[u8], now: Millis) -> Result<(), LogError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(LogError::Fatal(format!("an entry of {} bytes; {ENTRY_BYTES_MAX} are possible", entry.len())));
        }
        check_outputs(outputs)?;
        let mark = self.group.mark();
        for output in outputs {
            let index = OUTPUTS.iter().position(|topic| *topic == output.topic).expect("a file for every output");
            put_line(output, &mut self.group.outputs[index]);
        }
        let lengths = std::array::from_fn(|index| self.lengths[index] + self.group.outputs[index].len() as u64);
        frame::put(&mut self.group.frames, self.end, now, &lengths, entry);
        self.group.commits += 1;
        if self.group.commits < self.commits_per_group && self.group.bytes() < GROUP_BYTES_MAX {
            return Ok(());
        }
        self.flush().inspect_err(|_| self.group.back_to(mark))
    }

    /// Writes the group. After [`LogError::Retry`] nothing of it is there.
    pub fn flush(&mut self) -> Result<(), LogError> {
        if self.group.commits == 0 {
            return Ok(());
        }
        for index in 0..OUTPUTS.len() {
            let Output { path, file } = &self.outputs[index];
            if let Err(error) = append(file, &self.group.outputs[index], self.lengths[index]) {
                return Err(self.undo(path.clone(), &error));
            }
        }
        if let Err(error) = append(&self.journal, &self.group.frames, self.end) {
            return Err(self.undo(self.path.clone(), &error));
        }
        for (length, output) in self.lengths.iter_mut().zip(&self.group.outputs) {
            *length += output.len() as u64;
        }
        self.end += self.group.frames.len() as u64;
        self.group.clear();
        Ok(())
    }

    /// A failed write, a full disk say: takes back what was written. If even that fails, only recovery knows.
    fn undo(&self, path: PathBuf, error: &Failure) -> LogError {
        let what = format!("{}: {}", path.display(), error.error());
        if let Failure::Sync(_) = error {
            // After a failed fsync nobody can say what lies on the disk; a later success proves nothing.
            return LogError::Fatal(format!("{what}: the disk did not take what was written"));
        }
        let outputs =
            self.outputs.iter().zip(self.lengths).try_for_each(|(output, length)| output.file.set_len(length));
        match outputs.and_then(|()| self.journal.set_len(self.end)) {
            Ok(()) => LogError::Retry(what),
            Err(undo) => LogError::Rebuild(format!("{what}; taking it back failed too: {undo}")),
        }
    }
}

impl Drop for Writer {
    /// The last group of a clean end; an error is as good as a crash here, and recovery deals with that.
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, "the last group of commits could not be written");
        }
    }
}

enum Failure {
    Write(io::Error),
    Sync(io::Error),
}

impl Failure {
    fn error(&self) -> &io::Error {
        match self {
            Failure::Write(error) | Failure::Sync(error) => error,
        }
    }
}

fn append(file: &File, bytes: &[u8], at: u64) -> Result<(), Failure> {
    if bytes.is_empty() {
        return Ok(());
    }
    file.write_all_at(bytes, at).map_err(Failure::Write)?;
    file.sync_data().map_err(Failure::Sync)
}

/// The value as a line. Newlines in it become spaces, which means the same in JSON; values that aren't JSON
/// (dead letters) come in an envelope that is.
fn put_line(record: &OutRecord, into: &mut Vec<u8>) {
    let start = into.len();
    match &record.value {
        Some(value) => into.extend_from_slice(value),
        None => {
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
            let line = TombstoneLine { tombstone: true, key: &key };
            serde_json::to_writer(&mut *into, &line).expect("a text and a flag are JSON, and a vector takes all");
        }
    }
    for byte in &mut into[start..] {
        if *byte == b'\n' || *byte == b'\r' {
            *byte = b' ';
        }
    }
    into.push(b'\n');
}

type Mark = ([usize; OUTPUTS.len()], usize, u32);

impl Group {
    fn mark(&self) -> Mark {
        (std::array::from_fn(|index| self.outputs[index].len()), self.frames.len(), self.commits)
    }

    fn back_to(&mut self, (outputs, frames, commits): Mark) {
        for (output, length) in self.outputs.iter_mut().zip(outputs) {
            output.truncate(length);
        }
        self.frames.truncate(frames);
        self.commits = commits;
    }

    fn bytes(&self) -> usize {
        self.frames.len() + self.outputs.iter().map(Vec::len).sum::<usize>()
    }

    fn clear(&mut self) {
        self.back_to(Mark::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Topic;
    use crate::log::files::inputs::TOMBSTONE;

    #[test]
    fn a_record_is_one_line() {
        let mut record = OutRecord { topic: Topic::AccountState, key: None, value: None, headers: Vec::new() };
        let mut lines = Vec::new();
        record.value = Some(b"{\n \"a\": 1\r\n}".to_vec());
        put_line(&record, &mut lines);
        record.key = Some(b"a\"1\n".to_vec());
        record.value = None;
        put_line(&record, &mut lines);
        assert_eq!(String::from_utf8_lossy(&lines), "{  \"a\": 1  }\n{\"tombstone\":true,\"key\":\"a\\\"1\\n\"}\n");
        assert!(lines.split(|byte| *byte == b'\n').nth(1).unwrap().starts_with(TOMBSTONE));
    }
}
