//! The loop: commands are read, carried out, answered; what goes wrong is told in a line, and waited for.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::batch::{Batch, Limits, Reply};
use super::clock;
use super::command::{Command, Unreadable};
use super::crm::{Checked, Crm, Trouble, Why, Work};
use super::intake::{Intake, Taken};
use super::judge::{Answer, Seen, codes};
use super::meters::Meters;
use super::pace::Backoff;
use super::result;
use super::status::Status;
use super::stream::{self, Stream};
use crate::config::writer::{RoleFields, WriterSettings};
use crate::domain::result::ResultStatus;
use crate::domain::{Millis, OutRecord, Record, Text, Topic};
use crate::log::LogError;
use crate::wire::dead_letter::{self, Stage};

/// An idle writer looks this often whether it is to end.
const POLL: Duration = Duration::from_millis(500);
/// Of a longer wait such pieces.
const NAP: Duration = Duration::from_millis(100);
/// The same trouble is told again after so long.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Dead letters have one task.
const TASK: u16 = 0;

pub struct Writer {
    roles: BTreeMap<Text, RoleFields>,
    limits: Limits,
    commands_together: usize,
    skips_other_roles: bool,
    crm: Box<dyn Crm>,
    status: Arc<Status>,
    meters: Meters,
    /// Of whole requests; a record's own is the batch's.
    backoff: Backoff,
    /// When this process began, or took the log up anew.
    begun: Millis,
    told: Option<(String, Instant)>,
    told_hidden: bool,
    /// What the CRM denied, until it allows the same: until then nothing else shows that commands are carried out.
    denied: Option<Step>,
}

/// What is asked of the CRM for a command; who may write may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Look,
    Write,
}

/// It was told to stop while it waited: nothing of the batch is answered, all of it comes again.
struct Stopped;

impl Writer {
    pub fn new(settings: &WriterSettings, crm: Box<dyn Crm>, status: Arc<Status>, meters: Meters) -> Writer {
        let requests = &settings.requests;
        let limits = Limits {
            before_end_ms: (i64::from(requests.timeout_s) + i64::from(requests.margin_s)) * 1000,
            attempts: requests.attempts,
            versions: settings.crm.versions,
            unsure_ms: i64::from(requests.margin_s) * 1000,
        };
        Writer {
            roles: settings.roles.clone(),
            limits,
            commands_together: requests.commands_together,
            skips_other_roles: settings.crm.skips_other_roles,
            crm,
            status,
            meters,
            backoff: Backoff::default(),
            begun: clock::now(),
            told: None,
            told_hidden: false,
            denied: None,
        }
    }

