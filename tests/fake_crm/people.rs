//! People: they move accounts on request and at random, merge them, leave. And what the org is set up from.

use serde_json::{Value, json};

use crate::support::crm::FakeCrm;

#[test]
fn random_people_move_accounts_until_they_are_told_to_stop() {
    let crm = FakeCrm::start(&["--people-per-second", "200"]);
    crm.load(&["001A", "001B"], &["ana", "ben"]);
    crm.wait("people", || crm.ask("/fake/history").as_array().unwrap().len() >= 20);
    crm.tell("/fake/people", &json!({ "per_second": 0 }));
    let history = crm.ask("/fake/history");
    for row in history.as_array().unwrap() {
        assert_eq!(row["integration"], false);
        assert!([&json!("ana"), &json!("ben")].contains(&&row["by"]), "{row}");
    }
    assert_eq!(crm.ask("/fake/history"), history);
}

#[test]
fn a_person_is_refused_what_salesforce_refuses() {
    let crm = FakeCrm::start(&["--role", "ae", "--role", "sdr=SDR_Owner__c"]);
    crm.load(&["001A"], &["ana", "ben"]);
    crm.tell("/fake/users", &json!({ "id": "ben", "active": false }));
    let change = |body: Value| {
        let answer = crm.post("/fake/people/change", &body);
        (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
    };
    let to = |owner: &str| json!({ "account": "001A", "role": "sdr", "owner": owner, "who": "ana" });
    assert_eq!(change(to("ben")), (409, "INACTIVE_OWNER_OR_USER".to_owned()));
    assert_eq!(change(to("eve")), (409, "INVALID_CROSS_REFERENCE_KEY".to_owned()));
    assert_eq!(change(to("ana")).0, 200);
    // Which of two roles must be said.
    assert_eq!(change(json!({ "account": "001A", "owner": "ana", "who": "ana" })).0, 400);
    assert_eq!((crm.owner("001A", "ae"), crm.owner("001A", "sdr")), (Value::Null, json!("ana")));
}

#[test]
fn a_merged_account_is_gone_and_stays_in_the_history() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A", "001B"], &["ana"]);
    crm.tell("/fake/people/change", &json!({ "account": "001B", "owner": "ana", "who": "ana" }));
    let merge = json!({ "survivor": "001A", "loser": "001B", "who": "ana" });
    crm.tell("/fake/people/merge", &merge);
    assert_eq!(crm.post("/fake/people/merge", &merge).status, 409);
    let wanted = json!({ "ids": ["001A", "001B"], "fields": ["OwnerId"] });
    let records = crm.post("/services/data/v62.0/composite/sobjects/Account", &wanted).json();
    assert_eq!((&records[0]["OwnerId"], &records[1]), (&json!("nobody"), &Value::Null));
    let accounts = crm.ask("/fake/accounts");
    assert_eq!((&accounts[1]["deleted"], &accounts[1]["merged_into"]), (&json!(true), &json!("001A")));
    assert_eq!(crm.ask("/fake/history?account=001B").as_array().unwrap().len(), 1);
}

/// Departed reps can't receive anything; who owned before goes on to.
#[test]
fn the_org_is_set_up_from_records_of_the_topics() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[Value]| {
        let path = dir.path().join(name);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let reps = write(
        "reps.jsonl",
        &[json!({ "op": "upsert", "id": "ana" }), json!({ "op": "upsert", "id": "ben", "status": "departed" })],
    );
    let accounts = write(
        "accounts.jsonl",
        &[
            json!({ "op": "upsert", "id": "001A", "owners": { "ae": "ben" } }),
            json!({ "op": "upsert", "id": 8812003344u64, "owners": { "ae": null } }),
            json!({ "op": "upsert", "id": "001C" }),
            json!({ "op": "delete", "id": "001C" }),
        ],
    );
    let crm = FakeCrm::start(&["--reps", &reps, "--accounts", &accounts]);
    assert_eq!(crm.ask("/fake/accounts").as_array().unwrap().len(), 2);
    assert_eq!((crm.owner("001A", "ae"), crm.owner("8812003344", "ae")), (json!("ben"), Value::Null));
    let users = crm.ask("/fake/users");
    assert!(users.as_array().unwrap().contains(&json!({ "id": "ben", "active": false })));
    assert_eq!(crm.ask("/fake/history"), json!([]));
}

#[test]
fn a_line_that_cannot_be_loaded_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("accounts.jsonl");
    std::fs::write(&path, "{\"op\":\"upsert\",\"id\":\"001A\"}\n{\"op\":\"upsert\"}\n").unwrap();
    let mut command = crate::support::process::bookd_program();
    let ended = command.args(["fake-crm", "--listen", "127.0.0.1:0", "--accounts"]).arg(&path).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && told.contains("accounts.jsonl:2: an account without an id"), "{told}");
}
