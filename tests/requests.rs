//! What people ask on the command line reaches a running bookd: a pause that outlives a kill, a role that goes live, and
//! what it did in shadow as a report.

mod support;

use bookd::domain::{Body, Gate, Topic};
use bookd::run::clock::Clock;
use serde_json::Value;
use support::company;
use support::process::{Home, Process};

const QUIET: &str = "[http]\nlisten = \"off\"\n[loop]\nheartbeat = \"1s\"\n";

fn asked(home: &Home, args: &[&str]) -> String {
    let output = home.bookd(&[&["request"], args].concat());
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", told(&output.stderr));
    told(&output.stdout)
}

/// An account that is worth a place in a book.
fn hot(home: &Home, id: &str) {
    home.append(Topic::Accounts, &format!("{}\n", company::account(id)));
    home.append(Topic::Intent, &format!("{}\n", company::surge(&format!("of {id}"), id, Clock::Wall.now())));
}

fn values(home: &Home, topic: Topic) -> Vec<Value> {
    home.lines(topic).iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn alerted(home: &Home, kind: &str) -> bool {
    values(home, Topic::Alerts).iter().any(|alert| alert["type"] == kind && alert["by"] == "revops")
}

fn openings(home: &Home) -> usize {
    let entries = home.entries();
    let inputs = entries.iter().flat_map(|entry| &entry.inputs);
    inputs.filter(|input| matches!(input.body, Body::Gate(Gate::Open))).count()
}

/// Running, with a rep and an open gate.
fn begun(home: &Home) -> Process {
    home.append(Topic::Reps, &format!("{}\n", company::rep("ana")));
    hot(home, "first");
    let mut process = home.start();
    process.wait(|| openings(home) == 1);
    process
}

#[test]
fn a_pause_outlives_a_kill_and_a_resume_ends_it() {
    let home = Home::new(QUIET);
    let mut process = begun(&home);
    process.wait(|| home.lines(Topic::Commands).len() == 1);
    let told = asked(&home, &["pause", "--by", "revops"]);
    assert!(told.contains(r#""op":"pause""#) && told.contains("requests-0.jsonl at byte 0"), "{told}");
    process.wait(|| alerted(&home, "paused"));
    hot(&home, "second");
    home.wait_until_read(&mut process);
    let told = String::from_utf8(home.bookd(&["explain", "second", "--rep", "ana"]).stdout).unwrap();
    assert!(told.contains("  - the role is paused by revops since"), "{told}");
    process.kill();

    let mut process = home.start();
    process.wait(|| openings(&home) == 2);
    assert_eq!(home.lines(Topic::Commands).len(), 1, "the second waits");
    asked(&home, &["resume", "--role", "sdr", "--by", "revops"]);
    process.wait(|| home.lines(Topic::Commands).len() == 2);
    assert!(alerted(&home, "resumed"));
    process.stop();
    assert!(home.bookd(&["journal", "--verify"]).status.success());
}

#[test]
fn a_role_in_shadow_is_followed_reported_and_goes_live() {
    let role = "name = \"sdr\"\n\n[[policy.segments]]";
    assert!(company::POLICY.contains(role));
    let shadow = role.replacen('\n', "\nmode = \"shadow\"\n", 1);
    let home = Home::with_policy(&company::POLICY.replace(role, &shadow), QUIET);
    let mut process = begun(&home);
    process.wait(|| home.lines(Topic::Shadow).len() == 1);
    hot(&home, "second");
    process.wait(|| home.lines(Topic::Shadow).len() == 2);
    for decision in values(&home, Topic::Shadow) {
        assert_eq!((&decision["dry_run"], &decision["sequence"]), (&Value::Bool(true), &Value::from(0)));
    }
    // People do the one as it was decided; the other goes to somebody whom bookd doesn't know.
    home.append(Topic::Accounts, &format!("{}\n", company::owned_account("first", "ana")));
    home.append(Topic::Accounts, &format!("{}\n", company::owned_account("second", "max")));
    home.wait_until_read(&mut process);
    let report = home.bookd(&["shadow-report", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let sdr = &report["roles"]["sdr"];
    assert_eq!((&sdr["changes"], &sdr["changes_as_decided"]), (&Value::from(2), &Value::from(1)), "{report}");
    let given = &sdr["decisions"]["distribution"];
    let counts = ["decided", "followed", "otherwise", "never_followed", "open"].map(|count| given[count].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(1), Some(0), Some(0)], "{report}");

    asked(&home, &["go_live", "--role", "sdr", "--by", "revops"]);
    process.wait(|| alerted(&home, "went_live"));
    let live = values(&home, Topic::Alerts).into_iter().find(|alert| alert["type"] == "went_live").unwrap();
    assert_eq!(live["owned"], 1, "what ana has in the CRM");
    assert!(home.lines(Topic::Commands).is_empty(), "the CRM is as it was");
    hot(&home, "third");
    process.wait(|| home.lines(Topic::Commands).len() == 1);
    assert_eq!(values(&home, Topic::Commands)[0]["sequence"], 1);
    process.stop();
    let report = String::from_utf8(home.bookd(&["shadow-report"]).stdout).unwrap();
    assert!(report.contains("people changed 2 owners in the CRM: 1 as was decided before"), "{report}");
    assert!(home.bookd(&["journal", "--verify"]).status.success());
}

#[test]
fn what_would_be_refused_for_sure_is_not_sent() {
    let home = Home::new(QUIET);
    for (args, why) in [
        (&["hold", "--by", "revops", "--account", "a"][..], "--until"),
        (&["return", "--by", "ana", "--account", "a"], "--reason"),
        (&["retire", "--by", "revops"], "--account or --domain"),
        (&["rate", "--by", "revops", "--per-hour", "0"], "per_hour"),
        (&["hold", "--by", "revops", "--account", "a", "--until", "tomorrow"], "until"),
        (&["rebalance", "--by", "revops"], "possible values"),
        (&["pause"], "--by"),
    ] {
        let output = home.bookd(&[&["request"], args].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(why), "{args:?}: {told}");
    }
    assert!(home.lines(Topic::Requests).is_empty());
}

#[test]
fn a_report_of_no_shadow_says_so() {
    let home = Home::new(QUIET);
    begun(&home).stop();
    let output = home.bookd(&["shadow-report"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no role was ever in shadow"));
}
