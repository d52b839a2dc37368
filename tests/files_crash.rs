//! Crashes of and damage to a Files log: what its directory is after them, byte for byte.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bookd::domain::{OutRecord, Topic};
use bookd::log::files::{Files, Options};
use bookd::log::{Log, LogError};

/// What stands in a journal file before its first frame.
const FILE_HEAD: u64 = 16;

fn open(dir: &Path, sync_every_commits: u32) -> Files {
    Files::new(Options { dir: dir.to_owned(), shard: 0, sync_every_commits })
}

fn led(dir: &Path) -> Result<Files, LogError> {
    let mut log = open(dir, 1);
    log.lead().map(|()| log)
}

fn command(text: &str) -> OutRecord {
    OutRecord { topic: Topic::Commands, key: None, value: Some(text.as_bytes().to_vec()), headers: Vec::new() }
}

fn alert(text: &str) -> OutRecord {
    OutRecord { topic: Topic::Alerts, ..command(text) }
}

fn entries(log: &mut Files) -> Vec<String> {
    let mut reader = log.open_journal(0).unwrap();
    std::iter::from_fn(|| reader.next(Duration::ZERO).unwrap())
        .map(|record| String::from_utf8(record.bytes).unwrap())
        .collect()
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

/// A directory with three commits, `a` to `c`, and the lengths of its files after each.
struct Crashed {
    dir: tempfile::TempDir,
    lengths: Vec<[u64; 3]>,
}

const NAMES: [&str; 3] = ["commands-0.jsonl", "alerts-0.jsonl", "journal-0.log"];

impl Crashed {
    fn new(commits_per_group: u32) -> Crashed {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path(), commits_per_group);
        log.lead().unwrap();
        let mut lengths = Vec::new();
        for entry in ["a", "b", "c"] {
            let outputs = [command(&format!("\"{entry}1\"")), alert(&format!("\"{entry}2\""))];
            log.commit(&outputs, entry.repeat(40).as_bytes()).unwrap();
            lengths.push(NAMES.map(|name| fs::metadata(dir.path().join(name)).unwrap().len()));
        }
        drop(log);
        Crashed { dir, lengths }
    }

    /// The directory after a crash that left only this many bytes of each file.
    fn cut(&self, lengths: [u64; 3]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, length) in NAMES.iter().zip(lengths) {
            let bytes = fs::read(self.dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name), &bytes[..length as usize]).unwrap();
        }
        dir
    }
}

fn assert_state(dir: &Path, commits: usize) {
    let mut log = led(dir).unwrap();
    let wanted = &["a", "b", "c"][..commits];
    let lines = |number: u32| wanted.iter().map(|entry| format!("\"{entry}{number}\"\n")).collect::<String>();
    assert_eq!(entries(&mut log), wanted.iter().map(|entry| entry.repeat(40)).collect::<Vec<_>>());
    assert_eq!((text(dir, NAMES[0]), text(dir, NAMES[1])), (lines(1), lines(2)));
    log.commit(&[command("7")], b"next").unwrap();
    assert_eq!(entries(&mut log).len(), commits + 1);
    assert_eq!(text(dir, NAMES[0]), lines(1) + "7\n");
}

#[test]
fn a_crash_at_any_byte_of_a_commit_leaves_all_of_it_or_nothing() {
    let crashed = Crashed::new(1);
    let [before, after] = [crashed.lengths[1], crashed.lengths[2]];
    let mut at = before;
    for file in 0..3 {
        for length in before[file]..after[file] {
            at[file] = length;
            assert_state(crashed.cut(at).path(), 2);
        }
        at[file] = after[file];
    }
    assert_state(crashed.cut(after).path(), 3);
}

