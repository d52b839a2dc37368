//! `kill -9` in the middle of batches, a writer that sleeps and wakes up late, a broker that goes away: no command is
//! carried out twice or out of order, each has one result.

use std::process::Command;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::json;

use crate::desk::{Desk, accounts, cycles, judge_history, rounds};
use crate::support::broker::Brokers;
use crate::support::process::Process;

const KILLS: u32 = 8;
/// Of a writer's life.
const LIFE_MS: u32 = 500;

#[test]
fn killed_at_any_instant_it_does_nothing_twice() {
    let kills: u32 = std::env::var("BOOKD_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let accounts = accounts(30);
    // Slow answers: most kills come while one is waited for.
    let fake_seed = seed.to_string();
    let flags = ["--slow", "0.7", "--slow-ms", "400", "--lost-answer", "0.1", "--locked", "0.1", "--seed", &fake_seed];
    let desk = Desk::new(&flags, &accounts);
    let wishes = cycles(&accounts, u64::from(kills).div_ceil(3));
    desk.lay(&wishes);
    let mut amid = 0;
    for _ in 0..kills {
        let before = desk.history().len();
        let mut writer = desk.start();
        writer.wait(|| desk.history().len() > before || desk.results().len() == wishes.len());
        std::thread::sleep(Duration::from_millis(u64::from(random.next_u32() % LIFE_MS)));
        writer.kill();
        amid += u32::from(desk.results().len() < wishes.len());
    }
    desk.crm.tell("/fake/faults", &json!({ "slow": 0.0, "lost_answer": 0.0, "locked": 0.0 }));
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    writer.stop();
    println!("{kills} kills, {amid} of them before all was done");
    for wish in &wishes {
        assert_eq!(results[&wish.id()]["status"], "applied", "{wish:?}");
    }
    judge_history(&desk.history(), &wishes);
    assert!(amid * 2 > kills, "most kills came after all was done");
}

fn signal(process: &Process, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A writer that stands still at any instant, a request on its way or about to leave, while another one does its work:
/// what it still writes when it wakes up is refused by the fence, and its results by Kafka.
#[test]
fn a_writer_that_slept_does_no_harm_and_ends() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let accounts = accounts(30);
    let desk = Desk::new(&["--slow", "1.0", "--slow-ms", "400"], &accounts);
    let wishes = rounds(&accounts);
    desk.lay(&wishes);
    let mut sleeper = desk.start();
    sleeper.wait(|| !desk.history().is_empty());
    std::thread::sleep(Duration::from_millis(u64::from(random.next_u32() % LIFE_MS)));
    signal(&sleeper, "-STOP");
    let before = desk.results().len();
    let mut other = desk.start_beside();
    let results = desk.wait_for(&mut other, wishes.len());
    signal(&sleeper, "-CONT");
    // With nothing to do it has nothing to commit, and learns of nothing: then it sees commands that another one sees too.
    let more: Vec<_> = accounts.iter().map(|account| crate::desk::wish(account, 4, None, Some("cleo"))).collect();
    desk.lay(&more);
    desk.wait_for(&mut other, wishes.len() + more.len());
    assert_eq!(sleeper.exit_code(), Some(3));
    other.stop();
    println!("it slept with {before} of {} results", wishes.len());
    assert!(before < wishes.len(), "all was done before it slept");
    for wish in &wishes {
        assert_eq!(results[&wish.id()]["status"], "applied", "{wish:?}");
    }
    judge_history(&desk.history(), &[wishes, more].concat());
}

#[test]
fn a_broker_that_was_away_is_waited_for() {
    let mut brokers = Brokers::start(1);
    let accounts = accounts(30);
    let desk = Desk::on_brokers(brokers.address(), &["--slow", "0.5", "--slow-ms", "300"], &accounts);
    let wishes = rounds(&accounts);
    desk.lay(&wishes);
    let mut writer = desk.start();
    writer.wait(|| !desk.results().is_empty());
    brokers.command("kill 1");
    std::thread::sleep(Duration::from_secs(2));
    brokers.command("start 1");
    let results = desk.wait_for(&mut writer, wishes.len());
    for wish in &wishes {
        assert_eq!(results[&wish.id()]["status"], "applied", "{wish:?}");
    }
    judge_history(&desk.history(), &wishes);
    writer.stop();
}
