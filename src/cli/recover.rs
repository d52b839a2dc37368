//! `bookd recover`: the documented ways out. `docs/running.md` says when to take which.

use std::path::Path;

use super::{ConfigArg, Failure};
use crate::config::Config;
use crate::domain::{Span, Topic};
use crate::run::open::OpenLog;
use crate::run::owners::{self, Allowed, Commands, Done, Recovered, Unreadable};
use crate::run::rebase;

#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("way").required(true).args(["from_commands", "rebase"]))]
pub struct RecoverArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Begin a new journal with the owners and sequences that the emitted commands say.
    #[arg(long)]
    from_commands: bool,
    /// Do so although the journal is whole or another build's, or the topic holds no commands, or not all that there were.
    #[arg(long, requires = "from_commands")]
    force: bool,
    /// Leave out the commands that can't be read.
    #[arg(long, requires = "from_commands")]
    skip_unreadable: bool,
    /// Take the reading of input topics back to their beginning.
    #[arg(long)]
    rebase: bool,
    /// Which topics: those whose records say how things are, unless you name others.
    #[arg(long, requires = "rebase", value_delimiter = ',', value_parser = input, value_name = "TOPICS",
          default_values = ["reps", "accounts", "opportunities"])]
    topics: Vec<Topic>,
}

fn input(name: &str) -> Result<Topic, String> {
    let topic = Topic::INPUTS.into_iter().find(|topic| topic.name() == name);
    topic.ok_or_else(|| format!("the inputs are {}", Topic::INPUTS.map(Topic::name).join(", ")))
}

/// Leads the shard while it works: stop `bookd run` first.
pub fn run(args: &RecoverArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    if args.rebase { take_back(&config, &args.topics) } else { from_commands(&config, args) }
}

fn from_commands(config: &Config, args: &RecoverArgs) -> Result<(), Failure> {
    let open = OpenLog::Settings(config.settings.log.clone());
    let snapshots = &config.settings.snapshots_dir;
    let allowed = Allowed { force: args.force, unreadable: args.skip_unreadable };
    match owners::recover(&mut *open.open()?, open.shard(), snapshots, &config.policy, allowed)? {
        Done::Anew(recovered) => tell(&recovered, snapshots),
        Done::Finished { snapshots_aside } => {
            outln!("An earlier `bookd recover` had begun the new journal already, and left the old one's snapshots.");
            tell_snapshots(snapshots_aside, snapshots);
        }
    }
    outln!("`bookd run` reads the input topics from their beginning now.");
    Ok(())
}

fn tell(done: &Recovered, snapshots: &Path) {
    if let Some(why) = &done.broken {
        outln!("The old journal can't be followed: {why}");
    }
    match &done.journal_aside {
        Some(place) => outln!("The old journal is set aside as {place}."),
        None => outln!("No journal is set aside: there was none at the configured place."),
    }
    tell_snapshots(done.snapshots_aside, snapshots);
    tell_commands(&done.commands);
    let seats: Vec<String> = done.seats.iter().map(|(status, count)| format!("{count} {status}")).collect();
    outln!(
        "{} commands read: {} seats restored ({}).",
        done.commands.read,
        done.seats.values().sum::<u64>(),
        seats.join(", ")
    );
    outln!(
        "Lost: rests, holds, warnings, touches, past owners, turns, what was kept of opportunities; scores will be as \
         good as what the input topics still hold."
    );
}

fn tell_snapshots(count: usize, snapshots: &Path) {
    if count > 0 {
        outln!("{count} snapshots are renamed to *.bkds.aside in {}.", snapshots.display());
    }
}

/// What isn't as it should be with them.
fn tell_commands(commands: &Commands) {
    if commands.unreadable > 0 {
        outln!(
            "{} commands can't be read and are left out; their seats may stand one command behind:",
            commands.unreadable
        );
        for Unreadable { partition, offset, why } in &commands.left_out {
            outln!("  partition {partition}, offset {offset}: {why}");
        }
        if commands.unreadable > commands.left_out.len() as u64 {
            outln!("  and more");
        }
    }
    if commands.foreign > 0 {
        outln!("{} commands are other shards'.", commands.foreign);
    }
    if commands.gone > 0 || commands.gaps > 0 {
        outln!(
            "Not all commands are there: {} offsets are gone from the topic's beginning, {} gaps in sequences. Seats \
             without any are adopted from the CRM, and their sequences begin with 1 again.",
            commands.gone,
            commands.gaps
        );
    }
}

fn take_back(config: &Config, topics: &[Topic]) -> Result<(), Failure> {
    let open = OpenLog::Settings(config.settings.log.clone());
    let snapshots = &config.settings.snapshots_dir;
    let (sequence, spans) = rebase::rebase(&mut *open.open()?, open.shard(), snapshots, topics)?;
    outln!("Entry {sequence} takes the reading back to the beginning of");
    for Span { topic, partition, from, .. } in &spans {
        outln!("  {}-{partition}, which had been read to {from}", topic.name());
    }
    if spans.is_empty() {
        outln!("  nothing: none of these topics had been read.");
    }
    outln!("`bookd run` reads them anew now.");
    Ok(())
}
