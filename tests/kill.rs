//! `kill -9` at random instants, while somebody goes on feeding: nothing is lost, nothing is there twice.
//!
//! 15 kills in the ordinary run; `BOOKD_KILLS=100` for more. The oracle reads what is committed, and nothing else.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bookd::domain::{Millis, Topic};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use support::company;
use support::process::{Home, append};

const REPS: u32 = 5;
const ACCOUNTS: u32 = 60;

/// Appends events until it is told to stop; some lines in two pieces, some of nonsense, some twice.
struct Feeder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Feeder {
    fn start(dir: PathBuf, seed: u64) -> Feeder {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut events = 0;
            while !told.load(Ordering::SeqCst) {
                feed(&dir, &mut random, events);
                events += 1;
                std::thread::sleep(Duration::from_millis(u64::from(random.next_u32() % 8)));
            }
            events
        });
        Feeder { stop, thread }
    }

    fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn now() -> Millis {
    bookd::run::clock::Clock::Wall.now()
}

fn feed(dir: &Path, random: &mut ChaCha8Rng, number: usize) {
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
    let line = format!("{line}\n");
    if random.next_u32().is_multiple_of(10) {
        let (first, second) = line.split_at(line.len() / 2);
        append(dir, topic, first);
        std::thread::sleep(Duration::from_millis(3));
        append(dir, topic, second);
    } else {
        append(dir, topic, &line);
    }
    if random.next_u32().is_multiple_of(10) {
        append(dir, topic, &line);
    }
}

#[test]
fn killed_at_any_instant_it_loses_nothing_and_repeats_nothing() {
    let kills: u32 = std::env::var("BOOKD_KILLS").map_or(15, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let home = Home::new("[http]\nlisten = \"off\"\n[loop]\nheartbeat = \"1s\"\n");
    for rep in 0..REPS {
        home.append(Topic::Reps, &format!("{}\n", company::rep(&format!("r{rep}"))));
    }
    for account in 0..ACCOUNTS {
        home.append(Topic::Accounts, &format!("{}\n", company::account(&format!("a{account}"))));
    }
    let feeder = Feeder::start(home.log_dir(), seed);
    let mut leaderships = 0;
    for _ in 0..kills {
        let before = home.journal().len();
        let process = home.start();
        std::thread::sleep(Duration::from_millis(60 + u64::from(random.next_u32() % 500)));
        process.kill();
        leaderships += usize::from(home.journal().len() > before);
        if random.next_u32().is_multiple_of(4) {
            let _ = std::fs::remove_dir_all(home.snapshots());
        }
    }
    let mut process = home.start();
    let events = feeder.stop();
    home.wait_until_read(&mut process);
    process.stop();
    let verdict = home.committed().judge();
    println!("{kills} kills, {leaderships} of them of a leader, {events} events: {verdict:?}");
    assert!(leaderships * 2 > kills as usize, "most kills came before anything was committed");
    assert!(verdict.commands > 0);

    let verified = home.bookd(&["journal", "--verify"]);
    let told = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success() && told.contains(&verdict.state.to_string()), "{told}");
}
