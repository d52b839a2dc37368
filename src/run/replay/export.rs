//! The exported records in the order of their times. Only that order is kept in memory, 48 bytes a record; the
//! lines are read again when their tick comes.
//!
//! Events (signals, activity, requests, results) are ordered by when they occurred. Reference records are by
//! when they say they were updated; one that doesn't say comes with the one before it in its file, and those at a
//! file's beginning come first of all. Records of one instant keep the order of topic, partition, offset.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::domain::time::EPOCH_MS;
use crate::domain::{Body, Input, Millis, Record, Text, Topic};
use crate::feed::Decoder;
use crate::log::files::{Again, Files, Options};
use crate::log::{Log, Place};
use crate::run::error::RunError;

/// Records read at once in the first pass.
const READ_RECORDS: usize = 10_000;
/// Events further than this from all others bear a wrong date, and must not drag the clock there: they come
/// first, and are judged too old or too far ahead.
const LONE_MS: i64 = 400 * 86_400_000;

#[derive(Debug)]
pub struct Export {
    again: Again,
    slots: Vec<Slot>,
    done: usize,
    /// Names and lengths of the input files.
    pub files: Vec<(String, u64)>,
    /// When the first record is applied: with the first event, or the opening where that comes before it.
    pub begin: Millis,
    /// The first event, and the last record of any kind.
    pub start: Millis,
    pub end: Millis,
    /// The last event of each source of activity.
    last: BTreeMap<Text, Millis>,
}

/// A record's place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    /// When it is applied, and the time that it bears.
    at: Millis,
    own: Option<Millis>,
    topic: Topic,
    partition: u32,
    offset: u64,
    next: u64,
}

impl Export {
    pub fn read(dir: &Path, decoder: &Decoder, open_at: Option<Millis>) -> Result<Export, RunError> {
        // Only read: the shard and the syncing of commits play no part.
        let mut log = Files::new(Options { dir: dir.to_owned(), shard: 0, sync_every_commits: 1 });
        let mut scan = Scan::default();
        log.assign(&[])?;
        let mut records = Vec::new();
        while log.poll(READ_RECORDS, Duration::ZERO, &mut records)? > 0 {
            for record in records.drain(..) {
                scan.take(decoder, &record);
            }
        }
        // An export is whole: its last line counts without a newline, too.
        for record in log.take_unfinished()? {
            scan.take(decoder, &record);
        }
        if scan.slots.is_empty() {
            return Err(RunError::NothingToReplay { dir: dir.to_owned() });
        }
        let (start, end) = body(&mut scan.events);
        let mut export = Export {
            again: Again::new(dir),
            slots: scan.slots,
            done: 0,
            files: Vec::new(),
            begin: open_at.map_or(start, |at| at.min(start)),
            start,
            end,
            last: scan
                .activity
                .into_iter()
                .filter_map(|(source, mut at)| Some((source, last_in(&mut at, end)?)))
                .collect(),
        };
        export.put_in_order();
        export.note_files(dir, &log.ends()?)?;
        Ok(export)
    }

    /// Gives every record its instant, and sorts.
    fn put_in_order(&mut self) {
        let (begin, end) = (self.begin, self.end);
        for slot in &mut self.slots {
            let own = slot.own.unwrap_or(begin);
            let lone = is_event(slot.topic) && own > end;
            slot.at = if lone { begin } else { own.clamp(begin, Millis(end.0 + LONE_MS)) };
        }
        self.slots.sort_unstable();
        self.end = self.slots.last().map_or(end, |slot| slot.at);
    }

    fn note_files(&mut self, dir: &Path, ends: &[Place]) -> Result<(), RunError> {
        for place in ends {
            let name = format!("{}-{}.jsonl", place.topic.name(), place.partition);
            let length = match std::fs::metadata(dir.join(&name)) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(RunError::Io { what: name, error }),
            };
            self.files.push((name, length));
        }
        Ok(())
    }

    /// When the next record is applied.
    pub fn next(&self) -> Option<Millis> {
        self.slots.get(self.done).map(|slot| slot.at)
    }

    /// Reads up to `max` of the records up to this instant.
    pub fn take(&mut self, end: Millis, max: usize) -> Result<Vec<Record>, RunError> {
        let mut records = Vec::new();
        while let Some(slot) = self.slots.get(self.done).filter(|slot| slot.at <= end && records.len() < max) {
            let Slot { at, topic, partition, offset, next, .. } = *slot;
            records.push(self.again.read(topic, partition, offset, next, at)?);
            self.done += 1;
        }
        Ok(records)
    }

    /// Whether there is anything but reference data.
    pub fn has_events(&self) -> bool {
        self.start > Millis(EPOCH_MS)
    }

    pub fn done(&self) -> usize {
        self.done
    }

    pub fn records(&self) -> usize {
        self.slots.len()
    }

    /// Up to when a source is complete: its last event, or what the caller knows better; `None` for a source
    /// without any event.
    pub fn last_of(&self, source: &str, complete_until: Option<Millis>) -> Option<Millis> {
        let last = self.last.get(source).copied()?;
        Some(complete_until.map_or(last, |until| until.max(last)))
    }
}

