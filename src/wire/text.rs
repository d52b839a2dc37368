//! Decisions and alerts as one English sentence each: what a person reads in the CRM, in the demo, in explain.

use std::fmt::Write;

use super::instant::Readable;
use crate::domain::output::{BreakerScope, Considered, LeftAlone, Missing, Placement, Undone, Verdict, Why};
use crate::domain::policy::{PRIORITY_ONE, RoleMode};
use crate::domain::request::ReturnReason;
use crate::domain::{Alert, AlertKind, Code, Decision, DecisionKind, Disposition, Secs};
use crate::engine::keeping::Keeps;

/// Who moved where and why: `acme (sdr): pool → ana, priority 78.4 …`.
pub fn decision(decision: &Decision) -> String {
    let from = decision.from.as_deref().unwrap_or("pool");
    let to = decision.to.as_deref().unwrap_or(match decision.kind {
        // Into the pool, review or out for good: the reason says which.
        DecisionKind::Return | DecisionKind::Retirement | DecisionKind::Undo => "nobody",
        DecisionKind::Distribution | DecisionKind::Retrieval | DecisionKind::Departure => "pool",
    });
    let shadow = if decision.disposition == Disposition::Shadow { ", in shadow" } else { "" };
    format!("{} ({}{shadow}): {from} → {to}, {}", decision.account, decision.role, reason(decision))
}

/// Why alone, as the command's reason has it.
pub fn reason(decision: &Decision) -> String {
    let owner = decision.from.as_deref().unwrap_or("nobody");
    match &decision.why {
        Why::Placed(placement) => placed(decision, placement),
        Why::Idle { book, deadline, warned_at, promised, last_touch } => {
            idle(owner, book, [Some(*deadline), *warned_at, Some(*promised), *last_touch])
        }
        Why::Returned { reason, by } => format!("given back by {by}: {}", return_reason(*reason)),
        Why::OwnerLeft { holds_opportunity, holds_meeting } => {
            let held = match (holds_opportunity, holds_meeting) {
                (true, true) => "an open opportunity and a meeting ahead",
                (true, false) => "an open opportunity",
                (false, true) => "a meeting ahead",
                (false, false) => return format!("its owner {owner} left"),
            };
            match &decision.to {
                Some(to) => format!("its owner {owner} left, and it has {held}: {to} keeps it"),
                None => format!("its owner {owner} left; it has {held}, but nobody to keep it"),
            }
        }
        Why::Retired { by } => format!("taken out of circulation by {by} while {owner} owned it"),
        Why::Undone { by, kind, entry } => {
            format!("undone by {by}: it is as it was before the {} of journal entry {entry}", kind.name())
        }
    }
}

fn placed(decision: &Decision, placement: &Placement) -> String {
    let mut text = format!(
        "priority {:.1} (fit {:.2}, timing {:.2}) ",
        points(decision.priority),
        points(decision.fit),
        points(decision.timing)
    );
    // Writing into a String can't fail.
    let _ = if placement.filled_idle {
        let from = points(placement.threshold);
        write!(text, "fills idle capacity below the threshold of {} (this book fills from {from}); ", placement.segment)
    } else {
        write!(text, "in {}; ", placement.segment)
    };
    text + &choice(placement)
}

/// Why this rep: the emptiest, or whose turn it was, or the only one.
fn choice(placement: &Placement) -> String {
    let Some((chosen, others)) = placement.candidates.split_first() else {
        return "no rep is on record".to_owned();
    };
    let Considered { rep, size, capacity, .. } = chosen;
    let all = placement.candidates.len() as u64 + u64::from(placement.more);
    let with = |verdict: Verdict| others.iter().filter(|other| other.verdict == verdict).count();
    let (fuller, in_turn) = (with(Verdict::Fuller), with(Verdict::LaterTurn));
    if all == 1 {
        format!("{rep} ({size}/{capacity}) was the only candidate")
    } else if in_turn > 0 {
        let level = in_turn + 1;
        format!("it was {rep}'s turn ({size}/{capacity}) among {level} about equally full of {all} candidates")
    } else if fuller > 0 || placement.more > 0 {
        format!("{rep} had the lowest fill ({size}/{capacity}) of {all} candidates")
    } else {
        format!("{rep} ({size}/{capacity}) was the only one free of {all} candidates")
    }
}

