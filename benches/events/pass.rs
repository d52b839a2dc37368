//! One pass at one size: rounds of events, each by everybody in turn, so that what the machine does besides hits all
//! alike.

use crate::contestants::{Contestants, NAMES};
use crate::findings::Findings;
use crate::measure::percentiles;
use crate::restore;
use crate::subject::Told;
use crate::workload::{Shape, Workload, policy};

/// Until then evidence is young.
const WARM: usize = 6;
/// Half of them in large batches, half in small ones.
const STEADY: usize = 10;
const AFTER_GAP: usize = 2;
/// A long weekend: priorities fall, nobody is heard of.
const GAP_HOURS: i64 = 72;
/// Events that are timed one by one: enough for a p99.9.
const SINGLES: usize = 20_000;
/// Records of a batch: what a busy loop polls.
pub const LARGE: usize = 512;
/// And one that has little to do.
pub const SMALL: usize = 128;

struct Pass {
    all: Contestants,
    workload: Workload,
    found: Findings,
}

pub fn run(accounts: u32, names: &[&str]) -> Findings {
    let workload = Workload::new(Shape::of(accounts));
    let mut pass = Pass { all: Contestants::default(), workload, found: Findings::default() };
    pass.load(names);
    pass.rounds();
    pass.singles();
    pass.count();
    restore::from_json(&pass.all, &mut pass.found);
    let Pass { all, workload, mut found } = pass;
    if let Some(engine) = all.engine {
        restore::measure(engine, workload, &mut found);
    }
    found
}

impl Pass {
    fn load(&mut self, names: &[&str]) {
        let config = policy::config(&self.workload.shape, 1);
        for name in names {
            eprintln!("{} accounts: {name} loads", self.workload.shape.accounts);
            self.all.add(name, &config, &self.workload);
        }
        if let Some(engine) = &mut self.all.engine {
            engine.told = Told::default();
        }
    }

    fn rounds(&mut self) {
        for _ in 0..WARM {
            self.round("warm", LARGE);
        }
        for _ in 0..STEADY / 2 {
            self.round("steady", LARGE);
            self.round("steady-small", SMALL);
        }
        self.round("campaign", LARGE);
        self.gap();
        for _ in 0..AFTER_GAP {
            self.round("after-gap", LARGE);
        }
    }

    fn round(&mut self, what: &str, batch: usize) {
        let count = self.workload.shape.round();
        let mut events = if what == "campaign" { self.workload.campaign(count) } else { self.workload.events(count) };
        let ns = self.all.run(&mut events, batch);
        for (name, ns) in NAMES.iter().zip(ns).filter(|(_, ns)| *ns > 0.0) {
            self.found.add(format!("{what}.{name}"), ns);
        }
        self.stages(what, ns[3]);
        eprintln!("{what}: {:.0?} ns an event", ns);
    }

    fn stages(&mut self, what: &str, ns: f64) {
        let Some(engine) = &self.all.engine else { return };
        for (stage, ns) in engine.stages.of(ns) {
            self.found.add(format!("{what}.stage.{stage}"), ns);
        }
        self.found.add(format!("{what}.longest"), engine.longest_apply as f64);
        self.found.set(format!("{what}.turns"), percentiles(&engine.turns).map(|ns| ns as f64));
    }

    /// The loop wakes up for what is due, and nothing else happens.
    fn gap(&mut self) {
        self.workload.skip_hours(GAP_HOURS);
        if let Some(engine) = &mut self.all.engine {
            engine.begin(true);
            engine.idle(self.workload.now());
            self.found.add("gap.longest", engine.longest_apply as f64);
        }
    }

    fn singles(&mut self) {
        let mut events = self.workload.events(SINGLES);
        if let Some(engine) = &mut self.all.engine {
            engine.begin(false);
        }
        let (card, engine) = self.all.run_single(&mut events);
        for (name, ns) in [("card", card), ("engine", engine)] {
            if !ns.is_empty() {
                self.found.set(format!("single.{name}"), percentiles(&ns).map(|ns| ns as f64));
            }
        }
    }

    /// What occurred: a workload in which some rule never acts measures something else.
    fn count(&mut self) {
        let made = self.workload.made;
        let counts = [("events", made.events), ("bytes", made.bytes), ("late", made.late), ("twice", made.twice)];
        counts.iter().for_each(|(name, count)| self.found.set(format!("made.{name}"), [*count as f64]));
        assert!(made.late > 0 && made.twice > 0, "{made:?}");
        if let Some(engine) = &self.all.engine {
            engine.told.expect_everything_occurred();
            for (name, count) in engine.told.counts() {
                self.found.set(format!("told.{name}"), [count as f64]);
            }
        }
        if let Some(card) = &self.all.card {
            self.found.set("told.by-card", [card.commands as f64]);
        }
    }
}
