//! The ways out: a journal that can't be followed any more, and an input topic that isn't what was read of it.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bookd::domain::{Body, EntryKind, Gate, Topic};
use bookd::log::Log;
use bookd::log::files::{Files, Options};
use bookd::log::simulated::Cluster;
use bookd::run::RunError;
use bookd::run::clock::Clock;
use bookd::run::owners::{self, Allowed, Done};
use bookd::run::replica::Replica;
use bookd::wire;
use bookd::wire::snapshot;
use support::company;
use support::instance::World;
use support::process::{Home, Process};

/// Exit codes of bookd: any failure, a usage that isn't, somebody else leads.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const FENCED: i32 = 3;

const SETTINGS: &str = "[http]\nlisten = \"off\"\n";

/// Reps with room for four each, nine accounts: one is owned in the CRM, the others are worth a place.
fn company_at_work() -> Home {
    let home = Home::new(SETTINGS);
    append(&home, Topic::Reps, &[company::rep("ana"), company::rep("ben")]);
    append(&home, Topic::Accounts, &[company::owned_account("old", "ana")]);
    let accounts: Vec<String> = (0..8).map(|number| company::account(&format!("a{number}"))).collect();
    append(&home, Topic::Accounts, &accounts);
    let surge = |number: usize| company::surge(&format!("s{number}"), &format!("a{number}"), Clock::Wall.now());
    append(&home, Topic::Intent, &(0..8).map(surge).collect::<Vec<_>>());
    let mut process = home.start();
    home.wait_until_read(&mut process);
    // Eight places, one of them taken.
    process.wait(|| home.lines(Topic::Commands).len() == 7);
    process.stop();
    home
}

fn append(home: &Home, topic: Topic, lines: &[String]) {
    lines.iter().for_each(|line| home.append(topic, &format!("{line}\n")));
}

type Owners = BTreeMap<String, (Option<String>, u32)>;

/// Desired owner and sequence of each account, as a fresh follower sees it.
fn owners(home: &Home) -> Owners {
    let journal = home.journal();
    let first = wire::entry::decode(&journal[0]).unwrap();
    let mut replica = Replica::new(first.journal, first.shard);
    journal.iter().for_each(|bytes| drop(replica.take(bytes).unwrap()));
    replica.engine.audit().unwrap();
    let accounts = replica.engine.view().accounts.into_iter();
    let seat =
        |seat: &bookd::engine::view::SeatView| (seat.owner.as_ref().map(|owner| owner.to_string()), seat.sequence);
    accounts.map(|account| (account.id.to_string(), seat(&account.seats[0]))).collect()
}

/// The same, as the whole commands topic says.
fn commanded(home: &Home) -> Owners {
    let mut owners = Owners::new();
    for line in home.lines(Topic::Commands) {
        let command: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let owner = command["new_owner"]["crm_user_id"].as_str().map(str::to_owned);
        let sequence = command["sequence"].as_u64().unwrap() as u32;
        owners.insert(command["account"]["crm_id"].as_str().unwrap().to_owned(), (owner, sequence));
    }
    owners
}

fn opened(home: &Home, after: usize) -> bool {
    let entries = home.entries();
    let bodies = entries.iter().skip(after).flat_map(|entry| &entry.inputs).map(|input| &input.body);
    bodies.into_iter().any(|body| matches!(body, Body::Gate(Gate::Open)))
}

/// What is told of [`company_at_work`].
const ALL_RESTORED: &str = "7 commands read: 7 seats restored (7 owned)";

/// Recovers; returns what it told.
fn recover(home: &Home, args: &[&str]) -> String {
    let done = home.bookd(&[&["recover"], args].concat());
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told} {}", String::from_utf8_lossy(&done.stderr));
    told
}

/// Doesn't, and says why.
fn recover_refused(home: &Home, args: &[&str], code: i32, why: &str) {
    let refused = home.bookd(&[&["recover"], args].concat());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(code) && told.contains(why), "{:?} {told}", refused.status);
}

