//! The leader on the log in memory: start, gate, clock, policy, frontiers, partitions, a feed that only fails.

mod support;

use bookd::domain::input::Frontier;
use bookd::domain::{Body, EntryKind, Gate, Millis, Topic};
use bookd::log::LogError;
use bookd::run::RunError;
use support::company;
use support::instance::{MONDAY, World};

fn kinds(world: &World) -> Vec<EntryKind> {
    world.entries().iter().map(|entry| entry.kind).collect()
}

fn has_gate(entry: &bookd::domain::Entry, gate: Gate) -> bool {
    entry.inputs.iter().any(|input| input.body == Body::Gate(gate))
}

#[test]
fn a_first_start_takes_the_policy_reads_what_is_there_and_then_decides() {
    let world = World::new(1);
    world.staff();
    world.append(Topic::Accounts, &company::owned_account("mine", "ana"));
    world.append(Topic::Intent, &company::surge("e1", "a3", MONDAY));
    let instance = world.start();
    instance.wait(|| !world.commands().is_empty());
    instance.stop();
    let kinds = kinds(&world);
    assert_eq!(
        kinds[..4],
        [EntryKind::Heartbeat, EntryKind::Policy, EntryKind::Partitions, EntryKind::Batch],
        "{kinds:?}"
    );
    let opening = world.entries().iter().position(|entry| has_gate(entry, Gate::Open)).unwrap();
    assert!(opening > 3, "the gate opens behind what was there");
    let commands = world.commands();
    assert!(commands.iter().all(|command| command["account"]["crm_id"] != "mine"), "an owned account is adopted");
    let placed: Vec<&str> = commands.iter().map(|command| command["account"]["crm_id"].as_str().unwrap()).collect();
    assert!(placed.contains(&"a3"), "{placed:?}");
    world.committed().judge();
}

#[test]
fn the_first_gate_waits_for_accounts_and_reps() {
    let world = World::new(2);
    let instance = world.start();
    instance.wait(|| instance.status.sequence() >= 2);
    world.append(Topic::Accounts, &company::owned_account("mine", "ana"));
    instance.wait(|| instance.status.sequence() >= 3);
    assert!(!instance.status.gate_open(), "without a rep nobody's account could be adopted");
    world.append(Topic::Reps, &company::rep("ana"));
    instance.wait_for_gate();
    instance.stop();
    assert_eq!(world.commands(), Vec::<serde_json::Value>::new());
    world.committed().judge();
}

#[test]
fn a_restart_closes_the_gate_until_intake_has_caught_up() {
    let world = World::new(3);
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    instance.stop();
    let before = world.entries().len();
    world.advance(3600);
    for number in 0..50 {
        world.append(Topic::Intent, &company::surge(&format!("e{number}"), "a1", world.now()));
    }
    let instance = world.start_with(|setup| setup.settings.batch_max_records = 10);
    instance.wait_for_gate();
    instance.stop();
    let entries = world.entries();
    let closing = &entries[before];
    assert!(closing.kind == EntryKind::Gate && has_gate(closing, Gate::Closed));
    assert_eq!(closing.now, entries[before - 1].now, "it bears the last journalled time");
    let opening = entries[before..].iter().position(|entry| has_gate(entry, Gate::Open)).unwrap();
    let read: u32 = entries[before..before + opening].iter().flat_map(|entry| &entry.spans).map(|span| span.read).sum();
    assert_eq!(read, 50);
    world.committed().judge();
}

#[test]
fn a_clock_apart_from_the_logs_does_not_lead_and_never_enters_the_journal() {
    let world = World::new(4);
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    instance.stop();
    let last = world.entries().last().unwrap().now;
    // The log's clock stays where it was.
    let wrong = Millis(MONDAY.0 + 31_000);
    let refused = world.start_with(|setup| setup.clock = bookd::run::clock::Clock::set_to(wrong)).failure();
    assert!(matches!(refused, RunError::ClockSkew { apart_s: 31, max_s: 30 }), "{refused}");
    assert_eq!(world.entries().last().unwrap().now, last);
    world.start().stop();
}

#[test]
fn a_jump_of_the_clock_closes_the_gate_and_minutes_do_not() {
    let world = World::new(5);
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    world.let_pass(&instance, 20);
    let closed = |world: &World| world.entries().iter().filter(|entry| has_gate(entry, Gate::Closed)).count();
    assert_eq!(closed(&world), 0);
    world.advance(16 * 60);
    instance.wait(|| closed(&world) == 1);
    instance.wait_for_gate();
    instance.stop();
    world.committed().judge();
}

#[test]
fn a_version_has_one_text_a_higher_one_takes_force_and_a_lower_one_is_ignored() {
    let world = World::new(6);
    world.staff();
    world.start().stop_when_led();
    let changed = |version: u32, capacity: &str| {
        let text = company::POLICY.replace("version = 1", &format!("version = {version}"));
        let text = text.replace("capacity = 4", &format!("capacity = {capacity}"));
        bookd::config::parse("changed.toml", &text, &[]).unwrap().policy
    };
    let refused = world.start_with(|setup| setup.policy = changed(1, "5")).failure();
    assert!(matches!(refused, RunError::PolicyReused { version: 1 }), "{refused}");
    world.start_with(|setup| setup.policy = changed(3, "5")).stop_when_led();
    world.start_with(|setup| setup.policy = changed(2, "6")).stop_when_led();
    let versions: Vec<u32> = world
        .entries()
        .iter()
        .flat_map(|entry| &entry.inputs)
        .filter_map(|input| if let Body::Policy(policy) = &input.body { Some(policy.version) } else { None })
        .collect();
    assert_eq!(versions, [1, 3]);
}

