//! One line of a story to the input that it stands for. `README.md` has the grammar.

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::ids::{Actor, tie_hash};
use bookd::domain::input::Frontier;
use bookd::domain::opportunity::{OpportunityOp, OpportunityRecord};
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use bookd::domain::request::{Request, RequestOp, ReturnReason, UndoAsked};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::{Body, Candidate, Candidates, Gate, Millis, Policy};

use super::words::Words;

/// Seed of ids that the story makes up, apart from those that it names.
const MADE_UP: u64 = 1;
/// Where an activity comes from unless the line says otherwise.
const USUAL_SOURCE: &str = "sales-engagement";

pub enum Event {
    Input(Box<Body>),
    Policy(Box<Policy>),
    /// What a writer made of the last command of an account in a role; its id is known when the story is played.
    Result {
        account: String,
        role: String,
        record: Box<ResultRecord>,
    },
    /// An undo of the entry in which the last decision about an account was made: which it is, is known then.
    UndoEntryOf {
        account: String,
        request: Box<Request>,
    },
    /// Reading of the activity topic hangs behind its end, or has caught up.
    ReadingStops,
    ReadingGoesOn,
    /// Time passes.
    Nothing,
}

pub fn event(policy: &Policy, text: &str, at: Millis, number: u64) -> Result<Event, String> {
    let mut words = Words::new(text);
    let first = words.need("what happens")?;
    if let Some((by, account)) = text.split_once(" asks undo entry of ") {
        let request = Box::new(request(RequestOp::Undo, by, Words::new(""), at, number)?);
        return Ok(Event::UndoEntryOf { account: account.into(), request });
    }
    let body = match first {
        "end" => return Ok(Event::Nothing),
        "reading" => return reading(words.need("`stops` or `goes`")?),
        "policy" => return Ok(Event::Policy(Box::new(policy.clone()))),
        "open" => Body::Gate(Gate::Open),
        "close" => Body::Gate(Gate::Closed),
        "complete" => {
            let source = words.need("a source")?.into();
            expect_word(&mut words, "until")?;
            Body::Frontier(Frontier::Complete { source, until: words.instant()? })
        }
        "writer" => return result(words, at),
        "rep" => rep(policy, words)?,
        "account" => account(words)?,
        "opportunity" => opportunity(words)?,
        "intent" => Body::Signal(signal(Class::Intent, words, at, number)?),
        "engagement" => Body::Signal(signal(Class::Engagement, words, at, number)?),
        "inbound" => Body::Signal(signal(Class::Inbound, words, at, number)?),
        who => act(who, words, at, number)?,
    };
    Ok(Event::Input(Box::new(body)))
}

fn reading(word: &str) -> Result<Event, String> {
    match word {
        "stops" => Ok(Event::ReadingStops),
        "goes" => Ok(Event::ReadingGoesOn),
        _ => Err("`reading stops` or `reading goes on`".into()),
    }
}

fn expect_word(words: &mut Words, word: &str) -> Result<(), String> {
    if words.next() == Some(word) { Ok(()) } else { Err(format!("`{word}` is missing")) }
}

/// `good-1..3 fit 0.9` is three lines.
pub fn numbered(text: &str) -> Result<Vec<String>, String> {
    let (id, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let Some((from, to)) = id.split_once("..") else { return Ok(vec![text.trim().into()]) };
    let stem = from.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| format!("`{id}` is no range"));
    Ok((number(&from[stem.len()..])?..=number(to)?).map(|n| format!("{stem}{n} {rest}")).collect())
}

/// `jane sdr capacity 2 weight 2 manager max team north departed`: a book's name gives the role too.
pub fn rep(policy: &Policy, mut words: Words) -> Result<Body, String> {
    let id = words.need("a rep")?.into();
    let mut change = RepChange::default();
    while let Some(word) = words.next() {
        let number = |words: &mut Words| words.need(word)?.parse().map_err(|_| format!("{word}: no number"));
        match word {
            "delete" => return Ok(Body::Rep(RepRecord { id, op: RepOp::Delete, at: None })),
            "active" => change.status = Change::Set(RepStatus::Active),
            "inactive" => change.status = Change::Set(RepStatus::Inactive),
            "departed" => change.status = Change::Set(RepStatus::Departed),
            "capacity" => change.capacity = Change::Set(number(&mut words)?),
            "weight" => change.weight = Change::Set(number(&mut words)?),
            "manager" => change.manager = Change::Set(words.need(word)?.into()),
            "team" => change.team = Change::Set(words.need(word)?.into()),
            "alias" => change.aliases = Change::Set(vec![tie_hash(words.need(word)?, 0)]),
            "in" => {
                change.book = Change::Set(words.need("a book")?.into());
                change.role = Change::Set(words.need("a role")?.into());
            }
            book => {
                let index = policy.book_index(book).ok_or_else(|| format!("`{book}` is no book"))?;
                let role = policy.books[usize::from(index)].role;
                change.book = Change::Set(book.into());
                change.role = Change::Set(policy.roles[usize::from(role)].name.clone());
            }
        }
    }
    Ok(Body::Rep(RepRecord { id, op: RepOp::Change(Box::new(change)), at: None }))
}

