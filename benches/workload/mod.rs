//! The events that everybody is measured with: from a seed, in memory, the same bytes for all.
//!
//! Companies in 64 markets (as many as a policy holds), reps of sixty slots, nine tenths of what they own worked
//! about once a day and the rest not at all. 45 % intent (snapshots and deltas), 25 % engagement, 3 % inbound,
//! 27 % activity; accounts seen by Zipf's law; one event in a hundred late, one sent twice.

mod chance;
mod events;
pub mod policy;
mod reference;

use bookd::domain::{Millis, Record, Topic};
use chance::{Chance, Scatter};
use events::Event;
use reference::Fields;
pub use reference::RepId;

pub const COUNTRIES: [&str; 16] =
    ["DE", "FR", "GB", "NL", "SE", "ES", "IT", "PL", "US", "CA", "MX", "BR", "JP", "AU", "IN", "SG"];
/// Name, employees from, and below.
pub const SIZES: [(&str, u64, u64); 4] =
    [("small", 1, 100), ("mid", 100, 1000), ("large", 1000, 5000), ("enterprise", 5000, 100_000)];
pub const MARKETS: usize = COUNTRIES.len() * SIZES.len();

/// Of a rep's slots, when the gate opens. The rest is dealt out at once.
const SLOTS_OWNED: u32 = 57;
/// Of those, never worked.
const SLOTS_IDLE: u32 = 6;
/// Events a day and rep: at 27 % activity each worked account is touched about once a day.
pub const EVENTS_PER_REP_DAY: i64 = 250;
/// In a campaign they come faster.
const CAMPAIGN_SPEED: i64 = 10;
/// A duplicate is one of the last so many.
const DUPLICATES_AMONG: usize = 1_000;
/// Late events are up to a day late.
const LATE_MAX_MS: u64 = 86_400_000;
/// Others arrive within seconds.
const DELAY_MAX_MS: u64 = 5_000;

/// 2026-05-04T00:00:00Z: the gate opens.
pub const START: Millis = Millis(1_777_852_800_000);

const NOBODY: u16 = u16::MAX;

/// How large, and which.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub accounts: u32,
    pub reps: u32,
    pub seed: u64,
    /// No snapshots and no duplicates: what is left of an account is a sum.
    pub plain: bool,
    /// Accounts are an id and an owner: no domains, no fields.
    pub bare: bool,
}

impl Shape {
    /// Two thousand reps, fewer where accounts are few: about a tenth of them is owned.
    pub fn of(accounts: u32) -> Shape {
        Shape { accounts, reps: (accounts / 500).clamp(20, 2_000), seed: 7, plain: false, bare: false }
    }

    /// Events of one round: two fifths of a day.
    pub fn round(&self) -> usize {
        self.reps as usize * 100
    }
}

/// What was made so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Made {
    pub events: u64,
    pub bytes: u64,
    pub late: u64,
    pub twice: u64,
}

pub struct Workload {
    pub shape: Shape,
    pub made: Made,
    chance: Chance,
    /// From how often an account is seen to its number.
    seen: Scatter,
    owned: Scatter,
    owners: Vec<u16>,
    /// The next account that its owner works.
    next_worked: u32,
    campaign: bool,
    now_us: i64,
    offsets: [u64; 16],
}

impl Workload {
    pub fn new(shape: Shape) -> Workload {
        let owned = Scatter::new(shape.accounts, 4_294_967_311);
        let mut owners = vec![NOBODY; shape.accounts as usize];
        for slot in 0..shape.reps * SLOTS_OWNED {
            owners[owned.place(slot) as usize] = (slot % shape.reps) as u16;
        }
        Workload {
            shape,
            made: Made::default(),
            chance: Chance::new(shape.seed),
            seen: Scatter::new(shape.accounts, 4_294_967_357),
            owned,
            owners,
            next_worked: 0,
            campaign: false,
            now_us: START.0 * 1000,
            offsets: [0; 16],
        }
    }

    /// Who owns it when the gate opens.
    pub fn owner(&self, account: u32) -> Option<u32> {
        let owner = self.owners[account as usize];
        (owner != NOBODY).then_some(u32::from(owner))
    }

    /// Owned accounts are of their owner's country.
    pub fn fields(&self, account: u32) -> Fields {
        Fields::of(account, self.owner(account).map(|rep| rep as usize % COUNTRIES.len()))
    }

