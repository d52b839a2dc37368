//! Salesforce's REST API as far as owners of accounts go: login, limits, describe, and sObject Collections.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::crm::Crm;
use super::fence::Values;
use super::org::{Account, Author, Update};
use super::refusal::Refusal;
use super::shape::{Field, Kind};
use super::{Shared, guard, instant};
use crate::domain::Text;

/// Records of one update.
const MAX_UPDATES: usize = 200;
/// Records of one retrieval with a body.
const MAX_RETRIEVED: usize = 2_000;
/// Accounts' ids begin with it.
const KEY_PREFIX: &str = "001";

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/services/oauth2/token", post(token))
        .route("/services/data/{version}/limits", get(limits))
        .route("/services/data/{version}/sobjects/Account/describe", get(describe))
        .route("/services/data/{version}/composite/sobjects", patch(update))
        .route("/services/data/{version}/composite/sobjects/Account", post(retrieve))
}

/// An error about the whole request.
struct Failed {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (self.status, Json(json!([{ "message": self.message, "errorCode": self.code }]))).into_response()
    }
}

fn failed(status: StatusCode, code: &'static str, message: &str) -> Response {
    Failed { status, code, message: message.to_owned() }.into_response()
}

fn bad_request(code: &'static str, message: impl Into<String>) -> Failed {
    Failed { status: StatusCode::BAD_REQUEST, code, message: message.into() }
}

pub fn no_session() -> Response {
    failed(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
}

pub fn limit_exceeded() -> Response {
    failed(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
}

pub fn throttled(wait: Duration) -> Response {
    guard::come_back(failed(StatusCode::TOO_MANY_REQUESTS, "REQUEST_LIMIT_EXCEEDED", "Too many requests."), wait)
}

pub fn server_error() -> Response {
    unexpected("An unexpected error occurred.").into_response()
}

fn unexpected(message: &str) -> Failed {
    Failed { status: StatusCode::INTERNAL_SERVER_ERROR, code: "UNKNOWN_EXCEPTION", message: message.to_owned() }
}

fn malformed(message: impl Into<String>) -> Failed {
    bad_request("JSON_PARSER_ERROR", message)
}

fn no_such_field(name: &str) -> Failed {
    bad_request("INVALID_FIELD", format!("No such column '{name}' on sobject of type Account"))
}

/// The client-credentials flow; any client is welcome that says who it is.
async fn token(State(shared): State<Shared>, headers: HeaderMap, form: String) -> Response {
    let says = |name: &str| {
        form.split('&').any(|pair| pair.split_once('=').is_some_and(|(key, value)| key == name && !value.is_empty()))
    };
    if !form.split('&').any(|pair| pair == "grant_type=client_credentials") {
        return login_failed("unsupported_grant_type", "grant type not supported");
    }
    if !says("client_id") || !says("client_secret") {
        return login_failed("invalid_client_id", "client identifier invalid");
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let issued = instant::now().0.to_string();
    let url = format!("http://{host}");
    Json(json!({
        "access_token": shared.lock().sessions.begin(), "instance_url": url, "id": format!("{url}/id/00D/005"),
        "token_type": "Bearer", "issued_at": issued, "signature": "none", "scope": "api",
    }))
    .into_response()
}

fn login_failed(error: &str, description: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "error_description": description }))).into_response()
}

async fn limits(State(shared): State<Shared>) -> Json<Value> {
    let daily = shared.lock().daily;
    Json(json!({ "DailyApiRequests": { "Max": daily.max, "Remaining": daily.max - daily.used } }))
}

async fn describe(State(shared): State<Shared>) -> Json<Value> {
    let fields: Vec<Value> = shared.lock().org.shape.fields().map(described).collect();
    Json(json!({
        "name": "Account", "label": "Account", "keyPrefix": KEY_PREFIX, "custom": false, "queryable": true,
        "createable": true, "updateable": true, "deletable": true, "fields": fields,
    }))
}

fn described(field: &Field) -> Value {
    let kind = match field.kind {
        Kind::Id => "id",
        Kind::User => "reference",
        Kind::Text => "string",
        Kind::Number => "double",
        Kind::Time => "datetime",
        Kind::Bool => "boolean",
    };
    let refers: &[&str] = if field.kind == Kind::User { &["User"] } else { &[] };
    json!({
        "name": field.name, "label": field.name, "type": kind, "length": field.length(), "custom": field.is_custom(),
        "nillable": field.is_custom(), "createable": field.updateable, "updateable": field.updateable,
        "referenceTo": refers,
    })
}

#[derive(Deserialize)]
struct Wanted {
    ids: Vec<Text>,
    fields: Vec<Text>,
}

/// As many answers as ids, null for what isn't there.
async fn retrieve(
    State(shared): State<Shared>,
    Path(version): Path<String>,
    body: String,
) -> Result<Json<Vec<Option<Value>>>, Failed> {
    let wanted: Wanted = serde_json::from_str(&body).map_err(|why| malformed(why.to_string()))?;
    if wanted.ids.len() > MAX_RETRIEVED {
        let message = format!("retrieve limit reached. cannot retrieve more than {MAX_RETRIEVED} records");
        return Err(bad_request("EXCEEDED_ID_LIMIT", message));
    }
    let crm = shared.lock();
    let find = |name: &Text| crm.org.shape.field(name).ok_or_else(|| no_such_field(name));
    let fields = wanted.fields.iter().map(find).collect::<Result<Vec<&Field>, Failed>>()?;
    let living = |id: &Text| crm.org.account(id).filter(|account| !account.deleted);
    let records = wanted.ids.iter().map(|id| living(id).map(|account| record(id, account, &fields, &version)));
    Ok(Json(records.collect()))
}

