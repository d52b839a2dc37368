//! The contract of the log, kept by Files and Simulated. Kafka keeps it in `kafka_log.rs`, on a real broker.

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bookd::domain::Topic;
use bookd::log::files::{Files, Options};
use bookd::log::simulated::{Cluster, Faults};
use bookd::log::{Log, LogError};
use support::log_contract::World;

struct FilesWorld(tempfile::TempDir);

impl FilesWorld {
    fn new() -> FilesWorld {
        FilesWorld(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: String) -> PathBuf {
        self.0.path().join(name)
    }
}

impl World for FilesWorld {
    fn log(&self) -> Box<dyn Log> {
        let dir = self.0.path().to_owned();
        Box::new(Files::new(Options { dir, shard: 0, sync_every_commits: 1 }))
    }

    fn create(&self, topic: Topic, partitions: u32) {
        for partition in 0..partitions {
            let path = self.path(format!("{}-{partition}.jsonl", topic.name()));
            File::options().append(true).create(true).open(path).expect("an input file");
        }
    }

    fn append(&self, topic: Topic, partition: u32, values: &[&str]) {
        let path = self.path(format!("{}-{partition}.jsonl", topic.name()));
        let mut file = File::options().append(true).open(path).expect("an input file");
        for value in values {
            writeln!(file, "{value}").expect("a line");
        }
    }

    fn outputs(&self, topic: Topic) -> Vec<String> {
        let text = fs::read_to_string(self.path(format!("{}-0.jsonl", topic.name()))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn damage_journal_before(&self, at: u64) {
        let journal = File::options().read(true).write(true).open(self.path("journal-0.log".to_owned()));
        let journal = journal.expect("the journal");
        let mut byte = [0];
        journal.read_exact_at(&mut byte, at - 1).expect("a byte");
        journal.write_all_at(&[byte[0] ^ 1], at - 1).expect("a byte");
    }
}

struct SimulatedWorld(Cluster);

impl World for SimulatedWorld {
    fn log(&self) -> Box<dyn Log> {
        Box::new(self.0.log(0))
    }

    fn create(&self, topic: Topic, partitions: u32) {
        self.0.create(topic, partitions);
    }

    fn append(&self, topic: Topic, partition: u32, values: &[&str]) {
        for value in values {
            self.0.append(topic, partition, None, Some(value.as_bytes()));
        }
    }

    fn outputs(&self, topic: Topic) -> Vec<String> {
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or_default()).expect("UTF-8");
        let line = |record: bookd::domain::OutRecord| match record.value {
            Some(value) => text(Some(value)),
            None => format!("{{\"tombstone\":true,\"key\":\"{}\"}}", text(record.key)),
        };
        self.0.outputs(topic).into_iter().map(line).collect()
    }

    fn damage_journal_before(&self, at: u64) {
        self.0.lose_journal_before(0, at);
    }
}

mod files {
    use super::*;
    log_contract!(FilesWorld::new());
}

mod simulated {
    use super::*;
    log_contract!(SimulatedWorld(Cluster::new(1)));
}

mod simulated_with_gaps {
    use super::*;

    fn world() -> SimulatedWorld {
        let cluster = Cluster::new(2);
        cluster.set_faults(Faults { gap: 500, ..Faults::default() });
        SimulatedWorld(cluster)
    }

    log_contract!(world());
}

/// What a caller does after Rebuild: lead again, and let the journal's end say whether the commit is there.
#[test]
fn after_rebuild_the_journal_says_what_was_committed() {
    let cluster = Cluster::new(3);
    cluster.set_faults(Faults { abort: 200, doubtful: 200, ..Faults::default() });
    let mut log = cluster.log(0);
    let (mut rebuilt, mut there, mut absent) = (true, 0, 0);
    for number in 0..200u64 {
        loop {
            if rebuilt {
                log.lead().expect("nobody else leads");
            }
            if cluster.journal(0).len() as u64 > number {
                there += usize::from(rebuilt);
                break;
            }
            absent += usize::from(rebuilt);
            match log.commit(&[], &number.to_le_bytes()) {
                Ok(()) => rebuilt = false,
                Err(LogError::Rebuild(_)) => rebuilt = true,
                Err(error) => panic!("{error}"),
            }
        }
    }
    let entries: Vec<u64> = cluster
        .journal(0)
        .iter()
        .map(|record| u64::from_le_bytes(record.bytes[..].try_into().expect("eight bytes")))
        .collect();
    assert_eq!(entries, (0..200).collect::<Vec<_>>());
    assert!(there > 10 && absent > 10, "both outcomes occurred: {there} there, {absent} not");
}
