//! The file of `bookd write-crm` as it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::local::{RawHttp, RawLogKind};
use super::{Spanned, unwritten};
use crate::config::period::Period;

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawWriter {
    pub crm: RawCrm,
    pub roles: BTreeMap<Spanned<String>, RawRole>,
    #[serde(default)]
    pub requests: RawRequests,
    #[serde(default)]
    pub log: RawWriterLog,
    #[serde(default)]
    pub kafka: RawWriterKafka,
    #[serde(default = "http")]
    pub http: RawHttp,
}

/// Another than bookd's own: both often run on one machine.
fn http() -> RawHttp {
    RawHttp { listen: unwritten("127.0.0.1:8081".into()) }
}

/// What bookd's own has beside these is about its journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWriterLog {
    pub kind: RawLogKind,
    pub dir: Spanned<String>,
}

/// A writer without a broker is the exception.
impl Default for RawWriterLog {
    fn default() -> RawWriterLog {
        RawWriterLog { kind: RawLogKind::Kafka, dir: unwritten("data/log".into()) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawCrmKind {
    Salesforce,
    HubSpot,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawVersions {
    #[default]
    None,
    Modified,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawOtherRoles {
    #[default]
    Reject,
    Skip,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCrm {
    pub kind: RawCrmKind,
    pub url: Spanned<String>,
    #[serde(default = "api_version")]
    pub api_version: Spanned<String>,
    pub client_id: Option<Spanned<String>>,
    pub client_secret_env: Option<Spanned<String>>,
    pub client_secret_file: Option<Spanned<String>>,
    pub token_env: Option<Spanned<String>>,
    pub token_file: Option<Spanned<String>>,
    pub certificates_file: Option<Spanned<String>>,
    #[serde(default)]
    pub versions: RawVersions,
    #[serde(default)]
    pub other_roles: RawOtherRoles,
}

fn api_version() -> Spanned<String> {
    unwritten("v62.0".into())
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRole {
    pub owner_field: Spanned<String>,
    pub nobody: Option<Spanned<String>>,
    pub command_field: Spanned<String>,
    pub sequence_field: Spanned<String>,
    pub expected_owner_field: Option<Spanned<String>>,
    #[serde(default)]
    pub stamps: RawStamps,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawStamps {
    pub entered_at: Option<Spanned<String>>,
    pub entered_because: Option<Spanned<String>>,
    pub reason: Option<Spanned<String>>,
    pub priority: Option<Spanned<String>>,
    pub at_risk_at: Option<Spanned<String>>,
    pub not_after: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRequests {
    pub timeout: Spanned<Period>,
    pub margin: Spanned<Period>,
    pub per_10s: Spanned<u32>,
    pub daily_share: Spanned<f64>,
    pub attempts: Spanned<u32>,
    pub commands_together: Spanned<u32>,
}

impl Default for RawRequests {
    fn default() -> RawRequests {
        RawRequests {
            timeout: unwritten(Period(30)),
            margin: unwritten(Period(30)),
            per_10s: unwritten(50),
            daily_share: unwritten(0.8),
            attempts: unwritten(6),
            commands_together: unwritten(200),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawBegin {
    #[default]
    Earliest,
    Latest,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWriterKafka {
    pub brokers: Spanned<String>,
    pub group: Spanned<String>,
    pub begin: RawBegin,
    pub topics: RawWriterTopics,
    pub properties: Spanned<toml::Table>,
}

impl Default for RawWriterKafka {
    fn default() -> RawWriterKafka {
        RawWriterKafka {
            brokers: unwritten("localhost:9092".into()),
            group: unwritten("bookd-writer".into()),
            begin: RawBegin::Earliest,
            topics: RawWriterTopics::default(),
            properties: unwritten(toml::Table::new()),
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RawWriterTopics {
    pub commands: Option<Spanned<String>>,
    pub results: Option<Spanned<String>>,
    pub dead_letters: Option<Spanned<String>>,
}