    /// Works until it is told to stop. An error ends the process: it was fenced, or a person is needed.
    pub fn run(&mut self, settings: &WriterSettings) -> Result<(), LogError> {
        if self.wait_until_able().is_err() {
            return Ok(());
        }
        let mut opened = None;
        while !self.status.is_stopping() {
            let worked = match &mut opened {
                None => stream::open(&settings.source).map(|stream| opened = Some((stream, Intake::default()))),
                Some((stream, intake)) => self.turn(&mut **stream, intake),
            };
            match worked {
                Ok(()) => {}
                // The commands of the batch come again; what was carried out of them the CRM knows.
                Err(LogError::Retry(what) | LogError::Rebuild(what)) => {
                    opened = None;
                    self.begun = clock::now();
                    let wait = self.backoff.fail_ms(chance());
                    warn!(what, "the log doesn't answer: it is opened anew");
                    self.status.waits_for(&what);
                    self.meters.applying(false);
                    if self.nap(wait).is_err() {
                        return Ok(());
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Says what the CRM lacks, until it lacks nothing, or doesn't show it.
    fn wait_until_able(&mut self) -> Result<(), Stopped> {
        loop {
            let trouble = match self.crm.check() {
                Ok(Checked::Lacks(lacks)) if lacks.is_empty() => {
                    if self.denied.is_none() {
                        info!("the CRM has all that is needed");
                    }
                    break;
                }
                Ok(Checked::Lacks(lacks)) => {
                    // What was denied may be what is lacking: somebody mends it, and that is seen here.
                    self.denied = None;
                    Trouble::denied(lacks.join("; "))
                }
                Ok(Checked::Hidden(why)) => {
                    self.tell_hidden(&why);
                    break;
                }
                Err(trouble) => trouble,
            };
            self.wait(&trouble)?;
        }
        self.works();
        Ok(())
    }

    /// Once: it stays so for as long as nobody changes it.
    fn tell_hidden(&mut self, why: &str) {
        if !self.told_hidden {
            warn!("{why}");
            self.told_hidden = true;
        }
    }

    /// One batch, if there are commands.
    fn turn(&mut self, stream: &mut dyn Stream, intake: &mut Intake) -> Result<(), LogError> {
        if intake.len() < self.commands_together {
            let wait = if intake.is_empty() { POLL } else { Duration::ZERO };
            intake.add(stream.poll(self.commands_together, wait)?);
        }
        self.works();
        if intake.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let Taken { commands, letters, places } = intake.take(self.commands_together);
        let commands = self.leave_alone(commands);
        let mut batch = Batch::new(commands, self.limits, self.crm.most_together(), self.begun);
        if self.carry_out(&mut batch).is_err() {
            return Ok(());
        }
        let mut outputs: Vec<OutRecord> = batch.answers().map(|(command, answer)| sent(command, answer)).collect();
        outputs.extend(letters.iter().map(|(record, why)| letter(record, why, stream)));
        stream.commit(&outputs, &places)?;
        self.count(&batch, &letters);
        self.meters.committed(begun.elapsed());
        Ok(())
    }

    /// Dry runs, and other writers' commands, need no answer.
    fn leave_alone(&mut self, mut commands: Vec<Command>) -> Vec<Command> {
        commands.retain(|command| {
            let other = self.skips_other_roles && !self.roles.contains_key(&command.role);
            match (command.dry_run, other) {
                (true, _) => self.meters.skipped("dry_run"),
                (false, true) => self.meters.skipped("other_role"),
                (false, false) => return true,
            }
            false
        });
        commands
    }

    fn count(&mut self, batch: &Batch, letters: &[(Record, Unreadable)]) {
        for (_, answer) in batch.answers() {
            self.meters.result(answer);
        }
        for (record, Unreadable { code, detail }) in letters {
            let (partition, offset, code_text) = (record.partition, record.offset, code.text());
            error!(partition, offset, code = code_text, detail, "this is no command: a dead letter");
            self.meters.dead_letter(*code);
        }
        self.meters.oldest(Duration::ZERO);
    }

    /// Until every command has its answer.
    fn carry_out(&mut self, batch: &mut Batch) -> Result<(), Stopped> {
        while !batch.is_done() {
            let now = clock::now();
            self.meters.oldest(age(batch.oldest(), now));
            let due = batch.due(now);
            if due.is_empty() {
                let next = batch.next_due().unwrap_or(now);
                self.nap(next.0 - now.0)?;
                continue;
            }
            match self.round(batch, &due) {
                Ok(()) => self.works(),
                Err(trouble) => {
                    self.wait(&trouble)?;
                    if is_denied(&trouble) {
                        self.wait_until_able()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at the accounts of these commands and writes those that may go. Between look and write there is no wait
    /// but for the requests themselves: the nearer, the less a person changes in between.
    fn round(&mut self, batch: &mut Batch, due: &[usize]) -> Result<(), Trouble> {
        let known = self.answer_unknown_roles(batch, due);
        if known.is_empty() {
            return Ok(());
        }
        let looked = self.crm.look(&work(&self.roles, batch, &known));
        self.note(Step::Look, &looked);
        let seen = match looked {
            Err(Trouble::Refused { code, message }) => {
                warn!(%code, message, records = known.len(), "the CRM refuses to show these records together");
                let unseen: Vec<Option<Seen>> = known.iter().map(|_| None).collect();
                batch.refused_together(&known, Reply::Refused { code, message }, &unseen, clock::now(), chance());
                return Ok(());
            }
            looked => looked?,
        };
        if self.denied.is_none() {
            self.backoff.ease();
        }
        // What must wait for its place among the requests waits before it is judged.
        self.crm.client().pace();
        let now = clock::now();
        let judged = known.into_iter().zip(seen).filter(|(index, seen)| batch.judge(*index, seen.as_ref(), now));
        let (go, seen): (Vec<usize>, Vec<Option<Seen>>) = judged.unzip();
        if go.is_empty() { Ok(()) } else { self.write(batch, &go, &seen) }
    }

    fn write(&mut self, batch: &mut Batch, go: &[usize], seen: &[Option<Seen>]) -> Result<(), Trouble> {
        let written = self.crm.write(&work(&self.roles, batch, go));
        self.note(Step::Write, &written);
        let replies = match written {
            Err(Trouble::Refused { code, message }) => {
                warn!(%code, message, records = go.len(), "the CRM refuses to write these records together");
                batch.refused_together(go, Reply::Refused { code, message }, seen, clock::now(), chance());
                return Ok(());
            }
            Err(trouble) => {
                batch.unanswered(go, clock::now());
                return Err(trouble);
            }
            Ok(replies) => replies,
        };
        let now = clock::now();
        for ((index, reply), seen) in go.iter().zip(replies).zip(seen) {
            batch.replied(*index, reply, seen.as_ref(), now, chance());
        }
        batch.went_well(self.crm.most_together());
        Ok(())
    }

    /// Returns those whose role the CRM has fields for.
    fn answer_unknown_roles(&self, batch: &mut Batch, due: &[usize]) -> Vec<usize> {
        let mut known = Vec::with_capacity(due.len());
        for index in due {
            match self.roles.contains_key(&batch.command(*index).role) {
                true => known.push(*index),
                false => batch.answer(*index, Answer::unseen(ResultStatus::Rejected, codes::UNKNOWN_ROLE)),
            }
        }
        known
    }

    /// Counts the requests, and notes what is denied and what isn't any more.
    fn note<T>(&mut self, step: Step, answered: &Result<T, Trouble>) {
        self.meters.requests(self.crm.client().take_tally());
        match answered {
            Ok(_) if self.denied <= Some(step) => self.denied = None,
            Err(trouble) if is_denied(trouble) => self.denied = Some(step),
            _ => {}
        }
    }

    /// Something went well; but that looking and waiting go well shows nothing while a write is denied.
    fn works(&mut self) {
        if self.denied.is_some() {
            self.told.iter().for_each(|(told, _)| self.status.waits_for(told));
            return;
        }
        self.backoff.succeed();
        self.told = None;
        self.status.applies();
        self.meters.applying(true);
    }

    /// Tells what is wrong, in a line, and waits: as long as the CRM asks for, or longer each time.
    fn wait(&mut self, trouble: &Trouble) -> Result<(), Stopped> {
        let (why, after) = match trouble {
            Trouble::Wait { why, after, .. } => (*why, *after),
            Trouble::Refused { .. } => (Why::Denied, None),
        };
        self.meters.requests(self.crm.client().take_tally());
        self.meters.waits(why);
        self.meters.applying(false);
        let what = trouble.to_string();
        self.status.waits_for(&what);
        let is_new = self.told.as_ref().is_none_or(|(told, at)| *told != what || at.elapsed() >= TOLD_EVERY);
        if is_new {
            warn!(why = why.name(), what, "no command is applied now");
            self.told = Some((what, Instant::now()));
        }
        let asked = after.map_or(0, |after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
        let wait = self.backoff.fail_ms(chance()).max(asked);
        self.nap(wait)
    }

    fn nap(&self, millis: i64) -> Result<(), Stopped> {
        let until = Instant::now() + Duration::from_millis(millis.max(0).unsigned_abs());
        loop {
            if self.status.is_stopping() {
                return Err(Stopped);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(NAP));
        }
    }
}

fn work<'a>(roles: &'a BTreeMap<Text, RoleFields>, batch: &'a Batch, indices: &[usize]) -> Vec<Work<'a>> {
    let work = |index: &usize| {
        let command = batch.command(*index);
        Some(Work { command, fields: roles.get(&command.role)? })
    };
    indices.iter().filter_map(work).collect()
}

fn is_denied(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Wait { why: Why::Denied, .. })
}

fn age(since: Option<Millis>, now: Millis) -> Duration {
    let millis = since.map_or(0, |since| (now.0 - since.0).max(0));
    Duration::from_millis(millis.unsigned_abs())
}

/// Any number, for jitter: the standard library seeds each of these anew.
fn chance() -> u32 {
    (RandomState::new().build_hasher().finish() >> 32) as u32
}

/// Keyed by the account, as commands are.
fn sent(command: &Command, answer: &Answer) -> OutRecord {
    OutRecord {
        topic: Topic::Results,
        key: Some(command.account.as_bytes().to_vec()),
        value: Some(result::encode(command, answer, clock::now())),
        headers: Vec::new(),
    }
}

fn letter(record: &Record, why: &Unreadable, stream: &dyn Stream) -> OutRecord {
    let Unreadable { code, detail } = why;
    let letter = dead_letter::record(record, stream.commands(), *code, detail, Stage::Write, TASK);
    match stream.has_lines() {
        true => OutRecord { value: Some(dead_letter::envelope(&letter)), key: None, headers: Vec::new(), ..letter },
        false => letter,
    }
}
