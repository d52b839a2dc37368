//! The naive twin: the engine's rules once more, written from `docs/rules.md` for obviousness alone.
//!
//! Every decision scans all accounts and all reps; scores, sizes, deadlines and timers are computed from
//! the plain facts each time. State is only what the rules call state. Read it with the page of rules beside it:
//! a file a section.

mod accounts;
mod approval;
mod control;
mod departures;
mod evidence;
mod losses;
mod matching;
mod observed;
mod pending;
mod policy;
mod reps;
mod requests;
mod restored;
mod score;
mod seats;
mod shadow;
mod signals;
mod sources;
mod state_rows;
mod undo;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bookd::domain::account::Value;
use bookd::domain::ids::{Id128, command_id};
use bookd::domain::input::{Frontier, Gate};
use bookd::domain::opportunity::OpportunityRecord;
use bookd::domain::output::{AlertKind, BreakerScope, Entered, SeatStatus, Stamps, Why};
use bookd::domain::policy::{MAX_FORGOTTEN, at_once};
use bookd::domain::rep::RepStatus;
use bookd::domain::request::ReturnReason;
use bookd::domain::signal::{Activity, Class, Signal};
use bookd::domain::{Alert, Body, Code, Decision, DecisionKind, Disposition, Input, Millis, Output, Policy};
use bookd::domain::{Position, Restored, Secs, Text};
use bookd::engine::view::View;

/// Numbers, in the order in which accounts and reps became known.
type AccountNo = usize;
type RepNo = usize;

#[derive(Clone)]
pub struct Twin {
    journal: Id128,
    shard: u16,
    now: Secs,
    /// The instant of the entry before.
    before: Secs,
    /// The entry opens the gate.
    opens: bool,
    sequence: u64,
    policy: Option<Rc<Policy>>,
    gate_open: bool,
    opened: Option<Secs>,
    /// Deleted ones keep their place and their number.
    accounts: Vec<Account>,
    reps: Vec<Rep>,
    opportunities: BTreeMap<Text, Opportunity>,
    /// Event ids and when they came, oldest first.
    remembered: Vec<(u64, Secs)>,
    /// What names an account that nobody created yet, in the order of arrival.
    kept: Vec<Kept>,
    /// What the emitted commands said, by account and role, until the seat is settled.
    restored: BTreeMap<(Text, Text), Restored>,
    sources: BTreeMap<Text, Source>,
    partitions: u32,
    ends_passed: BTreeMap<u32, Secs>,
    /// Who is departing, and the instants of all departures ever.
    departing: BTreeSet<RepNo>,
    departures: Vec<Secs>,
    losses: Vec<Loss>,
    /// What can be undone, and of what no longer can the latest's entry and instant.
    decided: Vec<undo::Decided>,
    decided_before: Option<(u64, Secs)>,
    returns: Vec<(RepNo, ReturnReason, Secs)>,
    tripped: BTreeSet<BreakerScope>,
    losses_left: bool,
    timers_left: bool,
    /// In the entry that is applied.
    at_once: usize,
    /// The last `proceed` of each scope.
    proceeds: BTreeMap<BreakerScope, Secs>,
    roles: Vec<RoleState>,
    /// Commands in any hour, and who said so.
    rate: Option<(u32, Text)>,
    /// When each command left, and whether it was a loss.
    issued: Vec<(Secs, bool)>,
    /// What this entry made so far.
    out: Vec<Output>,
    ordinal: u32,
    touched: BTreeSet<AccountNo>,
    /// Rows of this account and all that are numbered behind it are to be looked at.
    to_show: Option<AccountNo>,
}

#[derive(Clone)]
struct Account {
    id: Text,
    alive: bool,
    domains: Vec<Text>,
    fields: BTreeMap<Text, Value>,
    given_fit: Option<u32>,
    sums: [u64; 4],
    /// Of kinds with `max_per_day`: the signals that count.
    daily: Vec<Daily>,
    snapshots: BTreeMap<SnapshotKey, Snapshot>,
    /// The last eight signals that counted, oldest first.
    counted: Vec<Counted>,
    segments: u64,
    fit: u32,
    any_touch: Option<Secs>,
    hold: Secs,
    meeting: Option<Secs>,
    seats: Vec<Seat>,
    /// What the last account-state row said.
    last_row: Option<state_rows::Said>,
}