fn idle(owner: &str, book: &str, [deadline, warned_at, promised, last_touch]: [Option<Secs>; 4]) -> String {
    let mut text = match last_touch {
        Some(at) => format!("not worked enough by {owner} for the rules of {book}: last touch {}", Readable(at)),
        None => format!("never worked by {owner}, book {book}"),
    };
    let moments = [("went cold", deadline), ("warned", warned_at), ("promised until", promised)];
    for (what, at) in moments {
        if let Some(at) = at {
            let _ = write!(text, ", {what} {}", Readable(at));
        }
    }
    text
}

/// One sentence for the person whom the alert concerns.
pub fn alert(alert: &Alert) -> String {
    match &alert.kind {
        AlertKind::AtRisk { account, role, owner, promised, missing, shadow, .. } => {
            let (at, role) = (Readable(*promised), in_role(role, *shadow));
            format!("{account} goes cold {at} unless {} ({owner}, {role})", saved_by(missing))
        }
        AlertKind::RiskCleared { account, role, owner, shadow } => {
            format!("{account} stays with {owner} ({}): the warning is off", in_role(role, *shadow))
        }
        AlertKind::Refused { op, code, account, role, by } => {
            let account = account.as_deref().map(|account| format!(" of {account}")).unwrap_or_default();
            let role = role.as_deref().map(|role| format!(" ({role})")).unwrap_or_default();
            let op = op.name().replace('_', " ");
            format!("{op}{account}{role} asked for by {by} is refused: {}", refusal(*code))
        }
        AlertKind::SourceSilent { source, latest: Some(latest) } => {
            format!("{source} is silent since {}: losses that depend on it wait", Readable(*latest))
        }
        AlertKind::SourceSilent { source, latest: None } => {
            format!("{source} was never heard: losses that depend on it wait")
        }
        AlertKind::SourceBack { source } => format!("{source} delivers again"),
        AlertKind::BreakerTripped { scope, due } => {
            format!("{} until somebody says proceed: {}", held(scope, *due), suspicion(scope))
        }
        AlertKind::BreakerReset { scope } => format!("{} go on", scope_name(scope)),
        AlertKind::Orphan { account, role, owner } => {
            format!("{account} belongs to {owner} in the CRM ({role}), who is no known rep: left alone, not pooled")
        }
        AlertKind::IssuingStopped { role, issued_at, out } => {
            let since = Readable(*issued_at);
            format!("no more commands for {role}: {out} are out, the oldest since {since}, and none is answered")
        }
        AlertKind::IssuingResumed { role } => format!("commands for {role} are issued again"),
        AlertKind::CommandUndone { account, role, undone, owner, .. } => {
            let owner = owner.as_deref().unwrap_or("nobody");
            format!("{account} is with {owner} ({role}): {}", what_undid(*undone))
        }
        AlertKind::Paused { role, by } => {
            format!("{role} is paused by {by}: nothing is given or taken by the rules until somebody says resume")
        }
        AlertKind::Resumed { role, by } => format!("{role} goes on: resumed by {by}"),
        AlertKind::RateSet { per_hour, by } => format!("{}, says {by}", rate(*per_hour)),
        AlertKind::ApprovalWanted { role, wave, due, until } => format!(
            "{due} losses of {role} wait for somebody to approve wave {wave}; they are looked at anew {}",
            Readable(*until)
        ),
        AlertKind::Approved { role, wave, by } => format!("wave {wave} of {role} may go, says {by}"),
        AlertKind::ApprovalLapsed { role, wave } => {
            format!("wave {wave} of {role} no longer waits for an approval: its losses are looked at anew")
        }
        AlertKind::WentLive { role, by, owned } => {
            format!(
                "{role} is live, says {by}: {owned} accounts stay with whom the CRM has, and their clocks begin now"
            )
        }
        AlertKind::ModeKept { role, mode } => mode_kept(role, *mode),
        AlertKind::UndoDone { role, by, undone, left } => {
            let role = role.as_deref().map(|role| format!(" ({role})")).unwrap_or_default();
            format!("the undo{role} asked for by {by}: {undone} put back, {left} left alone")
        }
        AlertKind::UndoLeft { account, role, owner, why } => {
            let owner = owner.as_deref().unwrap_or("nobody");
            format!("{account} stays with {owner} ({role}), it isn't undone: {}", left_alone(*why))
        }
    }
}

