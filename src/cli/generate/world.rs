//! The made-up company as a whole: asked for one day after the other, it tells what arrives.

use std::collections::BTreeMap;

use super::asks::Asks;
use super::calendar::{Calendar, Clock, HOUR_MS, rfc3339};
use super::chance::{ALWAYS, Chance, Part, Zipf};
use super::companies::{self, Company};
use super::delivery::{Delivery, Line, Silence};
use super::market::Market;
use super::records::{self, AccountFields};
use super::selling::{Desk, Memory};
use super::team::{self, Rep};
use crate::domain::{Millis, Topic};

/// Accounts of which the CRM learns something new, in thousandths an account and workday.
const NEWS_MILLI: u64 = 2;

/// Current owners: rep's id by role and account's id.
pub type Owners = BTreeMap<(String, String), String>;

#[derive(Clone, Debug)]
pub struct WorldConfig {
    pub accounts: usize,
    pub reps: usize,
    /// How long the story is; it says when reps come and go.
    pub days: u32,
    pub seed: u64,
    /// Midnight UTC of day 0.
    pub start: Millis,
    pub silence: Silence,
    /// Shares of events that come hours late, and that come twice; 0 to 1.
    pub late: f64,
    pub duplicates: f64,
}

pub struct World {
    seed: u64,
    days: u32,
    calendar: Calendar,
    companies: Vec<Company>,
    reps: Vec<Rep>,
    /// Places in `companies` and `reps` by id.
    company_of: BTreeMap<String, usize>,
    rep_of: BTreeMap<String, usize>,
    zipf: Zipf,
    /// Companies in the order in which they are talked of.
    fame: Vec<usize>,
    memory: Memory,
    delivery: Delivery,
    next_day: u32,
}

impl World {
    pub fn new(config: &WorldConfig) -> World {
        let (seed, calendar) = (config.seed, Calendar { start: config.start });
        let reps = team::hire(seed, config.reps, config.days, calendar);
        let companies = companies::found(seed, config.accounts, config.days, &reps);
        let mut fame: Vec<usize> = (0..companies.len()).collect();
        // A number of its own beside the days': no story is that long.
        Chance::new(seed, Part::Market, u32::MAX).shuffle(&mut fame);
        World {
            seed,
            days: config.days,
            calendar,
            company_of: companies.iter().enumerate().map(|(at, company)| (company.id.clone(), at)).collect(),
            rep_of: reps.iter().enumerate().map(|(at, rep)| (rep.id.clone(), at)).collect(),
            zipf: Zipf::new(companies.len()),
            fame,
            companies,
            reps,
            memory: Memory::default(),
            delivery: Delivery::new(seed, calendar, config.silence, ppm(config.late), ppm(config.duplicates)),
            next_day: 0,
        }
    }

    /// Reps and accounts as they are at the start, reps first.
    pub fn reference(&self) -> Vec<Line> {
        let at = self.calendar.start;
        let stamp = rfc3339(at, Clock::Utc);
        let line = |topic, json| Line { topic, occurred_at: at, arrives_at: at, json };
        let reps = team::start(&self.reps, &stamp).into_iter().map(|rep| line(Topic::Reps, records::json(&rep)));
        let known = self.companies.iter().filter(|company| company.created == 0);
        let accounts = known.map(|company| line(Topic::Accounts, records::json(&company.record(stamp.clone()))));
        reps.chain(accounts).collect()
    }

    /// What arrives on this day, in that order. Days are asked for one after the other, from 0 on; `owners` are
    /// those of its morning, whom the reps go by all day.
    pub fn day(&mut self, day: u32, owners: &Owners) -> Vec<Line> {
        assert_eq!(day, self.next_day, "days come one after the other");
        self.next_day += 1;
        let (seed, calendar) = (self.seed, self.calendar);
        self.crm(day);
        let talk = (&self.zipf, &*self.fame);
        Market::new(seed, calendar, day, &self.companies, talk, &mut self.delivery).happen();
        let books = self.books(owners);
        for (rep, book) in self.reps.iter().zip(&books).filter(|(rep, _)| rep.works(day)) {
            Desk::new(seed, calendar, day, rep, &self.companies, &mut self.delivery).work(book, &mut self.memory);
            let companies = &self.companies;
            Asks { seed, calendar, day, companies, delivery: &mut self.delivery }.of_rep(rep, book);
        }
        Asks { seed, calendar, day, companies: &self.companies, delivery: &mut self.delivery }.of_operations();
        self.delivery.of_day(day)
    }

    /// What happened on the days told so far and hasn't arrived yet.
    pub fn rest(&mut self) -> Vec<Line> {
        let end = self.calendar.at(self.next_day, 0);
        let mut lines = self.delivery.rest();
        lines.retain(|line| line.occurred_at < end);
        lines
    }

    /// Midnight UTC at which the day begins.
    pub fn begins(&self, day: u32) -> Millis {
        self.calendar.at(day, 0)
    }

    pub fn days(&self) -> u32 {
        self.days
    }

    /// Reps come, go and leave; accounts are created and grow.
    fn crm(&mut self, day: u32) {
        for (at, record) in team::changes(&self.reps, day, self.calendar) {
            self.delivery.record(Topic::Reps, at, records::json(&record));
        }
        let at = self.calendar.at(day, 9 * HOUR_MS);
        let stamp = rfc3339(at, Clock::Utc);
        for company in self.companies.iter().filter(|company| company.created == day && day > 0) {
            self.delivery.record(Topic::Accounts, at, records::json(&company.record(stamp.clone())));
        }
        if self.calendar.is_workday(day) {
            self.news(day, at, &stamp);
        }
    }

    fn news(&mut self, day: u32, at: Millis, stamp: &str) {
        let mut chance = Chance::new(self.seed, Part::Companies, day + 1);
        for _ in 0..chance.round(self.companies.len() as u64 * NEWS_MILLI) {
            let company = chance.pick(&self.companies);
            if !company.known(day) {
                continue;
            }
            let fields = if chance.percent(60) {
                let percent = chance.between(85, 125);
                AccountFields { employees: Some(company.employees * percent / 100), ..AccountFields::default() }
            } else {
                AccountFields { tier: Some(*chance.pick(&["a", "b", "c"])), ..AccountFields::default() }
            };
            let record = company.patch(fields, stamp.to_owned());
            self.delivery.record(Topic::Accounts, at, records::json(&record));
        }
    }

    /// Each rep's accounts, in the order of the world.
    fn books(&self, owners: &Owners) -> Vec<Vec<usize>> {
        let mut books = vec![Vec::new(); self.reps.len()];
        for ((role, account), rep) in owners {
            let place = (self.rep_of.get(rep), self.company_of.get(account));
            if let (Some(rep), Some(company)) = place
                && self.reps[*rep].role == role
            {
                books[*rep].push(*company);
            }
        }
        books.iter_mut().for_each(|book| book.sort_unstable());
        books
    }

    pub(super) fn companies(&self) -> &[Company] {
        &self.companies
    }

    pub(super) fn reps(&self) -> &[Rep] {
        &self.reps
    }
}

fn ppm(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * f64::from(ALWAYS)).round() as u32
}
