//! Change events on a real broker, keyed by account.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`.

use std::collections::BTreeMap;

use bookd::domain::Topic;
use serde_json::{Value, json};

use crate::fence::stamped;
use crate::support::crm::FakeCrm;
use crate::support::kafka::{Site, Stored};

/// Versions and partitions by account, in the order of each partition.
fn by_account(records: Vec<Stored>, of: impl Fn(&Value) -> (String, u64)) -> BTreeMap<String, Vec<(u32, u64)>> {
    let mut accounts: BTreeMap<String, Vec<(u32, u64)>> = BTreeMap::new();
    for record in records {
        let (account, version) = of(&serde_json::from_slice(&record.value).unwrap());
        accounts.entry(account).or_default().push((record.partition, version));
    }
    accounts
}

#[test]
fn both_topics_have_each_accounts_changes_in_order_in_one_partition() {
    let site = Site::new("fake-crm", 3);
    // Any topic will do for what bookd doesn't read.
    let (changes, records) = (site.name(Topic::Intent), site.name(Topic::Accounts));
    let crm = FakeCrm::start(&["--brokers", site.brokers(), "--changes-topic", changes, "--records-topic", records]);
    let ids: Vec<String> = (0..20).map(|number| format!("001x{number}")).collect();
    crm.load(&ids.iter().map(String::as_str).collect::<Vec<_>>(), &["ana", "ben", "max"]);
    let written: Vec<Value> = ids.iter().map(|id| stamped(id, "nobody", "ana", 1)).collect();
    crm.patch(&json!({ "records": written }));
    for id in &ids {
        crm.tell("/fake/people/change", &json!({ "account": id, "owner": "ben", "who": "max" }));
    }
    crm.wait_for_events();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let records = by_account(site.read(Topic::Accounts), |record| {
        (text(&record["id"]), text(&record["crm_version"]).parse().unwrap())
    });
    let changes = by_account(site.read(Topic::Intent), |change| {
        let header = &change["ChangeEventHeader"];
        (text(&header["recordIds"][0]), header["commitNumber"].as_u64().unwrap())
    });
    assert_eq!(records, changes);
    assert_eq!(records.len(), ids.len());
    assert!(records.values().all(|rows| rows.len() == 2 && rows[0].0 == rows[1].0 && rows[0].1 < rows[1].1));
    let partitions: std::collections::BTreeSet<u32> = records.values().map(|rows| rows[0].0).collect();
    assert_eq!(partitions.len(), 3, "accounts are spread");
}
