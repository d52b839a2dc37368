//! Plays a story through the engine and its naive twin: a moment is an entry, timers fire at their own instants in
//! between. After each entry both must have said the same, and stand alike.

use bookd::domain::ids::Id128;
use bookd::domain::input::{Frontier, order_batch};
use bookd::domain::request::{Request, UndoAsked};
use bookd::domain::result::ResultRecord;
use bookd::domain::{Body, Input, Millis, Output};
use bookd::engine::Engine;

use super::line::Event;
use super::naive::Twin;
use super::story::{Moment, Story};
use super::tell::{Told, tell};

/// More entries than this without an event: something is due for ever.
const MAX_TIMERS: usize = 20_000;
/// All stories share a journal: its id decides nothing but the commands' ids.
const JOURNAL: Id128 = Id128(0x5ce0a210);

pub fn play(story: &Story) -> Result<Vec<Told>, String> {
    let (engine, twin) = (Engine::new(JOURNAL, 0), Twin::new(JOURNAL, 0));
    let mut player = Player { engine, twin, story, told: Vec::new(), reading: true };
    let start = story.moments.first().map_or(story.until, |moment| moment.at);
    player.entry(start, vec![(String::new(), Body::Policy(Box::new(story.policy.clone())))])?;
    player.entry(start, story.given.clone())?;
    for moment in &story.moments {
        player.timers_before(moment.at)?;
        player.moment(moment)?;
    }
    player.timers_before(Millis(story.until.0 + 1))?;
    Ok(player.told)
}

struct Player<'a> {
    engine: Engine,
    twin: Twin,
    story: &'a Story,
    told: Vec<Told>,
    /// Whether the activity topic is read to its end.
    reading: bool,
}

impl Player<'_> {
    fn moment(&mut self, moment: &Moment) -> Result<(), String> {
        let mut bodies = Vec::new();
        for (line, event) in &moment.events {
            match event {
                Event::Input(body) => bodies.push((line.clone(), (**body).clone())),
                Event::Result { account, role, record } => {
                    let command_id = self.last_command(account, role);
                    bodies.push((line.clone(), Body::Result(ResultRecord { command_id, ..(**record).clone() })));
                }
                Event::UndoEntryOf { account, request } => {
                    let entry = Some(self.last_entry(account));
                    let undo = Some(Box::new(UndoAsked { entry, ..UndoAsked::default() }));
                    bodies.push((line.clone(), Body::Request(Request { undo, ..(**request).clone() })));
                }
                Event::Policy(policy) => bodies.push((line.clone(), Body::Policy(policy.clone()))),
                Event::ReadingStops => self.reading = false,
                Event::ReadingGoesOn => self.reading = true,
                Event::Nothing => {}
            }
        }
        if self.reading {
            let partitions = Body::Frontier(Frontier::Partitions { count: 1 });
            let passed = Body::Frontier(Frontier::EndPassed { partition: 0, at: moment.at });
            bodies.extend([(String::new(), partitions), (String::new(), passed)]);
        }
        self.entry(moment.at, bodies)
    }

    /// Of the account in the role; an id that no command has, where there is none.
    fn last_command(&self, account: &str, role: &str) -> Id128 {
        let commands = self.engine.view().commands;
        let of_seat = commands.iter().find(|command| *command.account == *account && *command.role == *role);
        of_seat.map_or(Id128::default(), |command| command.command)
    }

    /// In which the last decision about the account was made that can be undone; 0 where there is none.
    fn last_entry(&self, account: &str) -> u64 {
        let decisions = self.engine.view().undo;
        decisions.iter().rfind(|decision| *decision.account == *account).map_or(0, |decision| decision.entry)
    }

    fn timers_before(&mut self, at: Millis) -> Result<(), String> {
        for _ in 0..MAX_TIMERS {
            match self.engine.next_deadline().filter(|deadline| *deadline < at) {
                Some(deadline) => self.entry(deadline.max(self.engine.now()), Vec::new())?,
                None => return Ok(()),
            }
        }
        Err(format!("timers don't come to an end before {}", super::words::written(at.secs())))
    }

    fn entry(&mut self, at: Millis, bodies: Vec<(String, Body)>) -> Result<(), String> {
        let mut pairs: Vec<(String, Input)> =
            bodies.into_iter().map(|(line, body)| (line, Input { position: None, body })).collect();
        // The same stable order that `order_batch` gives.
        pairs.sort_by_key(|(_, input)| input.body.order());
        let (lines, mut inputs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        order_batch(&mut inputs);
        let mut outputs = self.apply(at, &inputs)?;
        for _ in 0..MAX_TIMERS {
            if !self.engine.wants_next() {
                // How many entries it takes is nobody's business.
                let roles = self.story.policy.roles.len();
                self.told.extend(tell(self.story.telling, roles, at, &lines, &outputs));
                return Ok(());
            }
            outputs.extend(self.apply(at, &[])?);
        }
        Err("matching doesn't come to an end".into())
    }

    fn apply(&mut self, at: Millis, inputs: &[Input]) -> Result<Vec<Output>, String> {
        let mut outputs = Vec::new();
        self.engine.apply(at, inputs, &mut outputs);
        let place = super::words::written(at.secs());
        self.engine.audit().map_err(|what| format!("{place}: audit: {what}"))?;
        let mut of_twin = Vec::new();
        self.twin.apply(at, inputs, &mut of_twin);
        if let Some(index) = (0..outputs.len().max(of_twin.len())).find(|i| outputs.get(*i) != of_twin.get(*i)) {
            let (engine, twin) = (outputs.get(index), of_twin.get(index));
            return Err(format!("{place}: output {index}\n  engine: {engine:?}\n  twin:   {twin:?}"));
        }
        if self.engine.view() != self.twin.view() {
            let (engine, twin) = (format!("{:#?}", self.engine.view()), format!("{:#?}", self.twin.view()));
            return Err(format!("{place}: said the same, stand differently{}", first_difference(&engine, &twin)));
        }
        Ok(outputs)
    }
}

/// The first line in which two states differ, and whose it is.
fn first_difference(engine: &str, twin: &str) -> String {
    let mut whose = "";
    for (ours, theirs) in engine.lines().zip(twin.lines()) {
        if ours.trim_start().starts_with("id:") {
            whose = ours.trim();
        }
        if ours != theirs {
            return format!("\n  {whose}\n  engine: {}\n  twin:   {}", ours.trim(), theirs.trim());
        }
    }
    String::new()
}
