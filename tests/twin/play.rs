//! Plays a history: turns each step into an entry, against the state as the twin has it.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change};
use bookd::domain::ids::Actor;
use bookd::domain::input::{Frontier, Gate, order_batch};
use bookd::domain::opportunity::{OpportunityOp, OpportunityRecord};
use bookd::domain::output::SeatStatus;
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use bookd::domain::request::{Request, UndoAsked};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::{Body, Candidate, Input, Millis, Position, Restored, Secs, Text, Topic};
use bookd::engine::view::{AccountView, CommandView, SeatView, UndoView, View};

use crate::generate::history::{
    AccountWhat, ActivityWhat, Advance, Beginning, Name, OWNED_ROLE, Op, OpportunityWhat, RepWhat, Repeats,
    RequestWhat, SignalWhat, Step, UndoWhat, When, Who,
};
use crate::generate::policy::{BOOKS, KINDS, PolicySpec, ROLES, SOURCES, field};
use crate::generate::{START_S, nth, span};

mod answers;

use answers::{echo, result, unanswered};

/// An entry, ready for engine and twin.
pub struct Entry {
    pub now: Millis,
    pub inputs: Vec<Input>,
}

/// What the outside world knows besides the state.
pub struct Player {
    now: Secs,
    offset: u64,
    /// Event ids used so far.
    ids: Vec<u64>,
    version: u32,
    roles: usize,
}

impl Player {
    pub fn new() -> Player {
        Player { now: Secs(START_S), offset: 0, ids: Vec::new(), version: 0, roles: 1 }
    }

    /// Before the gate opens for the first time, and the opening.
    pub fn beginning(&mut self, policy: &PolicySpec, beginning: &Beginning, state: &View) -> Vec<Entry> {
        let early = self.entry(&beginning.early, state);
        let mut first = vec![Op::Policy { spec: Box::new(policy.clone()), rises: true }, Op::Partitions(0)];
        let reps = beginning.reps.iter().zip(0..).map(|(what, who)| Op::Rep { who, what: what.clone() });
        let accounts = beginning.accounts.iter().zip(0..).map(|(what, who)| Op::Account { who, what: what.clone() });
        first.extend(reps.chain(accounts));
        first.extend((0..beginning.crowd).map(|more| Op::Account { who: 12 + more, what: one_of_a_crowd() }));
        let first = self.entry(&first, state);
        self.now = self.now.plus(60);
        let second = self.entry(&beginning.before_opening, state);
        let third = self.entry(&[Op::Gate(true)], state);
        vec![early, first, second, third]
    }

    pub fn step(&mut self, step: &Step, state: &View, next_deadline: Option<Millis>) -> Entry {
        let mut at = match step.time {
            Advance::Seconds(seconds) => self.now.plus(seconds.into()),
            Advance::Span(index) => self.now.plus(span(index)),
            Advance::Deadline(off) => {
                let due = next_deadline.map_or(self.now.plus(3_600), Millis::secs);
                Secs(due.0.saturating_add_signed(off.into()))
            }
            Advance::Back(index) => self.now.minus(span(index)),
        };
        self.now = self.now.max(at);
        std::mem::swap(&mut self.now, &mut at);
        let before = self.now;
        self.now = at;
        let mut ops = step.ops.clone();
        if step.caught_up {
            ops.extend((0..3).map(|partition| Op::EndPassed { partition, ago: 0 }));
            ops.extend((0..3).map(|source| Op::Activity(heard_of(source))));
        }
        let mut entry = self.entry(&ops, state);
        if matches!(step.time, Advance::Back(_)) {
            entry.now = before.millis();
        }
        entry
    }

    fn entry(&mut self, ops: &[Op], state: &View) -> Entry {
        let mut inputs = Vec::new();
        for op in ops {
            match op {
                Op::AllApplied => inputs.extend(unanswered(state).into_iter().map(|command| self.applied(command))),
                op => inputs.push(self.input(op, state)),
            }
        }
        order_batch(&mut inputs);
        Entry { now: self.now.millis(), inputs }
    }

