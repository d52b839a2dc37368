//! The input side of a log directory: every partition is a file with a place in it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::lines::{self, Line, Lines};
use super::names;
use crate::domain::{Millis, Record, Topic};
use crate::log::{LogError, Place};

/// How a line that is a tombstone begins; written by the outputs too.
pub const TOMBSTONE: &[u8] = b"{\"tombstone\":true,";

/// The partitions that are read, each at its place.
#[derive(Debug, Default)]
pub struct Inputs {
    partitions: Vec<Partition>,
    /// Whose turn it is to be read first: no long file may starve the others.
    turn: usize,
}

#[derive(Debug)]
struct Partition {
    topic: Topic,
    number: u32,
    path: PathBuf,
    start: u64,
    /// `None` until there is a file.
    lines: Option<Lines>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tombstone {
    #[serde(rename = "tombstone")]
    _tombstone: bool,
    key: String,
}

impl Inputs {
    /// Every partition that is there, at the place given or at its beginning.
    pub fn assign(dir: &Path, places: &[Place]) -> Result<Inputs, LogError> {
        let mut wanted: Vec<Place> = places.to_vec();
        for (topic, count) in names::input_partitions(dir)? {
            for partition in 0..count {
                if !places.iter().any(|place| (place.topic, place.partition) == (topic, partition)) {
                    wanted.push(Place { topic, partition, next: 0 });
                }
            }
        }
        wanted.sort();
        let partitions = wanted.into_iter().map(|place| Partition::open(dir, place)).collect::<Result<_, _>>()?;
        Ok(Inputs { partitions, turn: 0 })
    }

    /// Where the last whole line of every partition ends now.
    pub fn ends(&self) -> Result<Vec<Place>, LogError> {
        let end = |partition: &Partition| {
            Ok(Place { topic: partition.topic, partition: partition.number, next: lines::end(&partition.path)? })
        };
        self.partitions.iter().map(end).collect()
    }

    /// Appends up to `max` records that are there now, taking turns among partitions.
    pub fn take(&mut self, max: usize, into: &mut Vec<Record>) -> Result<usize, LogError> {
        let count = self.partitions.len();
        let share = max.div_ceil(count.max(1)).max(1);
        let full = into.len() + max;
        let begin = into.len();
        self.turn = (self.turn + 1) % count.max(1);
        loop {
            let before = into.len();
            for index in 0..count {
                let share = share.min(full - into.len());
                self.partitions[(self.turn + index) % count].take(share, into)?;
            }
            if into.len() == full || into.len() == before {
                return Ok(into.len() - begin);
            }
        }
    }
}

impl Inputs {
    /// The last line of every file that ends without a newline, once all others are taken.
    pub fn rest(&mut self) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        for Partition { topic, number, lines, .. } in &mut self.partitions {
            let Some(lines) = lines else { continue };
            let timestamp = lines.refresh()?;
            records.extend(lines.rest().map(|line| record(*topic, *number, line, timestamp)));
        }
        Ok(records)
    }
}

impl Partition {
    fn open(dir: &Path, place: Place) -> Result<Partition, LogError> {
        let path = names::lines(dir, place.topic, place.partition);
        let lines = Lines::open(&path, place.next)?;
        Ok(Partition { topic: place.topic, number: place.partition, path, start: place.next, lines })
    }

    fn take(&mut self, max: usize, into: &mut Vec<Record>) -> Result<(), LogError> {
        if max == 0 {
            return Ok(());
        }
        if self.lines.is_none() {
            self.lines = Lines::open(&self.path, self.start)?;
        }
        let Some(lines) = &mut self.lines else { return Ok(()) };
        let timestamp = lines.refresh()?;
        for _ in 0..max {
            let Some(line) = lines.next()? else { break };
            into.push(record(self.topic, self.number, line, timestamp));
        }
        Ok(())
    }
}

/// A line has no key, no headers and no time of its own: the file's last change stands for it.
pub fn record(topic: Topic, partition: u32, line: Line, timestamp: Millis) -> Record {
    let tombstone = line.text.starts_with(TOMBSTONE).then(|| serde_json::from_slice::<Tombstone>(&line.text).ok());
    let (key, value) = match tombstone.flatten() {
        Some(tombstone) => (Some(tombstone.key.into_bytes()), None),
        None => (None, Some(line.text)),
    };
    Record { topic, partition, offset: line.start, next: line.next, key, value, headers: Vec::new(), timestamp }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(records: &[Record]) -> Vec<String> {
        let text = |record: &Record| String::from_utf8(record.value.clone().unwrap_or_default()).unwrap();
        records.iter().map(|record| format!("{}{}:{}", record.topic.name(), record.partition, text(record))).collect()
    }

    #[test]
    fn a_long_file_does_not_starve_the_others() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("intent-0.jsonl"), "1\n".repeat(1000)).unwrap();
        std::fs::write(dir.path().join("intent-1.jsonl"), "2\n3\n").unwrap();
        std::fs::write(dir.path().join("reps-0.jsonl"), "4\n").unwrap();
        let mut inputs = Inputs::assign(dir.path(), &[]).unwrap();
        let mut records = Vec::new();
        assert_eq!(inputs.take(10, &mut records).unwrap(), 10);
        let values = values(&records);
        for wanted in ["intent1:2", "intent1:3", "reps0:4"] {
            assert!(values.iter().any(|value| value == wanted), "{wanted} in {values:?}");
        }
        assert_eq!(inputs.take(10_000, &mut records).unwrap(), 993);
        assert_eq!(inputs.take(10_000, &mut records).unwrap(), 0);
    }

    #[test]
    fn a_tombstone_line_is_a_record_without_value() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("accounts-0.jsonl"),
            "{\"tombstone\":true,\"key\":\"a\\\"1\"}\n{\"tombstone\":true,\"more\":1}\n",
        )
        .unwrap();
        let mut records = Vec::new();
        Inputs::assign(dir.path(), &[]).unwrap().take(9, &mut records).unwrap();
        assert_eq!((records[0].key.as_deref(), records[0].value.as_deref()), (Some(&b"a\"1"[..]), None));
        assert_eq!(records[1].value.as_deref(), Some(&b"{\"tombstone\":true,\"more\":1}"[..]));
    }
}
