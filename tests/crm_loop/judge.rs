//! The oracle of the loop. It trusts the broker's committed records and the CRM's own history, and nothing that bookd or
//! the writer say about themselves.

use std::collections::{BTreeMap, BTreeSet};

use bookd::domain::output::SeatStatus;
use bookd::engine::view::SeatView;
use bookd::wire::instant::Rfc3339;
use serde_json::Value;

use crate::end::{End, text};
use crate::stage::stamp;

/// What was judged.
#[derive(Debug, Default)]
pub struct Verdict {
    commands: usize,
    moves: usize,
    people: usize,
    /// Writes of a command that was carried out already, which change nothing.
    repeated: usize,
    /// Writes to an account that somebody had given to the same rep since the writer looked: no owner changed.
    met: usize,
    /// Commands that were carried out and denied, because their account was deleted in between.
    gone: usize,
    results: BTreeMap<String, usize>,
    seats: usize,
    statuses: BTreeMap<String, usize>,
    held: usize,
    owned: usize,
    /// Seats of the CRM that bear the stamps of a command.
    stamped: usize,
    backing_off: usize,
    /// Seats that never were commanded, of which a record came out of order.
    overtaken: usize,
    /// Seats that changed twice within a second, which their stamps don't tell apart.
    tied: usize,
    /// Seats of accounts that the CRM has deleted, of which an older record came later.
    revived: usize,
}

/// Panics with all that is wrong.
pub fn judge(end: &End) {
    end.committed.judge_beside_people();
    let (verdict, wrong) = complaints(end);
    println!("{verdict:?}");
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    let happened = [verdict.commands, verdict.moves, verdict.people, verdict.owned, verdict.stamped];
    assert!(!happened.contains(&0), "nothing happened: {verdict:?}");
}

pub fn complaints(end: &End) -> (Verdict, Vec<String>) {
    let mut verdict = Verdict { commands: end.commands.len(), ..Verdict::default() };
    let mut wrong = Vec::new();
    judge_history(end, &mut verdict, &mut wrong);
    judge_results(end, &mut verdict, &mut wrong);
    judge_owners(end, &mut verdict, &mut wrong);
    judge_stamps(end, &mut verdict, &mut wrong);
    (verdict, wrong)
}

/// Every move in the CRM by the writer is a committed command's, once, in order, in time, and from whom it expected.
fn judge_history(end: &End, verdict: &mut Verdict, wrong: &mut Vec<String>) {
    let mut done = BTreeSet::new();
    let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in &end.history {
        if row["integration"] == false {
            verdict.people += 1;
            continue;
        }
        let Some(command) = row["command"].as_str().and_then(|id| end.commands.get(id)) else {
            wrong.push(format!("no command was committed for {row}"));
            continue;
        };
        if row["from"] == row["to"] && done.contains(&text(&row["command"])) {
            verdict.repeated += 1;
            continue;
        }
        verdict.moves += 1;
        verdict.met += usize::from(row["from"] == row["to"]);
        if !done.insert(text(&row["command"])) {
            wrong.push(format!("done twice: {row}"));
        }
        wrong.extend(unlike(row, command));
        let seat = (text(&row["account"]), text(&row["role"]));
        let sequence = row["sequence"].as_u64().unwrap_or_default();
        if last.insert(seat, sequence).is_some_and(|last| last >= sequence) {
            wrong.push(format!("out of order: {row}"));
        }
    }
}

/// In what the move isn't the command's.
fn unlike(row: &Value, command: &Value) -> Option<String> {
    // Whom a write changes nothing for isn't taken anything from; the fence, too, looks at changes alone.
    let from = if row["from"] == row["to"] { &command["expected_owner_id"] } else { &row["from"] };
    let of = [
        ("account", &row["account"], &command["account"]["crm_id"]),
        ("role", &row["role"], &command["role"]),
        ("sequence", &row["sequence"], &command["sequence"]),
        ("expected owner", from, &command["expected_owner_id"]),
        ("new owner", &row["to"], &command["new_owner"]["crm_user_id"]),
    ];
    if let Some((what, found, wanted)) = of.iter().find(|(_, found, wanted)| found != wanted) {
        return Some(format!("{what}: {found} and not {wanted} in {row}"));
    }
    (at(row) > instant(&command["not_after"])).then(|| format!("behind its end: {row}"))
}

