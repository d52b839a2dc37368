//! Reading one file of JSON lines from a byte on, while somebody else appends to it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::failed;
use crate::domain::Millis;
use crate::domain::feeds::RECORD_BYTES_MAX;
use crate::log::LogError;

/// The longest line that is delivered whole. A longer one is cut to one byte more, so that `feed`, whose limit is
/// never above this, turns it away as too large.
pub const LINE_BYTES_MAX: usize = RECORD_BYTES_MAX;
/// Read at once from a file.
const READ_BYTES: usize = 256 * 1024;

/// A whole line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// The byte at which it starts.
    pub start: u64,
    /// The byte after its newline.
    pub next: u64,
    pub text: Vec<u8>,
}

/// A reader that stands at the beginning of a line and delivers lines that are there whole.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    inode: u64,
    /// The beginning of the line that is being read.
    start: u64,
    /// The byte up to which that line has been looked at.
    read: u64,
    /// What is kept of it.
    kept: Vec<u8>,
}

impl Lines {
    /// Opens a file at the beginning of a line; `None` if there is no such file and nothing was read of it.
    pub fn open(path: &Path, at: u64) -> Result<Option<Lines>, LogError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && at == 0 => return Ok(None),
            Err(error) => return Err(unopened(path, &error, at)),
        };
        let metadata = file.metadata().map_err(|error| failed(path, &error))?;
        check_place(&file, path, metadata.len(), at)?;
        file.seek(SeekFrom::Start(at)).map_err(|error| failed(path, &error))?;
        Ok(Some(Lines {
            path: path.to_owned(),
            reader: BufReader::with_capacity(READ_BYTES, file),
            inode: metadata.ino(),
            start: at,
            read: at,
            kept: Vec::new(),
        }))
    }

    /// Looks whether the file grew, was exchanged, shrank or is gone. Returns when it was last changed.
    pub fn refresh(&mut self) -> Result<Millis, LogError> {
        let metadata = std::fs::metadata(&self.path).map_err(|error| unopened(&self.path, &error, self.read))?;
        if metadata.ino() != self.inode {
            // An editor wrote it anew under the same name: go on in the new file.
            if let Some(reopened) = Lines::open(&self.path, self.start)? {
                *self = reopened;
            }
        } else if metadata.len() < self.read {
            return Err(shorter(&self.path, metadata.len(), self.read));
        }
        Ok(Millis(metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000))
    }

    /// The next line that isn't blank, if it is there whole.
    pub fn next(&mut self) -> Result<Option<Line>, LogError> {
        loop {
            let ready = self.reader.fill_buf().map_err(|error| failed(&self.path, &error))?;
            if ready.is_empty() {
                return Ok(None);
            }
            let newline = ready.iter().position(|byte| *byte == b'\n');
            let taken = newline.map_or(ready.len(), |at| at + 1);
            let room = LINE_BYTES_MAX + 1 - self.kept.len();
            self.kept.extend_from_slice(&ready[..taken.min(room)]);
            self.reader.consume(taken);
            self.read += taken as u64;
            if newline.is_some()
                && let Some(line) = self.finish()
            {
                return Ok(Some(line));
            }
        }
    }

    /// What stands behind the last newline, unless it is blank: a line as well where nobody appends any more.
    pub fn rest(&mut self) -> Option<Line> {
        self.finish()
    }

    /// Hands over the line whose end was just read, unless it is blank.
    fn finish(&mut self) -> Option<Line> {
        let mut text = std::mem::take(&mut self.kept);
        let start = std::mem::replace(&mut self.start, self.read);
        for end in [b'\n', b'\r'] {
            if text.last() == Some(&end) {
                text.pop();
            }
        }
        (!text.trim_ascii().is_empty()).then_some(Line { start, next: self.read, text })
    }
}

/// Reading may only go on at the beginning of a line of a file that is still that long.
fn check_place(file: &File, path: &Path, length: u64, at: u64) -> Result<(), LogError> {
    if length < at {
        return Err(shorter(path, length, at));
    }
    let mut before = [b'\n'];
    if at > 0 {
        file.read_exact_at(&mut before, at - 1).map_err(|error| failed(path, &error))?;
    }
    if before == [b'\n'] {
        return Ok(());
    }
    Err(LogError::Corrupt {
        place: path.display().to_string(),
        what: format!("no line begins at byte {at}, where reading should go on: what was read has been changed"),
    })
}

fn shorter(path: &Path, length: u64, read: u64) -> LogError {
    LogError::Corrupt {
        place: path.display().to_string(),
        what: format!("has {length} bytes, but was already read up to byte {read}: what was read has been removed"),
    }
}

/// A file that was read and isn't there any more has lost as much as one that was cut.
fn unopened(path: &Path, error: &io::Error, read: u64) -> LogError {
    if error.kind() != io::ErrorKind::NotFound || read == 0 {
        return failed(path, error);
    }
    LogError::Corrupt {
        place: path.display().to_string(),
        what: format!("isn't there, but was already read up to byte {read}: what was read has been removed"),
    }
}

