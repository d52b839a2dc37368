//! The fake CRM as a process of its own, and a client that knows no line of bookd's.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::process::bookd_program;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A token that the fake knows from its start.
pub const TOKEN: &str = "fake-token";

pub struct FakeCrm {
    child: Child,
    url: String,
    agent: ureq::Agent,
}

/// What came back: the status, headers by name, the body.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl FakeCrm {
    /// On a free port.
    pub fn start(args: &[&str]) -> FakeCrm {
        let mut command = bookd_program();
        command.args(["fake-crm", "--listen", "127.0.0.1:0"]).args(args);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
        FakeCrm { child, url, agent: agent(PATIENCE) }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {TOKEN}"));
        read(request.call()).unwrap_or_else(|why| panic!("GET {path}: {why}"))
    }

    /// `POST`, with the token and a body of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).unwrap_or_else(|why| panic!("POST {path}: {why}"))
    }

    pub fn try_post(&self, path: &str, body: &Value) -> Result<Answer, ureq::Error> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {TOKEN}"));
        read(request.header("Content-Type", "application/json").send(body.to_string()))
    }

    /// What only the fake itself is asked; it must be well said.
    pub fn tell(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub fn ask(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    /// `PATCH …/composite/sobjects` as a well-behaved writer says it.
    pub fn patch(&self, records: &Value) -> Answer {
        self.try_patch(records, &[("Sforce-Auto-Assign", "FALSE")], PATIENCE).unwrap()
    }

    pub fn try_patch(&self, body: &Value, headers: &[(&str, &str)], wait: Duration) -> Result<Answer, ureq::Error> {
        let mut request = agent(wait).patch(format!("{}/services/data/v62.0/composite/sobjects", self.url));
        for (name, value) in headers.iter().chain(&[("Authorization", "Bearer fake-token")]) {
            request = request.header(*name, *value);
        }
        read(request.header("Content-Type", "application/json").send(body.to_string()))
    }

    /// Waits until all events that were committed are delivered.
    pub fn wait_for_events(&self) {
        self.wait("events", || self.ask("/fake/status")["events"]["waiting"] == 0);
    }

    pub fn wait(&self, what: &str, mut until: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !until() {
            assert!(Instant::now() < deadline, "waited for {what} for a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The owner in a role as bookd means it.
    pub fn owner(&self, account: &str, role: &str) -> Value {
        let accounts = self.ask("/fake/accounts");
        let found = accounts.as_array().unwrap().iter().find(|row| row["id"] == account);
        found.unwrap_or_else(|| panic!("no account {account}"))["owners"][role].clone()
    }

    /// Accounts of nobody, and users who are reps.
    pub fn load(&self, accounts: &[&str], reps: &[&str]) {
        let records = |ids: &[&str]| ids.iter().map(|id| json!({ "op": "upsert", "id": id })).collect::<Vec<_>>();
        self.tell("/fake/load", &json!({ "accounts": records(accounts), "reps": records(reps) }));
    }
}

fn agent(wait: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(wait));
    config.build().new_agent()
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, ureq::Error> {
    let mut answer = answer?;
    let text = answer.body_mut().read_to_string()?;
    Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), text })
}

/// A test that failed leaves no process behind.
impl Drop for FakeCrm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
