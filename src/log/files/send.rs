//! Appending one record to an input, as any other program might: beside the log, and not part of it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{failed, names};
use crate::domain::Topic;
use crate::log::LogError;

/// Appends a line to the topic's first partition and says where it stands, once it would survive a power loss.
pub fn send(dir: &Path, topic: Topic, value: &[u8]) -> Result<String, LogError> {
    if !dir.is_dir() {
        return Err(LogError::Fatal(format!("there is no directory {}", dir.display())));
    }
    let path = names::lines(dir, topic, 0);
    let failed = |error: std::io::Error| failed(&path, &error);
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path).map_err(failed)?;
    let end = fs::metadata(&path).map_err(failed)?.len();
    let mut last = [b'\n'];
    if end > 0 {
        file.read_exact_at(&mut last, end - 1).map_err(failed)?;
    }
    if last != [b'\n'] {
        return Err(LogError::Fatal(format!("{} ends within a line: somebody else is writing it", path.display())));
    }
    // In one piece, or a reader might see half of it with somebody else's line behind.
    let line = [value, b"\n"].concat();
    if let Err(error) = file.write_all(&line).and_then(|()| file.sync_all()) {
        // Half a line would be in everybody's way.
        file.set_len(end).map_err(failed)?;
        return Err(failed(error));
    }
    // The file may be new, and its name not yet written down.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    Ok(format!("{} at byte {end}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_whole() {
        let dir = tempfile::tempdir().unwrap();
        for value in ["{\"a\":1}", "{\"b\":2}"] {
            send(dir.path(), Topic::Requests, value.as_bytes()).unwrap();
        }
        let path = dir.path().join("requests-0.jsonl");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}\n{\"b\":2}\n");
        fs::write(&path, "{\"half\":").unwrap();
        assert!(matches!(send(dir.path(), Topic::Requests, b"{}"), Err(LogError::Fatal(_))));
        assert!(matches!(send(&dir.path().join("no"), Topic::Requests, b"{}"), Err(LogError::Fatal(_))));
    }
}
