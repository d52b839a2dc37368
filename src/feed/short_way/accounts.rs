//! Records of accounts judged as they are scanned: what `reference` says on the long way.

use super::fields::{IdText, Judge};
use super::keys::fields;
use crate::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use crate::domain::{Millis, Text};
use crate::feed::instant::LATEST;
use crate::feed::read::Op;
use crate::feed::reference::{FIT_SCALE, OWNERS_MAX};
use crate::feed::scan::{self, Fields, Found, NOTHING, Number, Scan};
use crate::feed::secret::holds_address;

/// Keys of an object that cost one allocation.
const USUAL_KEYS: usize = 8;

/// A field as it was found. What is blank is null.
enum Named<T> {
    Absent,
    Null,
    Is(T),
}

impl<T> Named<T> {
    fn of(value: Option<T>) -> Named<T> {
        value.map_or(Named::Null, Named::Is)
    }

    fn content(self) -> Option<T> {
        match self {
            Named::Is(value) => Some(value),
            Named::Absent | Named::Null => None,
        }
    }

    /// What it does under `op`. An upsert clears what it doesn't name.
    fn change(self, op: Op) -> Change<T> {
        match self {
            Named::Is(value) => Change::Set(value),
            Named::Absent if op == Op::Patch => Change::Keep,
            Named::Absent | Named::Null => Change::Clear,
        }
    }
}

/// `key`: the id in the record's key, for a body that has none.
pub fn account(judge: &Judge, key: Option<Text>, json: &str) -> Option<AccountRecord> {
    let mut fields = AccountFields {
        judge,
        seen: 0,
        op: None,
        id: IdText::Text(NOTHING),
        domains: Named::Absent,
        fit: Named::Absent,
        owners: Named::Absent,
        fields: Named::Absent,
        parent: Named::Absent,
        crm_version: Named::Absent,
        at: None,
    };
    scan::object(json, &mut fields)?;
    let (op, at) = (fields.op?, fields.at);
    let id = judge.owned(std::mem::replace(&mut fields.id, IdText::Text(NOTHING)))?;
    let id = Some(id).filter(|id| !id.is_empty()).or(key)?;
    if at > Some(LATEST) {
        return None;
    }
    let op = if op == Op::Delete { AccountOp::Delete } else { AccountOp::Change(Box::new(fields.change(op))) };
    Some(AccountRecord { id, op, at })
}

struct AccountFields<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    op: Option<Op>,
    id: IdText<'a>,
    domains: Named<Vec<Text>>,
    fit: Named<u32>,
    owners: Named<Entries<Option<Text>>>,
    fields: Named<Entries<Option<Value>>>,
    parent: Named<Text>,
    crm_version: Named<u64>,
    at: Option<Millis>,
}

fields! {
    AccountFields: |this, scan| {
        "op" => this.op = Some(op(this.judge, scan)?),
        "id" => this.id = this.judge.id_text(scan)?,
        "domains" => this.domains = domains(this.judge, scan)?,
        "fit" => this.fit = Named::of(fit(scan)?),
        "owners" => this.owners = entries(this.judge, OWNERS_MAX, scan, id)?,
        "fields" => this.fields = entries(this.judge, this.judge.reader.limits.fields, scan, value)?,
        "parent_id" => this.parent = Named::of(id(this.judge, scan)?),
        "crm_version" => this.crm_version = Named::of(version(this.judge, scan)?),
        "updated_at" => this.at = this.judge.instant(scan)?,
    }
}

impl AccountFields<'_, '_> {
    fn change(self, op: Op) -> AccountChange {
        AccountChange {
            domains: self.domains.change(op),
            fit: self.fit.change(op),
            owners: self.owners.content().unwrap_or_default(),
            replace_fields: op == Op::Upsert || matches!(self.fields, Named::Null),
            fields: self.fields.content().unwrap_or_default(),
            parent: self.parent.change(op),
            crm_version: self.crm_version.content(),
        }
    }
}

fn op(judge: &Judge, scan: &mut Scan) -> Option<Op> {
    match judge.text(scan)?.text {
        "upsert" => Some(Op::Upsert),
        "patch" => Some(Op::Patch),
        "delete" => Some(Op::Delete),
        _ => None,
    }
}

/// In the order given, each once; what names no company is left out.
fn domains(judge: &Judge, scan: &mut Scan) -> Option<Named<Vec<Text>>> {
    let mut found = Vec::new();
    let there = list(judge, scan, |scan| {
        let site = judge.text(scan)?.text;
        let domain = if site.is_empty() { None } else { judge.domains.of_site(site) };
        found.extend(domain.filter(|domain| !found.contains(domain)));
        Some(())
    })?;
    Some(Named::of(there.then_some(found)))
}

