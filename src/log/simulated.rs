//! The log in memory, for tests: seeded faults, and nothing committed is ever lost.
//!
//! A [`Cluster`] is what Kafka would be; each [`Simulated`] is one instance's client of it. Killing an
//! instance is dropping its client; a new one on the same cluster finds what was committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::domain::{Millis, OutRecord, Record, Topic};
use crate::log::{JournalReader, JournalRecord, Log, LogError, Place, Stored, check_outputs};

/// How often each fault happens, in thousandths of the calls in which it can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A commit does nothing and says Retry.
    pub retry: u32,
    /// A commit is aborted: Rebuild, and nothing of it is there.
    pub abort: u32,
    /// A commit's answer is lost: Rebuild, but all of it is there.
    pub doubtful: u32,
    /// A poll delivers fewer records than there are, or none.
    pub short_poll: u32,
    /// An appended input record leaves a gap in the offsets behind it, as aborted records and markers do.
    pub gap: u32,
}

/// Shared by all instances of a test, and by the test itself, which appends inputs and reads what is committed.
#[derive(Clone, Debug)]
pub struct Cluster {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: ChaCha8Rng,
    faults: Faults,
    now: Millis,
    inputs: BTreeMap<(Topic, u32), Partition>,
    outputs: Vec<OutRecord>,
    shards: BTreeMap<u16, Shard>,
}

#[derive(Debug, Default)]
struct Partition {
    records: Vec<Record>,
    /// The offset of the next record.
    next: u64,
}

#[derive(Debug, Default)]
struct Shard {
    /// The leader's; an instance with a lower one is fenced.
    epoch: u64,
    journal: Vec<JournalRecord>,
    /// Where the journal begins, after `lose_journal_before`.
    start: u64,
    end: u64,
}

impl Cluster {
    /// Without faults until `set_faults`; the same seed and calls give the same faults.
    pub fn new(seed: u64) -> Cluster {
        let state = State {
            random: ChaCha8Rng::seed_from_u64(seed),
            faults: Faults::default(),
            now: Millis(crate::domain::time::EPOCH_MS),
            inputs: BTreeMap::new(),
            outputs: Vec::new(),
            shards: BTreeMap::new(),
        };
        Cluster { state: Arc::new(Mutex::new(state)) }
    }

    /// A new instance's client.
    pub fn log(&self, shard: u16) -> Simulated {
        Simulated { cluster: self.clone(), shard, epoch: None, places: BTreeMap::new() }
    }

    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// The log's own clock: what appended entries and records are stamped with.
    pub fn set_now(&self, now: Millis) {
        self.lock().now = now;
    }

    /// Makes sure that the topic has this many partitions.
    pub fn create(&self, topic: Topic, partitions: u32) {
        let mut state = self.lock();
        for partition in 0..partitions {
            state.inputs.entry((topic, partition)).or_default();
        }
    }

    /// Appends an input record and returns its offset; the partition is created if it isn't there.
    pub fn append(&self, topic: Topic, partition: u32, key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
        let mut state = self.lock();
        let faults = state.faults;
        let gap = if state.strikes(faults.gap) { u64::from(state.random.next_u32() % 3) + 1 } else { 0 };
        let timestamp = state.now;
        let into = state.inputs.entry((topic, partition)).or_default();
        let offset = into.next;
        into.next = offset + 1 + gap;
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        let headers = Vec::new();
        into.records.push(Record { topic, partition, offset, next: offset + 1, key, value, headers, timestamp });
        offset
    }

    /// All committed records of an output topic, in order.
    pub fn outputs(&self, topic: Topic) -> Vec<OutRecord> {
        self.lock().outputs.iter().filter(|record| record.topic == topic).cloned().collect()
    }

    /// All committed journal entries of a shard.
    pub fn journal(&self, shard: u16) -> Vec<JournalRecord> {
        self.lock().shards.get(&shard).map(|shard| shard.journal.clone()).unwrap_or_default()
    }

    /// Forgets the journal before a place, as a retention that is too short would.
    pub fn lose_journal_before(&self, shard: u16, at: u64) {
        let mut state = self.lock();
        let shard = state.shards.entry(shard).or_default();
        shard.journal.retain(|record| record.at >= at);
        shard.start = at;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a test that panicked here has failed already")
    }
}

impl State {
    fn strikes(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.random.next_u32() % 1000 < per_mille
    }

