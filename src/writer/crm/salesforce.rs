//! Salesforce: sObject Collections, 200 accounts a request.
//!
//! Owners are written with `allOrNone: false`, each record for itself, and without assignment rules, which would else
//! rewrite what was written. Shapes and limits: the REST API Developer Guide, *sObject Collections*.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use ureq::http::{HeaderMap, Method};

use super::client::{Answer, Body, Client, bounded};
use super::{Checked, Crm, Trouble, Why, Work};
use crate::config::writer::{Access, CrmSettings, RequestSettings, RoleFields};
use crate::domain::Text;
use crate::writer::batch::Reply;
use crate::writer::judge::Seen;

/// The API's own limit.
const TOGETHER_MAX: usize = 200;
/// Where the time of modification stands, in all objects.
const MODIFIED: &str = "SystemModstamp";
/// Fields hold ids of 15 characters, and of 18 with a checksum of their case.
const SHORT_ID: usize = 15;
const LONG_ID: usize = 18;
/// A command's id.
const COMMAND_CHARACTERS: u64 = 32;
const MILLION: u64 = 1_000_000;

pub struct Salesforce {
    client: Client,
    api: String,
    access: Access,
    /// `None` until one was given, and after one was refused.
    token: Option<String>,
    roles: Vec<RoleFields>,
    versions: bool,
    /// Of the day's requests, in millionths.
    daily_share: u32,
    usage: Option<Usage>,
    /// Lengths of text fields, in characters.
    lengths: BTreeMap<String, usize>,
}

/// Requests of the last 24 hours, of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    used: u64,
    most: u64,
}

impl Salesforce {
    pub fn new(crm: &CrmSettings, roles: Vec<RoleFields>, requests: &RequestSettings) -> anyhow::Result<Salesforce> {
        Ok(Salesforce {
            client: Client::new(crm, requests)?,
            api: format!("/services/data/{}", crm.api_version),
            access: crm.access.clone(),
            token: None,
            roles,
            versions: crm.versions,
            daily_share: requests.daily_share,
            usage: None,
            lengths: BTreeMap::new(),
        })
    }

    /// With a token that is renewed once where the CRM knows it no more.
    fn call(&mut self, method: Method, path: &str, body: Option<&Json>) -> Result<Answer, Trouble> {
        let fresh = self.token.is_none();
        let answer = self.call_once(method.clone(), path, body)?;
        if answer.status != 401 || fresh {
            return self.accept(answer);
        }
        self.token = None;
        let answer = self.call_once(method, path, body)?;
        self.accept(answer)
    }

