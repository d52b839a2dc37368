//! Somebody who goes on feeding while bookd is killed: signals, mails, capacities that change, nonsense, doubles.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bookd::domain::{Millis, Topic};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::company;

pub const REPS: u32 = 5;
pub const ACCOUNTS: u32 = 60;

pub struct Feeder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

/// Takes a line, without its end.
pub type Sink = Box<dyn FnMut(Topic, &str) + Send>;

impl Feeder {
    /// Reps and accounts at once, then an event every few milliseconds until it is stopped.
    pub fn start(seed: u64, mut sink: Sink) -> Feeder {
        for rep in 0..REPS {
            sink(Topic::Reps, &company::rep(&format!("r{rep}")));
        }
        for account in 0..ACCOUNTS {
            sink(Topic::Accounts, &company::account(&format!("a{account}")));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut events = 0;
            while !told.load(Ordering::SeqCst) {
                feed(&mut sink, &mut random, events);
                events += 1;
                std::thread::sleep(Duration::from_millis(u64::from(random.next_u32() % 8)));
            }
            events
        });
        Feeder { stop, thread }
    }

    /// Returns how many events there were.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn now() -> Millis {
    bookd::run::clock::Clock::Wall.now()
}

fn feed(sink: &mut Sink, random: &mut ChaCha8Rng, number: usize) {
    let account = format!("a{}", random.next_u32() % ACCOUNTS);
    let rep = format!("r{}", random.next_u32() % REPS);
    let event = format!("e{number}");
    let (topic, line) = match random.next_u32() % 20 {
        0..12 => (Topic::Intent, company::surge(&event, &account, now())),
        12..17 => (Topic::Activity, company::email(&event, &rep, &account, now())),
        17 => (Topic::Reps, company::rep_with_capacity(&rep, 2 + random.next_u32() % 8)),
        18 => (Topic::Accounts, company::account(&account)),
        _ => (Topic::Inbound, "{ nonsense".to_owned()),
    };
    sink(topic, &line);
    if random.next_u32().is_multiple_of(10) {
        sink(topic, &line);
    }
}
