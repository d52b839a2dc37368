//! Commands, alerts and account-state as JSON, as `schemas/` describes them.
//!
//! Written by hand, field by field and in the schemas' order: the structs in the tests are those schemas, and what they
//! make is the same to the byte. Every record bears the headers of a CloudEvent in binary mode; the value is the data alone.

mod account_state;
mod alert;
mod command;
#[cfg(test)]
mod reference;
mod writer;

use xxhash_rust::xxh3::xxh3_128;

use super::digits;
use super::instant::Rfc3339;
use crate::domain::ids::Id128;
use crate::domain::{Disposition, HeaderValue, OutRecord, Output, Secs, Text, Topic};

/// Raised when a field's meaning changes or one goes; new fields alone don't raise it.
const SCHEMA_VERSION: u32 = 1;

/// An entry, as its records name it.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub journal: Id128,
    pub shard: u16,
    pub sequence: u64,
}

/// What every record of one entry bears: written once, and copied into each or shared by all.
pub struct Stamped {
    stamp: Stamp,
    /// `bookd/<journal>/<shard>/<sequence>`
    path: Vec<u8>,
    /// Of the path, that of which this is an entry: a CloudEvent's source.
    source: Text,
    /// When the last output happened, and that as text: as a rule all of an entry happens at once.
    at: Option<Secs>,
    time: Text,
}

const BOOKD: &[u8] = b"bookd/";

impl Stamped {
    pub fn of(stamp: Stamp) -> Stamped {
        let mut path = Vec::with_capacity(64);
        path.extend_from_slice(BOOKD);
        path.extend_from_slice(&stamp.journal.digits());
        path.push(b'/');
        digits::put(&mut path, stamp.shard.into());
        let source = text(&path);
        path.push(b'/');
        digits::put(&mut path, stamp.sequence);
        Stamped { stamp, path, source, at: None, time: Text::default() }
    }

    /// Where to find the cause: `bookd journal --from <sequence>` shows that entry.
    fn correlation_id(&self) -> &[u8] {
        &self.path[BOOKD.len()..]
    }

    /// The record of the entry's output of this index, keyed by the account's CRM id (alerts about none: by their
    /// type). `None` for dead letters (see [`super::dead_letter`]) and for decisions that are held back.
    pub fn record(&mut self, output: &Output, index: usize) -> Option<OutRecord> {
        match output {
            Output::Decision(decision) => {
                self.happens(decision.issued_at);
                Some(OutRecord {
                    topic: topic_of(decision.disposition)?,
                    key: Some(decision.account.as_bytes().to_vec()),
                    value: Some(command::value(decision, self.time.as_bytes(), self.correlation_id())),
                    headers: self.headers("bookd.command.v1", decision.command_id),
                })
            }
            Output::Alert(alert) => {
                self.happens(alert.at);
                let id = self.id(b"alert", index);
                let key = alert.kind.concerns().0.map_or(alert.kind.name(), Text::as_str);
                Some(OutRecord {
                    topic: Topic::Alerts,
                    key: Some(key.as_bytes().to_vec()),
                    value: Some(alert::value(alert, self.time.as_bytes(), id)),
                    headers: self.headers("bookd.alert.v1", id),
                })
            }
            Output::AccountState(row) => {
                self.happens(row.at);
                Some(OutRecord {
                    topic: Topic::AccountState,
                    key: Some(row.account.as_bytes().to_vec()),
                    value: (!row.seats.is_empty()).then(|| account_state::value(row, self.time.as_bytes())),
                    headers: self.headers("bookd.account-state.v1", self.id(b"state", index)),
                })
            }
            Output::DeadLetter { .. } => None,
        }
    }

    fn happens(&mut self, at: Secs) {
        if self.at != Some(at) {
            (self.at, self.time) = (Some(at), time(at));
        }
    }

    /// The id of an output that isn't a command: the same however often its entry is executed again. `what`
    /// keeps ids of different topics apart.
    fn id(&self, what: &[u8; 5], index: usize) -> Id128 {
        let Stamp { journal, shard, sequence } = self.stamp;
        let mut bytes = [0; 39];
        bytes[..5].copy_from_slice(what);
        bytes[5..21].copy_from_slice(&journal.0.to_be_bytes());
        bytes[21..23].copy_from_slice(&shard.to_be_bytes());
        bytes[23..31].copy_from_slice(&sequence.to_be_bytes());
        bytes[31..].copy_from_slice(&(index as u64).to_be_bytes());
        Id128(xxh3_128(&bytes))
    }

    /// CloudEvents 1.0, Kafka binding, binary mode.
    fn headers(&self, kind: &'static str, id: Id128) -> Vec<(Text, HeaderValue)> {
        let header = |name: &'static str, value: Text| (Text::new_static(name), HeaderValue::Text(value));
        vec![
            header("ce_specversion", Text::new_static("1.0")),
            header("ce_id", text(&id.digits())),
            header("ce_source", self.source.clone()),
            header("ce_type", Text::new_static(kind)),
            header("ce_time", self.time.clone()),
            header("content-type", Text::new_static("application/json")),
        ]
    }
}

fn time(at: Secs) -> Text {
    Rfc3339::from(at).with(text)
}

fn text(ascii: &[u8]) -> Text {
    Text::new(std::str::from_utf8(ascii).expect("digits, letters and marks"))
}

/// None of what is held back.
fn topic_of(disposition: Disposition) -> Option<Topic> {
    match disposition {
        Disposition::Command => Some(Topic::Commands),
        Disposition::Shadow => Some(Topic::Shadow),
        Disposition::Held => None,
    }
}
