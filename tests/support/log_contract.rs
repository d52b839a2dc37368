//! What every holder of the log promises: one test a promise, run against each of them.

use std::time::{Duration, Instant};

use bookd::domain::{HeaderValue, OutRecord, Record, Topic};
use bookd::log::{JournalReader, JournalRecord, Log, LogError, Place};

/// One log with its surroundings: where inputs come from and where outputs go to.
pub trait World {
    /// Another instance of bookd on this log, as after a restart or on another machine.
    fn log(&self) -> Box<dyn Log>;
    /// Makes sure that an input topic has this many partitions; there are none at first.
    fn create(&self, topic: Topic, partitions: u32);
    /// Appends records to an input partition that was created.
    fn append(&self, topic: Topic, partition: u32, values: &[&str]);
    /// All that a reader of this output topic gets to see, in order.
    fn outputs(&self, topic: Topic) -> Vec<String>;
    /// Makes the journal before this place unreadable: lost, or broken.
    fn damage_journal_before(&self, at: u64);
}

/// Longer than any of these logs needs, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(30);
/// Enough for a record to come that must not come.
const MOMENT: Duration = Duration::from_millis(300);

/// One `#[test]` for each promise, each in a world of its own.
#[macro_export]
macro_rules! log_contract {
    ($world:expr) => {
        log_contract!($world;
            records_keep_their_order_within_a_partition,
            reading_goes_on_at_a_place,
            a_place_behind_the_end_is_refused,
            ends_are_where_reading_stops,
            empty_partitions_are_there_and_absent_topics_are_not,
            an_added_partition_is_read_from_its_beginning,
            outputs_and_entry_are_committed_together,
            tombstones_are_committed,
            the_journal_is_read_from_its_beginning_and_from_every_place,
            the_journal_is_followed,
            entries_may_be_large,
            many_commits_are_all_there,
            a_damaged_journal_is_refused,
            one_instance_leads,
            nothing_is_committed_without_leading,
            a_restart_finds_what_was_committed,
        );
    };
    ($world:expr; $($promise:ident),+ $(,)?) => {
        $(#[test]
        fn $promise() {
            support::log_contract::$promise(&$world);
        })+
    };
}

fn command(value: &str) -> OutRecord {
    OutRecord {
        topic: Topic::Commands,
        key: Some(b"account".to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: vec![("content-type".into(), HeaderValue::Bytes(b"application/json".to_vec()))],
    }
}

fn leader(world: &dyn World) -> Box<dyn Log> {
    let mut log = world.log();
    log.lead().expect("nobody else leads");
    log
}

/// Polls until there are `count` records.
fn poll(log: &mut dyn Log, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while records.len() < count && Instant::now() < deadline {
        let before = records.len();
        let told = log.poll(count - before, MOMENT, &mut records).expect("a poll");
        assert_eq!(told, records.len() - before);
    }
    assert_eq!(records.len(), count, "records within {PATIENCE:?}");
    records
}

fn assert_nothing_more(log: &mut dyn Log) {
    let mut records = Vec::new();
    assert_eq!(log.poll(10, MOMENT, &mut records).expect("a poll"), 0, "{records:?}");
}

/// The values of one partition, in the order in which they came.
fn values(records: &[Record], topic: Topic, partition: u32) -> Vec<String> {
    let of = records.iter().filter(|record| (record.topic, record.partition) == (topic, partition));
    of.map(|record| String::from_utf8(record.value.clone().expect("a value")).expect("UTF-8")).collect()
}

fn next_entry(reader: &mut dyn JournalReader) -> JournalRecord {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(record) = reader.next(MOMENT).expect("a journal entry") {
            return record;
        }
    }
    panic!("no journal entry within {PATIENCE:?}");
}

/// All that the journal holds from a place on.
fn journal(log: &mut dyn Log, at: u64) -> Vec<JournalRecord> {
    let mut reader = log.open_journal(at).expect("the journal opens");
    std::iter::from_fn(|| reader.next(Duration::ZERO).expect("a journal entry")).collect()
}

fn texts(records: &[JournalRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.bytes.clone()).expect("UTF-8")).collect()
}

