//! Broker, CRM, bookd and writer; who kills them; and how all of it comes to rest.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bookd::domain::Topic;
use bookd::run::clock::Clock;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

use crate::end::End;
use crate::feed::{Feed, RATE};
use crate::policy;
use crate::support::crm::FakeCrm;
use crate::support::generated::{self, Company};
use crate::support::kafka::{self, Site};
use crate::support::process::{Home, Process};

const ACCOUNTS: u32 = 300;
const REPS: u32 = 16;
/// Events that the company makes on a day, at least.
const EVENTS_A_DAY: u64 = 20;
/// Between two interferences, at most.
const PAUSE_MS: u64 = 6_000;
/// Owners that people change in a second.
const PEOPLE_PER_SECOND: u64 = 6;
/// A request is carried out so late at most, whether or not the writer has given it up: the writer's margin. It gives
/// one up after two seconds, so the rest is for a busy machine.
const SLOW_MS: u64 = 4_000;
/// How long the rest may take: events that come late, commands that are tried again, a start under a new policy.
const PATIENCE: Duration = Duration::from_secs(180);
/// What is at rest is looked at so often in a row.
const LOOKS: u32 = 3;
/// After a long run a look takes a while: it isn't given up before so many.
const LEAST_LOOKS: u32 = 10;
const STAMPS: [&str; 9] = [
    "Command",
    "Sequence",
    "Expected_Owner",
    "Entered_At",
    "Entered_Because",
    "Reason",
    "Priority",
    "At_Risk_At",
    "Not_After",
];

/// What tells bookd which of two changes came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Commit numbers, which the CRM's records bear, but no result.
    Commits,
    /// Modification stamps in whole seconds, which both bear. They can't tell the order of what happens within a second,
    /// so no record overtakes another of its account.
    Stamps,
}

pub struct Stage {
    versions: Versions,
    site: Arc<Site>,
    home: Home,
    crm: Arc<FakeCrm>,
    seed: u64,
    random: ChaCha8Rng,
    events: Vec<generated::Line>,
    bookd: Option<Process>,
    writer: Option<Process>,
    inactive: Option<String>,
    /// What was done to them, and how often.
    interfered: BTreeMap<&'static str, u32>,
}

/// Everything that can go wrong, all at once.
fn faults(versions: Versions) -> Value {
    let overtaken = if versions == Versions::Commits { 0.1 } else { 0.0 };
    json!({
        "throttled": 0.03, "retry_after_s": 1, "limit_exceeded": 0.01, "server_error": 0.03, "outage": 0.03,
        "lost_answer": 0.04, "no_answer": 0.02, "no_answer_ms": SLOW_MS, "slow": 0.3, "slow_ms": SLOW_MS, "locked": 0.03,
        "late_events": 0.2, "overtaken_events": overtaken, "repeated_events": 0.1, "late_events_ms": 3_000,
    })
}

impl Stage {
    /// The CRM has the company's accounts and reps, bookd has heard of them, and nothing runs yet.
    pub fn set(seed: u64, seconds: u64, versions: Versions) -> Stage {
        let days = (seconds * RATE / EVENTS_A_DAY).clamp(20, 3_000) as u32;
        let company = generated::company(seed, ACCOUNTS, REPS, days);
        let site = Arc::new(Site::new("loop", 3));
        let home = kafka::home(&site, &policy::moving());
        let feeder = site.feeder();
        for line in &company.reference {
            site.send(&feeder, line.topic, &line.key(), &line.happening(Clock::Wall.now()));
        }
        site.flush(&feeder);
        let crm = Arc::new(start_crm(seed, versions, &site, &home, &company));
        let random = ChaCha8Rng::seed_from_u64(seed);
        let stage = Stage {
            versions,
            seed,
            site,
            home,
            crm,
            random,
            events: company.events,
            bookd: None,
            writer: None,
            inactive: None,
            interfered: BTreeMap::new(),
        };
        std::fs::write(stage.writer_config(), stage.writer_settings()).unwrap();
        std::fs::write(stage.home.path().join("secret"), "anything\n").unwrap();
        stage
    }

