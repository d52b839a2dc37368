//! From the mirror to the settings of this process and to what the edge needs: log, Kafka, HTTP, feeds.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::compile::check::Check;
use super::mistake::Fault;
use super::raw::local::{RawFeeds, RawKafka, RawLimits, RawLog, RawLogKind, RawTopics};
use super::raw::{RawConfig, Spanned};
use super::settings::{LogSettings, Settings};
use super::warning::Warning;
use crate::domain::Topic;
use crate::domain::feeds::{FeedLimits, Feeds, RECORD_BYTES_MAX};

/// Secrets are a line; more is the wrong file.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Shorter keys of a hash can be guessed.
const MIN_HASH_KEY_BYTES: usize = 16;

/// Bounds that keep any configuration's memory and pauses within reason.
const MAX_BATCH: u64 = 100_000;
const MAX_ENTRIES: u64 = 1_000_000_000;

/// Kafka's own limit.
const MAX_TOPIC_BYTES: usize = 249;

/// Properties that correctness needs as they are, each with the reason; by every name that librdkafka has for them.
const RESERVED: [(&str, &str); 28] = [
    ("bootstrap.servers", "it is `brokers`"),
    ("metadata.broker.list", "it is `brokers`"),
    ("group.id", "it is made of `id` and `shard`"),
    ("group.instance.id", "a static member hands over only by timeout"),
    ("group.protocol", "the election is tuned for the classic protocol"),
    ("group.remote.assignor", "the election is tuned for the classic protocol"),
    ("partition.assignment.strategy", "another one would move a healthy leader whenever a standby joins"),
    ("session.timeout.ms", "it decides how long a dead leader is waited for"),
    ("heartbeat.interval.ms", "it decides how fast a standby takes over"),
    ("transactional.id", "it is made of `id` and `shard`; it fences a former leader"),
    ("transaction.timeout.ms", "it must outlast the longest pause of a leader, and no longer"),
    ("enable.idempotence", "without it a retry could write twice"),
    ("retries", "a record that is given up aborts its commit"),
    ("message.send.max.retries", "a record that is given up aborts its commit"),
    ("acks", "a commit counts only when every replica has it"),
    ("request.required.acks", "a commit counts only when every replica has it"),
    ("max.in.flight", "more would lose the order"),
    ("max.in.flight.requests.per.connection", "more would lose the order"),
    ("isolation.level", "uncommitted records must never be read"),
    ("message.max.bytes", "journal entries are cut to what brokers take by default"),
    ("partitioner", "Java's clients must find an account in the same partition"),
    ("queuing.strategy", "another one would lose the order"),
    ("enable.auto.commit", "positions are in the journal, nowhere else"),
    ("auto.commit.enable", "positions are in the journal, nowhere else"),
    ("enable.auto.offset.store", "positions are in the journal, nowhere else"),
    ("auto.offset.reset", "a position that is gone is an error, never a jump"),
    ("enable.partition.eof", "the gate and the frontier are told by it where a topic ends"),
    ("allow.auto.create.topics", "a misspelt topic must be an error, not a new topic"),
];

pub fn settings(raw: &RawConfig, check: &mut Check) -> Settings {
    Settings {
        log: match raw.log.kind {
            RawLogKind::Files => files(&raw.log, check),
            RawLogKind::Kafka => kafka(&raw.kafka, check),
        },
        snapshots_dir: dir(&raw.snapshots.dir, check),
        snapshot_every_entries: check.count(&raw.snapshots.every_entries, "every_entries", 1, MAX_ENTRIES),
        checkpoint_every_entries: check.count(
            &raw.turn.checkpoint_every_entries,
            "checkpoint_every_entries",
            1,
            MAX_ENTRIES,
        ),
        http_listen: listen(&raw.http.listen, check),
        batch_max_records: check.count(&raw.turn.batch_max_records, "batch_max_records", 1, MAX_BATCH) as usize,
        heartbeat_s: check.period(&raw.turn.heartbeat, "heartbeat", 1),
        clock_jump_s: check.period(&raw.turn.clock_jump, "clock_jump", 60),
        clock_skew_max_s: check.period(&raw.turn.clock_skew_max, "clock_skew_max", 1),
        rejected_in_a_row_max: raw.turn.rejected_in_a_row_max,
    }
}

