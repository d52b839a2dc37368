//! What no real CRM has: what tests and people ask of the fake itself.

use std::collections::BTreeMap;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::crm::Crm;
use super::org::{Account, Author, Change};
use super::refusal::Refusal;
use super::shape::Role;
use super::{Shared, load, people};
use crate::domain::Text;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(root))
        .route("/fake/status", get(status))
        .route("/fake/accounts", get(accounts))
        .route("/fake/history", get(history))
        .route("/fake/users", get(users).post(set_user))
        .route("/fake/faults", get(faults).post(set_faults))
        .route("/fake/load", post(load_lines))
        .route("/fake/people", post(set_people))
        .route("/fake/people/change", post(change))
        .route("/fake/people/merge", post(merge))
        .route("/fake/protect", post(protect))
        .route("/fake/fields", post(set_field))
        .route("/fake/scopes", post(set_scopes))
        .route("/fake/sessions/expire", post(expire))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// Bytes of one question: some ten thousands of accounts to load.
const MAX_BODY: usize = 64 << 20;

type Answer = Result<Json<Value>, Refused>;

/// What is wrong with a question, or stands against it.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn refused(why: impl ToString) -> Refused {
    Refused(StatusCode::BAD_REQUEST, why.to_string())
}

fn body<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, Refused> {
    serde_json::from_str(text).map_err(refused)
}

fn done() -> Answer {
    Ok(Json(json!({ "done": true })))
}

async fn root() -> &'static str {
    "A CRM to try things with. Salesforce: /services/data/v62.0, HubSpot: /crm/v3, and what it is asked itself: /fake\n"
}

/// How much of what happened, and how many events are still on their way.
async fn status(State(shared): State<Shared>) -> Json<Value> {
    let crm = shared.lock();
    Json(json!({
        "commits": crm.org.commits(),
        "counts": crm.counts,
        "events": { "waiting": crm.outlet.waiting(), "written": crm.outlet.written() },
        "people_per_second": crm.people_per_second,
    }))
}

async fn accounts(State(shared): State<Shared>) -> Json<Value> {
    let crm = shared.lock();
    let rows = crm.org.accounts().map(|(id, account)| account_row(&crm, id, account));
    Json(Value::Array(rows.collect()))
}

fn account_row(crm: &Crm, id: &str, account: &Account) -> Value {
    let roles = crm.org.shape.roles.iter();
    let owners: BTreeMap<&Text, Option<Text>> = roles.map(|role| (&role.name, crm.org.owner(account, role))).collect();
    json!({
        "id": id, "owners": owners, "fields": account.values, "deleted": account.deleted,
        "merged_into": account.merged_into, "read_only": account.read_only, "commit": account.commit,
        "modified_at": account.modified.0,
    })
}

#[derive(Deserialize)]
struct About {
    account: Option<Text>,
}

/// All writes of owners, in the order of commits.
async fn history(State(shared): State<Shared>, Query(about): Query<About>) -> Json<Value> {
    let crm = shared.lock();
    let wanted = |row: &&Change| about.account.as_ref().is_none_or(|account| row.account == *account);
    Json(Value::Array(crm.org.history().iter().filter(wanted).map(history_row).collect()))
}

fn history_row(row: &Change) -> Value {
    json!({
        "commit": row.commit, "at": row.at.0, "account": row.account, "role": row.role, "from": row.from, "to": row.to,
        "by": row.by, "integration": row.integration, "command": row.command, "sequence": row.sequence,
        "expected": row.expected,
    })
}

async fn users(State(shared): State<Shared>) -> Json<Value> {
    let crm = shared.lock();
    Json(Value::Array(crm.org.users().map(|(id, active)| json!({ "id": id, "active": active })).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: Text,
    active: bool,
}

async fn set_user(State(shared): State<Shared>, text: String) -> Answer {
    let user: User = body(&text)?;
    shared.lock().org.set_user(&user.id, Some(user.active)).map_err(refused)?;
    done()
}

async fn faults(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().faults))
}

/// What isn't named stays as it is; the answer is all of them.
async fn set_faults(State(shared): State<Shared>, text: String) -> Answer {
    let wanted: Value = body(&text)?;
    let mut crm = shared.lock();
    crm.faults = crm.faults.changed(&wanted).map_err(refused)?;
    Ok(Json(json!(crm.faults)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    #[serde(default)]
    reps: Vec<Value>,
    #[serde(default)]
    accounts: Vec<Value>,
}

/// Canonical records, in the order given.
async fn load_lines(State(shared): State<Shared>, text: String) -> Answer {
    let records: Records = body(&text)?;
    let mut crm = shared.lock();
    records.reps.iter().try_for_each(|rep| load::rep(&mut crm.org, rep)).map_err(refused)?;
    records.accounts.iter().try_for_each(|account| load::account(&mut crm.org, account)).map_err(refused)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pace {
    per_second: f64,
}

async fn set_people(State(shared): State<Shared>, text: String) -> Answer {
    let pace: Pace = body(&text)?;
    people::check_pace(pace.per_second).map_err(refused)?;
    shared.lock().people_per_second = pace.per_second;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    account: Text,
    /// Where there is but one role it needn't be said.
    role: Option<Text>,
    owner: Option<Text>,
    who: Text,
}

async fn change(State(shared): State<Shared>, text: String) -> Answer {
    let given: Given = body(&text)?;
    let mut crm = shared.lock();
    let role = find_role(&crm, given.role.as_deref()).ok_or_else(|| refused("no such role"))?;
    people::change(&mut crm, &given.account, &role, given.owner, given.who).map_err(said)?;
    done()
}

fn find_role(crm: &Crm, name: Option<&str>) -> Option<Role> {
    let mut roles = crm.org.shape.roles.iter();
    match name {
        Some(name) => roles.find(|role| role.name == name).cloned(),
        None => roles.next().filter(|_| roles.next().is_none()).cloned(),
    }
}

fn said(refusal: Refusal) -> Refused {
    Refused(StatusCode::CONFLICT, refusal.status_code().to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merged {
    survivor: Text,
    loser: Text,
    who: Text,
}

async fn merge(State(shared): State<Shared>, text: String) -> Answer {
    let merged: Merged = body(&text)?;
    shared.lock().merge(&Author::Person(merged.who), &merged.survivor, &merged.loser).map_err(said)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    account: Text,
    read_only: bool,
}

async fn protect(State(shared): State<Shared>, text: String) -> Answer {
    let protected: Protected = body(&text)?;
    match shared.lock().org.protect(&protected.account, protected.read_only) {
        true => done(),
        false => Err(refused("no such account")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldChange {
    name: Text,
    exists: bool,
    updateable: bool,
}

/// A field that an admin has forgotten, or hasn't opened to the integration user.
async fn set_field(State(shared): State<Shared>, text: String) -> Answer {
    let field: FieldChange = body(&text)?;
    match shared.lock().org.shape.change_field(&field.name, field.exists, field.updateable) {
        true => done(),
        false => Err(refused("no such field")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scopes {
    #[serde(rename = "crm.schemas.companies.read")]
    schemas: bool,
}

/// What HubSpot's app may do beside reading and writing companies.
async fn set_scopes(State(shared): State<Shared>, text: String) -> Answer {
    let scopes: Scopes = body(&text)?;
    shared.lock().schemas = scopes.schemas;
    done()
}

async fn expire(State(shared): State<Shared>) -> Answer {
    shared.lock().sessions.expire();
    done()
}
