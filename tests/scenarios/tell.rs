//! What the engine decided, as lines of a story.

use std::collections::BTreeMap;

use bookd::domain::output::{
    AccountState, AlertKind, BreakerScope, Decision, DecisionKind, Disposition, Missing, Output, Placement, Verdict,
    Why,
};
use bookd::domain::request::RequestOp;
use bookd::domain::{Code, Millis};

use super::story::Telling;
use super::words::written;

/// One line: what must be said, and what may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub at: Millis,
    pub head: String,
    pub details: Vec<String>,
}

/// The outputs of one entry. `inputs` are the lines that it was made of, for dead letters.
pub fn tell(telling: Telling, roles: usize, at: Millis, inputs: &[String], outputs: &[Output]) -> Vec<Told> {
    let mut told = Vec::new();
    let mut totals: BTreeMap<(&str, String, String), u32> = BTreeMap::new();
    for output in outputs {
        let (head, details) = match output {
            Output::Decision(decision) if telling.counts(decision.kind) => {
                let to = owner(decision.to.as_deref());
                *totals.entry((decision.kind.name(), to.into(), stem(&decision.account).into())).or_default() += 1;
                continue;
            }
            Output::Alert(alert) if telling.counts && matches!(alert.kind, AlertKind::AtRisk { .. }) => {
                if let AlertKind::AtRisk { account, owner, .. } = &alert.kind {
                    let warned = (alert.kind.name(), owner.to_string(), stem(account).into());
                    *totals.entry(warned).or_default() += 1;
                }
                continue;
            }
            Output::Decision(decision) => (decided(decision, roles), details(decision)),
            Output::Alert(alert) => alerted(&alert.kind, roles),
            Output::AccountState(row) if telling.account_state => (state(row, roles), Vec::new()),
            Output::AccountState(_) => continue,
            Output::DeadLetter { input, code } => {
                let line = inputs.get(*input as usize).map_or("", String::as_str);
                (format!("dead_letter {}: {line}", code.text()), Vec::new())
            }
        };
        told.push(Told { at, head, details });
    }
    told.extend(totals.into_iter().map(|((what, rep, stem), count)| Told {
        at,
        head: format!("{what} {count} {stem} -> {rep}"),
        details: Vec::new(),
    }));
    told
}

impl Telling {
    fn counts(self, kind: DecisionKind) -> bool {
        self.counts || self.totals && kind == DecisionKind::Distribution
    }
}

/// `good-17` is one of the `good`.
fn stem(account: &str) -> &str {
    account.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-')
}

fn owner(owner: Option<&str>) -> &str {
    owner.unwrap_or("nobody")
}

/// ` as sdr`, where there are several roles.
fn role(name: &str, roles: usize) -> String {
    if roles > 1 { format!(" as {name}") } else { String::new() }
}

fn decided(decision: &Decision, roles: usize) -> String {
    let (kind, account, to) = (decision.kind.name(), &decision.account, owner(decision.to.as_deref()));
    let from = decision.from.as_ref().map_or(String::new(), |from| format!("{from} "));
    let shadow = in_shadow(decision.disposition == Disposition::Shadow);
    format!("{shadow}{kind} {account} {from}-> {to}{}", role(&decision.role, roles))
}

/// What a role in shadow would do.
fn in_shadow(shadow: bool) -> String {
    if shadow { "shadow ".into() } else { String::new() }
}

fn details(decision: &Decision) -> Vec<String> {
    let mut details = vec![format!("priority {:.1}", f64::from(decision.priority) / 1e6)];
    match &decision.why {
        Why::Placed(placement) => details.extend(placed(placement)),
        Why::Idle { deadline, warned_at, last_touch, .. } => {
            details.push(format!("deadline {}", written(*deadline)));
            details.push(warned_at.map_or("never warned".into(), |at| format!("warned {}", written(at))));
            details.push(last_touch.map_or("never touched".into(), |at| format!("last touch {}", written(at))));
        }
        Why::Returned { reason, by } => details.extend([reason.name().into(), format!("by {by}")]),
        Why::OwnerLeft { holds_opportunity, holds_meeting } => {
            details.extend(holds_opportunity.then(|| "open opportunity".to_string()));
            details.extend(holds_meeting.then(|| "meeting ahead".to_string()));
        }
        Why::Retired { by } => details.push(format!("by {by}")),
        Why::Undone { by, kind, .. } => details.extend([kind.name().into(), format!("by {by}")]),
    }
    details.extend(decision.top_signals.iter().map(|top| format!("signal {}", top.kind)));
    details
}

fn placed(placement: &Placement) -> Vec<String> {
    let mut details = vec![
        format!("segment {}", placement.segment),
        format!("tier {}", placement.tier),
        format!("pool since {}", written(placement.pool_since)),
    ];
    details.extend(placement.filled_idle.then(|| "fills idle capacity".to_string()));
    let others = placement.candidates.iter().filter(|each| each.verdict != Verdict::Chosen);
    details.extend(others.map(|each| format!("{} {}", each.rep, each.verdict.name())));
    details
}

