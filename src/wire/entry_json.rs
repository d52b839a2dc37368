//! A journal entry as JSON for people: what `bookd journal` prints. Nothing reads it back.
//!
//! Field names are those of the canonical events. A policy stands for its version, or every policy entry would be
//! pages long; hashes are hexadecimal, as the numbers would lose their last digits in most readers of JSON.

use serde_json::{Map, Value, json};

use super::instant::Rfc3339;
use crate::domain::account::{self, AccountChange, AccountOp, AccountRecord, Change};
use crate::domain::ids::Actor;
use crate::domain::input::Frontier;
use crate::domain::opportunity::{OpportunityOp, OpportunityRecord};
use crate::domain::rep::{RepChange, RepOp, RepRecord};
use crate::domain::request::{Request, ReturnReason};
use crate::domain::result::ResultRecord;
use crate::domain::signal::{Activity, Direction, Mode, Signal};
use crate::domain::{Body, Candidate, Entry, Gate, Input, Millis, Policy, Position, Restored, Span, Text};

/// The whole entry; all inputs are readable.
pub fn json(entry: &Entry) -> Value {
    let Entry { journal, shard, sequence, previous, now, rules, kind, spans, inputs, outputs, state } = entry;
    json!({
        "journal": journal.to_string(),
        "shard": shard,
        "sequence": sequence,
        "previous": previous.to_string(),
        "now": time(*now),
        "rules": rules,
        "kind": kind.name(),
        "spans": spans.iter().map(span).collect::<Vec<_>>(),
        "inputs": inputs.iter().map(input).collect::<Vec<_>>(),
        "outputs_digest": outputs.to_string(),
        "state_digest": state.map(|digest| digest.to_string()),
    })
}

/// One input: its place, and what it is.
pub fn input(input: &Input) -> Value {
    let (name, body) = match &input.body {
        Body::Policy(policy) => ("policy", self::policy(policy)),
        Body::Gate(Gate::Open) => ("gate", json!("open")),
        Body::Gate(Gate::Closed) => ("gate", json!("closed")),
        Body::Frontier(frontier) => ("frontier", self::frontier(frontier)),
        Body::Rep(record) => ("rep", rep(record)),
        Body::Account(record) => ("account", account(record)),
        Body::Opportunity(record) => ("opportunity", opportunity(record)),
        Body::Result(record) => ("result", result(record)),
        Body::Activity(event) => ("activity", activity(event)),
        Body::Request(request) => ("request", self::request(request)),
        Body::Signal(event) => ("signal", signal(event)),
        Body::Restored(row) => ("restored", restored(row)),
    };
    let mut fields = Map::new();
    if let Some(Position { topic, partition, offset }) = input.position {
        fields.insert("at".into(), json!({ "topic": topic.name(), "partition": partition, "offset": offset }));
    }
    fields.insert(name.into(), body);
    Value::Object(fields)
}

fn span(span: &Span) -> Value {
    let Span { topic, partition, from, next, read, rejected } = span;
    json!({
        "topic": topic.name(), "partition": partition, "from": from, "next": next, "read": read,
        "rejected": rejected,
    })
}

fn policy(policy: &Policy) -> Value {
    json!({ "version": policy.version })
}

fn frontier(frontier: &Frontier) -> Value {
    match frontier {
        Frontier::Partitions { count } => json!({ "partitions": count }),
        Frontier::EndPassed { partition, at } => json!({ "partition": partition, "end_passed_at": time(*at) }),
        Frontier::Complete { source, until } => json!({ "source": source, "complete_until": time(*until) }),
    }
}

fn rep(record: &RepRecord) -> Value {
    let mut fields = head(&record.id, record.at);
    match &record.op {
        RepOp::Delete => op(&mut fields, "delete"),
        RepOp::Change(change) => rep_change(&mut fields, change),
    }
    Value::Object(fields)
}

fn rep_change(fields: &mut Map<String, Value>, change: &RepChange) {
    let RepChange { role, book, status, capacity, weight, manager, team, aliases, fields: own, replace_fields } =
        change;
    op(fields, if *replace_fields { "upsert" } else { "patch" });
    changed(fields, "role", role, |role| json!(role));
    changed(fields, "book", book, |book| json!(book));
    changed(fields, "status", status, |status| json!(status.name()));
    changed(fields, "capacity", capacity, |capacity| json!(capacity));
    changed(fields, "weight", weight, |weight| json!(weight));
    changed(fields, "manager_id", manager, |manager| json!(manager));
    changed(fields, "team", team, |team| json!(team));
    changed(fields, "aliases", aliases, |aliases| aliases.iter().map(|alias| hash(*alias)).collect());
    fields.insert("fields".into(), own_fields(own));
}

fn account(record: &AccountRecord) -> Value {
    let mut fields = head(&record.id, record.at);
    match &record.op {
        AccountOp::Delete => op(&mut fields, "delete"),
        AccountOp::Change(change) => account_change(&mut fields, change),
    }
    Value::Object(fields)
}

