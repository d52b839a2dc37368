//! A journal begun anew beside outputs that stay: its first frame says how long they are.
//!
//! It is written aside, whole, before it takes the old one's place. Between the two renames there is no journal:
//! outputs without one are refused, and beginning anew may be said again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::frame::FILE_HEAD;
use super::recovery::{self, Recovered};
use super::writer::Writer;
use super::{failed, lines, lock, names};
use crate::domain::Millis;
use crate::log::LogError;

/// Journals set aside in one directory; nobody recovers that often.
const ASIDE_MAX: u32 = 1_000;

/// The new journal, locked since before it had its name.
pub struct Begun {
    pub journal: File,
    /// Where the old one is now, if there was one.
    pub aside: Option<PathBuf>,
}

/// Begins the journal with this entry. The caller holds the old one's lock.
pub fn begin(dir: &Path, shard: u16, entry: &[u8], now: Millis) -> Result<Begun, LogError> {
    let path = names::journal(dir, shard);
    let fresh = path.with_extension("new");
    let journal = lock(&fresh)?;
    let handle = journal.try_clone().map_err(|error| failed(&fresh, &error))?;
    write(dir, shard, &fresh, handle, entry, now)?;
    let aside = set_aside(&path)?;
    fs::rename(&fresh, &path).map_err(|error| failed(&fresh, &error))?;
    recovery::sync_directory(dir)?;
    Ok(Begun { journal, aside })
}

fn write(dir: &Path, shard: u16, fresh: &Path, journal: File, entry: &[u8], now: Millis) -> Result<(), LogError> {
    recovery::write_head(fresh, shard, &journal)?;
    let outputs = recovery::open_outputs(dir, shard)?;
    let mut lengths = [0; _];
    for (output, length) in outputs.iter().zip(&mut lengths) {
        // Whole lines were seen by whoever follows them; a line without its end was by nobody.
        *length = lines::end(&output.path)?;
        recovery::cut(&output.path, &output.file, *length)?;
    }
    let recovered = Recovered { outputs, lengths, end: FILE_HEAD };
    Writer::new(recovered, fresh.to_owned(), journal, 1).commit(&[], entry, now)
}

/// Under the first name that is free. A file without a frame was never a journal.
fn set_aside(path: &Path) -> Result<Option<PathBuf>, LogError> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length <= FILE_HEAD {
        return Ok(None);
    }
    let names = (1..=ASIDE_MAX).map(|number| path.with_extension(format!("log.aside-{number}")));
    let free = names.into_iter().find(|name| !name.exists());
    let aside = free.ok_or_else(|| LogError::Fatal(format!("{}: too many were set aside", path.display())))?;
    fs::rename(path, &aside).map_err(|error| failed(path, &error))?;
    Ok(Some(aside))
}
