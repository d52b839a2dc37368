//! bookd as a process on a real broker: topics of its own there, a producer that feeds them, and a reader that shares
//! no line with bookd's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bookd::domain::Topic;
use bookd::log::kafka::{Options, ensure_topics};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::feeder::Sink;
use super::oracle::Committed;
use super::process::{Home, Process};

/// Longer than the broker needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A dead broker doesn't answer: another is asked.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two lines of a sink: brokers and an unoptimised bookd share two cores, and are tested for faults.
const PACE: Duration = Duration::from_millis(10);
/// Where Kafka keeps what became of transactions.
const TRANSACTION_STATE: &str = "__transaction_state";
/// What stands before a piece of a journal entry: magic, number, count, length.
const PIECE_HEAD: usize = 16;

/// Heartbeats in haste; nobody asks by HTTP.
const SETTINGS: &str = "[http]\nlisten = \"off\"\n[loop]\nheartbeat = \"1s\"\n";

pub type Feeder = ThreadedProducer<DefaultProducerContext>;

/// One bookd's topics on a broker.
pub struct Site {
    options: Options,
    /// Where bookd finds the broker; nobody else goes through a proxy.
    brokers: String,
    /// For questions.
    client: BaseConsumer,
}

/// A committed record.
pub struct Stored {
    pub partition: u32,
    pub offset: u64,
    pub value: Vec<u8>,
}

impl Site {
    /// On the broker that all tests of this process share.
    pub fn new(prefix: &str, partitions: u32) -> Site {
        Site::on(&super::broker::shared(), prefix, partitions, 1)
    }

    /// Creates the topics, each with a prefix of its own and so many partitions; the journal has one.
    pub fn on(brokers: &str, prefix: &str, partitions: u32, replication: u32) -> Site {
        let topics = Topic::INPUTS.into_iter().chain(Topic::OUTPUTS);
        let options = Options {
            brokers: brokers.to_owned(),
            id: prefix.to_owned(),
            shard: 0,
            topics: topics.map(|topic| (topic, format!("{prefix}.{}", topic.name()))).collect(),
            properties: BTreeMap::new(),
        };
        ensure_topics(&options, partitions, replication).expect("topics");
        let mut config = ClientConfig::new();
        let client = config.set("bootstrap.servers", &options.brokers).create().expect("a client");
        Site { brokers: options.brokers.clone(), options, client }
    }

    /// bookd goes this way to the broker.
    pub fn through(mut self, address: &str) -> Site {
        self.brokers = address.to_owned();
        self
    }

