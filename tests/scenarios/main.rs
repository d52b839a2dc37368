//! Scenarios: stories in plain text that RevOps can read, review and extend (`README.md` beside this file).
//! Every `.txt` here is played through the engine and its twin, entry by entry under a virtual clock; what they decide
//! must be what the story says, and nothing else.
//!
//! `SCENARIO=idle cargo test --test scenarios` plays those whose name contains the word; `BLESS=1` writes what the
//! engine decided into the stories, for a person to read before it is committed.

mod compare;
mod line;
// The twin's own tests ask it more than the stories do.
#[allow(dead_code)]
#[path = "../twin/naive/mod.rs"]
mod naive;
mod play;
mod policy;
mod story;
mod tell;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use story::Story;

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn stories() -> Vec<PathBuf> {
    let wanted = std::env::var("SCENARIO").unwrap_or_default();
    let entries = fs::read_dir(home()).expect("the stories stand beside this file");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    paths.retain(|path| path.to_string_lossy().contains(&wanted));
    paths.sort();
    paths
}

/// Plays one story: `Err` says what differs, to be read by a person.
fn check(path: &PathBuf) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let story = Story::parse(&text)?;
    let told =
        catch_unwind(AssertUnwindSafe(|| play::play(&story))).map_err(|_| "the engine panicked, see above")??;
    if std::env::var_os("BLESS").is_some() {
        return fs::write(path, compare::blessed(&story, &told)).map_err(|error| error.to_string());
    }
    compare::compare(&story, &told)
}

#[test]
fn every_story_ends_as_it_says() {
    let paths = stories();
    let mut failures = Vec::new();
    for path in &paths {
        if let Err(what) = check(path) {
            failures.push(format!("── {}\n{what}\n", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    assert!(failures.is_empty(), "\n{}\n{} of {} stories differ", failures.join("\n"), failures.len(), paths.len());
}

/// The guide's example, reckoned from placements: of the good accounts that are worked, one in ten becomes an
/// opportunity, of the poor ones none.
#[test]
fn jane_and_joe() {
    let worked = |name: &str| {
        let text = fs::read_to_string(home().join(name)).expect("the story stands beside this file");
        let told = play::play(&Story::parse(&text).expect("the story can be read")).expect("it can be played");
        let mut counts = BTreeMap::new();
        for line in &told {
            // `distribution 60 good -> jane`
            let words: Vec<_> = line.head.split(' ').collect();
            let count: u32 = words[1].parse().expect("totals are told");
            *counts.entry(words[2].to_string()).or_insert(0) += count;
        }
        (counts["good"], counts.get("poor").copied().unwrap_or(0))
    };
    let (good, poor) = worked("jane-and-joe-static.txt");
    assert_eq!((good / 10, good + poor), (8, 120), "8 of 120: 6.7 %");
    let (good, poor) = worked("jane-and-joe-dynamic.txt");
    assert_eq!((good / 10, good + poor), (12, 120), "12 of 120: 10 %");
}

#[test]
fn there_are_at_least_forty_stories() {
    if std::env::var_os("SCENARIO").is_none() {
        assert!(stories().len() >= 40, "{}", stories().len());
    }
}
