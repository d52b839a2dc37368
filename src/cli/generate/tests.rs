//! The workload as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::HOUR_MS;
use super::*;
use crate::domain::{Body, Record};

fn config() -> WorldConfig {
    WorldConfig {
        accounts: 300,
        reps: 24,
        days: 30,
        seed: 7,
        start: Millis(1_782_864_000_000),
        silence: Silence { from_day: 12, days: 5, lose: false },
        late: 0.01,
        duplicates: 0.01,
    }
}

fn lines(config: &WorldConfig) -> Vec<Line> {
    let mut lines = Vec::new();
    let told: Result<(), std::convert::Infallible> = story(config, |line| {
        lines.push(line);
        Ok(())
    });
    told.unwrap();
    lines
}

fn at(config: &WorldConfig, day: u32) -> Millis {
    calendar::Calendar { start: config.start }.at(day, 0)
}

fn is_event(line: &Line) -> bool {
    matches!(line.topic, Topic::Activity | Topic::Intent | Topic::Engagement | Topic::Inbound)
}

fn is_of_the_tool(line: &Line) -> bool {
    line.json.contains(r#""source":"sales-engagement""#)
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_another() {
    let one = lines(&config());
    assert!(one == lines(&config()));
    assert!(one != lines(&WorldConfig { seed: 8, ..config() }));
    // Of this seed, once and for all: the same on another machine, and after an upgrade of the crate that draws.
    let all: String = one.iter().map(|line| format!("{}{}\n", line.topic.name(), line.json)).collect();
    assert_eq!(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(all.as_bytes())), "fce6943375454bdd");
}

#[test]
fn the_market_is_the_same_whoever_owns_what() {
    let signals = |owners: &Owners| {
        let mut world = World::new(&config());
        let days = (0..20).flat_map(|day| world.day(day, owners)).collect::<Vec<Line>>();
        days.into_iter().filter(|line| is_event(line) && line.topic != Topic::Activity).collect::<Vec<Line>>()
    };
    let world = World::new(&config());
    let owners = Assignment::new(&world).of_day(&world, 0).clone();
    assert!(owners.len() > 50);
    assert!(signals(&owners) == signals(&Owners::new()));
}

#[test]
fn reps_work_what_they_are_said_to_own() {
    let mut world = World::new(&config());
    let (rep, company) = (&world.reps()[0], &world.companies()[0]);
    let (rep, email, company) = (rep.id.clone(), rep.email.clone(), company.clone());
    let owners = Owners::from([(("sdr".to_owned(), company.id.clone()), rep)]);
    let mut acts = 0;
    for line in (0..10).flat_map(|day| world.day(day, &owners)).filter(|line| line.topic == Topic::Activity) {
        assert!(line.json.contains(&company.id), "{}", line.json);
        acts += usize::from(line.json.contains(&email));
    }
    assert!(acts >= 6, "{acts}");
}

#[test]
fn lines_arrive_in_order_and_on_their_day() {
    let mut world = World::new(&config());
    let owners = Assignment::new(&world).of_day(&world, 0).clone();
    for day in 0..30 {
        let lines = world.day(day, &owners);
        assert!(lines.is_sorted_by_key(|line| line.arrives_at));
        assert!(lines.iter().all(|line| (world.begins(day)..world.begins(day + 1)).contains(&line.arrives_at)));
        assert!(lines.iter().all(|line| line.occurred_at <= line.arrives_at));
    }
}

#[test]
fn the_tool_is_silent_and_then_tells_all() {
    let config = config();
    let (from, until) = (at(&config, 12), at(&config, 17));
    let lines = lines(&config);
    let tool: Vec<&Line> = lines.iter().filter(|line| is_of_the_tool(line)).collect();
    assert!(!tool.iter().any(|line| (from..until).contains(&line.arrives_at)));
    assert!(lines.iter().any(|line| !is_of_the_tool(line) && (from..until).contains(&line.arrives_at)));
    let held: Vec<&&Line> = tool.iter().filter(|line| (from..until).contains(&line.occurred_at)).collect();
    assert!(held.len() > 200, "{}", held.len());
    // Nothing of it is a week old when it comes: the policy's window for activity.
    assert!(tool.iter().all(|line| line.arrives_at.0 - line.occurred_at.0 < 7 * 24 * HOUR_MS));

    let lost = self::lines(&WorldConfig { silence: Silence { lose: true, ..config.silence }, ..config.clone() });
    let mut told = lost.iter().filter(|line| is_of_the_tool(line));
    assert!(!told.any(|line| (from..until).contains(&line.occurred_at) || (from..until).contains(&line.arrives_at)));
    assert!(lost.iter().any(|line| is_of_the_tool(line) && line.arrives_at > until));
}

#[test]
fn as_many_come_late_and_twice_as_asked() {
    let config = WorldConfig { late: 0.1, duplicates: 0.05, ..config() };
    let lines = lines(&WorldConfig { silence: Silence { days: 0, ..config.silence }, ..config });
    let events: Vec<&Line> = lines.iter().filter(|line| is_event(line)).collect();
    let ids: BTreeSet<&str> = events.iter().map(|line| &*line.json).collect();
    let share = |count: usize| count as f64 / ids.len() as f64;
    let twice = share(events.len() - ids.len());
    assert!((0.04..0.06).contains(&twice), "{twice}");
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    for line in &events {
        let delay = line.arrives_at.0 - line.occurred_at.0;
        let least = first.entry(&line.json).or_insert(delay);
        *least = delay.min(*least);
    }
    let late = share(first.values().filter(|delay| **delay > HOUR_MS).count());
    assert!((0.085..0.115).contains(&late), "{late}");
}

#[test]
fn every_kind_and_source_is_in_the_demos_policy() {
    let demo = crate::config::parse("demo.toml", include_str!("../../../config/demo.toml"), &[]).unwrap();
    let mut kinds = BTreeSet::new();
    for line in lines(&WorldConfig { accounts: 900, ..config() }).iter().filter(|line| is_event(line)) {
        let value: serde_json::Value = serde_json::from_str(&line.json).unwrap();
        let class = crate::domain::signal::Class::ALL.into_iter().find(|class| class.name() == line.topic.name());
        let kind = value["kind"].as_str().unwrap();
        assert!(demo.policy.kind_index(class.unwrap(), kind).is_some(), "{}", line.json);
        if line.topic == Topic::Activity {
            assert!(demo.policy.source_index(value["source"].as_str().unwrap()).is_some(), "{}", line.json);
        }
        kinds.insert((line.topic, kind.to_owned()));
    }
    // And the other way round: the story has everything that the policy knows.
    assert_eq!(kinds.len(), demo.policy.kinds.len(), "{kinds:?}");
}

#[test]
fn every_line_decodes_and_says_when_it_happened() {
    let demo = crate::config::parse("demo.toml", include_str!("../../../config/demo.toml"), &[]).unwrap();
    let decoder = crate::feed::Decoder::new(demo.feeds);
    for (number, line) in lines(&WorldConfig { accounts: 900, ..config() }).into_iter().enumerate() {
        let record = Record {
            topic: line.topic,
            partition: 0,
            offset: number as u64,
            next: number as u64 + 1,
            key: None,
            value: Some(line.json.clone().into_bytes()),
            headers: Vec::new(),
            timestamp: line.arrives_at,
        };
        let input = decoder.decode(&record).unwrap_or_else(|why| panic!("{why}: {}", line.json)).unwrap();
        let (at, account) = match input.body {
            Body::Signal(signal) => (Some(signal.at), !signal.account.is_empty()),
            Body::Activity(activity) => {
                assert!(activity.actor.is_some(), "{}", line.json);
                (Some(activity.at), !activity.account.is_empty())
            }
            Body::Request(request) => (Some(request.at), !request.account.is_empty()),
            Body::Account(record) => (record.at, true),
            Body::Rep(record) => (record.at, true),
            Body::Opportunity(record) => (record.at, true),
            other => panic!("{other:?}"),
        };
        // Written in whole seconds.
        let written = line.occurred_at.0 - line.occurred_at.0.rem_euclid(1000);
        assert_eq!((at, account), (Some(Millis(written)), true), "{}", line.json);
    }
}

#[test]
fn the_default_story_is_as_large_as_promised() {
    let args: Arguments = clap::Parser::try_parse_from(["generate"]).unwrap();
    let count = lines(&args.generate.world()).len();
    assert!((40_000..80_000).contains(&count), "{count}");
}

#[derive(clap::Parser)]
struct Arguments {
    #[command(flatten)]
    generate: GenerateArgs,
}

#[test]
fn files_are_written_once_and_not_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("workload");
    let words = ["generate", "--accounts", "40", "--reps", "3", "--days", "5", "--dir", path.to_str().unwrap()];
    let args: Arguments = clap::Parser::try_parse_from(words).unwrap();
    run(&args.generate).unwrap();
    let accounts = fs::read_to_string(path.join("accounts-0.jsonl")).unwrap();
    assert!(accounts.lines().count() >= 38, "{accounts}");
    assert!(fs::read_to_string(path.join("activity-0.jsonl")).unwrap().lines().count() > 20);
    assert!(run(&args.generate).unwrap_err().to_string().contains("is there already"));
    assert!(<Arguments as clap::Parser>::try_parse_from(["generate", "--late", "2"]).is_err());
}