/// A list within limits, or null: whether there was one.
fn list<'a>(judge: &Judge, scan: &mut Scan<'a>, mut item: impl FnMut(&mut Scan<'a>) -> Option<()>) -> Option<bool> {
    match scan.token()? {
        b'[' => {}
        b'n' => return scan.null().map(|()| false),
        _ => return None,
    }
    items(judge, scan, &mut item).map(|()| true)
}

/// Behind the bracket.
fn items<'a>(judge: &Judge, scan: &mut Scan<'a>, item: &mut impl FnMut(&mut Scan<'a>) -> Option<()>) -> Option<()> {
    let mut count = 0;
    scan.items(|scan| {
        count += 1;
        item(scan)
    })?;
    (count <= judge.reader.limits.list_items).then_some(())
}

/// From 0 to 1, in parts of [`FIT_SCALE`].
fn fit(scan: &mut Scan) -> Option<Option<u32>> {
    let number = match scan.token()? {
        b'n' => return scan.null().map(|()| None),
        digit @ b'0'..=b'9' => match scan.number(digit)? {
            Number::Integer(number) => number as f64,
            Number::Float(number) => number,
        },
        _ => return None,
    };
    (number <= 1.0).then(|| Some((number * f64::from(FIT_SCALE)).round() as u32))
}

/// Digits in a text are a number too.
fn version(judge: &Judge, scan: &mut Scan) -> Option<Option<u64>> {
    match judge.id_text(scan)? {
        IdText::Text(found) if found.text.is_empty() => Some(None),
        IdText::Text(found) => found.text.parse().ok().map(Some),
        IdText::Number(number) => u64::try_from(number).ok().map(Some),
    }
}

/// An id, or none.
fn id(judge: &Judge, scan: &mut Scan) -> Option<Option<Text>> {
    let id = judge.id(scan)?;
    Some(Some(id).filter(|id| !id.is_empty()))
}

fn value(judge: &Judge, scan: &mut Scan) -> Option<Option<Value>> {
    let value = match scan.token()? {
        b'"' => {
            let found = scan.text()?;
            return Some(judge.without_address(judge.clean(found)?).map(Value::Text));
        }
        digit @ b'0'..=b'9' => Value::Number(match scan.number(digit)? {
            Number::Integer(number) => number.checked_mul(1000)?,
            // Of so few digits that none is too large.
            Number::Float(number) => (number * 1000.0).round() as i64,
        }),
        b'n' => return scan.null().map(|()| None),
        b't' => scan.word("rue").map(|()| Value::Bool(true))?,
        b'f' => scan.word("alse").map(|()| Value::Bool(false))?,
        b'[' => {
            let mut texts = Vec::new();
            items(judge, scan, &mut |scan| {
                texts.extend(judge.free(scan)?);
                Some(())
            })?;
            Value::List(texts.into())
        }
        _ => return None,
    };
    Some(Some(value))
}

/// Keys that are data, in their order and each once, with their values.
type Entries<T> = Vec<(Text, T)>;

struct Keys<'d, T, F> {
    judge: &'d Judge<'d>,
    most: usize,
    value: F,
    found: Entries<T>,
}

/// An object of such keys, or null.
fn entries<'a, T>(
    judge: &Judge,
    most: usize,
    scan: &mut Scan<'a>,
    value: impl Fn(&Judge, &mut Scan<'a>) -> Option<T>,
) -> Option<Named<Entries<T>>> {
    let mut keys = Keys { judge, most, value, found: Vec::new() };
    let there = scan.object(&mut keys)?;
    let mut found = keys.found;
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let is_twice = found.windows(2).any(|pair| pair[0].0 == pair[1].0);
    if is_twice { None } else { Some(Named::of(there.then_some(found))) }
}

impl<'a, T, F: Fn(&Judge, &mut Scan<'a>) -> Option<T>> Fields<'a> for Keys<'_, T, F> {
    fn field(&mut self, key: Found<'a>, scan: &mut Scan<'a>) -> Option<()> {
        let name = self.judge.clean(key)?;
        let is_wrong = name.text.is_empty() || name.has_at && holds_address(name.text);
        if is_wrong || self.found.len() == self.most {
            return None;
        }
        let value = (self.value)(self.judge, scan)?;
        if self.found.is_empty() {
            self.found.reserve_exact(USUAL_KEYS.min(self.most));
        }
        self.found.push((Text::new(name.text), value));
        Some(())
    }
}
