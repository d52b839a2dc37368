//! Change events: as they are committed, and late, overtaken and repeated when told to.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::fence::stamped;
use crate::support::crm::FakeCrm;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

struct Told {
    crm: FakeCrm,
    dir: tempfile::TempDir,
}

impl Told {
    fn start(args: &[&str]) -> Told {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (changes, records) = (path("changes.jsonl"), path("accounts.jsonl"));
        let crm = FakeCrm::start(&[&["--changes-file", &changes, "--records-file", &records], args].concat());
        crm.load(&["001A", "001B"], &["ana", "ben", "max"]);
        Told { crm, dir }
    }

    /// Change events and canonical records, all that were committed.
    fn all(&self) -> (Vec<Value>, Vec<Value>) {
        self.crm.wait_for_events();
        (lines(&self.dir.path().join("changes.jsonl")), lines(&self.dir.path().join("accounts.jsonl")))
    }

    /// A person moves the account to and fro, so many times.
    fn move_often(&self, account: &str, times: usize) {
        for number in 0..times {
            let owner = ["ana", "ben"][number % 2];
            self.crm.tell("/fake/people/change", &json!({ "account": account, "owner": owner, "who": "max" }));
        }
    }
}

fn version(record: &Value) -> u64 {
    record["crm_version"].as_str().unwrap().parse().unwrap()
}

#[test]
fn each_commit_is_told_in_order_with_changed_fields_only() {
    let told = Told::start(&[]);
    told.crm.patch(&json!({ "records": [stamped("001A", "nobody", "ana", 1), stamped("001B", "nobody", "ben", 1)] }));
    told.crm.tell("/fake/people/change", &json!({ "account": "001A", "owner": null, "who": "max" }));
    told.crm.tell("/fake/people/merge", &json!({ "survivor": "001A", "loser": "001B", "who": "max" }));
    let (changes, records) = told.all();
    let headers: Vec<&Value> = changes.iter().map(|change| &change["ChangeEventHeader"]).collect();
    let types: Vec<_> = headers.iter().map(|header| header["changeType"].as_str().unwrap()).collect();
    assert_eq!(types, ["UPDATE", "UPDATE", "UPDATE", "DELETE", "UPDATE"]);
    // One request is one transaction.
    assert_eq!(headers[0]["transactionKey"], headers[1]["transactionKey"]);
    assert_eq!((&headers[0]["sequenceNumber"], &headers[1]["sequenceNumber"]), (&json!(1), &json!(2)));
    assert!(headers[0]["changeOrigin"].as_str().unwrap().ends_with(";client=bookd"));
    assert_eq!(headers[2]["commitUser"], "max");
    assert_eq!(headers[2]["changedFields"], json!(["LastModifiedDate", "OwnerId"]));
    let mut fields: Vec<&String> = changes[2].as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["ChangeEventHeader", "LastModifiedDate", "OwnerId"]);

    assert_eq!((&records[0]["op"], &records[0]["owners"]), (&json!("patch"), &json!({ "ae": "ana" })));
    assert_eq!(records[2]["owners"], json!({ "ae": null }));
    assert_eq!((&records[3]["op"], &records[3]["id"]), (&json!("delete"), &json!("001B")));
    assert!(records[4].get("owners").is_none());
    assert_eq!(version(&records[2]), headers[2]["commitNumber"].as_u64().unwrap());
    assert!(version(&records[2]) > 1 << 53);
}

/// What a transform would make of them is what bookd reads.
#[test]
fn the_canonical_records_fit_the_schema_of_accounts() {
    let told = Told::start(&["--crm-version", "modified"]);
    told.crm.patch(&json!({ "records": [stamped("001A", "nobody", "ana", 1)] }));
    told.crm.tell("/fake/people/merge", &json!({ "survivor": "001A", "loser": "001B", "who": "max" }));
    let schema: Value = serde_json::from_str(include_str!("../../schemas/accounts/schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let (_, records) = told.all();
    assert_eq!(records.len(), 3);
    for record in records {
        let wrong: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{record}: {wrong:?}");
    }
}

#[test]
fn late_events_hold_their_account_back_only() {
    let told = Told::start(&["--late-events", "0.3", "--late-events-ms", "200"]);
    for _ in 0..20 {
        told.move_often("001A", 2);
        told.move_often("001B", 2);
    }
    let (_, records) = told.all();
    assert_eq!(records.len(), 80);
    let versions: Vec<u64> = records.iter().map(version).collect();
    assert!(!versions.is_sorted(), "no account was overtaken by the other");
    for account in ["001A", "001B"] {
        assert!(records.iter().filter(|record| record["id"] == account).map(version).is_sorted(), "{account}");
    }
}

#[test]
fn overtaken_and_repeated_events_are_told_by_their_versions() {
    let told = Told::start(&["--overtaken-events", "0.3", "--repeated-events", "0.3", "--late-events-ms", "200"]);
    told.move_often("001A", 60);
    let (changes, records) = told.all();
    let versions: Vec<u64> = records.iter().map(version).collect();
    assert!(!versions.is_sorted());
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    versions.iter().for_each(|version| *times.entry(*version).or_default() += 1);
    assert_eq!(times.len(), 60, "none is lost");
    assert!(times.values().any(|times| *times == 2) && times.values().all(|times| *times <= 2));
    assert_eq!(changes.len(), records.len());
}
