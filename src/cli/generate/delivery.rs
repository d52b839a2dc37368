//! When lines arrive: a little later as a rule, hours later now and then, sometimes twice, and one source falls silent.
//!
//! What happens to an event hangs on its id alone, so that no event's delivery changes another's.

use std::collections::BTreeMap;

use super::calendar::{Calendar, DAY_MS, HOUR_MS, MINUTE_MS};
use super::chance::{Chance, Part};
use super::records::{CRM, SALES_ENGAGEMENT};
use crate::domain::ids::tie_hash;
use crate::domain::{Millis, Topic};

/// A late event comes this long after it happened. With five days of silence on top it is still less than the week
/// after which bookd takes no activity any more.
const LATE_MS: (i64, i64) = (2 * HOUR_MS, 30 * HOUR_MS);
/// A duplicate comes this long after the first.
const AGAIN_MS: (i64, i64) = (MINUTE_MS, 20 * HOUR_MS);
/// After a silence the backlog comes this many times faster than it arose: five days in under three hours.
const CATCH_UP: i64 = 50;

/// One record of an input topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub topic: Topic,
    pub occurred_at: Millis,
    pub arrives_at: Millis,
    pub json: String,
}

/// The days on which the sales-engagement tool delivers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub from_day: u32,
    pub days: u32,
    /// What happened meanwhile never comes; else it comes when the silence ends.
    pub lose: bool,
}

/// An event on its way.
pub struct Event {
    pub topic: Topic,
    pub source: &'static str,
    /// Of the event or request.
    pub id: String,
    pub occurred_at: Millis,
    pub json: String,
}

pub struct Delivery {
    seed: u64,
    calendar: Calendar,
    silence: Silence,
    late_ppm: u32,
    duplicates_ppm: u32,
    /// By arrival, then in the order in which they were sent.
    pending: BTreeMap<(Millis, u64), Line>,
    sent: u64,
}

impl Delivery {
    pub fn new(seed: u64, calendar: Calendar, silence: Silence, late_ppm: u32, duplicates_ppm: u32) -> Delivery {
        Delivery { seed, calendar, silence, late_ppm, duplicates_ppm, pending: BTreeMap::new(), sent: 0 }
    }

    /// A record of reference data: arrives when it is made, once.
    pub fn record(&mut self, topic: Topic, at: Millis, json: String) {
        self.put(Line { topic, occurred_at: at, arrives_at: at, json });
    }

    pub fn event(&mut self, event: Event) {
        let mut chance = Chance::new(self.seed ^ tie_hash(&event.id, 0), Part::Delivery, 0);
        let delay = if chance.hits(self.late_ppm) { LATE_MS } else { usual_delay(event.source) };
        let first = event.occurred_at.0 + chance.between_ms(delay.0, delay.1);
        let again = chance.hits(self.duplicates_ppm).then(|| first + chance.between_ms(AGAIN_MS.0, AGAIN_MS.1));
        for arrives in std::iter::once(first).chain(again) {
            if let Some(arrives_at) = self.heard(&event, Millis(arrives)) {
                let (topic, occurred_at, json) = (event.topic, event.occurred_at, event.json.clone());
                self.put(Line { topic, occurred_at, arrives_at, json });
            }
        }
    }

    /// When what would arrive then does arrive. What a silence swallows never comes, not even what was late anyway.
    fn heard(&self, event: &Event, arrives: Millis) -> Option<Millis> {
        let from = self.calendar.at(self.silence.from_day, 0);
        let until = self.calendar.at(self.silence.from_day + self.silence.days, 0);
        let silent = |at: Millis| event.source == SALES_ENGAGEMENT && (from..until).contains(&at);
        if self.silence.lose {
            return (!silent(arrives) && !silent(event.occurred_at)).then_some(arrives);
        }
        let caught_up = Millis(until.0 + (arrives.0 - from.0) / CATCH_UP);
        Some(if silent(arrives) { caught_up } else { arrives })
    }

    fn put(&mut self, line: Line) {
        self.pending.insert((line.arrives_at, self.sent), line);
        self.sent += 1;
    }

    /// What arrives on this day or was still to arrive before it.
    pub fn of_day(&mut self, day: u32) -> Vec<Line> {
        let end = Millis(self.calendar.at(day, 0).0 + DAY_MS);
        let later = self.pending.split_off(&(end, 0));
        std::mem::replace(&mut self.pending, later).into_values().collect()
    }

    /// All that is still on its way.
    pub fn rest(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.pending).into_values().collect()
    }
}

/// Web events stream, desks' tools are polled.
fn usual_delay(source: &str) -> (i64, i64) {
    match source {
        SALES_ENGAGEMENT => (20_000, 8 * MINUTE_MS),
        CRM => (5_000, 15 * MINUTE_MS),
        _ => (200, 40_000),
    }
}