    fn writer_config(&self) -> PathBuf {
        self.home.path().join("write-crm.toml")
    }

    fn writer_settings(&self) -> String {
        let versions = if self.versions == Versions::Commits { "none" } else { "modified" };
        let mut toml = format!(
            "[crm]\nkind = \"salesforce\"\nversions = \"{versions}\"\nurl = \"{}\"\nclient_id = \"loop\"\nclient_secret_file = {:?}\n\
             [requests]\ntimeout = \"2s\"\nmargin = \"{}s\"\nper_10s = 300\n\
             [log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{}\"\ngroup = \"loop-writer\"\n[kafka.topics]\n",
            self.crm.url(),
            self.home.path().join("secret"),
            SLOW_MS / 1_000,
            self.site.brokers(),
        );
        for topic in [Topic::Commands, Topic::Results, Topic::DeadLetters] {
            writeln!(toml, "{} = {:?}", topic.name(), self.site.name(topic)).unwrap();
        }
        toml.push_str("[http]\nlisten = \"off\"\n");
        toml.push_str(&role_settings("ae", "OwnerId"));
        toml.push_str(&role_settings("sdr", "SDR_Owner__c"));
        toml
    }

    fn start_bookd(&mut self) {
        self.bookd = Some(self.home.start());
    }

    fn start_writer(&mut self) {
        let config = self.writer_config().display().to_string();
        self.writer = Some(self.home.spawn("write-crm", &[("BOOKD_WRITER_CONFIG".to_owned(), config)]));
    }

    fn below(&mut self, end: u64) -> u64 {
        u64::from(self.random.next_u32()) % end
    }

