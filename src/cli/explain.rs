//! `bookd explain`: every decision about an account with its reasons, where it stands now, and what stands between
//! it and a rep.

mod why_not;

use std::fmt::Write;
use std::time::Duration;

use anyhow::anyhow;

use super::{Failure, LogArg};
use crate::domain::output::{Considered, Placement, SeatStatus, TopSignal, Why};
use crate::domain::policy::{PRIORITY_ONE, RoleMode};
use crate::domain::{Alert, Decision, Output, Policy, Secs, Text};
use crate::engine::Engine;
use crate::engine::keeping::Keeping;
use crate::engine::state::RoleState;
use crate::engine::view::{AccountView, SeatView};
use crate::run::follow::Follower;
use crate::run::replica::Taken;
use crate::wire::instant::Readable;
use crate::wire::text;

#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// An account's CRM id, or the id of a command.
    what: String,
    #[command(flatten)]
    log: LogArg,
    /// Only this role.
    #[arg(long)]
    role: Option<String>,
    /// Tell what stands between the account and this rep now.
    #[arg(long, value_name = "REP")]
    rep: Option<String>,
}

/// Something that happened to the account, with its journal entry.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    sequence: u64,
    output: Output,
}

pub fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let open = args.log.open()?;
    let mut follower = Follower::from_start(&mut *open.open()?, open.shard())?;
    let mut events = Vec::new();
    while let Some(taken) = follower.next(Duration::ZERO)? {
        events.extend(of_interest(args, taken));
    }
    let engine = follower.replica().map(|replica| &replica.engine);
    let engine = engine.ok_or_else(|| anyhow!("the journal is empty"))?;
    if let (Some(policy), Some(role)) = (engine.policy(), &args.role) {
        known_role(policy, role)?;
    }
    let account =
        engine.find_account(&args.what).map(|account| (engine.account_view(account), engine.priority_now(account)));
    if events.is_empty() && account.is_none() {
        return Err(anyhow!("neither an account nor a command is called {}", args.what).into());
    }
    for event in &events {
        out!("{}", told(event));
    }
    if let Some((view, priority)) = &account {
        let keeping = engine
            .find_account(&args.what)
            .into_iter()
            .flat_map(|account| (0..view.seats.len()).map(move |role| engine.keeping(role, account)));
        out!("{}", standing(engine, view, &keeping.collect::<Vec<_>>(), *priority, args.role.as_deref()));
    }
    if let Some(rep) = &args.rep {
        let Some((view, priority)) = &account else {
            return Err(anyhow!("--rep: {} is no account now", args.what).into());
        };
        out!("{}", why_not::told(engine, view, priority.unwrap_or(0), rep, args.role.as_deref())?);
    }
    Ok(())
}

fn known_role(policy: &Policy, role: &str) -> anyhow::Result<()> {
    let names: Vec<&str> = policy.roles.iter().map(|each| &*each.name).collect();
    anyhow::ensure!(names.contains(&role), "there is no role {role}: the roles are {}", names.join(", "));
    Ok(())
}

fn of_interest(args: &ExplainArgs, taken: Taken) -> Vec<Event> {
    let sequence = taken.entry.sequence;
    let wanted = |output: &Output| match output {
        Output::Decision(decision) => {
            let named = *decision.account == args.what || decision.command_id.to_string() == args.what;
            named && is_in(args, Some(&decision.role))
        }
        Output::Alert(alert) => {
            let (account, role) = alert.kind.concerns();
            account.is_some_and(|account| **account == args.what) && is_in(args, role)
        }
        Output::AccountState(_) | Output::DeadLetter { .. } => false,
    };
    taken.outputs.into_iter().filter(wanted).map(|output| Event { sequence, output }).collect()
}

fn is_in(args: &ExplainArgs, role: Option<&Text>) -> bool {
    match (&args.role, role) {
        (Some(wanted), Some(role)) => **role == **wanted,
        _ => true,
    }
}

fn told(event: &Event) -> String {
    match &event.output {
        Output::Decision(decision) => decision_told(event.sequence, decision),
        Output::Alert(alert) => alert_told(alert),
        Output::AccountState(_) | Output::DeadLetter { .. } => String::new(),
    }
}

fn alert_told(alert: &Alert) -> String {
    format!("{}  {}\n", Readable(alert.at), text::alert(alert))
}

fn decision_told(sequence: u64, decision: &Decision) -> String {
    let mut out = format!("{}  {}\n", Readable(decision.issued_at), text::decision(decision));
    let (id, kind) = (decision.command_id, decision.kind.name());
    let _ = writeln!(
        out,
        "    {kind} {id}, number {} of this account and role, journal entry {sequence}, policy {}",
        decision.sequence, decision.policy_version
    );
    for signal in &decision.top_signals {
        let _ = writeln!(out, "    {}", signal_told(signal));
    }
    if let Why::Placed(placement) = &decision.why {
        out.push_str(&candidates_told(placement));
    }
    out
}

