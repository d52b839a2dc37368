//! HubSpot: companies in batches of 100.
//!
//! Each input bears the command's id as its `objectWriteTraceId`, by which errors of a 207 name it. HubSpot has no rule
//! that could compare an owner with the one before: between look and write a person's change can be lost.

use serde_json::{Value as Json, json};
use ureq::http::{HeaderMap, Method};

use super::client::{Answer, Body, Client, bounded};
use super::{Checked, Crm, Trouble, Why, Work};
use crate::config::writer::{Access, CrmSettings, RequestSettings, RoleFields};
use crate::domain::Text;
use crate::writer::batch::Reply;
use crate::writer::judge::Seen;
use crate::writer::meaning;

/// The API's own limit.
const TOGETHER_MAX: usize = 100;
const READ: &str = "/crm/v3/objects/companies/batch/read";
const UPDATE: &str = "/crm/v3/objects/companies/batch/update";
const PROPERTIES: &str = "/crm/v3/properties/companies";
/// The scope in which properties are described.
const SCHEMAS: &str = "crm.schemas.companies.read";
const FORBIDDEN: u16 = 403;
/// The category of what isn't there, or was deleted.
const NOT_FOUND: &str = "OBJECT_NOT_FOUND";
/// What says that a property of the configuration is another one than HubSpot has.
const PROPERTY_CODES: [&str; 2] = ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"];
const DAILY: &str = "x-hubspot-ratelimit-daily";
const DAILY_LEFT: &str = "x-hubspot-ratelimit-daily-remaining";
const MILLION: u64 = 1_000_000;

pub struct HubSpot {
    client: Client,
    token: String,
    roles: Vec<RoleFields>,
    versions: bool,
    /// Of the day's requests, in millionths.
    daily_share: u32,
}

impl HubSpot {
    pub fn new(crm: &CrmSettings, roles: Vec<RoleFields>, requests: &RequestSettings) -> anyhow::Result<HubSpot> {
        let token = match &crm.access {
            Access::Token(token) => token.0.clone(),
            Access::Client { .. } => anyhow::bail!("HubSpot wants the token of a private app"),
        };
        let client = Client::new(crm, requests)?;
        Ok(HubSpot { client, token, roles, versions: crm.versions, daily_share: requests.daily_share })
    }

    fn call(&mut self, method: Method, path: &str, body: Body<'_>) -> Result<Answer, Trouble> {
        accept(self.ask(method, path, body)?)
    }

    fn ask(&mut self, method: Method, path: &str, body: Body<'_>) -> Result<Answer, Trouble> {
        let bearer = format!("Bearer {}", self.token);
        self.client.send(method, path, &[("authorization", &bearer)], body)
    }

    fn seen(&self, result: &Json, work: Work<'_>) -> Seen {
        let (fields, properties) = (work.fields, &result["properties"]);
        Seen {
            owner: super::owner(super::text(&properties[&*fields.owner]), work, |one, other| one == other),
            sequence: super::whole(&properties[&*fields.sequence]),
            command: super::text(&properties[&*fields.command]),
            version: if self.versions { modified(&result["updatedAt"]) } else { None },
        }
    }
}

impl Crm for HubSpot {
    fn most_together(&self) -> usize {
        TOGETHER_MAX
    }

    fn check(&mut self) -> Result<Checked, Trouble> {
        let answer = self.ask(Method::GET, PROPERTIES, Body::Nothing)?;
        // Reading the properties' descriptions is a scope of its own, and nothing else needs it.
        if let Some(why) = hidden(&answer) {
            return Ok(Checked::Hidden(why));
        }
        let answer = accept(answer)?;
        let Some(described) = answer.body["results"].as_array() else {
            return Err(unexpected("the properties of companies", &answer.body));
        };
        let fields = self.roles.iter().flat_map(RoleFields::all);
        Ok(Checked::Lacks(fields.filter_map(|field| lack_of(&field, described)).collect()))
    }

