//! Taking over a log directory: the journal's last whole frame says what was committed, all else is cut off.
//!
//! What a crash may leave: bytes behind the committed length of outputs (they are written before the journal
//! is), and a torn group of frames at the journal's very end. Anything else is damage and is refused. A journal
//! that lost whole frames at its end looks like the first: so whole lines of outputs are set aside, not dropped.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, FILE_HEAD, Frames, Lengths, OUTPUTS, Step};
use super::{corrupt, failed, lines, names};
use crate::log::LogError;

/// An output file, open for writing.
#[derive(Debug)]
pub struct Output {
    pub path: PathBuf,
    pub file: File,
}

/// What the directory holds after recovery.
#[derive(Debug)]
pub struct Recovered {
    pub outputs: [Output; OUTPUTS.len()],
    pub lengths: Lengths,
    /// The journal's length.
    pub end: u64,
}

/// Brings outputs and journal back to the last commit. The caller holds the lock on `journal`.
pub fn recover(dir: &Path, shard: u16, journal: &File) -> Result<Recovered, LogError> {
    let path = names::journal(dir, shard);
    let outputs = open_outputs(dir, shard)?;
    if journal.metadata().map_err(|error| failed(&path, &error))?.len() < FILE_HEAD {
        begin(&path, shard, journal, &outputs)?;
    }
    check_head(&path, shard, journal)?;
    let (end, lengths) = last_commit(&path, journal)?;
    cut(&path, journal, end)?;
    for (output, length) in outputs.iter().zip(lengths) {
        keep_uncommitted(dir, &output.path, length)?;
        cut(&output.path, &output.file, length)?;
    }
    sync_directory(dir)?;
    Ok(Recovered { outputs, lengths, end })
}

pub fn open_outputs(dir: &Path, shard: u16) -> Result<[Output; OUTPUTS.len()], LogError> {
    let mut outputs = Vec::with_capacity(OUTPUTS.len());
    for topic in OUTPUTS {
        let path = names::lines(dir, topic, u32::from(shard));
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|error| failed(&path, &error))?;
        outputs.push(Output { path, file });
    }
    Ok(outputs.try_into().expect("one file for each of the outputs"))
}

/// Writes the head of a journal that isn't there yet. Outputs without a journal are refused: they'd be cut
/// off, and they may be the only trace of what was once committed.
fn begin(path: &Path, shard: u16, journal: &File, outputs: &[Output]) -> Result<(), LogError> {
    for output in outputs {
        if output.file.metadata().map_err(|error| failed(&output.path, &error))?.len() > 0 {
            let what = format!("has lines, but their journal {} is missing or empty", path.display());
            return Err(corrupt(&output.path, what));
        }
    }
    write_head(path, shard, journal)
}

pub fn write_head(path: &Path, shard: u16, journal: &File) -> Result<(), LogError> {
    let written = journal.set_len(0).and_then(|()| journal.write_all_at(&frame::file_head(shard), 0));
    written.and_then(|()| journal.sync_data()).map_err(|error| failed(path, &error))
}

pub fn check_head(path: &Path, shard: u16, journal: &File) -> Result<(), LogError> {
    let mut head = [0; FILE_HEAD as usize];
    journal.read_exact_at(&mut head, 0).map_err(|error| failed(path, &error))?;
    frame::check_file_head(&head, shard).map_err(|what| corrupt(path, what))
}

/// The end of the last whole frame and the output lengths in it.
fn last_commit(path: &Path, journal: &File) -> Result<(u64, Lengths), LogError> {
    let read = |error: io::Error| failed(path, &error);
    let mut frames = Frames::new(journal.try_clone().map_err(read)?, FILE_HEAD).map_err(read)?;
    let mut lengths = Lengths::default();
    let mut count = 0u64;
    loop {
        match frames.next().map_err(read)? {
            Step::Frame(frame) => {
                lengths = frame.lengths;
                count += 1;
            }
            Step::Damaged if frame::was_synced(journal, frames.at()).map_err(read)? => {
                return Err(damaged(path, frames.at(), Some(count)));
            }
            Step::Damaged | Step::End => return Ok((frames.at(), lengths)),
        }
    }
}

/// A frame that once was whole and isn't any more. `before` frames precede it, if they were counted.
pub fn damaged(path: &Path, at: u64, before: Option<u64>) -> LogError {
    let frame = before.map_or("the frame".to_owned(), |before| format!("frame {}", before + 1));
    corrupt(path, format!("{frame} at byte {at} is damaged, and it was once written whole"))
}

/// Whole lines that will be cut off are kept beside the file: if the journal lost its end, they were committed once,
/// and it can't tell. After a crash in between they may stand there twice.
fn keep_uncommitted(dir: &Path, path: &Path, length: u64) -> Result<(), LogError> {
    let end = lines::end(path)?;
    if end <= length {
        return Ok(());
    }
    let aside = path.with_extension("jsonl.uncommitted");
    copy(path, length, end, &aside).map_err(|error| failed(&aside, &error))?;
    sync_directory(dir)?;
    tracing::warn!(file = %path.display(), bytes = end - length, kept = %aside.display(), "lines that the journal \
        doesn't know are set aside");
    Ok(())
}

/// Appends these bytes of one file to another.
fn copy(from: &Path, start: u64, end: u64, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    from.seek(SeekFrom::Start(start))?;
    let mut to = File::options().append(true).create(true).open(to)?;
    io::copy(&mut from.take(end - start), &mut to)?;
    to.sync_all()
}

/// Cuts off what was written but not committed.
pub fn cut(path: &Path, file: &File, length: u64) -> Result<(), LogError> {
    let found = file.metadata().map_err(|error| failed(path, &error))?.len();
    if found < length {
        return Err(corrupt(path, format!("has {found} bytes, {length} were committed: its end is missing")));
    }
    if found > length {
        tracing::warn!(file = %path.display(), bytes = found - length, "cut off what a crash left uncommitted");
        file.set_len(length).and_then(|()| file.sync_data()).map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

/// New files are there after a power loss only once their directory is synced.
pub fn sync_directory(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(dir, &error))
}
