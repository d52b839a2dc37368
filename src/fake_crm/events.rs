//! What a commit tells the world: a change event as Salesforce's Change Data Capture makes it, and the canonical record
//! of bookd's `accounts` topic that a Connect transform would make of that.

use serde_json::{Map, Value, json};

use super::instant;
use super::org::{Author, Event, What};
use super::shape::Shape;
use crate::domain::{Millis, Text};

/// What bookd is told as `crm_version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// The commit number: change events have it, answers of the API don't.
    #[default]
    Commit,
    /// The modification stamp, in whole seconds as milliseconds since 1970: both have it, but two changes within a
    /// second have the same.
    Modified,
}

/// A commit's two records about one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    pub account: Text,
    pub change: Value,
    pub canonical: Value,
}

pub fn records(event: &Event, shape: &Shape, nobody: &str, version: Version) -> Records {
    Records {
        account: event.account.clone(),
        change: change_event(event),
        canonical: canonical(event, shape, nobody, version),
    }
}

/// Changed fields only, as the CometD API and Event Relay send them.
fn change_event(event: &Event) -> Value {
    let mut body = Map::new();
    let mut changed = Vec::new();
    let change_type = match &event.what {
        What::Delete => "DELETE",
        What::Update(values) => {
            body.extend(values.iter().map(|(name, value)| (name.to_string(), value.clone())));
            body.insert("LastModifiedDate".to_owned(), json!(instant::salesforce(event.at)));
            changed.extend(body.keys().cloned());
            "UPDATE"
        }
    };
    body.insert("ChangeEventHeader".to_owned(), header(event, change_type, &changed));
    Value::Object(body)
}

fn header(event: &Event, change_type: &str, changed: &[String]) -> Value {
    let origin = match event.author {
        Author::Integration => "com/salesforce/api/rest/62.0;client=bookd",
        Author::Person(_) => "com/salesforce/api/soap/62.0;client=SfdcInternalAPI/",
    };
    json!({
        "entityName": "Account",
        "recordIds": [event.account],
        "changeType": change_type,
        "changeOrigin": origin,
        "transactionKey": transaction_key(event.commit),
        "sequenceNumber": event.number,
        "commitTimestamp": event.at.0,
        "commitNumber": event.commit,
        "commitUser": event.author.user(),
        "changedFields": changed,
    })
}

/// One for all changes of a commit.
fn transaction_key(commit: u64) -> String {
    let (high, low) = ((commit >> 48) & 0xffff, commit & 0xffff_ffff_ffff);
    format!("{:08x}-{high:04x}-7000-8000-{low:012x}", commit >> 32)
}

fn canonical(event: &Event, shape: &Shape, nobody: &str, version: Version) -> Value {
    let version = match version {
        Version::Commit => event.commit.to_string(),
        Version::Modified => seconds(event.at).0.to_string(),
    };
    let updated_at = instant::precise(event.at);
    let What::Update(values) = &event.what else {
        return json!({ "op": "delete", "id": event.account, "updated_at": updated_at });
    };
    let mut record = json!({
        "op": "patch", "id": event.account, "crm_version": version, "updated_at": updated_at,
    });
    let owners: Map<String, Value> = values
        .iter()
        .filter_map(|(field, value)| Some((shape.role_of(field)?.name.to_string(), value)))
        .map(|(role, owner)| (role, if owner == nobody { Value::Null } else { owner.clone() }))
        .collect();
    // A role that isn't named stays as it was; a change of other fields says nothing of owners.
    if !owners.is_empty() {
        record["owners"] = Value::Object(owners);
    }
    record
}

/// As the API shows it: without its milliseconds.
fn seconds(at: Millis) -> Millis {
    Millis(at.0 - at.0.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_crm::fence::Values;
    use crate::fake_crm::shape::{OWNER_ID, Role};

    fn event(what: What) -> Event {
        let author = Author::Integration;
        let at = Millis(1_777_903_200_250);
        Event { commit: 1_745_500_000_000_000_007, number: 2, at, author, account: "001A".into(), what }
    }

    fn told(what: What, version: Version) -> Records {
        let shape = Shape::new(&[Role { name: "ae".into(), owner: OWNER_ID.into() }]);
        records(&event(what), &shape, "nobody", version)
    }

    #[test]
    fn only_changed_fields_are_told() {
        let values = Values::from([(OWNER_ID.into(), json!("ana")), ("Bookd_Sequence__c".into(), json!(3))]);
        let told = told(What::Update(values), Version::Commit);
        let header = &told.change["ChangeEventHeader"];
        assert_eq!(header["changedFields"], json!(["Bookd_Sequence__c", "LastModifiedDate", "OwnerId"]));
        assert_eq!(header["commitNumber"], json!(1_745_500_000_000_000_007u64));
        assert_eq!((&told.change["OwnerId"], &header["recordIds"]), (&json!("ana"), &json!(["001A"])));
        assert_eq!(
            told.canonical,
            json!({ "op": "patch", "id": "001A", "owners": { "ae": "ana" }, "crm_version": "1745500000000000007",
                    "updated_at": "2026-05-04T14:00:00.250Z" })
        );
    }

    #[test]
    fn the_stand_in_for_nobody_is_nobody() {
        let values = Values::from([(OWNER_ID.into(), json!("nobody"))]);
        let told = told(What::Update(values), Version::Modified);
        assert_eq!(told.change["OwnerId"], "nobody");
        assert_eq!(told.canonical["owners"], json!({ "ae": null }));
        assert_eq!(told.canonical["crm_version"], "1777903200000");
    }

    #[test]
    fn a_deletion_bears_no_fields() {
        let told = told(What::Delete, Version::Commit);
        assert_eq!(told.change.as_object().unwrap().len(), 1);
        assert_eq!(told.change["ChangeEventHeader"]["changeType"], "DELETE");
        assert_eq!((&told.canonical["op"], &told.canonical["id"]), (&json!("delete"), &json!("001A")));
    }
}
