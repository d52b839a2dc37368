//! Commands, alerts and account-state as JSON, as `schemas/` describes them.
//!
//! The structs under here are the schemas, field by field and in their order. Every record bears the headers of a
//! CloudEvent in binary mode; the value is the data alone.

mod account_state;
mod alert;
mod command;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::instant::Rfc3339;
use crate::domain::ids::Id128;
use crate::domain::{Disposition, OutRecord, Output, Secs, Text, Topic};

/// Raised when a field's meaning changes or one goes; new fields alone don't raise it.
const SCHEMA_VERSION: u32 = 1;

/// What every record of one entry bears.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub journal: Id128,
    pub shard: u16,
    pub sequence: u64,
}

/// The record of an entry's output of this index, keyed by the account's CRM id (alerts about none: by their
/// type). `None` for dead letters (see [`super::dead_letter`]) and for decisions that are held back.
pub fn record(output: &Output, stamp: &Stamp, index: usize) -> Option<OutRecord> {
    match output {
        Output::Decision(decision) => Some(OutRecord {
            topic: topic_of(decision.disposition)?,
            key: Some(decision.account.as_bytes().to_vec()),
            value: Some(bytes(&command::Command::of(decision, stamp))),
            headers: stamp.headers("bookd.command.v1", decision.command_id, decision.issued_at),
        }),
        Output::Alert(alert) => {
            let id = stamp.id(b"alert", index);
            let key = alert::account(&alert.kind).unwrap_or(alert.kind.name());
            Some(OutRecord {
                topic: Topic::Alerts,
                key: Some(key.as_bytes().to_vec()),
                value: Some(bytes(&alert::AlertBody::of(alert, id))),
                headers: stamp.headers("bookd.alert.v1", id, alert.at),
            })
        }
        Output::AccountState(row) => Some(OutRecord {
            topic: Topic::AccountState,
            key: Some(row.account.as_bytes().to_vec()),
            value: (!row.seats.is_empty()).then(|| bytes(&account_state::Row::of(row))),
            headers: stamp.headers("bookd.account-state.v1", stamp.id(b"state", index), row.at),
        }),
        Output::DeadLetter { .. } => None,
    }
}

/// None of what is held back.
fn topic_of(disposition: Disposition) -> Option<Topic> {
    match disposition {
        Disposition::Command => Some(Topic::Commands),
        Disposition::Shadow => Some(Topic::Shadow),
        Disposition::Held => None,
    }
}

impl Stamp {
    /// Where to find the cause: `bookd journal --from <sequence>` shows that entry.
    fn correlation_id(&self) -> String {
        format!("{}/{}/{}", self.journal, self.shard, self.sequence)
    }

    /// The id of an output that isn't a command: the same however often its entry is executed again. `what`
    /// keeps ids of different topics apart.
    fn id(&self, what: &[u8; 5], index: usize) -> Id128 {
        let mut bytes = Vec::with_capacity(39);
        bytes.extend_from_slice(what);
        bytes.extend_from_slice(&self.journal.0.to_be_bytes());
        bytes.extend_from_slice(&self.shard.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&(index as u64).to_be_bytes());
        Id128(xxh3_128(&bytes))
    }

    /// CloudEvents 1.0, Kafka binding, binary mode.
    fn headers(&self, kind: &str, id: Id128, at: Secs) -> Vec<(Text, Vec<u8>)> {
        let header = |name: &'static str, value: String| (Text::new_static(name), value.into_bytes());
        vec![
            header("ce_specversion", "1.0".to_owned()),
            header("ce_id", id.to_string()),
            header("ce_source", format!("bookd/{}/{}", self.journal, self.shard)),
            header("ce_type", kind.to_owned()),
            header("ce_time", Rfc3339::from(at).to_string()),
            header("content-type", "application/json".to_owned()),
        ]
    }
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("texts and finite numbers always serialise")
}

/// The account of an output, named as writers look it up.
#[derive(Serialize)]
struct AccountRef<'a> {
    crm_id: &'a str,
}

/// A priority in points, to one decimal.
fn points_of_priority(millionths: u32) -> f64 {
    (f64::from(millionths) / 100_000.0).round() / 10.0
}

/// Fit or timing, to three decimals.
fn share(millionths: u32) -> f64 {
    (f64::from(millionths) / 1_000.0).round() / 1_000.0
}