#[test]
fn a_crash_at_any_byte_of_a_group_leaves_whole_commits() {
    let whole = Crashed::new(1).lengths[2];
    let crashed = Crashed::new(3);
    // Nothing was written before the third commit filled the group.
    assert_eq!(crashed.lengths[1], [0, 0, FILE_HEAD]);
    assert_eq!(crashed.lengths[2], whole);
    for journal in FILE_HEAD..whole[2] {
        let commits = ((journal - FILE_HEAD) / ((whole[2] - FILE_HEAD) / 3)) as usize;
        assert_state(crashed.cut([whole[0], whole[1], journal]).path(), commits);
    }
}

/// Lines without their frame look the same whether a crash left them or the journal lost its end.
#[test]
fn whole_lines_that_are_cut_off_are_kept_aside() {
    let crashed = Crashed::new(1);
    let [first, second, third] = [crashed.lengths[0], crashed.lengths[1], crashed.lengths[2]];
    // Two whole commands, and half of the last alert.
    let dir = crashed.cut([third[0], third[1] - 2, first[2]]);
    assert_state(dir.path(), 1);
    let kept = |name: &str| fs::read_to_string(dir.path().join(format!("{name}.uncommitted"))).ok();
    assert_eq!(kept(NAMES[0]).as_deref(), Some("\"b1\"\n\"c1\"\n"));
    assert_eq!(kept(NAMES[1]).as_deref(), Some("\"b2\"\n"));
    assert_eq!(kept("account-state-0.jsonl"), None);
    // The next time they are appended.
    let crashed_again = fs::OpenOptions::new().append(true).open(dir.path().join(NAMES[0]));
    std::io::Write::write_all(&mut crashed_again.unwrap(), b"8\n9").unwrap();
    drop(led(dir.path()).unwrap());
    assert_eq!(kept(NAMES[0]).as_deref(), Some("\"b1\"\n\"c1\"\n8\n"));
    // A torn line was seen by nobody.
    let torn = crashed.cut([second[0] + 2, second[1], second[2]]);
    assert_state(torn.path(), 2);
    assert!(!torn.path().join(format!("{}.uncommitted", NAMES[0])).exists());
}

#[test]
fn blocks_of_the_last_write_that_never_reached_the_disk_are_cut_off() {
    let crashed = Crashed::new(3);
    let [_, _, whole] = crashed.lengths[2];
    let frame = (whole - FILE_HEAD) / 3;
    // Of three frames of one group the disk took the first and the third; where the second was, zeros.
    let dir = crashed.cut(crashed.lengths[2]);
    let journal = dir.path().join(NAMES[2]);
    let mut bytes = fs::read(&journal).unwrap();
    bytes[(FILE_HEAD + frame) as usize..(FILE_HEAD + 2 * frame) as usize].fill(0);
    fs::write(&journal, bytes).unwrap();
    assert_state(dir.path(), 1);
}

#[test]
fn a_flipped_bit_before_the_last_commit_is_refused_and_named() {
    let crashed = Crashed::new(1);
    let [_, _, second] = crashed.lengths[0];
    let [_, _, third] = crashed.lengths[1];
    for at in second..third {
        let dir = crashed.cut(crashed.lengths[2]);
        let journal = dir.path().join(NAMES[2]);
        let mut bytes = fs::read(&journal).unwrap();
        bytes[at as usize] ^= 0x10;
        fs::write(&journal, &bytes).unwrap();

        let error = led(dir.path()).unwrap_err();
        let LogError::Corrupt { place, what } = &error else { panic!("byte {at}: {error}") };
        assert!(place.ends_with(NAMES[2]) && what.contains(&format!("frame 2 at byte {second}")), "{error}");
        assert_eq!(fs::read(&journal).unwrap(), bytes, "nothing was cut off");

        let mut reader = open(dir.path(), 1).open_journal(0).unwrap();
        assert!(reader.next(Duration::ZERO).unwrap().is_some());
        assert!(matches!(reader.next(Duration::ZERO), Err(LogError::Corrupt { .. })), "byte {at}");
    }
}

