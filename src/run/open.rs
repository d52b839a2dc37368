//! Which log the settings name, and how each thread opens its own.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::settings::LogSettings;
use crate::domain::Topic;
use crate::log::files::{self, Files};
use crate::log::simulated::Cluster;
use crate::log::{Log, LogError};

/// Opens logs. Cloned into worker threads; a log itself belongs to one.
#[derive(Clone, Debug)]
pub enum OpenLog {
    Settings(LogSettings),
    /// For tests.
    Simulated(Cluster, u16),
}

/// The settings of Kafka, in builds without it too.
#[cfg_attr(not(feature = "kafka"), allow(dead_code))]
struct KafkaOptions<'a> {
    brokers: &'a str,
    shard: u16,
    id: &'a str,
    topics: &'a BTreeMap<Topic, String>,
    properties: &'a BTreeMap<String, String>,
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

    /// Touches nothing but what reading needs; leading is the caller's next step.
    pub fn open(&self) -> Result<Box<dyn Log>, LogError> {
        match self {
            OpenLog::Settings(LogSettings::Files { dir, sync_every_commits }) => {
                let options =
                    files::Options { dir: dir.clone(), shard: self.shard(), sync_every_commits: *sync_every_commits };
                Ok(Box::new(Files::new(options)))
            }
            OpenLog::Settings(LogSettings::Kafka { brokers, shard, id, topics, properties }) => {
                open_kafka(KafkaOptions { brokers, shard: *shard, id, topics, properties })
            }
            OpenLog::Simulated(cluster, shard) => Ok(Box::new(cluster.log(*shard))),
        }
    }
}

#[cfg(feature = "kafka")]
fn open_kafka(options: KafkaOptions<'_>) -> Result<Box<dyn Log>, LogError> {
    use crate::log::kafka::{Kafka, Options};
    let KafkaOptions { brokers, shard, id, topics, properties } = options;
    Ok(Box::new(Kafka::new(Options {
        brokers: brokers.to_owned(),
        id: id.to_owned(),
        shard,
        topics: topics.clone(),
        properties: properties.clone(),
    })?))
}

#[cfg(not(feature = "kafka"))]
fn open_kafka(_options: KafkaOptions<'_>) -> Result<Box<dyn Log>, LogError> {
    Err(LogError::Fatal("this bookd was built without Kafka: build it with the feature `kafka`".to_owned()))
}
