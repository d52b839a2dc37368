//! `bookd request OP`: writes what somebody asks to the topic of requests, where `bookd run` reads it.

use anyhow::{Context, anyhow};
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::{Failure, LogArg};
use crate::domain::feeds::Feeds;
use crate::domain::request::{RequestOp, ReturnReason};
use crate::domain::{Millis, Record, Topic};
use crate::feed::Decoder;
use crate::run::clock::Clock;
use crate::wire::instant::Rfc3339;

#[derive(Clone, Debug, clap::Args)]
pub struct RequestArgs {
    /// What is asked for.
    #[arg(value_parser = PossibleValuesParser::new(RequestOp::SUPPORTED.map(RequestOp::name)))]
    op: String,
    #[command(flatten)]
    log: LogArg,
    /// Who asks: a CRM user id, or a name by which people know who it was. It stands in the journal.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// The role it is made in; needed where the policy has several and it is about an account.
    #[arg(long)]
    role: Option<String>,
    /// The account's CRM id.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The account's domain.
    #[arg(long)]
    domain: Option<String>,
    /// Whose book, by CRM user id. Of a return: the owner, if somebody else asks.
    #[arg(long, value_name = "REP")]
    rep: Option<String>,
    /// Of a return.
    #[arg(long, value_parser = PossibleValuesParser::new(ReturnReason::ALL.map(ReturnReason::name)))]
    reason: Option<String>,
    /// The end of a hold, the day of a call-back: RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of a rate: so many commands in any hour. Without it the rate ends.
    #[arg(long, value_name = "N")]
    per_hour: Option<u32>,
    /// Of an approval: the wave's number, as its alert says. Without it whichever waits in the role.
    #[arg(long, value_name = "N")]
    wave: Option<u64>,
    /// Of an undo: the command to be undone, 32 hexadecimal digits.
    #[arg(long, value_name = "ID", conflicts_with_all = ["entry", "since"])]
    command: Option<String>,
    /// Of an undo: all that this journal entry decided; `bookd explain` names it.
    #[arg(long, value_name = "N", conflicts_with = "since")]
    entry: Option<u64>,
    /// Of an undo: all that was decided from this instant on in the role, RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The request's own id: the same again changes nothing.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

/// A record of the topic: see `schemas/requests`.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    op: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rep_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_hour: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a str>,
    by: &'a str,
    requested_at: Rfc3339,
}

#[derive(Serialize)]
struct Account<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    crm_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
}

pub fn run(args: &RequestArgs) -> Result<(), Failure> {
    check(args)?;
    let value = serde_json::to_string(&body(args, Clock::Wall.now())).context("the request")?;
    check_decodes(&value)?;
    let open = args.log.open_any()?;
    let place = open.send(Topic::Requests, key(args).as_bytes(), value.as_bytes())?;
    outln!("{value}");
    outln!("written to {place}; a refusal is an alert");
    Ok(())
}

fn body(args: &RequestArgs, now: Millis) -> Body<'_> {
    let (crm_id, domain) = (args.account.as_deref(), args.domain.as_deref());
    Body {
        request_id: args.id.as_deref(),
        op: &args.op,
        account: (crm_id.is_some() || domain.is_some()).then_some(Account { crm_id, domain }),
        role: args.role.as_deref(),
        rep_id: args.rep.as_deref(),
        reason: args.reason.as_deref(),
        until: args.until.as_deref(),
        per_hour: args.per_hour,
        wave: args.wave,
        command_id: args.command.as_deref(),
        entry: args.entry,
        since: args.since.as_deref(),
        by: &args.by,
        requested_at: Rfc3339(now),
    }
}

/// Requests about one account stay in order; so do those about a role, and those about all.
fn key(args: &RequestArgs) -> &str {
    [&args.account, &args.domain, &args.role].into_iter().flatten().next().map_or("", String::as_str)
}

/// What would be refused for sure needn't be sent: the answer would only be an alert.
fn check(args: &RequestArgs) -> anyhow::Result<()> {
    let op = RequestOp::SUPPORTED.into_iter().find(|op| op.name() == args.op);
    let op = op.ok_or_else(|| anyhow!("nobody asks `{}`", args.op))?;
    check_options(args, op)?;
    let needs_account = matches!(
        op,
        RequestOp::Return | RequestOp::ReviewDone | RequestOp::Retire | RequestOp::Hold | RequestOp::Release
    );
    let has_account = args.account.is_some() || args.domain.is_some();
    anyhow::ensure!(has_account || !needs_account, "{} is about an account: --account or --domain", args.op);
    anyhow::ensure!(args.reason.is_some() || op != RequestOp::Return, "a return needs a --reason");
    anyhow::ensure!(args.until.is_some() || op != RequestOp::Hold, "a hold needs an end: --until");
    let names_what = args.command.is_some() || args.entry.is_some() || args.since.is_some();
    anyhow::ensure!(names_what || op != RequestOp::Undo, "an undo needs --command, --entry or --since");
    Ok(())
}

/// An option that the request wouldn't heed is a mistake: a pause of one account would be a pause of all.
fn check_options(args: &RequestArgs, op: RequestOp) -> anyhow::Result<()> {
    use RequestOp::{Approve, GoLive, Hold, Pause, Proceed, Rate, Release, Resume, Retire, Return, ReviewDone, Undo};
    let names_account = args.account.is_some() || args.domain.is_some();
    let takes: [(&str, bool, &[RequestOp]); 10] = [
        ("--account and --domain", names_account, &[Return, ReviewDone, Retire, Hold, Release, Undo]),
        (
            "--role",
            args.role.is_some(),
            &[Return, ReviewDone, Retire, Hold, Release, Proceed, Pause, Resume, GoLive, Approve, Undo],
        ),
        ("--rep", args.rep.is_some(), &[Return, Proceed]),
        ("--reason", args.reason.is_some(), &[Return]),
        ("--until", args.until.is_some(), &[Return, Hold]),
        ("--per-hour", args.per_hour.is_some(), &[Rate]),
        ("--wave", args.wave.is_some(), &[Approve]),
        ("--command", args.command.is_some(), &[Undo]),
        ("--entry", args.entry.is_some(), &[Undo]),
        ("--since", args.since.is_some(), &[Undo]),
    ];
    for (option, given, ops) in takes {
        anyhow::ensure!(!given || ops.contains(&op), "{} takes no {option}", args.op);
    }
    Ok(())
}

/// By the decoder that will read it, so that no request becomes a dead letter.
fn check_decodes(value: &str) -> anyhow::Result<()> {
    let record = Record {
        topic: Topic::Requests,
        partition: 0,
        offset: 0,
        next: 1,
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
        timestamp: Millis(0),
    };
    let decoded = Decoder::new(Feeds::default()).decode(&record);
    decoded.map(|_| ()).map_err(|rejection| anyhow!("{}: {}", rejection.code.text(), rejection.detail))
}
