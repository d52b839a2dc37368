//! Scenarios: stories in plain text that RevOps can read, review and extend (`README.md` beside this file).
//! Every `.txt` here is played through the engine, entry by entry under a virtual clock; what it decides must
//! be what the story says, and nothing else.
//!
//! `SCENARIO=idle cargo test --test scenarios` plays those whose name contains the word; `BLESS=1` writes what the
//! engine decided into the stories, for a person to read before it is committed.

mod compare;
mod line;
mod play;
mod policy;
mod story;
mod tell;
mod words;

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
    let told = catch_unwind(AssertUnwindSafe(|| play::play(&story))).map_err(|_| "the engine panicked, see above")??;
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

#[test]
fn there_are_at_least_forty_stories() {
    if std::env::var_os("SCENARIO").is_none() {
        assert!(stories().len() >= 40, "{}", stories().len());
    }
}
