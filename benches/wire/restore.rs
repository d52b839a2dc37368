//! A snapshot from the page cache: read and checked, decoded, its indexes built, each apart, by the wall's clock and in
//! processor time, as two threads work on each; and the same accounts as JSON records into a `HashMap`, as a store that
//! is restored from its changelog would do.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bookd::config;
use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::ids::Id128;
use bookd::domain::{Body, Gate, Input, Millis};
use bookd::engine::Engine;
use bookd::engine::state::State;
use bookd::wire::snapshot::{self, Header};
use bookd::wire::{codec, state};
use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use super::chance::Chance;
use super::{crm_id, domain, median};

const ACCOUNTS: u64 = 1_000_000;
const ROUNDS: usize = 5;
const NOW: Millis = Millis(1_777_852_800_000);
/// Account records an entry.
const BATCH: u64 = 10_000;

pub fn measure() {
    let accounts = std::env::var("BOOKD_BENCH_ACCOUNTS").map_or(ACCOUNTS, |count| count.parse().expect("a number"));
    let engine = engine(accounts);
    let dir = std::env::temp_dir().join(format!("bookd-bench-{}", std::process::id()));
    let payload = state::encode(&engine);
    let path = snapshot::write(&dir, &header(), &payload).expect("a snapshot");
    let records = records(accounts);
    let bytes = |length: usize| length as f64 / accounts as f64;
    println!("restore of {accounts} accounts, an account");
    println!("{:>24} {:>10.1} bytes", "snapshot", bytes(payload.len()));
    println!("{:>24} {:>10.1} bytes", "JSON records", bytes(records.iter().map(Vec::len).sum()));
    drop((engine, payload));
    let mut times: [Times; 5] = Default::default();
    for _ in 0..ROUNDS {
        let (_, payload) = times[0].take(|| snapshot::read(&path).expect("it was written"));
        let state: State = times[1].take(|| codec::from_bytes(&payload).expect("it was encoded"));
        drop(payload);
        let accounts = (state.accounts.clone(), state.seats.clone());
        let bytes = codec::to_bytes(&accounts);
        drop(accounts);
        let rows: (Vec<_>, Vec<Vec<_>>) = times[2].take(|| codec::from_bytes(&bytes).expect("it was encoded"));
        assert!(rows == (state.accounts.clone(), state.seats.clone()));
        drop(rows);
        drop(times[3].take(|| Engine::from_state(state)));
        let map = times[4].take(|| from_json(&records));
        assert_eq!(map.len(), records.len());
    }
    std::fs::remove_dir_all(&dir).expect("it was made here");
    let names = ["read and checked", "decoded", "(accounts and seats)", "indexes built", "JSON into a HashMap"];
    for (name, Times { wall, processor }) in names.into_iter().zip(&mut times) {
        let nanos = |times| median(times).as_nanos() as f64 / accounts as f64;
        let (wall, processor) = (nanos(wall), nanos(processor));
        println!("{name:>24} {wall:>10.1} ns {:>10.2} million/s {processor:>10.1} ns of processor", 1e3 / wall);
    }
}

/// By the clock, and of all threads.
#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    processor: Vec<Duration>,
}

impl Times {
    fn take<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let (start, used) = (Instant::now(), ProcessTime::now());
        let made = run();
        self.wall.push(start.elapsed());
        self.processor.push(used.elapsed());
        made
    }
}

/// An engine that has seen the accounts' records and opened its gate.
fn engine(accounts: u64) -> Engine {
    let mut engine = Engine::new(Id128(1), 0);
    let policy = config::parse("default.toml", include_str!("../../config/default.toml"), &[]);
    let policy = policy.expect("the shipped policy is in order").policy;
    let own = |body| Input { position: None, body };
    engine.apply(NOW, &[own(Body::Policy(Box::new(policy)))], &mut Vec::new());
    for start in (0..accounts).step_by(BATCH as usize) {
        let records: Vec<Input> =
            (start..accounts.min(start + BATCH)).map(|account| own(Body::Account(record(account)))).collect();
        engine.apply(NOW, &records, &mut Vec::new());
    }
    engine.apply(NOW, &[own(Body::Gate(Gate::Open))], &mut Vec::new());
    engine
}

fn record(account: u64) -> AccountRecord {
    let mut chance = Chance::new(account);
    let change = AccountChange {
        domains: Change::Set(vec![domain(account).into()]),
        fit: Change::Set(chance.below(1_000_000) as u32),
        fields: vec![
            ("country".into(), Some(Value::Text(chance.pick(&["DE", "FR", "US", "GB"]).into()))),
            ("employees".into(), Some(Value::Number(chance.below(10_000_000) as i64))),
        ],
        crm_version: Some(account),
        ..AccountChange::default()
    };
    AccountRecord {
        id: crm_id("001", 7_000_000 + account * 13).into(),
        op: AccountOp::Change(Box::new(change)),
        at: None,
    }
}

fn header() -> Header {
    Header {
        journal: Id128(1),
        shard: 0,
        sequence: 1,
        at: 0,
        next: 1,
        digest: Id128(2),
        now: NOW,
        rules: 1,
        positions: Vec::new(),
        policy_version: 1,
        build: "bench".into(),
        created: NOW,
    }
}

/// What a changelog would hold of an account: the same, as names and numbers.
#[derive(Serialize, Deserialize)]
struct Record {
    id: String,
    sums: [f64; 4],
    segments: u64,
    fit: u32,
    epoch: u32,
    last_touch: u32,
    domains: Vec<String>,
    country: String,
    employees: i64,
    version: u64,
    status: String,
    owner: Option<String>,
    since: u32,
}

fn records(accounts: u64) -> Vec<Vec<u8>> {
    let json = |account: u64| {
        let mut chance = Chance::new(account);
        let record = Record {
            id: crm_id("001", 7_000_000 + account * 13),
            sums: [0.0, 1.5, 0.0, 22.25],
            segments: 3,
            fit: chance.below(1_000_000) as u32,
            epoch: 200_016_000,
            last_touch: 200_012_345,
            domains: vec![domain(account)],
            country: "DE".to_owned(),
            employees: chance.below(10_000) as i64,
            version: account,
            status: "pool".to_owned(),
            owner: None,
            since: 200_016_000,
        };
        serde_json::to_vec(&record).expect("names and numbers serialise")
    };
    (0..accounts).map(json).collect()
}

fn from_json(records: &[Vec<u8>]) -> HashMap<String, Record> {
    let mut map = HashMap::new();
    for bytes in records {
        let record: Record = serde_json::from_slice(bytes).expect("it was serialised");
        map.insert(record.id.clone(), record);
    }
    map
}
