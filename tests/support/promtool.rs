//! Prometheus's own linter of metrics.

use std::io::Write;
use std::process::{Command, Stdio};

/// What `/metrics` answers must leave it nothing to say.
pub fn lint(metrics: &str) {
    let command =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = command.expect("promtool is needed: apt-get install prometheus");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    assert!(checked.status.success(), "{}\n{metrics}", String::from_utf8_lossy(&checked.stderr));
}
