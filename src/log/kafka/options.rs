//! How the clients of Kafka are set up: what the user may say, and what correctness has already said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::domain::Topic;
use crate::log::LogError;

/// Properties of librdkafka that correctness needs as they are, by every name that it has for them; nobody else may set
/// them.
pub const RESERVED: [&str; 21] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.send.max.retries",
    "metadata.broker.list",
    "partitioner",
    "queuing.strategy",
    "request.required.acks",
    "retries",
    "transactional.id",
];

/// Where Kafka is and what is what there.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    pub brokers: String,
    /// `transactional.id` and consumer group: this, a hyphen, and the shard.
    pub id: String,
    pub shard: u16,
    /// The name of each topic in Kafka. All outputs must be there; an input that isn't is never read.
    pub topics: BTreeMap<Topic, String>,
    /// Any property of librdkafka but the [`RESERVED`].
    pub properties: BTreeMap<String, String>,
}

/// Properties hold passwords: only their names are shown.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("brokers", &self.brokers)
            .field("id", &self.id)
            .field("shard", &self.shard)
            .field("topics", &self.topics)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

impl Options {
    /// The name in Kafka; for inputs `None` if it isn't read.
    pub fn name(&self, topic: Topic) -> Option<&str> {
        self.topics.get(&topic).map(String::as_str)
    }

    pub(super) fn output(&self, topic: Topic) -> &str {
        self.name(topic).expect("`check` has seen a name for every output")
    }

    pub(super) fn topic(&self, name: &str) -> Option<Topic> {
        self.topics.iter().find(|(_, other)| *other == name).map(|(topic, _)| *topic)
    }

    /// The inputs that have a name.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (Topic, &str)> {
        Topic::INPUTS.into_iter().filter_map(|topic| Some((topic, self.name(topic)?)))
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        let fatal = |what: String| Err(LogError::Fatal(what));
        if let Some(topic) = Topic::OUTPUTS.into_iter().find(|topic| self.name(*topic).is_none()) {
            return fatal(format!("the topic for {} has no name", topic.name()));
        }
        let mut names = BTreeSet::new();
        if let Some(name) = self.topics.values().find(|name| !names.insert(*name)) {
            return fatal(format!("two topics have the same name: {name}"));
        }
        match RESERVED.into_iter().find(|name| self.properties.contains_key(*name)) {
            Some(name) => fatal(format!("the property {name} is not to be set: exactly-once hangs on it")),
            None => Ok(()),
        }
    }

    fn identity(&self) -> String {
        format!("{}-{}", self.id, self.shard)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", format!("bookd-{}", self.identity()));
        // Every round trip counts in a commit, and records are small.
        config.set("socket.nagle.disable", "true");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.client()
    }

    /// One `transactional.id` a shard: its epoch is what fences a former leader.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        let mut default = |name: &str, value: &str| {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        };
        // A dead leader's open transaction holds readers back no longer than this.
        default("transaction.timeout.ms", "10000");
        // A commit waits for its records: batching was done before.
        default("linger.ms", "0");
        // Kafka asks to come again while it still writes the last commit's markers; the default is 100 ms.
        default("retry.backoff.ms", "2");
        default("retry.backoff.max.ms", "10");
        config
            .set("transactional.id", self.identity())
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // What is delivered is only counted, which librdkafka does by itself: a report for each record would be an
            // event for another thread, for which a commit then waits. What isn't delivered is told as before.
            .set("delivery.report.only.error", "true")
            // What Java's clients do, so that they can join our topics with theirs.
            .set("partitioner", "murmur2_random");
        config
    }

    /// For a record that belongs to no transaction of ours.
    pub(super) fn sender(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("enable.idempotence", "true").set("acks", "all").set("partitioner", "murmur2_random");
        config
    }

    pub(super) fn transaction_timeout(&self) -> Result<Duration, LogError> {
        let config = self.producer();
        let value = config.get("transaction.timeout.ms").expect("`producer` sets it");
        let invalid = |_| LogError::Fatal(format!("transaction.timeout.ms: {value} is not a number of milliseconds"));
        value.parse().map(Duration::from_millis).map_err(invalid)
    }

    /// For inputs and the journal, by assignment at places that bookd keeps itself.
    pub(super) fn consumer(&self) -> ClientConfig {
        let mut config = self.client();
        let mut default = |name: &str, value: &str| {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        };
        // A full queue is looked at again soon: the default of 1 s would be the latency of a burst.
        default("fetch.queue.backoff.ms", "2");
        default("fetch.wait.max.ms", "100");
        // Fetched ahead of each partition. As fast as the default of 100,000, which for dozens of partitions is a gigabyte.
        default("queued.min.messages", "10000");
        config
            .set("group.id", self.identity())
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false");
        config
    }

    /// Sees what isn't committed yet: only to ask where a partition ends. Reads nothing, is in no group.
    pub(super) fn uncommitted(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("isolation.level", "read_uncommitted");
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let names = Topic::OUTPUTS.into_iter().chain([Topic::Intent]);
        Options {
            brokers: "localhost:1".to_owned(),
            id: "bookd".to_owned(),
            shard: 3,
            topics: names.map(|topic| (topic, format!("sales.{}", topic.name()))).collect(),
            properties: BTreeMap::from([("sasl.password".to_owned(), "hunter2".to_owned())]),
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", options());
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_exactly_once_needs_can_not_be_overridden() {
        assert!(options().check().is_ok());
        for name in RESERVED {
            let mut options = options();
            options.properties.insert(name.to_owned(), "x".to_owned());
            assert!(matches!(options.check(), Err(LogError::Fatal(_))), "{name}");
        }
        let mut free = options();
        free.properties.insert("linger.ms".to_owned(), "7".to_owned());
        assert_eq!(free.producer().get("linger.ms"), Some("7"));
        assert_eq!(free.producer().get("transactional.id"), Some("bookd-3"));
    }

    /// From librdkafka's CONFIGURATION.md. All of them, so that a name reserved later is checked too.
    #[test]
    fn no_alias_is_a_way_around() {
        let aliases = [
            ("bootstrap.servers", "metadata.broker.list"),
            ("max.in.flight", "max.in.flight.requests.per.connection"),
            ("sasl.mechanism", "sasl.mechanisms"),
            ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
            ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
            ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
            ("linger.ms", "queue.buffering.max.ms"),
            ("retries", "message.send.max.retries"),
            ("compression.type", "compression.codec"),
            ("acks", "request.required.acks"),
            ("delivery.timeout.ms", "message.timeout.ms"),
            ("enable.auto.commit", "auto.commit.enable"),
        ];
        for (name, other) in aliases {
            assert_eq!(RESERVED.contains(&name), RESERVED.contains(&other), "{name} and {other}");
        }
    }

    #[test]
    fn every_output_has_a_name_and_every_name_one_topic() {
        let mut options = options();
        options.topics.insert(Topic::Intent, "sales.commands".to_owned());
        assert!(options.check().is_err());
        options.topics.remove(&Topic::Commands);
        assert!(options.check().is_err());
        options.topics.insert(Topic::Commands, "commands".to_owned());
        assert!(options.check().is_ok());
    }
}
