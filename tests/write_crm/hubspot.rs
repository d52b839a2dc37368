//! HubSpot's ways: batches of 100, errors of a 207, no fence.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::{Desk, accounts, judge_history, rounds, wish};

#[test]
fn all_are_applied_once_through_its_faults() {
    let accounts = accounts(130);
    let flags = ["--throttled", "0.2", "--lost-answer", "0.2", "--locked", "0.05", "--seed", "4"];
    let desk = Desk::of_hubspot(&flags, &accounts);
    let wishes = rounds(&accounts);
    desk.lay(&wishes);
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    for wish in &wishes {
        assert_eq!(results[&wish.id()]["status"], "applied", "{wish:?}");
    }
    judge_history(&desk.history(), &wishes);
    assert_eq!(desk.owner(&accounts[0]), Value::Null);
    let all = desk.crm.ask("/fake/accounts");
    let because = |row: &Value| row["fields"]["Bookd_Entered_Because__c"] == "adopted";
    assert!(all.as_array().unwrap().iter().all(because), "{all}");
    writer.stop();
}

#[test]
fn what_cannot_be_is_rejected_and_the_rest_is_done() {
    let accounts = accounts(4);
    let desk = Desk::of_hubspot(&[], &accounts);
    desk.crm.tell("/fake/people/merge", &json!({ "survivor": accounts[1], "loser": accounts[0], "who": "max" }));
    desk.crm
        .tell("/fake/people/change", &json!({ "account": accounts[2], "role": "ae", "owner": "cleo", "who": "max" }));
    let table = [
        (wish(&accounts[0], 1, None, Some("ana")), "rejected", json!("unknown_account")),
        (wish(&accounts[1], 1, None, Some("ana")), "applied", Value::Null),
        (wish(&accounts[2], 1, None, Some("ana")), "rejected", json!("owner_changed")),
        (wish(&accounts[3], 1, None, Some("nobody-knows")), "rejected", json!("VALIDATION_ERROR")),
        (wish("never-heard-of", 1, None, Some("ana")), "rejected", json!("unknown_account")),
    ];
    let wishes: Vec<_> = table.iter().map(|(wish, _, _)| wish.clone()).collect();
    desk.lay(&wishes);
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    for (wish, status, code) in &table {
        let result = &results[&wish.id()];
        assert_eq!((&result["status"], &result["error_code"]), (&json!(status), code), "{wish:?}");
    }
    assert_eq!(desk.owner(&accounts[2]), "cleo");
    writer.stop();
}

/// Without the scope it can't be said what is missing: told in a line, and the companies are written all the same.
#[test]
fn without_the_scope_for_properties_it_works_and_says_so() {
    let accounts = accounts(2);
    let desk = Desk::of_hubspot(&[], &accounts);
    desk.crm.tell("/fake/scopes", &json!({ "crm.schemas.companies.read": false }));
    let told =
        "the properties of companies can't be checked without the scope crm.schemas.companies.read: 403 MISSING_SCOPES";
    let checked = desk.check();
    assert_eq!((checked.status.code(), String::from_utf8(checked.stdout).unwrap()), (Some(1), String::new()));
    assert!(String::from_utf8(checked.stderr).unwrap().contains(told));
    let wishes: Vec<_> = accounts.iter().map(|account| wish(account, 1, None, Some("ana"))).collect();
    desk.lay(&wishes);
    let mut writer = desk.start();
    let results = desk.wait_for(&mut writer, wishes.len());
    assert!(results.values().all(|result| result["status"] == "applied"), "{results:?}");
    assert_eq!(desk.ready().unwrap().0, 200);
    assert_eq!(writer.told().matches(told).count(), 1, "{}", writer.told());
    assert!(!writer.told().contains("has all that is needed"), "{}", writer.told());
    writer.stop();
}

#[test]
fn a_missing_property_is_named() {
    let desk = Desk::of_hubspot(&[], &accounts(1));
    assert!(desk.check().status.success());
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Command__c", "exists": false, "updateable": false }));
    let checked = desk.check();
    assert_eq!(String::from_utf8(checked.stdout).unwrap(), "companies have no property bookd_command\n");
}

/// Taken away while it works, once as what isn't there and once as what can't be written: nothing is answered.
#[test]
fn a_property_that_is_wrong_meanwhile_stops_it_until_it_is_right_again() {
    let accounts = accounts(3);
    let desk = Desk::of_hubspot(&[], &accounts);
    let mut writer = desk.start_working(&accounts[0]);
    for (account, (exists, updateable)) in accounts[1..].iter().zip([(false, true), (true, false)]) {
        let before = desk.results().len();
        desk.crm
            .tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": exists, "updateable": updateable }));
        desk.lay(&[wish(account, 1, None, Some("ana"))]);
        writer.wait(|| desk.ready().is_some_and(|(status, told)| status == 503 && told.contains("bookd_priority")));
        assert_eq!(desk.results().len(), before);
        desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": true, "updateable": true }));
        let results = desk.wait_for(&mut writer, before + 1);
        assert!(results.values().all(|result| result["status"] == "applied"), "{results:?}");
    }
    writer.stop();
}

/// The properties can't be checked, so only the write itself shows it: again and again, more and more seldom.
#[test]
fn what_stays_denied_is_asked_for_more_and_more_seldom_and_it_is_never_ready_meanwhile() {
    let accounts = accounts(2);
    let desk = Desk::of_hubspot(&[], &accounts);
    desk.crm.tell("/fake/scopes", &json!({ "crm.schemas.companies.read": false }));
    let mut writer = desk.start_working(&accounts[0]);
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": true, "updateable": false }));
    desk.lay(&[wish(&accounts[1], 1, None, Some("ana"))]);
    writer.wait(|| desk.ready().is_some_and(|(status, _)| status == 503));
    let begun = Instant::now();
    let fifth = "bookd_writer_waits_total{why=\"denied\"} 5";
    writer.wait(|| {
        let (status, told) = desk.ready().unwrap();
        assert_eq!((status, told.contains("READ_ONLY_VALUE: ")), (503, true), "{told}");
        desk.metrics().lines().any(|line| line == fifth)
    });
    // Four waits, each at least half of 1, 2, 4 and 8 seconds; if it didn't back off, four of a second at most.
    assert!(begun.elapsed() > Duration::from_secs(7), "{:?}", begun.elapsed());
    assert_eq!(writer.told().matches("no command is applied now").count(), 1, "{}", writer.told());
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": true, "updateable": true }));
    desk.wait_for(&mut writer, 2);
    writer.wait(|| desk.ready().is_some_and(|(status, _)| status == 200));
    writer.stop();
}
