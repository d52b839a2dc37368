//! Everything but the policy: feeds, log, Kafka, snapshots, HTTP, the loop.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Spanned, unwritten};
use crate::config::period::Period;
use crate::domain::feeds::FeedLimits;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawFeeds {
    pub hash_key: Option<Spanned<String>>,
    pub hash_key_file: Option<Spanned<String>>,
    pub free_mail: Vec<Spanned<String>>,
    pub domain_aliases: BTreeMap<Spanned<String>, Spanned<String>>,
    pub limits: RawLimits,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    pub record_bytes: Spanned<u64>,
    pub depth: Spanned<u64>,
    pub text_bytes: Spanned<u64>,
    pub list_items: Spanned<u64>,
    pub fields: Spanned<u64>,
}

impl Default for RawLimits {
    fn default() -> RawLimits {
        let limits = FeedLimits::default();
        RawLimits {
            record_bytes: unwritten(limits.record_bytes as u64),
            depth: unwritten(limits.depth as u64),
            text_bytes: unwritten(limits.text_bytes as u64),
            list_items: unwritten(limits.list_items as u64),
            fields: unwritten(limits.fields as u64),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawLogKind {
    Files,
    Kafka,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLog {
    pub kind: RawLogKind,
    pub dir: Spanned<String>,
    pub sync_every_commits: Spanned<u32>,
}

impl Default for RawLog {
    fn default() -> RawLog {
        RawLog { kind: RawLogKind::Files, dir: unwritten("data/log".into()), sync_every_commits: unwritten(1) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawKafka {
    pub brokers: Spanned<String>,
    pub id: Spanned<String>,
    pub shard: u16,
    pub topics: RawTopics,
    /// Nested tables are dotted names: `sasl.username = "x"` is `[kafka.properties.sasl] username = "x"`.
    pub properties: Spanned<toml::Table>,
}

impl Default for RawKafka {
    fn default() -> RawKafka {
        RawKafka {
            brokers: unwritten("localhost:9092".into()),
            id: unwritten("bookd".into()),
            shard: 0,
            topics: RawTopics::default(),
            properties: unwritten(toml::Table::new()),
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RawTopics {
    pub reps: Option<Spanned<String>>,
    pub accounts: Option<Spanned<String>>,
    pub opportunities: Option<Spanned<String>>,
    pub results: Option<Spanned<String>>,
    pub activity: Option<Spanned<String>>,
    pub requests: Option<Spanned<String>>,
    pub intent: Option<Spanned<String>>,
    pub engagement: Option<Spanned<String>>,
    pub inbound: Option<Spanned<String>>,
    pub commands: Option<Spanned<String>>,
    pub shadow: Option<Spanned<String>>,
    pub alerts: Option<Spanned<String>>,
    pub account_state: Option<Spanned<String>>,
    pub dead_letters: Option<Spanned<String>>,
    pub journal: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSnapshots {
    pub dir: Spanned<String>,
    pub every_entries: Spanned<u64>,
}

impl Default for RawSnapshots {
    fn default() -> RawSnapshots {
        RawSnapshots { dir: unwritten("data/snapshots".into()), every_entries: unwritten(50_000) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttp {
    pub listen: Spanned<String>,
}

impl Default for RawHttp {
    fn default() -> RawHttp {
        RawHttp { listen: unwritten("127.0.0.1:8080".into()) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLoop {
    pub batch_max_records: Spanned<u64>,
    pub checkpoint_every_entries: Spanned<u64>,
    pub heartbeat: Spanned<Period>,
    pub clock_jump: Spanned<Period>,
    pub clock_skew_max: Spanned<Period>,
    pub rejected_in_a_row_max: u32,
}

impl Default for RawLoop {
    fn default() -> RawLoop {
        RawLoop {
            batch_max_records: unwritten(4_000),
            checkpoint_every_entries: unwritten(1_000),
            heartbeat: unwritten(Period(10)),
            clock_jump: unwritten(Period(15 * 60)),
            clock_skew_max: unwritten(Period(30)),
            rejected_in_a_row_max: 1_000,
        }
    }
}
