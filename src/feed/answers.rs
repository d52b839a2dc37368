//! Records of `requests`, what people ask for, and of `results`, what CRM writers made of commands.

use serde::Deserialize;

use super::Rejection;
use super::dedup;
use super::domains::Domains;
use super::people::{self, AccountRef};
use super::read::{Reader, bad, required};
use super::reference::version;
use super::slot::{Object, Scalar, Slot};
use crate::domain::account::Change;
use crate::domain::ids::Id128;
use crate::domain::request::{Request, RequestOp, ReturnReason, UndoAsked};
use crate::domain::result::{ResultRecord, ResultStatus};
use crate::domain::{Text, Topic};

/// More commands than a CRM takes in an hour; no rate at all is said by leaving it out.
const PER_HOUR_MAX: u64 = 1_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RequestBody<'a> {
    #[serde(borrow)]
    request_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    op: Slot<Scalar<'a>>,
    #[serde(borrow)]
    account: Slot<Object<AccountRef<'a>>>,
    #[serde(borrow)]
    role: Slot<Scalar<'a>>,
    #[serde(borrow)]
    rep_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    reason: Slot<Scalar<'a>>,
    #[serde(borrow)]
    until: Slot<Scalar<'a>>,
    #[serde(borrow)]
    per_hour: Slot<Scalar<'a>>,
    command_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    entry: Slot<Scalar<'a>>,
    #[serde(borrow)]
    since: Slot<Scalar<'a>>,
    #[serde(borrow)]
    wave: Slot<Scalar<'a>>,
    #[serde(borrow)]
    by: Slot<Scalar<'a>>,
    #[serde(borrow)]
    requested_at: Slot<Scalar<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResultBody<'a> {
    #[serde(borrow)]
    command_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    status: Slot<Scalar<'a>>,
    #[serde(borrow)]
    observed_owner_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    error_code: Slot<Scalar<'a>>,
    #[serde(borrow)]
    crm_version: Slot<Scalar<'a>>,
    #[serde(borrow)]
    at: Slot<Scalar<'a>>,
}

pub fn request(reader: &Reader, domains: &Domains, body: &RequestBody) -> Result<Request, Rejection> {
    let ops = RequestOp::ALL.map(|op| (op.name(), op));
    let reasons = ReturnReason::ALL.map(|reason| (reason.name(), reason));
    let mut request = Request {
        op: required("op", reader.choice("op", &body.op, &ops)?)?,
        // What the request needs is the engine's to judge: a refusal reaches who asked, a dead letter doesn't.
        account: people::candidates(reader, domains, &body.account)?,
        role: reader.name("role", &body.role)?,
        rep: reader.id("rep_id", &body.rep_id)?,
        reason: reader.choice("reason", &body.reason, &reasons)?,
        until: reader.stamp("until", &body.until)?,
        per_hour: reader.whole("per_hour", &body.per_hour, 1, PER_HOUR_MAX)?.map(|number| number as u32),
        undo: undo_asked(reader, body)?,
        wave: reader.whole("wave", &body.wave, 1, i64::MAX as u64)?,
        by: required("by", asker(reader, &body.by)?)?,
        at: reader.event_time("requested_at", &body.requested_at)?,
        dedup: 0,
    };
    request.dedup = match asker(reader, &body.request_id)? {
        Some(id) => dedup::by_id(Topic::Requests, "", &id),
        None => dedup::of_request(&request),
    };
    Ok(request)
}

fn undo_asked(reader: &Reader, body: &RequestBody) -> Result<Option<Box<UndoAsked>>, Rejection> {
    let asked = UndoAsked {
        command: reader.text("command_id", &body.command_id)?.map(command_id).transpose()?,
        entry: reader.whole("entry", &body.entry, 1, u64::MAX)?,
        since: reader.stamp("since", &body.since)?,
    };
    Ok(Some(asked).filter(|asked| *asked != UndoAsked::default()).map(Box::new))
}

/// An id, a service's name, or the keyed hash of an address.
fn asker(reader: &Reader, slot: &Slot<Scalar>) -> Result<Option<Text>, Rejection> {
    match slot {
        Slot::Is(Scalar::Text(text)) => {
            let hidden = |text: &str| match text.contains('@') {
                true => reader.secret.pseudonym(text).into(),
                false => text.into(),
            };
            Ok(reader.clean("by", text)?.map(hidden))
        }
        other => reader.id("by", other),
    }
}

pub fn result(reader: &Reader, body: &ResultBody) -> Result<ResultRecord, Rejection> {
    let statuses = ResultStatus::ALL.map(|status| (status.name(), status));
    let id = required("command_id", reader.text("command_id", &body.command_id)?)?;
    Ok(ResultRecord {
        command_id: command_id(id)?,
        status: required("status", reader.choice("status", &body.status, &statuses)?)?,
        observed_owner: observed_owner(reader, &body.observed_owner_id)?,
        error_code: reader.free("error_code", &body.error_code)?,
        crm_version: version(reader, "crm_version", &body.crm_version)?,
        at: reader.event_time("at", &body.at)?,
    })
}

/// Absent is not null: a writer that didn't look doesn't say that nobody owns the account.
fn observed_owner(reader: &Reader, slot: &Slot<Scalar>) -> Result<Change<Text>, Rejection> {
    let owner = reader.id("observed_owner_id", slot)?;
    Ok(match (owner, slot) {
        (Some(owner), _) => Change::Set(owner),
        (None, Slot::Absent) => Change::Keep,
        (None, _) => Change::Clear,
    })
}

fn command_id(text: &str) -> Result<Id128, Rejection> {
    let hexadecimal = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| hexadecimal);
    number.map(Id128).ok_or_else(|| bad("command_id", "must be 32 hexadecimal digits"))
}
