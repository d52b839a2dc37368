//! Each fault, alone: what a client sees of it, and whether the CRM has done what it was asked.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fence::stamped;
use crate::support::crm::{Answer, FakeCrm};

const READ: &str = "/crm/v3/objects/companies/batch/read";

fn crm(args: &[&str]) -> FakeCrm {
    let crm = FakeCrm::start(args);
    crm.load(&["001A", "001B", "001C"], &["ana", "ben", "max"]);
    crm
}

fn write(crm: &FakeCrm) -> Answer {
    crm.patch(&json!({ "records": [stamped("001A", "nobody", "ana", 1)] }))
}

fn read(crm: &FakeCrm) -> Answer {
    crm.post(READ, &json!({ "inputs": [{ "id": "001A" }] }))
}

#[test]
fn answers_instead_of_work() {
    let crm = crm(&[]);
    crm.tell("/fake/faults", &json!({ "throttled": 1, "retry_after_s": 3 }));
    let throttled = (write(&crm), read(&crm));
    assert_eq!((throttled.0.status, throttled.0.header("Retry-After")), (429, "3"));
    assert_eq!((throttled.1.status, throttled.1.header("Retry-After")), (429, "3"));
    crm.tell("/fake/faults", &json!({ "throttled": 0, "limit_exceeded": 1 }));
    assert_eq!((write(&crm).status, &write(&crm).json()[0]["errorCode"]), (403, &json!("REQUEST_LIMIT_EXCEEDED")));
    assert_eq!(read(&crm).json()["policyName"], "DAILY");
    crm.tell("/fake/faults", &json!({ "limit_exceeded": 0, "server_error": 1 }));
    assert_eq!((write(&crm).status, read(&crm).status), (500, 500));
    crm.tell("/fake/faults", &json!({ "server_error": 0, "outage": 1 }));
    let page = write(&crm);
    assert_eq!((page.status, page.header("Content-Type")), (503, "text/html; charset=utf-8"));
    assert!(page.text.starts_with("<!DOCTYPE html>"));
    // Nothing of all that was done.
    assert_eq!(crm.ask("/fake/history"), json!([]));
    crm.tell("/fake/faults", &json!({ "outage": 0 }));
    assert_eq!(write(&crm).json()[0]["success"], true);
    let counts = &crm.ask("/fake/status")["counts"];
    assert_eq!((&counts["throttled"], &counts["outage"], &counts["server_error"]), (&json!(2), &json!(1), &json!(2)));
}

#[test]
fn an_answer_is_lost_and_the_work_is_done() {
    let crm = crm(&["--lost-answer", "1"]);
    let body = json!({ "records": [stamped("001A", "nobody", "ana", 1)] });
    let lost = crm.try_patch(&body, &[("Sforce-Auto-Assign", "FALSE")], Duration::from_secs(30));
    assert!(lost.is_err(), "an answer came");
    assert_eq!(crm.owner("001A", "ae"), "ana");
}

#[test]
fn an_answer_never_comes_and_the_work_is_done() {
    let crm = crm(&["--no-answer", "1", "--no-answer-ms", "3000"]);
    let body = json!({ "records": [stamped("001A", "nobody", "ana", 1)] });
    let begun = Instant::now();
    let lost = crm.try_patch(&body, &[("Sforce-Auto-Assign", "FALSE")], Duration::from_secs(30));
    assert!(lost.is_err() && begun.elapsed() >= Duration::from_secs(3));
    assert_eq!(crm.owner("001A", "ae"), "ana");
}

/// The client has long gone away when the CRM gets to it.
#[test]
fn a_slow_request_is_done_although_nobody_waits_any_more() {
    let crm = crm(&["--slow", "1", "--slow-ms", "3000", "--seed", "1"]);
    let body = json!({ "records": [stamped("001A", "nobody", "ana", 1)] });
    let gone = crm.try_patch(&body, &[("Sforce-Auto-Assign", "FALSE")], Duration::from_millis(100));
    assert!(gone.is_err());
    assert_eq!(crm.ask("/fake/history"), json!([]), "it should be slower than that");
    crm.wait("the slow request", || crm.owner("001A", "ae") == "ana");
}

#[test]
fn some_rows_are_locked_and_the_others_are_done() {
    let crm = crm(&["--locked", "0.5"]);
    let ids: Vec<String> = (0..200).map(|number| format!("001x{number}")).collect();
    crm.load(&ids.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let records: Vec<Value> = ids.iter().map(|id| stamped(id, "nobody", "ana", 1)).collect();
    let results = crm.patch(&json!({ "records": records })).json();
    let results = results.as_array().unwrap();
    let locked = results.iter().filter(|result| result["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW").count();
    let done = results.iter().filter(|result| result["success"] == true).count();
    assert!(locked + done == 200 && (60..140).contains(&locked), "{locked} locked, {done} done");
    assert_eq!(crm.ask("/fake/history").as_array().unwrap().len(), done);
    let inputs: Vec<Value> = ids[..100]
        .iter()
        .map(|id| json!({ "id": id, "properties": { "hubspot_owner_id": "ben" }, "objectWriteTraceId": id }))
        .collect();
    let batch = crm.post("/crm/v3/objects/companies/batch/update", &json!({ "inputs": inputs }));
    assert_eq!((batch.status, &batch.json()["errors"][0]["category"]), (207, &json!("CONFLICT")));
}

#[test]
fn the_same_seed_and_requests_meet_the_same_faults() {
    let statuses = |seed: &str| {
        let crm = crm(&["--seed", seed, "--throttled", "0.2", "--server-error", "0.2", "--outage", "0.2"]);
        (0..40).map(|_| read(&crm).status).collect::<Vec<_>>()
    };
    let first = statuses("5");
    assert!([200, 429, 500, 503].iter().all(|status| first.contains(status)), "{first:?}");
    assert_eq!(statuses("5"), first);
    assert_ne!(statuses("6"), first);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let crm = crm(&[]);
    for wrong in [json!({ "outrage": 1 }), json!({ "outage": 2 }), json!({ "slow_ms": -1 })] {
        assert_eq!(crm.post("/fake/faults", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(crm.post("/fake/people", &json!({ "per_second": 1e9 })).status, 400);
}
