//! bookd as a process of its own on a Files log, as its users run it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bookd::domain::{Entry, Topic};
use bookd::log::Log;
use bookd::log::files::{Files, Options};

use super::company;
use super::oracle::Committed;

/// A directory with a log, snapshots and a configuration.
pub struct Home {
    dir: tempfile::TempDir,
}

pub struct Process {
    child: Child,
    stderr: PathBuf,
}

impl Home {
    /// On a Files log; `settings` is TOML behind the policy.
    pub fn new(settings: &str) -> Home {
        Home::with_policy(company::POLICY, settings)
    }

    pub fn with_policy(policy: &str, settings: &str) -> Home {
        let home = Home { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(home.log_dir()).unwrap();
        let log = format!("[log]\nkind = \"files\"\ndir = {:?}\nsync_every_commits = 1\n", home.log_dir());
        home.write_config(policy, &log, settings);
        home
    }

    /// On another log; `log` is its TOML.
    pub fn with_log(policy: &str, log: &str, settings: &str) -> Home {
        let home = Home { dir: tempfile::tempdir().unwrap() };
        home.write_config(policy, log, settings);
        home
    }

    pub fn write_config(&self, policy: &str, log: &str, settings: &str) {
        let snapshots = format!("[snapshots]\ndir = {:?}\nevery_entries = 25\n", self.snapshots());
        std::fs::write(self.config(), format!("{policy}\n{log}\n{snapshots}\n{settings}")).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn log_dir(&self) -> PathBuf {
        self.path().join("log")
    }

    pub fn snapshots(&self) -> PathBuf {
        self.path().join("snapshots")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("bookd.toml")
    }

    pub fn append(&self, topic: Topic, text: &str) {
        append(&self.log_dir(), topic, text);
    }

    /// Runs a subcommand to its end.
    pub fn bookd(&self, args: &[&str]) -> Output {
        let mut command = bookd_program();
        command.args(args).env("BOOKD_CONFIG", self.config()).current_dir(self.path()).stdin(Stdio::null());
        command.output().unwrap()
    }

    pub fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// Starts it with these variables in its environment.
    pub fn start_with(&self, variables: &[(String, String)]) -> Process {
        self.spawn("run", variables)
    }

    /// Starts a subcommand that goes on until it is stopped.
    pub fn spawn(&self, subcommand: &str, variables: &[(String, String)]) -> Process {
        let stderr = self.path().join("stderr");
        let log = File::options().create(true).append(true).open(&stderr).unwrap();
        let mut command = bookd_program();
        command.arg(subcommand).env("BOOKD_CONFIG", self.config()).current_dir(self.path());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Process { child, stderr }
    }

    /// All that its processes wrote to stderr.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.path().join("stderr")).unwrap()
    }

    pub fn journal(&self) -> Vec<Vec<u8>> {
        let mut log = Files::new(Options { dir: self.log_dir(), shard: 0, sync_every_commits: 1 });
        let mut reader = log.open_journal(0).unwrap();
        let mut entries = Vec::new();
        while let Some(record) = reader.next(Duration::ZERO).unwrap() {
            entries.push(record.bytes);
        }
        entries
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.journal().iter().map(|bytes| bookd::wire::entry::decode(bytes).unwrap()).collect()
    }

    pub fn lines(&self, topic: Topic) -> Vec<Vec<u8>> {
        let Ok(file) = File::open(self.log_dir().join(format!("{}-0.jsonl", topic.name()))) else { return Vec::new() };
        BufReader::new(file).split(b'\n').map(Result::unwrap).collect()
    }

    pub fn committed(&self) -> Committed {
        let mut inputs: BTreeMap<(Topic, u32), Vec<u64>> = BTreeMap::new();
        for topic in Topic::INPUTS {
            let mut offset = 0;
            for line in self.lines(topic) {
                inputs.entry((topic, 0)).or_default().push(offset);
                offset += line.len() as u64 + 1;
            }
        }
        Committed { journal: self.journal(), commands: self.lines(Topic::Commands), inputs }
    }

    /// Waits until the journal covers every input line.
    pub fn wait_until_read(&self, process: &mut Process) {
        let lines: u64 = Topic::INPUTS.map(|topic| self.lines(topic).len() as u64).iter().sum();
        process.wait(|| {
            let entries = self.entries();
            let read: u64 = entries.iter().flat_map(|entry| &entry.spans).map(|span| u64::from(span.read)).sum();
            read == lines
        });
    }
}

pub fn bookd_program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bookd"))
}

pub fn append(dir: &Path, topic: Topic, text: &str) {
    use std::io::Write;
    let path = dir.join(format!("{}-0.jsonl", topic.name()));
    File::options().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

impl Process {
    pub fn wait(&mut self, mut until: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !until() {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended:\n{}", self.told());
            assert!(Instant::now() < deadline, "nothing came within a minute:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// All that was written to stderr, by earlier processes of this home too.
    pub fn told(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`, and a clean end.
    pub fn stop(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}:\n{}", self.told());
    }

    /// Waits for its end; returns the exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code();
            }
            assert!(Instant::now() < deadline, "it didn't end within a minute:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A test that failed leaves no process behind.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
