//! Inputs that have expired, a policy that changed under its version, a clock a year ahead.

use std::collections::BTreeMap;
use std::process::Command;

use bookd::domain::Topic;
use bookd::run::clock::Clock;
use bookd::wire;

use crate::kill::send_reference;
use crate::support::generated::{self, Line};
use crate::support::kafka::{self, Site};
use crate::support::process::Home;
use crate::{hasty, twin};

/// Events before the inputs expire, and after.
const BEFORE: usize = 400;
const AFTER: usize = 200;
/// Exit codes of bookd: something failed; the configuration is wrong.
const FAILED: i32 = 1;
const USAGE: i32 = 2;

type Offsets = BTreeMap<(Topic, u32), Vec<u64>>;

pub fn send(site: &Site, events: &[Line]) {
    let feeder = site.feeder();
    for line in events {
        site.send(&feeder, line.topic, &line.key(), &line.happening(Clock::Wall.now()));
    }
    site.flush(&feeder);
}

fn count(offsets: &Offsets) -> usize {
    offsets.values().map(Vec::len).sum()
}

/// Runs bookd until it has decided about so many records.
pub fn run(home: &Home, site: &Site, records: usize) {
    let mut process = home.start();
    site.wait_until_decided(&mut process, records);
    process.stop();
}

/// All inputs are gone, and so are the snapshots: the journal alone is enough to go on.
fn goes_on_without_its_inputs(home: &Home, site: &Site, events: &[Line], before: Offsets) -> Offsets {
    site.delete_inputs();
    assert_eq!(count(&site.inputs()), 0, "the inputs are gone");
    std::fs::remove_dir_all(home.snapshots()).unwrap();
    let entries = site.journal().len();
    send(site, events);
    run(home, site, count(&before) + events.len());
    let recovered = format!("recovered from=0 entries={entries}\n");
    assert!(home.told().contains(&recovered), "{recovered}{}", home.told());
    let mut committed = site.committed();
    assert!(committed.journal.len() > entries);
    assert_eq!(count(&committed.inputs), events.len());
    for (partition, offsets) in before {
        committed.inputs.entry(partition).or_default().splice(0..0, offsets);
    }
    let verdict = committed.judge();
    let owned = twin::judge_owners(&committed.journal, &committed.commands);
    println!("without its inputs: {verdict:?}, {owned} seats owned");
    assert!(owned > 0);
    committed.inputs
}

/// Another text under the version that is in force.
fn refuses_a_policy_that_changed_under_its_version(home: &Home, site: &Site) {
    let changed = hasty::policy().replace("capacity = 80", "capacity = 81");
    assert_ne!(changed, hasty::policy());
    kafka::change_policy(home, site, &changed);
    let code = home.start().exit_code();
    let told = home.told();
    assert_eq!(code, Some(USAGE), "{told}");
    assert!(told.contains("the policy's version 1 is already in force with another text"), "{told}");
    kafka::change_policy(home, site, &hasty::policy());
}

/// Builds what makes a process believe that it's a year later; the same compiler builds librdkafka.
fn a_year_ahead(home: &Home) -> [(String, String); 1] {
    let library = home.path().join("ahead.so").display().to_string();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka_run/ahead.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, source]).status().unwrap();
    assert!(built.success(), "cc {source}");
    [("LD_PRELOAD".to_owned(), library)]
}

/// By that clock every account is cold; the log's own stamps say otherwise, so nobody loses any.
fn a_wrong_clock_takes_nothing(home: &Home, site: &Site) {
    let variables = a_year_ahead(home);
    let (commands, entries) = (site.commands(), site.journal().len());
    let code = home.start_with(&variables).exit_code();
    let told = home.told();
    assert_eq!(code, Some(FAILED), "{told}");
    assert!(told.contains("this machine's clock and the log's are"), "{told}");
    let journal = site.journal();
    let last = wire::entry::decode(journal.last().unwrap()).unwrap();
    let ahead_ms = last.now.0 - Clock::Wall.now().0;
    assert!(ahead_ms <= 0, "the wrong time got into the journal, {ahead_ms} ms ahead");
    assert!(journal.len() <= entries + 1, "{} entries by the wrong clock", journal.len() - entries);
    assert!(site.commands() == commands, "commands by the wrong clock");
    println!("a year ahead: refused after {} entry, no command", journal.len() - entries);
}

#[test]
fn it_goes_on_from_its_journal_and_refuses_what_is_wrong() {
    let company = generated::company(11, 120, 8, 20);
    let site = Site::new("expiry", 2);
    let home = kafka::home(&site, &hasty::policy());
    send_reference(&site, &site.feeder(), &company);
    send(&site, &company.events[..BEFORE]);
    let before = site.inputs();
    run(&home, &site, count(&before));
    let all = goes_on_without_its_inputs(&home, &site, &company.events[BEFORE..BEFORE + AFTER], before);
    refuses_a_policy_that_changed_under_its_version(&home, &site);
    a_wrong_clock_takes_nothing(&home, &site);
    // With the right policy and clock it goes on as if nothing had been.
    run(&home, &site, count(&all));
    let (journal, commands) = (site.journal(), site.commands());
    twin::judge_owners(&journal, &commands);
    println!("at the end {} entries, {} commands", journal.len(), commands.len());
}