pub fn records_keep_their_order_within_a_partition(world: &dyn World) {
    world.create(Topic::Intent, 2);
    world.create(Topic::Accounts, 1);
    world.append(Topic::Intent, 0, &["1", "2", "3"]);
    world.append(Topic::Intent, 1, &["4", "5"]);
    world.append(Topic::Accounts, 0, &["6"]);
    world.append(Topic::Intent, 0, &["7"]);
    let mut log = world.log();
    log.assign(&[]).expect("assign");
    let records = poll(&mut *log, 7);
    assert_eq!(values(&records, Topic::Intent, 0), ["1", "2", "3", "7"]);
    assert_eq!(values(&records, Topic::Intent, 1), ["4", "5"]);
    assert_eq!(values(&records, Topic::Accounts, 0), ["6"]);
    assert!(records.iter().all(|record| record.offset < record.next));
    let of: Vec<&Record> = records.iter().filter(|record| record.topic == Topic::Intent).collect();
    for partition in 0..2 {
        let of: Vec<_> = of.iter().filter(|record| record.partition == partition).collect();
        assert!(of.windows(2).all(|pair| pair[0].next <= pair[1].offset));
    }
    assert_nothing_more(&mut *log);
    world.append(Topic::Intent, 1, &["8"]);
    assert_eq!(values(&poll(&mut *log, 1), Topic::Intent, 1), ["8"]);
}

pub fn reading_goes_on_at_a_place(world: &dyn World) {
    world.create(Topic::Reps, 2);
    world.append(Topic::Reps, 0, &["1", "2", "3"]);
    world.append(Topic::Reps, 1, &["4"]);
    let mut log = world.log();
    log.assign(&[]).expect("assign");
    let records = poll(&mut *log, 4);
    let places: Vec<Place> = records
        .iter()
        .map(|record| Place { topic: record.topic, partition: record.partition, next: record.next })
        .collect();
    let second = *places.iter().filter(|place| place.partition == 0).nth(1).expect("three of them");
    let last = *places.iter().find(|place| place.partition == 1).expect("one");

    let mut other = world.log();
    other.assign(&[second, last]).expect("assign");
    let records = poll(&mut *other, 1);
    assert_eq!(values(&records, Topic::Reps, 0), ["3"]);
    assert_nothing_more(&mut *other);
    // A partition that isn't named is read from its beginning.
    other.assign(&[second]).expect("assign again");
    let records = poll(&mut *other, 2);
    assert_eq!(
        (values(&records, Topic::Reps, 0), values(&records, Topic::Reps, 1)),
        (vec!["3".into()], vec!["4".into()])
    );
}

pub fn a_place_behind_the_end_is_refused(world: &dyn World) {
    world.create(Topic::Reps, 1);
    world.append(Topic::Reps, 0, &["1"]);
    let mut log = world.log();
    let far = Place { topic: Topic::Reps, partition: 0, next: 1_000_000 };
    let refused = log.assign(&[far]);
    assert!(matches!(refused, Err(LogError::Corrupt { .. })), "{refused:?}");
}

pub fn ends_are_where_reading_stops(world: &dyn World) {
    world.create(Topic::Activity, 2);
    world.append(Topic::Activity, 0, &["1", "2"]);
    let mut log = world.log();
    log.assign(&[]).expect("assign");
    let records = poll(&mut *log, 2);
    assert_nothing_more(&mut *log);
    let read_to = |partition| {
        records.iter().filter(|record| record.partition == partition).map(|record| record.next).max().unwrap_or(0)
    };
    let mut ends = log.ends().expect("ends");
    ends.retain(|end| end.topic == Topic::Activity);
    ends.sort();
    let wanted = [0, 1].map(|partition| Place { topic: Topic::Activity, partition, next: read_to(partition) });
    assert_eq!(ends, wanted);

    world.append(Topic::Activity, 0, &["3"]);
    let later = log.ends().expect("ends");
    let end = later.iter().find(|end| (end.topic, end.partition) == (Topic::Activity, 0)).expect("still there");
    let last = poll(&mut *log, 1)[0].next;
    assert!((read_to(0) + 1..).contains(&end.next) && end.next >= last, "an end is never too early");
    assert_nothing_more(&mut *log);
    let settled = log.ends().expect("ends");
    let end = settled.iter().find(|end| (end.topic, end.partition) == (Topic::Activity, 0)).expect("still there");
    assert_eq!(end.next, last, "once it was read it is exact");
}

pub fn empty_partitions_are_there_and_absent_topics_are_not(world: &dyn World) {
    world.create(Topic::Inbound, 3);
    let mut log = world.log();
    let partitions = log.partitions().expect("partitions");
    assert_eq!(partitions.len(), Topic::INPUTS.len());
    for (topic, count) in partitions {
        assert_eq!(count, if topic == Topic::Inbound { 3 } else { 0 }, "{topic:?}");
    }
    log.assign(&[]).expect("assign");
    assert_nothing_more(&mut *log);
    assert!(log.ends().expect("ends").iter().all(|end| end.topic == Topic::Inbound && end.next == 0));
}

