//! Reps at work: whom each touches on a day, by their style, and what comes of it.
//!
//! All that will come of a touch is drawn at once and sent ahead: it is delivered when its time comes.

use std::collections::BTreeMap;

use super::calendar::{Calendar, Clock, DAY_MS, HOUR_MS, MINUTE_MS, Weekday, rfc3339};
use super::chance::{Chance, Part};
use super::companies::Company;
use super::delivery::{Delivery, Event};
use super::records::{self, AccountFields, AccountRef, Activity, CRM, Opportunity, Person, SALES_ENGAGEMENT};
use super::team::{Rep, SDR, Style};
use crate::domain::ids::tie_hash;
use crate::domain::{Millis, Topic};

/// Accounts that a busy rep touches on a workday.
const SDR_A_DAY: (u32, u32) = (17, 25);
const AE_A_DAY: (u32, u32) = (10, 16);
/// Mails of a bursty rep's day.
const BURST: usize = 50;
/// A monthly rep leaves an account alone for so many days, and writes to so many a day.
const MONTH: u32 = 28;
const MONTHLY_A_DAY: usize = 5;
/// What a picky rep likes of a book.
const LIKED_PERCENT: u64 = 40;
const IDLE_PERCENT: u32 = 5;
/// Mails that sequences send on a weekend day.
const WEEKEND_PERCENT: u32 = 40;

/// A buyer counts as this many days longer untouched than it is.
const BUYER_DAYS: u32 = 6;

/// Answers to a mail, of buyers and of others.
const REPLY_PERCENT: (u32, u32) = (24, 5);
/// Meetings that come of an answer or a conversation.
const MEETING_PERCENT: (u32, u32) = (34, 8);
const HELD_PERCENT: u32 = 78;
/// Opportunities that come of a meeting, and which of these are won.
const OPPORTUNITY_PERCENT: u32 = 30;
const WON_PERCENT: u32 = 35;
const SALES_CYCLE_DAYS: (u32, u32) = (12, 55);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    Email,
    Call,
    Conversation,
    Message,
    Note,
}

const SDR_TOUCHES: [(u32, Touch); 5] =
    [(47, Touch::Email), (26, Touch::Call), (9, Touch::Conversation), (11, Touch::Message), (7, Touch::Note)];
const AE_TOUCHES: [(u32, Touch); 5] =
    [(30, Touch::Email), (20, Touch::Call), (30, Touch::Conversation), (6, Touch::Message), (14, Touch::Note)];

/// When each rep last touched each account; the reps' memory, so to speak.
#[derive(Default)]
pub struct Memory(BTreeMap<(u32, usize), u32>);

impl Memory {
    /// Days since the last touch; where there was none, longer than any that was touched.
    fn waits(&self, rep: &Rep, company: usize, day: u32) -> u32 {
        match self.0.get(&(rep.number, company)) {
            Some(touched) => day - touched,
            None => day + MONTH,
        }
    }

    fn touch(&mut self, rep: &Rep, company: usize, day: u32) {
        self.0.insert((rep.number, company), day);
    }
}

/// One rep's day.
pub struct Desk<'a> {
    calendar: Calendar,
    day: u32,
    rep: &'a Rep,
    companies: &'a [Company],
    chance: Chance,
    delivery: &'a mut Delivery,
    events: u32,
}

