//! Events about known accounts cost no allocation once their rows have grown to their size: signals that add, that
//! replace, the day's strongest, and activity, as long as nothing is decided.

#[path = "../benches/engine/company.rs"]
#[allow(dead_code)] // the bench uses more of it
mod company;
#[path = "support/counting.rs"]
#[allow(dead_code)] // bytes are of no interest here
mod counting;

use bookd::domain::{Body, Millis, Output};
use bookd::engine::Engine;
use company::Company;
use counting::allocations;

const BATCH: usize = 128;
const ACCOUNTS: u32 = 500;
const REPS: u32 = 10;
/// Less than the events that warm it up: afterwards each id that comes makes one leave.
const REMEMBERED: u32 = 10_000;

/// Makes an event of one sort.
type Drawn = fn(&mut Company, Millis) -> Body;

#[test]
fn events_about_known_accounts_allocate_nothing() {
    let draws: [(&str, Drawn); 4] = [
        ("deltas", Company::delta),
        ("snapshots", Company::snapshot),
        ("the day's strongest", Company::engagement),
        ("activity", Company::activity),
    ];
    let mut company = Company::new(ACCOUNTS, REPS);
    company.remembered = REMEMBERED;
    let mut engine = company.engine();
    for (_, draw) in draws {
        apply(&mut engine, &mut company, 400, draw);
    }
    for (name, draw) in draws {
        let counted = apply(&mut engine, &mut company, 100, draw);
        assert_eq!((counted.allocations, counted.decisions), (0, 0), "{name}");
        assert!(counted.entries >= 20, "{name}: only {} entries put nothing out", counted.entries);
    }
}

#[derive(Default)]
struct Counted {
    /// Those that put nothing out: a row whose band changed is an output, and allocates.
    entries: u32,
    allocations: u64,
    decisions: u32,
}

fn apply(engine: &mut Engine, company: &mut Company, entries: usize, draw: Drawn) -> Counted {
    let mut counted = Counted::default();
    let mut out = Vec::new();
    for _ in 0..entries {
        let (now, inputs) = company.entry(BATCH, draw);
        let before = allocations();
        engine.apply(now, &inputs, &mut out);
        if out.is_empty() {
            counted.entries += 1;
            counted.allocations += allocations() - before;
        }
        counted.decisions += out.iter().filter(|each| matches!(each, Output::Decision(_))).count() as u32;
        out.clear();
    }
    counted
}
