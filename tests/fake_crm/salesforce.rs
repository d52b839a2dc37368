//! Login, limits, describe, retrieval and update as Salesforce's REST API has them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fence::stamped;
use crate::support::crm::FakeCrm;

const RETRIEVE: &str = "/services/data/v62.0/composite/sobjects/Account";

fn plain(id: &str, values: Value) -> Value {
    let mut record = json!({ "attributes": { "type": "Account" }, "id": id });
    record.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    record
}

fn code(result: &Value) -> &str {
    result["errors"][0]["statusCode"].as_str().unwrap_or_default()
}

#[test]
fn a_session_is_begun_used_and_expires() {
    let crm = FakeCrm::start(&[]);
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let login = |form: &str| {
        let mut answer = agent.post(format!("{}/services/oauth2/token", crm.url())).send(form).unwrap();
        (answer.status().as_u16(), serde_json::from_str::<Value>(&answer.body_mut().read_to_string().unwrap()).unwrap())
    };
    let (status, failed) = login("grant_type=client_credentials&client_id=x");
    assert_eq!((status, &failed["error"]), (400, &json!("invalid_client_id")));
    let (status, session) = login("grant_type=client_credentials&client_id=x&client_secret=y");
    assert_eq!((status, &session["instance_url"]), (200, &json!(crm.url())));
    let limits = |token: &str| {
        let request = agent.get(format!("{}/services/data/v62.0/limits", crm.url()));
        let mut answer = request.header("Authorization", format!("Bearer {token}")).call().unwrap();
        (answer.status().as_u16(), serde_json::from_str::<Value>(&answer.body_mut().read_to_string().unwrap()).unwrap())
    };
    let token = session["access_token"].as_str().unwrap();
    assert_eq!(limits(token).0, 200);
    crm.tell("/fake/sessions/expire", &json!({}));
    let (status, errors) = limits(token);
    assert_eq!((status, &errors[0]["errorCode"]), (401, &json!("INVALID_SESSION_ID")));
}

#[test]
fn requests_are_counted_and_run_out() {
    let crm = FakeCrm::start(&["--daily-requests", "2"]);
    let limits = || crm.get("/services/data/v62.0/limits");
    assert_eq!(limits().json()["DailyApiRequests"], json!({ "Max": 2, "Remaining": 1 }));
    let last = limits();
    assert_eq!((last.status, last.header("Sforce-Limit-Info")), (200, "api-usage=2/2"));
    let over = limits();
    assert_eq!((over.status, &over.json()[0]["errorCode"]), (403, &json!("REQUEST_LIMIT_EXCEEDED")));
}

#[test]
fn describe_says_what_an_admin_has_forgotten() {
    let crm = FakeCrm::start(&["--role", "ae", "--role", "sdr=SDR_Owner__c"]);
    let field = |name: &str| {
        let described = crm.get("/services/data/v62.0/sobjects/Account/describe").json();
        described["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned()
    };
    let sequence = field("Bookd_Sequence__c").unwrap();
    assert_eq!((&sequence["type"], &sequence["updateable"]), (&json!("double"), &json!(true)));
    assert_eq!(field("SDR_Owner__c").unwrap()["referenceTo"], json!(["User"]));
    assert_eq!(field("SystemModstamp").unwrap()["updateable"], false);
    crm.tell("/fake/fields", &json!({ "name": "Bookd_Reason__c", "exists": true, "updateable": false }));
    crm.tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": false, "updateable": false }));
    assert_eq!(field("Bookd_Reason__c").unwrap()["updateable"], false);
    assert_eq!(field("Bookd_Priority__c"), None);

    crm.load(&["001A"], &["ana"]);
    let update = |values| crm.patch(&json!({ "records": [plain("001A", values)] }));
    let read_only = update(json!({ "Bookd_Reason__c": "x" })).json();
    assert_eq!(
        (code(&read_only[0]), &read_only[0]["errors"][0]["fields"]),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", &json!(["Bookd_Reason__c"]))
    );
    let missing = update(json!({ "Bookd_Priority__c": 7 }));
    assert_eq!((missing.status, &missing.json()[0]["errorCode"]), (400, &json!("INVALID_FIELD")));
}

#[test]
fn many_are_retrieved_and_null_stands_for_the_unknown() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A", "001B"], &["ana"]);
    let wanted =
        json!({ "ids": ["001B", "001Z", "001A"], "fields": ["OwnerId", "SystemModstamp", "Bookd_Sequence__c"] });
    let records = crm.post(RETRIEVE, &wanted).json();
    assert_eq!(records.as_array().unwrap().len(), 3);
    assert_eq!((&records[0]["Id"], &records[0]["OwnerId"]), (&json!("001B"), &json!("nobody")));
    assert_eq!(records[1], Value::Null);
    assert_eq!(records[2]["attributes"]["url"], "/services/data/v62.0/sobjects/Account/001A");
    assert_eq!(records[2]["Bookd_Sequence__c"], Value::Null);
    assert!(records[2]["SystemModstamp"].as_str().unwrap().ends_with(".000+0000"));
    let unknown = crm.post(RETRIEVE, &json!({ "ids": ["001A"], "fields": ["Nothing__c"] }));
    assert_eq!((unknown.status, &unknown.json()[0]["errorCode"]), (400, &json!("INVALID_FIELD")));
    let ids = vec!["001A"; 2_001];
    let many = crm.post(RETRIEVE, &json!({ "ids": ids, "fields": ["Id"] }));
    assert_eq!((many.status, &many.json()[0]["errorCode"]), (400, &json!("EXCEEDED_ID_LIMIT")));
}