    fn accept(&mut self, answer: Answer) -> Result<Answer, Trouble> {
        if answer.status == 401 {
            self.token = None;
        }
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(trouble(&answer)) }
    }

    fn call_once(&mut self, method: Method, path: &str, body: Option<&Json>) -> Result<Answer, Trouble> {
        let bearer = format!("Bearer {}", self.token()?);
        let headers = [("authorization", bearer.as_str()), ("Sforce-Auto-Assign", "FALSE")];
        let path = format!("{}{path}", self.api);
        let answer = self.client.send(method, &path, &headers, body.map_or(Body::Nothing, Body::Json))?;
        self.usage = usage_of(&answer.headers).or(self.usage);
        Ok(answer)
    }

    fn token(&mut self) -> Result<String, Trouble> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let token = match &self.access {
            Access::Token(token) => token.0.clone(),
            Access::Client { id, secret } => {
                let form =
                    form(&[("grant_type", "client_credentials"), ("client_id", id), ("client_secret", &secret.0)]);
                let answer = self.client.send(Method::POST, "/services/oauth2/token", &[], Body::Form(&form))?;
                let token = answer.body["access_token"].as_str();
                token.ok_or_else(|| no_token(&answer.body))?.to_owned()
            }
        };
        self.token = Some(token.clone());
        Ok(token)
    }

    /// Over the share of the day's requests everybody else has the rest: it is asked how far the day is, and no more.
    fn check_usage(&mut self) -> Result<(), Trouble> {
        let over =
            |usage: Usage, share: u32| usage.used.saturating_mul(MILLION) > usage.most.saturating_mul(share.into());
        if !self.usage.is_some_and(|usage| over(usage, self.daily_share)) {
            return Ok(());
        }
        let usage = self.ask_usage()?;
        if !over(usage, self.daily_share) {
            return Ok(());
        }
        let Usage { used, most } = usage;
        let what = format!("{used} of {most} requests of the last 24 hours are used, more than `daily_share` allows");
        Err(Trouble::Wait { why: Why::Throttled, what, after: None })
    }

    fn ask_usage(&mut self) -> Result<Usage, Trouble> {
        let answer = self.call(Method::GET, "/limits", None)?;
        let daily = &answer.body["DailyApiRequests"];
        let (Some(most), Some(left)) = (daily["Max"].as_u64(), daily["Remaining"].as_u64()) else {
            return Err(unexpected("limits", &answer.body));
        };
        let usage = Usage { used: most.saturating_sub(left), most };
        self.usage = Some(usage);
        Ok(usage)
    }

    fn fields(&self, work: &[Work<'_>]) -> Vec<Text> {
        let of =
            |work: &Work<'_>| [work.fields.owner.clone(), work.fields.command.clone(), work.fields.sequence.clone()];
        let mut fields: Vec<Text> = work.iter().flat_map(of).collect();
        fields.extend(self.versions.then(|| MODIFIED.into()));
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    fn seen(&self, record: &Json, work: Work<'_>) -> Result<Option<Seen>, Trouble> {
        if record.is_null() {
            return Ok(None);
        }
        let fields = work.fields;
        if !record.get(&*fields.owner).is_some_and(|owner| owner.is_string() || owner.is_null()) {
            return Err(unexpected("an account", record));
        }
        Ok(Some(Seen {
            owner: super::owner(super::text(&record[&*fields.owner]), work, same_id),
            sequence: super::whole(&record[&*fields.sequence]),
            command: super::text(&record[&*fields.command]),
            version: if self.versions { modified(&record[MODIFIED]) } else { None },
        }))
    }
}

impl Crm for Salesforce {
    fn most_together(&self) -> usize {
        TOGETHER_MAX
    }

    fn check(&mut self) -> Result<Checked, Trouble> {
        let answer = self.call(Method::GET, "/sobjects/Account/describe", None)?;
        let Some(described) = answer.body["fields"].as_array() else {
            return Err(unexpected("the description of Account", &answer.body));
        };
        let mut lacks = Vec::new();
        if answer.body["updateable"] == false {
            lacks.push("no permission to edit accounts".to_owned());
        }
        for role in &self.roles {
            for field in role.all() {
                let found = described.iter().find(|each| each["name"] == *field);
                lacks.extend(lack_of(&field, found, if field == role.command { COMMAND_CHARACTERS } else { 0 }));
            }
        }
        let length = |field: &Json| Some((field["name"].as_str()?.to_owned(), field["length"].as_u64()? as usize));
        self.lengths = described.iter().filter_map(length).filter(|(_, length)| *length > 0).collect();
        self.ask_usage()?;
        Ok(Checked::Lacks(lacks))
    }

    fn look(&mut self, work: &[Work<'_>]) -> Result<Vec<Option<Seen>>, Trouble> {
        self.check_usage()?;
        let ids: Vec<&str> = work.iter().map(|work| &*work.command.account).collect();
        let asked = json!({ "ids": ids, "fields": self.fields(work) });
        let answer = self.call(Method::POST, "/composite/sobjects/Account", Some(&asked))?;
        let records = in_order(&answer.body, work.len())?;
        records.iter().zip(work).map(|(record, work)| self.seen(record, *work)).collect()
    }

    fn write(&mut self, work: &[Work<'_>]) -> Result<Vec<Reply>, Trouble> {
        let record = |work: &Work<'_>| {
            let mut record = json!({ "attributes": { "type": "Account" }, "id": work.command.account });
            for (field, value) in super::values(*work, |field| self.lengths.get(field).copied()) {
                record[&*field] = value.json();
            }
            record
        };
        let records: Vec<Json> = work.iter().map(record).collect();
        let asked = json!({ "allOrNone": false, "records": records });
        // A token that ends right now isn't renewed: it would take time that the commands may not have.
        let answer = self.call_once(Method::PATCH, "/composite/sobjects", Some(&asked))?;
        let answer = self.accept(answer)?;
        let results = in_order(&answer.body, work.len())?;
        results.iter().try_for_each(check_fields)?;
        Ok(results.iter().map(reply).collect())
    }

    fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Answers stand in the order of the request, or they belong to nobody.
fn in_order(body: &Json, count: usize) -> Result<&Vec<Json>, Trouble> {
    body.as_array().filter(|records| records.len() == count).ok_or_else(|| unexpected("a list of records", body))
}

fn reply(result: &Json) -> Reply {
    if result["success"] == true {
        return Reply::Applied;
    }
    let error = &result["errors"][0];
    let code = error["statusCode"].as_str().unwrap_or("UNKNOWN_EXCEPTION").into();
    Reply::Refused { code, message: bounded(error["message"].as_str().unwrap_or_default()) }
}

/// A field that may not be written is no record's fault: all others would be refused, too. What was written beside it
/// the next look tells.
fn check_fields(result: &Json) -> Result<(), Trouble> {
    let error = &result["errors"][0];
    match error["statusCode"].as_str() {
        Some(code @ "INVALID_FIELD_FOR_INSERT_UPDATE") => {
            Err(Trouble::denied(format!("{code}: {}", bounded(error["message"].as_str().unwrap_or_default()))))
        }
        _ => Ok(()),
    }
}

fn lack_of(field: &str, found: Option<&Json>, characters: u64) -> Option<String> {
    let Some(found) = found else {
        return Some(format!("Account.{field} isn't there, or this user may not see it"));
    };
    if found["updateable"] == false {
        return Some(format!("Account.{field} isn't editable for this user"));
    }
    let short = found["length"].as_u64().is_some_and(|length| length < characters);
    short.then(|| format!("Account.{field} is too short: {characters} characters are needed"))
}

/// Ids of 15 and of 18 characters name the same record; other texts are compared as they are.
fn same_id(one: &str, other: &str) -> bool {
    let is_id =
        |id: &str| matches!(id.len(), SHORT_ID | LONG_ID) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    one == other || (is_id(one) && is_id(other) && one[..SHORT_ID] == other[..SHORT_ID])
}

/// `2026-05-04T14:00:00.000+0000`, in milliseconds.
fn modified(value: &Json) -> Option<u64> {
    let at = chrono::DateTime::parse_from_str(value.as_str()?, "%Y-%m-%dT%H:%M:%S%.f%z").ok()?;
    u64::try_from(at.timestamp_millis()).ok()
}

/// `Sforce-Limit-Info: api-usage=18/5000`.
fn usage_of(headers: &HeaderMap) -> Option<Usage> {
    let info = headers.get("sforce-limit-info")?.to_str().ok()?;
    let usage = info.split([',', ';']).find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, most) = usage.split_once('/')?;
    Some(Usage { used: used.trim().parse().ok()?, most: most.trim().parse().ok()? })
}

/// What a refused request needs, from `[{"errorCode": …, "message": …}]`.
fn trouble(answer: &Answer) -> Trouble {
    let error = &answer.body[0];
    let code = error["errorCode"].as_str().unwrap_or("UNKNOWN_EXCEPTION");
    let message = bounded(error["message"].as_str().unwrap_or_default());
    let what = format!("{} {code}: {message}", answer.status);
    match (answer.status, code) {
        (_, "REQUEST_LIMIT_EXCEEDED") => Trouble::Wait { why: Why::Throttled, what, after: None },
        (401 | 403 | 404, _) | (_, "INVALID_FIELD" | "INVALID_TYPE" | "UNSUPPORTED_API_VERSION") => {
            Trouble::denied(what)
        }
        _ => Trouble::Refused { code: code.into(), message },
    }
}

fn no_token(body: &Json) -> Trouble {
    let (error, why) = (body["error"].as_str(), body["error_description"].as_str());
    let told = bounded(why.or(error).unwrap_or("no reason given"));
    Trouble::denied(format!("no access token is given ({told}): is the client-credentials flow set up for client_id?"))
}

fn unexpected(what: &str, body: &Json) -> Trouble {
    Trouble::unavailable(format!("in place of {what} it answers {}", bounded(&body.to_string())))
}

/// `application/x-www-form-urlencoded`.
fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(one).collect()
    };
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_lengths_are_one() {
        assert!(same_id("005A0000001ANAx", "005A0000001ANAxIAQ"));
        assert!(!same_id("005A0000001ANAx", "005A0000001anaxIAQ"));
        assert!(same_id("ana", "ana") && !same_id("ana", "anastasia"));
        assert!(!same_id("a-text-of-15-by", "a-text-of-15-bytes"));
    }

    #[test]
    fn replies_are_read_in_their_order() {
        let body = json!([
            { "id": "a", "success": true, "errors": [] },
            { "success": false, "errors": [{ "statusCode": "UNABLE_TO_LOCK_ROW", "message": "busy", "fields": [] }] },
            { "success": false },
        ]);
        let replies: Vec<Reply> = in_order(&body, 3).unwrap().iter().map(reply).collect();
        let refused = |code: &str, message: &str| Reply::Refused { code: code.into(), message: message.into() };
        assert_eq!(replies, [Reply::Applied, refused("UNABLE_TO_LOCK_ROW", "busy"), refused("UNKNOWN_EXCEPTION", "")]);
        assert!(in_order(&body, 4).is_err() && in_order(&json!({}), 0).is_err());
    }

    #[test]
    fn a_refused_request_says_what_it_needs() {
        let answer = |status, code| Answer {
            status,
            headers: HeaderMap::new(),
            body: json!([{ "errorCode": code, "message": "No such column 'X' on entity 'Account'" }]),
        };
        let why = |status, code| match trouble(&answer(status, code)) {
            Trouble::Wait { why, .. } => Some(why),
            Trouble::Refused { .. } => None,
        };
        assert_eq!(why(400, "INVALID_FIELD"), Some(Why::Denied));
        assert_eq!(why(401, "INVALID_SESSION_ID"), Some(Why::Denied));
        assert_eq!(why(403, "REQUEST_LIMIT_EXCEEDED"), Some(Why::Throttled));
        assert_eq!(why(400, "JSON_PARSER_ERROR"), None);
        let told = trouble(&answer(400, "INVALID_FIELD")).to_string();
        assert_eq!(told, "400 INVALID_FIELD: No such column 'X' on entity 'Account'");
    }

    #[test]
    fn a_field_that_is_missing_or_locked_is_named() {
        let field = json!({ "name": "C", "updateable": true, "length": 18 });
        assert_eq!(lack_of("C", Some(&field), 0), None);
        assert!(lack_of("C", Some(&field), 32).unwrap().contains("32 characters"));
        assert!(lack_of("C", None, 0).unwrap().starts_with("Account.C isn't there"));
        let locked = json!({ "name": "C", "updateable": false });
        assert!(lack_of("C", Some(&locked), 0).unwrap().contains("editable"));
    }

    #[test]
    fn the_times_and_limits_of_salesforce_are_read() {
        assert_eq!(modified(&json!("2026-05-04T14:00:00.250+0000")), Some(1_777_903_200_250));
        assert_eq!(modified(&json!("yesterday")), None);
        let mut headers = HeaderMap::new();
        headers.insert("sforce-limit-info", "api-usage=18/5000".parse().unwrap());
        assert_eq!(usage_of(&headers), Some(Usage { used: 18, most: 5000 }));
        assert_eq!(usage_of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_secret_with_signs_survives_the_form() {
        assert_eq!(form(&[("a", "x y&z=ü"), ("b", "1-._~")]), "a=x%20y%26z%3D%C3%BC&b=1-._~");
    }
}