fn files(raw: &RawLog, check: &mut Check) -> LogSettings {
    LogSettings::Files {
        dir: dir(&raw.dir, check),
        sync_every_commits: check.count(&raw.sync_every_commits, "sync_every_commits", 1, u64::from(u32::MAX)),
    }
}

pub fn dir(value: &Spanned<String>, check: &mut Check) -> PathBuf {
    if value.get_ref().trim().is_empty() {
        check.rule(value.span(), "a directory needs a name", "\".\" is the one in which bookd is started");
    }
    value.get_ref().into()
}

pub fn listen(value: &Spanned<String>, check: &mut Check) -> Option<SocketAddr> {
    if value.get_ref() == "off" {
        return None;
    }
    let address = value.get_ref().parse().ok();
    if address.is_none() {
        check.rule(value.span(), "this isn't an address and a port", "for example \"127.0.0.1:8080\", or \"off\"");
    }
    address
}

pub fn brokers(value: &Spanned<String>, check: &mut Check) -> String {
    if value.get_ref().split(',').any(|broker| broker.trim().is_empty()) {
        check.rule(value.span(), "a broker is missing here", "for example \"kafka-1:9092,kafka-2:9092\"");
    }
    value.get_ref().clone()
}

fn kafka(raw: &RawKafka, check: &mut Check) -> LogSettings {
    LogSettings::Kafka {
        brokers: brokers(&raw.brokers, check),
        shard: raw.shard,
        id: check.name(&raw.id).into(),
        topics: topics(&raw.topics, check),
        properties: properties(&raw.properties, check),
    }
}

/// The name of a topic that isn't set.
pub fn default_topic(topic: Topic) -> String {
    format!("bookd.{}.v1", topic.name())
}

fn topics(raw: &RawTopics, check: &mut Check) -> BTreeMap<Topic, String> {
    let set = |topic| match topic {
        Topic::Reps => &raw.reps,
        Topic::Accounts => &raw.accounts,
        Topic::Opportunities => &raw.opportunities,
        Topic::Results => &raw.results,
        Topic::Activity => &raw.activity,
        Topic::Requests => &raw.requests,
        Topic::Intent => &raw.intent,
        Topic::Engagement => &raw.engagement,
        Topic::Inbound => &raw.inbound,
        Topic::Commands => &raw.commands,
        Topic::Shadow => &raw.shadow,
        Topic::Alerts => &raw.alerts,
        Topic::AccountState => &raw.account_state,
        Topic::DeadLetters => &raw.dead_letters,
        Topic::Journal => &raw.journal,
    };
    let mut names: BTreeMap<Topic, String> = BTreeMap::new();
    for topic in Topic::INPUTS.into_iter().chain(Topic::OUTPUTS) {
        let name = match set(topic) {
            Some(value) => topic_name(value, &names, check),
            None => default_topic(topic),
        };
        names.insert(topic, name);
    }
    names
}

pub fn topic_name(value: &Spanned<String>, taken: &BTreeMap<Topic, String>, check: &mut Check) -> String {
    let name = value.get_ref();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > MAX_TOPIC_BYTES || !name.chars().all(allowed) || name.starts_with("__") {
        check.rule(value.span(), "this isn't the name of a topic", "letters, digits, . - and _");
    }
    if taken.values().any(|other| other == name) {
        check.fail(value.span(), Fault::Twice { what: "topic", name: name.clone() });
    }
    name.clone()
}

pub fn properties(raw: &Spanned<toml::Table>, check: &mut Check) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    flatten("", raw.get_ref(), &mut flat);
    let mut properties = BTreeMap::new();
    for (name, value) in flat {
        if let Some((_, reason)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
            check.fail(place_of(&name, raw, check), Fault::Property { name, reason });
        } else if let Some(secret) = name.strip_suffix("_file") {
            let text = secret_file(&value, place_of(&name, raw, check), check);
            properties.insert(secret.to_owned(), text);
        } else {
            properties.insert(name, value);
        }
    }
    properties
}

