//! The writer's core against a CRM in memory that loses answers, carries out late what was given up, locks records, and
//! has people in it; the writer is killed at any step. No clock, no network: thousands of lives a second, from a seed.
#![cfg(feature = "writer")]

use std::collections::{BTreeMap, BTreeSet};

use bookd::domain::account::Change;
use bookd::domain::result::ResultStatus;
use bookd::domain::{Millis, Record, Text, Topic};
use bookd::writer::batch::{Batch, Limits, Reply};
use bookd::writer::command::Command;
use bookd::writer::intake::{Intake, Taken};
use bookd::writer::judge::{Answer, Seen};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::json;

const ACCOUNTS: u32 = 6;
const COMMANDS: usize = 60;
const SEEDS: u64 = 400;
const TOGETHER: usize = 4;
const PARTITIONS: u32 = 2;
const LIMITS: Limits = Limits { before_end_ms: 4_000, attempts: 2, versions: false, unsure_ms: 3_000 };

#[derive(Clone, Debug, Default)]
struct Account {
    owner: Option<Text>,
    sequence: u64,
    command: Option<Text>,
}

/// A command that landed.
#[derive(Clone, Debug)]
struct Move {
    command: Text,
    at: Millis,
}

/// Who owned an account from when on, by whomever.
#[derive(Debug)]
struct Owned {
    account: Text,
    from: Millis,
    owner: Option<Text>,
}

struct World {
    random: ChaCha8Rng,
    now: Millis,
    accounts: BTreeMap<Text, Account>,
    moves: Vec<Move>,
    /// In the order of time; before the first of an account nobody owned it.
    owned: Vec<Owned>,
    /// Given up by the writer, and still to be carried out: when, and what.
    under_way: Vec<(Millis, Command)>,
    people: u32,
    /// The topics.
    log: Vec<Record>,
    places: BTreeMap<u32, u64>,
    /// With the instants at which they were issued and answered.
    commands: BTreeMap<Text, (Millis, Command)>,
    results: BTreeMap<Text, (Millis, Answer)>,
}

/// The writer was killed.
struct Killed;

impl World {
    fn new(seed: u64) -> World {
        World {
            random: ChaCha8Rng::seed_from_u64(seed),
            now: Millis(1_777_903_200_000),
            accounts: (0..ACCOUNTS).map(|number| (format!("a{number}").into(), Account::default())).collect(),
            moves: Vec::new(),
            owned: Vec::new(),
            under_way: Vec::new(),
            people: 0,
            log: Vec::new(),
            places: BTreeMap::new(),
            commands: BTreeMap::new(),
            results: BTreeMap::new(),
        }
    }

    fn happens(&mut self, one_in: u32) -> bool {
        self.random.next_u32().is_multiple_of(one_in)
    }

    /// Time passes, and what was under way arrives.
    fn pass(&mut self, millis: i64) {
        self.now = Millis(self.now.0 + millis);
        let now = self.now;
        let (arrived, rest) = std::mem::take(&mut self.under_way).into_iter().partition(|(at, _)| *at <= now);
        self.under_way = rest;
        let mut arrived: Vec<(Millis, Command)> = arrived;
        arrived.sort_by_key(|(at, _)| *at);
        for (at, command) in arrived {
            let _ = self.carry_out(&command, at);
        }
        if self.happens(12) {
            self.change_owner();
        }
    }

    /// A person gives an account to somebody who never had it.
    fn change_owner(&mut self) {
        self.people += 1;
        let number = self.random.next_u32() % ACCOUNTS;
        let (account, owner) = (Text::from(format!("a{number}")), Some(Text::from(format!("person-{}", self.people))));
        self.accounts.get_mut(&account).unwrap().owner = owner.clone();
        self.owned.push(Owned { account, from: self.now, owner });
    }

    /// As Salesforce does it with the three rules of the fence.
    fn carry_out(&mut self, command: &Command, at: Millis) -> Reply {
        let account = self.accounts.get_mut(&command.account).unwrap();
        let moves = account.owner != command.new;
        let told = account.command.as_ref() != Some(&command.id);
        let fenced = moves && account.owner != command.expected
            || (moves || told) && command.sequence <= account.sequence
            || told && at > command.not_after;
        if fenced {
            return Reply::Refused { code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(), message: String::new() };
        }
        if moves {
            self.moves.push(Move { command: command.id.clone(), at });
            let (account, owner) = (command.account.clone(), command.new.clone());
            self.owned.push(Owned { account, from: at, owner });
        }
        *account =
            Account { owner: command.new.clone(), sequence: command.sequence, command: Some(command.id.clone()) };
        Reply::Applied
    }