#[test]
fn an_idle_account_is_lost_only_behind_the_frontier() {
    let world = World::new(7);
    world.staff();
    world.append(Topic::Accounts, &company::owned_account("mine", "ana"));
    world.append(Topic::Activity, &company::email("m1", "ana", "mine", MONDAY));
    let instance = world.start();
    instance.wait_for_gate();
    world.let_pass(&instance, 40);
    let lost = |world: &World| {
        world.commands().iter().any(|each| each["type"] == "retrieval" && each["account"]["crm_id"] == "mine")
    };
    assert!(!lost(&world), "no event of the source is later than the promise: it may be on its way");
    world.append(Topic::Activity, &company::email("m2", "ben", "a1", world.now()));
    world.let_pass(&instance, 3);
    instance.wait(|| lost(&world));
    instance.stop();
    let entries = world.entries();
    let inputs = entries.iter().flat_map(|entry| &entry.inputs);
    let frontiers = inputs.filter(|input| matches!(input.body, Body::Frontier(Frontier::EndPassed { .. }))).count();
    assert!(frontiers < 10, "frontiers are journalled where they move something, not every second: {frontiers}");
    world.committed().judge();
}

#[test]
fn a_partition_that_is_added_is_read_from_its_beginning() {
    let world = World::new(8);
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    world.append_to(Topic::Activity, 1, &company::email("m1", "ana", "a1", MONDAY));
    world.append_to(Topic::Intent, 3, &company::surge("e1", "a1", MONDAY));
    world.advance(11);
    instance.wait(|| kinds(&world).iter().filter(|kind| **kind == EntryKind::Partitions).count() == 2);
    let read = |topic, partition| {
        let entries = world.entries();
        let mut spans = entries.iter().flat_map(|entry| &entry.spans);
        spans.any(|span| (span.topic, span.partition) == (topic, partition))
    };
    instance.wait(|| read(Topic::Activity, 1) && read(Topic::Intent, 3));
    instance.stop();
    let counts: Vec<u32> = world
        .entries()
        .iter()
        .flat_map(|entry| &entry.inputs)
        .filter_map(|input| match input.body {
            Body::Frontier(Frontier::Partitions { count }) => Some(count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [1, 2]);
    world.committed().judge();
}

#[test]
fn a_feed_that_only_fails_stops_the_intake_and_can_be_read_again_once_repaired() {
    let mut world = World::new(9);
    world.settings = "[loop]\nrejected_in_a_row_max = 5\n".to_owned();
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    for _ in 0..6 {
        world.append(Topic::Inbound, "{ nonsense");
    }
    let stopped = instance.failure();
    assert!(matches!(stopped, RunError::Rejected { topic: Topic::Inbound, in_a_row: 6, .. }), "{stopped}");
    let letters = world.cluster.outputs(Topic::DeadLetters).len();
    assert!(letters < 6, "what went over the limit is no dead letter");
    world.settings = "[loop]\nrejected_in_a_row_max = 0\n".to_owned();
    let instance = world.start();
    instance.wait_for_gate();
    instance.wait(|| world.cluster.outputs(Topic::DeadLetters).len() == 6);
    let metrics = instance.stop();
    assert!(metrics.contains("bookd_dead_letters_total{topic=\"inbound\",code=\"malformed\"} 6"), "{metrics}");
    world.committed().judge();
}

#[test]
fn a_second_leader_ends_the_first() {
    let world = World::new(10);
    world.staff();
    let first = world.start();
    first.wait_for_gate();
    let second = world.start();
    second.wait_for_gate();
    world.advance(11);
    let ended = first.failure();
    assert!(matches!(ended, RunError::Log(LogError::Fenced(_))), "{ended}");
    second.stop();
    world.committed().judge();
}

#[test]
fn an_idle_leader_proves_its_lease_and_checkpoints_its_state() {
    let mut world = World::new(11);
    world.settings = "[loop]\ncheckpoint_every_entries = 4\nheartbeat = \"10s\"\n".to_owned();
    world.staff();
    let instance = world.start();
    instance.wait_for_gate();
    for _ in 0..8 {
        let before = instance.status.sequence();
        world.advance(10);
        instance.wait(|| instance.status.sequence() > before);
    }
    instance.stop();
    let kinds = kinds(&world);
    assert!(kinds.iter().filter(|kind| **kind == EntryKind::Heartbeat).count() >= 4, "{kinds:?}");
    assert!(kinds.contains(&EntryKind::Checkpoint), "{kinds:?}");
    let checkpoints = world.entries().into_iter().filter(|entry| entry.kind == EntryKind::Checkpoint);
    assert!(checkpoints.map(|entry| entry.state).all(|state| state.is_some()));
    world.committed().judge();
}
