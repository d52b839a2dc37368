//! A quarter in shadow on a real-looking team: deals are what accounts and agents do, and whoever closed most of an
//! account's deals lately is whom people made its owner. Skipped, with a word, where the data set isn't there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bookd::config::{self, LogSettings};
use bookd::domain::account::AccountOp;
use bookd::domain::output::Why;
use bookd::domain::policy::RoleMode;
use bookd::domain::request::RequestOp;
use bookd::domain::time::DAY;
use bookd::domain::{AlertKind, Body, Decision, DecisionKind, Disposition, Gate, Millis, Output, Policy, Secs, Text};
use bookd::feed::Decoder;
use bookd::run::open::OpenLog;
use bookd::run::replay::{self, Export, Options, Target};
use bookd::run::replica::Made;
use serde_json::{Value, json};

#[path = "../examples/crm_opportunities/csv.rs"]
mod csv;
#[path = "../examples/crm_opportunities/export.rs"]
mod export;

/// The third quarter of the data, whose dates are shifted.
const OPENS: &str = "2025-07-07T06:00:00Z";
const LIVE: &str = "2025-10-06T06:00:00Z";
/// Grace, a warning and a loss have room in it.
const ENDS: &str = "2025-11-10T06:00:00Z";
/// People look at owners once a week, at what was closed in four.
const WEEK_MS: i64 = 7 * 86_400_000;
const LOOK_BACK_MS: i64 = 4 * WEEK_MS;
/// Fewer closes than this make nobody an owner.
const CLOSES: u32 = 3;
const SYNC_EVERY_COMMITS: u32 = 4_096;

fn data() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/crm-opportunities");
    let there = dir.join("sales_pipeline.csv").exists();
    if !there {
        eprintln!("skipped: there is no {}", dir.display());
    }
    there.then_some(dir)
}

fn millis(text: &str) -> Millis {
    bookd::wire::instant::Rfc3339::parse(text).unwrap().0
}

