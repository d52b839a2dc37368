//! Without a broker: a writer in the directory of a bookd on files.

use bookd::domain::{OutRecord, Topic};
use bookd::log::Log;
use bookd::log::files::{Files, Options};
use serde_json::Value;

use crate::desk::{Wish, accounts, judge_history, on_files, rounds};

fn commit(home: &crate::support::process::Home, wishes: &[Wish]) {
    let mut log = Files::new(Options { dir: home.log_dir(), shard: 0, sync_every_commits: 1 });
    log.lead().unwrap();
    let command = |wish: &Wish| OutRecord {
        topic: Topic::Commands,
        key: None,
        value: Some(wish.json().to_string().into_bytes()),
        headers: Vec::new(),
    };
    log.commit(&wishes.iter().map(command).collect::<Vec<_>>(), b"entry").unwrap();
}

#[test]
fn commands_of_a_directory_are_carried_out_and_answered_there() {
    let accounts = accounts(20);
    let (home, crm) = on_files(&accounts);
    let wishes = rounds(&accounts);
    commit(&home, &wishes[..30]);
    let results = |home: &crate::support::process::Home| home.lines(Topic::Results);
    // Killed as soon as there is something to see.
    let mut writer = home.spawn("write-crm", &[]);
    writer.wait(|| !crm.ask("/fake/history").as_array().unwrap().is_empty());
    writer.kill();
    let mut writer = home.spawn("write-crm", &[]);
    commit(&home, &wishes[30..]);
    writer.wait(|| distinct(&results(&home)) == wishes.len());
    writer.stop();
    for line in results(&home) {
        let result: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(result["status"], "applied", "{result}");
    }
    judge_history(crm.ask("/fake/history").as_array().unwrap(), &wishes);
    let place = std::fs::read_to_string(home.log_dir().join("write-crm.place")).unwrap();
    let commands = std::fs::metadata(home.log_dir().join("commands-0.jsonl")).unwrap().len();
    assert_eq!(place.trim(), commands.to_string());
}

/// After a kill the last results may be said again.
fn distinct(lines: &[Vec<u8>]) -> usize {
    let id = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap()["command_id"].to_string();
    lines.iter().map(id).collect::<std::collections::BTreeSet<_>>().len()
}
