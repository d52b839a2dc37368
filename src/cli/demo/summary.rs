//! How the quarter ended: read back from the journal, which proves it on the way.

use std::path::Path;

use super::story::Story;
use crate::cli::Failure;
use crate::config::Config;
use crate::domain::output::SeatStatus;
use crate::domain::rep::RepStatus;
use crate::engine::view::{RepView, View};
use crate::metrics::COVERAGE_DAYS;
use crate::run::figures;
use crate::run::follow::Follower;
use crate::run::open::OpenLog;

pub fn print(config: &Config, dir: &Path, story: &Story) -> Result<(), Failure> {
    let open = OpenLog::files(dir);
    let mut log = open.open()?;
    let mut follower = Follower::from_start(&mut *log, open.shard())?;
    let entries = follower.catch_up()?;
    let replica = follower.replica().ok_or_else(|| anyhow::anyhow!("the journal is empty"))?;
    let view = replica.engine.view();
    outln!("\n== How the quarter ended ==\n");
    if let Some(summary) = story.summary() {
        out!("{summary}");
    }
    outln!("  {entries:>9} entries read back from the journal: every digest as it was written\n");
    for (role, named) in config.policy.roles.iter().enumerate() {
        print_role(role, &named.name, &view);
    }
    let counted = figures::count(&replica.engine);
    let share = |covered: u64| 100.0 * covered as f64 / counted.nbtam.max(1) as f64;
    let covered = COVERAGE_DAYS.iter().zip(counted.covered);
    let covered: Vec<_> = covered.map(|(days, covered)| format!("{:.0} % in {days} days", share(covered))).collect();
    outln!("coverage of {} accounts open to new business: {}", counted.nbtam, covered.join(", "));
    let bookd = "cargo run --release --";
    outln!("\nEverything lies in {}: <topic>-<partition>.jsonl, and the journal.", dir.display());
    if let Some(decision) = story.surge() {
        outln!("Why did it move?   {bookd} explain {} --log {}", decision.account, dir.display());
    }
    outln!("The journal:       {bookd} journal --verify --log {}", dir.display());
    Ok(())
}

fn print_role(role: usize, name: &str, view: &View) {
    let count = |status| view.accounts.iter().filter(|account| account.seats[role].status == status).count();
    let statuses = SeatStatus::ALL.into_iter().map(|status| (status.name(), count(status)));
    let statuses: Vec<_> =
        statuses.filter(|(_, count)| *count > 0).map(|(status, count)| format!("{count} {status}")).collect();
    outln!("{name}: {}", statuses.join(", "));
    let active = |rep: &&RepView| rep.role == Some(role as u8) && rep.status == RepStatus::Active && rep.capacity > 0;
    let fill = |rep: &RepView| 100.0 * f64::from(rep.size) / f64::from(rep.capacity);
    let mut fills: Vec<_> = view.reps.iter().filter(active).map(|rep| (fill(rep), rep)).collect();
    fills.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    if let (Some((least, emptiest)), Some((most, fullest))) = (fills.first(), fills.last()) {
        outln!(
            "  {} books, filled from {least:.0} % ({}, {} of {}) to {most:.0} % ({}, {} of {})",
            fills.len(),
            emptiest.id,
            emptiest.size,
            emptiest.capacity,
            fullest.id,
            fullest.size,
            fullest.capacity
        );
    }
}
