//! Accounts and users from bookd's own canonical records. What is loaded is how the org was before anybody looked: no
//! commit, no history, no event.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::fence::Values;
use super::instant;
use super::org::Org;
use super::shape::OWNER_ID;
use crate::domain::Text;

/// A record that can't be taken, in words.
type Taken = Result<(), String>;

/// Loads JSON lines; an error names the line.
pub fn file(org: &mut Org, path: &Path, load: impl Fn(&mut Org, &Value) -> Taken) -> anyhow::Result<()> {
    let opened = File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
    for (index, line) in BufReader::new(opened).lines().enumerate() {
        let place = || format!("{}:{}", path.display(), index + 1);
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let record = serde_json::from_str(&line).with_context(place)?;
        load(org, &record).map_err(|why| anyhow!("{}: {why}", place()))?;
    }
    Ok(())
}

/// A rep is a user; one who departed is an inactive one. Managers are users too.
pub fn rep(org: &mut Org, record: &Value) -> Taken {
    let user = id(&record["id"]).ok_or("a rep without an id")?;
    let departed = record["op"] == "delete" || record["status"] == "departed";
    let known = (departed || !record["status"].is_null()).then_some(!departed);
    org.set_user(&user, known)?;
    id(&record["manager_id"]).map_or(Ok(()), |manager| org.set_user(&manager, None))
}

/// Of an account the fake keeps its first domain and the owners of the roles that it knows.
pub fn account(org: &mut Org, record: &Value) -> Taken {
    let account = id(&record["id"]).ok_or("an account without an id")?;
    if record["op"] == "delete" {
        org.unload(&account);
        return Ok(());
    }
    let mut values = owners(org, &account, record)?;
    if org.account(&account).is_none() {
        values.insert("Name".into(), json!(account));
    }
    if let Some(domain) = record["domains"][0].as_str() {
        values.insert("Website".into(), json!(domain));
    }
    org.load(account, values, instant::now())
}

/// A user whom only an account names is made known; `OwnerId` is never empty.
fn owners(org: &mut Org, account: &str, record: &Value) -> Result<Values, String> {
    let mut values = Values::new();
    if org.account(account).is_none() {
        values.insert(OWNER_ID.into(), json!(org.nobody));
    }
    for role in org.shape.roles.clone() {
        let Some(owner) = record["owners"].get(role.name.as_str()) else { continue };
        let owner = id(owner);
        if let Some(owner) = &owner {
            org.set_user(owner, None)?;
        }
        let stand_in = (role.owner == OWNER_ID).then(|| org.nobody.clone());
        values.insert(role.owner, json!(owner.or(stand_in)));
    }
    Ok(values)
}

/// Integers are taken as their digits.
fn id(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_crm::shape::Role;

    fn org() -> Org {
        let role = |name: &str, owner: &str| Role { name: name.into(), owner: owner.into() };
        Org::new(&[role("ae", OWNER_ID), role("sdr", "SDR_Owner__c")], "nobody".into(), true)
    }

    #[test]
    fn records_of_the_topics_are_taken_as_they_are() {
        let mut org = org();
        rep(&mut org, &json!({ "op": "upsert", "id": 55120, "manager_id": "max" })).unwrap();
        let acme =
            json!({ "op": "upsert", "id": "001A", "domains": ["acme.com"], "owners": { "sdr": 55120, "ae": null } });
        account(&mut org, &acme).unwrap();
        let values = &org.account("001A").unwrap().values;
        assert_eq!((&values[OWNER_ID], &values["SDR_Owner__c"]), (&json!("nobody"), &json!("55120")));
        assert_eq!(values["Website"], "acme.com");
        account(&mut org, &json!({ "op": "patch", "id": "001A", "owners": { "ae": "eve" } })).unwrap();
        assert_eq!(org.account("001A").unwrap().values["SDR_Owner__c"], "55120");
        assert!(["55120", "max", "eve"].iter().all(|user| org.users().any(|(known, active)| known == user && active)));
    }

    #[test]
    fn who_departed_is_inactive_and_what_was_deleted_is_not_there() {
        let mut org = org();
        rep(&mut org, &json!({ "op": "upsert", "id": "ana", "status": "active" })).unwrap();
        rep(&mut org, &json!({ "op": "patch", "id": "ana", "status": "departed" })).unwrap();
        assert!(org.users().any(|(user, active)| user == "ana" && !active));
        account(&mut org, &json!({ "op": "upsert", "id": "001A" })).unwrap();
        account(&mut org, &json!({ "op": "delete", "id": "001A" })).unwrap();
        assert!(org.account("001A").is_none());
        assert!(account(&mut org, &json!({ "op": "upsert" })).is_err());
    }
}
