//! The market: what companies do and what the vendor says of them, whoever owns them.

use super::calendar::{Calendar, Clock, HOUR_MS, MINUTE_MS, Weekday, rfc3339};
use super::chance::{Chance, Part, Zipf};
use super::companies::Company;
use super::delivery::{Delivery, Event};
use super::names::{NEWSLETTERS, PAGES, WEBINARS};
use super::records::{self, AccountRef, INTENT_VENDOR, Signal, WEB};
use crate::domain::{Millis, Topic};

/// Visits of anybody, in thousandths a company and workday.
const BACKGROUND_MILLI: u64 = 150;
/// Of a company that is looking to buy, a workday.
const BUYER_WEB_MILLI: u64 = 1_100;
const BUYER_RESEARCH_MILLI: u64 = 280;
const BUYER_COMPARISON_MILLI: u64 = 70;
const BUYER_INBOUND_MILLI: u64 = 30;
/// Forms that anybody fills in, in thousandths a company and workday.
const STRAY_INBOUND_MILLI: u64 = 1;
/// A weekend's share of a workday, in thousandths.
const WEEKEND_MILLI: u64 = 160;

/// The vendor corrects its view of a buyer in the week, on so many days of a hundred.
const CORRECTION_PERCENT: u32 = 14;
/// Days between two of the vendor's full views.
const WEEK: u32 = 7;

const NEWSLETTER_PERCENT: u32 = 12;
const WEBINAR_PERCENT: u32 = 4;