/// Every command is answered once, and what was carried out isn't denied while somebody goes by the answer.
fn judge_results(end: &End, verdict: &mut Verdict, wrong: &mut Vec<String>) {
    let mut answers: BTreeMap<String, &Value> = BTreeMap::new();
    for result in &end.results {
        let key = format!("{} {}", text(&result["status"]), result["error_code"].as_str().unwrap_or_default());
        *verdict.results.entry(key).or_default() += 1;
        if let Some(other) = answers.insert(text(&result["command_id"]), result) {
            wrong.push(format!("answered twice: {other} and {result}"));
        }
    }
    let unanswered = end.commands.iter().filter(|(id, _)| !answers.contains_key(*id));
    wrong.extend(unanswered.map(|(_, command)| format!("never answered: {command}")));
    let applied = answers.iter().filter(|(_, result)| result["status"] == "applied");
    for (id, result) in applied {
        if end.commands.get(id).is_none_or(|command| !was_applied(end, command, result)) {
            wrong.push(format!("never done, and answered {result}"));
        }
    }
    for row in end.history.iter().filter(|row| row["from"] != row["to"]) {
        let Some(result) = row["command"].as_str().and_then(|id| answers.get(id)) else { continue };
        if result["status"] == "applied" {
            continue;
        }
        match is_past(end, row, result) {
            true => verdict.gone += 1,
            false => wrong.push(format!("done, and answered {result}")),
        }
    }
}

/// Whether the command was carried out before the answer, or the CRM had its new owner at some instant between the two:
/// whoever gave it, the writer need not write it again. All clocks are this machine's.
fn was_applied(end: &End, command: &Value, result: &Value) -> bool {
    let (account, role) = (text(&command["account"]["crm_id"]), text(&command["role"]));
    let owner = command["new_owner"]["crm_user_id"].as_str();
    let (issued, answered) = (instant(&command["issued_at"]), instant(&result["at"]));
    let rows: Vec<&Value> = rows_of(end, &account, &role).collect();
    if rows.iter().any(|row| row["command"] == command["command_id"] && at(row) <= answered) {
        return true;
    }
    let had = |who: &Value, since: i64, until: i64| who.as_str() == owner && since <= answered && until >= issued;
    let Some(first) = rows.first() else {
        let is_it = |row: &&Value| row["id"] == account.as_str();
        return end.accounts.iter().find(is_it).is_some_and(|row| row["owners"][&role].as_str() == owner);
    };
    let ends = rows.iter().skip(1).map(|row| at(row)).chain([i64::MAX]);
    let mut owned = rows.iter().zip(ends);
    had(&first["from"], i64::MIN, at(first)) || owned.any(|(row, until)| had(&row["to"], at(row), until))
}

/// A writer that was killed before it answered comes again, and finds the account deleted meanwhile: it can't see what
/// it did, and nobody goes by its answer. No other answer may deny what was done: a command that was carried out is found
/// by its id, and no later one goes before it is answered.
fn is_past(end: &End, row: &Value, result: &Value) -> bool {
    let is_deleted = |account: &&Value| {
        account["id"] == row["account"]
            && account["deleted"] == true
            && account["modified_at"].as_i64().is_some_and(|deleted| deleted <= instant(&result["at"]))
    };
    result["error_code"] == "unknown_account" && end.accounts.iter().any(|account| is_deleted(&account))
}

pub fn instant(value: &Value) -> i64 {
    Rfc3339::parse(&text(value)).expect("an instant").0.0
}

/// When a row of the history was committed.
fn at(row: &Value) -> i64 {
    row["at"].as_i64().expect("an instant")
}

