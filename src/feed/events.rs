//! Records of the event topics: `intent`, `engagement`, `inbound` and `activity`.

use super::Rejection;
use super::dedup;
use super::domains::Domains;
use super::people::{self, AccountRef, ActorRef, ContactRef};
use super::read::{Reader, required};
use super::slot::{Object, Scalar, Slot, body};
use crate::domain::signal::{Activity, Class, Direction, Mode, Signal};
use crate::domain::{Candidates, Code, Topic};

/// Thousandths of the vendor's unit must fit 32 bits.
pub const STRENGTH_MAX: u32 = 4_000_000;

body! {
    pub struct SignalBody<'a> {
        event_id: Scalar<'a>,
        source: Scalar<'a>,
        kind: Scalar<'a>,
        account: Object<AccountRef<'a>>,
        subject: Scalar<'a>,
        strength: Scalar<'a>,
        mode: Scalar<'a>,
        occurred_at: Scalar<'a>,
    }
}

body! {
    pub struct ActivityBody<'a> {
        event_id: Scalar<'a>,
        source: Scalar<'a>,
        kind: Scalar<'a>,
        account: Object<AccountRef<'a>>,
        actor: Object<ActorRef<'a>>,
        contact: Object<ContactRef<'a>>,
        direction: Scalar<'a>,
        meeting_at: Scalar<'a>,
        occurred_at: Scalar<'a>,
    }
}

pub fn signal(
    reader: &Reader,
    domains: &Domains,
    topic: Topic,
    class: Class,
    body: &SignalBody,
) -> Result<Signal, Rejection> {
    let account = people::candidates(reader, domains, &body.account)?;
    let mut signal = Signal {
        class,
        kind: required("kind", reader.name("kind", &body.kind)?)?,
        account: some_account(account)?,
        source: required("source", reader.name("source", &body.source)?)?,
        subject: reader.free("subject", &body.subject)?,
        strength: reader.scaled("strength", &body.strength, 1000, f64::from(STRENGTH_MAX))?,
        mode: mode(reader, class, &body.mode)?,
        at: reader.event_time("occurred_at", &body.occurred_at)?,
        dedup: 0,
        due: None,
    };
    let by_id = known_by_id(reader, topic, &signal.source, &body.event_id)?;
    signal.dedup = by_id.unwrap_or_else(|| dedup::of_signal(topic, &signal));
    Ok(signal)
}

pub fn activity(reader: &Reader, domains: &Domains, body: &ActivityBody) -> Result<Activity, Rejection> {
    let directions =
        [("outbound", Direction::Outbound), ("inbound", Direction::Inbound), ("mutual", Direction::Mutual)];
    let mut activity = Activity {
        kind: required("kind", reader.name("kind", &body.kind)?)?,
        // May be empty: the engine still hears that the source speaks and the rep acts, then turns it away.
        account: people::candidates(reader, domains, &body.account)?,
        source: required("source", reader.name("source", &body.source)?)?,
        actor: people::actor(reader, &body.actor)?,
        contact: people::contact(reader, &body.contact)?,
        direction: required("direction", reader.choice("direction", &body.direction, &directions)?)?,
        at: reader.event_time("occurred_at", &body.occurred_at)?,
        dedup: 0,
        meeting_at: reader.stamp("meeting_at", &body.meeting_at)?,
    };
    let by_id = known_by_id(reader, Topic::Activity, &activity.source, &body.event_id)?;
    activity.dedup = by_id.unwrap_or_else(|| dedup::of_activity(&activity));
    Ok(activity)
}

/// An event's id is only ever hashed, so it may be anything, an address too.
fn known_by_id(reader: &Reader, topic: Topic, source: &str, slot: &Slot<Scalar>) -> Result<Option<u64>, Rejection> {
    let by_id = |id: &str| dedup::by_id(topic, source, id);
    match slot {
        Slot::Is(Scalar::Text(text)) => Ok(reader.clean("event_id", text)?.map(by_id)),
        other => Ok(reader.id("event_id", other)?.as_deref().map(by_id)),
    }
}

fn some_account(account: Candidates) -> Result<Candidates, Rejection> {
    if account.is_empty() {
        let detail = "`account` has no id, no company's domain and no business address";
        return Err(Rejection::new(Code::NoAccount, detail));
    }
    Ok(account)
}

/// Intent vendors resend their whole state; everybody else reports what happened.
pub fn usual_mode(class: Class) -> Mode {
    if class == Class::Intent { Mode::Snapshot } else { Mode::Delta }
}

fn mode(reader: &Reader, class: Class, slot: &Slot<Scalar>) -> Result<Mode, Rejection> {
    let words = [("delta", Mode::Delta), ("snapshot", Mode::Snapshot)];
    Ok(reader.choice("mode", slot, &words)?.unwrap_or(usual_mode(class)))
}
