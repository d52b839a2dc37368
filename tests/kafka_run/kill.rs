//! `kill -9` at random instants while feeds go on: nothing is lost, nothing is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bookd::domain::Topic;
use bookd::run::clock::Clock;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::support::generated::{self, Company, Line};
use crate::support::kafka::{self, Feeder, Site};
use crate::support::process::Home;
use crate::{hasty, twin};

const KILLS: u32 = 5;
/// Events a second.
const RATE: u64 = 120;
const NONSENSE_EVERY: usize = 25;
/// Days of the company's for each kill: more events than can be sent meanwhile.
const DAYS: u32 = 20;
/// A leader that isn't there within this long is killed while it starts.
const START: Duration = Duration::from_secs(20);
/// Of a leader's life.
const LIFE_MS: u32 = 1_500;

struct Feed {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Feed {
    /// Sends events at a steady rate until it is told to stop.
    fn start(site: Arc<Site>, events: Vec<Line>) -> Feed {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let feeder = site.feeder();
            let mut sent = 0;
            for line in events {
                if told.load(Ordering::SeqCst) {
                    break;
                }
                site.send(&feeder, line.topic, &line.key(), &line.happening(Clock::Wall.now()));
                sent += 1;
                if sent % NONSENSE_EVERY == 0 {
                    site.send(&feeder, Topic::Inbound, "nobody", "{ nonsense");
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(1_000 / RATE));
            }
            site.flush(&feeder);
            sent
        });
        Feed { stop, thread }
    }

    fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

pub fn send_reference(site: &Site, feeder: &Feeder, company: &Company) {
    for line in &company.reference {
        site.send(feeder, line.topic, &line.key(), &line.happening(Clock::Wall.now()));
    }
    site.flush(feeder);
}

/// Starts bookd and kills it: half of the times as soon as its time has come, half of the times not before it leads.
/// Returns whether it had written anything.
fn kill_once(home: &Home, site: &Site, random: &mut ChaCha8Rng) -> bool {
    let before = site.journal_end();
    let process = home.start();
    let begun = Instant::now();
    if random.next_u32().is_multiple_of(2) {
        while site.journal_end() == before && begun.elapsed() < START {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    std::thread::sleep(Duration::from_millis(u64::from(random.next_u32() % LIFE_MS)));
    process.kill();
    site.journal_end() > before
}

#[test]
fn killed_at_any_instant_it_loses_nothing_and_repeats_nothing() {
    let kills: u32 = std::env::var("BOOKD_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let company = generated::company(seed, 200, 12, DAYS * kills.max(KILLS));
    let site = Arc::new(Site::new("kill", 3));
    let home = kafka::home(&site, &hasty::policy());
    send_reference(&site, &site.feeder(), &company);
    let begun = Instant::now();
    let feed = Feed::start(site.clone(), company.events);
    let mut leaderships = 0;
    for _ in 0..kills {
        leaderships += u32::from(kill_once(&home, &site, &mut random));
        if random.next_u32().is_multiple_of(3) {
            let _ = std::fs::remove_dir_all(home.snapshots());
        }
    }
    let mut process = home.start();
    // It decides for a while, undisturbed.
    std::thread::sleep(Duration::from_secs(3));
    let sent = feed.stop();
    let records = site.inputs().values().map(Vec::len).sum::<usize>();
    assert_eq!(records, sent + company.reference.len());
    site.wait_until_decided(&mut process, records);
    process.stop();
    let committed = site.committed();
    let verdict = committed.judge();
    let owned = twin::judge_owners(&committed.journal, &committed.commands);
    let seconds = begun.elapsed().as_secs();
    println!("{kills} kills, {leaderships} of them of a leader, {records} records, {owned} seats owned: {verdict:?}");
    println!("in {seconds} s");
    assert!(leaderships * 2 >= kills, "most kills came before anything was written");
    assert!(verdict.commands > 0 && owned > 0);
    let verified = home.bookd(&["journal", "--verify"]);
    let told = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success() && told.contains(&verdict.state.to_string()), "{told}");
}
