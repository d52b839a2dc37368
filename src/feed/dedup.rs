//! The number by which an event is known again.
//!
//! With an event's own id: its hash with topic and source. Without: a hash of what makes two events the same.
//! A snapshot's window is its UTC day, and its strength is part of it: a vendor that resends its whole state
//! every hour says something new once a day, or when the value has changed.

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::ids::Actor;
use crate::domain::request::Request;
use crate::domain::signal::{Activity, Mode, Signal};
use crate::domain::{Candidate, Millis, Topic};

const DAY_MS: i64 = 86_400_000;

/// The parts of nearly every event together; what is longer costs an allocation.
const NEAR: usize = 256;

/// The bytes of all parts, hashed at once: a running hash's state is larger than most events' parts together.
struct Hash {
    near: [u8; NEAR],
    length: usize,
    /// All parts, once they have outgrown `near`.
    far: Vec<u8>,
}

impl Hash {
    fn new(topic: Topic) -> Hash {
        let mut hash = Hash { near: [0; NEAR], length: 0, far: Vec::new() };
        hash.text(topic.name());
        hash
    }

    fn add(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        match self.near.get_mut(self.length..end) {
            Some(room) if self.far.is_empty() => {
                room.copy_from_slice(part);
                self.length = end;
            }
            _ => self.outgrow(part),
        }
    }

    #[cold]
    fn outgrow(&mut self, part: &[u8]) {
        if self.far.is_empty() {
            self.far.extend_from_slice(&self.near[..self.length]);
        }
        self.far.extend_from_slice(part);
    }

    /// With its length before it, so that no two lists of texts are the same bytes.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.add(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        self.text(text.unwrap_or(""));
    }

    fn number(&mut self, number: u64) {
        self.add(&number.to_le_bytes());
    }

    fn instant(&mut self, at: Millis) {
        self.number(at.0 as u64);
    }

    fn candidate(&mut self, candidates: &[Candidate]) {
        match candidates.first() {
            None => self.number(0),
            Some(Candidate::CrmId(id)) => self.tagged(1, id),
            Some(Candidate::VendorId { vendor, id }) => {
                self.tagged(2, vendor);
                self.text(id);
            }
            Some(Candidate::Domain(domain)) => self.tagged(3, domain),
            Some(Candidate::EmailDomain(domain)) => self.tagged(4, domain),
        }
    }

    fn tagged(&mut self, tag: u64, text: &str) {
        self.number(tag);
        self.text(text);
    }

    fn end(&self) -> u64 {
        xxh3_64(if self.far.is_empty() { &self.near[..self.length] } else { &self.far })
    }
}

/// Of an event that has an id. Ids of one source are one name space a topic.
pub fn by_id(topic: Topic, source: &str, id: &str) -> u64 {
    let mut hash = Hash { near: [0; NEAR], length: 0, far: Vec::new() };
    // What all events of a topic have in common, with the lengths before.
    match topic {
        Topic::Intent => hash.add(b"\x06\0\0\0\0\0\0\0intent\x02\0\0\0\0\0\0\0id"),
        Topic::Engagement => hash.add(b"\x0a\0\0\0\0\0\0\0engagement\x02\0\0\0\0\0\0\0id"),
        Topic::Inbound => hash.add(b"\x07\0\0\0\0\0\0\0inbound\x02\0\0\0\0\0\0\0id"),
        Topic::Activity => hash.add(b"\x08\0\0\0\0\0\0\0activity\x02\0\0\0\0\0\0\0id"),
        _ => {
            hash.text(topic.name());
            hash.text("id");
        }
    }
    hash.text(source);
    hash.text(id);
    hash.end()
}

pub fn of_signal(topic: Topic, signal: &Signal) -> u64 {
    let mut hash = Hash::new(topic);
    hash.text(&signal.source);
    hash.candidate(&signal.account);
    hash.text(&signal.kind);
    hash.optional(signal.subject.as_deref());
    match signal.mode {
        Mode::Delta => hash.instant(signal.at),
        Mode::Snapshot => {
            hash.number(signal.at.0.div_euclid(DAY_MS) as u64);
            hash.number(signal.strength.map_or(u64::MAX, u64::from));
        }
    }
    hash.end()
}

pub fn of_activity(activity: &Activity) -> u64 {
    let mut hash = Hash::new(Topic::Activity);
    hash.text(&activity.source);
    hash.candidate(&activity.account);
    hash.text(&activity.kind);
    match &activity.actor {
        None => hash.number(0),
        Some(Actor::Rep(id)) => hash.tagged(1, id),
        Some(Actor::Alias(alias)) => {
            hash.number(2);
            hash.number(*alias);
        }
    }
    hash.number(activity.contact.into());
    hash.number(activity.direction as u64);
    hash.instant(activity.at);
    hash.end()
}

pub fn of_request(request: &Request) -> u64 {
    let mut hash = Hash::new(Topic::Requests);
    hash.text(request.op.name());
    hash.candidate(&request.account);
    hash.optional(request.role.as_deref());
    hash.optional(request.rep.as_deref());
    hash.optional(request.reason.map(|reason| reason.name()));
    hash.instant(request.until.unwrap_or_default());
    hash.text(&request.by);
    hash.instant(request.at);
    // Told apart by what they are.
    if let Some(per_hour) = request.per_hour {
        hash.tagged(1, "");
        hash.number(per_hour.into());
    }
    if let Some(wave) = request.wave {
        hash.tagged(2, "");
        hash.number(wave);
    }
    if let Some(undo) = &request.undo {
        hash.tagged(3, "");
        hash.optional(undo.command.map(|id| id.to_string()).as_deref());
        hash.number(undo.entry.unwrap_or(0));
        hash.instant(undo.since.unwrap_or_default());
    }
    hash.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::Xxh3;

    #[test]
    fn what_is_written_out_is_the_topics_name() {
        for topic in Topic::INPUTS {
            let mut hash = Hash::new(topic);
            ["id", "source", "an id"].iter().for_each(|part| hash.text(part));
            assert_eq!(by_id(topic, "source", "an id"), hash.end(), "{topic:?}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_hashed_as_one_text(parts in prop::collection::vec("[a-zé]{0,90}", 0..8), number in any::<u64>()) {
            let (mut hash, mut running) = (Hash::new(Topic::Intent), Xxh3::new());
            let mut run = |text: &str| {
                running.update(&(text.len() as u64).to_le_bytes());
                running.update(text.as_bytes());
            };
            run("intent");
            for part in &parts {
                hash.text(part);
                run(part);
            }
            hash.number(number);
            running.update(&number.to_le_bytes());
            prop_assert_eq!(hash.end(), running.digest());
        }
    }
}
