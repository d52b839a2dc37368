//! Records of the reference topics: `accounts`, `reps` and `opportunities`.

use serde::Deserialize;

use super::Rejection;
use super::domains::Domains;
use super::people::{self, AccountRef};
use super::read::{Op, Reader, bad, change, missing, required};
use super::slot::{FieldValue, List, Map, Object, Scalar, Slot};
use crate::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use crate::domain::opportunity::{OpportunityOp, OpportunityRecord};
use crate::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use crate::domain::{Code, Text};

/// Nobody works more accounts than that; a larger capacity is a mistake.
const CAPACITY_MAX: u64 = 100_000;
/// Turns in a row: more would starve the others.
const WEIGHT_MAX: u64 = 100;
/// Numbers are kept in thousandths, in 64 bits.
const NUMBER_MAX: f64 = 9.0e15;
/// Owners of one account: more than there can be roles, so that a policy may come later than its data.
pub const OWNERS_MAX: usize = 32;
/// Fit is kept in millionths.
pub const FIT_SCALE: u32 = 1_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AccountBody<'a> {
    #[serde(borrow)]
    op: Slot<Scalar<'a>>,
    #[serde(borrow)]
    id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    domains: Slot<List<Scalar<'a>>>,
    #[serde(borrow)]
    fit: Slot<Scalar<'a>>,
    #[serde(borrow)]
    owners: Slot<Map<'a, Scalar<'a>>>,
    #[serde(borrow)]
    fields: Slot<Map<'a, FieldValue<'a>>>,
    #[serde(borrow)]
    parent_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    crm_version: Slot<Scalar<'a>>,
    #[serde(borrow)]
    updated_at: Slot<Scalar<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RepBody<'a> {
    #[serde(borrow)]
    op: Slot<Scalar<'a>>,
    #[serde(borrow)]
    id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    role: Slot<Scalar<'a>>,
    #[serde(borrow)]
    book: Slot<Scalar<'a>>,
    #[serde(borrow)]
    status: Slot<Scalar<'a>>,
    #[serde(borrow)]
    capacity: Slot<Scalar<'a>>,
    #[serde(borrow)]
    weight: Slot<Scalar<'a>>,
    #[serde(borrow)]
    manager_id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    team: Slot<Scalar<'a>>,
    #[serde(borrow)]
    emails: Slot<List<Scalar<'a>>>,
    #[serde(borrow)]
    aliases: Slot<List<Scalar<'a>>>,
    #[serde(borrow)]
    fields: Slot<Map<'a, FieldValue<'a>>>,
    #[serde(borrow)]
    updated_at: Slot<Scalar<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OpportunityBody<'a> {
    #[serde(borrow)]
    op: Slot<Scalar<'a>>,
    #[serde(borrow)]
    id: Slot<Scalar<'a>>,
    #[serde(borrow)]
    account: Slot<Object<AccountRef<'a>>>,
    #[serde(borrow)]
    status: Slot<Scalar<'a>>,
    #[serde(borrow)]
    updated_at: Slot<Scalar<'a>>,
}

/// A record's own id, or its key's where the body has none.
fn id(reader: &Reader, key: Option<&Text>, slot: &Slot<Scalar>) -> Result<Text, Rejection> {
    required("id", reader.id("id", slot)?.or_else(|| key.cloned()))
}

pub fn account(
    reader: &Reader,
    domains: &Domains,
    key: Option<&Text>,
    body: &AccountBody,
) -> Result<AccountRecord, Rejection> {
    let id = id(reader, key, &body.id)?;
    let op = match reader.op(&body.op)? {
        Op::Delete => AccountOp::Delete,
        op => AccountOp::Change(Box::new(account_change(reader, domains, op, body)?)),
    };
    Ok(AccountRecord { id, op, at: reader.stamp("updated_at", &body.updated_at)? })
}

