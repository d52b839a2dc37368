//! Each way in which a command is answered, by the whole writer.

use bookd::domain::{Millis, Topic};
use bookd::run::clock::Clock;
use bookd::writer::meters::TABLE;
use serde_json::{Value, json};

use crate::desk::{Desk, Wish, accounts, judge_history, rounds, wish};
use crate::support::promtool;

fn status<'a>(results: &'a std::collections::BTreeMap<String, Value>, wish: &Wish) -> (&'a str, &'a str) {
    let result = &results[&wish.id()];
    (result["status"].as_str().unwrap(), result["error_code"].as_str().unwrap_or(""))
}

#[test]
fn all_are_applied_once_and_in_order_and_stamped() {
    let accounts = accounts(230);
    let desk = Desk::new(&[], &accounts);
    let wishes = rounds(&accounts);
    desk.lay(&wishes);
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    writer.stop();
    for wish in &wishes {
        assert_eq!(status(&results, wish), ("applied", ""), "{wish:?}");
        assert_eq!(results[&wish.id()]["observed_owner_id"], json!(wish.to));
        assert!(results[&wish.id()].get("crm_version").is_none());
    }
    judge_history(&desk.history(), &wishes);
    let all = desk.crm.ask("/fake/accounts");
    let last = wish(&accounts[7], 3, None, None);
    let fields = &all.as_array().unwrap().iter().find(|row| row["id"] == accounts[7]).unwrap()["fields"];
    assert_eq!(fields["Bookd_Command__c"], last.id());
    assert_eq!(fields["Bookd_Reason__c"], "because");
    assert_eq!(fields["Bookd_Entered_Because__c"], "adopted");
    assert_eq!(fields["Bookd_Priority__c"], 61.5);
    assert_eq!(fields["Bookd_Entered_At__c"], Value::Null);
    assert!(fields["Bookd_At_Risk_At__c"].as_str().unwrap().starts_with("2026-05-04T15:00:00"));
    // Accounts of one request go together: some requests, not hundreds.
    let requests = desk.crm.ask("/fake/status")["counts"]["salesforce"].as_u64().unwrap_or(0);
    assert!(requests < 60, "{requests} requests for {} commands", wishes.len());
}

#[test]
fn what_does_not_hold_is_rejected_with_its_code() {
    let accounts = accounts(9);
    let desk = Desk::new(&[], &accounts);
    let [owned, protected, deleted] = [&accounts[1], &accounts[2], &accounts[3]];
    desk.crm.tell("/fake/people/change", &json!({ "account": owned, "role": "ae", "owner": "cleo", "who": "max" }));
    desk.crm.tell("/fake/protect", &json!({ "account": protected, "read_only": true }));
    desk.crm.tell("/fake/people/merge", &json!({ "survivor": accounts[4], "loser": deleted, "who": "max" }));
    desk.crm.tell("/fake/users", &json!({ "id": "ben", "active": false }));
    let late = Wish { not_after: Millis(Clock::Wall.now().0 - 1_000), ..wish(&accounts[5], 1, None, Some("ana")) };
    let close = Wish { not_after: Millis(Clock::Wall.now().0 + 2_500), ..wish(&accounts[0], 1, None, Some("ana")) };
    let table = [
        (wish(owned, 1, None, Some("ana")), "rejected", "owner_changed"),
        (wish(protected, 1, None, Some("ana")), "failed", "INSUFFICIENT_ACCESS_OR_READONLY"),
        (wish(deleted, 1, None, Some("ana")), "rejected", "unknown_account"),
        (wish("never-heard-of", 1, None, Some("ana")), "rejected", "unknown_account"),
        (late, "expired", "too_late"),
        // A request takes a second at most, and two are the margin.
        (close, "expired", "too_late"),
        (wish(&accounts[6], 1, None, Some("ben")), "rejected", "INACTIVE_OWNER_OR_USER"),
        (wish(&accounts[7], 1, None, Some("00G000000000001")), "rejected", "FIELD_INTEGRITY_EXCEPTION"),
        (wish(&accounts[8], 1, None, Some("nobody-knows")), "rejected", "INVALID_CROSS_REFERENCE_KEY"),
        (Wish { role: "csm", ..wish(&accounts[8], 1, None, Some("ana")) }, "rejected", "unknown_role"),
        // A person was faster: there is nothing to do.
        (wish(owned, 2, None, Some("cleo")), "applied", ""),
    ];
    let wishes: Vec<Wish> = table.iter().map(|(wish, _, _)| wish.clone()).collect();
    desk.lay(&wishes);
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    for (wish, expected, code) in &table {
        assert_eq!(status(&results, wish), (*expected, *code), "{wish:?}");
    }
    assert_eq!(results[&table[0].0.id()]["observed_owner_id"], "cleo");
    assert_eq!(results[&table[1].0.id()]["observed_owner_id"], Value::Null);
    assert!(results[&table[3].0.id()].get("observed_owner_id").is_none(), "nobody looked");
    let metrics = desk.metrics();
    for line in [
        "bookd_writer_results_total{status=\"applied\"} 1",
        "bookd_writer_results_total{status=\"expired\"} 2",
        "bookd_writer_results_total{status=\"failed\"} 1",
        "bookd_writer_codes_total{code=\"owner_changed\"} 1",
        "bookd_writer_applying 1",
        "bookd_writer_oldest_unanswered_seconds 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    for metric in TABLE {
        assert!(metrics.contains(&format!("# HELP {} ", metric.name)), "{} does not occur", metric.name);
    }
    promtool::lint(&metrics);
    writer.stop();
}