    fn look(&mut self, work: &[Work<'_>]) -> Result<Vec<Option<Seen>>, Trouble> {
        let of =
            |work: &Work<'_>| [work.fields.owner.clone(), work.fields.command.clone(), work.fields.sequence.clone()];
        let mut properties: Vec<Text> = work.iter().flat_map(of).collect();
        properties.sort_unstable();
        properties.dedup();
        let inputs: Vec<Json> = work.iter().map(|work| json!({ "id": work.command.account })).collect();
        let asked = json!({ "properties": properties, "inputs": inputs });
        let answer = self.call(Method::POST, READ, Body::Json(&asked))?;
        check_usage(&answer.headers, self.daily_share)?;
        let results = shown(&answer.body)?;
        // A company that was merged into another one comes under the other's id: it isn't the one that was asked for.
        let of = |work: &Work<'_>| results.iter().find(|result| result["id"] == *work.command.account);
        Ok(work.iter().map(|work| of(work).map(|result| self.seen(result, *work))).collect())
    }

    fn write(&mut self, work: &[Work<'_>]) -> Result<Vec<Reply>, Trouble> {
        let input = |work: &Work<'_>| {
            let mut properties = json!({});
            for (field, value) in super::values(*work, |_| None) {
                properties[&*field] = in_hubspot(value.json());
            }
            json!({ "id": work.command.account, "properties": properties, "objectWriteTraceId": work.command.id })
        };
        let inputs: Vec<Json> = work.iter().map(input).collect();
        let answer = self.call(Method::POST, UPDATE, Body::Json(&json!({ "inputs": inputs })))?;
        let results = results(&answer.body)?;
        let errors = errors(&answer.body);
        errors.iter().try_for_each(check_properties)?;
        Ok(work.iter().map(|work| reply(work.command, results, errors)).collect())
    }

    fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

fn accept(answer: Answer) -> Result<Answer, Trouble> {
    match answer.status {
        200..300 => Ok(answer),
        _ => Err(trouble(&answer)),
    }
}

/// Why the properties can't be checked, if they can't.
fn hidden(answer: &Answer) -> Option<String> {
    let (status, (code, message)) = (answer.status, code_of(&answer.body));
    let without = match (status, trouble(answer)) {
        (200..300, _) => return None,
        (FORBIDDEN, _) => format!(" without the scope {SCHEMAS}"),
        (_, Trouble::Refused { .. }) => String::new(),
        (_, Trouble::Wait { .. }) => return None,
    };
    Some(format!("the properties of companies can't be checked{without}: {status} {code}: {message}"))
}

/// A property is emptied by an empty text.
fn in_hubspot(value: Json) -> Json {
    if value.is_null() { "".into() } else { value }
}

fn results(body: &Json) -> Result<&Vec<Json>, Trouble> {
    body["results"].as_array().ok_or_else(|| unexpected("results", body))
}

/// Of a read: the companies that are there. An error that says more than that one isn't there tells nothing of whom it
/// hides, and needn't name them: the read is refused, and cut in halves.
fn shown(body: &Json) -> Result<&Vec<Json>, Trouble> {
    match errors(body).iter().find(|error| error["category"] != NOT_FOUND) {
        None => results(body),
        Some(error) => {
            let (code, message) = code_of(error);
            Err(Trouble::Refused { code, message })
        }
    }
}

/// Of a 207: what is wrong with some of the inputs.
fn errors(body: &Json) -> &[Json] {
    body["errors"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A property that isn't there or may not be written is no record's fault: all others would be refused, too. What was
/// written beside it the next look tells.
fn check_properties(error: &Json) -> Result<(), Trouble> {
    if !is_of_properties(error) {
        return Ok(());
    }
    let (code, message) = code_of(error);
    Err(Trouble::denied(format!("{code}: {message}")))
}

/// The code is one of its own, or stands amid the message, or the message says it. Of an owner who isn't there it may be
/// said in like words: that is no matter of the properties.
fn is_of_properties(error: &Json) -> bool {
    let (code, message) = (&error["errors"][0]["code"], error["message"].as_str().unwrap_or_default());
    let says = |known: &str| *code == known || message.contains(known);
    PROPERTY_CODES.into_iter().any(says) || message.starts_with("Property \"") && message.contains("does not exist")
}

/// Errors name the input by its trace id, or by the company's.
fn reply(command: &crate::writer::command::Command, results: &[Json], errors: &[Json]) -> Reply {
    let names = |error: &&Json| {
        let context = &error["context"];
        names(&context["objectWriteTraceId"], &command.id) || names(&context["ids"], &command.account)
    };
    if let Some(error) = errors.iter().find(names) {
        let (code, message) = code_of(error);
        return Reply::Refused { code, message };
    }
    match results.iter().any(|result| result["id"] == *command.account) {
        true => Reply::Applied,
        false => Reply::Refused { code: meaning::NO_ANSWER.into(), message: String::new() },
    }
}

fn names(value: &Json, wanted: &str) -> bool {
    match value {
        Json::Array(items) => items.iter().any(|item| *item == *wanted),
        other => *other == *wanted,
    }
}

/// The most exact code that it says.
fn code_of(error: &Json) -> (Text, String) {
    let code = error["errors"][0]["code"].as_str().or(error["category"].as_str()).unwrap_or("UNKNOWN_ERROR");
    (code.into(), bounded(error["message"].as_str().unwrap_or_default()))
}

fn trouble(answer: &Answer) -> Trouble {
    let (code, message) = code_of(&answer.body);
    let what = format!("{} {code}: {message}", answer.status);
    match answer.status {
        401 | FORBIDDEN => Trouble::denied(what),
        423 => Trouble::unavailable(what),
        _ if is_of_properties(&answer.body) => Trouble::denied(what),
        _ => Trouble::Refused { code, message },
    }
}

/// Over the share of the day's requests everybody else has the rest.
fn check_usage(headers: &HeaderMap, share: u32) -> Result<(), Trouble> {
    let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let (Some(most), Some(left)) = (number(DAILY), number(DAILY_LEFT)) else { return Ok(()) };
    let used = most.saturating_sub(left);
    if used.saturating_mul(MILLION) <= most.saturating_mul(share.into()) {
        return Ok(());
    }
    let what = format!("{used} of the day's {most} requests are used, more than `daily_share` allows");
    Err(Trouble::Wait { why: Why::Throttled, what, after: None })
}

fn lack_of(field: &str, described: &[Json]) -> Option<String> {
    let Some(found) = described.iter().find(|each| each["name"] == *field) else {
        return Some(format!("companies have no property {field}"));
    };
    let locked = found["modificationMetadata"]["readOnlyValue"] == true;
    locked.then(|| format!("the property {field} of companies can't be written"))
}

/// `2026-05-04T14:00:00.250Z`, in milliseconds.
fn modified(value: &Json) -> Option<u64> {
    let at = crate::wire::instant::Rfc3339::parse(value.as_str()?)?;
    u64::try_from(at.0.0).ok()
}

fn unexpected(what: &str, body: &Json) -> Trouble {
    Trouble::unavailable(format!("in place of {what} it answers {}", bounded(&body.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Millis;
    use crate::writer::command::Command;

    fn command(account: &str, id: &str) -> Command {
        Command {
            id: id.into(),
            account: account.into(),
            role: "ae".into(),
            sequence: 1,
            expected: None,
            new: Some("9".into()),
            issued_at: Millis(0),
            not_after: Millis(1),
            dry_run: false,
            reason: String::new(),
            stamps: Default::default(),
        }
    }

    #[test]
    fn each_input_finds_its_reply() {
        let results = [json!({ "id": "1" })];
        let errors = [
            json!({ "category": "OBJECT_NOT_FOUND", "message": "gone", "context": { "ids": ["2"] } }),
            json!({ "category": "VALIDATION_ERROR", "message": "no owner", "context": { "objectWriteTraceId": ["c3"] },
                    "errors": [{ "code": "INVALID_OWNER_ID" }] }),
        ];
        let of = |account, id| reply(&command(account, id), &results, &errors);
        let refused = |code: &str, message: &str| Reply::Refused { code: code.into(), message: message.into() };
        assert_eq!(of("1", "c1"), Reply::Applied);
        assert_eq!(of("2", "c2"), refused("OBJECT_NOT_FOUND", "gone"));
        assert_eq!(of("3", "c3"), refused("INVALID_OWNER_ID", "no owner"));
        assert_eq!(of("4", "c4"), refused("no_answer", ""));
    }

    #[test]
    fn what_a_read_hides_is_not_taken_for_gone() {
        let gone = json!({ "category": "OBJECT_NOT_FOUND", "message": "gone", "context": { "ids": ["2"] } });
        let hidden = json!({ "category": "FORBIDDEN", "message": "not for you", "context": { "ids": ["3"] } });
        let read = |errors: &[&Json]| json!({ "results": [{ "id": "1" }], "numErrors": 1, "errors": errors });
        assert_eq!(shown(&read(&[])).unwrap(), &[json!({ "id": "1" })]);
        assert_eq!(shown(&read(&[&gone])).unwrap(), &[json!({ "id": "1" })]);
        let refused = Trouble::Refused { code: "FORBIDDEN".into(), message: "not for you".into() };
        assert_eq!(shown(&read(&[&gone, &hidden])), Err(refused));
    }

    #[test]
    fn a_missing_scope_or_property_needs_a_person() {
        let why = |status, body: Json| match trouble(&Answer { status, headers: HeaderMap::new(), body }) {
            Trouble::Wait { why, .. } => Some(why),
            Trouble::Refused { .. } => None,
        };
        assert_eq!(why(403, json!({ "category": "MISSING_SCOPES" })), Some(Why::Denied));
        let absent = json!({ "category": "VALIDATION_ERROR", "message": "Property \"x\" does not exist" });
        assert_eq!(why(400, absent), Some(Why::Denied));
        for code in PROPERTY_CODES {
            let long = format!("Property values were not valid: {}: {code}", "x".repeat(300));
            assert_eq!(why(400, json!({ "category": "VALIDATION_ERROR", "message": long })), Some(Why::Denied));
            assert_eq!(why(400, json!({ "errors": [{ "code": code }] })), Some(Why::Denied));
            let of_one = json!({ "category": "VALIDATION_ERROR", "message": long, "context": { "ids": ["1"] } });
            assert!(matches!(check_properties(&of_one), Err(Trouble::Wait { why: Why::Denied, .. })));
        }
        let owner = json!({ "message": "Property values were not valid: INVALID_OWNER_ID: owner 5 does not exist" });
        assert!(check_properties(&owner).is_ok());
        assert_eq!(why(400, owner), None);
        assert_eq!(why(400, json!({ "category": "VALIDATION_ERROR", "message": "no owner 5" })), None);
    }

    #[test]
    fn the_properties_are_looked_at_by_courtesy() {
        let why = |status, category: &str| {
            let body = json!({ "category": category, "message": "no" });
            hidden(&Answer { status, headers: HeaderMap::new(), body })
        };
        let scope =
            "the properties of companies can't be checked without the scope crm.schemas.companies.read: 403 X: no";
        assert_eq!(why(403, "X").as_deref(), Some(scope));
        assert_eq!(why(404, "X").as_deref(), Some("the properties of companies can't be checked: 404 X: no"));
        assert_eq!((why(200, "X"), why(401, "X"), why(423, "X")), (None, None, None));
    }

    #[test]
    fn the_days_share_is_kept() {
        let mut headers = HeaderMap::new();
        assert!(check_usage(&headers, 800_000).is_ok());
        headers.insert(DAILY, "1000".parse().unwrap());
        headers.insert(DAILY_LEFT, "200".parse().unwrap());
        assert!(check_usage(&headers, 800_000).is_ok());
        assert!(check_usage(&headers, 799_999).is_err());
    }

    #[test]
    fn properties_that_are_missing_are_named() {
        let described = [
            json!({ "name": "bookd_command" }),
            json!({ "name": "score", "modificationMetadata": { "readOnlyValue": true } }),
        ];
        assert_eq!(lack_of("bookd_command", &described), None);
        assert!(lack_of("bookd_sequence", &described).unwrap().contains("no property bookd_sequence"));
        assert!(lack_of("score", &described).unwrap().contains("can't be written"));
    }
}