    pub fn reps(&self, role: &str) -> Vec<Record> {
        (0..self.shape.reps).map(|number| self.reference(Topic::Reps, number, role)).collect()
    }

    /// One record at a time: millions of them needn't stand in memory.
    pub fn account(&self, number: u32) -> Record {
        self.reference(Topic::Accounts, number, "")
    }

    fn reference(&self, topic: Topic, number: u32, role: &str) -> Record {
        let mut json = Vec::with_capacity(384);
        match topic {
            Topic::Reps => self.rep_json(number, role, &mut json),
            _ => self.account_json(number, &mut json),
        }
        record(topic, u64::from(number), json, Millis(START.0 - 1000))
    }

    /// Nothing happens for so long.
    pub fn skip_hours(&mut self, hours: i64) {
        self.now_us += hours * 3_600_000_000;
    }

    pub fn now(&self) -> Millis {
        Millis(self.now_us / 1000)
    }

    /// The next events, in the order in which they arrive.
    pub fn events(&mut self, count: usize) -> Vec<Record> {
        self.campaign = false;
        self.make(count)
    }

    /// A campaign: as many accounts get a bump that fades within a day, all within an hour or so.
    pub fn campaign(&mut self, count: usize) -> Vec<Record> {
        self.campaign = true;
        self.make(count)
    }

    fn make(&mut self, count: usize) -> Vec<Record> {
        let speed = if self.campaign { CAMPAIGN_SPEED } else { 1 };
        let step_us = 86_400_000_000 / (i64::from(self.shape.reps) * EVENTS_PER_REP_DAY) / speed;
        let mut records: Vec<Record> = Vec::with_capacity(count);
        for _ in 0..count {
            self.now_us += step_us;
            let twice = !self.shape.plain && records.len() > DUPLICATES_AMONG && self.chance.percent(1);
            let record = if twice { self.again(&records) } else { self.one() };
            self.made.events += 1;
            self.made.bytes += record.value.as_ref().map_or(0, Vec::len) as u64;
            records.push(record);
        }
        records
    }

    fn again(&mut self, records: &[Record]) -> Record {
        self.made.twice += 1;
        let back = 1 + self.chance.below(DUPLICATES_AMONG as u64) as usize;
        let first = &records[records.len() - back];
        let json = first.value.clone().expect("events have values");
        record(first.topic, self.offset(first.topic), json, self.now())
    }

    fn one(&mut self) -> Record {
        let topic = self.topic();
        let account = self.subject(topic);
        let late = self.chance.percent(1);
        self.made.late += u64::from(late);
        let delay = self.chance.below(if late { LATE_MAX_MS } else { DELAY_MAX_MS });
        let at = Millis(self.now().0 - delay as i64);
        let event = Event { topic, account, at, number: self.made.events };
        let mut json = Vec::with_capacity(384);
        self.event_json(&event, &mut json);
        record(topic, self.offset(topic), json, self.now())
    }

    fn topic(&mut self) -> Topic {
        match self.chance.below(100) {
            _ if self.campaign => Topic::Engagement,
            0..45 => Topic::Intent,
            45..70 => Topic::Engagement,
            70..73 => Topic::Inbound,
            _ => Topic::Activity,
        }
    }

    fn subject(&mut self, topic: Topic) -> u32 {
        let accounts = self.shape.accounts;
        if self.campaign {
            return self.chance.below(u64::from(accounts)) as u32;
        }
        if topic == Topic::Activity && self.chance.percent(80) {
            let worked = self.shape.reps * (SLOTS_OWNED - SLOTS_IDLE);
            self.next_worked = (self.next_worked + 1) % worked;
            return self.owned.place(self.next_worked);
        }
        let rank = self.chance.zipf(accounts);
        self.seen.place(rank)
    }

    fn offset(&mut self, topic: Topic) -> u64 {
        let offset = &mut self.offsets[topic as usize];
        *offset += 1;
        *offset
    }
}

fn record(topic: Topic, offset: u64, json: Vec<u8>, timestamp: Millis) -> Record {
    let value = Some(json);
    Record { topic, partition: 0, offset, next: offset + 1, key: None, value, headers: Vec::new(), timestamp }
}
