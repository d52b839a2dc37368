//! What happens in the market and what reps do meanwhile. Accounts and reps come from the CRM alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bookd::domain::Topic;
use bookd::run::clock::Clock;
use bookd::wire::instant::Rfc3339;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

use crate::policy::REASON;
use crate::support::crm::FakeCrm;
use crate::support::generated::Line;
use crate::support::kafka::{Feeder, Site};

/// Events a second.
pub const RATE: u64 = 40;
/// Accounts that reps give back at once, and after how long more of them.
const RETURNS: u64 = 3;
const RETURNS_EVERY: Duration = Duration::from_millis(500);

pub struct Feed {
    stop: Arc<AtomicBool>,
    threads: [JoinHandle<usize>; 2],
}

impl Feed {
    /// Sends events at a steady rate, and lets owners return accounts, until it is told to stop.
    pub fn start(seed: u64, site: &Arc<Site>, crm: &Arc<FakeCrm>, events: Vec<Line>) -> Feed {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, place) = (stop.clone(), site.clone());
        let market = std::thread::spawn(move || send_events(&place, &events, &told));
        let (told, place, crm) = (stop.clone(), site.clone(), crm.clone());
        let reps = std::thread::spawn(move || send_returns(seed, &place, &crm, &told));
        Feed { stop, threads: [market, reps] }
    }

    /// Returns how many events were sent, and how many returns.
    pub fn stop(self) -> [usize; 2] {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.map(|thread| thread.join().unwrap())
    }
}

fn send_events(site: &Site, events: &[Line], stop: &AtomicBool) -> usize {
    let feeder = site.feeder();
    let mut sent = 0;
    for line in events.iter().filter(|line| !matches!(line.topic, Topic::Accounts | Topic::Reps)) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        site.send(&feeder, line.topic, &line.key(), &line.happening(Clock::Wall.now()));
        sent += 1;
        std::thread::sleep(Duration::from_millis(1_000 / RATE));
    }
    site.flush(&feeder);
    sent
}

fn send_returns(seed: u64, site: &Site, crm: &FakeCrm, stop: &AtomicBool) -> usize {
    let (feeder, mut random) = (site.feeder(), ChaCha8Rng::seed_from_u64(seed));
    let mut sent = 0;
    while !stop.load(Ordering::SeqCst) {
        let accounts = crm.ask("/fake/accounts");
        for _ in 0..RETURNS {
            sent += usize::from(send_return(site, &feeder, &accounts, random.next_u64()));
        }
        std::thread::sleep(RETURNS_EVERY);
    }
    site.flush(&feeder);
    sent
}

/// Whoever owns some account in some role returns it; false if nobody does.
fn send_return(site: &Site, feeder: &Feeder, accounts: &Value, chance: u64) -> bool {
    let accounts = accounts.as_array().unwrap();
    let row = &accounts[(chance >> 1) as usize % accounts.len()];
    let role = ["ae", "sdr"][(chance & 1) as usize];
    let Some(owner) = row["owners"][role].as_str().filter(|_| row["deleted"] == false) else { return false };
    let account = row["id"].as_str().unwrap();
    let request = json!({
        "request_id": format!("return-{chance}"), "op": "return", "account": { "crm_id": account }, "role": role,
        "reason": REASON, "by": owner, "requested_at": Rfc3339(Clock::Wall.now()).to_string(),
    });
    site.send(feeder, Topic::Requests, account, &request.to_string());
    true
}
