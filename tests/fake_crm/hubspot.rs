//! Batches of companies as HubSpot's API has them.

use serde_json::{Value, json};

use crate::support::crm::FakeCrm;

const UPDATE: &str = "/crm/v3/objects/companies/batch/update";
const READ: &str = "/crm/v3/objects/companies/batch/read";

fn input(id: &str, owner: &str, trace: &str) -> Value {
    let properties = json!({ "hubspot_owner_id": owner, "bookd_command": trace, "bookd_sequence": "3" });
    json!({ "id": id, "properties": properties, "objectWriteTraceId": trace })
}

#[test]
fn a_batch_is_updated_and_read_with_its_history() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["512", "513"], &["71", "max"]);
    let answer = crm.post(UPDATE, &json!({ "inputs": [input("512", "71", "c1"), input("513", "71", "c2")] }));
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("COMPLETE")));
    assert_eq!(answer.json()["results"][0]["properties"]["hubspot_owner_id"], "71");
    assert_eq!(answer.header("X-HubSpot-RateLimit-Max"), "190");
    crm.tell("/fake/people/change", &json!({ "account": "513", "owner": null, "who": "max" }));
    let wanted = json!({
        "properties": ["hubspot_owner_id", "bookd_sequence", "no_such_property"],
        "propertiesWithHistory": ["hubspot_owner_id"], "inputs": [{ "id": "512" }, { "id": "513" }],
    });
    let read = crm.post(READ, &wanted);
    let found = read.json();
    assert_eq!(read.status, 200);
    let properties = &found["results"][0]["properties"];
    assert_eq!((&properties["hubspot_owner_id"], &properties["bookd_sequence"]), (&json!("71"), &json!("3")));
    assert!(properties["hs_lastmodifieddate"].is_string() && properties.get("no_such_property").is_none());
    assert_eq!(found["results"][1]["properties"]["hubspot_owner_id"], Value::Null);
    let history = &found["results"][1]["propertiesWithHistory"]["hubspot_owner_id"];
    assert_eq!((&history[0]["value"], &history[0]["sourceType"]), (&json!(""), &json!("CRM_UI")));
    assert_eq!((&history[1]["value"], &history[1]["sourceType"]), (&json!("71"), &json!("INTEGRATION")));
}

#[test]
fn what_fails_is_told_by_its_trace_and_the_rest_is_done() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["512", "513", "514"], &["71", "72", "max"]);
    crm.tell("/fake/users", &json!({ "id": "72", "active": false }));
    let inputs = [input("512", "71", "c1"), input("999", "71", "c2"), input("513", "72", "c3")];
    let answer = crm.post(UPDATE, &json!({ "inputs": inputs }));
    let told = answer.json();
    assert_eq!((answer.status, &told["numErrors"]), (207, &json!(2)));
    assert_eq!(told["results"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&told["errors"][0]["category"], &told["errors"][0]["context"]),
        (&json!("OBJECT_NOT_FOUND"), &json!({ "ids": ["999"], "objectWriteTraceId": ["c2"] }))
    );
    assert!(told["errors"][1]["message"].as_str().unwrap().contains("INVALID_OWNER_ID: 72"));
    let read = crm.post(READ, &json!({ "properties": [], "inputs": [{ "id": "512" }, { "id": "999" }] }));
    assert_eq!((read.status, &read.json()["errors"][0]["context"]["ids"]), (207, &json!(["999"])));
}

/// There are no validation rules: against a person's change, and late, it's done all the same.
#[test]
fn there_is_no_fence() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["512"], &["71", "72", "max"]);
    crm.tell("/fake/people/change", &json!({ "account": "512", "owner": "72", "who": "max" }));
    assert_eq!(crm.post(UPDATE, &json!({ "inputs": [input("512", "71", "c1")] })).status, 200);
    assert_eq!(crm.owner("512", "ae"), "71");
    assert_eq!(crm.post(UPDATE, &json!({ "inputs": [input("512", "", "c1")] })).status, 200);
    assert_eq!(crm.owner("512", "ae"), Value::Null);
}

/// Unlike Salesforce: an id of before the merge goes on to lead somewhere.
#[test]
fn a_merged_companys_id_leads_to_the_survivor() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["512", "513"], &["71", "max"]);
    crm.tell("/fake/people/merge", &json!({ "survivor": "512", "loser": "513", "who": "max" }));
    let answer = crm.post(UPDATE, &json!({ "inputs": [input("513", "71", "c1")] })).json();
    assert_eq!(answer["results"][0]["id"], "512");
    assert_eq!(crm.owner("512", "ae"), "71");
}

#[test]
fn batches_that_are_too_large_doubled_or_misspelt_are_refused_whole() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["512"], &["71"]);
    let many: Vec<Value> = (0..101).map(|id| input(&id.to_string(), "71", "c")).collect();
    let misspelt = json!({ "id": "512", "properties": { "hubspot_owner": "71" } });
    let by_domain = json!({ "id": "acme.com", "idProperty": "domain", "properties": {} });
    let bodies = [
        (json!({ "inputs": many }), "100"),
        (json!({ "inputs": [input("512", "71", "a"), input("512", "71", "b")] }), "Duplicate IDs"),
        (json!({ "inputs": [misspelt] }), "PROPERTY_DOESNT_EXIST: hubspot_owner"),
        (json!({ "inputs": [by_domain] }), "domain is not a unique property"),
        (json!({ "rows": [] }), "Invalid input JSON"),
    ];
    for (body, says) in bodies {
        let answer = crm.post(UPDATE, &body);
        assert_eq!((answer.status, &answer.json()["category"]), (400, &json!("VALIDATION_ERROR")));
        assert!(answer.text.contains(says), "{}", answer.text);
    }
    let with_history: Vec<Value> = (0..51).map(|id| json!({ "id": id.to_string() })).collect();
    let body = json!({ "propertiesWithHistory": ["hubspot_owner_id"], "inputs": with_history });
    assert_eq!(crm.post(READ, &body).status, 400);
}

#[test]
fn more_than_its_requests_in_ten_seconds_are_refused_with_a_time_to_come_back() {
    let crm = FakeCrm::start(&["--rolling-requests", "2"]);
    crm.load(&["512"], &["71"]);
    let read = || crm.post(READ, &json!({ "inputs": [{ "id": "512" }] }));
    assert_eq!((read().status, read().status), (200, 200));
    let refused = read();
    assert_eq!((refused.status, &refused.json()["policyName"]), (429, &json!("TEN_SECONDLY_ROLLING")));
    let wait: u64 = refused.header("Retry-After").parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
}

#[test]
fn without_a_token_nobody_comes_in() {
    let crm = FakeCrm::start(&["--token", "another"]);
    let refused = crm.post(READ, &json!({ "inputs": [] }));
    assert_eq!((refused.status, &refused.json()["category"]), (401, &json!("INVALID_AUTHENTICATION")));
}