fn rate(per_hour: Option<u32>) -> String {
    match per_hour {
        Some(1) => "at most 1 command an hour from now on".to_owned(),
        Some(most) => format!("at most {most} commands an hour from now on"),
        None => "as many commands an hour as there are".to_owned(),
    }
}

fn mode_kept(role: &str, mode: RoleMode) -> String {
    match mode {
        RoleMode::Shadow => {
            format!("{role} stays in shadow although the policy says live: a request go_live ends that")
        }
        RoleMode::Live => format!("{role} stays live although the policy says shadow: a pause stops its commands"),
    }
}

fn in_role(role: &str, shadow: bool) -> String {
    format!("{role}{}", if shadow { ", in shadow" } else { "" })
}

fn what_undid(undone: Undone) -> &'static str {
    match undone {
        Undone::Rejected => "the CRM, or its writer, rejected the command",
        Undone::Failed => "the CRM failed to make the change",
        Undone::Expired => "no writer carried the command out in time",
        Undone::Overruled => "somebody changed the owner while the command was out",
        Undone::TakenBack => "somebody moved it back",
    }
}

fn left_alone(why: LeftAlone) -> &'static str {
    match why {
        LeftAlone::Deleted => "the account was deleted",
        LeftAlone::UndoneAlready => "it was undone already, or never carried out",
        LeftAlone::DecidedSince => "something else was decided about it since",
        LeftAlone::ChangedOutside => "somebody changed its owner in the CRM since",
        LeftAlone::AskedSince => "somebody asked for something about it since",
        LeftAlone::WorkedSince => "somebody worked it since",
        LeftAlone::OwnerGone => "who had it is no active rep of the role any more",
    }
}

/// What would keep the account with its owner.
pub fn saved_by(missing: &Missing) -> String {
    let Missing { touches, days, contacts, replies } = *missing;
    let parts = [
        plural(touches, "", "more touch", "more touches"),
        plural(days, "on ", "more day", "more days"),
        plural(contacts, "with ", "more contact", "more contacts"),
        plural(replies, "with ", "more reply", "more replies"),
    ];
    let needed: Vec<String> = parts.into_iter().flatten().collect();
    match needed.as_slice() {
        // All of the evidence is still inside its window, but will have left it by then.
        [] => "it is worked again before".to_owned(),
        _ if touches == 0 => format!("touched {}", needed.join(" and ")),
        [touches] => touches.clone(),
        [touches, rest @ ..] => format!("{touches} {}", rest.join(" and ")),
    }
}

/// Behind "kept".
pub fn keeps(keeps: Keeps) -> &'static str {
    match keeps {
        Keeps::OpenOpportunity => "by an open opportunity",
        Keeps::Meeting => "by a meeting ahead",
        Keeps::Hold => "by a hold",
        Keeps::Worked => "as worked",
        Keeps::Grace => "in grace",
    }
}

fn plural(count: u8, before: &str, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| format!("{before}{count} {}", if count == 1 { one } else { many }))
}

