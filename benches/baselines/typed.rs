//! R2: typed serde that borrows where it can, and a `HashMap` by the account's id.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::score::{Sums, Worth, worths};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    account: AccountRef<'a>,
    strength: Option<f64>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
}

#[derive(Deserialize)]
struct AccountRef<'a> {
    #[serde(borrow)]
    crm_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Account<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    domains: Vec<Cow<'a, str>>,
}

pub struct Typed {
    pub accounts: HashMap<String, Sums>,
    /// By domain: the account's id.
    domains: HashMap<String, String>,
    worths: HashMap<&'static str, Worth>,
}

impl Typed {
    pub fn new() -> Typed {
        Typed { accounts: HashMap::new(), domains: HashMap::new(), worths: worths() }
    }

    /// `fit` as the criteria gave it.
    pub fn account(&mut self, json: &[u8], fit: f64) {
        let record: Account = serde_json::from_slice(json).expect("an account");
        for domain in record.domains {
            self.domains.insert(domain.into_owned(), record.id.clone().into_owned());
        }
        self.accounts.insert(record.id.into_owned(), Sums { fit, ..Sums::default() });
    }

    /// The account's priority after the event.
    pub fn event(&mut self, json: &[u8]) -> Option<f64> {
        let event: Event = serde_json::from_slice(json).ok()?;
        let id = match &event.account.crm_id {
            Some(id) => &**id,
            None => self.domains.get(event.account.email.as_ref()?.split_once('@')?.1)?,
        };
        let worth = self.worths.get(&*event.kind)?;
        let at = chrono::DateTime::parse_from_rfc3339(&event.occurred_at).ok()?.timestamp();
        let sums = self.accounts.get_mut(id)?;
        sums.add(worth.class, worth.points(event.strength), at);
        Some(sums.priority())
    }
}
