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

use bookd::domain::time::{DAY, HOUR};
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
        gaps(accounts);
    }
}

/// Placements after a silence in which all priorities fell: bounds in the heaps are too high, and found out one by one.
/// With half-lives all alike, and after a campaign that half of the accounts answered and that is over soon.
fn gaps(accounts: u32) {
    let gaps: [(&str, [u32; 4], Draw, u32); 4] = [
        ("mixed half-lives, 72 h", [14 * DAY, 7 * DAY, 2 * DAY, 30 * DAY], Company::mixed, 72 * HOUR),
        ("equal half-lives, no gap", [7 * DAY; 4], Company::mixed, 0),
        ("equal half-lives, 72 h", [7 * DAY; 4], Company::mixed, 72 * HOUR),
        ("a campaign of 1 h half-life, 6 h", [14 * DAY, 7 * DAY, HOUR, 30 * DAY], Company::campaign, 6 * HOUR),
    ];
    for (name, half_life_s, draw, gap_s) in gaps {
        let mut company = Company::new(accounts, REPS);
        company.half_life_s = half_life_s;
        let mut engine = company.engine();
        run(&mut engine, &mut company, accounts as usize / 2, draw);
        company.wait(gap_s);
        let returned = returns(&mut engine, &mut company);
        println!("{accounts} accounts: {name}: a return and the placement of the next best: {returned}");
    }
}

const RETURNS: usize = 1_000;

fn returns(engine: &mut Engine, company: &mut Company) -> Laps {
    let mut laps = Laps::new(1);
    let mut out = Vec::new();
    // The first entry after a silence fires timers; it isn't meant.
    let entries: Vec<_> = (0..=RETURNS).map(|_| company.entry(1, Company::hand_back)).collect();
    engine.apply(entries[0].0, &entries[0].1, &mut out);
    laps.time(|lap| {
        for (now, inputs) in &entries[1..] {
            lap(&mut || _ = engine.apply(*now, inputs, &mut out));
            out.clear();
        }
    });
    laps
}

type Draw = fn(&mut Company, Millis) -> Body;

fn measure_size(accounts: u32) {
    let before = measure::resident_bytes();
    let mut company = Company::new(accounts, REPS);
    let mut engine =
        measure::named(&format!("{accounts} accounts: load, ns an account"), accounts, || company.engine());
    let bytes = measure::resident_bytes().saturating_sub(before);
    println!("{accounts} accounts: {} resident bytes an account after loading", bytes / u64::from(accounts));
    let state = engine.state().clone();
    drop(measure::named(&format!("{accounts} accounts: rebuild from their rows, ns an account"), accounts, || {
        Engine::from_state(state)
    }));
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
