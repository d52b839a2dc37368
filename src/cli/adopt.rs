//! `bookd adopt DIR`: what the CRM's books would mean under the policy, before anything goes live.

mod told;

use std::path::PathBuf;

use anyhow::anyhow;

use super::{ConfigArg, Failure, instant, period};
use crate::config::period::Period;
use crate::domain::Millis;
use crate::feed::Decoder;
use crate::run::adopt::{self, Report};
use crate::run::replay::Export;
use crate::wire::instant::Rfc3339;

#[derive(Clone, Debug, clap::Args)]
pub struct AdoptArgs {
    /// Exports of the CRM: `<topic>-<partition>.jsonl` files of accounts, reps, opportunities, and activity as far
    /// back as there is any; one record a line.
    dir: PathBuf,
    #[command(flatten)]
    config: ConfigArg,
    /// The day of going live, RFC 3339; without it: the export's last record.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Millis>,
    /// How far back the owners' activity counts; without it: the longest grace and evidence window of a book.
    #[arg(long, value_name = "LENGTH", value_parser = period)]
    look_back: Option<Period>,
    /// Every account of this rep, with its verdict.
    #[arg(long, value_name = "REP", conflicts_with = "json")]
    rep: Option<String>,
    /// Everything as JSON, each account too.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &AdoptArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    if !args.dir.is_dir() {
        return Err(
            anyhow!("{} doesn't exist, or is no directory: there is nothing to adopt", args.dir.display()).into()
        );
    }
    let decoder = Decoder::new(config.feeds);
    let look_back_s = args.look_back.map_or_else(|| adopt::look_back_s(&config.policy), |look_back| look_back.0);
    let export = Export::read(&args.dir, &decoder, None)?;
    let at = day_of(args, &export)?;
    let report = adopt::study(export, &config.policy, &decoder, back(at, look_back_s), at)?;
    if args.json {
        outln!("{:#}", told::json(&report));
    } else if let Some(rep) = &args.rep {
        out!("{}", told::rep(&report, rep).ok_or_else(|| no_such_rep(&report, rep))?);
    } else {
        out!("{}", told::report(&report));
    }
    Ok(())
}

/// Judged as of then.
fn day_of(args: &AdoptArgs, export: &Export) -> anyhow::Result<Millis> {
    match args.at {
        Some(at) if at < export.start => Err(anyhow!("--at: before the first event, of {}", Rfc3339(export.start))),
        Some(at) => Ok(at),
        None if export.has_events() => Ok(export.end),
        None => Err(anyhow!("there is no event in {}: say with --at as of when it is true", args.dir.display())),
    }
}

fn back(at: Millis, seconds: u32) -> Millis {
    Millis(at.0 - i64::from(seconds) * 1_000)
}

fn no_such_rep(report: &Report, rep: &str) -> anyhow::Error {
    let books = report.roles.iter().flat_map(|role| &role.books);
    let known: Vec<&str> = books.map(|book| &*book.rep).take(10).collect();
    anyhow!("--rep: no book of {rep}; there are those of {}", known.join(", "))
}
