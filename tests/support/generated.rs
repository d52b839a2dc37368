//! Lines of `bookd generate`, as feeds that send them today.

use std::path::Path;

use bookd::domain::{Millis, Topic};
use bookd::wire::instant::Rfc3339;
use serde_json::{Value, json};

use super::process::bookd_program;

/// Whatever says when something happened.
const TIMES: [&str; 3] = ["occurred_at", "updated_at", "requested_at"];

/// An input record to be.
pub struct Line {
    pub topic: Topic,
    record: Value,
}

/// What is there at the start, and what happens.
pub struct Company {
    pub reference: Vec<Line>,
    pub events: Vec<Line>,
}

/// A company of `bookd generate`. Its events are in the order of each topic; topics go at one pace.
pub fn company(seed: u64, accounts: u32, reps: u32, days: u32) -> Company {
    let dir = tempfile::tempdir().unwrap();
    let [seed, accounts, reps, days] = [seed, accounts.into(), reps.into(), days.into()].map(|n: u64| n.to_string());
    let mut command = bookd_program();
    command.args(["generate", "--seed", &seed, "--accounts", &accounts, "--reps", &reps, "--days", &days]);
    let generated = command.args(["--silence-days", "0"]).arg("--dir").arg(dir.path()).output().unwrap();
    assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
    let mut company = Company { reference: Vec::new(), events: Vec::new() };
    let mut paced: Vec<(f64, Line)> = Vec::new();
    for topic in Topic::INPUTS {
        let lines = lines(dir.path(), topic);
        let count = lines.len() as f64;
        let start = lines.first().map(|line| line.record["updated_at"].clone()).filter(|at| !at.is_null());
        for (number, line) in lines.into_iter().enumerate() {
            match start.as_ref() == Some(&line.record["updated_at"]) && topic != Topic::Opportunities {
                true => company.reference.push(line),
                false => paced.push((number as f64 / count, line)),
            }
        }
    }
    paced.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    company.events = paced.into_iter().map(|(_, line)| line).collect();
    company
}

/// All lines of a topic's file; none if there is no file.
pub fn lines(dir: &Path, topic: Topic) -> Vec<Line> {
    let text = std::fs::read_to_string(dir.join(format!("{}-0.jsonl", topic.name()))).unwrap_or_default();
    text.lines().map(|line| Line { topic, record: serde_json::from_str(line).unwrap() }).collect()
}

impl Line {
    /// Reference data by their id, everything else by what names the account.
    pub fn key(&self) -> String {
        let by = if self.record["id"].is_string() { &self.record["id"] } else { &self.record["account"] };
        by.as_str().map_or_else(|| by.to_string(), str::to_owned)
    }

    pub fn text(&self) -> String {
        self.record.to_string()
    }

    /// As if it happened at this instant.
    pub fn happening(&self, at: Millis) -> String {
        let mut record = self.record.clone();
        for name in TIMES {
            if let Some(time) = record.get_mut(name) {
                *time = json!(Rfc3339(at).to_string());
            }
        }
        record.to_string()
    }
}
