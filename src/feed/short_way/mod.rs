//! The short way to an event: each field is judged where the scanner comes to it.
//!
//! It takes what `scan` takes and `events` finds nothing wrong with. Anything else is a surprise: `None`, and the long
//! way reads the record from its beginning. It alone turns records away. So whatever is taken here must be what the long
//! way says of the same bytes; `tests/decode_fuzz` compares the two.

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
    let mut fields = ActivityFields { judge, seen: 0, id: IdText::Text(NOTHING), has_direction: false, activity };
    scan::object(json, &mut fields)?;
    let ActivityFields { id, has_direction, activity, .. } = fields;
    let is_whole = !activity.kind.is_empty() && !activity.source.is_empty() && has_direction;
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
    SignalFields {
        "event_id" => event_id,
        "source" => source,
        "kind" => kind,
        "account" => account,
        "subject" => subject,
        "strength" => strength,
        "mode" => mode,
        "occurred_at" => occurred_at,
    }
}

impl<'a> SignalFields<'a, '_> {
    #[inline]
    fn event_id(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.id = self.judge.id_text(scan)?;
        Some(())
    }

    #[inline]
    fn source(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.signal.source = self.judge.name(scan)?;
        Some(())
    }

    #[inline]
    fn kind(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.signal.kind = self.judge.name(scan)?;
        Some(())
    }

    #[inline]
    fn account(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        people::candidates(self.judge, scan, &mut self.signal.account)
    }

    #[inline]
    fn subject(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.signal.subject = self.judge.free(scan)?;
        Some(())
    }

    #[inline]
    fn strength(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.signal.strength = self.judge.thousandths(scan, STRENGTH_MAX)?;
        Some(())
    }

    #[inline]
    fn mode(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        match self.judge.text(scan)?.text {
            "delta" => self.signal.mode = Mode::Delta,
            "snapshot" => self.signal.mode = Mode::Snapshot,
            "" => {}
            _ => return None,
        }
        Some(())
    }

    #[inline]
    fn occurred_at(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.signal.at = self.judge.instant(scan)??;
        Some(())
    }
}

struct ActivityFields<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    id: IdText<'a>,
    has_direction: bool,
    activity: &'d mut Activity,
}

fields! {
    ActivityFields {
        "event_id" => event_id,
        "source" => source,
        "kind" => kind,
        "account" => account,
        "actor" => actor,
        "contact" => contact,
        "direction" => direction,
        "meeting_at" => meeting_at,
        "occurred_at" => occurred_at,
    }
}

impl<'a> ActivityFields<'a, '_> {
    #[inline]
    fn event_id(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.id = self.judge.id_text(scan)?;
        Some(())
    }

    #[inline]
    fn source(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.source = self.judge.name(scan)?;
        Some(())
    }

    #[inline]
    fn kind(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.kind = self.judge.name(scan)?;
        Some(())
    }

    /// May name nobody: the engine still hears that the source speaks and the rep acts, then turns it away.
    #[inline]
    fn account(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        people::candidates(self.judge, scan, &mut self.activity.account)
    }

    #[inline]
    fn actor(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.actor = people::actor(self.judge, scan)?;
        Some(())
    }

    #[inline]
    fn contact(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.contact = people::contact(self.judge, scan)?;
        Some(())
    }

    #[inline]
    fn direction(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.direction = match self.judge.text(scan)?.text {
            "outbound" => Direction::Outbound,
            "inbound" => Direction::Inbound,
            "mutual" => Direction::Mutual,
            _ => return None,
        };
        self.has_direction = true;
        Some(())
    }

    #[inline]
    fn meeting_at(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.meeting_at = self.judge.instant(scan)?;
        Some(())
    }

    #[inline]
    fn occurred_at(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        self.activity.at = self.judge.instant(scan)??;
        Some(())
    }
}