#[test]
fn what_is_no_command_is_a_dead_letter_and_a_dry_run_is_left_alone() {
    let accounts = accounts(2);
    let desk = Desk::new(&[], &accounts);
    desk.lay_text("x", "{ nonsense");
    let mut dry = wish(&accounts[0], 1, None, Some("ana")).json();
    dry["dry_run"] = json!(true);
    desk.lay_text(&accounts[0], &dry.to_string());
    let mut half = wish(&accounts[0], 1, None, Some("ana")).json();
    half.as_object_mut().unwrap().remove("expected_owner_id");
    desk.lay_text(&accounts[0], &half.to_string());
    let good = wish(&accounts[1], 1, None, Some("ana"));
    desk.lay(std::slice::from_ref(&good));
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, 1);
    assert_eq!(status(&results, &good), ("applied", ""));
    writer.wait(|| desk.site.read(Topic::DeadLetters).len() == 2);
    let letters: Vec<String> = desk.site.read(Topic::DeadLetters).iter().map(|letter| text(&letter.value)).collect();
    assert!(letters.contains(&"{ nonsense".to_owned()) && letters.contains(&half.to_string()), "{letters:?}");
    assert!(writer.told().contains("this is no command: a dead letter"), "{}", writer.told());
    let metrics = desk.metrics();
    for line in [
        "bookd_writer_dead_letters_total{code=\"malformed\"} 1",
        "bookd_writer_dead_letters_total{code=\"missing_field\"} 1",
        "bookd_writer_skipped_total{why=\"dry_run\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    assert_eq!(desk.owner(&accounts[0]), Value::Null);
    writer.stop();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_result_bears_the_version_after_the_change_where_it_is_asked_for() {
    let accounts = accounts(3);
    let desk = Desk::with_versions(&accounts);
    let wishes: Vec<Wish> = accounts.iter().map(|account| wish(account, 1, None, Some("ana"))).collect();
    desk.lay(&wishes);
    let before = Clock::Wall.now().0;
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    for result in results.values() {
        let version: i64 = result["crm_version"].as_str().unwrap().parse().unwrap();
        assert!((before - 1_000..before + 60_000).contains(&version), "{result} after {before}");
    }
    writer.stop();
}

#[test]
fn a_second_writer_of_this_name_ends_the_first() {
    let accounts = accounts(2);
    let desk = Desk::new(&[], &accounts);
    let mut first = desk.start_working(&accounts[0]);
    let mut second = desk.start_beside();
    second.wait(|| second_reads(&desk));
    desk.lay(&[wish(&accounts[1], 1, None, Some("ana"))]);
    desk.wait_for(&mut second, 2);
    assert_eq!(first.exit_code(), Some(3));
    second.stop();
}

/// Both write to the same file.
fn second_reads(desk: &Desk) -> bool {
    desk.told().matches("reading commands").count() == 2
}