fn held(scope: &BreakerScope, due: u32) -> String {
    let what = match (scope, due) {
        (BreakerScope::Departures, 1) => "departure",
        (BreakerScope::Departures, _) => "departures",
        (BreakerScope::Refused(rep), _) => return format!("nothing more is given to {rep}"),
        (_, 1) => "loss",
        (_, _) => "losses",
    };
    format!("{due} {what} of {} held back", scope_of(scope))
}

fn scope_of(scope: &BreakerScope) -> String {
    match scope {
        BreakerScope::Role(role) => format!("all books of {role}"),
        BreakerScope::Book(rep) | BreakerScope::QuietRep(rep) | BreakerScope::Refused(rep) => format!("{rep}'s book"),
        BreakerScope::Departures => "reps".to_owned(),
    }
}

fn scope_name(scope: &BreakerScope) -> String {
    match scope {
        BreakerScope::Departures => "departures of reps".to_owned(),
        BreakerScope::Refused(rep) => format!("distributions to {rep}"),
        _ => format!("losses of {}", scope_of(scope)),
    }
}

fn suspicion(scope: &BreakerScope) -> &'static str {
    match scope {
        BreakerScope::Role(_) | BreakerScope::Book(_) => "too many at once, as if a feed were broken",
        BreakerScope::QuietRep(_) => "no activity of theirs arrives any more, on any account",
        BreakerScope::Refused(_) => "the CRM refused to make them the owner of three accounts in a row",
        BreakerScope::Departures => "too many at once, as if the list of reps were broken",
    }
}

fn return_reason(reason: ReturnReason) -> &'static str {
    match reason {
        ReturnReason::Duplicate => "a duplicate",
        ReturnReason::BadData => "bad data",
        ReturnReason::NoIcpMatch => "doesn't match the ideal customer",
        ReturnReason::NoRelevantContact => "no relevant contact",
        ReturnReason::CallBack => "call back later",
        ReturnReason::NotInterested => "not interested",
        ReturnReason::Competitor => "a competitor",
        ReturnReason::OutOfBusiness => "out of business",
    }
}

/// Why a request changed nothing; codes that no request meets stand for themselves.
fn refusal(code: Code) -> &'static str {
    match code {
        Code::UnknownRole => "no such role, or none named where there are several",
        Code::UnknownAccount => "no such account",
        Code::UnknownRep => "no such rep",
        Code::NotOwner => "only the owner may do that",
        Code::NotOwned => "nobody owns it",
        Code::NotInReview => "it isn't in review",
        Code::NotHeld => "it isn't held",
        Code::NotSupported => "not supported yet",
        Code::ReasonNotAllowed => "the book doesn't accept this reason",
        Code::ReasonMissing => "a reason is missing",
        Code::DateMissing => "a date ahead is missing",
        Code::EvidenceMissing => "not enough touches for this reason",
        Code::QuotaReached => "too many returns for this reason lately",
        Code::NothingToProceed => "nothing is stopped",
        Code::AlreadyRetired => "it is retired already",
        Code::AlreadyPaused => "it is paused already",
        Code::NotPaused => "it isn't paused",
        Code::NoRate => "there is no rate to end",
        Code::NothingToApprove => "no such wave waits for an approval",
        Code::AlreadyLive => "it is live already",
        Code::NeverOpened => "the gate was never open: there is nothing yet to go live with",
        Code::UndoUnclear => "name one command, one journal entry or one instant",
        Code::NothingToUndo => "nothing was decided there",
        Code::UnknownCommand => "no such command of the last week",
        Code::TooOld => "only the last week can be undone",
        Code::LimitReached => "too many at once: name a role, an account or a later instant",
        other => other.text(),
    }
}

/// Millionths as a number.
fn points(millionths: u32) -> f64 {
    f64::from(millionths) / f64::from(PRIORITY_ONE)
}
