//! Writes the quarter: the world tells what happens day by day, the engine says who owns what by then.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;

use crate::cli::generate::{Files, Line, Owners, World};
use crate::config::Config;
use crate::domain::ids::Id128;
use crate::domain::input::{Frontier, order_batch};
use crate::domain::output::SeatStatus;
use crate::domain::{Body, Gate, Input, Millis, Output, Record};
use crate::engine::Engine;
use crate::feed::Decoder;
use crate::wire::instant::Rfc3339;

/// The replay's tick, in milliseconds.
const TICK_MS: i64 = 60_000;
/// Beside the inputs: how many decisions the engine in the loop made, so that a kill can come half-way.
const DECISIONS: &str = "decisions-expected";

/// The engine in the loop.
struct Loop<'a> {
    engine: Engine,
    decoder: &'a Decoder,
    decisions: usize,
    offset: u64,
}

/// Returns how many events there are.
pub fn write(config: &Config, mut world: World, dir: &Path) -> anyhow::Result<u64> {
    let mut files = Files::create(dir)?;
    let decoder = Decoder::new(config.feeds.clone());
    let mut quarter = Loop { engine: Engine::new(Id128(0), 0), decoder: &decoder, decisions: 0, offset: 0 };
    quarter.apply(world.begins(0), vec![Input::own(Body::Policy(Box::new(config.policy.clone())))]);
    let reference = world.reference();
    let mut events = reference.len() as u64;
    reference.iter().try_for_each(|line| files.write(line))?;
    let inputs = quarter.decode(&reference);
    quarter.apply(world.begins(0), inputs);
    quarter.apply(world.begins(0), vec![Input::own(Body::Gate(Gate::Open))]);
    for day in 0..world.days() {
        let lines = world.day(day, &quarter.owners());
        events += lines.len() as u64;
        lines.iter().try_for_each(|line| files.write(line))?;
        quarter.play(lines, world.begins(day + 1));
    }
    files.close()?;
    let mut expected = BufWriter::new(File::create(dir.join(DECISIONS))?);
    write!(expected, "{}", quarter.decisions).context("the expected number of decisions")?;
    Ok(events)
}

/// How many decisions the engine in the loop made.
pub fn decisions(dir: &Path) -> anyhow::Result<usize> {
    let text = fs::read_to_string(dir.join(DECISIONS)).context("the expected number of decisions")?;
    text.trim().parse().context("the expected number of decisions")
}

/// The opening, as `replay` wants to be told it.
pub fn opening(at: Millis) -> String {
    Rfc3339(at).to_string()
}

impl Loop<'_> {
    fn owners(&self) -> Owners {
        let mut owners = Owners::new();
        let roles = self.engine.policy().map(|policy| &policy.roles[..]).unwrap_or_default();
        for account in self.engine.view().accounts {
            for (seat, role) in account.seats.iter().zip(roles) {
                if let (SeatStatus::Owned, Some(owner)) = (seat.status, &seat.owner) {
                    owners.insert((role.name.to_string(), account.id.to_string()), owner.to_string());
                }
            }
        }
        owners
    }

    /// Ticks with an event or a timer in them, up to `until`.
    fn play(&mut self, lines: Vec<Line>, until: Millis) {
        let mut lines = &lines[..];
        loop {
            let after = Millis(self.engine.now().0 + 1);
            let timer = self.engine.next_deadline().map(|due| due.max(after)).filter(|due| *due < until);
            let Some(next) = lines.first().map(|line| line.arrives_at).into_iter().chain(timer).min() else { return };
            let end = Millis((next.0 + TICK_MS - 1).div_euclid(TICK_MS) * TICK_MS);
            let (now, later) = lines.split_at(lines.partition_point(|line| line.arrives_at <= end));
            lines = later;
            let mut inputs = self.decode(now);
            inputs.extend(self.frontiers(end));
            order_batch(&mut inputs);
            self.apply(end, inputs);
        }
    }

    fn frontiers(&self, until: Millis) -> Vec<Input> {
        let sources = self.engine.policy().map(|policy| &policy.sources[..]).unwrap_or_default();
        let complete =
            |source: &crate::domain::policy::Source| Frontier::Complete { source: source.name.clone(), until };
        sources.iter().map(|source| Input::own(Body::Frontier(complete(source)))).collect()
    }

    fn decode(&mut self, lines: &[Line]) -> Vec<Input> {
        let decoded = lines.iter().filter_map(|line| {
            self.offset += 1;
            let record = Record {
                topic: line.topic,
                partition: 0,
                offset: self.offset,
                next: self.offset + 1,
                key: None,
                value: Some(line.json.clone().into_bytes()),
                headers: Vec::new(),
                timestamp: line.arrives_at,
            };
            // What can't be read is a dead letter of the replay, which says so.
            self.decoder.decode(&record).ok().flatten()
        });
        decoded.collect()
    }

    fn apply(&mut self, now: Millis, inputs: Vec<Input>) {
        let mut outputs = Vec::new();
        self.engine.apply(now, &inputs, &mut outputs);
        while self.engine.wants_next() {
            self.engine.apply(now, &[], &mut outputs);
        }
        self.decisions += outputs.iter().filter(|output| matches!(output, Output::Decision(_))).count();
    }
}