#[test]
fn lost_outputs_lost_journals_and_foreign_journals_are_refused() {
    let crashed = Crashed::new(1);
    let whole = crashed.lengths[2];
    let refused = |dir: &Path, name: &str| match led(dir) {
        Err(LogError::Corrupt { place, .. }) => assert!(place.ends_with(name), "{place}"),
        other => panic!("{other:?}"),
    };
    refused(crashed.cut([whole[0] - 1, whole[1], whole[2]]).path(), NAMES[0]);
    refused(crashed.cut([whole[0], whole[1], 0]).path(), NAMES[0]);

    let dir = crashed.cut(whole);
    fs::rename(dir.path().join(NAMES[2]), dir.path().join("journal-1.log")).unwrap();
    let mut other = Files::new(Options { dir: dir.path().to_owned(), shard: 1, sync_every_commits: 1 });
    let error = other.lead().unwrap_err().to_string();
    assert!(error.contains("shard 0, not 1"), "{error}");
}

/// Others try all the while: at no moment between the old journal and the new one is the place free.
#[test]
fn nobody_takes_the_lead_while_a_journal_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = led(dir.path()).unwrap();
    log.commit(&[command("1")], b"first").unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut tries = 0u64;
            while !ended.load(Ordering::Relaxed) {
                match led(dir.path()) {
                    // Between the two names there is no journal, and outputs without one are refused.
                    Err(LogError::Fenced(_) | LogError::Corrupt { .. }) => tries += 1,
                    other => panic!("{other:?}"),
                }
            }
            tries
        });
        for _ in 0..50 {
            log.begin_anew(b"anew").unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        assert!(other.join().unwrap() > 50);
    });
    assert_eq!(entries(&mut log), ["anew"]);
    assert_eq!(text(dir.path(), NAMES[0]), "1\n");
}

#[test]
fn a_journal_shorter_than_a_reader_was_promised_is_an_error_not_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = led(dir.path()).unwrap();
    log.commit(&[], b"first").unwrap();
    log.commit(&[], b"second").unwrap();
    let first = log.open_journal(0).unwrap().next(Duration::ZERO).unwrap().unwrap();
    let journal = File::options().write(true).open(dir.path().join(NAMES[2])).unwrap();
    for length in [first.next + 3, first.next] {
        let mut reader = log.open_journal(0).unwrap();
        journal.set_len(length).unwrap();
        assert!(reader.next(Duration::ZERO).unwrap().is_some());
        assert!(matches!(reader.next(Duration::ZERO), Err(LogError::Corrupt { .. })), "cut to {length}");
    }
}

#[test]
fn a_write_that_fails_and_can_not_be_taken_back_asks_for_recovery() {
    let dir = tempfile::tempdir().unwrap();
    let commands = dir.path().join(NAMES[0]);
    std::os::unix::fs::symlink("/dev/full", &commands).unwrap();
    let mut log = led(dir.path()).unwrap();
    assert!(matches!(log.commit(&[command("1")], b"a"), Err(LogError::Rebuild(_))));
    assert!(matches!(log.commit(&[], b"b"), Err(LogError::Rebuild(_))), "not before `lead`");
    fs::remove_file(&commands).unwrap();
    log.lead().unwrap();
    log.commit(&[command("1")], b"c").unwrap();
    assert_eq!(entries(&mut log), ["c"]);
}

#[test]
fn a_gathered_group_is_written_when_there_is_nothing_to_read_and_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path(), 100);
    log.lead().unwrap();
    log.commit(&[command("1")], b"a").unwrap();
    assert_eq!(text(dir.path(), NAMES[0]), "");
    log.poll(1, Duration::ZERO, &mut Vec::new()).unwrap();
    assert_eq!(text(dir.path(), NAMES[0]), "1\n");
    log.commit(&[command("2")], b"b").unwrap();
    drop(log);
    assert_eq!(text(dir.path(), NAMES[0]), "1\n2\n");
    assert_eq!(entries(&mut led(dir.path()).unwrap()), ["a", "b"]);
}