fn account_change(reader: &Reader, domains: &Domains, op: Op, body: &AccountBody) -> Result<AccountChange, Rejection> {
    let names = company_domains(reader, domains, &body.domains)?;
    Ok(AccountChange {
        domains: change(op, &body.domains, names),
        fit: change(op, &body.fit, reader.scaled("fit", &body.fit, FIT_SCALE, 1.0)?),
        owners: owners(reader, &body.owners)?,
        fields: fields(reader, &body.fields)?,
        replace_fields: replaces(op, &body.fields),
        parent: change(op, &body.parent_id, reader.id("parent_id", &body.parent_id)?),
        crm_version: version(reader, "crm_version", &body.crm_version)?,
    })
}

/// In the order given, each once; what names no company is left out.
fn company_domains(
    reader: &Reader,
    domains: &Domains,
    slot: &Slot<List<Scalar>>,
) -> Result<Option<Vec<Text>>, Rejection> {
    let Some(items) = reader.list("domains", slot)? else { return Ok(None) };
    let mut found: Vec<Text> = Vec::new();
    for item in items {
        let domain = reader.text("domains", item)?.and_then(|text| domains.of_site(text));
        if let Some(domain) = domain.filter(|domain| !found.contains(domain)) {
            found.push(domain);
        }
    }
    Ok(Some(found))
}

fn owners<'a>(reader: &Reader, slot: &Slot<Map<'a, Scalar<'a>>>) -> Result<Vec<(Text, Option<Text>)>, Rejection> {
    let entries = reader.entries("owners", slot, OWNERS_MAX)?;
    entries.into_iter().map(|(role, owner)| Ok((role.into(), reader.id("owners", owner)?))).collect()
}

/// An upsert says all there is; so does `"fields": null`.
fn replaces<T>(op: Op, slot: &Slot<T>) -> bool {
    op == Op::Upsert || matches!(slot, Slot::Null)
}

fn fields<'a>(reader: &Reader, slot: &Slot<Map<'a, FieldValue<'a>>>) -> Result<Vec<(Text, Option<Value>)>, Rejection> {
    let entries = reader.entries("fields", slot, reader.limits.fields)?;
    entries.into_iter().map(|(name, value)| Ok((name.into(), field(reader, value)?))).collect()
}

fn field(reader: &Reader, slot: &Slot<FieldValue>) -> Result<Option<Value>, Rejection> {
    match slot {
        Slot::Absent | Slot::Null => Ok(None),
        Slot::Is(FieldValue::One(Scalar::Bool(value))) => Ok(Some(Value::Bool(*value))),
        Slot::Is(FieldValue::One(Scalar::Text(text))) => {
            Ok(reader.clean("fields", text)?.map(|text| Value::Text(reader.without_address(text))))
        }
        Slot::Is(FieldValue::One(Scalar::Integer(number))) => thousandths_of_integer(*number).map(Some),
        Slot::Is(FieldValue::One(Scalar::Large(_))) => Err(too_large()),
        Slot::Is(FieldValue::One(Scalar::Float(number))) => thousandths(*number).map(Some),
        Slot::Is(FieldValue::Many(items)) => Ok(Some(Value::List(texts(reader, items)?.into()))),
        Slot::Wrong(found) => {
            let detail = format!("a value of `fields` is {found}, not true or false, a number, a text or a list");
            Err(Rejection::new(Code::WrongType, detail))
        }
    }
}

fn thousandths_of_integer(number: i64) -> Result<Value, Rejection> {
    number.checked_mul(1000).map(Value::Number).ok_or_else(too_large)
}

fn thousandths(number: f64) -> Result<Value, Rejection> {
    if number.abs() > NUMBER_MAX {
        return Err(too_large());
    }
    Ok(Value::Number((number * 1000.0).round() as i64))
}

fn too_large() -> Rejection {
    bad("fields", "has a number too large to be kept in thousandths")
}

fn texts(reader: &Reader, items: &[Slot<Scalar>]) -> Result<Vec<Text>, Rejection> {
    reader.count("fields", items.len(), reader.limits.list_items)?;
    let texts = items.iter().map(|item| reader.free("fields", item));
    texts.filter_map(Result::transpose).collect()
}

