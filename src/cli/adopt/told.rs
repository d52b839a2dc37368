//! The report as people and programs read it.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::domain::Secs;
use crate::domain::rep::RepStatus;
use crate::engine::keeping::Keeps;
use crate::run::adopt::{AccountReport, BookReport, LeftBehind, Report, RoleReport, Verdict};
use crate::wire::instant::{Readable, Rfc3339};
use crate::wire::text;

/// Of a list that may be long: the rest is in `--json`.
const MAX_SHOWN: usize = 20;

pub fn report(report: &Report) -> String {
    let mut out = format!(
        "the CRM's books as of {}, under policy version {}, by what was done since {}\n",
        Readable(report.at.secs()),
        report.policy_version,
        Readable(report.since.secs())
    );
    for role in &report.roles {
        out.push_str(&role_told(role));
    }
    if !report.duplicates.is_empty() {
        let _ = writeln!(out, "\n{} domains are named by more than one account", report.duplicates.len());
        let lines = report.duplicates.iter().map(|(domain, ids)| format!("{domain}: {}", ids.join(", ")));
        list(&mut out, lines);
    }
    if !report.refused.is_empty() {
        out.push_str("\nrecords that can't be used\n");
        let lines = report.refused.iter().map(|((topic, code), count)| {
            let what = code.text();
            format!("{count} of {}: {what}", topic.name())
        });
        list(&mut out, lines);
    }
    if report.unknown_accounts > 0 {
        let _ = writeln!(out, "\n{} events are about accounts that no record names", report.unknown_accounts);
    }
    if report.too_many_left {
        out.push_str("\nso many reps left at once that their books would wait for somebody's `proceed`\n");
    }
    out
}

fn role_told(role: &RoleReport) -> String {
    let count = |of: fn(Verdict) -> bool| role.books.iter().map(|book| book.count(of)).sum::<u32>();
    let (keep, warned, lost) = (count(keeps), count(is_warned), count(is_lost));
    let strangers: u32 = role.strangers.values().map(|stranger| stranger.accounts).sum();
    let mut out = format!("\nrole {}\n", role.name);
    let _ = writeln!(
        out,
        "  {} accounts in {} books, {} in the pool, {} out of circulation, {strangers} with owners who are no reps of it",
        keep + warned + lost,
        role.books.len(),
        role.pool,
        role.excluded
    );
    let _ = writeln!(out, "  under this policy their owners keep {keep}{}", kept_by(role));
    let _ = writeln!(out, "  and would be warned of {warned}, and {lost} would be lost by now\n");
    out.push_str(&books_told(&role.books));
    for LeftBehind { rep, to_pool, held } in &role.left_behind {
        let holders = held.iter().map(|(holder, count)| format!(", {count} held by {holder}")).collect::<String>();
        let _ = writeln!(out, "  {rep} left: {to_pool} accounts to the pool{holders}");
    }
    if strangers > 0 {
        out.push_str("\n  owners who are no reps of this role; their accounts are left alone, not pooled\n");
        let lines = role.strangers.iter().map(|(owner, stranger)| {
            let known = if stranger.other_role { " (a rep of another role)" } else { " (no rep's record names them)" };
            format!("  {owner}: {}{known}", stranger.accounts)
        });
        list(&mut out, lines);
    }
    for granted in &role.granted {
        let (warning, loss) = (Readable(granted.first_warning), Readable(granted.first_loss));
        let _ = writeln!(
            out,
            "\n  going live then: every clock of book {} starts anew, no warning before {warning}, no loss before {loss}",
            granted.book
        );
    }
    out
}

fn keeps(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Keeps(..))
}

fn is_warned(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Warned(_))
}

fn is_lost(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Lost(_))
}

