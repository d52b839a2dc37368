//! The ways out: a journal that can't be followed any more, and an input topic that isn't what was read of it.

mod support;

use std::collections::BTreeMap;

use bookd::domain::{Body, EntryKind, Gate, Topic};
use bookd::run::clock::Clock;
use bookd::run::owners;
use bookd::run::replica::Replica;
use bookd::wire;
use support::company;
use support::instance::World;
use support::process::{Home, Process};

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

fn refused(process: &mut Process, way_out: &str) {
    assert_eq!(process.exit_code(), Some(4), "{}", process.told());
    assert!(process.told().contains(way_out), "{}", process.told());
}

/// `damage` is what a disk may do to the journal's file.
fn recovered_from_the_commands(damage: impl Fn(&mut Vec<u8>)) {
    let home = company_at_work();
    let before = owners(&home);
    let path = home.log_dir().join("journal-0.log");
    let mut journal = std::fs::read(&path).unwrap();
    damage(&mut journal);
    std::fs::write(&path, &journal).unwrap();
    let outputs = home.lines(Topic::Commands);
    refused(&mut home.start(), "bookd recover --from-commands");
    assert_eq!(home.lines(Topic::Commands), outputs, "they are the way out");

    // The CRM says that everything is Ben's. It is late: the commands know better.
    let late: Vec<String> = (0..8).map(|number| company::owned_account(&format!("a{number}"), "ben")).collect();
    append(&home, Topic::Accounts, &late);
    let done = home.bookd(&["recover", "--from-commands"]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told} {}", String::from_utf8_lossy(&done.stderr));
    assert!(told.contains("7 commands read: 7 seats restored (7 owned)"), "{told}");
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
    append(&home, Topic::Accounts, &[company::account("new"), r#"{"op":"delete","id":"old"}"#.to_owned()]);
    append(&home, Topic::Intent, &[company::surge("s9", "new", Clock::Wall.now())]);
    append(&home, Topic::Reps, &[r#"{"op":"delete","id":"ana"}"#.to_owned()]);
    process.wait(|| home.lines(Topic::Commands).len() >= 7 + 1 + 2 * 3);
    home.wait_until_read(&mut process);
    process.stop();

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
    let refused = home.bookd(&["recover", "--from-commands"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("--force"), "{told}");
    assert_eq!(home.journal(), journal);
    let forced = home.bookd(&["recover", "--from-commands", "--force"]);
    assert!(forced.status.success(), "{}", String::from_utf8_lossy(&forced.stderr));
    assert_eq!(home.entries().len(), 1);
    // Its snapshots are out of the way: it starts.
    let mut process = home.start();
    process.wait(|| opened(&home, 0));
    process.stop();
    home.committed().check_commands();
}

#[test]
fn where_the_journal_cannot_be_set_aside_a_new_place_is_asked_for() {
    let world = World::new(3);
    world.staff();
    world.start().stop_when_led();
    let mut log = world.cluster.log(0);
    let policy = company::config("").policy;
    let refused = owners::recover(&mut log, 0, world.snapshots.path(), &policy, true).unwrap_err();
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
