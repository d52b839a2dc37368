//! Recovery from the emitted commands: who owns what, and how far each seat's sequence had got, is read from them,
//! and a new journal begins with it. Inputs are then read from their beginning by an ordinary start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Foreign, RunError};
use super::replica::{Draft, Replica};
use super::{recover, shard};
use crate::domain::output::SeatStatus;
use crate::domain::policy::Handling;
use crate::domain::{Body, DecisionKind, Entry, EntryKind, Input, Millis, Output, Policy, Restored, Text, Topic};
use crate::log::{Log, LogError, Stored};
use crate::wire::command::{self, Command};
use crate::wire::{entry, snapshot};

/// What is done although something speaks against it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// A whole journal, or another build's, is given up; no commands, or not all of them, are enough.
    pub force: bool,
    /// Commands that can't be read are left out.
    pub unreadable: bool,
}

/// What was done, for people.
#[derive(Debug)]
pub enum Done {
    Anew(Recovered),
    /// An earlier recovery had begun the new journal, and ended before it set the old one's snapshots aside.
    Finished {
        snapshots_aside: usize,
    },
}

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
    /// Left out, because they can't be read.
    pub unreadable: u64,
    /// The first of these.
    pub left_out: Vec<Unreadable>,
    /// When the newest was issued.
    pub newest: Millis,
}

/// A command that can't be read, and where it stands.
#[derive(Clone, Debug)]
pub struct Unreadable {
    pub partition: u32,
    /// On a Files log the byte at which the line begins.
    pub offset: u64,
    pub why: String,
}

/// Of commands that can't be read so many are told one by one: enough to see what they have in common.
const LEFT_OUT_TOLD: usize = 20;

/// Does all of it. Refuses where the journal can be followed, and where commands are missing, unless told otherwise.
pub fn recover(
    log: &mut dyn Log,
    of: u16,
    snapshots: &Path,
    policy: &Policy,
    allowed: Allowed,
) -> Result<Done, RunError> {
    let broken = match look_at_old(log, of, snapshots, allowed.force)? {
        OldJournal::Whole { sequence } if !allowed.force => return Err(RunError::Whole { sequence }),
        OldJournal::Begun if !allowed.force => {
            return Ok(Done::Finished { snapshots_aside: set_snapshots_aside(snapshots, of)? });
        }
        OldJournal::Whole { .. } | OldJournal::Begun | OldJournal::Empty => None,
        OldJournal::Broken(why) => Some(why),
    };
    let commands = Commands::read(log, of, allowed)?;
    let rows: Vec<Restored> = commands.last.values().map(|command| restored(command, policy)).collect();
    let mut seats = BTreeMap::new();
    for row in &rows {
        *seats.entry(row.status.name()).or_default() += 1;
    }
    let entry = first_entry(of, commands.newest, rows)?;
    let journal_aside = log.begin_anew(&entry)?;
    let snapshots_aside = set_snapshots_aside(snapshots, of)?;
    Ok(Done::Anew(Recovered { commands, seats, broken, journal_aside, snapshots_aside }))
}

fn set_snapshots_aside(snapshots: &Path, of: u16) -> Result<usize, RunError> {
    snapshot::set_aside(snapshots, of).map_err(|error| io(snapshots, error))
}

fn io(snapshots: &Path, error: std::io::Error) -> RunError {
    RunError::Io { what: snapshots.display().to_string(), error }
}

enum OldJournal {
    Empty,
    Whole {
        sequence: u64,
    },
    /// By an earlier recovery, and nothing came after it; but the snapshots are still those of the journal before.
    Begun,
    Broken(String),
}

/// Follows the journal as a start would. Another build's is whole: only force gives it up.
fn look_at_old(log: &mut dyn Log, of: u16, snapshots: &Path, force: bool) -> Result<OldJournal, RunError> {
    match recover::lead(log, of, snapshots) {
        Ok((follower, _)) if follower.sequence() == 0 => Ok(OldJournal::Empty),
        Ok((follower, _)) => Ok(OldJournal::Whole { sequence: follower.sequence() }),
        Err(RunError::Snapshot { .. }) if is_begun(log, of, snapshots)? => Ok(OldJournal::Begun),
        Err(error @ RunError::Snapshot { why: Foreign::Rules { .. }, .. }) if !force => Err(error),
        Err(error @ (RunError::Journal { .. } | RunError::Snapshot { .. } | RunError::Damaged { .. })) => {
            Ok(OldJournal::Broken(error.to_string()))
        }
        Err(error @ RunError::OtherBuild { .. }) if force => Ok(OldJournal::Broken(error.to_string())),
        Err(other) => Err(other),
    }
}

