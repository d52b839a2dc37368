//! Every slot is dealt out, answered and echoed.

use bookd::config;
use bookd::domain::account::{AccountOp, AccountRecord, Change};
use bookd::domain::ids::Id128;
use bookd::domain::request::{Request, RequestOp, UndoAsked};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::{AlertKind, Body, Gate, Input, Millis, Output, Text};
use bookd::engine::Engine;
use bookd::feed::Decoder;

use crate::Findings;
use crate::measure::{Cpu, resident};
use crate::workload::{START, Shape, Workload, policy};

/// Inputs of an entry.
const BATCH: usize = 512;
/// Commands that may be out at once, as many as a policy allows.
const MOST_OUT: u32 = 100_000;
/// Events that are measured, of accounts as they come: some minutes', in which nobody must answer.
const EVENTS: usize = 20_000;
const UNDONE_ENTRIES: usize = 50;

struct Issued {
    command: Id128,
    /// The journal entry that decided it.
    entry: u64,
    account: Text,
    owner: Option<Text>,
}

struct Subject {
    engine: Engine,
    now: Millis,
    issued: Vec<Issued>,
    /// Seats that undos put back.
    undone: u32,
    outputs: Vec<Output>,
}

pub fn measure(shape: Shape, confirm: &str) -> Findings {
    let mut workload = Workload::new(shape);
    let text = policy::text(&shape, 1);
    let most = if confirm == "assume" { String::new() } else { format!("max_unresolved = {MOST_OUT}\n") };
    let role = "[[policy.roles]]\nname = \"sdr\"\n";
    assert!(text.contains(role), "the workload's policy has another role");
    let text = text.replace(role, &format!("{role}confirm = \"{confirm}\"\n{most}"));
    let config = config::parse("crm.toml", &text, &[]).unwrap_or_else(|report| panic!("{report:?}"));
    let decoder = Decoder::new(config.feeds);
    let mut subject = Subject::new(config.policy);
    subject.load(&workload, &decoder);

    let (before, start) = (resident(), Cpu::now());
    subject.apply(vec![Body::Gate(Gate::Open)]);
    let mut found = Findings::new();
    let (mut answered, mut events_out) = (0, None);
    let (mut deciding, mut answering) = (0, 0);
    let mut lap = start;
    loop {
        subject.settle();
        deciding += lap.ns();
        // While the first of them are out.
        events_out.get_or_insert_with(|| subject.events(&mut workload, &decoder));
        if answered == subject.issued.len() {
            break;
        }
        let start = Cpu::now();
        answered = subject.answer(answered);
        answering += start.ns();
        lap = Cpu::now();
    }
    let commanded = subject.issued.len() as f64;
    found.insert("commanded".into(), commanded);
    found.insert("command".into(), deciding as f64 / commanded / 1e3);
    let names: usize = subject.issued.capacity() * size_of::<Issued>();
    let grown = resident().saturating_sub(before + names as u64);
    found.insert("bytes".into(), grown as f64 / commanded);
    found.insert("result".into(), answering as f64 / commanded);
    let start = Cpu::now();
    subject.echo();
    found.insert("echo".into(), start.ns() as f64 / commanded);
    found.insert("event.out".into(), events_out.unwrap_or_default());
    found.insert("undo".into(), subject.undo());
    subject.answer(answered);
    subject.echo();
    found.insert("event.settled".into(), subject.events(&mut workload, &decoder));
    found
}

impl Subject {
    fn new(policy: bookd::domain::Policy) -> Subject {
        let mut subject = Subject {
            engine: Engine::new(Id128(7), 0),
            now: Millis(START.0 - 1000),
            issued: Vec::new(),
            undone: 0,
            outputs: Vec::new(),
        };
        subject.apply(vec![Body::Policy(Box::new(policy))]);
        subject
    }

    /// Nobody owns anything: every slot is free.
    fn load(&mut self, workload: &Workload, decoder: &Decoder) {
        let decoded = |record| decoder.decode(&record).expect("a good record").expect("no tombstone").body;
        self.apply(workload.reps(policy::ROLES[0]).into_iter().map(decoded).collect());
        for from in (0..workload.shape.accounts).step_by(BATCH) {
            let to = (from + BATCH as u32).min(workload.shape.accounts);
            let accounts = (from..to).map(|number| without_owners(decoded(workload.account(number))));
            let accounts = accounts.collect();
            self.apply(accounts);
        }
    }