    /// TOML that names the broker and the topics.
    pub fn settings(&self) -> String {
        let names = self.options.topics.iter().map(|(topic, name)| format!("{} = \"{name}\"\n", topic.name()));
        format!(
            "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{}\"\nid = \"{}\"\n[kafka.topics]\n{}",
            self.brokers,
            self.options.id,
            names.collect::<String>()
        )
    }

    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    pub fn name(&self, topic: Topic) -> &str {
        &self.options.topics[&topic]
    }

    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.options.brokers);
        config
    }

    pub fn feeder(&self) -> Feeder {
        self.config().set("enable.idempotence", "true").create().expect("a producer")
    }

    /// For very many records.
    pub fn bulk_feeder(&self) -> Feeder {
        self.config().set("enable.idempotence", "true").set("linger.ms", "50").create().expect("a producer")
    }

    /// Into the partition that the key says; waits while too many are on their way.
    pub fn send_patiently(&self, feeder: &Feeder, topic: Topic, key: &str, value: &[u8]) {
        let mut record = BaseRecord::to(self.name(topic)).key(key).payload(value);
        while let Err((error, back)) = feeder.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full, "a record for {}", self.name(topic));
            record = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Into the partition that the key says.
    pub fn send(&self, feeder: &Feeder, topic: Topic, key: &str, value: &str) {
        let record = BaseRecord::to(self.name(topic)).key(key).payload(value);
        feeder.send(record).map_err(|(error, _)| error).expect("a record");
    }

    /// Takes lines and sends them by the account or rep that they name.
    pub fn sink(self: &Arc<Site>, feeder: Arc<Feeder>) -> Sink {
        let site = self.clone();
        Box::new(move |topic, line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let key = record["id"].as_str().or(record["account"]["crm_id"].as_str()).unwrap_or("nobody");
            site.send(&feeder, topic, key, line);
            std::thread::sleep(PACE);
        })
    }

    /// Returns when all that was sent is there.
    pub fn flush(&self, feeder: &Feeder) {
        feeder.flush(PATIENCE).expect("delivered");
    }

    fn partitions(&self, topic: Topic) -> i32 {
        self.metadata(self.name(topic)).topics()[0].partitions().len() as i32
    }

    fn metadata(&self, topic: &str) -> Metadata {
        insist(|| self.client.fetch_metadata(Some(topic), ANSWER))
    }

    /// The broker that has the journal, by its number.
    pub fn journal_leader(&self) -> i32 {
        self.metadata(self.name(Topic::Journal)).topics()[0].partitions()[0].leader()
    }

    /// The broker that keeps the state of bookd's transactions.
    pub fn coordinator(&self) -> i32 {
        let metadata = self.metadata(TRANSACTION_STATE);
        let partitions = metadata.topics()[0].partitions();
        let home = java_hash(&format!("{}-{}", self.options.id, self.options.shard)) as usize % partitions.len();
        partitions.iter().find(|partition| partition.id() as usize == home).expect("its partition").leader()
    }

    /// Waits until so many replicas of the journal and of transactions' states are up to date.
    pub fn wait_for_replicas(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        for topic in [self.name(Topic::Journal), TRANSACTION_STATE] {
            while !self.metadata(topic).topics()[0].partitions().iter().all(|each| each.isr().len() == count) {
                assert!(Instant::now() < deadline, "{topic} has no {count} replicas");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }

    /// All that is committed in a topic.
    pub fn read(&self, topic: Topic) -> Vec<Stored> {
        read(&self.options.brokers, self.name(topic))
    }

    /// Where the journal's stable end is. Aborted transactions and markers move it too.
    pub fn journal_end(&self) -> i64 {
        insist(|| self.client.fetch_watermarks(self.name(Topic::Journal), 0, ANSWER)).1
    }

    /// The journal's entries, put together from their pieces.
    pub fn journal(&self) -> Vec<Vec<u8>> {
        let (mut entries, mut entry) = (Vec::new(), Vec::new());
        for record in self.read(Topic::Journal) {
            let field = |at: usize| u32::from_le_bytes(record.value[at..at + 4].try_into().unwrap());
            entry.extend_from_slice(&record.value[PIECE_HEAD..]);
            if field(4) + 1 == field(8) {
                entries.push(std::mem::take(&mut entry));
            }
        }
        assert!(entry.is_empty(), "the last entry is whole");
        entries
    }

    /// Values of the commands topic; in order within an account, whose partition is one.
    pub fn commands(&self) -> Vec<Vec<u8>> {
        self.read(Topic::Commands).into_iter().map(|record| record.value).collect()
    }

    /// The same, read by Kafka's own console consumer.
    pub fn commands_on_console(&self) -> Vec<Vec<u8>> {
        super::broker::console_consumer(&self.options.brokers, self.name(Topic::Commands))
    }

    /// Offsets of all input records that are there, by partition.
    pub fn inputs(&self) -> BTreeMap<(Topic, u32), Vec<u64>> {
        let mut inputs: BTreeMap<(Topic, u32), Vec<u64>> = BTreeMap::new();
        for topic in Topic::INPUTS {
            for record in self.read(topic) {
                inputs.entry((topic, record.partition)).or_default().push(record.offset);
            }
        }
        inputs
    }

    pub fn committed(&self) -> Committed {
        Committed { journal: self.journal(), commands: self.commands(), inputs: self.inputs() }
    }

    /// Deletes every record of every input topic, as retention would.
    pub fn delete_inputs(&self) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin client");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let options = AdminOptions::new();
        // Of a topic that is only compacted nothing may be deleted.
        let expire = |topic| {
            AlterConfig::new(ResourceSpecifier::Topic(self.name(topic))).set("cleanup.policy", "compact,delete")
        };
        let configs = Topic::INPUTS.map(expire);
        for altered in runtime.block_on(admin.alter_configs(&configs, &options)).expect("an answer") {
            altered.expect("another cleanup policy");
        }
        self.delete(&Topic::INPUTS);
    }

    /// Names another journal topic, and creates it.
    pub fn begin_journal(&mut self, name: &str) {
        self.options.topics.insert(Topic::Journal, name.to_owned());
        ensure_topics(&self.options, 1, 1).expect("topics");
    }

    /// Deletes every record of these topics, which may be deleted from.
    pub fn delete(&self, topics: &[Topic]) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin client");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let options = AdminOptions::new();
        let mut list = TopicPartitionList::new();
        for topic in topics.iter().copied() {
            for partition in 0..self.partitions(topic) {
                list.add_partition_offset(self.name(topic), partition, Offset::End).expect("an offset");
            }
        }
        let deadline = Instant::now() + PATIENCE;
        // The brokers hear of the other policy a little later.
        while let Err(error) = runtime.block_on(admin.delete_records(&list, &options)).and_then(first_error) {
            assert!(Instant::now() < deadline, "records aren't deleted: {error}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the journal covers so many input records and its last word about the gate is that it's open.
    pub fn wait_until_decided(&self, process: &mut Process, records: usize) {
        process.wait(|| {
            std::thread::sleep(Duration::from_millis(500));
            let (mut read, mut open) = (0, false);
            for bytes in self.journal() {
                let entry = bookd::wire::entry::decode(&bytes).unwrap();
                read += entry.spans.iter().map(|span| span.read as usize).sum::<usize>();
                for input in &entry.inputs {
                    if let bookd::domain::Body::Gate(gate) = &input.body {
                        open = *gate == bookd::domain::Gate::Open;
                    }
                }
            }
            open && read == records
        });
    }
}

/// All that is committed in a topic, one partition after the other. What comes meanwhile isn't waited for: a leader may
/// write faster than anybody comes to an end.
pub fn read(brokers: &str, topic: &str) -> Vec<Stored> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "reader");
    // An empty partition says so at once.
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true").set("fetch.wait.max.ms", "10");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = insist(|| consumer.fetch_metadata(Some(topic), ANSWER));
    let mut records = Vec::new();
    for partition in metadata.topics()[0].partitions() {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("an offset");
        let (_, end) = insist(|| consumer.fetch_watermarks(topic, partition.id(), ANSWER));
        consumer.assign(&list).expect("assign");
        read_up_to(end, &consumer, &mut records);
    }
    records
}