fn account_change(fields: &mut Map<String, Value>, change: &AccountChange) {
    let AccountChange { domains, fit, owners, fields: own, replace_fields, parent, crm_version } = change;
    op(fields, if *replace_fields { "upsert" } else { "patch" });
    changed(fields, "domains", domains, |domains| json!(domains));
    changed(fields, "fit", fit, |millionths| json!(f64::from(*millionths) / 1e6));
    let owners = owners.iter().map(|(role, owner)| (role.to_string(), json!(owner)));
    fields.insert("owners".into(), owners.collect());
    fields.insert("fields".into(), own_fields(own));
    changed(fields, "parent_id", parent, |parent| json!(parent));
    fields.insert("crm_version".into(), json!(crm_version));
}

fn opportunity(record: &OpportunityRecord) -> Value {
    let mut fields = head(&record.id, record.at);
    match &record.op {
        OpportunityOp::Delete => op(&mut fields, "delete"),
        OpportunityOp::Change { account, open } => {
            op(&mut fields, "patch");
            fields.insert("account".into(), candidates(account));
            changed(&mut fields, "open", open, |open| json!(open));
        }
    }
    Value::Object(fields)
}

fn result(record: &ResultRecord) -> Value {
    let ResultRecord { command_id, status, observed_owner, error_code, crm_version, at } = record;
    let mut fields = Map::new();
    changed(&mut fields, "observed_owner_id", observed_owner, |owner| json!(owner));
    fields.extend([
        ("command_id".into(), json!(command_id.to_string())),
        ("status".into(), json!(status.name())),
        ("error_code".into(), json!(error_code)),
        ("crm_version".into(), json!(crm_version)),
        ("at".into(), json!(time(*at))),
    ]);
    Value::Object(fields)
}

fn activity(event: &Activity) -> Value {
    let Activity { kind, account, source, actor, contact, direction, at, dedup, meeting_at } = event;
    let direction = match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
        Direction::Mutual => "mutual",
    };
    let actor = actor.as_ref().map(|actor| match actor {
        Actor::Rep(id) => json!({ "crm_id": id }),
        Actor::Alias(alias) => json!({ "alias": hash(*alias) }),
    });
    json!({
        "kind": kind, "account": candidates(account), "source": source, "actor": actor,
        "contact": format!("{contact:08x}"), "direction": direction, "occurred_at": time(*at), "dedup": hash(*dedup),
        "meeting_at": meeting_at.map(time),
    })
}

fn signal(event: &Signal) -> Value {
    let Signal { class, kind, account, source, subject, strength, mode, at, dedup, due } = event;
    let mode = match mode {
        Mode::Delta => "delta",
        Mode::Snapshot => "snapshot",
    };
    json!({
        "class": class.name(), "kind": kind, "account": candidates(account), "source": source, "subject": subject,
        "strength": strength.map(thousandths), "mode": mode, "occurred_at": time(*at), "dedup": hash(*dedup),
        "due": due.map(time),
    })
}

fn request(request: &Request) -> Value {
    let Request { op, account, role, rep, reason, until, per_hour, wave, undo, by, at, dedup } = request;
    let undo = undo.as_deref().cloned().unwrap_or_default();
    json!({
        "op": op.name(), "account": candidates(account), "role": role, "rep_id": rep,
        "reason": reason.map(ReturnReason::name), "until": until.map(time), "per_hour": per_hour, "wave": wave,
        "command_id": undo.command.map(|id| id.to_string()), "entry": undo.entry, "since": undo.since.map(time), "by": by, "requested_at": time(*at),
        "dedup": hash(*dedup),
    })
}

fn restored(row: &Restored) -> Value {
    let Restored { account, role, status, owner, sequence } = row;
    json!({ "account": account, "role": role, "status": status.name(), "owner_id": owner, "sequence": sequence })
}

fn candidates(candidates: &[Candidate]) -> Value {
    let one = |candidate: &Candidate| match candidate {
        Candidate::CrmId(id) => json!({ "crm_id": id }),
        Candidate::VendorId { vendor, id } => json!({ "vendor": vendor, "vendor_id": id }),
        Candidate::Domain(domain) => json!({ "domain": domain }),
        Candidate::EmailDomain(domain) => json!({ "email_domain": domain }),
    };
    candidates.iter().map(one).collect()
}

fn head(id: &str, at: Option<Millis>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("id".into(), json!(id));
    fields.insert("updated_at".into(), json!(at.map(time)));
    fields
}

fn op(fields: &mut Map<String, Value>, op: &str) {
    fields.insert("op".into(), json!(op));
}

/// As in a patch: what is kept is absent, what is cleared is null.
fn changed<T>(fields: &mut Map<String, Value>, name: &str, change: &Change<T>, value: impl Fn(&T) -> Value) {
    let shown = match change {
        Change::Keep => return,
        Change::Clear => Value::Null,
        Change::Set(set) => value(set),
    };
    fields.insert(name.into(), shown);
}

fn own_fields(fields: &[(Text, Option<account::Value>)]) -> Value {
    let one = |value: &account::Value| match value {
        account::Value::Bool(value) => json!(value),
        account::Value::Number(value) => json!(*value as f64 / 1e3),
        account::Value::Text(value) => json!(value),
        account::Value::List(values) => json!(values),
    };
    fields.iter().map(|(name, value)| (name.to_string(), value.as_ref().map_or(Value::Null, one))).collect()
}

fn thousandths(number: u32) -> f64 {
    f64::from(number) / 1e3
}

fn hash(hash: u64) -> Value {
    json!(format!("{hash:016x}"))
}

fn time(at: Millis) -> String {
    Rfc3339(at).to_string()
}