    fn apply(&mut self, bodies: Vec<Body>) {
        let inputs: Vec<Input> = bodies.into_iter().map(|body| Input { position: None, body }).collect();
        self.apply_inputs(&inputs);
    }

    fn apply_inputs(&mut self, inputs: &[Input]) {
        self.engine.apply(self.now, inputs, &mut self.outputs);
        for output in self.outputs.drain(..) {
            match output {
                Output::Decision(decision) => {
                    let (owner, account) = (decision.to.clone(), decision.account.clone());
                    let entry = self.engine.sequence();
                    self.issued.push(Issued { command: decision.command_id, entry, account, owner });
                }
                Output::Alert(alert) => {
                    if let AlertKind::UndoDone { undone, .. } = alert.kind {
                        self.undone += undone;
                    }
                }
                Output::DeadLetter { code, .. } => panic!("{code:?}"),
                _ => {}
            }
        }
    }

    /// All that can be decided now.
    fn settle(&mut self) {
        while self.engine.wants_next() {
            self.apply(Vec::new());
        }
    }

    /// Writers say that those after the first so many were carried out; how many are answered now.
    fn answer(&mut self, from: usize) -> usize {
        let end = self.issued.len();
        self.now = Millis(self.now.0.max(START.0) + 1000);
        for place in (from..end).step_by(BATCH) {
            let issued = &self.issued[place..end.min(place + BATCH)];
            let results = issued.iter().map(|issued| {
                Body::Result(ResultRecord {
                    command_id: issued.command,
                    status: ResultStatus::Applied,
                    observed_owner: issued.owner.clone().map_or(Change::Clear, Change::Set),
                    error_code: None,
                    crm_version: Some(1),
                    at: self.now,
                })
            });
            let results = results.collect();
            self.apply(results);
        }
        end
    }

    /// The CRM's own records of it.
    fn echo(&mut self) {
        for place in (0..self.issued.len()).step_by(BATCH) {
            let issued = &self.issued[place..self.issued.len().min(place + BATCH)];
            let record = |issued: &Issued| {
                let owners = vec![(policy::ROLES[0].into(), issued.owner.clone())];
                let change =
                    bookd::domain::account::AccountChange { owners, crm_version: Some(1), ..Default::default() };
                let op = AccountOp::Change(Box::new(change));
                Body::Account(AccountRecord { id: issued.account.clone(), op, at: None })
            };
            let records = issued.iter().map(record).collect();
            self.apply(records);
        }
    }

    /// µs of a command that is taken back, of the last whole entries that nothing happened to since.
    fn undo(&mut self) -> f64 {
        let mut entries: Vec<u64> = self.issued.iter().map(|issued| issued.entry).collect();
        entries.dedup();
        let (mut taken, before) = (0, self.undone);
        for entry in entries.into_iter().rev().take(UNDONE_ENTRIES) {
            let asked = UndoAsked { entry: Some(entry), ..UndoAsked::default() };
            let request = Body::Request(Request {
                undo: Some(Box::new(asked)),
                dedup: entry,
                ..Request::new(RequestOp::Undo, "revops".into(), self.now)
            });
            let start = Cpu::now();
            self.apply(vec![request]);
            taken += start.ns();
        }
        assert!(self.undone > before, "nothing was put back");
        taken as f64 / f64::from(self.undone - before) / 1e3
    }

    /// ns of applying an event.
    fn events(&mut self, workload: &mut Workload, decoder: &Decoder) -> f64 {
        let mut taken = 0;
        for _ in (0..EVENTS).step_by(BATCH) {
            let events = workload.events(BATCH);
            self.now = self.now.max(workload.now());
            let inputs: Vec<Input> =
                events.iter().filter_map(|event| decoder.decode(event).expect("a good record")).collect();
            let start = Cpu::now();
            self.apply_inputs(&inputs);
            taken += start.ns();
        }
        taken as f64 / EVENTS as f64
    }
}

fn without_owners(mut body: Body) -> Body {
    if let Body::Account(AccountRecord { op: AccountOp::Change(change), .. }) = &mut body {
        change.owners.clear();
    }
    body
}