    /// bookd issues a command about an account whose last one is answered; it expects whom the CRM has, or had.
    fn issue(&mut self) {
        let number = self.random.next_u32() % ACCOUNTS;
        let account = Text::from(format!("a{number}"));
        let before = self.commands.values().filter(|(_, command)| command.account == account).count() as u64;
        let is_open = |command: &Command| command.account == account && !self.results.contains_key(&command.id);
        let open = self.commands.values().any(|(_, command)| is_open(command));
        // Now and then it doesn't wait: as in a role that takes its commands for granted.
        if open && !self.happens(8) {
            return;
        }
        let id = format!("{:032x}", (u64::from(number) << 32) + before + 1);
        let expected = self.accounts[&account].owner.clone();
        let new = (!self.happens(4)).then(|| format!("rep-{number}-{before}"));
        let lasts = i64::from(self.random.next_u32() % 40_000);
        let value = json!({
            "command_id": id, "schema_version": 1, "issued_at": "2026-05-04T14:00:00Z",
            "not_after": bookd::wire::instant::Rfc3339(Millis(self.now.0 + lasts)).to_string(),
            "account": { "crm_id": account.as_str() }, "role": "ae", "sequence": before + 1,
            "expected_owner_id": expected.as_deref(), "new_owner": new.map(|new| json!({ "crm_user_id": new })),
            "reason": { "text": "", "priority": 0 }, "dry_run": false,
        });
        let (value, partition) = (value.to_string().into_bytes(), number % PARTITIONS);
        let command = bookd::writer::command::read(Some(&value)).unwrap();
        self.commands.insert(command.id.clone(), (self.now, command));
        let offset = self.log.iter().filter(|record| record.partition == partition).count() as u64;
        let (key, headers, timestamp) = (None, Vec::new(), self.now);
        let (topic, next, value) = (Topic::Commands, offset + 1, Some(value));
        self.log.push(Record { topic, partition, offset, next, key, value, headers, timestamp });
    }

    fn unread(&self, read: &BTreeMap<u32, u64>) -> Vec<Record> {
        let behind = |record: &&Record| record.offset >= read.get(&record.partition).copied().unwrap_or(0);
        self.log.iter().filter(behind).cloned().collect()
    }

    fn seen(&self, account: &Text) -> Option<Seen> {
        let Account { owner, sequence, command } = self.accounts[account].clone();
        Some(Seen { owner, sequence: Some(sequence), command, version: None })
    }

    /// One request: all of it, some of it, or nobody knows what.
    fn write(&mut self, batch: &Batch, go: &[usize]) -> Option<Vec<Reply>> {
        if self.happens(9) {
            // Nothing was done, and nobody says so.
            return None;
        }
        if self.happens(7) {
            // It is given up, and arrives before a request that was given up can't arrive any more.
            let delay = i64::from(self.random.next_u32() % 2_900);
            let at = Millis(self.now.0 + delay);
            self.under_way.extend(go.iter().map(|index| (at, batch.command(*index).clone())));
            return None;
        }
        let replies: Vec<Reply> = go
            .iter()
            .map(|index| match self.happens(6) {
                true => Reply::Refused { code: "UNABLE_TO_LOCK_ROW".into(), message: String::new() },
                false => self.carry_out(batch.command(*index), self.now),
            })
            .collect();
        (!self.happens(10)).then_some(replies)
    }

    fn may_be_killed(&mut self) -> Result<(), Killed> {
        if self.happens(60) { Err(Killed) } else { Ok(()) }
    }

    /// A writer's life, from its start to its end.
    fn live(&mut self) -> Result<(), Killed> {
        let begun = self.now;
        let mut intake = Intake::default();
        let mut read = self.places.clone();
        loop {
            if self.commands.len() < COMMANDS {
                self.issue();
            }
            let records = self.unread(&read);
            read.extend(records.iter().map(|record| (record.partition, record.next)));
            intake.add(records);
            let Taken { commands, places, .. } = intake.take(TOGETHER * 2);
            if commands.is_empty() && self.commands.len() >= COMMANDS && intake.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::new(commands, LIMITS, TOGETHER, begun);
            while !batch.is_done() {
                self.round(&mut batch)?;
            }
            self.may_be_killed()?;
            for (command, answer) in batch.answers() {
                let before = self.results.insert(command.id.clone(), (self.now, answer.clone()));
                assert_eq!(before, None, "{command:?} has two results");
            }
            self.places.extend(places);
            self.pass(50);
        }
    }