fn alerted(kind: &AlertKind, roles: usize) -> (String, Vec<String>) {
    let name = kind.name();
    let head = match kind {
        AlertKind::AtRisk { account, role: of, owner, deadline, promised, missing, shadow } => {
            let head = format!("{name} {account} {owner} until {}{}", written(*promised), role(of, roles));
            let deadline = vec![format!("deadline {}", written(*deadline))];
            return (in_shadow(*shadow) + &head, [deadline, lacks(missing)].concat());
        }
        AlertKind::RiskCleared { account, role: of, owner, shadow } => {
            format!("{}{name} {account} {owner}{}", in_shadow(*shadow), role(of, roles))
        }
        AlertKind::Refused { op, code, account, role: of, by } => {
            let of = of.as_ref().map_or(String::new(), |of| role(of, roles));
            return (refused(name, *op, account.as_deref(), *code) + &of, vec![format!("by {by}")]);
        }
        AlertKind::SourceSilent { source, latest } => {
            let since = latest.map_or("never heard".into(), |at| format!("since {}", written(at)));
            return (format!("{name} {source}"), vec![since]);
        }
        AlertKind::SourceBack { source } => format!("{name} {source}"),
        AlertKind::BreakerTripped { scope, due } => format!("{name} {} holding back {due}", breaker(scope)),
        AlertKind::BreakerReset { scope } => format!("{name} {}", breaker(scope)),
        AlertKind::Orphan { account, role: of, owner } => format!("{name} {account} of {owner}{}", role(of, roles)),
        AlertKind::IssuingStopped { role: of, out, issued_at } => {
            return (format!("{name} {of} with {out} out"), vec![format!("since {}", written(*issued_at))]);
        }
        AlertKind::IssuingResumed { role: of } => format!("{name} {of}"),
        AlertKind::CommandUndone { account, role: of, undone, owner, tries } => {
            let head = format!("{name} {account} -> {}{}", self::owner(owner.as_deref()), role(of, roles));
            return (head, vec![undone.name().into(), format!("try {tries}")]);
        }
        AlertKind::Paused { role, by } | AlertKind::Resumed { role, by } => {
            return (format!("{name} {role}"), vec![format!("by {by}")]);
        }
        AlertKind::WentLive { role, by, owned } => {
            return (format!("{name} {role} with {owned} owned"), vec![format!("by {by}")]);
        }
        AlertKind::ApprovalWanted { role, wave, due, until } => {
            let head = format!("{name} {role} for {due} until {}", written(*until));
            return (head, vec![format!("wave {wave}")]);
        }
        AlertKind::Approved { role, wave, by } => {
            return (format!("{name} {role}"), vec![format!("wave {wave}"), format!("by {by}")]);
        }
        AlertKind::ApprovalLapsed { role, wave } => return (format!("{name} {role}"), vec![format!("wave {wave}")]),
        AlertKind::ModeKept { role, mode } => format!("{name} {role} {}", mode.name()),
        AlertKind::RateSet { per_hour, by } => {
            let rate = per_hour.map_or("none".into(), |rate| rate.to_string());
            return (format!("{name} {rate}"), vec![format!("by {by}")]);
        }
        AlertKind::UndoDone { role: of, undone, left, by } => {
            let of = of.as_ref().map_or(String::new(), |of| role(of, roles));
            return (format!("{name} {undone}, left {left}{of}"), vec![format!("by {by}")]);
        }
        AlertKind::UndoLeft { account, role: of, owner, why } => {
            let head = format!("{name} {account} {}: {}{}", self::owner(owner.as_deref()), why.name(), role(of, roles));
            return (head, Vec::new());
        }
    };
    (head, Vec::new())
}

fn refused(name: &str, op: RequestOp, account: Option<&str>, code: Code) -> String {
    let account = account.map_or(String::new(), |account| format!(" {account}"));
    format!("{name} {}{account}: {}", op.name(), code.text())
}

fn lacks(missing: &Missing) -> Vec<String> {
    let parts = [
        (missing.touches, "touches"),
        (missing.days, "days"),
        (missing.contacts, "contacts"),
        (missing.replies, "replies"),
    ];
    parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("lacks {count} {what}")).collect()
}

fn breaker(scope: &BreakerScope) -> String {
    match scope {
        BreakerScope::Role(role) => format!("role {role}"),
        BreakerScope::Book(rep) => format!("book of {rep}"),
        BreakerScope::QuietRep(rep) => format!("quiet {rep}"),
        BreakerScope::Refused(rep) => format!("refused {rep}"),
        BreakerScope::Departures => "departures".into(),
    }
}

fn state(row: &AccountState, roles: usize) -> String {
    if row.seats.is_empty() {
        return format!("state {} gone", row.account);
    }
    let seats = row.seats.iter().map(|seat| {
        let owner = seat.owner.as_ref().map_or(String::new(), |owner| format!(" {owner}"));
        let of = if roles > 1 { format!("{} ", seat.role) } else { String::new() };
        format!("{of}{}{}{owner}", in_shadow(seat.shadow), seat.status.name())
    });
    format!("state {} {} band {}", row.account, seats.collect::<Vec<_>>().join(" "), row.band)
}
