//! The day before going live: what the CRM's books would mean under a policy.
//!
//! The owners that the CRM names are adopted some time back, and the exported activity since then judges them, under
//! a virtual clock, by the engine itself. No command is issued: so nobody loses an account and none is handed out;
//! warnings and evidence go on as they would. What is left of each promise at the end says who keeps what.

use std::collections::BTreeMap;

use super::error::RunError;
use super::intake::Batch;
use super::positions::Positions;
use super::replay::{Export, MAX_INPUTS};
use crate::domain::ids::Id128;
use crate::domain::input::order_batch;
use crate::domain::output::{BreakerScope, Missing, SeatStatus};
use crate::domain::policy::{Confirm, RoleMode};
use crate::domain::rep::RepStatus;
use crate::domain::{Body, Code, Gate, Input, Millis, Output, Policy, Secs, Text, Topic};
use crate::engine::Engine;
use crate::engine::keeping::Keeps;
use crate::engine::state::{AccountId, Rep, RepId, Stage};
use crate::feed::Decoder;

/// How far the virtual clock moves at a time.
const TICK_MS: i64 = 60_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// As of when the books are judged, and from when on their owners' activity counted.
    pub at: Millis,
    pub since: Millis,
    pub policy_version: u32,
    pub roles: Vec<RoleReport>,
    /// Domains that several accounts name, each with those accounts.
    pub duplicates: Vec<(Text, Vec<Text>)>,
    /// Records that would be dead letters.
    pub refused: BTreeMap<(Topic, Code), u64>,
    /// Events about accounts that no record names.
    pub unknown_accounts: u64,
    /// So many left at once that their books would wait for somebody's `proceed`.
    pub too_many_left: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RoleReport {
    pub name: Text,
    pub pool: u32,
    /// Out of the role's circulation by its own rules.
    pub excluded: u32,
    /// By id; those without an account too.
    pub books: Vec<BookReport>,
    /// Owners who are no reps of this role: their accounts are left alone. How many, and whether they are reps of another.
    pub strangers: BTreeMap<Text, Stranger>,
    /// What reps have left behind: to the pool, or to somebody who holds it.
    pub left_behind: Vec<LeftBehind>,
    /// By target book: what its policy grants on the day that the role goes live.
    pub granted: Vec<Granted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookReport {
    pub rep: Text,
    /// The target book.
    pub book: Text,
    pub status: RepStatus,
    pub capacity: u32,
    pub accounts: Vec<AccountReport>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReport {
    pub id: Text,
    pub verdict: Verdict,
    pub missing: Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// By what, and until when; NEVER: as long as it lasts.
    Keeps(Keeps, Secs),
    /// It would be lost then, unless it is worked.
    Warned(Secs),
    /// It would have been lost then.
    Lost(Secs),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stranger {
    pub accounts: u32,
    pub other_role: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    pub rep: Text,
    pub to_pool: u32,
    /// By holder.
    pub held: BTreeMap<Text, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub book: Text,
    pub first_warning: Secs,
    pub first_loss: Secs,
}

impl BookReport {
    pub fn count(&self, of: impl Fn(Verdict) -> bool) -> u32 {
        self.accounts.iter().filter(|account| of(account.verdict)).count() as u32
    }

    pub fn over(&self) -> u32 {
        (self.accounts.len() as u32).saturating_sub(self.capacity)
    }
}

/// As far back as anything can matter: grace, and then the longest window.
pub fn look_back_s(policy: &Policy) -> u32 {
    policy.books.iter().map(|book| book.grace_s.saturating_add(book.evidence.window_s)).max().unwrap_or(0)
}

/// Judges the books of an export as of `at` by what was done after `since`, or after its first event.
pub fn study(
    mut export: Export,
    policy: &Policy,
    decoder: &Decoder,
    since: Millis,
    at: Millis,
) -> Result<Report, RunError> {
    let since = if export.has_events() { since.max(export.start) } else { since };
    let mut watch = Watch { engine: Engine::new(Id128(0), 0), refused: BTreeMap::new(), outputs: Vec::new() };
    watch.apply(export.begin.min(since), vec![Input::own(Body::Policy(Box::new(only_watching(policy))))]);
    let mut opened = false;
    while let Some(end) = watch.next_tick(&export, (!opened).then_some(since), at) {
        watch.take(&mut export, decoder, end)?;
        if !opened && since <= end {
            opened = true;
            watch.apply(end, vec![Input::own(Body::Gate(Gate::Open))]);
        }
    }
    watch.apply(at, Vec::new());
    Ok(watch.report(policy, since, at))
}

/// In a role that may not issue a single command nothing is lost or handed out.
fn only_watching(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for role in &mut policy.roles {
        (role.confirm, role.max_unresolved) = (Confirm::Results, 0);
        (role.mode, role.approve_above) = (RoleMode::Live, None);
    }
    policy
}

struct Watch {
    engine: Engine,
    refused: BTreeMap<(Topic, Code), u64>,
    outputs: Vec<Output>,
}

impl Watch {
    /// The end of the next tick in which something happens; `None` behind the last.
    fn next_tick(&self, export: &Export, opening: Option<Millis>, at: Millis) -> Option<Millis> {
        let now = self.engine.now();
        let timer = self.engine.next_deadline().map(|due| due.max(Millis(now.0 + 1)));
        let next = export.next().into_iter().chain(opening).chain(timer).min()?;
        let end = Millis((next.0.max(now.0) + TICK_MS - 1).div_euclid(TICK_MS) * TICK_MS);
        // What was done after the opening must find an owner.
        (next <= at).then(|| end.min(opening.unwrap_or(at)).min(at))
    }

    fn take(&mut self, export: &mut Export, decoder: &Decoder, end: Millis) -> Result<(), RunError> {
        loop {
            let mut batch = Batch::read(decoder, export.take(end, MAX_INPUTS)?, &Positions::default());
            for (record, rejection) in &batch.rejected {
                *self.refused.entry((batch.records[*record].topic, rejection.code)).or_default() += 1;
            }
            // What writers answered is about other commands.
            batch.inputs.retain(|input| !matches!(input.body, Body::Result(_)));
            self.apply(end, std::mem::take(&mut batch.inputs));
            if export.next().is_none_or(|next| next > end) {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, now: Millis, mut inputs: Vec<Input>) {
        order_batch(&mut inputs);
        self.engine.apply(now, &inputs, &mut self.outputs);
        for output in self.outputs.drain(..) {
            if let Output::DeadLetter { input, code } = output
                && let Some(position) = inputs[input as usize].position
            {
                *self.refused.entry((position.topic, code)).or_default() += 1;
            }
        }
        // Thousands are warned at once, as in a replay: before the next tick.
        while self.engine.wants_next() {
            self.engine.apply(now, &[], &mut self.outputs);
            self.outputs.clear();
        }
    }

    fn report(self, policy: &Policy, since: Millis, at: Millis) -> Report {
        let state = self.engine.state();
        let roles = policy.roles.iter().enumerate();
        Report {
            at,
            since,
            policy_version: policy.version,
            roles: roles.map(|(role, named)| self.role_report(policy, role, &named.name, at)).collect(),
            duplicates: self.duplicates(),
            unknown_accounts: state.unknown.len() as u64,
            too_many_left: state.tripped.contains(&BreakerScope::Departures),
            refused: self.refused,
        }
    }

    fn living(&self) -> impl Iterator<Item = AccountId> {
        let accounts = self.engine.state().accounts.iter().enumerate();
        accounts.filter(|(_, row)| row.alive).map(|(number, _)| AccountId(number as u32))
    }

    fn id(&self, account: AccountId) -> Text {
        self.engine.state().sides[account.index()].id.clone()
    }

    fn rep(&self, rep: RepId) -> Option<&Rep> {
        self.engine.state().reps.get(rep.index())
    }

    fn role_report(&self, policy: &Policy, role: usize, name: &Text, at: Millis) -> RoleReport {
        let seats = &self.engine.state().seats[role];
        let mut report = RoleReport {
            name: name.clone(),
            pool: 0,
            excluded: 0,
            books: self.books(policy, role),
            strangers: BTreeMap::new(),
            left_behind: self.left_behind(role),
            granted: granted(policy, role, at.secs()),
        };
        for account in self.living() {
            let seat = &seats[account.index()];
            match (seat.status, self.rep(seat.crm_owner)) {
                (SeatStatus::Excluded, Some(owner)) if seat.orphan => {
                    let stranger = report.strangers.entry(owner.id.clone()).or_default();
                    stranger.accounts += 1;
                    stranger.other_role = owner.known;
                }
                (SeatStatus::Owned | SeatStatus::Holding, _) => {}
                (SeatStatus::Pool | SeatStatus::Rest, _) => report.pool += 1,
                _ => report.excluded += 1,
            }
        }
        report
    }

    fn books(&self, policy: &Policy, role: usize) -> Vec<BookReport> {
        let state = self.engine.state();
        let reps = state.reps.iter().filter(|rep| rep.known && rep.role == Some(role as u8));
        let mut books: Vec<BookReport> = reps
            .filter_map(|rep| {
                let book = &policy.books[usize::from(rep.book?)];
                Some(BookReport {
                    rep: rep.id.clone(),
                    book: book.name.clone(),
                    status: rep.status,
                    capacity: rep.capacity_set.unwrap_or(book.capacity),
                    accounts: rep.accounts.iter().filter_map(|account| self.judged(role, *account)).collect(),
                })
            })
            .filter(|book| book.status != RepStatus::Departed || !book.accounts.is_empty())
            .collect();
        books.sort_by(|one, other| one.rep.cmp(&other.rep));
        books
    }

    fn judged(&self, role: usize, account: AccountId) -> Option<AccountReport> {
        let keeping = self.engine.keeping(role, account)?;
        let now = self.engine.now().secs();
        let verdict = match (keeping.promised, keeping.kept) {
            (Some(promised), _) if promised <= now => Verdict::Lost(promised),
            (Some(promised), _) => Verdict::Warned(promised),
            (None, Some((keeps, until))) => Verdict::Keeps(keeps, until),
            // Its timer fires in the next tick.
            (None, None) => Verdict::Lost(now),
        };
        Some(AccountReport { id: self.id(account), verdict, missing: keeping.missing })
    }

    /// Departures are decided and wait, like all that isn't issued.
    fn left_behind(&self, role: usize) -> Vec<LeftBehind> {
        let mut left: BTreeMap<Text, LeftBehind> = BTreeMap::new();
        for row in self.engine.state().commands[role].values().filter(|row| row.stage == Stage::Waiting) {
            let owner = self.rep(row.base).filter(|owner| owner.status == RepStatus::Departed);
            let (Some(wish), Some(owner)) = (&row.wish, owner) else { continue };
            let rep = owner.id.clone();
            let behind = LeftBehind { rep: rep.clone(), to_pool: 0, held: BTreeMap::new() };
            let behind = left.entry(rep).or_insert(behind);
            match self.rep(wish.to) {
                Some(holder) => *behind.held.entry(holder.id.clone()).or_default() += 1,
                None => behind.to_pool += 1,
            }
        }
        left.into_values().collect()
    }

    fn duplicates(&self) -> Vec<(Text, Vec<Text>)> {
        let mut named: BTreeMap<&Text, Vec<AccountId>> = BTreeMap::new();
        for account in self.living() {
            for domain in &self.engine.state().records[account.index()].domains {
                named.entry(domain).or_default().push(account);
            }
        }
        named.retain(|_, accounts| accounts.len() > 1);
        let ids = |accounts: Vec<AccountId>| accounts.into_iter().map(|account| self.id(account)).collect();
        named.into_iter().map(|(domain, accounts)| (domain.clone(), ids(accounts))).collect()
    }
}

/// Adopted owners start anew: with grace, and a warning before any loss.
fn granted(policy: &Policy, role: usize, at: Secs) -> Vec<Granted> {
    let books = policy.books.iter().filter(|book| usize::from(book.role) == role);
    let granted = books.map(|book| Granted {
        book: book.name.clone(),
        first_warning: at.plus(book.grace_s.saturating_sub(book.lead_s)),
        first_loss: at.plus(book.grace_s.max(book.lead_s)),
    });
    granted.collect()
}
