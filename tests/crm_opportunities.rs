//! The CRM example, from the data set to decisions. Skipped, with a word, where the data set isn't there.

use std::path::{Path, PathBuf};

use bookd::config::{self, LogSettings};
use bookd::domain::DecisionKind;
use bookd::feed::Decoder;
use bookd::run::open::OpenLog;
use bookd::run::replay::{self, Export, Options, Summary, Target};

#[path = "../examples/crm_opportunities/csv.rs"]
mod csv;
#[path = "../examples/crm_opportunities/export.rs"]
mod export;

/// What the example promises over its fourteen months.
const DISTRIBUTIONS: u64 = 100;
const RETRIEVALS: u64 = 50;

/// What is lost is replayed by the next run of the test.
const SYNC_EVERY_COMMITS: u32 = 4_096;

fn data() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/crm-opportunities");
    let there = dir.join("sales_pipeline.csv").exists();
    if !there {
        eprintln!("skipped: there is no {}", dir.display());
    }
    there.then_some(dir)
}

fn replay(dir: &Path) -> Summary {
    let policy = include_str!("../examples/crm-opportunities.toml");
    let config = config::parse("crm-opportunities.toml", policy, &[]).unwrap();
    let out = dir.join("out");
    std::fs::create_dir(&out).unwrap();
    let open = OpenLog::Settings(LogSettings::Files { dir: out, sync_every_commits: SYNC_EVERY_COMMITS });
    let mut log = open.open().unwrap();
    let target = Target { log: &mut *log, shard: 0, lines: open.has_lines(), place: String::new() };
    let options = Options { tick_s: 60, open_at: None, complete_until: None, proceed: false, resume: false };
    let decoder = Decoder::new(config.feeds);
    let export = Export::read(dir, &decoder, options.open_at).unwrap();
    replay::run(export, &options, &config.policy, &decoder, target, &mut |_| ()).unwrap()
}

#[test]
fn fourteen_months_of_a_real_looking_team_move_accounts() {
    let Some(data) = data() else { return };
    let dir = tempfile::tempdir().unwrap();
    let report = export::export(&data, dir.path()).unwrap();
    assert_eq!((report.written["accounts"], report.written["reps"]), (85, 35));
    assert_eq!(report.corrected["technolgy to technology"], 12);
    assert!(report.corrected["GTXPro to GTX Pro"] > 1_000);
    assert_eq!(report.skipped["opportunities without an account that is known"], 1_425);

    let summary = replay(dir.path());
    assert!(summary.dead.is_empty(), "{summary}");
    let count = |kind| summary.decisions.get(&("ae".into(), kind)).copied().unwrap_or(0);
    assert!(count(DecisionKind::Distribution) >= DISTRIBUTIONS, "{summary}");
    assert!(count(DecisionKind::Retrieval) >= RETRIEVALS, "{summary}");
}

#[test]
fn two_exports_are_the_same_bytes() {
    let Some(data) = data() else { return };
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for dir in &dirs {
        export::export(&data, dir.path()).unwrap();
    }
    for name in ["accounts", "reps", "engagement", "activity"] {
        let read = |dir: &tempfile::TempDir| std::fs::read(dir.path().join(format!("{name}-0.jsonl"))).unwrap();
        assert!(read(&dirs[0]) == read(&dirs[1]) && !read(&dirs[0]).is_empty(), "{name}");
    }
}