    /// Everything goes wrong for so long.
    pub fn run(&mut self, seconds: u64) {
        self.crm.tell("/fake/faults", &faults(self.versions));
        self.crm.tell("/fake/people", &json!({ "per_second": PEOPLE_PER_SECOND }));
        let feed = Feed::start(self.seed, &self.site, &self.crm, std::mem::take(&mut self.events));
        let end = Instant::now() + Duration::from_secs(seconds);
        self.start_bookd();
        self.start_writer();
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(self.below(PAUSE_MS)));
            self.interfere();
        }
        let [events, returns] = feed.stop();
        println!("{events} events, {returns} returns; {:?}", self.interfered);
        println!("{}", self.crm.ask("/fake/status"));
    }

    /// Kills bookd or the writer most often, and starts it again.
    fn interfere(&mut self) {
        let what = match self.below(10) {
            0..=3 => {
                self.bookd.take().expect("it runs").kill();
                self.start_bookd();
                "bookd killed"
            }
            4..=6 => {
                self.writer.take().expect("it runs").kill();
                self.start_writer();
                "writer killed"
            }
            7 => {
                self.merge();
                "accounts merged"
            }
            8 => {
                self.deactivate();
                "user deactivated"
            }
            _ => {
                self.crm.tell("/fake/sessions/expire", &json!({}));
                "sessions expired"
            }
        };
        *self.interfered.entry(what).or_default() += 1;
    }

    /// A user can't receive accounts for a while, of which bookd hears nothing.
    fn deactivate(&mut self) {
        self.reactivate();
        let users = self.crm.ask("/fake/users");
        let of_the_crm = ["nobody", "assignment-rule", "bookd-integration"];
        let ids = users.as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap());
        let reps: Vec<&str> = ids.filter(|id| !of_the_crm.contains(id)).collect();
        let user = reps[self.below(reps.len() as u64) as usize].to_owned();
        self.crm.tell("/fake/users", &json!({ "id": user, "active": false }));
        self.inactive = Some(user);
    }

    fn reactivate(&mut self) {
        if let Some(user) = self.inactive.take() {
            self.crm.tell("/fake/users", &json!({ "id": user, "active": true }));
        }
    }

    /// A person merges two accounts, if both are still there.
    fn merge(&mut self) {
        let accounts = self.crm.ask("/fake/accounts");
        let living: Vec<&Value> = accounts.as_array().unwrap().iter().filter(|row| row["deleted"] == false).collect();
        let [survivor, loser] = [0; 2].map(|_| self.below(living.len() as u64) as usize);
        let body = json!({ "survivor": living[survivor]["id"], "loser": living[loser]["id"], "who": "max" });
        let answer = self.crm.post("/fake/people/merge", &body);
        assert!(answer.status == 200 || survivor == loser, "{}", answer.text);
    }

    /// Nothing fails any more and nobody interferes; waits until all that is under way has ended.
    pub fn settle(&mut self) -> End {
        let faults = faults(self.versions);
        let none = faults.as_object().expect("an object").keys().map(|name| (name.clone(), json!(0)));
        self.crm.tell("/fake/faults", &Value::Object(none.collect()));
        self.crm.tell("/fake/people", &json!({ "per_second": 0 }));
        self.reactivate();
        self.bookd.take().expect("it runs").stop();
        kafka::change_policy(&self.home, &self.site, &policy::calm());
        self.start_bookd();
        let end = self.wait_for_rest();
        self.bookd.take().expect("it runs").stop();
        self.writer.take().expect("it runs").stop();
        end
    }

    fn wait_for_rest(&mut self) -> End {
        let begun = Instant::now();
        let (mut looks, mut still_looks, mut commands) = (0, 0, usize::MAX);
        loop {
            for process in [&mut self.bookd, &mut self.writer].into_iter().flatten() {
                assert!(process.is_running(), "it ended:\n{}", process.told());
            }
            self.crm.wait_for_events();
            let end = End::read(&self.site, &self.crm);
            let moves = end.under_way();
            let still = moves.is_empty() && end.commands.len() == commands;
            looks += 1;
            still_looks = if still { still_looks + 1 } else { 0 };
            commands = end.commands.len();
            if still_looks >= LOOKS {
                println!("at rest after {} s", begun.elapsed().as_secs());
                return end;
            }
            if begun.elapsed() > PATIENCE && looks >= LEAST_LOOKS {
                println!("{}", self.home.told().lines().rev().take(60).collect::<Vec<_>>().join("\n"));
                panic!("no rest after {} s: {}", PATIENCE.as_secs(), moves.join("\n"));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn start_crm(seed: u64, versions: Versions, site: &Site, home: &Home, company: &Company) -> FakeCrm {
    let file = |topic: Topic| {
        let path = home.path().join(topic.name());
        let lines = company.reference.iter().filter(|line| line.topic == topic);
        std::fs::write(&path, lines.map(|line| line.text() + "\n").collect::<String>()).unwrap();
        path.display().to_string()
    };
    let (accounts, reps, seed) = (file(Topic::Accounts), file(Topic::Reps), seed.to_string());
    FakeCrm::start(
        &[
            &["--role", "ae", "--role", "sdr=SDR_Owner__c", "--seed", &seed, "--accounts", &accounts, "--reps", &reps]
                [..],
            &["--crm-version", if versions == Versions::Commits { "commit" } else { "modified" }],
            &["--brokers", site.brokers(), "--records-topic", site.name(Topic::Accounts)],
        ]
        .concat(),
    )
}

/// What the fake calls a stamp of the role's.
pub fn stamp(role: &str, name: &str) -> String {
    match role {
        "ae" => format!("Bookd_{name}__c"),
        other => format!("Bookd_{other}_{name}__c"),
    }
}

fn role_settings(role: &str, owner: &str) -> String {
    let [command, sequence, expected, entered, because, reason, priority, risk, end] =
        STAMPS.map(|name| stamp(role, name));
    let nobody = if owner == "OwnerId" { "nobody = \"nobody\"\n" } else { "" };
    format!(
        "[roles.{role}]\nowner_field = \"{owner}\"\n{nobody}command_field = \"{command}\"\n\
         sequence_field = \"{sequence}\"\nexpected_owner_field = \"{expected}\"\n\
         [roles.{role}.stamps]\nentered_at = \"{entered}\"\nentered_because = \"{because}\"\nreason = \"{reason}\"\n\
         priority = \"{priority}\"\nat_risk_at = \"{risk}\"\nnot_after = \"{end}\"\n"
    )
}
