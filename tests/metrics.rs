//! `/metrics` of a running process: every metric of the table occurs, and Prometheus's own linter has nothing to say.

mod support;

use std::net::TcpListener;

use bookd::domain::{Millis, Topic};
use bookd::metrics::{TABLE, Type};
use support::company;
use support::process::Home;
use support::promtool;

fn get(url: &str) -> Option<(u16, String)> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut answer = agent.get(url).call().ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.body_mut().read_to_string().ok()?))
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn every_metric_of_the_table_occurs_and_the_linter_is_content() {
    let port = free_port();
    let home = Home::new(&format!("[http]\nlisten = \"127.0.0.1:{port}\"\n"));
    let base = format!("http://127.0.0.1:{port}");
    let now = bookd::run::clock::Clock::Wall.now();
    home.append(Topic::Reps, &format!("{}\n", company::rep("ana")));
    home.append(Topic::Accounts, &format!("{}\n", company::account("acme")));
    home.append(Topic::Accounts, &format!("{}\n", company::owned_account("mine", "ana")));
    home.append(Topic::Activity, &format!("{}\n", company::email("m1", "ana", "mine", Millis(now.0 - 60_000))));
    home.append(Topic::Intent, &format!("{}\nnonsense\n", company::surge("e1", "acme", now)));
    let mut process = home.start();
    let metrics = || get(&format!("{base}/metrics")).map(|(_, text)| text).unwrap_or_default();
    process
        .wait(|| get(&format!("{base}/readyz")).is_some_and(|(status, text)| status == 200 && text.contains("open")));
    // Gauges are counted every few seconds; the first time is before anything was read.
    process.wait(|| metrics().contains("bookd_accounts{role=\"sdr\",status=\"owned\"} 2"));
    process.wait(|| metrics().contains("bookd_lag_seconds{topic=\"intent\"} 0\n"));
    let text = metrics();
    for metric in TABLE {
        let suffix = if matches!(metric.kind, Type::Histogram(_)) { "_bucket{" } else { "" };
        let occurs = |line: &str| {
            let rest = line.strip_prefix(metric.name).unwrap_or_default();
            rest.starts_with(suffix) && (rest.starts_with('{') || rest.starts_with(' ') || !suffix.is_empty())
        };
        assert!(text.lines().any(occurs), "{} does not occur in\n{text}", metric.name);
        assert!(text.contains(&format!("# HELP {} ", metric.name)), "{} has no help", metric.name);
    }
    for line in [
        "bookd_leading 1",
        "bookd_gate_open 1",
        "bookd_nbtam_accounts 2",
        "bookd_coverage_ratio{days=\"30\"} 0.5",
        "bookd_book_fill_ratio{role=\"sdr\"} 0.5",
        "bookd_decisions_total{kind=\"distribution\",role=\"sdr\"} 1",
        "bookd_dead_letters_total{topic=\"intent\",code=\"malformed\"} 1",
        "bookd_records_total{topic=\"accounts\"} 2",
        "bookd_lag_seconds{topic=\"accounts\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    promtool::lint(&text);
    assert_eq!(get(&format!("{base}/livez")), Some((200, "ok\n".to_owned())));
    assert!(get(&base).unwrap().1.contains("gate open"));
    assert_eq!(get(&format!("{base}/nothing")).unwrap().0, 404);
    process.stop();
}

#[test]
fn the_document_lists_the_table() {
    let document = include_str!("../docs/running.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `bookd_")).collect();
    let row = |metric: &bookd::metrics::Metric| {
        let labels = metric.labels.join(", ");
        format!("| `{}` | {labels} | {} |", metric.name, metric.help).replace("|  |", "| |")
    };
    assert_eq!(rows, TABLE.iter().map(row).collect::<Vec<_>>());
}