    fn input(&mut self, op: &Op, state: &View) -> Input {
        let (topic, body) = match op {
            Op::Rep { who, what } => (Some(Topic::Reps), Body::Rep(rep_record(*who, what, self.roles, state))),
            Op::Account { who, what } => (Some(Topic::Accounts), Body::Account(account_record(*who, what))),
            Op::Opportunity { id, what } => {
                (Some(Topic::Opportunities), Body::Opportunity(opportunity_record(*id, what, state)))
            }
            Op::Activity(what) => (Some(Topic::Activity), Body::Activity(self.activity(what, state))),
            Op::Signal(what) => (Some(Topic::Intent), Body::Signal(self.signal(what, state))),
            Op::Request(what) => (Some(Topic::Requests), Body::Request(self.request(what, state))),
            Op::Gate(open) => (None, Body::Gate(if *open { Gate::Open } else { Gate::Closed })),
            Op::Partitions(count) => (None, Body::Frontier(Frontier::Partitions { count: u32::from(*count) + 1 })),
            Op::EndPassed { partition, ago } => {
                let at = self.now.minus(span(*ago)).millis();
                (None, Body::Frontier(Frontier::EndPassed { partition: u32::from(*partition), at }))
            }
            Op::Complete { source, ago } => {
                let until = self.now.minus(span(*ago)).millis();
                (None, Body::Frontier(Frontier::Complete { source: source_name(*source), until }))
            }
            Op::Policy { spec, rises } => {
                self.version += u32::from(*rises);
                let policy = spec.build(self.version, self.roles);
                self.roles = policy.roles.len();
                (None, Body::Policy(Box::new(policy)))
            }
            Op::Result(what) => (Some(Topic::Results), Body::Result(result(what, state))),
            Op::Echo(what) => (Some(Topic::Accounts), Body::Account(echo(what, state))),
            Op::AllApplied => unreachable!("a result for each command"),
            Op::Restored { account, role, status, owner, sequence } => {
                let restored = Restored {
                    account: account_name(*account),
                    role: role_name(*role),
                    status: *status,
                    owner: owner.map(rep_name),
                    sequence: (*sequence).into(),
                };
                (None, Body::Restored(restored))
            }
        };
        self.positioned(topic, body)
    }

    fn positioned(&mut self, topic: Option<Topic>, body: Body) -> Input {
        self.offset += 1;
        let position = topic.map(|topic| Position { topic, partition: 0, offset: self.offset });
        Input { position, body }
    }

    fn applied(&mut self, command: &CommandView) -> Input {
        let record = ResultRecord {
            command_id: command.command,
            status: ResultStatus::Applied,
            observed_owner: Change::Keep,
            error_code: None,
            crm_version: None,
            at: Millis(0),
        };
        self.positioned(Some(Topic::Results), Body::Result(record))
    }

    fn when(&self, when: &When) -> Millis {
        match when {
            When::Ago(index) => self.now.minus(span(*index)).millis(),
            When::Ahead(index) => self.now.plus(span(*index)).millis(),
        }
    }

    fn undo(&self, what: &UndoWhat, state: &View) -> Option<UndoAsked> {
        let entry = |pick| decided(pick, state).map_or(1, |row| row.entry);
        let mut asked = UndoAsked::default();
        match what {
            UndoWhat::Nothing => return None,
            UndoWhat::Command(pick) => {
                let commands: Vec<_> = state.undo.iter().rev().filter_map(|row| row.command).collect();
                asked.command = Some(nth(&commands, *pick).copied().unwrap_or_default());
            }
            UndoWhat::Entry(pick) => asked.entry = Some(entry(*pick)),
            UndoWhat::Of(kind, pick) => {
                let of_kind = state.undo.iter().rev().filter(|row| row.kind == *kind);
                let entries: Vec<_> = of_kind.map(|row| row.entry).collect();
                asked.entry = Some(nth(&entries, *pick).copied().unwrap_or(1));
            }
            UndoWhat::Decision(pick) => {
                asked.since = Some(decided(*pick, state).map_or(self.now, |row| row.at).millis());
            }
            UndoWhat::Since(ago) => asked.since = Some(self.now.minus(span(*ago)).millis()),
            UndoWhat::Both => (asked.command, asked.entry) = (Some(Default::default()), Some(entry(0))),
        }
        Some(asked)
    }