fn kept_by(role: &RoleReport) -> String {
    let by = |wanted: Keeps| {
        let of = |verdict: Verdict| matches!(verdict, Verdict::Keeps(keeps, _) if keeps == wanted);
        role.books.iter().map(|book| book.count(of)).sum::<u32>()
    };
    let parts = Keeps::ALL.map(|keeps| (by(keeps), text::keeps(keeps)));
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn books_told(books: &[BookReport]) -> String {
    let mut out = format!(
        "  {:<24} {:<16} {:>5} {:>5} {:>6} {:>6} {:>6}\n",
        "rep", "book", "has", "of", "keeps", "warned", "lost"
    );
    for book in books {
        let notes = [
            (book.over() > 0).then(|| format!("{} over", book.over())),
            (book.status != RepStatus::Active).then(|| book.status.name().to_owned()),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        let line = format!(
            "  {:<24} {:<16} {:>5} {:>5} {:>6} {:>6} {:>6}  {}",
            book.rep,
            book.book,
            book.accounts.len(),
            book.capacity,
            book.count(keeps),
            book.count(is_warned),
            book.count(is_lost),
            notes.join(", ")
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// One book, account by account; `None` where the rep has none.
pub fn rep(report: &Report, rep: &str) -> Option<String> {
    let mut out = String::new();
    for role in &report.roles {
        for book in role.books.iter().filter(|book| *book.rep == *rep) {
            let _ = writeln!(
                out,
                "{rep}: {} of {}, book {} of role {}",
                book.accounts.len(),
                book.capacity,
                book.book,
                role.name
            );
            for account in &book.accounts {
                let _ = writeln!(out, "  {:<24} {}", account.id, verdict_told(account));
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

fn verdict_told(account: &AccountReport) -> String {
    let unless = text::saved_by(&account.missing);
    match account.verdict {
        Verdict::Keeps(keeps, Secs::NEVER) => format!("kept {}", text::keeps(keeps)),
        Verdict::Keeps(keeps, until) => format!("kept {} until {}", text::keeps(keeps), Readable(until)),
        Verdict::Warned(at) => format!("warned: goes cold {} unless {unless}", Readable(at)),
        Verdict::Lost(at) => format!("lost {}; to count as worked: {unless}", Readable(at)),
    }
}

fn list(out: &mut String, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    for line in lines.iter().take(MAX_SHOWN) {
        let _ = writeln!(out, "  {line}");
    }
    if lines.len() > MAX_SHOWN {
        let _ = writeln!(out, "  and {} more (--json lists all)", lines.len() - MAX_SHOWN);
    }
}

pub fn json(report: &Report) -> Value {
    let refused = report
        .refused
        .iter()
        .map(|((topic, code), count)| json!({ "topic": topic.name(), "code": code.text(), "records": count }));
    json!({
        "at": Rfc3339(report.at),
        "since": Rfc3339(report.since),
        "policy_version": report.policy_version,
        "roles": report.roles.iter().map(role_json).collect::<Vec<_>>(),
        "duplicates": report.duplicates.iter().map(|(domain, ids)| json!({ "domain": domain, "accounts": ids })).collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "unknown_accounts": report.unknown_accounts,
        "too_many_left": report.too_many_left,
    })
}

fn role_json(role: &RoleReport) -> Value {
    let strangers = role.strangers.iter().map(|(owner, stranger)| {
        json!({ "owner": owner, "accounts": stranger.accounts, "rep_of_another_role": stranger.other_role })
    });
    let left =
        role.left_behind.iter().map(|left| json!({ "rep": left.rep, "to_pool": left.to_pool, "held": left.held }));
    let granted = role.granted.iter().map(|granted| {
        json!({
            "book": granted.book,
            "first_warning": Rfc3339::from(granted.first_warning),
            "first_loss": Rfc3339::from(granted.first_loss),
        })
    });
    json!({
        "role": role.name,
        "pool": role.pool,
        "excluded": role.excluded,
        "books": role.books.iter().map(book_json).collect::<Vec<_>>(),
        "unknown_owners": strangers.collect::<Vec<_>>(),
        "left_behind": left.collect::<Vec<_>>(),
        "going_live": granted.collect::<Vec<_>>(),
    })
}

fn book_json(book: &BookReport) -> Value {
    json!({
        "rep": book.rep,
        "book": book.book,
        "status": book.status.name(),
        "capacity": book.capacity,
        "over": book.over(),
        "accounts": book.accounts.iter().map(account_json).collect::<Vec<_>>(),
    })
}

fn account_json(account: &AccountReport) -> Value {
    let (verdict, by, at) = match account.verdict {
        Verdict::Keeps(keeps, until) => {
            ("keeps", Some(keeps.name()), Some(until).filter(|until| *until != Secs::NEVER))
        }
        Verdict::Warned(at) => ("warned", None, Some(at)),
        Verdict::Lost(at) => ("lost", None, Some(at)),
    };
    json!({ "account": account.id, "verdict": verdict, "by": by, "at": at.map(Rfc3339::from) })
}
