//! What `Engine::apply` costs per event: accounts and events made in memory, processor time of this thread.
//!
//!     cargo bench --bench engine                    100,000 and 1,000,000 accounts
//!     cargo bench --bench engine -- 1000000         so many
//!
//! Events come in batches of 128 about accounts drawn evenly, all of them known, each named by its CRM id or by
//! its domain: the worst case for caches. Books are full, so that plain events decide nothing; in `returns` every
//! hundredth input gives an account back, and the slot is filled at once.

#[path = "engine/company.rs"]
mod company;
#[path = "engine/measure.rs"]
mod measure;

use bookd::domain::{Body, Input, Millis};
use bookd::engine::Engine;

use company::Company;
use measure::Laps;

const REPS: u32 = 2_000;
const BATCH: usize = 128;
/// Events a measured run applies, after as many that warm it up.
const EVENTS: usize = 512 * 1024;

fn main() {
    // `cargo bench` hands its own flags through.
    let sizes: Vec<u32> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100_000, 1_000_000] } else { sizes };
    for accounts in sizes {
        measure_size(accounts);
    }
}

type Draw = fn(&mut Company, Millis) -> Body;

fn measure_size(accounts: u32) {
    let before = measure::resident_bytes();
    let mut company = Company::new(accounts, REPS);
    let mut engine =
        measure::named(&format!("{accounts} accounts: load, ns an account"), accounts, || company.engine());
    let bytes = measure::resident_bytes().saturating_sub(before);
    println!("{accounts} accounts: {} resident bytes an account after loading", bytes / u64::from(accounts));
    let mixes: [(&str, Draw); 5] = [
        ("intent, deltas", Company::delta),
        ("intent, snapshots", Company::snapshot),
        ("activity", Company::activity),
        ("mixed", Company::mixed),
        ("returns", Company::with_returns),
    ];
    for (name, draw) in mixes {
        run(&mut engine, &mut company, EVENTS, draw);
        let laps = run(&mut engine, &mut company, EVENTS, draw);
        println!("{accounts} accounts: {name}: {laps}");
    }
    let bytes = measure::resident_bytes().saturating_sub(before);
    println!("{accounts} accounts: {} resident bytes an account after the events", bytes / u64::from(accounts));
}

/// Applies so many events and says what an entry took; making them isn't counted.
fn run(engine: &mut Engine, company: &mut Company, events: usize, draw: Draw) -> Laps {
    let mut laps = Laps::new(BATCH);
    let mut out = Vec::new();
    let mut entries: Vec<(Millis, Vec<Input>)> = Vec::new();
    // Made ahead in portions: their making stays out of the measured time, and out of the cache's way.
    for _ in 0..events.div_ceil(BATCH * 512) {
        entries.extend((0..512).map(|_| company.entry(BATCH, draw)));
        laps.time(|lap| {
            for (now, inputs) in &entries {
                lap(&mut || _ = engine.apply(*now, inputs, &mut out));
                company.learn(&out);
                out.clear();
            }
        });
        entries.clear();
    }
    laps
}
