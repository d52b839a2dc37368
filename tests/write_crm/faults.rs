//! A CRM that fails in every way that it knows: nothing is lost, nothing is done twice, nothing is out of order.

use bookd::domain::Millis;
use bookd::run::clock::Clock;
use serde_json::json;

use crate::desk::{Desk, Wish, accounts, judge_history, rounds, wish};

/// Carries three rounds of commands through these faults; all must be applied, and the history be as it should.
fn go_through(flags: &[&str]) {
    let accounts = accounts(40);
    let desk = Desk::new(flags, &accounts);
    let wishes = rounds(&accounts);
    desk.lay(&wishes);
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    for wish in &wishes {
        assert_eq!(results[&wish.id()]["status"], "applied", "{flags:?}: {wish:?}");
    }
    judge_history(&desk.history(), &wishes);
    writer.stop();
}

#[test]
fn requests_that_are_turned_away_come_again() {
    go_through(&["--throttled", "0.2", "--server-error", "0.1", "--seed", "11"]);
}

#[test]
fn limits_and_outages_are_waited_for() {
    go_through(&["--limit-exceeded", "0.2", "--outage", "0.2", "--seed", "5"]);
}

#[test]
fn an_answer_that_never_comes_is_told_by_the_record() {
    go_through(&["--lost-answer", "0.3", "--no-answer", "0.1", "--no-answer-ms", "3000", "--seed", "3"]);
}

/// A request that was given up is carried out while the writer is at the next one: the fence refuses the later of the two.
#[test]
fn what_was_given_up_and_comes_late_is_refused_by_the_fence() {
    go_through(&["--slow", "0.4", "--slow-ms", "2500", "--seed", "9"]);
}

#[test]
fn locked_records_come_again() {
    go_through(&["--locked", "0.3", "--seed", "2"]);
}

#[test]
fn an_outage_is_told_in_a_line_and_loses_nothing() {
    let accounts = accounts(5);
    let desk = Desk::new(&[], &accounts);
    let mut writer = desk.start_working(&accounts[0]);
    desk.crm.tell("/fake/faults", &json!({ "outage": 1.0 }));
    let wishes: Vec<Wish> = accounts[1..].iter().map(|account| wish(account, 1, None, Some("ana"))).collect();
    desk.lay(&wishes);
    writer.wait(|| desk.ready().is_some_and(|(status, _)| status == 503));
    let (_, told) = desk.ready().unwrap();
    assert!(told.contains("503 without JSON: an outage"), "{told}");
    // Some tries, one line.
    let waits = "bookd_writer_waits_total{why=\"unavailable\"} 3";
    writer.wait(|| desk.metrics().lines().any(|line| line == waits));
    assert_eq!(writer.told().matches("no command is applied now").count(), 1, "{}", writer.told());
    assert!(!desk.metrics().contains("bookd_writer_applying 1\n"));
    desk.crm.tell("/fake/faults", &json!({ "outage": 0.0 }));
    let results = desk.wait_for(&mut writer, accounts.len());
    assert!(results.values().all(|result| result["status"] == "applied"), "{results:?}");
    writer.wait(|| desk.ready().is_some_and(|(status, _)| status == 200));
    writer.stop();
}

/// The CRM is away until the command's end is over.
#[test]
fn a_command_that_outlives_its_end_in_an_outage_is_expired() {
    let accounts = accounts(1);
    let desk = Desk::new(&["--outage", "1.0"], &accounts);
    let short = Wish { not_after: Millis(Clock::Wall.now().0 + 4_000), ..wish(&accounts[0], 1, None, Some("ana")) };
    desk.lay(std::slice::from_ref(&short));
    let mut writer = desk.start();
    writer.wait(|| Clock::Wall.now().0 > short.not_after.0);
    desk.crm.tell("/fake/faults", &json!({ "outage": 0.0 }));
    let results = desk.wait_for(&mut writer, 1);
    assert_eq!(results[&short.id()]["status"], "expired");
    assert_eq!(desk.owner(&accounts[0]), serde_json::Value::Null);
    writer.stop();
}

#[test]
fn a_session_that_ends_is_begun_anew() {
    let accounts = accounts(2);
    let desk = Desk::with_client(&accounts);
    let mut writer = desk.start_working(&accounts[0]);
    desk.crm.tell("/fake/sessions/expire", &json!({}));
    desk.lay(&[wish(&accounts[1], 1, None, Some("ana"))]);
    let results = desk.wait_for(&mut writer, 2);
    assert!(results.values().all(|result| result["status"] == "applied"));
    assert!(!writer.told().contains("no command is applied now"), "{}", writer.told());
    writer.stop();
}
