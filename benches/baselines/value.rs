//! R1: `serde_json::Value` and a `HashMap` by the account's id.

use std::collections::HashMap;

use serde_json::Value;

use super::score::{Sums, Worth, worths};

pub struct ByValue {
    pub accounts: HashMap<String, Sums>,
    /// By domain: the account's id.
    domains: HashMap<String, String>,
    worths: HashMap<&'static str, Worth>,
}

impl ByValue {
    pub fn new() -> ByValue {
        ByValue { accounts: HashMap::new(), domains: HashMap::new(), worths: worths() }
    }

    /// `fit` as the criteria gave it.
    pub fn account(&mut self, json: &[u8], fit: f64) {
        let record: Value = serde_json::from_slice(json).expect("JSON");
        let id = record["id"].as_str().expect("an id").to_owned();
        for domain in record["domains"].as_array().expect("domains") {
            self.domains.insert(domain.as_str().expect("a text").to_owned(), id.clone());
        }
        self.accounts.insert(id, Sums { fit, ..Sums::default() });
    }

    /// The account's priority after the event.
    pub fn event(&mut self, json: &[u8]) -> Option<f64> {
        let event: Value = serde_json::from_slice(json).ok()?;
        let account = &event["account"];
        let id = match account["crm_id"].as_str() {
            Some(id) => id,
            None => self.domains.get(account["email"].as_str()?.split_once('@')?.1)?,
        };
        let worth = self.worths.get(event["kind"].as_str()?)?;
        let at = chrono::DateTime::parse_from_rfc3339(event["occurred_at"].as_str()?).ok()?.timestamp();
        let sums = self.accounts.get_mut(id)?;
        sums.add(worth.class, worth.points(event["strength"].as_f64()), at);
        Some(sums.priority())
    }
}
