//! One bookd in this process, on the log in memory and under a clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bookd::domain::{Millis, Topic};
use bookd::feed::Decoder;
use bookd::log::simulated::Cluster;
use bookd::metrics::Meters;
use bookd::run::RunError;
use bookd::run::clock::Clock;
use bookd::run::open::OpenLog;
use bookd::run::setup::Setup;
use bookd::run::shard;
use bookd::run::status::Status;

use super::company;
use super::oracle::Committed;

/// 2026-03-02T09:00:00Z, a Monday.
pub const MONDAY: Millis = Millis(1_772_442_000_000);

/// The log, the clock and the disk: what outlives an instance.
pub struct World {
    pub cluster: Cluster,
    pub snapshots: tempfile::TempDir,
    /// TOML behind the policy.
    pub settings: String,
    now: Arc<AtomicI64>,
    inputs: std::cell::RefCell<Committed>,
}

pub struct Instance {
    pub status: Arc<Status>,
    thread: JoinHandle<(Result<(), RunError>, String)>,
}

impl World {
    pub fn new(seed: u64) -> World {
        let cluster = Cluster::new(seed);
        cluster.set_now(MONDAY);
        for topic in Topic::INPUTS {
            cluster.create(topic, 1);
        }
        World {
            cluster,
            snapshots: tempfile::tempdir().unwrap(),
            settings: String::new(),
            now: Arc::new(AtomicI64::new(MONDAY.0)),
            inputs: Default::default(),
        }
    }

    pub fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::SeqCst))
    }

    /// Moves this machine's clock and the log's.
    pub fn advance(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
        self.cluster.set_now(self.now());
    }

    /// Moves them minute by minute, so that nothing looks like a jump, and lets the instance follow.
    pub fn let_pass(&self, instance: &Instance, minutes: i64) {
        for _ in 0..minutes {
            self.advance(60);
            let before = instance.status.sequence();
            instance.wait(|| instance.status.sequence() > before);
        }
    }

    pub fn append(&self, topic: Topic, line: &str) {
        self.append_to(topic, 0, line);
    }

    pub fn append_to(&self, topic: Topic, partition: u32, line: &str) {
        let offset = self.cluster.append(topic, partition, None, Some(line.as_bytes()));
        self.inputs.borrow_mut().inputs.entry((topic, partition)).or_default().push(offset);
    }

    pub fn start(&self) -> Instance {
        self.start_with(|_| {})
    }

    pub fn start_with(&self, change: impl FnOnce(&mut Setup)) -> Instance {
        let config = company::config(&self.settings);
        let mut setup = Setup {
            open: OpenLog::Simulated(self.cluster.clone(), 0),
            policy: config.policy,
            decoder: Decoder::new(config.feeds),
            settings: config.settings,
            clock: Clock::Set(self.now.clone()),
            status: Arc::new(Status::default()),
        };
        setup.settings.snapshots_dir = self.snapshots.path().to_owned();
        change(&mut setup);
        let status = setup.status.clone();
        let thread = std::thread::spawn(move || {
            let mut meters = Meters::new();
            let ended = shard::lead(&setup, &mut meters);
            ended.as_ref().inspect_err(|error| eprintln!("ended: {error}")).ok();
            (ended, meters.handle().render())
        });
        Instance { status, thread }
    }

    /// Two reps, eight accounts of nobody.
    pub fn staff(&self) {
        for rep in ["ana", "ben"] {
            self.append(Topic::Reps, &company::rep(rep));
        }
        for number in 0..8 {
            self.append(Topic::Accounts, &company::account(&format!("a{number}")));
        }
    }

    /// All that is committed, for the oracle.
    pub fn committed(&self) -> Committed {
        let values = self.cluster.outputs(Topic::Commands).into_iter().map(|record| record.value.unwrap());
        Committed {
            journal: self.cluster.journal(0).into_iter().map(|record| record.bytes).collect(),
            commands: values.collect(),
            inputs: self.inputs.borrow().inputs.clone(),
        }
    }

    pub fn commands(&self) -> Vec<serde_json::Value> {
        self.committed().commands.iter().map(|value| serde_json::from_slice(value).unwrap()).collect()
    }

    pub fn entries(&self) -> Vec<bookd::domain::Entry> {
        self.committed().journal.iter().map(|bytes| bookd::wire::entry::decode(bytes).unwrap()).collect()
    }
}

impl Instance {
    pub fn wait(&self, mut until: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !until() {
            assert!(!self.thread.is_finished(), "it ended");
            assert!(Instant::now() < deadline, "nothing came within 30 s; entry {}", self.status.sequence());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn wait_for_gate(&self) {
        self.wait(|| self.status.gate_open());
    }

    pub fn stop_when_led(self) {
        self.wait_for_gate();
        self.stop();
    }

    /// Stops it cleanly; returns its metrics.
    pub fn stop(self) -> String {
        self.status.stop();
        let (ended, metrics) = self.thread.join().unwrap();
        ended.unwrap();
        metrics
    }

    /// Waits until it ends by itself.
    pub fn failure(self) -> RunError {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.thread.is_finished() {
            assert!(Instant::now() < deadline, "it goes on; entry {}", self.status.sequence());
            std::thread::sleep(Duration::from_millis(1));
        }
        self.thread.join().unwrap().0.expect_err("it ended without an error")
    }
}
