//! What the files of a log directory are called, and which input partitions are there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::failed;
use crate::domain::Topic;
use crate::log::LogError;

/// Partitions of one topic. Each is an open file; a name with a huge number must not make us open millions.
const PARTITIONS_MAX: u32 = 1024;

/// `<topic>-<partition>.jsonl`. The partition of an output is the shard that writes it.
pub fn lines(dir: &Path, topic: Topic, partition: u32) -> PathBuf {
    dir.join(format!("{}-{partition}.jsonl", topic.name()))
}

pub fn journal(dir: &Path, shard: u16) -> PathBuf {
    dir.join(format!("journal-{shard}.log"))
}

/// How many partitions each input topic has: the highest number among its files, plus one.
pub fn input_partitions(dir: &Path) -> Result<Vec<(Topic, u32)>, LogError> {
    let mut counts: BTreeMap<Topic, u32> = Topic::INPUTS.into_iter().map(|topic| (topic, 0)).collect();
    for entry in std::fs::read_dir(dir).map_err(|error| failed(dir, &error))? {
        let name = entry.map_err(|error| failed(dir, &error))?.file_name();
        let Some((topic, partition)) = name.to_str().and_then(parse) else { continue };
        let Some(count) = counts.get_mut(&topic) else { continue };
        if partition >= PARTITIONS_MAX {
            return Err(LogError::Fatal(format!(
                "{}: partitions are numbered from 0 to {}",
                dir.join(&name).display(),
                PARTITIONS_MAX - 1
            )));
        }
        *count = (*count).max(partition + 1);
    }
    Ok(counts.into_iter().collect())
}

/// Only names that `lines` would give: `accounts-01.jsonl` is not another way to say `accounts-1.jsonl`.
fn parse(name: &str) -> Option<(Topic, u32)> {
    let (topic, number) = name.strip_suffix(".jsonl")?.rsplit_once('-')?;
    let partition: u32 = number.parse().ok()?;
    (partition.to_string() == number).then_some((Topic::from_name(topic)?, partition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_names_are_partitions() {
        assert_eq!(parse("accounts-0.jsonl"), Some((Topic::Accounts, 0)));
        assert_eq!(parse("account-state-12.jsonl"), Some((Topic::AccountState, 12)));
        for name in ["accounts-01.jsonl", "accounts-+1.jsonl", "accounts.jsonl", "accounts-0.json", "journal-0.log"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_topic_has_as_many_partitions_as_its_highest_file_says() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["intent-0.jsonl", "intent-2.jsonl", "commands-5.jsonl", "notes.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let counts = input_partitions(dir.path()).unwrap();
        assert_eq!(counts.len(), Topic::INPUTS.len());
        assert!(counts.contains(&(Topic::Intent, 3)) && counts.contains(&(Topic::Reps, 0)), "{counts:?}");

        std::fs::write(dir.path().join("reps-4000000000.jsonl"), "").unwrap();
        assert!(matches!(input_partitions(dir.path()), Err(LogError::Fatal(_))));
    }
}