impl<'a> Desk<'a> {
    pub fn new(
        seed: u64,
        calendar: Calendar,
        day: u32,
        rep: &'a Rep,
        companies: &'a [Company],
        delivery: &'a mut Delivery,
    ) -> Desk<'a> {
        let chance = Chance::new(seed, Part::Selling, rep.stream(day));
        Desk { calendar, day, rep, companies, chance, delivery, events: 0 }
    }

    /// `book`: what the rep owns this morning.
    pub fn work(&mut self, book: &[usize], memory: &mut Memory) {
        if book.is_empty() {
            return;
        }
        let mailed = matches!(self.rep.style, Style::Monthly | Style::Bursty | Style::Idle);
        let touches = if self.rep.role == SDR { SDR_TOUCHES } else { AE_TOUCHES };
        for company in self.chosen(book, memory) {
            let weekend = !self.calendar.is_workday(self.day);
            let touch = if mailed || weekend { Touch::Email } else { self.chance.weighted(&touches) };
            memory.touch(self.rep, company, self.day);
            self.touch(&self.companies[company], touch);
        }
    }

    fn chosen(&mut self, book: &[usize], memory: &Memory) -> Vec<usize> {
        if !self.calendar.is_workday(self.day) {
            let sends =
                matches!(self.rep.style, Style::Diligent | Style::Picky) && self.chance.percent(WEEKEND_PERCENT);
            return if sends { vec![*self.chance.pick(book)] } else { Vec::new() };
        }
        match self.rep.style {
            Style::Diligent => self.stalest(book.to_vec(), memory),
            Style::Picky => {
                let liked = book.iter().copied().filter(|company| self.likes(&self.companies[*company]));
                let liked = liked.collect();
                self.stalest(liked, memory)
            }
            Style::Monthly => {
                let due = book.iter().copied().filter(|company| memory.waits(self.rep, *company, self.day) >= MONTH);
                due.take(MONTHLY_A_DAY).collect()
            }
            Style::Bursty if self.bursts() => book.iter().copied().cycle().take(BURST).collect(),
            Style::Bursty => Vec::new(),
            Style::Idle if self.chance.percent(IDLE_PERCENT) => vec![*self.chance.pick(book)],
            Style::Idle => Vec::new(),
        }
    }

    /// As many as fit into the day, the longest untouched first.
    fn stalest(&mut self, mut list: Vec<usize>, memory: &Memory) -> Vec<usize> {
        let (least, most) = if self.rep.role == SDR { SDR_A_DAY } else { AE_A_DAY };
        let count = self.chance.between(least, most) as usize;
        let waits = |company: usize| {
            let more = if self.companies[company].episode(self.day).is_some() { BUYER_DAYS } else { 0 };
            memory.waits(self.rep, company, self.day) + more
        };
        list.sort_by_key(|company| std::cmp::Reverse(waits(*company)));
        list.truncate(count);
        list
    }

    fn likes(&self, company: &Company) -> bool {
        let taste = tie_hash(&company.id, u64::from(self.rep.number)) % 100;
        taste < LIKED_PERCENT || company.episode(self.day).is_some()
    }

    /// Every other Tuesday, not all such reps on the same.
    fn bursts(&self) -> bool {
        let week = self.day / 7 + self.rep.number;
        self.calendar.weekday(self.day) == Weekday::Tuesday && week.is_multiple_of(2)
    }

    fn touch(&mut self, company: &Company, touch: Touch) {
        let at = self.calendar.in_office(self.day, &mut self.chance);
        let buys = company.episode(self.day).is_some();
        let (kind, direction) = match touch {
            Touch::Email => ("email_sent", "outbound"),
            Touch::Call => ("call_made", "outbound"),
            Touch::Conversation => ("call_connected", "mutual"),
            Touch::Message => ("linkedin_message", "outbound"),
            Touch::Note => ("note", "outbound"),
        };
        let source = if touch == Touch::Note { CRM } else { SALES_ENGAGEMENT };
        let contact = (touch != Touch::Note).then(|| company.contact(&mut self.chance));
        self.act(company, source, Act { kind, direction, contact: contact.clone(), meeting_at: None }, at);
        match touch {
            Touch::Email if self.chance.percent(of(REPLY_PERCENT, buys)) => self.reply(company, contact, at, buys),
            Touch::Conversation => self.perhaps_meeting(company, contact, at, buys),
            _ => {}
        }
    }

    /// On the same day or one of the next two.
    fn reply(&mut self, company: &Company, contact: Option<String>, sent: Millis, buys: bool) {
        let at = match self.chance.between(0, 2) {
            0 => Millis(sent.0 + self.chance.between_ms(4 * MINUTE_MS, 5 * HOUR_MS)),
            days => self.calendar.in_office(self.calendar.workday_from(self.day + days), &mut self.chance),
        };
        let act = Act { kind: "email_replied", direction: "inbound", contact: contact.clone(), meeting_at: None };
        self.act(company, SALES_ENGAGEMENT, act, at);
        self.perhaps_meeting(company, contact, at, buys);
    }

    fn perhaps_meeting(&mut self, company: &Company, contact: Option<String>, after: Millis, buys: bool) {
        if !self.chance.percent(of(MEETING_PERCENT, buys)) {
            return;
        }
        let booked = Millis(after.0 + self.chance.between_ms(MINUTE_MS, 40 * MINUTE_MS));
        // An answer may come on the second day from now, over a weekend on the fourth: the meeting is behind that.
        let ahead = self.chance.between(5, 13);
        let meeting = self.calendar.meeting(self.calendar.workday_from(self.day + ahead), &mut self.chance);
        let act =
            Act { kind: "meeting_booked", direction: "mutual", contact: contact.clone(), meeting_at: Some(meeting) };
        self.act(company, CRM, act, booked);
        if self.chance.percent(HELD_PERCENT) {
            let held = Millis(meeting.0 + 45 * MINUTE_MS);
            let act = Act { kind: "meeting_held", direction: "mutual", contact, meeting_at: None };
            self.act(company, CRM, act, held);
            self.perhaps_opportunity(company, held);
        }
    }

    fn perhaps_opportunity(&mut self, company: &Company, held: Millis) {
        if !self.chance.percent(OPPORTUNITY_PERCENT) {
            return;
        }
        let id = format!("opp-{}-{}-{}", self.day, self.rep.number, self.events);
        let cycle = i64::from(self.chance.between(SALES_CYCLE_DAYS.0, SALES_CYCLE_DAYS.1)) * DAY_MS;
        let (opens, closes) = (Millis(held.0 + HOUR_MS), Millis(held.0 + cycle));
        self.opportunity(company, &id, "open", opens);
        let won = self.chance.percent(WON_PERCENT);
        self.opportunity(company, &id, if won { "won" } else { "lost" }, closes);
        if won {
            let fields = AccountFields { customer: Some(true), ..AccountFields::default() };
            let record = company.patch(fields, rfc3339(closes, Clock::Utc));
            self.delivery.record(Topic::Accounts, closes, records::json(&record));
        }
    }

    fn opportunity(&mut self, company: &Company, id: &str, status: &'static str, at: Millis) {
        let (id, updated_at) = (id.to_owned(), rfc3339(at, Clock::Utc));
        let record = Opportunity { op: "upsert", id, account: company.by_crm_id(), status, updated_at };
        self.delivery.record(Topic::Opportunities, at, records::json(&record));
    }

    fn act(&mut self, company: &Company, source: &'static str, act: Act, at: Millis) {
        self.events += 1;
        let id = format!("act-{}-{}-{}", self.day, self.rep.number, self.events);
        let clock = if source == CRM { Clock::Utc } else { Clock::Berlin };
        let activity = Activity {
            event_id: id.clone(),
            source,
            kind: act.kind,
            account: self.named_by(company, source),
            actor: self.actor(source),
            contact: act.contact.map(Person::Email),
            direction: act.direction,
            meeting_at: act.meeting_at.map(|meeting| rfc3339(meeting, clock)),
            occurred_at: rfc3339(at, clock),
        };
        let json = records::json(&activity);
        self.delivery.event(Event { topic: Topic::Activity, source, id, occurred_at: at, json });
    }

    /// The CRM knows its own ids, the sales-engagement tool now and then just the company's domain.
    fn named_by(&mut self, company: &Company, source: &str) -> AccountRef {
        let by_domain = source == SALES_ENGAGEMENT && self.chance.percent(25);
        if by_domain { company.by_domain() } else { company.by_crm_id() }
    }

    fn actor(&self, source: &str) -> Person {
        match source {
            CRM => Person::CrmId(self.rep.id.clone()),
            _ => Person::Email(self.rep.email.clone()),
        }
    }
}

/// What of an activity isn't given by who does it where.
struct Act {
    kind: &'static str,
    direction: &'static str,
    contact: Option<String>,
    meeting_at: Option<Millis>,
}

fn of((buyers, others): (u32, u32), buys: bool) -> u32 {
    if buys { buyers } else { others }
}