/// In the end bookd knows what the CRM has, has told so, and wants nothing else.
fn judge_owners(end: &End, verdict: &mut Verdict, wrong: &mut Vec<String>) {
    let living = end.accounts.iter().filter(|row| row["deleted"] == false);
    let in_crm: BTreeMap<&str, &Value> = living.map(|row| (row["id"].as_str().unwrap(), row)).collect();
    let known: BTreeSet<&str> = end.view.accounts.iter().map(|account| account.id.as_str()).collect();
    wrong.extend(in_crm.keys().filter(|id| !known.contains(*id)).map(|id| format!("bookd doesn't know {id}")));
    for (account, role, seat) in end.seats() {
        // What is known of a deleted account is forgotten: an older record of it that comes later begins it anew.
        let Some(row) = in_crm.get(account.as_str()) else {
            verdict.revived += 1;
            if !end.revived.contains(account.as_str()) {
                wrong.push(format!("{account} is deleted in the CRM alone"));
            }
            continue;
        };
        let owner = row["owners"][role.as_str()].as_str();
        verdict.seats += 1;
        *verdict.statuses.entry(format!("{:?}", seat.status)).or_default() += 1;
        verdict.held += usize::from(seat.hold > end.view.now);
        verdict.owned += usize::from(seat.status == SeatStatus::Owned);
        if let Some(what) = differs(end, verdict, (account, role, seat), owner) {
            let command = end.command_of(account, role);
            let rows: String = rows_of(end, account, role).map(|row| format!("\n      {row}")).collect();
            wrong.push(format!("{account} as {role}: {what}, the CRM has {owner:?}; {command:?}; {seat:?}{rows}"));
        }
    }
}

/// Beside the owner stands why the account entered the book, as the last command said it.
fn judge_stamps(end: &End, verdict: &mut Verdict, wrong: &mut Vec<String>) {
    let seats = end.accounts.iter().flat_map(|row| end.roles.iter().map(move |role| (&row["fields"], role)));
    for (fields, role) in seats {
        let field = |name: &str| &fields[stamp(role, name)];
        let Some(command) = field("Command").as_str().and_then(|id| end.commands.get(id)) else { continue };
        verdict.stamped += 1;
        let (found, said) = (field("Entered_Because"), &command["stamps"]["entered_book_because"]);
        if found != said {
            wrong.push(format!("entered because: {found} and not {said} beside {command}"));
        }
    }
}

fn differs(end: &End, verdict: &mut Verdict, seat: (&str, &str, &SeatView), owner: Option<&str>) -> Option<String> {
    let (account, role, seat) = seat;
    let command = end.command_of(account, role);
    let (wanted, seen) = (seat.owner.as_deref(), seat.crm_owner.as_deref());
    let told = end.states.get(account).and_then(|state| state["roles"].as_array());
    let told = told.and_then(|roles| roles.iter().find(|told| told["role"] == role));
    if told.is_none_or(|told| told["owner_id"].as_str() != wanted) {
        return Some(format!("account-state says {told:?} and not {wanted:?}"));
    }
    // Of a seat that never was commanded no versions are kept (docs/rules.md, 13): a record that was overtaken by a
    // later one is taken for the last. The first command finds out.
    if command.is_none() && seen != owner && rows_of(end, account, role).any(|row| row["to"].as_str() == seen) {
        verdict.overtaken += 1;
        return None;
    }
    // A stamp of whole seconds is the same for all that happened within one (docs/crm.md): which of their records, one of
    // which may come once more, is the last to come decides.
    if seen != owner && is_tied(end, (account, role, seat), owner) {
        verdict.tied += 1;
        return None;
    }
    if seen != owner {
        return Some(format!("bookd takes for the CRM's owner {seen:?}"));
    }
    if command.is_some_and(|row| row.wish.is_some() && row.retry_at > end.view.now) {
        verdict.backing_off += 1;
        return None;
    }
    let decides = matches!(seat.status, SeatStatus::Owned | SeatStatus::Pool | SeatStatus::Rest);
    (decides && wanted != owner).then(|| format!("bookd wants {wanted:?}"))
}

/// Whether the CRM had what bookd takes for its owner within the second of its last change, whose stamp is all that bookd saw.
fn is_tied(end: &End, (account, role, seat): (&str, &str, &SeatView), owner: Option<&str>) -> bool {
    let rows: Vec<_> = rows_of(end, account, role).collect();
    let second = |row: &Value| at(row).div_euclid(1_000);
    let Some(last) = rows.last().filter(|last| last["to"].as_str() == owner) else { return false };
    let within = rows.iter().filter(|row| second(row) == second(last));
    let seen = within.map(|row| row["to"].as_str()).any(|to| to == seat.crm_owner.as_deref());
    seen && seat.version == u64::try_from(second(last) * 1_000).ok()
}

fn rows_of<'a>(end: &'a End, account: &'a str, role: &'a str) -> impl Iterator<Item = &'a Value> {
    end.history.iter().filter(move |row| row["account"] == account && row["role"] == role)
}
