//! All that the fake remembers, behind one lock: a request takes it once, so requests are transactions and commits have
//! one order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::Settings;
use super::dice::{Dice, Stream};
use super::events::{self, Version};
use super::faults::{Faults, Plan};
use super::instant;
use super::org::{Author, Event, Org, Update};
use super::outlet::Outlet;
use super::refusal::Refusal;
use crate::domain::Millis;

/// HubSpot counts requests over so long.
const WINDOW: Duration = Duration::from_secs(10);
/// Sessions that are remembered; a client that asks for more loses its oldest.
const MAX_SESSIONS: usize = 1_000;

pub struct Crm {
    pub org: Org,
    pub faults: Faults,
    /// Changes of owners by random people, a second.
    pub people_per_second: f64,
    /// What happened, by name: requests, faults.
    pub counts: BTreeMap<String, u64>,
    pub outlet: Outlet,
    pub daily: Daily,
    pub rolling: Rolling,
    pub sessions: Sessions,
    /// Whether HubSpot's app has the scope in which properties are described.
    pub schemas: bool,
    pub people_dice: Dice,
    version: Version,
    request_dice: Dice,
    record_dice: Dice,
    event_dice: Dice,
}

/// Salesforce's requests a day. The day of a fake doesn't end.
#[derive(Clone, Copy, Debug)]
pub struct Daily {
    pub max: u64,
    pub used: u64,
}

/// HubSpot's requests within ten seconds.
#[derive(Debug)]
pub struct Rolling {
    pub max: usize,
    taken: VecDeque<Instant>,
}

/// Who may come in.
#[derive(Debug)]
pub struct Sessions {
    /// Never expires: HubSpot's private apps have such a one.
    token: String,
    given: VecDeque<String>,
    known: BTreeSet<String>,
    numbers: u64,
}

impl Crm {
    pub fn new(settings: &Settings, org: Org, outlet: Outlet) -> Crm {
        let dice = |stream| Dice::new(settings.seed, stream);
        Crm {
            org,
            faults: settings.faults.clone(),
            people_per_second: settings.people_per_second,
            counts: BTreeMap::new(),
            outlet,
            daily: Daily { max: settings.daily_requests, used: 0 },
            rolling: Rolling { max: settings.rolling_requests, taken: VecDeque::new() },
            sessions: Sessions {
                token: settings.token.clone(),
                given: VecDeque::new(),
                known: BTreeSet::new(),
                numbers: 0,
            },
            schemas: true,
            people_dice: dice(Stream::People),
            version: settings.version,
            request_dice: dice(Stream::Requests),
            record_dice: dice(Stream::Records),
            event_dice: dice(Stream::Events),
        }
    }

    pub fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// What is in store for the next request.
    pub fn plan(&mut self) -> Plan {
        self.faults.plan(&mut self.request_dice)
    }

    /// Whether a record is locked by somebody else just now.
    pub fn lock(&mut self, account: &str) -> Result<(), Refusal> {
        if !self.record_dice.happens(self.faults.locked) {
            return Ok(());
        }
        self.count("locked");
        Err(Refusal::Locked { account: account.into() })
    }

    /// Does what was checked, and tells the world.
    pub fn commit(&mut self, author: &Author, updates: Vec<Update>, assign: bool, now: Millis) {
        let events = self.org.commit(author, updates, assign, now);
        self.tell(&events);
    }

    pub fn merge(&mut self, author: &Author, survivor: &str, loser: &str) -> Result<(), Refusal> {
        let events = self.org.merge(author, survivor, loser, instant::now())?;
        self.tell(&events);
        Ok(())
    }

    fn tell(&mut self, events: &[Event]) {
        for event in events {
            let records = events::records(event, &self.org.shape, &self.org.nobody, self.version);
            let delivery = self.faults.delivery(&mut self.event_dice);
            self.outlet.send(records, delivery);
        }
    }
}

impl Daily {
    /// False when the day's are used up.
    pub fn take(&mut self) -> bool {
        let left = self.used < self.max;
        self.used += u64::from(left);
        left
    }
}

impl Rolling {
    /// `None`: there is room. Else how long until there is some.
    pub fn take(&mut self, now: Instant) -> Option<Duration> {
        while self.taken.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            self.taken.pop_front();
        }
        if self.taken.len() < self.max {
            self.taken.push_back(now);
            return None;
        }
        let first = self.taken.front().copied().unwrap_or(now);
        Some(WINDOW.saturating_sub(now.duration_since(first)))
    }

    pub fn left(&self) -> usize {
        self.max.saturating_sub(self.taken.len())
    }
}

impl Sessions {
    /// A new session's token.
    pub fn begin(&mut self) -> String {
        if self.given.len() >= MAX_SESSIONS
            && let Some(oldest) = self.given.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.numbers += 1;
        let token = format!("00D000000000001!fake.{}", self.numbers);
        self.given.push_back(token.clone());
        self.known.insert(token.clone());
        token
    }

    pub fn knows(&self, token: &str) -> bool {
        token == self.token || self.known.contains(token)
    }

    /// All sessions have to be begun anew.
    pub fn expire(&mut self) {
        self.given.clear();
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolling_limit_gives_way_after_ten_seconds() {
        let mut rolling = Rolling { max: 2, taken: VecDeque::new() };
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!((rolling.take(start), rolling.take(after(4))), (None, None));
        assert_eq!(rolling.take(after(5)), Some(Duration::from_secs(5)));
        assert_eq!((rolling.take(after(10)), rolling.left()), (None, 0));
    }

    #[test]
    fn sessions_expire_and_the_fixed_token_does_not() {
        let mut sessions =
            Sessions { token: "fixed".to_owned(), given: VecDeque::new(), known: BTreeSet::new(), numbers: 0 };
        let token = sessions.begin();
        assert!(sessions.knows(&token) && sessions.knows("fixed") && !sessions.knows("other"));
        sessions.expire();
        assert!(!sessions.knows(&token) && sessions.knows("fixed"));
        let all: Vec<_> = (0..=MAX_SESSIONS).map(|_| sessions.begin()).collect();
        assert!(!sessions.knows(&all[0]) && sessions.knows(&all[1]));
    }
}
