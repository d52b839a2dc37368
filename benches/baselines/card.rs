//! Card: the crates that come to mind first, used plainly. A tagged serde enum with `chrono` inside, `DashMap`,
//! `priority-queue` for each market, `metrics` with `counter!`; every hundredth event takes the best account of its
//! market, gives it to the emptiest rep there and writes the command.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Utc};
use dashmap::DashMap;
use metrics::counter;
use metrics_exporter_prometheus::PrometheusBuilder;
use priority_queue::PriorityQueue;
use serde::{Deserialize, Serialize};

use super::score::{Sums, Worth, worths};
use crate::workload::MARKETS;

/// A pop, a pick and a command for so many events.
const EVENTS_PER_PLACEMENT: u64 = 100;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    Surge(Signal),
    KeywordResearch(Signal),
    Comparison(Signal),
    PageView(Signal),
    PricingPageView(Signal),
    ContentDownload(Signal),
    EmailClick(Signal),
    AdClick(Signal),
    DemoRequest(Signal),
    ContactRequest(Signal),
    EmailSent(Signal),
    EmailReplied(Signal),
    CallConnected(Signal),
    MeetingHeld(Signal),
}

#[derive(Deserialize)]
struct Signal {
    account: AccountRef,
    strength: Option<f64>,
    #[serde(deserialize_with = "instant")]
    occurred_at: DateTime<Utc>,
}

/// What `chrono` does itself under its feature `serde`, which the rest of this crate has no use for.
fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    struct Instant;
    impl serde::de::Visitor<'_> for Instant {
        type Value = DateTime<Utc>;

        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an RFC 3339 date and time")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
            text.parse().map_err(E::custom)
        }
    }
    from.deserialize_str(Instant)
}

#[derive(Deserialize)]
struct AccountRef {
    crm_id: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    domains: Vec<String>,
}

impl Event {
    fn split(self) -> (&'static str, Signal) {
        match self {
            Event::Surge(signal) => ("surge", signal),
            Event::KeywordResearch(signal) => ("keyword_research", signal),
            Event::Comparison(signal) => ("comparison", signal),
            Event::PageView(signal) => ("page_view", signal),
            Event::PricingPageView(signal) => ("pricing_page_view", signal),
            Event::ContentDownload(signal) => ("content_download", signal),
            Event::EmailClick(signal) => ("email_click", signal),
            Event::AdClick(signal) => ("ad_click", signal),
            Event::DemoRequest(signal) => ("demo_request", signal),
            Event::ContactRequest(signal) => ("contact_request", signal),
            Event::EmailSent(signal) => ("email_sent", signal),
            Event::EmailReplied(signal) => ("email_replied", signal),
            Event::CallConnected(signal) => ("call_connected", signal),
            Event::MeetingHeld(signal) => ("meeting_held", signal),
        }
    }
}

#[derive(Serialize)]
struct Command<'a> {
    command_id: String,
    r#type: &'static str,
    issued_at: String,
    account: &'a str,
    new_owner: &'a str,
    priority: f64,
}

pub struct Account {
    pub sums: Sums,
    market: usize,
    is_owned: bool,
}

/// A market's queue and who sells there.
#[derive(Default)]
struct Market {
    /// Millionths of a point.
    queue: PriorityQueue<String, u64>,
    /// By how much a rep owns, the least first.
    reps: PriorityQueue<String, Reverse<usize>>,
}

pub struct Card {
    pub accounts: DashMap<String, Account>,
    domains: DashMap<String, String>,
    markets: Vec<Market>,
    /// Of a rep, the oldest first.
    books: HashMap<String, VecDeque<String>>,
    worths: HashMap<&'static str, Worth>,
    events: u64,
    pub commands: u64,
}

impl Card {
    pub fn new() -> Card {
        // A second Card in this process finds the recorder of the first: the counters are process-wide.
        let _ = metrics::set_global_recorder(PrometheusBuilder::new().build_recorder());
        Card {
            accounts: DashMap::new(),
            domains: DashMap::new(),
            markets: (0..MARKETS).map(|_| Market::default()).collect(),
            books: HashMap::new(),
            worths: worths(),
            events: 0,
            commands: 0,
        }
    }

    /// A rep sells in the markets of a country.
    pub fn rep(&mut self, id: String, markets: std::ops::Range<usize>) {
        for market in markets {
            self.markets[market].reps.push(id.clone(), Reverse(0));
        }
        self.books.insert(id, VecDeque::new());
    }

    /// `fit` as the criteria gave it; `market` as the filters did.
    pub fn account(&mut self, json: &[u8], fit: f64, market: usize, owner: Option<String>) {
        let record: Record = serde_json::from_slice(json).expect("an account");
        for domain in record.domains {
            self.domains.insert(domain, record.id.clone());
        }
        let sums = Sums { fit, ..Sums::default() };
        match &owner {
            Some(owner) => self.books.entry(owner.clone()).or_default().push_back(record.id.clone()),
            None => drop(self.markets[market].queue.push(record.id.clone(), millionths(sums.priority()))),
        }
        self.accounts.insert(record.id, Account { sums, market, is_owned: owner.is_some() });
    }

    /// The command's bytes, where the event led to one.
    pub fn event(&mut self, json: &[u8]) -> Option<Vec<u8>> {
        let (kind, signal) = serde_json::from_slice::<Event>(json).ok()?.split();
        counter!("events_total", "kind" => kind).increment(1);
        let id = match signal.account.crm_id {
            Some(id) => id,
            None => self.domains.get(signal.account.email?.split_once('@')?.1)?.value().clone(),
        };
        let worth = self.worths[kind];
        let mut account = self.accounts.get_mut(&id)?;
        account.sums.add(worth.class, worth.points(signal.strength), signal.occurred_at.timestamp());
        let (market, priority, is_owned) = (account.market, account.sums.priority(), account.is_owned);
        drop(account);
        if !is_owned {
            self.markets[market].queue.push(id, millionths(priority));
        }
        self.events += 1;
        if self.events.is_multiple_of(EVENTS_PER_PLACEMENT) { self.place(market, signal.occurred_at) } else { None }
    }

    /// The best account to the emptiest rep, who gives the oldest back.
    fn place(&mut self, market: usize, at: DateTime<Utc>) -> Option<Vec<u8>> {
        let (id, priority) = self.markets[market].queue.pop()?;
        let rep = self.markets[market].reps.peek()?.0.clone();
        self.own(&id, true);
        let book = self.books.get_mut(&rep)?;
        book.push_back(id.clone());
        let back = (book.len() > 60).then(|| book.pop_front()).flatten();
        let size = book.len();
        self.markets[market].reps.change_priority(&rep, Reverse(size));
        if let Some(back) = back {
            self.release(back);
        }
        self.commands += 1;
        counter!("commands_total", "type" => "distribution").increment(1);
        let command = Command {
            command_id: format!("{:032x}", self.events),
            r#type: "distribution",
            issued_at: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            account: &id,
            new_owner: &rep,
            priority: priority as f64 / 1_000_000.0,
        };
        serde_json::to_vec(&command).ok()
    }

    fn own(&self, id: &str, is_owned: bool) {
        if let Some(mut account) = self.accounts.get_mut(id) {
            account.is_owned = is_owned;
        }
    }

    fn release(&mut self, id: String) {
        self.own(&id, false);
        let Some(account) = self.accounts.get(&id) else { return };
        let (market, priority) = (account.market, account.sums.priority());
        drop(account);
        self.markets[market].queue.push(id, millionths(priority));
    }
}

fn millionths(priority: f64) -> u64 {
    (priority * 1_000_000.0) as u64
}
