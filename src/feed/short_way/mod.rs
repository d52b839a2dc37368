//! The short way to an event or an account's record: each field is judged where the scanner comes to it.
//!
//! It takes what `scan` takes and `events` and `reference` find nothing wrong with. Anything else is a surprise: `None`, and the long
//! way reads the record from its beginning. It alone turns records away. So whatever is taken here must be what the long
//! way says of the same bytes; `tests/decode_fuzz` compares the two.

mod accounts;
mod fields;
mod keys;
mod people;

#[cfg(test)]
mod tests;

use smol_str::ToSmolStr;

use super::events::{STRENGTH_MAX, usual_mode};
use super::instant::LATEST;
use super::scan::{self, NOTHING, Scan};
use super::{dedup, signals_class};
use crate::domain::signal::{Activity, Direction, Mode, Signal};
use crate::domain::time::EPOCH_MS;
use crate::domain::{Body, Candidates, Millis, Text, Topic};
pub use accounts::account;
use fields::IdText;
pub use fields::Judge;
use keys::fields;

/// Where an event stands that has no time: before all that are taken.
const NEVER: Millis = Millis(0);

/// An event of a topic before its fields are known.
#[inline(always)]
pub fn blank(topic: Topic) -> Option<Body> {
    if topic == Topic::Activity {
        return Some(Body::Activity(Activity {
            kind: Text::default(),
            account: Candidates::new(),
            source: Text::default(),
            actor: None,
            contact: 0,
            direction: Direction::Mutual,
            at: NEVER,
            dedup: 0,
            meeting_at: None,
        }));
    }
    let class = signals_class(topic)?;
    Some(Body::Signal(Signal {
        class,
        kind: Text::default(),
        account: Candidates::new(),
        source: Text::default(),
        subject: None,
        strength: None,
        mode: usual_mode(class),
        at: NEVER,
        dedup: 0,
        due: None,
    }))
}

/// Fills a blank one; after a surprise it is worthless.
pub fn signal(judge: &Judge, topic: Topic, json: &str, signal: &mut Signal) -> Option<()> {
    let mut fields = SignalFields { judge, seen: 0, id: IdText::Text(NOTHING), signal };
    scan::object(json, &mut fields)?;
    let SignalFields { id, signal, .. } = fields;
    let is_whole = !signal.kind.is_empty() && !signal.source.is_empty() && !signal.account.is_empty();
    if !is_whole || !is_event_time(signal.at) {
        return None;
    }
    signal.dedup = by_id(topic, &signal.source, id).unwrap_or_else(|| dedup::of_signal(topic, signal));
    Some(())
}

/// Fills a blank one; after a surprise it is worthless.
pub fn activity(judge: &Judge, json: &str, activity: &mut Activity) -> Option<()> {
    let mut fields = ActivityFields { judge, seen: 0, id: IdText::Text(NOTHING), direction: None, activity };
    scan::object(json, &mut fields)?;
    let ActivityFields { id, direction, activity, .. } = fields;
    activity.direction = direction?;
    let is_whole = !activity.kind.is_empty() && !activity.source.is_empty();
    if !is_whole || !is_event_time(activity.at) || activity.meeting_at > Some(LATEST) {
        return None;
    }
    let by_id = by_id(Topic::Activity, &activity.source, id);
    activity.dedup = by_id.unwrap_or_else(|| dedup::of_activity(activity));
    Some(())
}

fn is_event_time(at: Millis) -> bool {
    (EPOCH_MS..=LATEST.0).contains(&at.0)
}

fn by_id(topic: Topic, source: &str, id: IdText) -> Option<u64> {
    match id {
        IdText::Text(found) if found.text.is_empty() => None,
        IdText::Text(found) => Some(dedup::by_id(topic, source, found.text)),
        IdText::Number(number) => Some(dedup::by_id(topic, source, &number.to_smolstr())),
    }
}

struct SignalFields<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    id: IdText<'a>,
    signal: &'d mut Signal,
}

fields! {
    SignalFields: |this, scan| {
        "event_id" => this.id = this.judge.id_text(scan)?,
        "source" => this.signal.source = this.judge.name(scan)?,
        "kind" => this.signal.kind = this.judge.name(scan)?,
        "account" => people::candidates(this.judge, scan, &mut this.signal.account)?,
        "subject" => this.signal.subject = this.judge.free(scan)?,
        "strength" => this.signal.strength = this.judge.thousandths(scan, STRENGTH_MAX)?,
        "mode" => this.signal.mode = mode(this.judge, scan)?.unwrap_or(this.signal.mode),
        "occurred_at" => this.signal.at = this.judge.instant(scan)??,
    }
}

/// `None` inside where there is none: the usual one stays.
fn mode(judge: &Judge, scan: &mut Scan) -> Option<Option<Mode>> {
    match judge.text(scan)?.text {
        "delta" => Some(Some(Mode::Delta)),
        "snapshot" => Some(Some(Mode::Snapshot)),
        "" => Some(None),
        _ => None,
    }
}

struct ActivityFields<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    id: IdText<'a>,
    direction: Option<Direction>,
    activity: &'d mut Activity,
}

// An account may name nobody: the engine still hears that the source speaks and the rep acts, then turns it away.
fields! {
    ActivityFields: |this, scan| {
        "event_id" => this.id = this.judge.id_text(scan)?,
        "source" => this.activity.source = this.judge.name(scan)?,
        "kind" => this.activity.kind = this.judge.name(scan)?,
        "account" => people::candidates(this.judge, scan, &mut this.activity.account)?,
        "actor" => this.activity.actor = people::actor(this.judge, scan)?,
        "contact" => this.activity.contact = people::contact(this.judge, scan)?,
        "direction" => this.direction = Some(direction(this.judge, scan)?),
        "meeting_at" => this.activity.meeting_at = this.judge.instant(scan)?,
        "occurred_at" => this.activity.at = this.judge.instant(scan)??,
    }
}

fn direction(judge: &Judge, scan: &mut Scan) -> Option<Direction> {
    match judge.text(scan)?.text {
        "outbound" => Some(Direction::Outbound),
        "inbound" => Some(Direction::Inbound),
        "mutual" => Some(Direction::Mutual),
        _ => None,
    }
}