/// `acme fit 0.8 domain acme.com owner jane employees 500`: other words are fields.
pub fn account(mut words: Words) -> Result<Body, String> {
    let id = words.need("an account")?.into();
    let mut change = AccountChange::default();
    while let Some(word) = words.next() {
        if word == "delete" {
            return Ok(Body::Account(AccountRecord { id, op: AccountOp::Delete, at: None }));
        }
        let value = words.need(word)?;
        match word {
            "fit" if value == "none" => change.fit = Change::Clear,
            "fit" => change.fit = Change::Set(millionths(value)?),
            "domain" => change.domains = Change::Set(value.split(',').map(Into::into).collect()),
            "crm_version" => change.crm_version = Some(whole(value)?),
            "parent" => change.parent = Change::Set(value.into()),
            "owner" => {
                let (role, owner) = value.split_once('=').unwrap_or(("sdr", value));
                change.owners.push((role.into(), (owner != "none").then(|| owner.into())));
            }
            field => change.fields.push((field.into(), self::value(value)?)),
        }
    }
    Ok(Body::Account(AccountRecord { id, op: AccountOp::Change(Box::new(change)), at: None }))
}

fn whole(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{word}` is no whole number"))
}

/// `writer applied acme as ae sees jane crm_version 7`.
fn result(mut words: Words, at: Millis) -> Result<Event, String> {
    let status = match words.need("a status")? {
        "applied" => ResultStatus::Applied,
        "rejected" => ResultStatus::Rejected,
        "failed" => ResultStatus::Failed,
        "expired" => ResultStatus::Expired,
        word => return Err(format!("`{word}` is nothing that a writer says")),
    };
    let (account, mut role) = (words.need("an account")?.to_string(), "sdr".to_string());
    let mut record = ResultRecord {
        command_id: Default::default(),
        status,
        observed_owner: Change::Keep,
        error_code: None,
        crm_version: None,
        at,
    };
    while let Some(word) = words.next() {
        match (word, words.need(word)?) {
            ("as", name) => role = name.into(),
            ("sees", "nobody") => record.observed_owner = Change::Clear,
            ("sees", owner) => record.observed_owner = Change::Set(owner.into()),
            ("crm_version", version) => record.crm_version = Some(whole(version)?),
            _ => return Err(format!("`{word}` isn't said of a result")),
        }
    }
    Ok(Event::Result { account, role, record: Box::new(record) })
}

fn millionths(word: &str) -> Result<u32, String> {
    let share: f64 = word.parse().map_err(|_| format!("`{word}` is no number"))?;
    Ok((share * 1e6).round() as u32)
}

fn value(word: &str) -> Result<Option<Value>, String> {
    Ok(match word {
        "none" => None,
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        list if list.starts_with('[') => {
            let items = list.trim_matches(['[', ']']).split(',').filter(|item| !item.is_empty());
            Some(Value::List(items.map(Into::into).collect()))
        }
        word => match word.parse::<f64>() {
            Ok(number) => Some(Value::Number((number * 1e3).round() as i64)),
            Err(_) => Some(Value::Text(word.into())),
        },
    })
}

/// `opportunity o1 acme open`, `… closed`, `opportunity o1 deleted`.
fn opportunity(mut words: Words) -> Result<Body, String> {
    let id = words.need("an opportunity")?.into();
    let (mut account, mut open) = (Candidates::new(), Change::Keep);
    while let Some(word) = words.next() {
        match word {
            "open" => open = Change::Set(true),
            "closed" => open = Change::Set(false),
            "deleted" => return Ok(Body::Opportunity(OpportunityRecord { id, op: OpportunityOp::Delete, at: None })),
            names => account = candidates(names),
        }
    }
    Ok(Body::Opportunity(OpportunityRecord { id, op: OpportunityOp::Change { account, open }, at: None }))
}

/// `acme` is a CRM id, `acme.com` a domain, `@acme.com` an e-mail's, `vendor:6sense:17` a vendor's; `a|b` are several
/// in order of trust.
fn candidates(names: &str) -> Candidates {
    let one = |name: &str| match (name.strip_prefix('@'), name.strip_prefix("vendor:")) {
        (Some(domain), _) => Candidate::EmailDomain(domain.into()),
        (_, Some(vendor)) => {
            let (vendor, id) = vendor.split_once(':').unwrap_or((vendor, ""));
            Candidate::VendorId { vendor: vendor.into(), id: id.into() }
        }
        _ if name.contains('.') => Candidate::Domain(name.into()),
        _ => Candidate::CrmId(name.into()),
    };
    if names == "nobody" { Candidates::new() } else { names.split('|').map(one).collect() }
}

/// The same id is the same event; without one every line is an event of its own.
fn dedup(id: Option<&str>, number: u64) -> u64 {
    id.map_or_else(|| tie_hash(&number.to_string(), MADE_UP), |id| tie_hash(id, 0))
}

/// `intent surge acme strength 40 subject crm source bombora snapshot at 2026-03-01 09:00 id e7`.
fn signal(class: Class, mut words: Words, now: Millis, number: u64) -> Result<Signal, String> {
    let kind = words.need("a kind")?.into();
    let account = candidates(words.need("an account")?);
    let mut signal = Signal {
        class,
        kind,
        account,
        source: "vendor".into(),
        subject: None,
        strength: None,
        mode: Mode::Delta,
        at: now,
        dedup: 0,
        due: None,
    };
    let mut id = None;
    while let Some(word) = words.next() {
        match word {
            "snapshot" => signal.mode = Mode::Snapshot,
            "at" => signal.at = words.instant()?,
            "strength" => signal.strength = Some(thousandths(words.need(word)?)?),
            "subject" => signal.subject = Some(words.need(word)?.into()),
            "source" => signal.source = words.need(word)?.into(),
            "id" => id = words.next(),
            _ => return Err(format!("`{word}` isn't said of a signal")),
        }
    }
    signal.dedup = dedup(id, number);
    Ok(signal)
}

fn thousandths(word: &str) -> Result<u32, String> {
    let number: f64 = word.parse().map_err(|_| format!("`{word}` is no number"))?;
    Ok((number * 1e3).round() as u32)
}

/// Somebody does something: works an account, or asks for something.
fn act(who: &str, mut words: Words, now: Millis, number: u64) -> Result<Body, String> {
    let what = words.need("what they do")?;
    let op = match what {
        "returns" => RequestOp::Return,
        "clears" => RequestOp::ReviewDone,
        "retires" => RequestOp::Retire,
        "holds" => RequestOp::Hold,
        "releases" => RequestOp::Release,
        "proceeds" => RequestOp::Proceed,
        "pauses" => RequestOp::Pause,
        "resumes" => RequestOp::Resume,
        "approves" => RequestOp::Approve,
        "asks" => {
            let op = words.need("what they ask")?;
            RequestOp::ALL.into_iter().find(|each| each.name() == op).ok_or_else(|| format!("nobody asks `{op}`"))?
        }
        kind => return Ok(Body::Activity(activity(who, kind, words, now, number)?)),
    };
    Ok(Body::Request(request(op, who, words, now, number)?))
}

/// `jane returns acme because not_interested until 2026-05-01 as sdr for joe id r1`.
fn request(op: RequestOp, by: &str, mut words: Words, now: Millis, number: u64) -> Result<Request, String> {
    let mut request = Request::new(op, by.into(), now);
    let mut id = None;
    while let Some(word) = words.next() {
        match word {
            "because" => request.reason = Some(reason(words.need("a reason")?)?),
            "until" => request.until = Some(words.instant()?),
            "wave" => request.wave = Some(whole(words.need("its number")?)?),
            "per_hour" => request.per_hour = Some(whole(words.need("how many an hour")?)? as u32),
            "as" => request.role = Some(words.need("a role")?.into()),
            "since" => request.undo = Some(Box::new(UndoAsked { since: Some(words.instant()?), ..Default::default() })),
            "for" | "with" => request.rep = Some(words.need("a rep")?.into()),
            "at" => request.at = words.instant()?,
            "id" => id = words.next(),
            names => request.account = candidates(names),
        }
    }
    request.dedup = dedup(id, number);
    Ok(request)
}

fn reason(word: &str) -> Result<ReturnReason, String> {
    ReturnReason::ALL.into_iter().find(|each| each.name() == word).ok_or_else(|| format!("`{word}` is no reason"))
}

/// `jane email_sent acme with bob at 2026-03-01 10:00 meeting 2026-03-12 15:00 from crm id e9`; `somebody` is nobody
/// known.
fn activity(who: &str, kind: &str, mut words: Words, now: Millis, number: u64) -> Result<Activity, String> {
    let actor = match who.strip_prefix("alias:") {
        Some(alias) => Some(Actor::Alias(tie_hash(alias, 0))),
        None => (who != "somebody").then(|| Actor::Rep(who.into())),
    };
    let mut activity = Activity {
        kind: kind.into(),
        account: candidates(words.need("an account")?),
        source: USUAL_SOURCE.into(),
        actor,
        contact: 0,
        direction: usual_direction(kind),
        at: now,
        dedup: 0,
        meeting_at: None,
    };
    let mut id = None;
    while let Some(word) = words.next() {
        match word {
            "with" => activity.contact = (tie_hash(words.need("a contact")?, 0) as u32).max(1),
            "at" => activity.at = words.instant()?,
            "meeting" => activity.meeting_at = Some(words.instant()?),
            "from" => activity.source = words.need("a source")?.into(),
            "inbound" => activity.direction = Direction::Inbound,
            "outbound" => activity.direction = Direction::Outbound,
            "mutual" => activity.direction = Direction::Mutual,
            "id" => id = words.next(),
            _ => return Err(format!("`{word}` isn't said of an activity")),
        }
    }
    activity.dedup = dedup(id, number);
    Ok(activity)
}

fn usual_direction(kind: &str) -> Direction {
    match kind {
        "email_replied" => Direction::Inbound,
        "call_connected" | "meeting_booked" | "meeting_held" => Direction::Mutual,
        _ => Direction::Outbound,
    }
}
