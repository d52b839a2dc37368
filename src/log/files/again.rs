//! Input records read a second time, in any order: a replay goes by time, not by place.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::lines::{LINE_BYTES_MAX, Line};
use super::{failed, inputs, names};
use crate::domain::{Millis, Record, Topic};
use crate::log::LogError;

#[derive(Debug)]
pub struct Again {
    dir: PathBuf,
    files: BTreeMap<(Topic, u32), File>,
}

impl Again {
    pub fn new(dir: &Path) -> Again {
        Again { dir: dir.to_owned(), files: BTreeMap::new() }
    }

    /// The record that lay in `[offset, next)` when it was polled. Its timestamp is the caller's to know.
    pub fn read(
        &mut self,
        topic: Topic,
        partition: u32,
        offset: u64,
        next: u64,
        timestamp: Millis,
    ) -> Result<Record, LogError> {
        let path = names::lines(&self.dir, topic, partition);
        let file = match self.files.entry((topic, partition)) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(File::open(&path).map_err(|error| failed(&path, &error))?)
            }
        };
        let mut text = vec![0; (next - offset).min(LINE_BYTES_MAX as u64 + 2) as usize];
        file.read_exact_at(&mut text, offset).map_err(|error| failed(&path, &error))?;
        for end in [b'\n', b'\r'] {
            text.pop_if(|last| *last == end);
        }
        text.truncate(LINE_BYTES_MAX + 1);
        Ok(inputs::record(topic, partition, Line { start: offset, next, text }, timestamp))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::log::Log;
    use crate::log::files::{Files, Options};

    #[test]
    fn a_record_is_the_same_the_second_time() {
        let dir = tempfile::tempdir().unwrap();
        let lines = "{}\r\n\n[1]\n{\"tombstone\":true,\"key\":\"a\"}\n";
        std::fs::write(dir.path().join("accounts-0.jsonl"), lines).unwrap();
        std::fs::write(dir.path().join("intent-0.jsonl"), format!("{}\n2\n", "x".repeat(LINE_BYTES_MAX + 9))).unwrap();
        let mut log = Files::new(Options { dir: dir.path().to_owned(), shard: 0, sync_every_commits: 1 });
        log.assign(&[]).unwrap();
        let mut records = Vec::new();
        while log.poll(100, Duration::ZERO, &mut records).unwrap() > 0 {}
        assert_eq!(records.len(), 5);
        let mut again = Again::new(dir.path());
        for record in records.iter().rev() {
            let Record { topic, partition, offset, next, timestamp, .. } = *record;
            assert_eq!(&again.read(topic, partition, offset, next, timestamp).unwrap(), record);
        }
    }
}