#[test]
fn results_come_in_the_order_of_the_records_each_with_its_own() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A", "001B", "001C", "001D", "001E", "001F", "001G"], &["ana", "ben"]);
    crm.tell("/fake/users", &json!({ "id": "ben", "active": false }));
    crm.tell("/fake/people/merge", &json!({ "survivor": "001B", "loser": "001C", "who": "ana" }));
    crm.tell("/fake/protect", &json!({ "account": "001D", "read_only": true }));
    let records = [
        stamped("001A", "nobody", "ana", 1),
        stamped("001Z", "nobody", "ana", 1),
        stamped("001C", "nobody", "ana", 1),
        stamped("001D", "nobody", "ana", 1),
        stamped("001E", "nobody", "ben", 1),
        stamped("001E", "nobody", "ana", 1),
        stamped("001F", "nobody", "00G5", 1),
        stamped("001G", "nobody", "eve", 1),
    ];
    let answer = crm.patch(&json!({ "allOrNone": false, "records": records }));
    assert_eq!(answer.status, 200);
    let results = answer.json();
    assert_eq!(results[0], json!({ "id": "001A", "success": true, "errors": [] }));
    let codes: Vec<&str> = results.as_array().unwrap()[1..].iter().map(code).collect();
    let expected = [
        "INVALID_CROSS_REFERENCE_KEY",
        "ENTITY_IS_DELETED",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INACTIVE_OWNER_OR_USER",
        "INVALID_ID_FIELD",
        "FIELD_INTEGRITY_EXCEPTION",
        "INVALID_CROSS_REFERENCE_KEY",
    ];
    assert_eq!(codes, expected);
    assert_eq!(crm.owner("001A", "ae"), "ana");
    let nobody = crm.patch(&json!({ "records": [stamped("001F", "nobody", "", 1)] })).json();
    assert_eq!(code(&nobody[0]), "INVALID_CROSS_REFERENCE_KEY");
}

#[test]
fn all_or_none_takes_back_what_was_good() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A", "001B"], &["ana"]);
    let records = [stamped("001A", "nobody", "ana", 1), stamped("001B", "nobody", "eve", 1)];
    let results = crm.patch(&json!({ "allOrNone": true, "records": records })).json();
    assert_eq!(
        [code(&results[0]), code(&results[1])],
        ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_CROSS_REFERENCE_KEY"]
    );
    assert_eq!(crm.owner("001A", "ae"), Value::Null);
}

#[test]
fn a_request_that_cannot_be_read_changes_nothing() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A"], &["ana"]);
    let bodies = [
        (json!({ "records": vec![stamped("001A", "nobody", "ana", 1); 201] }), "EXCEEDED_ID_LIMIT"),
        (json!({ "records": [{ "id": "001A", "OwnerId": "ana" }] }), "INVALID_TYPE"),
        (json!({ "records": [{ "attributes": { "type": "Contact" }, "id": "003A" }] }), "INVALID_TYPE"),
        (json!({ "records": [{ "attributes": { "type": "Account" } }] }), "MISSING_ARGUMENT"),
        (json!({ "records": [plain("001A", json!({ "Bookd_Sequence__c": "one" }))] }), "JSON_PARSER_ERROR"),
        (json!({ "rows": [] }), "JSON_PARSER_ERROR"),
    ];
    for (body, code) in bodies {
        let answer = crm.patch(&body);
        assert_eq!((answer.status, &answer.json()[0]["errorCode"]), (400, &json!(code)));
    }
    let long = crm.patch(&json!({ "records": [plain("001A", json!({ "Bookd_Reason__c": "x".repeat(256) }))] })).json();
    assert_eq!(code(&long[0]), "STRING_TOO_LONG");
    assert_eq!(crm.ask("/fake/history"), json!([]));
}

#[test]
fn without_the_header_an_assignment_rule_takes_the_account() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A"], &["ana"]);
    let body = json!({ "records": [stamped("001A", "nobody", "ana", 1)] });
    let answer = crm.try_patch(&body, &[], Duration::from_secs(60)).unwrap();
    assert_eq!(answer.json()[0]["success"], true);
    assert_eq!(crm.owner("001A", "ae"), "assignment-rule");
}

#[test]
fn each_role_has_its_field_and_its_fence() {
    let crm = FakeCrm::start(&["--role", "ae", "--role", "sdr=SDR_Owner__c"]);
    crm.load(&["001A"], &["ana", "ben"]);
    crm.patch(&json!({ "records": [stamped("001A", "nobody", "ana", 4)] }));
    let sdr = |owner: Value, expected: Value, sequence: u64| {
        let values = json!({
            "SDR_Owner__c": owner, "Bookd_sdr_Expected_Owner__c": expected, "Bookd_sdr_Sequence__c": sequence,
        });
        crm.patch(&json!({ "records": [plain("001A", values)] })).json()[0].clone()
    };
    assert_eq!(sdr(json!("ben"), Value::Null, 1)["success"], true);
    assert_eq!((crm.owner("001A", "ae"), crm.owner("001A", "sdr")), (json!("ana"), json!("ben")));
    assert_eq!(code(&sdr(json!("ana"), json!("ben"), 1)), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    // A field of one's own may be empty.
    assert_eq!(sdr(Value::Null, json!("ben"), 2)["success"], true);
    assert_eq!(crm.owner("001A", "sdr"), Value::Null);
}
