//! What people ask for: reps give accounts back with a reason, RevOps reviews, retires and holds.

use super::calendar::{Calendar, Clock, HOUR_MS, MINUTE_MS, rfc3339};
use super::chance::{Chance, Part};
use super::companies::Company;
use super::delivery::{Delivery, Event};
use super::records::{self, CRM, Request};
use super::team::{Rep, SDR, Style};
use crate::domain::{Millis, Topic};

const REVOPS: &str = "revops";

/// Reps who give something back on a workday.
const RETURN_PERCENT: u32 = 8;
/// Returns for review that RevOps puts right; the others stay in review.
const REVIEWED_PERCENT: u32 = 75;
/// Workdays on which RevOps holds an account for somebody.
const HOLD_PERCENT: u32 = 20;
const HOLD_DAYS: (u32, u32) = (10, 30);
const CALL_BACK_DAYS: (u32, u32) = (10, 45);

const REASONS: [(u32, &str); 8] = [
    (24, "not_interested"),
    (20, "no_relevant_contact"),
    (14, "call_back"),
    (12, "no_icp_match"),
    (12, "bad_data"),
    (8, "competitor"),
    (7, "duplicate"),
    (3, "out_of_business"),
];

/// The requests of one day.
pub struct Asks<'a> {
    pub seed: u64,
    pub calendar: Calendar,
    pub day: u32,
    pub companies: &'a [Company],
    pub delivery: &'a mut Delivery,
}

impl Asks<'_> {
    pub fn of_rep(&mut self, rep: &Rep, book: &[usize]) {
        let mut chance = Chance::new(self.seed, Part::Requests, rep.stream(self.day));
        let asks = rep.style != Style::Idle && self.calendar.is_workday(self.day) && chance.percent(RETURN_PERCENT);
        if !asks || book.is_empty() {
            return;
        }
        let company = &self.companies[*chance.pick(book)];
        let reason = chance.weighted(&REASONS);
        let at = self.calendar.in_office(self.day, &mut chance);
        let until = (reason == "call_back").then(|| {
            let ahead = chance.between(CALL_BACK_DAYS.0, CALL_BACK_DAYS.1);
            self.calendar.at(self.calendar.workday_from(self.day + ahead), 7 * HOUR_MS)
        });
        let id = format!("return-{}-{}", self.day, rep.number);
        let mut request = request(id.clone(), "return", company, rep.role, &rep.id, at);
        request.rep_id = Some(rep.id.clone());
        request.reason = Some(reason);
        request.until = until.map(|until| rfc3339(until, Clock::Utc));
        self.send(request, at);
        self.review(&mut chance, &id, company, rep.role, reason);
    }

    /// What comes back for review is put right, or turns out to be no account at all.
    fn review(&mut self, chance: &mut Chance, id: &str, company: &Company, role: &'static str, reason: &str) {
        let op = match reason {
            "bad_data" | "no_icp_match" => "review_done",
            "duplicate" => "retire",
            _ => return,
        };
        if chance.percent(REVIEWED_PERCENT) {
            let day = self.calendar.workday_from(self.day + chance.between(1, 5));
            let at = self.calendar.in_office(day, chance);
            self.send(request(format!("{id}-{op}"), op, company, role, REVOPS, at), at);
        }
    }

    /// Now and then a hold, some of which end early.
    fn of_revops(&mut self, chance: &mut Chance) {
        let company = chance.pick(self.companies);
        let at = self.calendar.in_office(self.day, chance);
        let ends = self.day + chance.between(HOLD_DAYS.0, HOLD_DAYS.1);
        let mut hold = request(format!("hold-{}", self.day), "hold", company, SDR, REVOPS, at);
        hold.until = Some(rfc3339(self.calendar.at(ends, 7 * HOUR_MS), Clock::Utc));
        self.send(hold, at);
        if chance.percent(25) {
            let day = self.calendar.workday_from(self.day + HOLD_DAYS.0 / 2);
            let at = Millis(self.calendar.in_office(day, chance).0 + MINUTE_MS);
            self.send(request(format!("release-{}", self.day), "release", company, SDR, REVOPS, at), at);
        }
    }

    pub fn of_operations(&mut self) {
        // Far from every rep's stream.
        let mut chance = Chance::new(self.seed, Part::Requests, u32::MAX - self.day);
        if self.calendar.is_workday(self.day) && chance.percent(HOLD_PERCENT) {
            self.of_revops(&mut chance);
        }
    }

    fn send(&mut self, request: Request, at: Millis) {
        let (id, json) = (request.request_id.clone(), records::json(&request));
        self.delivery.event(Event { topic: Topic::Requests, source: CRM, id, occurred_at: at, json });
    }
}

fn request(id: String, op: &'static str, company: &Company, role: &'static str, by: &str, at: Millis) -> Request {
    Request {
        request_id: id,
        op,
        account: company.by_crm_id(),
        role: Some(role),
        rep_id: None,
        reason: None,
        until: None,
        by: by.to_owned(),
        requested_at: rfc3339(at, Clock::Utc),
    }
}
