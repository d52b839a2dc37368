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
mod host;
pub mod instant;
mod people;
mod read;
mod reference;
mod scan;
mod secret;
mod short_way;
mod slot;
mod stops;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

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
use short_way::Judge;

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
        let Some(value) = &record.value else { return self.tombstone(record) };
        let json = guard::text(&self.limits, value)?;
        match self.scanned(record, json) {
            Some(input) => Ok(Some(input)),
            None => self.parsed(record, json),
        }
    }

    /// The short way alone: what it takes. `None` is a surprise, not a rejection.
    pub fn scan(&self, record: &Record) -> Option<Input> {
        let json = guard::text(&self.limits, record.value.as_ref()?).ok()?;
        self.scanned(record, json)
    }

    /// The long way alone: what `decode` says too, whatever the short way takes.
    pub fn parse(&self, record: &Record) -> Result<Option<Input>, Rejection> {
        let Some(value) = &record.value else { return self.tombstone(record) };
        self.parsed(record, guard::text(&self.limits, value)?)
    }

    /// An event or an account's record, if it is written as these mostly are and nothing is wrong with it.
    #[inline(always)]
    fn scanned(&self, record: &Record, json: &str) -> Option<Input> {
        if self.limits.depth < scan::DEPTH {
            return None;
        }
        let judge = Judge { reader: self.reader(), domains: &self.domains };
        if record.topic == Topic::Accounts {
            let key = self.key(record).ok()?;
            return Some(input(record, Body::Account(short_way::account(&judge, key, json)?)));
        }
        // It is filled where it stands: an input is large.
        let mut input = input(record, short_way::blank(record.topic)?);
        match &mut input.body {
            Body::Signal(signal) => short_way::signal(&judge, record.topic, json, signal)?,
            Body::Activity(activity) => short_way::activity(&judge, json, activity)?,
            _ => return None,
        }
        Some(input)
    }

    fn parsed(&self, record: &Record, json: &str) -> Result<Option<Input>, Rejection> {
        guard::nesting(&self.limits, json)?;
        self.body(record, json).map(|body| Some(input(record, body)))
    }

    fn body(&self, record: &Record, json: &str) -> Result<Body, Rejection> {
        let (reader, domains) = (&self.reader(), &self.domains);
        if let Some(class) = signals_class(record.topic) {
            return events::signal(reader, domains, record.topic, class, &parse(json)?).map(Body::Signal);
        }
        match record.topic {
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
            Topic::Intent | Topic::Engagement | Topic::Inbound => unreachable!("they have a class"),
            Topic::Commands
            | Topic::Shadow
            | Topic::Alerts
            | Topic::AccountState
            | Topic::DeadLetters
            | Topic::Journal => Err(Rejection::new(Code::Malformed, "this topic is written here, not read")),
        }
    }

    /// On a reference topic it deletes what its key names; an event can't be taken back.
    fn tombstone(&self, record: &Record) -> Result<Option<Input>, Rejection> {
        if !matches!(record.topic, Topic::Accounts | Topic::Reps | Topic::Opportunities) {
            return Ok(None);
        }
        let id = self.key(record)?.ok_or_else(|| missing("key"))?;
        let body = match record.topic {
            Topic::Accounts => Body::Account(AccountRecord { id, op: AccountOp::Delete, at: None }),
            Topic::Reps => Body::Rep(RepRecord { id, op: RepOp::Delete, at: None }),
            _ => Body::Opportunity(OpportunityRecord { id, op: OpportunityOp::Delete, at: None }),
        };
        Ok(Some(input(record, body)))
    }

    /// The id in a record's key: plain text, or a JSON string.
    fn key(&self, record: &Record) -> Result<Option<Text>, Rejection> {
        let Some(bytes) = &record.key else { return Ok(None) };
        let text = guard::text(&self.limits, bytes)?;
        guard::nesting(&self.limits, text)?;
        let plain: Cow<str> = match text.starts_with('"') {
            true => serde_json::from_str(text).map_err(|_| Rejection::new(Code::Malformed, "the key is no text"))?,
            false => text.into(),
        };
        self.reader().id_text("key", &plain)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { limits: &self.limits, secret: &self.secret }
    }
}

/// Of the signals that a topic holds; other topics hold none.
fn signals_class(topic: Topic) -> Option<Class> {
    match topic {
        Topic::Intent => Some(Class::Intent),
        Topic::Engagement => Some(Class::Engagement),
        Topic::Inbound => Some(Class::Inbound),
        _ => None,
    }
}

fn input(record: &Record, body: Body) -> Input {
    let Record { topic, partition, offset, .. } = *record;
    Input { position: Some(Position { topic, partition, offset }), body }
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
