//! What an account costs in memory: growth of a process that does nothing else.

use crate::contestants::Contestants;
use crate::findings::Findings;
use crate::measure::resident;
use crate::pass::LARGE;
use crate::subject::Subject;
use crate::workload::{Shape, Workload, policy};

/// The environment in which it is asked: the allocator gives back at once what is freed. Vectors that grow leave as much as
/// they hold to it, for a while; that is no account's.
pub const GIVEN_BACK: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");

/// Rounds of events after which what they leave behind is looked at.
const ROUNDS: usize = 5;

/// `what`: `whole`, `bare` (an account is an id and an owner), or `two-roles`.
pub fn measure(name: &str, what: &str, accounts: u32) -> Findings {
    let shape = Shape { bare: what == "bare", ..Shape::of(accounts) };
    let mut workload = Workload::new(shape);
    let roles = if what == "two-roles" { 2 } else { 1 };
    let config = policy::config(&shape, roles);
    let mut all = Contestants::default();
    let before = resident();
    if name == "engine" {
        let mut subject = Subject::new(&config);
        subject.load(&workload, &policy::ROLES[..roles]);
        all.engine = Some(subject);
    } else {
        all.add(name, &config, &workload);
    }
    let mut found = Findings::default();
    let loaded = resident();
    let key = format!("memory.{name}.{what}");
    found.set(&*key, [(loaded - before) as f64 / f64::from(accounts)]);
    if what == "whole" {
        let mut count = 0;
        for _ in 0..ROUNDS {
            let mut events = workload.events(shape.round());
            count += events.len();
            all.run(&mut events, LARGE);
        }
        found.set(format!("{key}.event"), [resident().saturating_sub(loaded) as f64 / count as f64]);
    }
    found
}