/// Of the one partition that is assigned: what is committed before `end`, its end a moment ago.
fn read_up_to(end: i64, consumer: &BaseConsumer, records: &mut Vec<Stored>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(message)) if message.offset() >= end => return,
            Some(Ok(message)) => records.push(Stored {
                partition: message.partition() as u32,
                offset: message.offset() as u64,
                value: message.payload().unwrap_or_default().to_vec(),
            }),
            Some(Err(KafkaError::PartitionEOF(_))) => return,
            _ => assert!(Instant::now() < deadline, "a partition is read to its end"),
        }
    }
}

/// Asks again while brokers come and go.
fn insist<T>(mut ask: impl FnMut() -> Result<T, KafkaError>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// By which brokers choose a partition for a transactional id: the absolute value of Java's hash of a string.
fn java_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    (hash as i32).checked_abs().map_or(0, i32::unsigned_abs)
}

fn first_error(list: TopicPartitionList) -> Result<(), KafkaError> {
    list.elements().iter().try_for_each(|element| element.error())
}

/// A home with this policy, whose log is the site.
pub fn home(site: &Site, policy: &str) -> Home {
    Home::with_log(policy, &site.settings(), SETTINGS)
}

/// The same home with another policy.
pub fn change_policy(home: &Home, site: &Site, policy: &str) {
    home.write_config(policy, &site.settings(), SETTINGS);
}
