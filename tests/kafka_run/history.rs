//! A published history of a sales team (see `examples/crm_opportunities`): replayed onto files and onto the broker,
//! and produced as a backlog for a bookd that begins today. Skipped, with a word, where the data set isn't there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bookd::domain::{Body, Gate, Topic};
use bookd::wire;
use serde_json::Value;

use crate::crm::export;
use crate::support::generated;
use crate::support::kafka::{self, Site};
use crate::twin;

/// Every entry is a transaction: with ticks of a minute there would be some ten thousand.
const TICK: &str = "4h";
/// The data is older than the shipped 400 days; this is the longest that can be said.
const WINDOWS: &str = "[policy.windows]\nhistory = \"3650d\"\n";

fn data() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/crm-opportunities");
    let dir = std::env::var_os("BOOKD_DATA").map_or(default, PathBuf::from);
    let there = dir.join("sales_pipeline.csv").exists();
    if !there {
        println!("skipped: there is no {}", dir.display());
    }
    there.then_some(dir)
}

fn policy(more: &str) -> String {
    let policy = include_str!("../../examples/crm-opportunities.toml");
    format!("{policy}\n{more}\n[feeds]\nhash_key = \"only tests know this key\"\n")
}

/// Values by account, in order.
fn by_account(values: Vec<Vec<u8>>) -> BTreeMap<String, Vec<String>> {
    let mut accounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for value in values {
        let command: Value = serde_json::from_slice(&value).unwrap();
        let account = command["account"]["crm_id"].as_str().unwrap().to_owned();
        accounts.entry(account).or_default().push(String::from_utf8(value).unwrap());
    }
    accounts
}

#[test]
fn a_history_is_replayed_onto_files_and_broker_alike() {
    let Some(data) = data() else { return };
    let exports = tempfile::tempdir().unwrap();
    export::export(&data, exports.path()).unwrap();
    let site = Site::new("history", 3);
    let home = kafka::home(&site, &policy(""));
    let (exports, files) = (exports.path().to_str().unwrap(), home.log_dir());
    for place in [&["--out", files.to_str().unwrap()][..], &["--kafka"]] {
        let replayed = home.bookd(&[&["replay", exports, "--tick", TICK], place].concat());
        assert!(replayed.status.success(), "{place:?}: {}", String::from_utf8_lossy(&replayed.stderr));
    }
    // Nothing of ours between the broker and the judge.
    let (journal, commands) = (site.journal(), site.commands_on_console());
    assert!(journal == home.journal(), "the same entries");
    let owned = twin::judge_owners(&journal, &commands);
    println!("replayed: {} entries, {} commands, {owned} accounts owned", journal.len(), commands.len());
    assert!(commands.len() > 100 && owned > 50);
    assert_eq!(by_account(commands), by_account(home.lines(Topic::Commands)));
}

/// Records that were read before the gate opened for the first time.
fn read_before_opening(journal: &[Vec<u8>]) -> usize {
    let entries = journal.iter().map(|bytes| wire::entry::decode(bytes).unwrap());
    let opens = |input: &bookd::domain::Input| matches!(input.body, Body::Gate(Gate::Open));
    let before = entries.take_while(|entry| !entry.inputs.iter().any(opens));
    before.flat_map(|entry| entry.spans).map(|span| span.read as usize).sum()
}

#[test]
fn a_history_as_a_backlog_is_read_to_its_end_before_anything_is_decided() {
    let Some(data) = data() else { return };
    let exports = tempfile::tempdir().unwrap();
    export::export(&data, exports.path()).unwrap();
    let site = Site::new("backlog", 3);
    let feeder = site.feeder();
    let mut records = 0;
    for line in Topic::INPUTS.into_iter().flat_map(|topic| generated::lines(exports.path(), topic)) {
        site.send(&feeder, line.topic, &line.key(), &line.text());
        records += 1;
    }
    site.flush(&feeder);
    let home = kafka::home(&site, &policy(WINDOWS));
    let mut process = home.start();
    site.wait_until_decided(&mut process, records);
    process.stop();
    let committed = site.committed();
    assert_eq!(by_account(site.commands_on_console()), by_account(committed.commands.clone()));
    assert_eq!(read_before_opening(&committed.journal), records, "the gate opened before the backlog's end");
    let verdict = committed.judge();
    let owned = twin::judge_owners(&committed.journal, &committed.commands);
    println!("backlog of {records}: {verdict:?}, {owned} accounts owned");
    assert!(owned > 50);
}