/// The byte after the last line that isn't blank: where `next` of the last record stands.
pub fn end(path: &Path) -> Result<u64, LogError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(path, &error)),
    };
    let length = file.metadata().map_err(|error| failed(path, &error))?.len();
    search_end(&file, length).map_err(|error| failed(path, &error))
}

/// Backwards: the newline after the last byte that is neither blank nor part of an unfinished line.
fn search_end(file: &File, length: u64) -> io::Result<u64> {
    let mut newline = None;
    let mut until = length;
    while until > 0 {
        let from = until.saturating_sub(READ_BYTES as u64);
        let mut bytes = vec![0; (until - from) as usize];
        file.read_exact_at(&mut bytes, from)?;
        for (index, byte) in bytes.iter().enumerate().rev() {
            match newline {
                _ if *byte == b'\n' => newline = Some(from + index as u64),
                Some(newline) if !byte.is_ascii_whitespace() => return Ok(newline + 1),
                _ => {}
            }
        }
        until = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file_with(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("intent-0.jsonl");
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn append(path: &Path, bytes: &[u8]) {
        File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
    }

    fn line(start: u64, next: u64, text: &str) -> Line {
        Line { start, next, text: text.as_bytes().to_vec() }
    }

    #[test]
    fn blank_lines_and_unfinished_lines_are_not_there() {
        let (_dir, path) = file_with(b"{}\r\n\n  \n[1]\n{\"half");
        let mut lines = Lines::open(&path, 0).unwrap().unwrap();
        assert_eq!(lines.next().unwrap(), Some(line(0, 4, "{}")));
        assert_eq!(lines.next().unwrap(), Some(line(8, 12, "[1]")));
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(end(&path).unwrap(), 12);

        append(&path, b"\": 2}\n\n \n");
        lines.refresh().unwrap();
        assert_eq!(lines.next().unwrap(), Some(line(12, 24, "{\"half\": 2}")));
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(end(&path).unwrap(), 24);
    }

    #[test]
    fn a_line_over_the_limit_is_cut_to_one_byte_more_and_reading_goes_on_behind_it() {
        let fits = vec![b'x'; LINE_BYTES_MAX];
        let long = vec![b'y'; 3 * LINE_BYTES_MAX];
        let (_dir, path) = file_with(&[&fits[..], b"\n", &long[..], b"\n1\n"].concat());
        let mut lines = Lines::open(&path, 0).unwrap().unwrap();
        assert_eq!(lines.next().unwrap().unwrap().text, fits);
        let cut = lines.next().unwrap().unwrap();
        assert_eq!((cut.text.len(), cut.next - cut.start), (LINE_BYTES_MAX + 1, long.len() as u64 + 1));
        assert_eq!(lines.next().unwrap().unwrap().text, b"1");
    }

    #[test]
    fn a_file_that_lost_what_was_read_is_refused() {
        let (_dir, path) = file_with(b"11\n22\n");
        assert!(matches!(Lines::open(&path, 7), Err(LogError::Corrupt { .. })));
        assert!(matches!(Lines::open(&path, 2), Err(LogError::Corrupt { .. })));
        let mut lines = Lines::open(&path, 3).unwrap().unwrap();
        assert_eq!(lines.next().unwrap(), Some(line(3, 6, "22")));
        File::options().write(true).open(&path).unwrap().set_len(3).unwrap();
        assert!(matches!(lines.refresh(), Err(LogError::Corrupt { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(lines.refresh(), Err(LogError::Corrupt { .. })));
        assert!(matches!(Lines::open(&path, 3), Err(LogError::Corrupt { .. })));
        assert!(Lines::open(&path, 0).unwrap().is_none());
    }

    #[test]
    fn a_file_that_an_editor_wrote_anew_is_read_on() {
        let (dir, path) = file_with(b"11\n");
        let mut lines = Lines::open(&path, 0).unwrap().unwrap();
        assert_eq!(lines.next().unwrap(), Some(line(0, 3, "11")));
        let anew = dir.path().join("anew");
        std::fs::write(&anew, b"11\n22\n").unwrap();
        std::fs::rename(&anew, &path).unwrap();
        lines.refresh().unwrap();
        assert_eq!(lines.next().unwrap(), Some(line(3, 6, "22")));
    }

    #[test]
    fn ends_are_found_behind_much_blank_and_before_much_unfinished() {
        let blank = vec![b'\n'; 2 * READ_BYTES];
        let (_dir, path) = file_with(&[b"7\n", &blank[..]].concat());
        assert_eq!(end(&path).unwrap(), 2);
        let unfinished = vec![b'z'; 2 * READ_BYTES];
        std::fs::write(&path, [b"7\n", &unfinished[..]].concat()).unwrap();
        assert_eq!(end(&path).unwrap(), 2);
        std::fs::write(&path, &unfinished).unwrap();
        assert_eq!(end(&path).unwrap(), 0);
        assert_eq!(end(&path.with_extension("absent")).unwrap(), 0);
    }
}