    fn round(&mut self, batch: &mut Batch) -> Result<(), Killed> {
        let due = batch.due(self.now);
        let accounts: BTreeSet<&Text> = due.iter().map(|index| &batch.command(*index).account).collect();
        assert_eq!(accounts.len(), due.len(), "two commands of an account under way");
        assert!(due.len() <= TOGETHER);
        if due.is_empty() {
            let wait = batch.next_due().map_or(1, |next| next.0 - self.now.0);
            self.pass(wait.max(1));
            return self.may_be_killed();
        }
        let seen: Vec<Option<Seen>> = due.iter().map(|index| self.seen(&batch.command(*index).account)).collect();
        self.pass(20);
        let judged = due.into_iter().zip(seen).filter(|(index, seen)| batch.judge(*index, seen.as_ref(), self.now));
        let (go, seen): (Vec<usize>, Vec<Option<Seen>>) = judged.unzip();
        if go.is_empty() {
            return self.may_be_killed();
        }
        self.pass(20);
        let replies = self.write(batch, &go);
        self.may_be_killed()?;
        match replies {
            None => {
                batch.unanswered(&go, self.now);
                self.pass(1_000);
            }
            Some(replies) => {
                for ((index, reply), seen) in go.iter().zip(replies).zip(&seen) {
                    let chance = self.random.next_u32();
                    batch.replied(*index, reply, seen.as_ref(), self.now, chance);
                }
                batch.went_well(TOGETHER);
            }
        }
        Ok(())
    }

    fn judge(&self) {
        let mut moved: BTreeMap<&Text, Vec<Millis>> = BTreeMap::new();
        let mut last: BTreeMap<&Text, u64> = BTreeMap::new();
        for Move { command, at } in &self.moves {
            let (_, command) = &self.commands[command];
            assert!(*at <= command.not_after, "too late: {command:?}");
            let before = last.insert(&command.account, command.sequence);
            assert!(before.unwrap_or(0) < command.sequence, "out of order: {command:?} after {before:?}");
            moved.entry(&command.id).or_default().push(*at);
        }
        assert_eq!(self.results.len(), self.commands.len(), "each command has its result");
        for (id, (answered, answer)) in &self.results {
            let (issued, command) = &self.commands[id];
            let had = |owner: Option<&Text>| self.had(&command.account, owner, *issued, *answered);
            let moves = moved.get(id).map(Vec::as_slice).unwrap_or_default();
            match (answer.status, moves) {
                (ResultStatus::Applied, []) => {
                    assert!(had(command.new.as_ref()), "never done, and {answer:?}: {command:?}")
                }
                (ResultStatus::Applied, moves) => {
                    assert!(moves.len() == 1 && moves[0] <= *answered, "done at {moves:?}, {answered:?}: {command:?}");
                }
                (status, moves) => assert!(moves.is_empty(), "{status:?}, and it was carried out: {command:?}"),
            }
            match &answer.observed {
                Change::Keep => {}
                Change::Clear => assert!(had(None), "nobody was the owner, says {answer:?}: {command:?}"),
                Change::Set(owner) => assert!(had(Some(owner)), "{owner} never was it, says {answer:?}: {command:?}"),
            }
        }
    }

    /// Whether an account had this owner at any time in between, whatever the writer says.
    fn had(&self, account: &Text, owner: Option<&Text>, since: Millis, until: Millis) -> bool {
        let of = self.owned.iter().filter(|owned| owned.account == *account);
        let mut from: Vec<(Millis, Option<&Text>)> = vec![(Millis(i64::MIN), None)];
        from.extend(of.map(|owned| (owned.from, owned.owner.as_ref())));
        let ends = from.iter().skip(1).map(|(at, _)| *at).chain([Millis(i64::MAX)]);
        from.iter().zip(ends).any(|((at, who), end)| *who == owner && *at <= until && end >= since)
    }
}

#[test]
fn whatever_happens_nothing_is_done_twice_and_every_result_is_true() {
    let mut statuses: BTreeMap<&str, u32> = BTreeMap::new();
    let (mut kills, mut moves) = (0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        while world.live().is_err() {
            kills += 1;
            let down = i64::from(world.random.next_u32() % 2_000);
            world.pass(down);
        }
        println!("seed {seed}: {} moves", world.moves.len());
        world.judge();
        moves += world.moves.len();
        for (_, answer) in world.results.values() {
            *statuses.entry(answer.status.name()).or_default() += 1;
        }
    }
    println!("{kills} kills, {moves} moves, {statuses:?}");
    assert!(kills > 100);
    assert!(["applied", "rejected", "expired", "failed"].iter().all(|status| statuses[status] > 10), "{statuses:?}");
}
