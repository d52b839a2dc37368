//! The canonical events as they are written: one struct for each kind of line.

use std::collections::BTreeMap;

use serde::Serialize;

/// The sources, as policies name them.
pub const SALES_ENGAGEMENT: &str = "sales-engagement";
pub const CRM: &str = "crm";
pub const WEB: &str = "web";
pub const INTENT_VENDOR: &str = "intent-vendor";

/// One line of JSON.
pub fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("these records have text keys and finite numbers")
}

/// By what an event names its account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AccountRef {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crm_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vendor_ids: BTreeMap<&'static str, String>,
}

/// Who acted, or was reached.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    CrmId(String),
    Email(String),
}

/// `intent`, `engagement`, `inbound`.
#[derive(Clone, Debug, Serialize)]
pub struct Signal {
    pub event_id: String,
    pub source: &'static str,
    pub kind: &'static str,
    pub account: AccountRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<u32>,
    /// Intent is a snapshot by default, the others are deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    pub occurred_at: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Activity {
    pub event_id: String,
    pub source: &'static str,
    pub kind: &'static str,
    pub account: AccountRef,
    pub actor: Person,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Person>,
    pub direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meeting_at: Option<String>,
    pub occurred_at: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Account {
    pub op: &'static str,
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub owners: BTreeMap<&'static str, String>,
    pub fields: AccountFields,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    pub updated_at: String,
}

/// A patch leaves out what stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AccountFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub industry: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employees: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revenue_musd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Rep {
    pub op: &'static str,
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book: Option<&'static str>,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Opportunity {
    pub op: &'static str,
    pub id: String,
    pub account: AccountRef,
    pub status: &'static str,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Request {
    pub request_id: String,
    pub op: &'static str,
    pub account: AccountRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rep_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    pub by: String,
    pub requested_at: String,
}
