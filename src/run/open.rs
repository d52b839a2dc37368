//! Which log the settings name, and how each thread opens its own.

use std::path::Path;

use crate::config::settings::LogSettings;
use crate::domain::Topic;
use crate::log::files::{self, Files};
#[cfg(feature = "kafka")]
use crate::log::kafka;
use crate::log::simulated::Cluster;
use crate::log::{Log, LogError};

/// Opens logs. Cloned into worker threads; a log itself belongs to one.
#[derive(Clone, Debug)]
pub enum OpenLog {
    Settings(LogSettings),
    /// For tests.
    Simulated(Cluster, u16),
}

impl OpenLog {
    /// A Files log in this directory, to be read.
    pub fn files(dir: &Path) -> OpenLog {
        OpenLog::Settings(LogSettings::Files { dir: dir.to_owned(), sync_every_commits: 1 })
    }

    pub fn shard(&self) -> u16 {
        match self {
            // A directory is one shard's.
            OpenLog::Settings(LogSettings::Files { .. }) => 0,
            OpenLog::Settings(LogSettings::Kafka { shard, .. }) | OpenLog::Simulated(_, shard) => *shard,
        }
    }

    /// Whether records are lines of JSON without keys and headers: dead letters need an envelope then.
    pub fn has_lines(&self) -> bool {
        matches!(self, OpenLog::Settings(LogSettings::Files { .. }))
    }

    /// The directory of a Files log in which no journal was ever begun.
    pub fn dir_without_journal(&self) -> Option<&Path> {
        match self {
            OpenLog::Settings(LogSettings::Files { dir, .. }) => {
                (!files::has_journal(dir, self.shard())).then_some(dir.as_path())
            }
            OpenLog::Settings(LogSettings::Kafka { .. }) | OpenLog::Simulated(..) => None,
        }
    }

    /// Appends a record to an input, as any other program might, and says where it went.
    pub fn send(&self, topic: Topic, key: &[u8], value: &[u8]) -> Result<String, LogError> {
        match self {
            OpenLog::Settings(LogSettings::Files { dir, .. }) => files::send(dir, topic, value),
            #[cfg(feature = "kafka")]
            OpenLog::Settings(LogSettings::Kafka { brokers, shard, id, topics, properties }) => kafka::send(
                &kafka::Options {
                    brokers: brokers.clone(),
                    id: id.clone(),
                    shard: *shard,
                    topics: topics.clone(),
                    properties: properties.clone(),
                },
                topic,
                key,
                value,
            ),
            #[cfg(not(feature = "kafka"))]
            OpenLog::Settings(LogSettings::Kafka { .. }) => Err(without_kafka()),
            OpenLog::Simulated(cluster, _) => {
                let offset = cluster.append(topic, 0, Some(key), Some(value));
                Ok(format!("{} at {offset}", topic.name()))
            }
        }
    }

    /// The topic's name in the log.
    pub fn topic_name(&self, topic: Topic) -> &str {
        match self {
            OpenLog::Settings(LogSettings::Kafka { topics, .. }) => {
                topics.get(&topic).map_or(topic.name(), String::as_str)
            }
            OpenLog::Settings(LogSettings::Files { .. }) | OpenLog::Simulated(..) => topic.name(),
        }
    }

    /// Touches nothing but what reading needs; leading is the caller's next step.
    pub fn open(&self) -> Result<Box<dyn Log>, LogError> {
        match self {
            OpenLog::Settings(LogSettings::Files { dir, sync_every_commits }) => {
                let options =
                    files::Options { dir: dir.clone(), shard: self.shard(), sync_every_commits: *sync_every_commits };
                Ok(Box::new(Files::new(options)))
            }
            #[cfg(feature = "kafka")]
            OpenLog::Settings(LogSettings::Kafka { brokers, shard, id, topics, properties }) => {
                Ok(Box::new(kafka::Kafka::new(kafka::Options {
                    brokers: brokers.clone(),
                    id: id.clone(),
                    shard: *shard,
                    topics: topics.clone(),
                    properties: properties.clone(),
                })?))
            }
            #[cfg(not(feature = "kafka"))]
            OpenLog::Settings(LogSettings::Kafka { .. }) => Err(without_kafka()),
            OpenLog::Simulated(cluster, shard) => Ok(Box::new(cluster.log(*shard))),
        }
    }
}

#[cfg(not(feature = "kafka"))]
fn without_kafka() -> LogError {
    LogError::Fatal("this bookd was built without Kafka: build it with the feature `kafka`".to_owned())
}

#[cfg(all(test, feature = "kafka"))]
mod tests {
    use crate::config;

    /// The configuration says what is wrong with a property, before the log would.
    #[test]
    fn what_the_log_refuses_the_configuration_refuses_too() {
        let shipped = include_str!("../../config/default.toml").replace("kind = \"files\"", "kind = \"kafka\"");
        for name in crate::log::kafka::RESERVED {
            let text = shipped.replace("[kafka.properties]\n", &format!("[kafka.properties]\n\"{name}\" = \"1\"\n"));
            let report = format!("{:?}", config::parse("bookd.toml", &text, &[]).expect_err("a property of ours"));
            assert!(report.contains(&format!("`{name}`")), "{name}: {report}");
        }
    }
}
