//! Bytes to inputs or rejections. Stateless: candidates and facts, never points or ids of the engine.
//!
//! What the events look like is in `docs/events.md` and `schemas/`. Unknown fields are read over. Personal data
//! ends here: addresses become domains and keyed hashes, and rejections don't quote what they turn away.

mod answers;
mod dedup;
mod domains;
mod events;
mod free_mail;
mod guard;
pub mod instant;
mod people;
mod read;
mod reference;
mod secret;
mod slot;

#[cfg(test)]
mod tests;

use serde::Deserialize;

use crate::domain::account::{AccountOp, AccountRecord};
use crate::domain::feeds::{FeedLimits, Feeds};
use crate::domain::opportunity::{OpportunityOp, OpportunityRecord};
use crate::domain::rep::{RepOp, RepRecord};
use crate::domain::signal::Class;
use crate::domain::{Body, Code, Input, Position, Record, Text, Topic};
use domains::Domains;
use read::{Reader, missing};
use secret::Secret;

/// Why a record was turned away before the engine saw it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.text())]
pub struct Rejection {
    pub code: Code,
    /// For people: which field, what was found. Bounded, and without personal data.
    pub detail: String,
}

impl Rejection {
    fn new(code: Code, detail: impl Into<String>) -> Rejection {
        Rejection { code, detail: detail.into() }
    }
}

pub struct Decoder {
    limits: FeedLimits,
    secret: Secret,
    domains: Domains,
}

impl Decoder {
    pub fn new(feeds: Feeds) -> Decoder {
        Decoder {
            limits: feeds.limits,
            secret: Secret::new(&feeds.hash_key),
            domains: Domains::new(feeds.free_mail, feeds.domain_aliases),
        }
    }

    /// One record of an input topic. `None`: nothing to do (a tombstone on an event topic).
    pub fn decode(&self, record: &Record) -> Result<Option<Input>, Rejection> {
        let body = match &record.value {
            Some(value) => Some(self.body(record, guard::text(&self.limits, value)?)?),
            None => self.tombstone(record)?,
        };
        let Record { topic, partition, offset, .. } = *record;
        let position = Some(Position { topic, partition, offset });
        Ok(body.map(|body| Input { position, body }))
    }

    fn body(&self, record: &Record, json: &str) -> Result<Body, Rejection> {
        let (reader, domains) = (&self.reader(), &self.domains);
        let signal = |class| {
            let body = parse(json)?;
            events::signal(reader, domains, record.topic, class, &body).map(Body::Signal)
        };
        match record.topic {
            Topic::Intent => signal(Class::Intent),
            Topic::Engagement => signal(Class::Engagement),
            Topic::Inbound => signal(Class::Inbound),
            Topic::Activity => events::activity(reader, domains, &parse(json)?).map(Body::Activity),
            Topic::Accounts => {
                let key = self.key(record)?;
                reference::account(reader, domains, key.as_ref(), &parse(json)?).map(Body::Account)
            }
            Topic::Reps => reference::rep(reader, self.key(record)?.as_ref(), &parse(json)?).map(Body::Rep),
            Topic::Opportunities => {
                let key = self.key(record)?;
                reference::opportunity(reader, domains, key.as_ref(), &parse(json)?).map(Body::Opportunity)
            }
            Topic::Requests => answers::request(reader, domains, &parse(json)?).map(Body::Request),
            Topic::Results => answers::result(reader, &parse(json)?).map(Body::Result),
            Topic::Commands | Topic::Alerts | Topic::AccountState | Topic::DeadLetters | Topic::Journal => {
                Err(Rejection::new(Code::Malformed, "this topic is written here, not read"))
            }
        }
    }

    /// On a reference topic it deletes what its key names; an event can't be taken back.
    fn tombstone(&self, record: &Record) -> Result<Option<Body>, Rejection> {
        if !matches!(record.topic, Topic::Accounts | Topic::Reps | Topic::Opportunities) {
            return Ok(None);
        }
        let id = self.key(record)?.ok_or_else(|| missing("key"))?;
        Ok(Some(match record.topic {
            Topic::Accounts => Body::Account(AccountRecord { id, op: AccountOp::Delete, at: None }),
            Topic::Reps => Body::Rep(RepRecord { id, op: RepOp::Delete, at: None }),
            _ => Body::Opportunity(OpportunityRecord { id, op: OpportunityOp::Delete, at: None }),
        }))
    }

    /// The id in a record's key: plain text, or a JSON string.
    fn key(&self, record: &Record) -> Result<Option<Text>, Rejection> {
        let Some(bytes) = &record.key else { return Ok(None) };
        let text = guard::text(&self.limits, bytes)?;
        let plain = match text.starts_with('"') {
            true => serde_json::from_str(text).map_err(|_| Rejection::new(Code::Malformed, "the key is no text"))?,
            false => text.to_owned(),
        };
        self.reader().id_text("key", &plain)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { limits: &self.limits, secret: &self.secret }
    }
}

/// Into slots, which take any JSON: what fails here isn't JSON, or names a field twice.
fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Rejection> {
    if !json.trim_start().starts_with('{') {
        return Err(Rejection::new(Code::Malformed, "not a JSON object"));
    }
    serde_json::from_str(json).map_err(|error| {
        let what = if error.is_data() { "a field is named twice" } else { "not JSON" };
        Rejection::new(Code::Malformed, format!("{what}: line {}, column {}", error.line(), error.column()))
    })
}