fn journal_path(home: &Home) -> PathBuf {
    home.log_dir().join("journal-0.log")
}

/// Cuts the journal back to its first frames.
fn keep_frames(home: &Home, count: usize) {
    let mut journal = std::fs::read(journal_path(home)).unwrap();
    let frames = frames(&journal);
    journal.truncate(frames[count]);
    std::fs::write(journal_path(home), journal).unwrap();
}

fn start_opens(home: &Home, after: usize) {
    let mut process = home.start();
    process.wait(|| opened(home, after));
    home.wait_until_read(&mut process);
    process.stop();
}

fn refused(process: &mut Process, way_out: &str) {
    assert_eq!(process.exit_code(), Some(4), "{}", process.told());
    assert!(process.told().contains(way_out), "{}", process.told());
}

/// `damage` is what a disk may do to the journal's file.
fn recovered_from_the_commands(damage: impl Fn(&mut Vec<u8>)) {
    let home = company_at_work();
    let before = owners(&home);
    let path = journal_path(&home);
    let mut journal = std::fs::read(&path).unwrap();
    damage(&mut journal);
    std::fs::write(&path, &journal).unwrap();
    let outputs = home.lines(Topic::Commands);
    refused(&mut home.start(), "bookd recover --from-commands");
    assert_eq!(home.lines(Topic::Commands), outputs, "they are the way out");

    // The CRM says that everything is Ben's. It is late: the commands know better.
    let late: Vec<String> = (0..8).map(|number| company::owned_account(&format!("a{number}"), "ben")).collect();
    append(&home, Topic::Accounts, &late);
    let snapshots = snapshot::list(&home.snapshots(), 0).unwrap();
    let told = recover(&home, &["--from-commands"]);
    assert!(told.contains(ALL_RESTORED), "{told}");
    assert!(told.contains("renamed to *.bkds.aside in"), "{told}");
    assert!(!snapshots.is_empty() && snapshot::list(&home.snapshots(), 0).unwrap().is_empty(), "{told}");
    assert!(snapshots.iter().all(|path| path.with_extension("bkds.aside").exists()), "{told}");
    assert_eq!(std::fs::read(path.with_extension("log.aside-1")).unwrap(), journal, "{told}");
    assert_eq!(home.entries()[0].kind, EntryKind::Rebase);

    let mut process = home.start();
    process.wait(|| opened(&home, 0));
    assert_eq!(home.lines(Topic::Commands).len(), 7, "nothing is dealt anew at the opening");
    let after = owners(&home);
    for (account, seat) in before.iter().filter(|(_, (_, sequence))| *sequence > 0) {
        assert_eq!(&after[account], seat, "{account}");
    }
    assert_eq!(after["old"], (Some("ana".to_owned()), 0), "adopted as ever");
    // The one that no command is about is the CRM's to say; room for more moves nothing of what is owned.
    append(&home, Topic::Reps, &[company::rep_with_capacity("ana", 9), company::rep_with_capacity("ben", 9)]);
    append(&home, Topic::Accounts, &[r#"{"op":"delete","id":"old"}"#.to_owned()]);
    home.wait_until_read(&mut process);
    assert_eq!(home.lines(Topic::Commands).len(), 7);
    // Each of Ana's three departs from her and is distributed to Ben.
    append(&home, Topic::Reps, &[r#"{"op":"delete","id":"ana"}"#.to_owned()]);
    process.wait(|| home.lines(Topic::Commands).len() >= 7 + 3 + 3);
    append(&home, Topic::Accounts, &[company::account("new")]);
    append(&home, Topic::Intent, &[company::surge("s9", "new", Clock::Wall.now())]);
    process.wait(|| home.lines(Topic::Commands).len() > 7 + 3 + 3);
    home.wait_until_read(&mut process);
    process.stop();
    assert_eq!(home.lines(Topic::Commands).len(), 7 + 3 + 3 + 1, "the new one is distributed, too");

    home.committed().check_commands();
    let now = owners(&home);
    for (account, said) in commanded(&home) {
        assert_eq!(now[&account], said, "{account}");
    }
    assert!(home.bookd(&["journal", "--verify"]).status.success());
}

#[test]
fn a_flipped_bit_in_the_journal_is_recovered_from_the_commands() {
    recovered_from_the_commands(|journal| {
        let middle = journal.len() / 2;
        journal[middle] ^= 4;
    });
}

#[test]
fn a_gap_in_the_journal_is_recovered_from_the_commands() {
    recovered_from_the_commands(|journal| {
        let frames = frames(journal);
        journal.drain(frames[2]..frames[3]);
    });
}

/// At the end of a frame it looks like a journal that never had more: only the snapshot knows.
#[test]
fn a_journal_that_lost_its_end_is_recovered_from_the_commands() {
    recovered_from_the_commands(|journal| {
        let frames = frames(journal);
        assert!(frames.len() > 3);
        journal.truncate(frames[3]);
    });
}

/// Where frames begin; found by their magic.
fn frames(journal: &[u8]) -> Vec<usize> {
    (0..journal.len() - 4).filter(|at| journal[*at..].starts_with(b"BKf1")).collect()
}

#[test]
fn a_whole_journal_is_left_alone_unless_told_otherwise() {
    let home = company_at_work();
    let journal = home.journal();
    recover_refused(&home, &["--from-commands"], FAILED, "--force");
    assert_eq!(home.journal(), journal);
    recover(&home, &["--from-commands", "--force"]);
    assert_eq!(home.entries().len(), 1);
    // What was begun anew is a whole journal too.
    let begun = home.journal();
    recover_refused(&home, &["--from-commands"], FAILED, "whole up to entry 1");
    assert_eq!(home.journal(), begun);
    // Its snapshots are out of the way: it starts.
    start_opens(&home, 0);
    home.committed().check_commands();
}

/// Of an entry's format 1; what is behind its head doesn't matter.
fn by_an_older_build() -> Vec<u8> {
    let mut bytes = b"bkdj\x01\x00".to_vec();
    bytes.extend([0; 5]);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

#[test]
fn an_older_builds_journal_is_not_taken_for_a_broken_one() {
    let home = Home::new(SETTINGS);
    let mut log = Files::new(Options { dir: home.log_dir(), shard: 0, sync_every_commits: 1 });
    log.lead().unwrap();
    log.commit(&[], &by_an_older_build()).unwrap();
    drop(log);
    let ways: [&[&str]; 3] = [&["recover", "--from-commands"], &["recover", "--rebase"], &["journal", "--verify"]];
    for way in ways {
        let refused = home.bookd(way);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{way:?}: {told}");
        assert!(told.contains("written by an older bookd. Run the build that wrote it"), "{told}");
    }
    refused(&mut home.start(), "recover --from-commands --force");
    assert_eq!(home.journal(), [by_an_older_build()], "it is left alone");
    let forced = home.bookd(&["recover", "--from-commands", "--force"]);
    let told = String::from_utf8(forced.stdout).unwrap();
    assert!(forced.status.success() && told.contains("written by an older bookd"), "{told}");
    assert_eq!(home.entries().len(), 1);
}

#[test]
fn a_recovered_journal_that_is_lost_again_is_recovered_again() {
    let home = company_at_work();
    let before = owners(&home);
    for number in 1..=2 {
        // Back to the first entry: after a recovery that is its own, but the snapshots say that there was more.
        keep_frames(&home, 1);
        refused(&mut home.start(), "bookd recover --from-commands");
        let told = recover(&home, &["--from-commands"]);
        assert!(told.contains(ALL_RESTORED) && told.contains(&format!("journal-0.log.aside-{number}.")), "{told}");
        start_opens(&home, 0);
        assert_eq!(owners(&home), before);
    }
}

#[test]
fn a_missing_journal_beside_outputs_is_recovered_from_the_commands() {
    let home = company_at_work();
    let before = owners(&home);
    std::fs::remove_file(journal_path(&home)).unwrap();
    refused(&mut home.start(), "bookd recover --from-commands");
    let told = recover(&home, &["--from-commands"]);
    assert!(told.contains(ALL_RESTORED) && told.contains("No journal is set aside"), "{told}");
    assert!(!journal_path(&home).with_extension("log.aside-1").exists(), "what `run` made is no journal");
    start_opens(&home, 0);
    assert_eq!(owners(&home), before);
}

#[test]
fn a_recovery_that_ended_between_the_renames_is_said_again() {
    let home = company_at_work();
    let before = owners(&home);
    let path = journal_path(&home);
    std::fs::rename(&path, path.with_extension("log.aside-1")).unwrap();
    std::fs::write(path.with_extension("new"), b"half a journal").unwrap();
    refused(&mut home.start(), "bookd recover --from-commands");
    let told = recover(&home, &["--from-commands"]);
    assert!(told.contains(ALL_RESTORED), "{told}");
    assert!(!path.with_extension("new").exists() && path.with_extension("log.aside-1").exists());
    start_opens(&home, 0);
    assert_eq!(owners(&home), before);
}

/// As a recovery leaves them that ends before it sets them aside.
fn bring_snapshots_back(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "aside") {
            std::fs::rename(&path, path.with_extension("")).unwrap();
        }
    }
}

#[test]
fn a_recovery_that_ended_before_the_snapshots_were_set_aside_is_finished() {
    let home = company_at_work();
    let before = owners(&home);
    keep_frames(&home, 3);
    recover(&home, &["--from-commands"]);
    let begun = std::fs::read(journal_path(&home)).unwrap();
    bring_snapshots_back(&home.snapshots());
    refused(&mut home.start(), "snapshot");
    let told = recover(&home, &["--from-commands"]);
    assert!(told.contains("had begun the new journal already") && told.contains("*.bkds.aside"), "{told}");
    assert_eq!(std::fs::read(journal_path(&home)).unwrap(), begun);
    start_opens(&home, 0);
    assert_eq!(owners(&home), before);
}

/// Where a journal can't be set aside the new one couldn't be begun a second time.
#[test]
fn a_recovery_into_a_new_topic_is_finished() {
    let mut world = World::new(4);
    world.staff();
    world.start().stop_when_led();
    let policy = company::config("").policy;
    world.cluster = Cluster::new(5);
    let recover = |force| {
        let allowed = Allowed { force, unreadable: false };
        owners::recover(&mut world.cluster.log(0), 0, world.snapshots.path(), &policy, allowed)
    };
    assert!(matches!(recover(false), Err(RunError::NoCommands { foreign: 0, unreadable: 0 })));
    assert!(matches!(recover(true), Ok(Done::Anew(done)) if done.snapshots_aside > 0));
    bring_snapshots_back(world.snapshots.path());
    assert!(matches!(recover(false), Ok(Done::Finished { snapshots_aside }) if snapshots_aside > 0));
    assert!(matches!(recover(false), Err(RunError::Whole { sequence: 1 })));
}

#[test]
fn without_a_command_nothing_is_begun() {
    let home = Home::new(SETTINGS);
    recover_refused(&home, &["--from-commands"], FAILED, "no command of this shard");
    assert!(home.journal().is_empty());
    let told = recover(&home, &["--from-commands", "--force"]);
    assert!(told.contains("0 commands read") && told.contains("No journal is set aside"), "{told}");
    assert_eq!(home.entries().len(), 1);
}

#[test]
fn a_command_that_cannot_be_read_is_named_and_left_out_only_when_told() {
    let home = company_at_work();
    let commands = home.log_dir().join("commands-0.jsonl");
    let text = std::fs::read_to_string(&commands).unwrap();
    let third = text.match_indices('\n').nth(1).unwrap().0 + 1;
    // As long as before: the journal says how long its outputs are.
    let bent = text[..third].to_owned() + "[" + &text[third + 1..];
    std::fs::write(&commands, bent).unwrap();
    std::fs::remove_file(journal_path(&home)).unwrap();
    let place = format!("partition 0, offset {third}");
    recover_refused(&home, &["--from-commands"], FAILED, &place);
    assert!(!journal_path(&home).with_extension("new").exists());
    let told = recover(&home, &["--from-commands", "--skip-unreadable"]);
    assert!(told.contains("7 commands read: 6 seats restored"), "{told}");
    assert!(told.contains("1 commands can't be read") && told.contains(&place), "{told}");
    start_opens(&home, 0);
}

#[test]
fn nothing_is_recovered_where_somebody_leads() {
    let home = company_at_work();
    let count = home.entries().len();
    let mut process = home.start();
    process.wait(|| opened(&home, count));
    for way in [&["--from-commands", "--force"][..], &["--rebase"]] {
        recover_refused(&home, way, FENCED, "leads this shard");
    }
    process.stop();
    home.committed().judge();
}

#[test]
fn where_the_journal_cannot_be_set_aside_a_new_place_is_asked_for() {
    let world = World::new(3);
    world.staff();
    world.start().stop_when_led();
    let mut log = world.cluster.log(0);
    let policy = company::config("").policy;
    let refused =
        owners::recover(&mut log, 0, world.snapshots.path(), &policy, Allowed { force: true, unreadable: false })
            .unwrap_err();
    assert!(refused.to_string().contains("needs a new topic"), "{refused}");
    world.start().stop_when_led();
}

#[test]
fn a_topic_made_anew_is_read_anew_after_a_rebase() {
    let home = company_at_work();
    let before = owners(&home);
    // The same accounts in another order, shorter, and one that is new.
    let mut accounts: Vec<String> = (0..8).rev().map(|number| company::account(&format!("a{number}"))).collect();
    accounts.push(company::account("b"));
    let text: String = accounts.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(home.log_dir().join("accounts-0.jsonl"), text).unwrap();
    refused(&mut home.start(), "bookd recover --rebase");

    let entries = home.entries().len();
    let done = home.bookd(&["recover", "--rebase"]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told} {}", String::from_utf8_lossy(&done.stderr));
    assert!(told.contains("accounts-0") && told.contains("reps-0") && !told.contains("intent"), "{told}");
    let rebase = home.entries().pop().unwrap();
    assert!(rebase.kind == EntryKind::Rebase && rebase.spans.iter().all(|span| span.next == 0), "{rebase:?}");

    let mut process = home.start();
    process.wait(|| opened(&home, entries));
    process.stop();
    let after = owners(&home);
    assert!(after.contains_key("b"), "the new one was read");
    for (account, seat) in &before {
        assert_eq!(&after[account], seat, "{account}");
    }
    home.committed().judge();
    assert!(home.bookd(&["journal", "--verify"]).status.success());
}

#[test]
fn a_rebase_that_is_said_twice_and_of_other_topics() {
    let home = company_at_work();
    let before = owners(&home);
    let count = home.entries().len();
    let told = recover(&home, &["--rebase", "--topics", "activity"]);
    assert!(told.contains("none of these topics had been read"), "{told}");
    let told = recover(&home, &["--rebase", "--topics", "intent,activity"]);
    assert!(told.contains("intent-0, which had been read to") && !told.contains("accounts"), "{told}");
    let told = recover(&home, &["--rebase", "--topics", "intent"]);
    assert!(told.contains("none of these topics had been read"), "they are at their beginning: {told}");
    let entries = home.entries();
    assert!(entries.len() == count + 3 && entries[count..].iter().all(|entry| entry.kind == EntryKind::Rebase));
    recover_refused(&home, &["--rebase", "--topics", "commands"], USAGE, "the inputs are");

    let mut process = home.start();
    process.wait(|| opened(&home, count));
    process.stop();
    assert_eq!(owners(&home), before);
    assert_eq!(home.lines(Topic::Commands).len(), 7, "events that come again are known");
    assert!(home.bookd(&["journal", "--verify"]).status.success());
}
