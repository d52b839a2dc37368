//! Everybody who is measured, on the same bytes.

use std::hint::black_box;
use std::time::Instant;

use bookd::config::Config;
use bookd::domain::Record;

use crate::baselines::card::Card;
use crate::baselines::score::Sums;
use crate::baselines::typed::Typed;
use crate::baselines::value::ByValue;
use crate::measure::Cpu;
use crate::subject::Subject;
use crate::workload::{COUNTRIES, SIZES, Workload};

#[derive(Default)]
pub struct Contestants {
    pub value: Option<ByValue>,
    pub typed: Option<Typed>,
    pub card: Option<Card>,
    pub engine: Option<Subject>,
}

pub const NAMES: [&str; 4] = ["value", "typed", "card", "engine"];

impl Contestants {
    pub fn all(config: &Config, workload: &Workload) -> Contestants {
        let mut all = Contestants::default();
        NAMES.iter().for_each(|name| all.add(name, config, workload));
        all
    }

    /// One more, with its accounts loaded.
    pub fn add(&mut self, name: &str, config: &Config, workload: &Workload) {
        match name {
            "value" => self.value = Some(by_value(workload)),
            "typed" => self.typed = Some(typed(workload)),
            "card" => self.card = Some(card(workload)),
            "engine" => {
                let mut subject = Subject::new(config);
                subject.load(workload, &["sdr"]);
                self.engine = Some(subject);
            }
            other => panic!("nobody is called {other}"),
        }
    }

    /// One round by each; ns of this thread for an event, in the order of [`NAMES`], 0 for who isn't there.
    pub fn run(&mut self, events: &mut [Record], batch: usize) -> [f64; 4] {
        let count = events.len() as f64;
        let per_event = |start: Cpu| start.ns() as f64 / count;
        let mut ns = [0.0; 4];
        if let Some(value) = &mut self.value {
            let start = Cpu::now();
            run_value(value, events);
            ns[0] = per_event(start);
        }
        if let Some(typed) = &mut self.typed {
            let start = Cpu::now();
            run_typed(typed, events);
            ns[1] = per_event(start);
        }
        if let Some(card) = &mut self.card {
            let start = Cpu::now();
            run_card(card, events);
            ns[2] = per_event(start);
        }
        if let Some(engine) = &mut self.engine {
            engine.begin(true);
            let start = Cpu::now();
            run_engine(engine, events, batch);
            ns[3] = per_event(start);
        }
        ns
    }

    /// Event by event, each timed by the wall from its bytes to those that it leads to: of Card and of the engine.
    pub fn run_single(&mut self, events: &mut [Record]) -> (Vec<u64>, Vec<u64>) {
        let of_card = self.card.as_mut().map(|card| single_card(card, events)).unwrap_or_default();
        let of_engine = self.engine.as_mut().map(|engine| single_engine(engine, events)).unwrap_or_default();
        (of_card, of_engine)
    }

    /// What each plain way keeps of an account.
    pub fn sums(&self, id: &str) -> Vec<Sums> {
        let value = self.value.as_ref().map(|value| value.accounts[id].clone());
        let typed = self.typed.as_ref().map(|typed| typed.accounts[id].clone());
        let card = self.card.as_ref().map(|card| card.accounts.get(id).expect("loaded").sums.clone());
        value.into_iter().chain(typed).chain(card).collect()
    }
}

fn bytes(record: &Record) -> &[u8] {
    record.value.as_deref().expect("events have values")
}

#[inline(never)]
fn run_value(value: &mut ByValue, events: &[Record]) {
    for record in events {
        black_box(value.event(bytes(record)).expect("known to all"));
    }
}

#[inline(never)]
fn run_typed(typed: &mut Typed, events: &[Record]) {
    for record in events {
        black_box(typed.event(bytes(record)).expect("known to all"));
    }
}

#[inline(never)]
fn run_card(card: &mut Card, events: &[Record]) {
    for record in events {
        black_box(card.event(bytes(record)));
    }
}

fn single_card(card: &mut Card, events: &[Record]) -> Vec<u64> {
    let timed = events.iter().map(|record| {
        let start = Instant::now();
        black_box(card.event(bytes(record)));
        start.elapsed().as_nanos() as u64
    });
    timed.collect()
}

fn single_engine(engine: &mut Subject, events: &mut [Record]) -> Vec<u64> {
    let timed = events.iter_mut().map(|record| {
        let now = record.timestamp;
        let start = Instant::now();
        engine.turn(std::slice::from_mut(record), now);
        start.elapsed().as_nanos() as u64
    });
    timed.collect()
}

/// A batch is applied at the instant at which its last record arrived.
pub fn run_engine(engine: &mut Subject, events: &mut [Record], batch: usize) {
    for records in events.chunks_mut(batch) {
        let now = records.iter().map(|record| record.timestamp).max().expect("a chunk isn't empty");
        engine.turn(records, now);
    }
}

fn accounts(workload: &Workload) -> impl Iterator<Item = (u32, Record)> {
    (0..workload.shape.accounts).map(|number| (number, workload.account(number)))
}

fn by_value(workload: &Workload) -> ByValue {
    let mut value = ByValue::new();
    accounts(workload).for_each(|(number, record)| value.account(bytes(&record), workload.fields(number).fit()));
    value
}

fn typed(workload: &Workload) -> Typed {
    let mut typed = Typed::new();
    accounts(workload).for_each(|(number, record)| typed.account(bytes(&record), workload.fields(number).fit()));
    typed
}

fn card(workload: &Workload) -> Card {
    let mut card = Card::new();
    for rep in 0..workload.shape.reps {
        let first = rep as usize % COUNTRIES.len() * SIZES.len();
        card.rep(rep_id(rep), first..first + SIZES.len());
    }
    for (number, record) in accounts(workload) {
        let fields = workload.fields(number);
        card.account(bytes(&record), fields.fit(), fields.market(), workload.owner(number).map(rep_id));
    }
    card
}

fn rep_id(rep: u32) -> String {
    crate::workload::RepId(rep).to_string()
}