pub fn an_added_partition_is_read_from_its_beginning(world: &dyn World) {
    world.create(Topic::Engagement, 1);
    world.append(Topic::Engagement, 0, &["1"]);
    let mut log = world.log();
    log.assign(&[]).expect("assign");
    let place = {
        let record = &poll(&mut *log, 1)[0];
        Place { topic: record.topic, partition: record.partition, next: record.next }
    };
    world.create(Topic::Engagement, 2);
    world.append(Topic::Engagement, 1, &["2", "3"]);
    world.append(Topic::Engagement, 0, &["4"]);
    // Not read before it is assigned: the caller journals it first.
    assert_eq!(values(&poll(&mut *log, 1), Topic::Engagement, 0), ["4"]);
    assert_nothing_more(&mut *log);
    let deadline = Instant::now() + PATIENCE;
    while !log.partitions().expect("partitions").contains(&(Topic::Engagement, 2)) {
        assert!(Instant::now() < deadline, "the second partition is found");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(log.ends().expect("ends").iter().all(|end| end.partition == 0), "only what is read has an end");
    log.assign(&[place]).expect("assign again");
    let records = poll(&mut *log, 3);
    assert_eq!(values(&records, Topic::Engagement, 0), ["4"]);
    assert_eq!(values(&records, Topic::Engagement, 1), ["2", "3"]);
}

pub fn outputs_and_entry_are_committed_together(world: &dyn World) {
    let mut log = leader(world);
    assert!(world.outputs(Topic::Commands).is_empty());
    let alert = OutRecord { topic: Topic::Alerts, key: None, ..command("3") };
    log.commit(&[command("1"), command("2"), alert], b"first").expect("a commit");
    assert_eq!(world.outputs(Topic::Commands), ["1", "2"]);
    assert_eq!(world.outputs(Topic::Alerts), ["3"]);
    assert_eq!(texts(&journal(&mut *log, 0)), ["first"]);
    log.commit(&[], b"second").expect("a commit without outputs");
    assert_eq!(texts(&journal(&mut *log, 0)), ["first", "second"]);
    // What isn't an output makes nothing of its commit visible.
    let input = OutRecord { topic: Topic::Intent, ..command("4") };
    assert!(matches!(log.commit(&[command("5"), input], b"third"), Err(LogError::Fatal(_))));
    let mut again = world.log();
    drop(log);
    again.lead().expect("nobody else leads");
    assert_eq!(texts(&journal(&mut *again, 0)), ["first", "second"]);
    assert_eq!(world.outputs(Topic::Commands), ["1", "2"]);
}

pub fn tombstones_are_committed(world: &dyn World) {
    let mut log = leader(world);
    let tombstone = OutRecord { topic: Topic::AccountState, value: None, ..command("") };
    log.commit(&[OutRecord { topic: Topic::AccountState, ..command("1") }, tombstone], b"entry").expect("a commit");
    assert_eq!(world.outputs(Topic::AccountState), ["1", "{\"tombstone\":true,\"key\":\"account\"}"]);
}

pub fn the_journal_is_read_from_its_beginning_and_from_every_place(world: &dyn World) {
    let mut log = leader(world);
    assert!(journal(&mut *log, 0).is_empty());
    let entries: Vec<String> = (0..5).map(|number| format!("entry {number}")).collect();
    for entry in &entries {
        log.commit(&[command("1")], entry.as_bytes()).expect("a commit");
    }
    let all = journal(&mut *log, 0);
    assert_eq!(texts(&all), entries);
    for (index, record) in all.iter().enumerate() {
        assert!(record.at < record.next);
        assert_eq!(journal(&mut *log, record.at), all[index..], "from entry {index} on");
        assert_eq!(journal(&mut *log, record.next), all[index + 1..], "behind entry {index}");
    }
    assert!(all.windows(2).all(|pair| pair[0].next <= pair[1].at && pair[0].appended <= pair[1].appended));
    let beyond = log.open_journal(all[4].next + 1_000_000).map(|_| ());
    assert!(matches!(beyond, Err(LogError::Corrupt { .. })), "{beyond:?}");
}

pub fn the_journal_is_followed(world: &dyn World) {
    let mut log = leader(world);
    log.commit(&[], b"before").expect("a commit");
    let mut reader = world.log().open_journal(0).expect("a follower");
    assert_eq!(next_entry(&mut *reader).bytes, b"before");
    assert_eq!(reader.next(MOMENT).expect("no error"), None);
    let writer = std::thread::spawn(move || {
        for number in 0..10u8 {
            log.commit(&[command("1")], &[number]).expect("a commit");
        }
    });
    for number in 0..10u8 {
        assert_eq!(next_entry(&mut *reader).bytes, [number]);
    }
    writer.join().expect("the writer");
    assert_eq!(reader.next(MOMENT).expect("no error"), None);
}

pub fn entries_may_be_large(world: &dyn World) {
    let mut log = leader(world);
    let large: Vec<u8> = (0..5 * 1024 * 1024u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    log.commit(&[command("1")], b"small").expect("a commit");
    log.commit(&[command("2")], &large).expect("a large commit");
    log.commit(&[], b"").expect("an empty entry");
    log.commit(&[command("3")], b"small again").expect("a commit");
    let all = journal(&mut *log, 0);
    assert_eq!(all.len(), 4);
    assert!(all[1].bytes == large, "the large entry, byte for byte");
    assert_eq!(all[2].bytes, b"");
    assert_eq!(texts(&journal(&mut *log, all[2].next)), ["small again"]);
    assert_eq!(world.outputs(Topic::Commands), ["1", "2", "3"]);
}

pub fn many_commits_are_all_there(world: &dyn World) {
    let mut log = leader(world);
    for number in 0..200 {
        log.commit(&[command(&number.to_string())], format!("{number}").as_bytes()).expect("a commit");
    }
    let wanted: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(texts(&journal(&mut *log, 0)), wanted);
    assert_eq!(world.outputs(Topic::Commands), wanted);
}

pub fn a_damaged_journal_is_refused(world: &dyn World) {
    let mut log = leader(world);
    for entry in ["1", "2", "3"] {
        log.commit(&[], entry.as_bytes()).expect("a commit");
    }
    let second = journal(&mut *log, 0)[1].clone();
    world.damage_journal_before(second.at);
    let read = log.open_journal(0).and_then(|mut reader| reader.next(PATIENCE));
    assert!(matches!(read, Err(LogError::Corrupt { .. })), "{read:?}");
    // What is behind the damage is still whole: a snapshot's place works.
    assert_eq!(texts(&journal(&mut *log, second.at)), ["2", "3"]);
}

pub fn one_instance_leads(world: &dyn World) {
    let mut first = leader(world);
    first.commit(&[command("1")], b"first").expect("a commit");
    let mut second = world.log();
    match second.lead() {
        // The former leader is fenced off.
        Ok(()) => {
            assert_eq!(texts(&journal(&mut *second, 0)), ["first"]);
            let late = first.commit(&[command("2")], b"late");
            assert!(matches!(late, Err(LogError::Fenced(_))), "{late:?}");
            second.commit(&[command("3")], b"second").expect("the new leader commits");
        }
        // The new one is turned away while the former is there.
        Err(LogError::Fenced(_)) => {
            first.commit(&[command("3")], b"second").expect("the leader is undisturbed");
            drop(first);
            second.lead().expect("the former leader is gone");
        }
        Err(error) => panic!("{error}"),
    }
    second.commit(&[command("4")], b"third").expect("a commit");
    assert_eq!(texts(&journal(&mut *second, 0)), ["first", "second", "third"]);
    assert_eq!(world.outputs(Topic::Commands), ["1", "3", "4"]);
}

pub fn nothing_is_committed_without_leading(world: &dyn World) {
    let mut log = world.log();
    let refused = log.commit(&[command("1")], b"entry");
    assert!(matches!(refused, Err(LogError::Rebuild(_))), "{refused:?}");
    log.lead().expect("nobody else leads");
    assert!(journal(&mut *log, 0).is_empty());
    assert!(world.outputs(Topic::Commands).is_empty());
}

pub fn a_restart_finds_what_was_committed(world: &dyn World) {
    for run in 0..3 {
        let mut log = leader(world);
        assert_eq!(journal(&mut *log, 0).len(), run);
        log.commit(&[command("1")], b"entry").expect("a commit");
        // The same instance may lead again, as after Rebuild.
        log.lead().expect("it led already");
        assert_eq!(journal(&mut *log, 0).len(), run + 1);
    }
    assert_eq!(world.outputs(Topic::Commands).len(), 3);
}
