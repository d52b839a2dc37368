//! Creating the topics with the settings that each needs; for tests, demos and first installations.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::inputs::{ANSWER, Inputs};
use super::options::Options;
use crate::domain::Topic;
use crate::log::LogError;

/// Creation is answered before every broker knows the topic.
const KNOWN: Duration = Duration::from_secs(20);

/// Creates what isn't there yet; what is there stays as it is. The journal gets a partition for each shard
/// up to this one.
pub fn ensure_topics(options: &Options, partitions: u32, replication: u32) -> Result<(), LogError> {
    options.check()?;
    let wanted: Vec<(&str, NewTopic<'_>)> = options
        .topics
        .iter()
        .map(|(topic, name)| {
            let count = if *topic == Topic::Journal { u32::from(options.shard) + 1 } else { partitions };
            (name.as_str(), new_topic(*topic, name, count, replication))
        })
        .collect();
    let fatal = |error: KafkaError| LogError::Fatal(format!("creating topics: {error}"));
    let admin: AdminClient<DefaultClientContext> = options.admin().create().map_err(fatal)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| LogError::Fatal(format!("creating topics: {error}")))?;
    let settings = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    let created = runtime.block_on(admin.create_topics(wanted.iter().map(|(_, topic)| topic), &settings));
    for result in created.map_err(fatal)? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => return Err(LogError::Fatal(format!("creating {name}: {code}"))),
        }
    }
    await_known(options, wanted.iter().map(|(name, _)| *name))
}

fn new_topic<'a>(topic: Topic, name: &'a str, partitions: u32, replication: u32) -> NewTopic<'a> {
    let new = NewTopic::new(name, partitions as i32, TopicReplication::Fixed(replication as i32));
    match topic {
        // The last state of each key is what counts.
        Topic::Reps | Topic::Accounts | Topic::Opportunities | Topic::AccountState => {
            new.set("cleanup.policy", "compact")
        }
        // The truth: kept for ever, and stamped by the broker's clock, by which leaders check their own.
        Topic::Journal => new
            .set("cleanup.policy", "delete")
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
            .set("message.timestamp.type", "LogAppendTime"),
        // What is left when a journal is lost: who owns what.
        Topic::Commands => new.set("cleanup.policy", "delete").set("retention.ms", "-1").set("retention.bytes", "-1"),
        _ => new.set("cleanup.policy", "delete"),
    }
}

fn await_known<'a>(options: &Options, names: impl Iterator<Item = &'a str>) -> Result<(), LogError> {
    let inputs = Inputs::new(options)?;
    let deadline = Instant::now() + KNOWN;
    for name in names {
        while inputs.partitions(name)? == 0 {
            if Instant::now() > deadline {
                return Err(LogError::Retry(format!("{name} was created, but isn't there yet")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}