fn lines(dir: &Path, topic: &str) -> Vec<Value> {
    let text = fs::read_to_string(dir.join(format!("{topic}-0.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn write(dir: &Path, topic: &str, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(dir.join(format!("{topic}-0.jsonl")), text).unwrap();
}

/// Who closed most of an account's deals in the four weeks before, of those who closed enough.
fn owners(closes: &[(Millis, String, String)], at: Millis) -> BTreeMap<String, String> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (closed, account, agent) in closes {
        if closed.0 < at.0 && closed.0 >= at.0 - LOOK_BACK_MS {
            *counts.entry((account, agent)).or_default() += 1;
        }
    }
    let mut most: BTreeMap<String, (u32, String)> = BTreeMap::new();
    for ((account, agent), count) in counts.into_iter().filter(|(_, count)| *count >= CLOSES) {
        let first = most.entry(account.to_owned()).or_default();
        if count > first.0 {
            *first = (count, agent.to_owned());
        }
    }
    most.into_iter().map(|(account, (_, agent))| (account, agent)).collect()
}

/// The export up to the end, with what people made of the owners until the role goes live, and the request for it.
fn quarter(data: &Path, dir: &Path) {
    export::export(data, dir).unwrap();
    for topic in ["engagement", "activity"] {
        let mut kept = lines(dir, topic);
        kept.retain(|line| line["occurred_at"].as_str().unwrap() < ENDS);
        write(dir, topic, &kept);
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let closes: Vec<_> = lines(dir, "activity")
        .iter()
        .map(|line| {
            let (account, agent) = (text(&line["account"]["crm_id"]), text(&line["actor"]["crm_id"]));
            (millis(line["occurred_at"].as_str().unwrap()), account, agent)
        })
        .collect();
    let mut records = lines(dir, "accounts");
    let ids: Vec<String> = records.iter().map(|record| text(&record["id"])).collect();
    let (mut at, mut known) = (Millis(millis(OPENS).0 - WEEK_MS), BTreeMap::new());
    while at.0 < millis(LIVE).0 {
        let now = owners(&closes, at);
        for id in ids.iter().filter(|id| known.get(*id) != now.get(*id)) {
            let updated_at = bookd::wire::instant::Rfc3339(at).to_string();
            records.push(json!({ "op": "patch", "id": id, "owners": { "ae": now.get(id) }, "updated_at": updated_at }));
        }
        (known, at) = (now, Millis(at.0 + WEEK_MS));
    }
    write(dir, "accounts", &records);
    write(dir, "requests", &[json!({ "op": "go_live", "role": "ae", "by": "revops", "requested_at": LIVE })]);
}

fn policy() -> (Policy, Decoder) {
    let text = include_str!("../examples/crm-opportunities.toml")
        .replace("name = \"ae\"\nsort", "name = \"ae\"\nmode = \"shadow\"\nsort");
    let config = config::parse("crm-opportunities.toml", &text, &[]).unwrap();
    assert_eq!(config.policy.roles[0].mode, RoleMode::Shadow);
    (config.policy, Decoder::new(config.feeds))
}

/// Owners as anybody would work them out from what people did and what was decided.
#[derive(Default)]
struct Watched {
    crm: BTreeMap<Text, Text>,
    owners: BTreeMap<Text, Text>,
    opened: bool,
    /// When the role went live.
    live: Option<Secs>,
    changes: u32,
    decided: BTreeMap<(&'static str, DecisionKind), u32>,
    warned: u32,
}

impl Watched {
    fn watch(&mut self, made: &Made) {
        for input in &made.entry.inputs {
            match &input.body {
                Body::Account(record) => {
                    let AccountOp::Change(change) = &record.op else { continue };
                    for (_, owner) in &change.owners {
                        self.changed(&record.id, owner.as_ref());
                    }
                }
                Body::Gate(Gate::Open) => {
                    self.opened = true;
                    self.owners = self.crm.clone();
                }
                Body::Request(request) if request.op == RequestOp::GoLive => {
                    self.live = Some(made.entry.now.secs());
                    self.owners = self.crm.clone();
                }
                _ => {}
            }
        }
        for output in &made.outputs {
            match output {
                Output::Decision(decision) => self.decided(decision),
                Output::Alert(alert) => self.alerted(&alert.kind),
                _ => {}
            }
        }
    }

    fn changed(&mut self, account: &Text, owner: Option<&Text>) {
        let before = match owner {
            Some(owner) => self.crm.insert(account.clone(), owner.clone()),
            None => self.crm.remove(account),
        };
        if !self.opened || before.as_ref() == owner {
            return;
        }
        self.changes += 1;
        match owner {
            Some(owner) => self.owners.insert(account.clone(), owner.clone()),
            None => self.owners.remove(account),
        };
    }

    /// Each decision is about the owner whom people or an earlier decision left, and a slot that is open.
    fn decided(&mut self, decision: &Decision) {
        let Decision { account, kind, from, to, .. } = decision;
        let mode = if self.live.is_some() { Disposition::Command } else { Disposition::Shadow };
        assert_eq!(decision.disposition, mode, "{decision:?}");
        assert_eq!(from.as_ref(), self.owners.get(account), "{decision:?}");
        match &decision.why {
            Why::Placed(placement) => {
                let to = to.as_ref().unwrap();
                let chosen = &placement.candidates[0];
                let size = self.owners.values().filter(|owner| *owner == to).count() as u32;
                assert_eq!((from, &chosen.rep, chosen.size), (&None, to, size), "{decision:?}");
                assert!(chosen.size < chosen.capacity, "{decision:?}");
                self.owners.insert(account.clone(), to.clone());
            }
            Why::Idle { warned_at, promised, .. } => {
                let begun = self.live.unwrap_or(Secs::ZERO);
                let warned_at = warned_at.unwrap();
                assert!(warned_at > begun && *promised >= warned_at.plus(2 * DAY), "{decision:?}");
                assert!(decision.issued_at >= *promised, "{decision:?}");
                self.owners.remove(account);
            }
            other => panic!("{other:?}"),
        }
        *self.decided.entry((if self.live.is_some() { "live" } else { "shadow" }, *kind)).or_default() += 1;
    }

    fn alerted(&mut self, kind: &AlertKind) {
        match kind {
            AlertKind::AtRisk { shadow, .. } => {
                assert_eq!(*shadow, self.live.is_none());
                self.warned += u32::from(!shadow);
            }
            AlertKind::WentLive { owned, .. } => assert_eq!(*owned as usize, self.crm.len()),
            AlertKind::Refused { code, .. } => panic!("{code:?}"),
            _ => {}
        }
    }
}

#[test]
fn a_quarter_of_shadow_follows_people_and_going_live_contradicts_nothing() {
    let Some(data) = data() else { return };
    let dir = tempfile::tempdir().unwrap();
    quarter(&data, dir.path());
    let (policy, decoder) = policy();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let open = OpenLog::Settings(LogSettings::Files { dir: out.clone(), sync_every_commits: SYNC_EVERY_COMMITS });
    let mut log = open.open().unwrap();
    let target = Target { log: &mut *log, shard: 0, lines: open.has_lines(), place: String::new() };
    let open_at = Some(millis(OPENS));
    let options = Options { tick_s: 60, open_at, complete_until: None, proceed: true, resume: false };
    let export = Export::read(dir.path(), &decoder, options.open_at).unwrap();
    let mut watched = Watched::default();
    let summary =
        replay::run(export, &options, &policy, &decoder, target, &mut |step| watched.watch(step.made)).unwrap();
    assert!(summary.dead.is_empty(), "{summary}");
    println!("{} changes by people, {:?}, {} warned", watched.changes, watched.decided, watched.warned);
    assert!(watched.live.is_some() && watched.warned > 0);
    assert!(watched.changes > 100, "{}", watched.changes);
    for (mode, kind, least) in [
        ("shadow", DecisionKind::Distribution, 50),
        ("shadow", DecisionKind::Retrieval, 20),
        ("live", DecisionKind::Distribution, 5),
        ("live", DecisionKind::Retrieval, 5),
    ] {
        assert!(watched.decided.get(&(mode, kind)).is_some_and(|count| *count >= least), "{:?}", watched.decided);
    }
    let written =
        |topic: &str| fs::read_to_string(out.join(format!("{topic}-0.jsonl"))).unwrap().lines().count() as u32;
    let of =
        |mode: &str| watched.decided.iter().filter(|((of, _), _)| *of == mode).map(|(_, count)| count).sum::<u32>();
    assert_eq!((written("shadow"), written("commands")), (of("shadow"), of("live")));
}
