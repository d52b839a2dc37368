//! `bookd replay DIR`: exported events, run in the order in which they happened.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigArg, Failure, instant, period};
use crate::config::period::Period;
use crate::config::settings::LogSettings;
use crate::domain::Millis;
use crate::feed::Decoder;
use crate::run::open::OpenLog;
use crate::run::replay::{self, Export, Options, Target};

/// Commits of a replay between two fsyncs: whatever is lost can be replayed.
pub(super) const SYNC_EVERY_COMMITS: u32 = 4_096;

#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// Exported events: `<topic>-<partition>.jsonl` files of input topics, one event a line.
    dir: PathBuf,
    #[command(flatten)]
    config: ConfigArg,
    /// When deciding begins, RFC 3339; until then everything is taken in and nobody's account moves. Without it:
    /// with the first event that isn't reference data.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    open_at: Option<Millis>,
    /// Where journal, commands and the other outputs go; `DIR/out` without it.
    #[arg(long, value_name = "DIR", conflicts_with = "kafka")]
    out: Option<PathBuf>,
    /// Write journal and outputs to the configured Kafka topics instead.
    #[arg(long)]
    kafka: bool,
    /// How far the virtual clock moves at a time.
    #[arg(long, value_name = "LENGTH", default_value = "1m", value_parser = tick)]
    tick: Period,
    /// The exports hold everything up to here, RFC 3339, although a source's last event is older. The clock runs
    /// on until then.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    complete_until: Option<Millis>,
    /// Go on where a breaker stops losses, as if somebody had said `proceed` at once.
    #[arg(long)]
    proceed: bool,
    /// Go on with this very replay where it was killed.
    #[arg(long)]
    resume: bool,
}

fn tick(text: &str) -> Result<Period, String> {
    match period(text) {
        Ok(Period(0)) => Err("a tick lasts at least a second".to_owned()),
        parsed => parsed,
    }
}

pub fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    if !args.dir.is_dir() {
        return Err(
            anyhow!("{} doesn't exist, or is no directory: there is nothing to replay", args.dir.display()).into()
        );
    }
    let decoder = Decoder::new(config.feeds);
    // Before anything is made for the outputs: there may be nothing to replay.
    let export = Export::read(&args.dir, &decoder, args.open_at)?;
    let options = Options {
        tick_s: args.tick.0,
        open_at: args.open_at,
        complete_until: args.complete_until,
        proceed: args.proceed,
        resume: args.resume,
    };
    let (open, place) = target(args, config.settings.log)?;
    let mut log = open.open()?;
    let bar = progress_bar();
    let target = Target { log: &mut *log, shard: open.shard(), lines: open.has_lines(), place: place.clone() };
    let summary = replay::run(export, &options, &config.policy, &decoder, target, &mut |step| {
        bar.set_length(step.of as u64);
        bar.set_position(step.done as u64);
    })?;
    bar.finish_and_clear();
    out!("{summary}");
    outln!("  outputs: {place}");
    Ok(())
}

fn target(args: &ReplayArgs, configured: LogSettings) -> Result<(OpenLog, String), Failure> {
    if args.kafka {
        let LogSettings::Kafka { brokers, .. } = &configured else {
            return Err(anyhow!("--kafka: the configured log isn't Kafka").into());
        };
        let place = format!("Kafka at {brokers}");
        return Ok((OpenLog::Settings(configured), place));
    }
    let dir = args.out.clone().unwrap_or_else(|| args.dir.join("out"));
    std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be created", dir.display()))?;
    let place = dir.display().to_string();
    let settings = LogSettings::Files { dir, sync_every_commits: SYNC_EVERY_COMMITS };
    Ok((OpenLog::Settings(settings), place))
}

fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {pos} of {len} records  {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