fn flatten(path: &str, table: &toml::Table, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, flat),
            toml::Value::String(text) => {
                flat.insert(name, text.clone());
            }
            other => {
                flat.insert(name, other.to_string());
            }
        }
    }
}

/// Where a property stands: its name in the table's text, or the whole table.
fn place_of(name: &str, raw: &Spanned<toml::Table>, check: &Check) -> std::ops::Range<usize> {
    let table = raw.span();
    match check.text[table.start..].find(name) {
        Some(within) if !table.is_empty() => table.start + within..table.start + within + name.len(),
        _ => table,
    }
}

pub fn secret_file(path: &str, place: std::ops::Range<usize>, check: &mut Check) -> String {
    let read = fs::metadata(path).and_then(|about| {
        if about.len() > MAX_SECRET_BYTES {
            return Err(std::io::Error::other("it is too large for a secret"));
        }
        fs::read_to_string(path)
    });
    match read {
        // Editors end files with a newline that isn't part of the secret.
        Ok(text) => text.trim_end_matches(['\n', '\r']).to_owned(),
        Err(error) => {
            check.fail(place, Fault::File { path: path.to_owned(), error: error.to_string() });
            String::new()
        }
    }
}

pub fn feeds(raw: &RawConfig, check: &mut Check) -> Feeds {
    let feeds = &raw.feeds;
    let aliases = &feeds.domain_aliases;
    Feeds {
        hash_key: hash_key(feeds, raw.log.kind, check),
        free_mail: feeds.free_mail.iter().map(|value| domain(value, check)).collect(),
        domain_aliases: aliases.iter().map(|(alias, owner)| (domain(alias, check), domain(owner, check))).collect(),
        limits: limits(&feeds.limits, check),
    }
}

fn hash_key(raw: &RawFeeds, log: RawLogKind, check: &mut Check) -> Vec<u8> {
    let (key, place) = match (&raw.hash_key, &raw.hash_key_file) {
        (None, None) => {
            if log == RawLogKind::Kafka {
                check.rule(
                    0..0,
                    "[feeds] hash_key_file is missing",
                    "contacts and reps are hashed with it: 16 bytes or more",
                );
            } else {
                check.warn(Warning::NoHashKey);
            }
            return Vec::new();
        }
        (Some(key), Some(_)) => {
            check.rule(key.span(), "hash_key and hash_key_file are both there", "keep the file");
            return Vec::new();
        }
        (Some(key), None) => (key.get_ref().clone(), key.span()),
        (None, Some(path)) => (secret_file(path.get_ref(), path.span(), check), path.span()),
    };
    if key.len() < MIN_HASH_KEY_BYTES {
        check.rule(
            place,
            "this key is too short to keep anything secret",
            "16 bytes or more, for example from `openssl rand -hex 16`",
        );
    }
    key.into_bytes()
}

/// A registrable domain in the form in which `feed` compares it: lower-case, punycode.
fn domain(value: &Spanned<String>, check: &mut Check) -> String {
    let ascii = idna::domain_to_ascii_strict(value.get_ref().trim_end_matches('.')).unwrap_or_default();
    if psl::domain_str(&ascii) != Some(&ascii) {
        check.rule(
            value.span(),
            "this isn't a registrable domain",
            "for example \"example.com\", without https:// and www.",
        );
    }
    ascii
}

fn limits(raw: &RawLimits, check: &mut Check) -> FeedLimits {
    let mut limit = |value: &Spanned<u64>, what, least, most| check.count(value, what, least, most) as usize;
    FeedLimits {
        record_bytes: limit(&raw.record_bytes, "record_bytes", 1024, RECORD_BYTES_MAX as u64),
        depth: limit(&raw.depth, "depth", 4, 64),
        text_bytes: limit(&raw.text_bytes, "text_bytes", 64, 64 * 1024),
        list_items: limit(&raw.list_items, "list_items", 1, 10_000),
        fields: limit(&raw.fields, "fields", 1, 1_000),
    }
}