type KindTable = [(u32, (Topic, &'static str))];

const ANYBODY: &KindTable = &[
    (72, (Topic::Engagement, "page_view")),
    (4, (Topic::Engagement, "pricing_page_view")),
    (7, (Topic::Engagement, "content_download")),
    (9, (Topic::Engagement, "email_click")),
    (8, (Topic::Engagement, "ad_click")),
];

const BUYER: &KindTable = &[
    (44, (Topic::Engagement, "page_view")),
    (20, (Topic::Engagement, "pricing_page_view")),
    (16, (Topic::Engagement, "content_download")),
    (11, (Topic::Engagement, "email_click")),
    (9, (Topic::Engagement, "ad_click")),
];

const FORMS: &KindTable = &[
    (50, (Topic::Inbound, "demo_request")),
    (30, (Topic::Inbound, "contact_request")),
    (20, (Topic::Inbound, "trial_started")),
];

/// One day's market.
pub struct Market<'a> {
    pub calendar: Calendar,
    pub day: u32,
    pub companies: &'a [Company],
    /// Ranks of being seen, and which company has which.
    pub zipf: &'a Zipf,
    pub fame: &'a [usize],
    pub chance: Chance,
    pub delivery: &'a mut Delivery,
    events: u32,
}

impl<'a> Market<'a> {
    pub fn new(
        seed: u64,
        calendar: Calendar,
        day: u32,
        companies: &'a [Company],
        (zipf, fame): (&'a Zipf, &'a [usize]),
        delivery: &'a mut Delivery,
    ) -> Market<'a> {
        let chance = Chance::new(seed, Part::Market, day);
        Market { calendar, day, companies, zipf, fame, chance, delivery, events: 0 }
    }

    pub fn happen(&mut self) {
        let pace = if self.calendar.is_workday(self.day) { 1000 } else { WEEKEND_MILLI };
        self.anybody(pace);
        for company in self.companies {
            if company.episode(self.day).is_some() {
                self.buyer(company, pace);
            }
        }
        self.vendor();
        self.campaigns();
    }

    fn anybody(&mut self, pace: u64) {
        let companies = self.companies.len() as u64;
        for _ in 0..self.chance.round(companies * BACKGROUND_MILLI * pace / 1000) {
            let company = &self.companies[self.fame[self.zipf.draw(&mut self.chance)]];
            self.visit(company, ANYBODY);
        }
        for _ in 0..self.chance.round(companies * STRAY_INBOUND_MILLI * pace / 1000) {
            let company = self.chance.pick(self.companies);
            self.visit(company, FORMS);
        }
    }

    fn buyer(&mut self, company: &Company, pace: u64) {
        for _ in 0..self.chance.round(BUYER_WEB_MILLI * pace / 1000) {
            self.visit(company, BUYER);
        }
        for _ in 0..self.chance.round(BUYER_INBOUND_MILLI * pace / 1000) {
            self.visit(company, FORMS);
        }
        for (kind, milli) in [("keyword_research", BUYER_RESEARCH_MILLI), ("comparison", BUYER_COMPARISON_MILLI)] {
            for _ in 0..self.chance.round(milli * pace / 1000) {
                let at = self.calendar.on_the_web(self.day, &mut self.chance);
                // Each search counts by itself; only a surge is the vendor's whole view.
                let signal = Told { kind, strength: None, mode: Some("delta") };
                self.tell(company, at, signal);
            }
        }
    }

    /// A visit to the web site or an answer to a mail: known by domain, or by somebody's address.
    fn visit(&mut self, company: &Company, kinds: &KindTable) {
        let (topic, kind) = self.chance.weighted(kinds);
        let at = self.calendar.on_the_web(self.day, &mut self.chance);
        let account = self.visitor(company, topic, kind);
        let subject = match kind {
            "page_view" => Some(*self.chance.pick(&PAGES)),
            "pricing_page_view" => Some("/pricing"),
            _ => None,
        };
        self.web(topic, kind, account, subject, at);
    }

    fn visitor(&mut self, company: &Company, topic: Topic, kind: &str) -> AccountRef {
        let named = topic == Topic::Inbound || matches!(kind, "email_click" | "content_download");
        if named {
            return company.by_contact(&mut self.chance);
        }
        // Some visits are matched to the CRM before they get here.
        let matched = company.known(self.day) && self.chance.percent(30);
        if matched { company.by_crm_id() } else { company.by_domain() }
    }

    fn web(
        &mut self,
        topic: Topic,
        kind: &'static str,
        account: AccountRef,
        subject: Option<&'static str>,
        at: Millis,
    ) {
        let occurred_at = rfc3339(at, Clock::Utc);
        let event_id = self.next_id("web");
        let signal = Signal { event_id, source: WEB, kind, account, subject, strength: None, mode: None, occurred_at };
        self.send(topic, signal, at);
    }

    /// Mondays the vendor sends its whole view again, on other days what changed.
    fn vendor(&mut self) {
        let monday = self.calendar.weekday(self.day) == Weekday::Monday;
        for company in self.companies {
            let strength = self.strength(company);
            let due = monday || (company.episode(self.day).is_some() && self.chance.percent(CORRECTION_PERCENT));
            if let Some(strength) = strength.filter(|_| due) {
                let at = self.calendar.at(self.day, 4 * HOUR_MS + self.chance.between_ms(0, 50 * MINUTE_MS));
                self.tell(company, at, Told { kind: "surge", strength: Some(strength), mode: None });
            }
        }
    }

    /// What the vendor's view is: none of most companies; 0, which takes it back, in the full view after buying.
    fn strength(&self, company: &Company) -> Option<u32> {
        if let Some(episode) = company.episode(self.day) {
            return Some(episode.strength(self.day));
        }
        let over = company.episodes.iter().any(|episode| {
            let end = episode.from + episode.days;
            (end..end + WEEK).contains(&self.day)
        });
        company.noise.or(over.then_some(0))
    }

    fn tell(&mut self, company: &Company, at: Millis, told: Told) {
        let signal = Signal {
            event_id: self.next_id("intent"),
            source: INTENT_VENDOR,
            kind: told.kind,
            account: company.by_vendor(),
            subject: Some(company.topic),
            strength: told.strength,
            mode: told.mode,
            occurred_at: rfc3339(at, Clock::Utc),
        };
        self.send(Topic::Intent, signal, at);
    }

    /// A newsletter every other Tuesday, a webinar every third Thursday: many at once, then nothing.
    fn campaigns(&mut self) {
        let (weekday, week) = (self.calendar.weekday(self.day), self.day / WEEK);
        match weekday {
            Weekday::Tuesday if week.is_multiple_of(2) => {
                let subject = NEWSLETTERS[week as usize / 2 % NEWSLETTERS.len()];
                self.campaign("email_click", subject, NEWSLETTER_PERCENT, (8 * HOUR_MS, 3 * HOUR_MS));
            }
            Weekday::Thursday if week.is_multiple_of(3) => {
                let subject = WEBINARS[week as usize / 3 % WEBINARS.len()];
                self.campaign("webinar_attended", subject, WEBINAR_PERCENT, (14 * HOUR_MS, 12 * MINUTE_MS));
            }
            _ => {}
        }
    }

    fn campaign(&mut self, kind: &'static str, subject: &'static str, percent: u32, (from, length): (i64, i64)) {
        for company in self.companies {
            if self.chance.percent(percent) {
                let at = self.calendar.at(self.day, from + self.chance.between_ms(0, length));
                let account = company.by_contact(&mut self.chance);
                self.web(Topic::Engagement, kind, account, Some(subject), at);
            }
        }
    }

    fn next_id(&mut self, prefix: &str) -> String {
        self.events += 1;
        format!("{prefix}-{}-{}", self.day, self.events)
    }

    fn send(&mut self, topic: Topic, signal: Signal, at: Millis) {
        let (source, id, json) = (signal.source, signal.event_id.clone(), records::json(&signal));
        self.delivery.event(Event { topic, source, id, occurred_at: at, json });
    }
}

/// What the vendor says.
struct Told {
    kind: &'static str,
    strength: Option<u32>,
    mode: Option<&'static str>,
}
