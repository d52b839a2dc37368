//! `bookd recover`: the documented ways out. `docs/running.md` says when to take which.

use super::{ConfigArg, Failure};
use crate::config::Config;
use crate::domain::{Span, Topic};
use crate::run::open::OpenLog;
use crate::run::owners::{self, Recovered};
use crate::run::rebase;

#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("way").required(true).args(["from_commands", "rebase"]))]
pub struct RecoverArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Begin a new journal with the owners and sequences that the emitted commands say.
    #[arg(long)]
    from_commands: bool,
    /// Do so although the journal is whole.
    #[arg(long, requires = "from_commands")]
    force: bool,
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
    if args.rebase { take_back(&config, &args.topics) } else { from_commands(&config, args.force) }
}

fn from_commands(config: &Config, force: bool) -> Result<(), Failure> {
    let open = OpenLog::Settings(config.settings.log.clone());
    let snapshots = &config.settings.snapshots_dir;
    let done = owners::recover(&mut *open.open()?, open.shard(), snapshots, &config.policy, force)?;
    tell(&done);
    Ok(())
}

fn tell(done: &Recovered) {
    if let Some(why) = &done.broken {
        outln!("The old journal: {why}");
    }
    match &done.journal_aside {
        Some(place) => outln!("It is set aside as {place}."),
        None => outln!("There was no journal to set aside here."),
    }
    if done.snapshots_aside > 0 {
        outln!("Its snapshots are set aside beside the others' place (*.bkds.aside): {}.", done.snapshots_aside);
    }
    let commands = &done.commands;
    let seats: Vec<String> = done.seats.iter().map(|(status, count)| format!("{count} {status}")).collect();
    outln!(
        "{} commands read: {} seats restored ({}).",
        commands.read,
        done.seats.values().sum::<u64>(),
        seats.join(", ")
    );
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
    outln!(
        "Lost: rests, holds, warnings, touches, past owners, turns, what was kept of opportunities; scores will be as good \
         as what the input topics still hold. `bookd run` reads these from their beginning now."
    );
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
