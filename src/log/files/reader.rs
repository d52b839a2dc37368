//! Reading and following the journal file, in this process or another.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::frame::{self, FILE_HEAD, Frames, Step};
use super::{POLL_EVERY, corrupt, failed, names, recovery};
use crate::log::{JournalReader, JournalRecord, LogError};

#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    shard: u16,
    at: u64,
    /// Frames before this were committed before the reader was opened.
    target: u64,
    /// `None` until there is a journal with a head.
    frames: Option<Frames>,
}

impl Reader {
    /// `target`: how long the journal is for sure, where the caller knows.
    pub fn open(dir: &Path, shard: u16, at: u64, target: u64) -> Result<Reader, LogError> {
        let path = names::journal(dir, shard);
        let mut reader = Reader { path, shard, at: at.max(FILE_HEAD), target, frames: None };
        let length = std::fs::metadata(&reader.path).map_or(0, |metadata| metadata.len());
        if length < at {
            let what = format!("has {length} bytes, reading should go on at byte {at}: its end is missing");
            return Err(corrupt(&reader.path, what));
        }
        reader.begin()?;
        Ok(reader)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed(&error)),
        };
        if file.metadata().map_err(|error| self.failed(&error))?.len() < FILE_HEAD {
            return Ok(());
        }
        recovery::check_head(&self.path, self.shard, &file)?;
        self.frames = Some(Frames::new(file, self.at).map_err(|error| self.failed(&error))?);
        Ok(())
    }

    fn step(&mut self) -> Result<Step, LogError> {
        if self.frames.is_none() {
            self.begin()?;
        }
        let Some(frames) = &mut self.frames else { return Ok(Step::End) };
        frames.next().map_err(|error| failed(&self.path, &error))
    }

    /// Whether what isn't a frame here is damage, and not a write in progress or torn by a crash.
    fn is_damage(&mut self) -> Result<bool, LogError> {
        let at = self.frames.as_ref().map_or(self.at, Frames::at);
        if at < self.target {
            return Ok(true);
        }
        let file = File::open(&self.path).map_err(|error| self.failed(&error))?;
        if !frame::was_synced(&file, at).map_err(|error| self.failed(&error))? {
            return Ok(false);
        }
        // It was synced since it was read: only if it is still no frame now it is broken.
        let mut again = Frames::new(file, at).map_err(|error| self.failed(&error))?;
        Ok(matches!(again.next().map_err(|error| self.failed(&error))?, Step::Damaged))
    }

    fn failed(&self, error: &io::Error) -> LogError {
        failed(&self.path, error)
    }
}

impl JournalReader for Reader {
    fn next(&mut self, wait: Duration) -> Result<Option<JournalRecord>, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            match self.step()? {
                Step::Frame(frame) => {
                    self.at = frame.next;
                    return Ok(Some(JournalRecord {
                        bytes: frame.entry,
                        at: frame.start,
                        next: frame.next,
                        appended: frame.appended,
                    }));
                }
                Step::Damaged if self.is_damage()? => return Err(recovery::damaged(&self.path, self.at, None)),
                Step::End if self.at < self.target => {
                    let what = format!("ends at byte {}, {} bytes were committed", self.at, self.target);
                    return Err(corrupt(&self.path, what));
                }
                Step::End | Step::Damaged => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(POLL_EVERY));
        }
    }
}
