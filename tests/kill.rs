//! `kill -9` at random instants, while somebody goes on feeding: nothing is lost, nothing is there twice.
//!
//! 15 kills in the ordinary run; `BOOKD_KILLS=100` for more. The oracle reads what is committed, and nothing else.
//! `kafka_run/kill.rs` is the same on a real broker.

mod support;

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use support::company;
use support::feeder::Feeder;
use support::process::{Home, append};

#[test]
fn killed_at_any_instant_it_loses_nothing_and_repeats_nothing() {
    let kills: u32 = std::env::var("BOOKD_KILLS").map_or(15, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let home = Home::with_policy(&company::restless(), "[http]\nlisten = \"off\"\n[loop]\nheartbeat = \"1s\"\n");
    let dir = home.log_dir();
    let mut lines = 0u32;
    let feeder = Feeder::start(
        seed,
        Box::new(move |topic, line| {
            // Now and then a line comes in two pieces.
            let line = format!("{line}\n");
            let (first, second) = line.split_at(if lines.is_multiple_of(10) { line.len() / 2 } else { 0 });
            lines += 1;
            append(&dir, topic, first);
            if !first.is_empty() {
                std::thread::sleep(Duration::from_millis(3));
            }
            append(&dir, topic, second);
        }),
    );
    let mut leaderships = [0; 2];
    for kill in 0..kills {
        let before = home.journal().len();
        let mut process = home.start();
        // Half of them at any instant of the start and after; half while it leads, however slowly it started.
        if kill.is_multiple_of(2) {
            process.wait(|| home.journal().len() > before);
        }
        std::thread::sleep(Duration::from_millis(60 + u64::from(random.next_u32() % 500)));
        process.kill();
        leaderships[kill as usize % 2] += usize::from(home.journal().len() > before);
        if random.next_u32().is_multiple_of(4) {
            let _ = std::fs::remove_dir_all(home.snapshots());
        }
    }
    let before = home.journal().len();
    let mut process = home.start();
    let events = feeder.stop();
    // It may find all read already: a signal before it leads would end it without a farewell.
    process.wait(|| home.journal().len() > before);
    home.wait_until_read(&mut process);
    process.stop();
    assert!(!bookd::wire::snapshot::list(&home.snapshots(), 0).unwrap().is_empty(), "no snapshot");
    let verdict = home.committed().judge();
    let [waited, at_once] = leaderships;
    println!("{kills} kills, {waited} + {at_once} of them of a leader, {events} events: {verdict:?}");
    assert!((waited + at_once) * 2 > kills as usize, "most kills came before anything was committed");
    assert!(at_once > 0, "no kill at an instant of its own met a leader: {waited} waited for one");
    assert!(verdict.commands > kills as usize, "too little was decided: {verdict:?}");

    let verified = home.bookd(&["journal", "--verify"]);
    let told = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success() && told.contains(&verdict.state.to_string()), "{told}");
}