    fn append_commit(&mut self, shard: u16, outputs: &[OutRecord], entry: &[u8]) {
        let appended = self.now;
        let journal = self.shards.entry(shard).or_default();
        let at = journal.end;
        // As in Kafka the transaction's marker takes an offset too.
        journal.end = at + 2;
        journal.journal.push(JournalRecord { bytes: entry.to_vec(), at, next: at + 1, appended });
        self.outputs.extend_from_slice(outputs);
    }
}

/// One instance's client of a [`Cluster`].
#[derive(Debug)]
pub struct Simulated {
    cluster: Cluster,
    shard: u16,
    /// `None` until it leads, and after Rebuild.
    epoch: Option<u64>,
    places: BTreeMap<(Topic, u32), u64>,
}

impl Log for Simulated {
    fn lead(&mut self) -> Result<(), LogError> {
        let mut state = self.cluster.lock();
        let shard = state.shards.entry(self.shard).or_default();
        shard.epoch += 1;
        self.epoch = Some(shard.epoch);
        Ok(())
    }

    fn partitions(&mut self) -> Result<Vec<(Topic, u32)>, LogError> {
        let state = self.cluster.lock();
        let count = |topic| state.inputs.keys().filter(|(of, _)| *of == topic).map(|(_, number)| number + 1).max();
        Ok(Topic::INPUTS.map(|topic| (topic, count(topic).unwrap_or(0))).to_vec())
    }

    fn assign(&mut self, places: &[Place]) -> Result<(), LogError> {
        let state = self.cluster.lock();
        self.places = state.inputs.keys().map(|partition| (*partition, 0)).collect();
        for place in places {
            let end = state.inputs.get(&(place.topic, place.partition)).map_or(0, |partition| partition.next);
            if place.next > end {
                return Err(LogError::Corrupt {
                    place: format!("{}-{}", place.topic.name(), place.partition),
                    what: format!("ends at {end}, reading should go on at {}", place.next),
                });
            }
            self.places.insert((place.topic, place.partition), place.next);
        }
        Ok(())
    }

    fn poll(&mut self, max: usize, wait: Duration, into: &mut Vec<Record>) -> Result<usize, LogError> {
        let mut state = self.cluster.lock();
        let faults = state.faults;
        let mut left = max;
        if state.strikes(faults.short_poll) {
            left = state.random.next_u32() as usize % (max + 1).min(4);
        }
        let before = into.len();
        let first = state.random.next_u32() as usize;
        let count = self.places.len();
        for index in 0..count {
            let (partition, next) = self.places.iter_mut().nth((first + index) % count).expect("one of them");
            let Some(Partition { records, .. }) = state.inputs.get(partition) else { continue };
            let from = records.partition_point(|record| record.offset < *next);
            let taken = &records[from..records.len().min(from + left)];
            into.extend_from_slice(taken);
            left -= taken.len();
            *next = taken.last().map_or(*next, |record| record.next);
        }
        drop(state);
        if into.len() == before {
            // Virtual time: real waiting only keeps a threaded test from spinning.
            std::thread::sleep(wait.min(Duration::from_millis(1)));
        }
        Ok(into.len() - before)
    }

    fn ends(&mut self) -> Result<Vec<Place>, LogError> {
        let state = self.cluster.lock();
        let end = |of: &Partition| of.records.last().map_or(0, |record| record.next);
        let place = |&(topic, partition): &(Topic, u32)| {
            let next = state.inputs.get(&(topic, partition)).map_or(0, end);
            Place { topic, partition, next }
        };
        Ok(self.places.keys().map(place).collect())
    }

    fn commit(&mut self, outputs: &[OutRecord], entry: &[u8]) -> Result<(), LogError> {
        let Some(epoch) = self.epoch else {
            return Err(LogError::Rebuild("this instance does not lead".to_owned()));
        };
        check_outputs(outputs)?;
        let mut state = self.cluster.lock();
        if state.shards.entry(self.shard).or_default().epoch != epoch {
            return Err(LogError::Fenced("a later `lead`".to_owned()));
        }
        let faults = state.faults;
        if state.strikes(faults.retry) {
            return Err(LogError::Retry("simulated".to_owned()));
        }
        if state.strikes(faults.abort) {
            self.epoch = None;
            return Err(LogError::Rebuild("simulated abort".to_owned()));
        }
        state.append_commit(self.shard, outputs, entry);
        if state.strikes(faults.doubtful) {
            self.epoch = None;
            return Err(LogError::Rebuild("simulated loss of the answer".to_owned()));
        }
        Ok(())
    }