#[derive(Clone)]
struct Daily {
    class: Class,
    kind: Text,
    day: u32,
    points_milli: u32,
    contributed: u64,
}

/// Source, class, kind, subject.
type SnapshotKey = (Text, Class, Text, Option<Text>);

#[derive(Clone)]
struct Snapshot {
    at: Secs,
    contributed: u64,
}

#[derive(Clone)]
struct Counted {
    class: Class,
    kind: Text,
    subject: Option<Text>,
    at: Secs,
    points_milli: u32,
    position: Option<Position>,
}

#[derive(Clone)]
struct Seat {
    status: SeatStatus,
    owner: Option<RepNo>,
    crm_owner: Option<RepNo>,
    /// Its CRM owner at the first opening was nobody known.
    orphan: bool,
    sequence: u32,
    since: Secs,
    until: Secs,
    hold: Secs,
    /// The latest of the CRM's versions that said who owns it.
    version: Option<u64>,
    past: Vec<(RepNo, Secs)>,
    /// Passed over for cool-offs alone: when the first of them ends.
    wake: Option<Secs>,
    tenure: Option<Tenure>,
    /// The last one, where commands are confirmed.
    command: Option<pending::Command>,
}

#[derive(Clone)]
struct Tenure {
    since: Secs,
    grace: Secs,
    /// The segment's name; `None`: the book alone.
    segment: Option<Text>,
    promised: Option<Secs>,
    warned_at: Option<Secs>,
    /// The promise fell due, and nothing else fires.
    waits: bool,
    entered: Entered,
    touches: Vec<Secs>,
    days: Vec<Secs>,
    contacts: Vec<(Secs, u32)>,
    replies: Vec<Secs>,
}

#[derive(Clone)]
struct Rep {
    id: Text,
    status: RepStatus,
    role: Option<usize>,
    /// By name; it may not be in the policy.
    book: Option<Text>,
    capacity: Option<u32>,
    weight: Option<u32>,
    manager: Option<Text>,
    team: Option<Text>,
    aliases: Vec<u64>,
    /// By tier: count of the last turn (0: never), turns since.
    turns: [(u32, u32); 4],
    acts: Vec<Secs>,
    /// Commands to them that were refused in a row.
    refused: u8,
}

#[derive(Clone)]
struct Opportunity {
    account: AccountNo,
    open: bool,
}

#[derive(Clone)]
struct Kept {
    arrived: Secs,
    position: Option<Position>,
    what: KeptWhat,
}

#[derive(Clone)]
enum KeptWhat {
    Signal(Signal, Secs),
    Activity(Activity, Secs),
    /// With whether it is open.
    Opportunity(OpportunityRecord, bool),
}

#[derive(Clone, Default)]
struct Source {
    latest: Option<Secs>,
    complete: Option<Secs>,
    silent: bool,
}

#[derive(Clone)]
struct Loss {
    at: Secs,
    rep: RepNo,
    role: usize,
    book: Text,
    /// Whether the breaker counts it for the rep's book, and for the role.
    counts_in_book: bool,
    counts_in_role: bool,
}

#[derive(Clone, Default)]
struct RoleState {
    /// For the step thresholds, and for the step fill.
    marked: BTreeSet<AccountNo>,
    marked_for_fill: BTreeSet<AccountNo>,
    /// Every rule that makes a segment dirty makes all of the role's dirty, so one word is enough.
    dirty: bool,
    pass: Option<Phase>,
    aside: BTreeSet<AccountNo>,
    /// Turns dealt so far.
    turns: u32,
    /// Matching stopped at its bound.
    unfinished: bool,
    /// When a command was answered last.
    answered: Secs,
    stalled: bool,
    /// By whom, and since when.
    paused: Option<(Text, Secs)>,
    shadow: bool,
    /// Losses that wait for an approval: the wave's number, and since when; and the last approval.
    wave: Option<(u64, Secs)>,
    approved: Secs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Thresholds,
    Fill,
}

