//! HubSpot's API as far as owners of companies go: batches of reads and updates. There is no fence: the real one has no
//! such rules.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::crm::Crm;
use super::fence::Values;
use super::org::{Account, Author, Update};
use super::refusal::Refusal;
use super::shape::{Field, Kind, OWNER_ID};
use super::{Shared, guard, instant};
use crate::domain::Text;

/// Inputs of one batch.
const MAX_INPUTS: usize = 100;
/// Inputs of a read with history.
const MAX_WITH_HISTORY: usize = 50;
/// The property that is the record's id; any other would be a property of the user's with unique values.
const ID_PROPERTY: &str = "hs_object_id";
/// Fixed: who calls can't be told apart by it.
const CORRELATION: &str = "c033cdaa-2c40-4a64-ae48-b4cec88dad24";

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/crm/v3/objects/companies/batch/update", post(update))
        .route("/crm/v3/objects/companies/batch/read", post(read))
        .route("/crm/v3/properties/companies", get(properties))
}

fn failed(status: StatusCode, category: &str, message: &str) -> Response {
    let body = json!({
        "status": "error", "message": message, "correlationId": CORRELATION, "category": category,
    });
    (status, Json(body)).into_response()
}

pub fn no_token() -> Response {
    let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication.";
    failed(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
}

pub fn server_error() -> Response {
    failed(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "internal error")
}

pub fn throttled(wait: Duration) -> Response {
    limited("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.", wait)
}

pub fn daily_limit(wait: Duration) -> Response {
    limited("DAILY", "You have reached your daily limit.", wait)
}

fn limited(policy: &str, message: &str, wait: Duration) -> Response {
    let body = json!({
        "status": "error", "message": message, "errorType": "RATE_LIMIT", "correlationId": CORRELATION,
        "policyName": policy, "requestId": CORRELATION,
    });
    guard::come_back((StatusCode::TOO_MANY_REQUESTS, Json(body)), wait)
}

fn invalid(message: &str) -> Response {
    failed(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updates {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    id: String,
    id_property: Option<String>,
    properties: Map<String, Value>,
    object_write_trace_id: Option<String>,
}

async fn update(State(shared): State<Shared>, body: String) -> Response {
    let inputs = match serde_json::from_str::<Updates>(&body) {
        Ok(updates) => updates.inputs,
        Err(why) => return invalid(&format!("Invalid input JSON: {why}")),
    };
    if let Some(answer) = refuse_batch(inputs.iter().map(|input| &*input.id), MAX_INPUTS) {
        return answer;
    }
    if let Some(other) =
        inputs.iter().filter_map(|input| input.id_property.as_deref()).find(|name| *name != ID_PROPERTY)
    {
        return invalid(&format!("{other} is not a unique property"));
    }
    let mut crm = shared.lock();
    if crm.org.is_full() {
        return server_error();
    }
    let missing = inputs.iter().flat_map(|input| input.properties.keys());
    if let Some(name) = missing.into_iter().find(|name| crm.org.shape.field_of_property(name).is_none()) {
        return invalid(&format!("Property values were not valid: PROPERTY_DOESNT_EXIST: {name}"));
    }
    save(&mut crm, &inputs)
}

/// A batch that isn't even looked at.
fn refuse_batch<'a>(ids: impl Iterator<Item = &'a str>, max: usize) -> Option<Response> {
    let mut seen = BTreeSet::new();
    let ids: Vec<&str> = ids.collect();
    if ids.len() > max {
        return Some(invalid(&format!("The maximum number of inputs supported in a batch request is {max}")));
    }
    let twice = ids.iter().find(|id| !seen.insert(**id))?;
    Some(invalid(&format!("Duplicate IDs found in batch input: [{twice}]. IDs must be unique")))
}

fn save(crm: &mut Crm, inputs: &[Input]) -> Response {
    let (mut good, mut errors) = (Vec::new(), Vec::new());
    for input in inputs {
        match check(crm, input) {
            Ok(update) => good.push(update),
            Err(refusal) => errors.push(refusal.batch_error(&input.id, input.object_write_trace_id.as_deref())),
        }
    }
    let updated: Vec<Update> = good.clone();
    // HubSpot's batches run no assignment rules.
    crm.commit(&Author::Integration, good, false, instant::now());
    let fields: Vec<&Field> = crm.org.shape.fields().filter(|field| is_property(field)).collect();
    let results = updated.iter().filter_map(|update| {
        let account = crm.org.account(&update.account)?;
        let written: Vec<&Field> =
            fields.iter().copied().filter(|field| update.values.contains_key(&field.name)).collect();
        Some(company(crm, &update.account, account, &written))
    });
    answer(results.collect(), errors)
}

/// What an input asks for, if it can be done. A merged company's id leads to the one that it was merged into.
fn check(crm: &mut Crm, input: &Input) -> Result<Update, Refusal> {
    let account = Text::from(crm.org.survivor(&input.id));
    crm.lock(&account)?;
    let mut values = Values::new();
    for (name, value) in &input.properties {
        if let Some(field) = crm.org.shape.field_of_property(name) {
            values.insert(field.name.clone(), stored(crm, field, value));
        }
    }
    let update = Update { account, values };
    crm.org.check_without_fence(&Author::Integration, &update)?;
    Ok(update)
}

/// Properties are texts; an empty owner is nobody.
fn stored(crm: &Crm, field: &Field, value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    match field.kind {
        Kind::Time => instant::parse(&text).map_or(Value::Null, |at| json!(instant::precise(at))),
        Kind::Number => text.parse::<f64>().ok().map_or(Value::Null, |number| json!(number)),
        Kind::User if text.is_empty() && field.name == OWNER_ID => json!(crm.org.nobody),
        _ => json!(text),
    }
}

fn answer(results: Vec<Value>, errors: Vec<Value>) -> Response {
    let at = instant::precise(instant::now());
    let mut body = json!({ "status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at });
    if errors.is_empty() {
        return Json(body).into_response();
    }
    body["numErrors"] = json!(errors.len());
    body["errors"] = json!(errors);
    (StatusCode::MULTI_STATUS, Json(body)).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    properties: Vec<String>,
    #[serde(default)]
    properties_with_history: Vec<String>,
    inputs: Vec<Id>,
    id_property: Option<String>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

async fn read(State(shared): State<Shared>, body: String) -> Response {
    let wanted: Wanted = match serde_json::from_str(&body) {
        Ok(wanted) => wanted,
        Err(why) => return invalid(&format!("Invalid input JSON: {why}")),
    };
    let max = if wanted.properties_with_history.is_empty() { MAX_INPUTS } else { MAX_WITH_HISTORY };
    if let Some(answer) = refuse_batch(wanted.inputs.iter().map(|input| &*input.id), max) {
        return answer;
    }
    if let Some(other) = wanted.id_property.as_deref().filter(|name| *name != ID_PROPERTY) {
        return invalid(&format!("{other} is not a unique property"));
    }
    let crm = shared.lock();
    // A property that doesn't exist is left out without a word.
    let fields: Vec<&Field> =
        wanted.properties.iter().filter_map(|name| crm.org.shape.field_of_property(name)).collect();
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for Id { id } in &wanted.inputs {
        let survivor = crm.org.survivor(id);
        match crm.org.account(survivor).filter(|account| !account.deleted) {
            None => missing.push(id),
            Some(account) => {
                let mut found = company(&crm, survivor, account, &fields);
                if !wanted.properties_with_history.is_empty() {
                    found["propertiesWithHistory"] = histories(&crm, survivor, &wanted.properties_with_history);
                }
                results.push(found);
            }
        }
    }
    answer(results, if missing.is_empty() { Vec::new() } else { vec![not_found(&missing)] })
}

fn not_found(ids: &[&String]) -> Value {
    let message = "Could not get some COMPANY objects, they may be deleted or not exist. Check that ids are valid.";
    json!({ "status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": { "ids": ids } })
}

async fn properties(State(shared): State<Shared>) -> Response {
    let crm = shared.lock();
    if !crm.schemas {
        let message = "This app hasn't been granted all required scopes to make this call.";
        return failed(StatusCode::FORBIDDEN, "MISSING_SCOPES", message);
    }
    let described = crm.org.shape.fields().map(
        |field| json!({ "name": field.property(), "modificationMetadata": { "readOnlyValue": !field.updateable } }),
    );
    Json(json!({ "results": described.collect::<Vec<_>>() })).into_response()
}

/// What the org keeps for itself has no property but the ones that every company has.
fn is_property(field: &Field) -> bool {
    field.is_custom() || matches!(&*field.name, "Name" | "Website" | OWNER_ID)
}

fn company(crm: &Crm, id: &str, account: &Account, fields: &[&Field]) -> Value {
    let mut properties = Map::new();
    for field in fields.iter().filter(|field| is_property(field)) {
        properties.insert(field.property(), shown(crm, account.values.get(&field.name)));
    }
    let (created, updated) = (instant::precise(account.created), instant::precise(account.modified));
    properties.insert(ID_PROPERTY.to_owned(), json!(id));
    properties.insert("createdate".to_owned(), json!(created));
    properties.insert("hs_lastmodifieddate".to_owned(), json!(updated));
    json!({ "id": id, "properties": properties, "createdAt": created, "updatedAt": updated, "archived": false })
}

/// Numbers as texts, whole ones without a fraction; nobody is null.
fn shown(crm: &Crm, value: Option<&Value>) -> Value {
    match value {
        None => Value::Null,
        Some(Value::Number(number)) => {
            json!(number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()))
        }
        Some(value) if *value == crm.org.nobody.as_str() => Value::Null,
        Some(value) => value.clone(),
    }
}

/// Of owners; other properties have none here. The latest comes first.
fn histories(crm: &Crm, id: &str, properties: &[String]) -> Value {
    let of = |property: &String| {
        let field = crm.org.shape.field_of_property(property)?;
        let role = crm.org.shape.role_of(&field.name)?;
        let rows = crm.org.history().iter().rev().filter(|row| row.account == id && row.role == role.name);
        let rows = rows.filter(|row| row.from != row.to).map(|row| {
            let source = if row.integration { "INTEGRATION" } else { "CRM_UI" };
            json!({
                "value": row.to.as_deref().unwrap_or_default(), "timestamp": instant::precise(row.at),
                "sourceType": source, "sourceId": row.by,
            })
        });
        Some((property.clone(), Value::Array(rows.collect())))
    };
    Value::Object(properties.iter().filter_map(of).collect())
}
