//! Recovery on the log in memory: doubtful commits, snapshots good and bad, journals that aren't what they were.

mod support;

use std::path::PathBuf;

use bookd::domain::Topic;
use bookd::log::simulated::Faults;
use bookd::run::RunError;
use bookd::run::error::{Broken, Foreign};
use bookd::run::follow::Follower;
use bookd::run::open::OpenLog;
use bookd::wire::snapshot;
use support::company;
use support::instance::World;

/// A company that was fed for a while, in pieces; `feed` appends one piece.
fn feed(world: &World, piece: usize) {
    for number in 0..4 {
        let account = format!("a{}", (piece + number) % 8);
        world.append(Topic::Intent, &company::surge(&format!("s{piece}.{number}"), &account, world.now()));
    }
    world
        .append(Topic::Activity, &company::email(&format!("m{piece}"), "ana", &format!("a{}", piece % 8), world.now()));
}

fn fed(world: &World, pieces: usize) {
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    for piece in 0..pieces {
        feed(world, piece);
        world.let_pass(&instance, 1);
    }
    // A minute that passed is an entry; what was fed last may come in the next.
    let fed: usize = world.committed().inputs.values().map(Vec::len).sum();
    let read =
        || -> u64 { world.entries().iter().flat_map(|entry| &entry.spans).map(|span| u64::from(span.read)).sum() };
    instance.wait(|| read() == fed as u64);
    instance.stop();
}

fn snapshots(world: &World) -> Vec<PathBuf> {
    snapshot::list(world.snapshots.path(), 0).unwrap()
}

#[test]
fn aborted_and_doubtful_commits_lose_nothing_and_double_nothing() {
    let mut rebuilds = 0;
    for seed in 0..6 {
        let world = World::new(seed);
        world.staff();
        let faults = Faults { retry: 50, abort: 150, doubtful: 150, short_poll: 300, gap: 100 };
        world.cluster.set_faults(faults);
        let instance = world.start();
        for piece in 0..25 {
            feed(&world, piece);
            // All steps together are no clock skew, however many fall between two readings.
            world.advance(1);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        instance.wait_for_gate();
        // What is decided last has an end once the faults have.
        world.cluster.set_faults(Faults::default());
        let count = |world: &World| {
            world.entries().iter().flat_map(|entry| entry.spans.clone()).map(|span| u64::from(span.read)).sum::<u64>()
        };
        instance.wait(|| count(&world) == 10 + 25 * 5);
        let metrics = instance.stop();
        let of_seed = metrics.lines().find_map(|line| line.strip_prefix("bookd_rebuilds_total ")).unwrap();
        rebuilds += of_seed.parse::<u32>().unwrap();
        assert!(world.committed().judge().commands > 0, "seed {seed}");
    }
    // How many commits a seed makes hangs on the machine's speed; all together they are far too many to be spared.
    assert!(rebuilds > 0, "no fault struck");
}

#[test]
fn whatever_happens_to_the_snapshots_the_state_is_the_journals() {
    let mut world = World::new(1);
    world.settings = "[snapshots]\nevery_entries = 8\n".to_owned();
    fed(&world, 12);
    let state = world.committed().judge().state;
    assert_eq!(snapshots(&world).len(), snapshot::KEPT);
    let flip = |path: &PathBuf| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let check = |world: &World, what: &str| {
        let mut log = world.cluster.log(0);
        let (follower, _) = bookd::run::recover::lead(&mut log, 0, world.snapshots.path()).unwrap();
        let replica = follower.replica().unwrap();
        assert_eq!(bookd::wire::digest::state(&replica.engine.view()), state, "{what}");
    };
    check(&world, "from the newest");
    flip(&snapshots(&world)[0]);
    check(&world, "from the older one");
    let older = &snapshots(&world)[1];
    let bytes = std::fs::read(older).unwrap();
    std::fs::write(older, &bytes[..bytes.len() - 7]).unwrap();
    check(&world, "from the whole journal");
    // And it goes on from there.
    let instance = world.start();
    instance.wait_for_gate();
    instance.stop();
    world.committed().judge();
}

#[test]
fn a_snapshot_of_another_journal_or_ahead_of_it_is_refused() {
    let world = World::new(1);
    fed(&world, 3);
    let other = World::new(2);
    fed(&other, 3);
    let mine = std::fs::read(&snapshots(&world)[0]).unwrap();
    std::fs::write(&snapshots(&other)[0], &mine).unwrap();
    let refused = other.start().failure();
    assert!(
        matches!(refused, RunError::Snapshot { why: Foreign::OtherEntry { .. } | Foreign::Beyond { .. }, .. }),
        "{refused}"
    );

    let empty = World::new(3);
    empty.staff();
    std::fs::copy(&snapshots(&world)[0], empty.snapshots.path().join(snapshots(&world)[0].file_name().unwrap()))
        .unwrap();
    let refused = empty.start().failure();
    assert!(matches!(refused, RunError::Snapshot { why: Foreign::Beyond { .. }, .. }), "{refused}");
    assert!(refused.to_string().contains("snapshots away"), "{refused}");
}

#[test]
fn a_journal_that_lost_its_beginning_needs_its_snapshot() {
    let world = World::new(1);
    fed(&world, 6);
    let journal = world.cluster.journal(0);
    world.cluster.lose_journal_before(0, journal[journal.len() - 2].at);
    world.start().stop_when_led();
    for snapshot in snapshots(&world) {
        std::fs::remove_file(snapshot).unwrap();
    }
    let refused = world.start().failure();
    assert!(
        matches!(&refused, RunError::Damaged { .. } | RunError::Journal { why: Broken::Sequence { .. }, .. }),
        "{refused}"
    );
}

#[test]
fn a_follower_comes_to_the_leaders_state_at_every_entry() {
    let world = World::new(4);
    fed(&world, 8);
    let open = OpenLog::Simulated(world.cluster.clone(), 0);
    let mut follower = Follower::from_start(&mut *open.open().unwrap(), 0).unwrap();
    let entries = follower.catch_up().unwrap();
    assert_eq!(entries as usize, world.entries().len());
    assert_eq!(follower.sequence(), entries);
    assert_eq!(bookd::wire::digest::state(&follower.replica().unwrap().engine.view()), world.committed().judge().state);
}

#[test]
fn the_worker_writes_snapshots_while_the_leader_goes_on_and_a_clean_end_leaves_nothing_to_replay() {
    let mut world = World::new(5);
    world.settings = "[snapshots]\nevery_entries = 3\n".to_owned();
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    for piece in 0..10 {
        feed(&world, piece);
        world.let_pass(&instance, 1);
        if piece == 7 {
            instance.wait(|| !snapshots(&world).is_empty());
        }
    }
    let metrics = instance.stop();
    assert!(metrics.contains("bookd_snapshots_total{result=\"failed\"} 0"), "{metrics}");
    let (header, _) = snapshot::read(&snapshots(&world)[0]).unwrap();
    assert_eq!(header.sequence, world.entries().len() as u64);
}