/// §0.
impl Twin {
    pub fn new(journal: Id128, shard: u16) -> Twin {
        Twin {
            journal,
            shard,
            now: Secs::ZERO,
            before: Secs::ZERO,
            opens: false,
            sequence: 0,
            policy: None,
            gate_open: false,
            opened: None,
            accounts: Vec::new(),
            reps: Vec::new(),
            opportunities: BTreeMap::new(),
            remembered: Vec::new(),
            kept: Vec::new(),
            restored: BTreeMap::new(),
            sources: BTreeMap::new(),
            partitions: 0,
            ends_passed: BTreeMap::new(),
            departing: BTreeSet::new(),
            departures: Vec::new(),
            losses: Vec::new(),
            decided: Vec::new(),
            decided_before: None,
            returns: Vec::new(),
            tripped: BTreeSet::new(),
            losses_left: false,
            timers_left: false,
            at_once: 0,
            proceeds: BTreeMap::new(),
            roles: Vec::new(),
            rate: None,
            issued: Vec::new(),
            out: Vec::new(),
            ordinal: 0,
            touched: BTreeSet::new(),
            to_show: None,
        }
    }

    pub fn apply(&mut self, now: Millis, inputs: &[Input], out: &mut Vec<Output>) {
        self.sequence += 1;
        self.before = self.now;
        self.opens = false;
        self.now = self.now.max(now.secs());
        self.ordinal = 0;
        self.touched.clear();
        self.at_once = at_once(inputs.len());
        self.forget_what_is_old(MAX_FORGOTTEN.max(2 * inputs.len()));
        for (index, input) in inputs.iter().enumerate() {
            if let Err(code) = self.input(input) {
                self.out.push(Output::DeadLetter { input: index as u32, code });
            }
        }
        if self.gate_open {
            self.look_at_sources();
            self.commands_by_the_clock();
            self.fire_timers();
        }
        self.look_at_writers();
        self.fulfil_wishes();
        if self.gate_open {
            self.departures();
            self.lapses();
            self.losses();
            self.matching();
        }
        if self.opened.is_some() {
            self.state_rows();
        }
        out.append(&mut self.out);
    }

    /// Step 1, and the sums' shift at a landmark.
    fn forget_what_is_old(&mut self, most: usize) {
        self.forget_decided(most);
        let Some(policy) = self.policy.clone() else { return };
        let now = self.now;
        self.kept.retain(|kept| kept.arrived.plus(policy.windows.unknown_s) > now);
        let is_old = |(_, arrived): &&(u64, Secs)| arrived.plus(policy.windows.dedup_s) <= now;
        let old = self.remembered.iter().take_while(is_old).count();
        self.remembered.drain(..old.min(most));
        self.shift_sums();
    }

    /// Step 2. An error turns the input away.
    fn input(&mut self, input: &Input) -> Result<(), Code> {
        let needs_policy =
            !matches!(input.body, Body::Policy(_) | Body::Gate(_) | Body::Frontier(_) | Body::Restored(_));
        if needs_policy && self.policy.is_none() {
            return Err(Code::NoPolicy);
        }
        match &input.body {
            Body::Policy(policy) => self.take_policy(policy),
            Body::Gate(Gate::Open) => self.open_gate(),
            Body::Gate(Gate::Closed) => self.gate_open = false,
            Body::Frontier(frontier) => self.frontier(frontier),
            Body::Rep(record) => self.rep_record(record)?,
            Body::Account(record) => self.account_record(record)?,
            Body::Opportunity(record) => self.opportunity_record(record)?,
            Body::Result(record) => self.result(record)?,
            Body::Activity(activity) => self.activity(activity, input.position)?,
            Body::Request(request) => self.request(request)?,
            Body::Signal(signal) => self.signal(signal, input.position)?,
            Body::Restored(row) => self.keep_restored(row),
        }
        Ok(())
    }