/// Whether the journal holds a recovery's entry and no other, and no snapshot is of this journal: then it would have
/// lost its end. One that can't be read says nothing.
fn is_begun(log: &mut dyn Log, of: u16, snapshots: &Path) -> Result<bool, RunError> {
    let Some(begun) = only_entry(log)?.filter(|entry| entry.kind == EntryKind::Rebase) else { return Ok(false) };
    let list = snapshot::list(snapshots, of).map_err(|error| io(snapshots, error))?;
    let is_ours = |path: &PathBuf| snapshot::read(path).is_ok_and(|(header, _)| header.journal == begun.journal);
    Ok(!list.iter().any(is_ours))
}

/// The journal's first entry, if there is no second and nothing is broken.
fn only_entry(log: &mut dyn Log) -> Result<Option<Entry>, LogError> {
    let all =
        log.open_journal(0).and_then(|mut reader| Ok((reader.next(Duration::ZERO)?, reader.next(Duration::ZERO)?)));
    match all {
        Ok((Some(only), None)) => Ok(entry::decode(&only.bytes).ok().filter(|entry| entry.sequence == 1)),
        Ok(_) | Err(LogError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Commands {
    fn read(log: &mut dyn Log, of: u16, allowed: Allowed) -> Result<Commands, RunError> {
        let mut commands = Commands::default();
        let gone = log.read_output(Topic::Commands, &mut |stored| commands.take_stored(stored, of))?;
        commands.gone = gone;
        commands.check(allowed)?;
        Ok(commands)
    }

    fn check(&self, allowed: Allowed) -> Result<(), RunError> {
        if let (Some(first), false) = (self.left_out.first(), allowed.unreadable) {
            return Err(RunError::Command(first.clone()));
        }
        match (self.last.is_empty(), self.gone) {
            _ if allowed.force => Ok(()),
            (true, _) => Err(RunError::NoCommands { foreign: self.foreign, unreadable: self.unreadable }),
            (false, 0) => Ok(()),
            (false, gone) => Err(RunError::CommandsGone { gone }),
        }
    }

    fn take_stored(&mut self, stored: Stored<'_>, of: u16) {
        self.read += 1;
        match command::read(stored.value) {
            Ok(command) => self.take(command, of),
            Err(why) => {
                self.unreadable += 1;
                if self.left_out.len() < LEFT_OUT_TOLD {
                    let Stored { partition, offset, .. } = stored;
                    self.left_out.push(Unreadable { partition, offset, why });
                }
            }
        }
    }

    /// The highest sequence of a seat counts. A command that stands there twice is one: its id is the same.
    fn take(&mut self, command: Command, of: u16) {
        if command.shard != of {
            self.foreign += 1;
            return;
        }
        self.newest = self.newest.max(command.issued_at);
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
fn first_entry(of: u16, now: Millis, rows: Vec<Restored>) -> Result<Vec<u8>, RunError> {
    let inputs: Vec<Input> = rows.into_iter().map(|row| Input { position: None, body: Body::Restored(row) }).collect();
    let mut replica = Replica::new(shard::new_journal_id(), of);
    let made = replica.make(Draft { kind: EntryKind::Rebase, now, spans: Vec::new(), inputs })?;
    match made.outputs.first() {
        None => Ok(made.bytes),
        Some(Output::DeadLetter { code, .. }) => {
            Err(LogError::Fatal(format!("the commands can't all be restored: {}", code.text())).into())
        }
        Some(other) => Err(LogError::Fatal(format!("without a policy it was decided: {other:?}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(gone: u64) -> Commands {
        let (account, role, issued_at) = ("a".into(), "sdr".into(), Millis(1));
        let kind = DecisionKind::Distribution;
        let command = Command { shard: 0, kind, account, role, sequence: 1, owner: None, reason: None, issued_at };
        let mut commands = Commands { gone, ..Commands::default() };
        commands.take(command, 0);
        commands
    }

    #[test]
    fn an_undo_says_who_has_the_account_again() {
        let undone = |owner: Option<Text>| {
            let (account, role, issued_at) = ("a".into(), "sdr".into(), Millis(1));
            let command = Command {
                shard: 0,
                kind: DecisionKind::Undo,
                account,
                role,
                sequence: 3,
                owner,
                reason: None,
                issued_at,
            };
            restored(
                &command,
                &crate::config::parse("a policy", include_str!("../../config/default.toml"), &[])
                    .expect("a right policy")
                    .policy,
            )
        };
        assert_eq!((undone(Some("ana".into())).status, undone(None).status), (SeatStatus::Owned, SeatStatus::Pool));
        assert_eq!(undone(None).sequence, 3);
    }

    #[test]
    fn commands_that_are_gone_from_the_beginning_are_done_without_only_when_told() {
        let told = Allowed { force: true, unreadable: false };
        assert!(commands(0).check(Allowed::default()).is_ok());
        assert!(matches!(commands(3).check(Allowed::default()), Err(RunError::CommandsGone { gone: 3 })));
        assert!(commands(3).check(told).is_ok());
    }
}