fn signal_told(signal: &TopSignal) -> String {
    let subject = signal.subject.as_deref().map(|subject| format!(" ({subject})")).unwrap_or_default();
    let place = signal.position.map(|at| format!(", {}-{} at {}", at.topic.name(), at.partition, at.offset));
    format!(
        "{:.1} points: {} {}{subject} of {}{}",
        f64::from(signal.points_milli) / 1000.0,
        signal.class.name(),
        signal.kind,
        Readable(signal.at),
        place.unwrap_or_default()
    )
}

fn candidates_told(placement: &Placement) -> String {
    let mut out = format!(
        "    book {}, segment {}, {} {:.1}, tier {}, in the pool since {}\n",
        placement.book,
        placement.segment,
        if placement.filled_idle { "filled from" } else { "threshold" },
        points(placement.threshold),
        placement.tier,
        Readable(placement.pool_since)
    );
    for Considered { rep, verdict, size, capacity } in &placement.candidates {
        let verdict = verdict.name().replace('_', " ");
        let _ = writeln!(out, "      {rep:<24} {verdict:<14} {size}/{capacity}");
    }
    if placement.more > 0 {
        let _ = writeln!(out, "      and {} more", placement.more);
    }
    out
}

/// Where the account stands in each role, as of the journal's end.
fn standing(
    engine: &Engine,
    view: &AccountView,
    keeping: &[Option<Keeping>],
    priority: Option<u32>,
    role: Option<&str>,
) -> String {
    let mut out = format!("{} as of {}", view.id, Readable(engine.now().secs()));
    if let Some(priority) = priority {
        let _ = write!(out, ": priority {:.1} (fit {:.2})", points(priority), f64::from(view.fit) / 1_000_000.0);
    }
    let Some(policy) = engine.policy() else { return out + "\n" };
    let segments = segment_names(policy, view.segments);
    let _ = writeln!(out, ", segments: {}", if segments.is_empty() { "none".to_owned() } else { segments.join(", ") });
    let roles = policy.roles.iter().zip(&engine.state().roles);
    for (((named, state), seat), keeping) in roles.zip(&view.seats).zip(keeping) {
        if role.is_none_or(|role| *named.name == *role) {
            let kept = keeping.as_ref().map(kept_told).unwrap_or_default();
            let _ = writeln!(out, "  {}: {}{kept}{}", named.name, seat_told(seat), role_told(state));
        }
    }
    out
}

/// What holds for the whole role.
fn role_told(role: &RoleState) -> String {
    let mut out = String::new();
    if role.mode == RoleMode::Shadow {
        out.push_str(", in shadow");
    }
    if let Some(pause) = &role.paused {
        let _ = write!(out, "; the role is paused by {} since {}", pause.by, Readable(pause.at));
    }
    if let Some(wave) = &role.wave {
        let _ = write!(out, "; its losses wait since {} for an approval of wave {}", Readable(wave.asked), wave.wave);
    }
    out
}

fn segment_names(policy: &Policy, bits: u64) -> Vec<&str> {
    let named = policy.segments.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
    named.map(|(_, segment)| &*segment.name).collect()
}

fn seat_told(seat: &SeatView) -> String {
    let owner = seat.owner.as_deref().unwrap_or("nobody");
    let since = Readable(seat.since);
    let mut out = match seat.status {
        SeatStatus::Unknown => "not looked at yet: the gate was never open".to_owned(),
        SeatStatus::Excluded => format!("out of this role's circulation since {since}"),
        SeatStatus::Pool => format!("in the pool since {since}"),
        SeatStatus::Rest => format!("resting until {}", Readable(seat.until)),
        SeatStatus::Owned => format!("owned by {owner} since {since}"),
        SeatStatus::Holding => format!("held by {owner} since {since}"),
        SeatStatus::Review => format!("in review since {since}"),
        SeatStatus::Retired => format!("retired since {since}"),
    };
    if let Some(promised) = seat.tenure.as_ref().and_then(|tenure| tenure.promised) {
        let _ = write!(out, ", warned: it goes {}", Readable(promised));
    }
    if seat.hold > Secs::ZERO {
        let _ = write!(out, ", hold until {}", Readable(seat.hold));
    }
    if let Some(crm_owner) = seat.crm_owner.as_deref().filter(|crm| Some(*crm) != seat.owner.as_deref()) {
        let _ = write!(out, ", the CRM says {crm_owner}");
    }
    out
}

fn kept_told(keeping: &Keeping) -> String {
    match keeping.kept {
        Some((keeps, Secs::NEVER)) => format!(", kept {}", text::keeps(keeps)),
        Some((keeps, until)) => format!(", kept {} until {}", text::keeps(keeps), Readable(until)),
        None => format!("; what would keep it: {}", text::saved_by(&keeping.missing)),
    }
}

fn points(millionths: u32) -> f64 {
    f64::from(millionths) / f64::from(PRIORITY_ONE)
}