    fn dedup(&mut self, repeats: Repeats) -> u64 {
        let used = self.ids.len();
        match repeats {
            Some(back) if used > 0 => self.ids[used - 1 - usize::from(back) % used],
            _ => {
                self.ids.push(used as u64);
                used as u64
            }
        }
    }

    fn activity(&mut self, what: &ActivityWhat, state: &View) -> Activity {
        Activity {
            kind: kind_name(what.kind).1,
            account: candidates(&what.account, state).into(),
            source: source_name(what.source),
            actor: actor(&what.actor, &what.account, state),
            contact: what.contact.into(),
            direction: what.direction,
            at: self.when(&what.at),
            dedup: self.dedup(what.repeats),
            meeting_at: what.meeting.as_ref().map(|when| self.when(when)),
        }
    }

    fn signal(&mut self, what: &SignalWhat, state: &View) -> Signal {
        let (class, kind) = kind_name(what.kind);
        Signal {
            class,
            kind,
            account: candidates(&what.account, state).into(),
            source: source_name(what.source),
            subject: what.subject.map(|subject| format!("subject{subject}").into()),
            strength: what.strength.map(|pick| [0, 1, 25_000, 50_000, 100_000, 200_000][usize::from(pick)]),
            mode: if what.snapshot { Mode::Snapshot } else { Mode::Delta },
            at: self.when(&what.at),
            dedup: self.dedup(what.repeats),
            due: None,
        }
    }

    fn request(&mut self, what: &RequestWhat, state: &View) -> Request {
        Request {
            op: what.op,
            account: candidates(&what.account, state).into(),
            role: what.role.map(|pick| match pick {
                _ if what.wave == Some(true) => waiting_wave(state).0,
                OWNED_ROLE => owned_role(&what.account, state),
                pick => role_name(pick),
            }),
            rep: what.rep.as_ref().map(|who| user(who, &what.account, state)),
            reason: what.reason,
            until: what.until.as_ref().map(|when| self.when(when)),
            per_hour: what.per_hour.map(u32::from),
            undo: self.undo(&what.undo, state).map(Box::new),
            wave: what.wave.map(|waits| if waits { waiting_wave(state).1 } else { 1 }),
            by: user(&what.by, &what.account, state),
            at: self.when(&what.at),
            dedup: self.dedup(what.repeats),
        }
    }
}

/// The n-th, counted from the latest.
fn decided(pick: u8, state: &View) -> Option<&UndoView> {
    let latest_first: Vec<_> = state.undo.iter().rev().collect();
    nth(&latest_first, pick).copied()
}

/// The first wave that waits for an approval, with its role.
fn waiting_wave(state: &View) -> (Text, u64) {
    let mut waves = state.waves.iter().filter_map(|view| Some((view.role.clone(), view.wave?.0)));
    waves.next().unwrap_or((role_name(0), 1))
}

fn one_of_a_crowd() -> AccountWhat {
    AccountWhat::Change {
        domains: None,
        fit: Some(Some(5)),
        fields: vec![(0, 1), (1, 0)],
        owners: Vec::new(),
        replace: false,
    }
}

/// A word from a source that is about no account at all.
fn heard_of(source: u8) -> ActivityWhat {
    ActivityWhat {
        kind: 7,
        account: Name::Nothing,
        source,
        actor: Who::Nobody,
        contact: 0,
        direction: Direction::Inbound,
        at: When::Ago(0),
        repeats: None,
        meeting: None,
    }
}

fn rep_name(who: u8) -> Text {
    match who {
        0..6 => format!("r{who}").into(),
        6 => "house".into(),
        _ => "stranger".into(),
    }
}

fn role_name(pick: u8) -> Text {
    ROLES.get(usize::from(pick)).copied().unwrap_or("nowhere").into()
}

fn book_name(pick: u8) -> Text {
    BOOKS.get(usize::from(pick)).copied().unwrap_or("nowhere").into()
}

fn source_name(pick: u8) -> Text {
    SOURCES.get(usize::from(pick)).copied().unwrap_or("unlisted").into()
}