    fn read_output(&mut self, topic: Topic, each: &mut dyn FnMut(Stored<'_>)) -> Result<u64, LogError> {
        for (offset, record) in (0..).zip(&self.cluster.outputs(topic)) {
            if let Some(value) = &record.value {
                each(Stored { partition: 0, offset, value });
            }
        }
        Ok(0)
    }

    fn open_journal(&mut self, at: u64) -> Result<Box<dyn JournalReader>, LogError> {
        let mut state = self.cluster.lock();
        let shard = state.shards.entry(self.shard).or_default();
        if at < shard.start || at > shard.end {
            let what = format!("holds {} to {}, reading should go on at {at}", shard.start, shard.end);
            return Err(LogError::Corrupt { place: format!("journal of shard {}", self.shard), what });
        }
        Ok(Box::new(Reader { cluster: self.cluster.clone(), shard: self.shard, at }))
    }
}

#[derive(Debug)]
struct Reader {
    cluster: Cluster,
    shard: u16,
    at: u64,
}

impl JournalReader for Reader {
    fn next(&mut self, wait: Duration) -> Result<Option<JournalRecord>, LogError> {
        let state = self.cluster.lock();
        let journal = state.shards.get(&self.shard).map(|shard| &shard.journal[..]).unwrap_or_default();
        let index = journal.partition_point(|record| record.at < self.at);
        let Some(record) = journal.get(index).cloned() else {
            drop(state);
            std::thread::sleep(wait.min(Duration::from_millis(1)));
            return Ok(None);
        };
        self.at = record.next;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, faults: Faults) -> (Vec<&'static str>, Vec<JournalRecord>) {
        let cluster = Cluster::new(seed);
        cluster.set_faults(faults);
        let mut log = cluster.log(0);
        let mut told = Vec::new();
        for number in 0..200u8 {
            if log.epoch.is_none() {
                log.lead().unwrap();
            }
            told.push(match log.commit(&[], &[number]) {
                Ok(()) => "ok",
                Err(LogError::Retry(_)) => "retry",
                Err(LogError::Rebuild(why)) if why.contains("abort") => "abort",
                Err(LogError::Rebuild(_)) => "doubtful",
                Err(error) => panic!("{error}"),
            });
        }
        (told, cluster.journal(0))
    }

    #[test]
    fn the_seed_decides_and_only_what_was_committed_is_there() {
        let faults = Faults { retry: 100, abort: 100, doubtful: 100, ..Faults::default() };
        let (told, journal) = run(7, faults);
        assert_eq!((&told, &journal), (&run(7, faults).0, &run(7, faults).1));
        assert_ne!(told, run(8, faults).0);
        let committed: Vec<u8> =
            (0..200).filter(|number| matches!(told[usize::from(*number)], "ok" | "doubtful")).collect();
        assert_eq!(journal.iter().map(|record| record.bytes[0]).collect::<Vec<_>>(), committed);
        for fault in ["retry", "abort", "doubtful"] {
            assert!(told.contains(&fault), "{fault}");
        }
    }

    #[test]
    fn short_polls_and_gaps_lose_nothing_and_keep_the_order() {
        let cluster = Cluster::new(1);
        cluster.set_faults(Faults { short_poll: 500, gap: 300, ..Faults::default() });
        for number in 0..100u8 {
            cluster.append(Topic::Intent, u32::from(number % 2), None, Some(&[number]));
        }
        let mut log = cluster.log(0);
        log.assign(&[]).unwrap();
        let (mut records, mut empty) = (Vec::new(), 0);
        while records.len() < 100 {
            empty += usize::from(log.poll(10, Duration::ZERO, &mut records).unwrap() == 0);
        }
        assert!(empty > 0, "some poll delivered nothing although there was something");
        for partition in 0..2 {
            let of: Vec<&Record> = records.iter().filter(|record| record.partition == partition).collect();
            assert!(of.windows(2).all(|pair| pair[0].value < pair[1].value && pair[0].next <= pair[1].offset));
            assert!(of.windows(2).any(|pair| pair[0].next < pair[1].offset), "a gap");
        }
    }
}
