//! The validation rules: what they refuse, whom they ask, and what happens without them.

use serde_json::{Value, json};

use crate::support::crm::FakeCrm;

/// A record as a writer makes it of a command.
pub fn stamped(id: &str, expected: &str, owner: &str, sequence: u64) -> Value {
    json!({
        "attributes": { "type": "Account" }, "id": id, "OwnerId": owner, "Bookd_Expected_Owner__c": expected,
        "Bookd_Sequence__c": sequence, "Bookd_Command__c": format!("{id}-{sequence}"), "Bookd_Priority__c": 78.4,
    })
}

fn write(crm: &FakeCrm, expected: &str, owner: &str, sequence: u64) -> Value {
    crm.patch(&json!({ "records": [stamped("001A", expected, owner, sequence)] })).json()[0].clone()
}

fn message(result: &Value) -> &str {
    assert_eq!(result["errors"][0]["statusCode"], "FIELD_CUSTOM_VALIDATION_EXCEPTION", "{result}");
    result["errors"][0]["message"].as_str().unwrap()
}

fn by_a_person(crm: &FakeCrm, owner: &str) {
    crm.tell("/fake/people/change", &json!({ "account": "001A", "owner": owner, "who": "max" }));
}

#[test]
fn what_comes_late_twice_or_against_a_person_is_refused() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A"], &["ana", "ben", "max"]);
    assert_eq!(write(&crm, "nobody", "ana", 2)["success"], true);
    // The same once more moves nothing, and is done.
    assert_eq!(write(&crm, "nobody", "ana", 2)["success"], true);
    // An earlier one.
    assert!(message(&write(&crm, "nobody", "ben", 1)).starts_with("Bookd_Owner_As_Expected: "));
    assert!(message(&write(&crm, "ana", "ben", 1)).starts_with("Bookd_Once_And_In_Order: "));
    // A person takes it back; the same once more would undo that.
    by_a_person(&crm, "nobody");
    assert!(message(&write(&crm, "nobody", "ana", 2)).starts_with("Bookd_Once_And_In_Order: "));
    by_a_person(&crm, "ben");
    assert!(message(&write(&crm, "ana", "nobody", 3)).starts_with("Bookd_Owner_As_Expected: "));
    assert_eq!(write(&crm, "ben", "ana", 3)["success"], true);
    assert_eq!(crm.owner("001A", "ae"), "ana");
}

#[test]
fn what_comes_behind_its_end_is_refused() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A"], &["ana"]);
    let write = |end: &str| {
        let mut record = stamped("001A", "nobody", "ana", 1);
        record["Bookd_Not_After__c"] = json!(end);
        crm.patch(&json!({ "records": [record] })).json()
    };
    assert!(message(&write("2026-05-04T14:00:00Z")[0]).starts_with("Bookd_In_Time: "));
    assert_eq!(write("soon")[0]["errorCode"], "JSON_PARSER_ERROR");
    assert_eq!(write("2126-05-04T14:00:00Z")[0]["success"], true);
    let wanted = json!({ "ids": ["001A"], "fields": ["Bookd_Not_After__c"] });
    let read = crm.post("/services/data/v62.0/composite/sobjects/Account", &wanted).json();
    assert_eq!(read[0]["Bookd_Not_After__c"], "2126-05-04T14:00:00.000+0000");
}

#[test]
fn without_the_fence_the_last_one_wins() {
    let crm = FakeCrm::start(&["--without-fence"]);
    crm.load(&["001A"], &["ana", "ben", "max"]);
    assert_eq!(write(&crm, "nobody", "ana", 2)["success"], true);
    by_a_person(&crm, "ben");
    assert_eq!(write(&crm, "nobody", "ana", 1)["success"], true);
    assert_eq!(crm.owner("001A", "ae"), "ana");
    let history = crm.ask("/fake/history?account=001A");
    let told: Vec<_> =
        history.as_array().unwrap().iter().map(|row| (&row["from"], &row["to"], &row["sequence"])).collect();
    let expected = [
        (Value::Null, json!("ana"), json!(2)),
        (json!("ana"), json!("ben"), Value::Null),
        (json!("ben"), json!("ana"), json!(1)),
    ];
    assert_eq!(told, expected.iter().map(|(from, to, sequence)| (from, to, sequence)).collect::<Vec<_>>());
}

#[test]
fn the_history_says_who_moved_what_when_and_by_which_command() {
    let crm = FakeCrm::start(&[]);
    crm.load(&["001A", "001B"], &["ana", "ben", "max"]);
    let before = bookd::run::clock::Clock::Wall.now().0;
    crm.patch(&json!({ "records": [stamped("001A", "nobody", "ana", 1), stamped("001B", "nobody", "ben", 1)] }));
    by_a_person(&crm, "ben");
    let history = crm.ask("/fake/history");
    let rows = history.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[0]["command"], &rows[0]["sequence"], &rows[0]["expected"]),
        (&json!("001A-1"), &json!(1), &json!("nobody"))
    );
    assert_eq!(rows[0]["commit"], rows[1]["commit"]);
    assert!(rows[2]["commit"].as_u64() > rows[1]["commit"].as_u64());
    assert_eq!(
        (&rows[2]["by"], &rows[2]["integration"], &rows[2]["command"]),
        (&json!("max"), &json!(false), &Value::Null)
    );
    assert!(rows.iter().all(|row| row["at"].as_i64().unwrap() >= before));
    assert_eq!(crm.ask("/fake/history?account=001B").as_array().unwrap().len(), 1);
}