fn kind_name(pick: u8) -> (Class, Text) {
    let (class, name) = KINDS.get(usize::from(pick)).copied().unwrap_or((Class::Intent, "unheard"));
    (class, name.into())
}

fn changed<T>(change: &Option<Option<u8>>, value: impl Fn(u8) -> T) -> Change<T> {
    match change {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(pick)) => Change::Set(value(*pick)),
    }
}

fn rep_record(who: u8, what: &RepWhat, roles: usize, state: &View) -> RepRecord {
    let mut record = RepChange::default();
    match what {
        RepWhat::Delete => return RepRecord { id: rep_name(who), op: RepOp::Delete, at: None },
        RepWhat::Join(book) => {
            let book = if roles == 1 { book % 2 } else { *book };
            record.role = Change::Set(role_name(u8::from(book == 2)));
            record.book = Change::Set(book_name(book));
        }
        RepWhat::Status(status) => {
            let statuses = [RepStatus::Active, RepStatus::Inactive, RepStatus::Departed];
            record.status = changed(&Some(*status), |pick| statuses[usize::from(pick)]);
        }
        RepWhat::ComeBack(pick) => {
            record.status = Change::Set(RepStatus::Active);
            let departed: Vec<_> = state.reps.iter().filter(|rep| rep.status == RepStatus::Departed).collect();
            let id = nth(&departed, *pick).map_or_else(|| rep_name(who), |rep| rep.id.clone());
            return RepRecord { id, op: RepOp::Change(Box::new(record)), at: None };
        }
        RepWhat::LeaveTheOtherRole(pick) => {
            record.status = Change::Set(RepStatus::Departed);
            let owners = shared(*pick, state).map_or(Vec::new(), owners);
            let (id, beside) =
                if pick % 2 == 0 { (owners.first(), owners.last()) } else { (owners.last(), owners.first()) };
            record.manager = beside.cloned().map_or(Change::Keep, Change::Set);
            let id = id.cloned().unwrap_or_else(|| rep_name(who));
            return RepRecord { id, op: RepOp::Change(Box::new(record)), at: None };
        }
        RepWhat::Change { role, book, capacity, weight, manager, team, alias } => {
            record.role = changed(role, role_name);
            record.book = changed(book, book_name);
            record.capacity = changed(capacity, u32::from);
            record.weight = changed(weight, |pick| u32::from(pick) + 1);
            record.manager = changed(manager, rep_name);
            record.team = changed(team, |pick| format!("team{pick}").into());
            record.aliases = changed(alias, |pick| vec![u64::from(pick), u64::from(pick) + 1]);
        }
    }
    RepRecord { id: rep_name(who), op: RepOp::Change(Box::new(record)), at: None }
}

fn account_record(who: u8, what: &AccountWhat) -> AccountRecord {
    let op = match what {
        AccountWhat::Delete => AccountOp::Delete,
        AccountWhat::Change { domains, fit, fields, owners, replace } => {
            let named = domains.as_ref().map(|domains| domains.iter().map(|domain| domain_name(*domain)).collect());
            AccountOp::Change(Box::new(AccountChange {
                domains: named.map_or(Change::Keep, Change::Set),
                fit: changed(fit, |pick| u32::from(pick) * 200_000),
                owners: owners.iter().map(|(role, owner)| (role_name(*role), owner.map(rep_name))).collect(),
                fields: fields.iter().map(|(name, pick)| field(*name, *pick)).collect(),
                replace_fields: *replace,
                parent: Change::Keep,
                crm_version: None,
            }))
        }
    };
    AccountRecord { id: account_name(who), op, at: None }
}

fn opportunity_record(id: u8, what: &OpportunityWhat, state: &View) -> OpportunityRecord {
    let op = match what {
        OpportunityWhat::Delete => OpportunityOp::Delete,
        OpportunityWhat::Change { account, open } => {
            OpportunityOp::Change { account: candidates(account, state).into(), open: changed(open, |pick| pick == 1) }
        }
    };
    OpportunityRecord { id: format!("o{id}").into(), op, at: None }
}

fn account_name(who: u8) -> Text {
    format!("a{who}").into()
}

