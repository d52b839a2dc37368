//! `bookd shadow-report`: what roles in shadow would have done, held against what people did meanwhile.

mod tally;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;

use super::{Failure, LogArg, period};
use crate::config::period::Period;
use crate::domain::policy::RoleMode;
use crate::domain::{Millis, Text};
use crate::engine::Engine;
use crate::run::follow::Follower;
use crate::wire::instant::Rfc3339;
use tally::{Role, Tally};

#[derive(Clone, Debug, clap::Args)]
pub struct ShadowReportArgs {
    #[command(flatten)]
    log: LogArg,
    /// How long after a decision people may do the same for it to count as followed.
    #[arg(long, value_name = "LENGTH", default_value = "14d", value_parser = period)]
    within: Period,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// The whole report; as JSON it is this, field by field.
#[derive(Serialize)]
struct Report {
    from: Option<Rfc3339>,
    until: Rfc3339,
    within_s: u32,
    roles: BTreeMap<Text, Role>,
}

pub fn run(args: &ShadowReportArgs) -> Result<(), Failure> {
    let open = args.log.open()?;
    let mut follower = Follower::from_start(&mut *open.open()?, open.shard())?;
    let mut tally = Tally::new(args.within.0);
    let mut begun: Option<Millis> = None;
    let mut in_shadow = Vec::new();
    while let Some(taken) = follower.next(Duration::ZERO)? {
        let engine = follower.replica().map(|replica| &replica.engine);
        // As it was before the entry: an owner that the opening adopts is no change.
        let counts = |role: &str| in_shadow.iter().any(|name: &Text| *name == *role);
        tally.take(&taken.entry, &taken.outputs, counts, |account, role| crm_owner(engine?, account, role));
        in_shadow = engine.map(deciding_in_shadow).unwrap_or_default();
        if begun.is_none() && !in_shadow.is_empty() {
            begun = Some(taken.entry.now);
        }
    }
    let replica = follower.replica().ok_or_else(|| anyhow!("the journal is empty"))?;
    let now = replica.engine.now();
    if begun.is_none() {
        return Err(
            anyhow!("no role was ever in shadow: `mode = \"shadow\"` in a role of the policy makes it so").into()
        );
    }
    let roles = tally.end(now.secs());
    let report = Report { from: begun.map(Rfc3339), until: Rfc3339(now), within_s: args.within.0, roles };
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&report).expect("texts and numbers always serialise"));
    } else {
        out!("{}", told(&report));
    }
    Ok(())
}

fn crm_owner(engine: &Engine, account: &str, role: &str) -> Option<Option<Text>> {
    let role = engine.policy()?.role_index(role)?;
    let view = engine.account_view(engine.find_account(account)?);
    view.seats.get(usize::from(role)).map(|seat| seat.crm_owner.clone())
}

/// Roles that are in shadow, once the gate was open.
fn deciding_in_shadow(engine: &Engine) -> Vec<Text> {
    let (state, Some(policy)) = (engine.state(), engine.policy()) else { return Vec::new() };
    let roles = policy.roles.iter().zip(&state.roles);
    let in_shadow = roles.filter(|(_, role)| role.mode == RoleMode::Shadow && state.opened.is_some());
    in_shadow.map(|(named, _)| named.name.clone()).collect()
}

fn told(report: &Report) -> String {
    let from = report.from.map_or_else(String::new, |from| from.to_string());
    let within = Period(report.within_s);
    let mut out = format!("in shadow from {from} to {}; followed: within {within}\n", report.until);
    for (name, role) in &report.roles {
        out += &format!(
            "\n{:<16} {:>9} {:>9} {:>10} {:>9} {:>9}\n",
            format!("role {name}"),
            "decided",
            "followed",
            "otherwise",
            "never",
            "open"
        );
        for (kind, count) in &role.decisions {
            out += &format!(
                "  {kind:<14} {:>9} {:>9} {:>10} {:>9} {:>9}\n",
                count.decided, count.followed, count.otherwise, count.never_followed, count.open
            );
        }
        out += &format!(
            "  people changed {} owners in the CRM: {} as was decided before, {} otherwise, and were followed\n",
            role.changes,
            role.changes_as_decided,
            role.changes - role.changes_as_decided
        );
    }
    out
}