/// What the first pass gathers.
#[derive(Default)]
struct Scan {
    slots: Vec<Slot>,
    /// Times of all events.
    events: Vec<Millis>,
    /// Times of activity by source.
    activity: BTreeMap<Text, Vec<Millis>>,
    /// By partition: the time of the record before.
    before: BTreeMap<(Topic, u32), Option<Millis>>,
}

impl Scan {
    fn take(&mut self, decoder: &Decoder, record: &Record) {
        let input = decoder.decode(record).ok().flatten();
        let before = self.before.entry((record.topic, record.partition)).or_default();
        let own = input.as_ref().and_then(time).or(*before);
        *before = own;
        let Record { topic, partition, offset, next, .. } = *record;
        self.slots.push(Slot { at: Millis(0), own, topic, partition, offset, next });
        let Some(at) = own.filter(|_| is_event(topic)) else { return };
        self.events.push(at);
        if let Some(Body::Activity(activity)) = input.map(|input| input.body) {
            self.activity.entry(activity.source).or_default().push(at);
        }
    }
}

fn time(input: &Input) -> Option<Millis> {
    match &input.body {
        Body::Rep(record) => record.at,
        Body::Account(record) => record.at,
        Body::Opportunity(record) => record.at,
        Body::Result(result) => Some(result.at),
        Body::Activity(activity) => Some(activity.at),
        Body::Request(request) => Some(request.at),
        Body::Signal(signal) => Some(signal.at),
        Body::Policy(_) | Body::Gate(_) | Body::Frontier(_) | Body::Restored(_) => None,
    }
}

fn is_event(topic: Topic) -> bool {
    !matches!(topic, Topic::Reps | Topic::Accounts | Topic::Opportunities)
}

/// The span of time in which most events lie: what remains when lone ones, far before or behind, are left out.
fn body(times: &mut [Millis]) -> (Millis, Millis) {
    times.sort_unstable();
    let groups = times.chunk_by(|one, next| next.0 - one.0 <= LONE_MS);
    let largest = groups.max_by_key(|group| group.len()).unwrap_or(&[Millis(EPOCH_MS)]);
    (largest[0], largest[largest.len() - 1])
}

fn last_in(times: &mut [Millis], end: Millis) -> Option<Millis> {
    times.iter().filter(|at| **at <= end).max().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn days(days: &[i64]) -> Vec<Millis> {
        days.iter().map(|day| Millis(EPOCH_MS + day * DAY_MS)).collect()
    }

    #[test]
    fn lone_dates_do_not_drag_the_clock() {
        let mut times = days(&[0, 2000, 2001, 2090, 2399, 9000, 9001]);
        assert_eq!(body(&mut times), (days(&[2000])[0], days(&[2399])[0]));
        assert_eq!(body(&mut []), (Millis(EPOCH_MS), Millis(EPOCH_MS)));
    }

    #[test]
    fn records_that_cannot_be_read_are_there_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("intent-0.jsonl"), "nonsense\nmore\nunfinished").unwrap();
        let mut export = Export::read(dir.path(), &Decoder::new(Default::default()), None).unwrap();
        assert_eq!(export.records(), 3);
        assert_eq!(export.files, [("intent-0.jsonl".to_owned(), 24)]);
        let records = export.take(export.end, 1).unwrap();
        assert_eq!(records[0].value.as_deref(), Some(&b"nonsense"[..]));
        let records = export.take(export.end, 9).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1].value.as_deref(), Some(&b"unfinished"[..]));
        assert_eq!(export.next(), None);
    }

    #[test]
    fn an_empty_directory_is_nothing_to_replay() {
        let dir = tempfile::tempdir().unwrap();
        let refused = Export::read(dir.path(), &Decoder::new(Default::default()), None);
        assert!(matches!(refused, Err(RunError::NothingToReplay { .. })));
    }
}