    fn frontier(&mut self, frontier: &Frontier) {
        match frontier {
            Frontier::Partitions { count } => self.partitions = *count,
            Frontier::EndPassed { partition, at } => {
                let passed = self.ends_passed.entry(*partition).or_default();
                *passed = (*passed).max(at.secs());
            }
            Frontier::Complete { source, until } => {
                if let Some(source) = self.sources.get_mut(source) {
                    source.complete = source.complete.max(Some(until.secs()));
                }
            }
        }
    }

    /// Whether timers, losses, matching or rows stopped at a bound.
    pub fn wants_next(&self) -> bool {
        let unfinished = |role: usize| self.roles[role].unfinished && self.decides(role);
        let decides = self.losses_left || self.timers_left || (0..self.roles.len()).any(unfinished);
        self.to_show.is_some() || self.gate_open && decides
    }

    pub fn view(&self) -> View {
        view::of(self)
    }

    /// The policy in force. Nothing that needs one gets here without.
    fn policy(&self) -> Rc<Policy> {
        self.policy.clone().expect("a policy is in force")
    }

    fn living(&self) -> Vec<AccountNo> {
        (0..self.accounts.len()).filter(|account| self.accounts[*account].alive).collect()
    }

    fn alert(&mut self, kind: AlertKind) {
        self.out.push(Output::Alert(Box::new(Alert { at: self.now, kind })));
    }

    /// A decision about the seat as it is, before it moves.
    fn decide(&mut self, account: AccountNo, role: usize, kind: DecisionKind, to: Option<RepNo>, why: Why) {
        let stamps = self.stamps_of(account, role, &why);
        self.decide_with(account, role, kind, to, stamps, why);
    }

    /// Of the stay that begins, or else of the one that ends.
    fn stamps_of(&self, account: AccountNo, role: usize, why: &Why) -> Stamps {
        let tenure = self.accounts[account].seats[role].tenure.as_ref();
        match (why, tenure) {
            (Why::Placed(placement), _) if placement.filled_idle => {
                Stamps { entered: Some((self.now, Entered::FilledIdle)), warned_at: None }
            }
            (Why::Placed(_), _) => Stamps { entered: Some((self.now, Entered::Placed)), warned_at: None },
            (_, Some(tenure)) => Stamps { entered: Some((tenure.since, tenure.entered)), warned_at: tenure.warned_at },
            (_, None) => Stamps { entered: None, warned_at: None },
        }
    }

    fn decide_with(
        &mut self,
        account: AccountNo,
        role: usize,
        kind: DecisionKind,
        to: Option<RepNo>,
        stamps: Stamps,
        why: Why,
    ) {
        self.note_decided(account, role, kind);
        let policy = self.policy();
        let seat = &self.accounts[account].seats[role];
        let (sequence, from) = (seat.sequence + 1, seat.owner);
        let (disposition, sequence) = match self.roles[role].shadow {
            true => (Disposition::Shadow, seat.sequence),
            false => (Disposition::Command, sequence),
        };
        let decision = Decision {
            command_id: self.next_id(),
            kind,
            disposition,
            account: self.accounts[account].id.clone(),
            role: policy.roles[role].name.clone(),
            sequence,
            from: from.map(|rep| self.reps[rep].id.clone()),
            to: to.map(|rep| self.reps[rep].id.clone()),
            issued_at: self.now,
            not_after: self.now.plus(policy.roles[role].not_after_s),
            policy_version: policy.version,
            priority: self.priority(account),
            fit: self.accounts[account].fit,
            timing: self.timing_millionths(account),
            top_signals: self.top_signals(account),
            stamps,
            why,
        };
        self.touched.insert(account);
        self.decided(account, role, to, decision);
    }

    fn next_id(&self) -> Id128 {
        command_id(self.journal, self.shard, self.sequence, self.ordinal)
    }
}
