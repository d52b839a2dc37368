//! Real Kafka brokers for tests, by `tests/kafka/broker`. They end with the test's process, however that ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use super::proxy::Proxy;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/broker");

/// One or three brokers of one cluster.
pub struct Brokers {
    child: Child,
    /// Closing it ends them.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: String,
}

impl Brokers {
    /// Starts them and waits until they answer. Fails, in one line, if Java or Maven is missing.
    pub fn start(count: u32) -> Brokers {
        Brokers::serve(&[&count.to_string()])
    }

    /// One broker and a proxy before it. Whoever comes through the proxy is told of no other way.
    pub fn start_behind(proxy: &Proxy) -> Brokers {
        let mut brokers = Brokers::serve(&["1", &proxy.port().to_string()]);
        let (direct, proxied) = brokers.address.split_once(' ').expect("two addresses");
        proxy.lead_to(proxied);
        brokers.address = direct.to_owned();
        brokers
    }

    fn serve(args: &[&str]) -> Brokers {
        let mut command = Command::new(SCRIPT);
        command.arg("serve").args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("tests/kafka/broker runs");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut brokers = Brokers { child, commands, answers, address: String::new() };
        brokers.address = brokers.answer().expect("the brokers start; see the line above");
        brokers
    }

    /// For `bootstrap.servers`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `kill 1` (SIGKILL), `term 1` (SIGTERM), `start 1`; returns when it is done.
    pub fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("open until the end");
        writeln!(commands, "{command}").expect("the brokers' script is there");
        assert_eq!(self.answer().as_deref(), Some("ok"), "{command}");
    }

    fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a pipe");
        let line = line.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.child.wait());
    }
}

/// Nothing more comes after so long: longer than a group of one consumer takes to begin on a busy machine.
const CONSOLE_QUIET_MS: &str = "15000";

/// The committed values of a topic as Kafka's own console consumer prints them, one a line.
pub fn console_consumer(address: &str, topic: &str) -> Vec<Vec<u8>> {
    let mut command = Command::new(SCRIPT);
    command.args(["consume", address, "--topic", topic, "--from-beginning", "--isolation-level", "read_committed"]);
    let output = command.args(["--timeout-ms", CONSOLE_QUIET_MS]).stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    let values: Vec<Vec<u8>> = output.stdout.split_inclusive(|byte| *byte == b'\n').map(without_end).collect();
    assert!(told.contains(&format!("Processed a total of {} messages", values.len())), "{}: {told}", values.len());
    values
}

fn without_end(line: &[u8]) -> Vec<u8> {
    line.strip_suffix(b"\n").unwrap_or(line).to_vec()
}

/// The address of one broker that all tests of this process share.
pub fn shared() -> String {
    static SHARED: OnceLock<Mutex<Brokers>> = OnceLock::new();
    let brokers = SHARED.get_or_init(|| Mutex::new(Brokers::start(1)));
    brokers.lock().expect("nobody panics while holding it").address().to_owned()
}