fn record(id: &str, account: &Account, fields: &[&Field], version: &str) -> Value {
    let mut record = Map::new();
    let url = format!("/services/data/{version}/sobjects/Account/{id}");
    record.insert("attributes".to_owned(), json!({ "type": "Account", "url": url }));
    record.insert("Id".to_owned(), json!(id));
    record.extend(fields.iter().map(|field| (field.name.to_string(), value(id, account, &field.name))));
    Value::Object(record)
}

fn value(id: &str, account: &Account, field: &str) -> Value {
    match field {
        "Id" => json!(id),
        "IsDeleted" => json!(account.deleted),
        "MasterRecordId" => json!(account.merged_into),
        "CreatedDate" => json!(instant::salesforce(account.created)),
        "LastModifiedById" => json!(account.modified_by),
        "LastModifiedDate" | "SystemModstamp" => json!(instant::salesforce(account.modified)),
        other => account.values.get(other).cloned().unwrap_or_default(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    #[serde(default)]
    all_or_none: bool,
    records: Vec<Map<String, Value>>,
}

async fn update(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Result<Json<Vec<Value>>, Failed> {
    let collection: Collection = serde_json::from_str(&body).map_err(|why| malformed(why.to_string()))?;
    if collection.records.len() > MAX_UPDATES {
        let message = format!("record limit reached. cannot submit more than {MAX_UPDATES} records into this call");
        return Err(bad_request("EXCEEDED_ID_LIMIT", message));
    }
    let mut crm = shared.lock();
    if crm.org.is_full() {
        return Err(unexpected("the fake's history is full"));
    }
    let updates = collection.records.into_iter().map(|record| read_record(&crm, record));
    let updates = updates.collect::<Result<Vec<Update>, Failed>>()?;
    Ok(Json(save(&mut crm, updates, collection.all_or_none, assigns(&headers))))
}

/// Assignment rules run unless they are switched off.
fn assigns(headers: &HeaderMap) -> bool {
    let said = headers.get("sforce-auto-assign").and_then(|value| value.to_str().ok());
    !said.is_some_and(|said| said.eq_ignore_ascii_case("false"))
}

/// A record without its attributes; what can't be read fails the whole request, as it does there.
fn read_record(crm: &Crm, record: Map<String, Value>) -> Result<Update, Failed> {
    match record.get("attributes").and_then(|attributes| attributes["type"].as_str()) {
        Some("Account") => {}
        Some(other) => return Err(bad_request("INVALID_TYPE", format!("sObject type '{other}' is not supported."))),
        None => return Err(bad_request("INVALID_TYPE", "The attributes of a record need a type.")),
    }
    let is_id = |name: &str| name.eq_ignore_ascii_case("id");
    let id = record.iter().find(|(name, _)| is_id(name)).and_then(|(_, id)| id.as_str());
    let account = Text::from(id.ok_or_else(|| bad_request("MISSING_ARGUMENT", "Id not specified in an update call"))?);
    let mut values = Values::new();
    for (name, value) in record.into_iter().filter(|(name, _)| name != "attributes" && !is_id(name)) {
        let field = crm.org.shape.field(&name).ok_or_else(|| no_such_field(&name))?;
        let unfit = malformed(format!("Cannot deserialize the value of {name}: {value}"));
        values.insert(field.name.clone(), stored(field.kind, value).ok_or(unfit)?);
    }
    Ok(Update { account, values })
}

/// The value as it is kept; `None` if the field holds no such thing.
fn stored(kind: Kind, value: Value) -> Option<Value> {
    let fits = match kind {
        _ if value.is_null() => true,
        Kind::Time => return instant::parse(value.as_str()?).map(|at| json!(instant::salesforce(at))),
        Kind::Number => value.is_number(),
        Kind::Bool => value.is_boolean(),
        Kind::Id | Kind::User | Kind::Text => value.is_string(),
    };
    fits.then_some(value)
}

/// The results in the order of the records.
fn save(crm: &mut Crm, updates: Vec<Update>, all_or_none: bool, assign: bool) -> Vec<Value> {
    let now = instant::now();
    let mut seen = BTreeSet::new();
    let mut results: Vec<Result<(), Refusal>> = Vec::with_capacity(updates.len());
    for update in &updates {
        let twice = !seen.insert(update.account.clone());
        let checked = crm.lock(&update.account).and_then(|()| crm.org.check(&Author::Integration, update, now));
        let twice = if twice { Err(Refusal::Twice { account: update.account.clone() }) } else { Ok(()) };
        results.push(twice.and(checked));
    }
    if all_or_none && results.iter().any(Result::is_err) {
        results.iter_mut().filter(|result| result.is_ok()).for_each(|result| *result = Err(Refusal::RolledBack));
    }
    let answers = updates.iter().zip(&results).map(|(update, result)| match result {
        Ok(()) => json!({ "id": update.account, "success": true, "errors": [] }),
        Err(refusal) => refusal.save_result(),
    });
    let answers = answers.collect();
    let good = updates.into_iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(update, _)| update);
    crm.commit(&Author::Integration, good.collect(), assign, now);
    answers
}