fn domain_name(pick: u8) -> Text {
    format!("d{pick}.com").into()
}

/// Account and owner of the n-th owned seat; of the n-th account if none is owned.
fn owned(pick: u8, state: &View) -> (Text, Option<Text>) {
    let seats = state.accounts.iter().flat_map(|row| row.seats.iter().map(move |seat| (&row.id, &seat.owner)));
    let seats: Vec<_> = seats.filter(|(_, owner)| owner.is_some()).collect();
    match nth(&seats, pick) {
        Some((account, owner)) => ((*account).clone(), (*owner).clone()),
        None => (account_name(pick % 12), None),
    }
}

fn owners(row: &AccountView) -> Vec<Text> {
    row.seats.iter().filter_map(|seat| seat.owner.clone()).collect()
}

/// The n-th account that is owned in two roles.
fn shared(pick: u8, state: &View) -> Option<&AccountView> {
    let shared: Vec<_> = state.accounts.iter().filter(|row| owners(row).len() > 1).collect();
    nth(&shared, pick).copied()
}

/// The role of the seat that is meant, the first where none is owned.
fn owned_role(name: &Name, state: &View) -> Text {
    if let Name::Shared(pick) = name
        && let Some(row) = shared(*pick, state)
    {
        let held = row.seats.iter().position(|seat| seat.status == SeatStatus::Holding);
        return role_name(held.unwrap_or(0) as u8);
    }
    let Name::Owned(pick) = name else { return role_name(state.now.0.is_multiple_of(2).into()) };
    let (account, owner) = owned(*pick, state);
    let seats = state.accounts.iter().find(|row| row.id == account).map(|row| &row.seats);
    let role = seats.and_then(|seats| seats.iter().position(|seat| seat.owner.is_some() && seat.owner == owner));
    role_name(role.unwrap_or(0) as u8)
}

fn candidates(name: &Name, state: &View) -> Vec<Candidate> {
    let id = |who: u8| Candidate::CrmId(account_name(who));
    let domain = |pick: u8| Candidate::Domain(domain_name(pick));
    match name {
        Name::Id(who) => vec![id(*who)],
        Name::Domain(pick) => vec![domain(*pick)],
        Name::Email(pick) => vec![Candidate::EmailDomain(domain_name(*pick))],
        Name::DomainOrId(pick, who) => vec![domain(*pick), id(*who)],
        Name::Owned(pick) => vec![Candidate::CrmId(owned(*pick, state).0)],
        Name::Shared(pick) => {
            vec![shared(*pick, state).map_or_else(|| id(*pick % 12), |row| Candidate::CrmId(row.id.clone()))]
        }
        Name::Out(pick) => {
            let is_out = |seat: &SeatView| matches!(seat.status, SeatStatus::Review | SeatStatus::Retired);
            let out: Vec<_> = state.accounts.iter().filter(|row| row.seats.iter().any(is_out)).collect();
            vec![nth(&out, *pick).map_or_else(|| id(*pick % 12), |row| Candidate::CrmId(row.id.clone()))]
        }
        Name::Vendor(pick) => vec![Candidate::VendorId { vendor: "v".into(), id: format!("{pick}").into() }],
        Name::Nothing => Vec::new(),
    }
}

fn owner_of(name: &Name, state: &View) -> Option<Text> {
    if let Name::Owned(pick) = name {
        return owned(*pick, state).1;
    }
    let named = candidates(name, state);
    let row = state.accounts.iter().find(|row| named.contains(&Candidate::CrmId(row.id.clone())))?;
    row.seats.iter().find_map(|seat| seat.owner.clone())
}

fn actor(who: &Who, account: &Name, state: &View) -> Option<Actor> {
    match who {
        Who::Nobody => None,
        Who::Rep(who) => Some(Actor::Rep(rep_name(*who))),
        Who::Alias(alias) => Some(Actor::Alias(u64::from(*alias))),
        Who::Owner => owner_of(account, state).map(Actor::Rep),
    }
}

fn user(who: &Who, account: &Name, state: &View) -> Text {
    match actor(who, account, state) {
        Some(Actor::Rep(id)) => id,
        _ => "ops".into(),
    }
}