/// 19 digits don't fit a JSON number of every producer, so digits in a text are a number too.
pub fn version(reader: &Reader, name: &str, slot: &Slot<Scalar>) -> Result<Option<u64>, Rejection> {
    let Slot::Is(Scalar::Text(_)) = slot else { return reader.whole(name, slot, 0, u64::MAX) };
    let Some(text) = reader.text(name, slot)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad(name, "is no whole number"))
}

pub fn rep(reader: &Reader, key: Option<&Text>, body: &RepBody) -> Result<RepRecord, Rejection> {
    let id = id(reader, key, &body.id)?;
    let op = match reader.op(&body.op)? {
        Op::Delete => RepOp::Delete,
        op => RepOp::Change(Box::new(rep_change(reader, op, body)?)),
    };
    Ok(RepRecord { id, op, at: reader.stamp("updated_at", &body.updated_at)? })
}

fn rep_change(reader: &Reader, op: Op, body: &RepBody) -> Result<RepChange, Rejection> {
    let statuses =
        [("active", RepStatus::Active), ("inactive", RepStatus::Inactive), ("departed", RepStatus::Departed)];
    let capacity = reader.whole("capacity", &body.capacity, 0, CAPACITY_MAX)?.map(|number| number as u32);
    let weight = reader.whole("weight", &body.weight, 1, WEIGHT_MAX)?.map(|number| number as u32);
    Ok(RepChange {
        role: change(op, &body.role, reader.name("role", &body.role)?),
        book: change(op, &body.book, reader.name("book", &body.book)?),
        status: change(op, &body.status, reader.choice("status", &body.status, &statuses)?),
        capacity: change(op, &body.capacity, capacity),
        weight: change(op, &body.weight, weight),
        manager: change(op, &body.manager_id, reader.id("manager_id", &body.manager_id)?),
        team: change(op, &body.team, reader.id("team", &body.team)?),
        aliases: aliases(reader, op, body)?,
        fields: fields(reader, &body.fields)?,
        replace_fields: replaces(op, &body.fields),
    })
}

/// Addresses and vendors' user ids are one list: a record that names either replaces both.
fn aliases(reader: &Reader, op: Op, body: &RepBody) -> Result<Change<Vec<u64>>, Rejection> {
    let mut found = Vec::new();
    for (name, slot) in [("emails", &body.emails), ("aliases", &body.aliases)] {
        for item in reader.list(name, slot)?.unwrap_or_default() {
            found.extend(alias(reader, name, item)?);
        }
    }
    found.sort_unstable();
    found.dedup();
    let absent = body.emails.is_absent() && body.aliases.is_absent();
    Ok(match found.is_empty() {
        false => Change::Set(found),
        true if absent && op == Op::Patch => Change::Keep,
        true => Change::Clear,
    })
}

fn alias(reader: &Reader, name: &str, slot: &Slot<Scalar>) -> Result<Option<u64>, Rejection> {
    if let Slot::Is(scalar) = slot
        && let Some(digits) = scalar.digits()
    {
        return Ok(Some(people::alias(reader, &digits)));
    }
    Ok(reader.text(name, slot)?.map(|text| people::alias(reader, text)))
}

pub fn opportunity(
    reader: &Reader,
    domains: &Domains,
    key: Option<&Text>,
    body: &OpportunityBody,
) -> Result<OpportunityRecord, Rejection> {
    let id = id(reader, key, &body.id)?;
    let op = match reader.op(&body.op)? {
        Op::Delete => OpportunityOp::Delete,
        op => {
            let open = reader.choice("status", &body.status, &[("open", true), ("won", false), ("lost", false)])?;
            // An upsert that forgot its status would close the opportunity.
            if op == Op::Upsert && open.is_none() {
                return Err(missing("status"));
            }
            let account = people::candidates(reader, domains, &body.account)?;
            OpportunityOp::Change { account, open: change(op, &body.status, open) }
        }
    };
    Ok(OpportunityRecord { id, op, at: reader.stamp("updated_at", &body.updated_at)? })
}
