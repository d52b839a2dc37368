//! `kill -9` in the middle of batches: no command is carried out twice or out of order, each has one result.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::desk::{Desk, accounts, judge_history, rounds};

const KILLS: u32 = 8;
/// Of a writer's life.
const LIFE_MS: u32 = 1_200;

#[test]
fn killed_at_any_instant_it_does_nothing_twice() {
    let kills: u32 = std::env::var("BOOKD_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let accounts = accounts(60);
    // Slow answers: most kills come while one is waited for.
    let fake_seed = seed.to_string();
    let flags = ["--slow", "0.7", "--slow-ms", "400", "--lost-answer", "0.1", "--locked", "0.1", "--seed", &fake_seed];
    let desk = Desk::new(&flags, &accounts);
    let wishes = rounds(&accounts);
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
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    writer.stop();
    println!("{kills} kills, {amid} of them before all was done");
    for wish in &wishes {
        assert_eq!(results[&wish.id()]["status"], "applied", "{wish:?}");
    }
    judge_history(&desk.history(), &wishes);
    assert!(amid > 0, "all was done before the first kill");
}
