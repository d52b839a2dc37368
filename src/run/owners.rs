//! Recovery from the emitted commands: who owns what, and how far each seat's sequence had got, is read from them,
//! and a new journal begins with it. Inputs are then read from their beginning by an ordinary start.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::RunError;
use super::replica::{Draft, Replica};
use super::{recover, shard};
use crate::domain::output::SeatStatus;
use crate::domain::policy::Handling;
use crate::domain::{Body, DecisionKind, EntryKind, Input, Millis, Output, Policy, Restored, Text, Topic};
use crate::feed::instant;
use crate::log::{Log, LogError};
use crate::wire::command::{self, Command};
use crate::wire::snapshot;

/// What was done, for people.
#[derive(Debug)]
pub struct Recovered {
    pub commands: Commands,
    /// By status.
    pub seats: BTreeMap<&'static str, u64>,
    /// Why the old journal couldn't be followed; `None` where there was nothing to follow, or it was whole.
    pub broken: Option<String>,
    /// Where the old journal is now.
    pub journal_aside: Option<String>,
    pub snapshots_aside: usize,
}

/// The fold of the commands topic: the last of each account and role.
#[derive(Debug, Default)]
pub struct Commands {
    last: BTreeMap<(Text, Text), Command>,
    pub read: u64,
    /// Offsets gone from the topic's beginning.
    pub gone: u64,
    /// Of another shard.
    pub foreign: u64,
    /// Seats whose sequences have a gap: some command is missing.
    pub gaps: u64,
    /// When the newest was issued.
    pub newest: Millis,
}

/// Does all of it. Refuses where the journal can be followed, unless told otherwise.
pub fn recover(
    log: &mut dyn Log,
    of: u16,
    snapshots: &Path,
    policy: &Policy,
    force: bool,
) -> Result<Recovered, RunError> {
    let broken = why_broken(log, of, snapshots)?;
    if let (Healthy::Whole { sequence }, false) = (&broken, force) {
        return Err(RunError::Whole { sequence: *sequence });
    }
    let commands = Commands::read(log, of)?;
    let rows: Vec<Restored> = commands.last.values().map(|command| restored(command, policy)).collect();
    let mut seats = BTreeMap::new();
    for row in &rows {
        *seats.entry(row.status.name()).or_default() += 1;
    }
    let entry = entry(of, commands.newest, rows)?;
    let journal_aside = log.begin_anew(&entry)?;
    let snapshots_aside = snapshot::set_aside(snapshots, of)
        .map_err(|error| RunError::Io { what: snapshots.display().to_string(), error })?;
    let broken = if let Healthy::Broken(why) = broken { Some(why) } else { None };
    Ok(Recovered { commands, seats, broken, journal_aside, snapshots_aside })
}

enum Healthy {
    Empty,
    Whole { sequence: u64 },
    Broken(String),
}

/// Follows the journal as a start would.
fn why_broken(log: &mut dyn Log, of: u16, snapshots: &Path) -> Result<Healthy, RunError> {
    match recover::lead(log, of, snapshots) {
        Ok((follower, _)) if follower.sequence() == 0 => Ok(Healthy::Empty),
        Ok((follower, _)) => Ok(Healthy::Whole { sequence: follower.sequence() }),
        Err(error @ (RunError::Journal { .. } | RunError::Snapshot { .. } | RunError::Damaged { .. })) => {
            Ok(Healthy::Broken(error.to_string()))
        }
        Err(other) => Err(other),
    }
}

impl Commands {
    fn read(log: &mut dyn Log, of: u16) -> Result<Commands, RunError> {
        let mut commands = Commands::default();
        let mut refused = None;
        let gone = log.read_output(Topic::Commands, &mut |value| {
            commands.read += 1;
            match command::read(value) {
                Ok(command) => commands.take(command, of),
                Err(why) => drop(refused.get_or_insert(RunError::Command { number: commands.read, why })),
            }
        })?;
        commands.gone = gone;
        refused.map_or(Ok(commands), Err)
    }

    /// The highest sequence of a seat counts. A command that stands there twice is one: its id is the same.
    fn take(&mut self, command: Command, of: u16) {
        if command.shard != of {
            self.foreign += 1;
            return;
        }
        self.newest = self.newest.max(instant::parse(&command.issued_at).unwrap_or_default());
        let seat = (command.account.clone(), command.role.clone());
        let before = self.last.get(&seat).map_or(0, |before| before.sequence);
        if command.sequence > before {
            self.gaps += u64::from(command.sequence != before + 1);
            self.last.insert(seat, command);
        }
    }
}

/// Where the command left its seat. Rests aren't known any more; what a return led to is said by the policy in
/// force now.
fn restored(command: &Command, policy: &Policy) -> Restored {
    let status = match (command.kind, &command.owner) {
        (DecisionKind::Departure, Some(_)) => SeatStatus::Holding,
        (_, Some(_)) => SeatStatus::Owned,
        (DecisionKind::Retirement, None) => SeatStatus::Retired,
        (DecisionKind::Return, None) => returned(command, policy),
        _ => SeatStatus::Pool,
    };
    let (account, role, owner) = (command.account.clone(), command.role.clone(), command.owner.clone());
    Restored { account, role, status, owner, sequence: command.sequence }
}

/// As the role's first book says.
fn returned(command: &Command, policy: &Policy) -> SeatStatus {
    let role = policy.role_index(&command.role);
    let book = policy.books.iter().position(|book| Some(book.role) == role);
    let rule = book.zip(command.reason).and_then(|(book, reason)| policy.return_rule(book as u16, reason));
    match rule.map(|rule| &rule.handling) {
        Some(Handling::Retire) => SeatStatus::Retired,
        Some(Handling::Review) => SeatStatus::Review,
        Some(Handling::Rest(_) | Handling::Date) | None => SeatStatus::Pool,
    }
}

/// One entry, so that a new journal has all of it or isn't there. It bears the time of the newest command: this
/// machine's clock is proven by the start that follows.
fn entry(of: u16, now: Millis, rows: Vec<Restored>) -> Result<Vec<u8>, RunError> {
    let inputs: Vec<Input> = rows.into_iter().map(|row| Input { position: None, body: Body::Restored(row) }).collect();
    let mut replica = Replica::new(shard::new_journal_id(), of);
    let made = replica.make(Draft { kind: EntryKind::Rebase, now, spans: Vec::new(), inputs });
    match made.outputs.first() {
        None => Ok(made.bytes),
        Some(Output::DeadLetter { code, .. }) => {
            Err(LogError::Fatal(format!("the commands can't all be restored: {}", code.text())).into())
        }
        Some(other) => unreachable!("nothing is decided before a policy: {other:?}"),
    }
}
