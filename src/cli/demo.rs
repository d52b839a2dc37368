//! `bookd demo`: a quarter of a made-up company, decided before your eyes on plain files, and a story told of it.
//!
//! First the quarter is written: a market and reps who work what they own, with the engine in the loop, since who
//! owns what is bookd's to say. Then the files are replayed like anybody's exports, and what comes out is told.

mod quarter;
mod story;
mod summary;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use super::Failure;
use super::generate::{Silence, World, WorldConfig};
use super::replay::SYNC_EVERY_COMMITS;
use crate::config::settings::LogSettings;
use crate::config::{self, Config};
use crate::domain::{Millis, Topic};
use crate::feed::Decoder;
use crate::run::open::OpenLog;
use crate::run::replay::{self, Export, Options, Target};
use story::Story;

const POLICY: &str = include_str!("../../config/demo.toml");
const POLICY_NAME: &str = "demo.toml";
/// The quarter: long enough for idle limits and rests to run out.
const START_MS: i64 = 1_782_864_000_000; // 2026-07-01T00:00:00Z
const DAYS: u32 = 90;
const SILENCE: Silence = Silence { from_day: 45, days: 5, lose: true };
/// A replay that is to be killed gets this long to come half-way.
const KILL_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Where inputs, outputs and journal go. A demo that lies there already is replaced.
    #[arg(long, default_value = "target/demo", value_name = "DIR")]
    dir: PathBuf,
    /// Another seed is another quarter.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[arg(long, default_value_t = 1_200, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    accounts: u32,
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(2..=2_000))]
    reps: u32,
    /// Kill the replay half-way (kill -9), let it go on, and compare with one that nobody killed.
    #[arg(long)]
    kill: bool,
    /// Don't wait between days for people to read.
    #[arg(long)]
    fast: bool,
}

pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let config = config::parse(POLICY_NAME, POLICY, &[]).map_err(Failure::Config)?;
    // Held to the end: a second demo would delete what this one writes.
    let _lock = clear(&args.dir)?;
    std::fs::write(args.dir.join(POLICY_NAME), POLICY).context("the policy can't be written")?;
    let world = WorldConfig {
        accounts: args.accounts as usize,
        reps: args.reps as usize,
        days: DAYS,
        seed: args.seed,
        start: Millis(START_MS),
        silence: SILENCE,
        late: 0.01,
        duplicates: 0.01,
    };
    outln!("A quarter of a made-up company: {} accounts, {} reps, {DAYS} days.", args.accounts, args.reps);
    let events = quarter::write(&config, World::new(&world), &args.dir)?;
    outln!("{events} events lie in {}. Replaying them; the policy is {POLICY_NAME} there.\n", args.dir.display());
    if args.kill {
        kill_half_way(&args.dir)?;
    }
    let story = replay(&config, &args.dir, &args.dir, args.kill, !args.fast)?;
    story.tell(SILENCE, Millis(START_MS));
    summary::print(&config, &args.dir, &story)?;
    if args.kill {
        compare_with_unkilled(&config, &args.dir)?;
    }
    Ok(())
}

/// Replaces an earlier demo, and nothing else. Returns the lock on the directory, which itself stays.
fn clear(dir: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} can't be created", dir.display()))?;
    let lock = lock(dir)?;
    let mut entries = std::fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
    if !entries.is_empty() && !dir.join(POLICY_NAME).exists() {
        bail!("{} holds something that isn't a demo; name another --dir", dir.display());
    }
    // What says that this is a demo goes last: whoever interrupts may come again.
    entries.sort_by_key(|entry| entry.file_name() == POLICY_NAME);
    for entry in entries {
        let path = entry.path();
        let removed =
            if entry.file_type()?.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.with_context(|| format!("{} can't be cleared", path.display()))?;
    }
    Ok(lock)
}

fn lock(dir: &Path) -> anyhow::Result<File> {
    let file = File::open(dir).with_context(|| format!("{} can't be opened", dir.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another demo runs in {}; name another --dir", dir.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{} can't be locked", dir.display())),
    }
}

fn options(resume: bool) -> Options {
    let open_at = Some(Millis(START_MS));
    Options { tick_s: 60, open_at, complete_until: None, proceed: false, resume }
}

fn replay(config: &Config, dir: &Path, out: &Path, resume: bool, paced: bool) -> Result<Story, Failure> {
    std::fs::create_dir_all(out).context("the output can't be created")?;
    let open = files(out);
    let mut log = open.open()?;
    let place = out.display().to_string();
    let target = Target { log: &mut *log, shard: open.shard(), lines: open.has_lines(), place };
    let mut story = Story::new(paced);
    let decoder = Decoder::new(config.feeds.clone());
    let options = options(resume);
    let export = Export::read(dir, &decoder, options.open_at)?;
    let summary = replay::run(export, &options, &config.policy, &decoder, target, &mut |step| story.watch(step.made))?;
    story.end(summary);
    Ok(story)
}

fn files(dir: &Path) -> OpenLog {
    OpenLog::Settings(LogSettings::Files { dir: dir.to_owned(), sync_every_commits: SYNC_EVERY_COMMITS })
}

fn commands(dir: &Path) -> PathBuf {
    dir.join(format!("{}-0.jsonl", Topic::Commands.name()))
}

/// Replays in a child process and kills it as soon as it has written half of the commands that are to come.
fn kill_half_way(dir: &Path) -> anyhow::Result<()> {
    let half = quarter::decisions(dir)? / 2;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["replay", "--open-at", &quarter::opening(Millis(START_MS)), "--config"])
        .args([&dir.join(POLICY_NAME), Path::new("--out"), dir, dir])
        .stdout(Stdio::null())
        .spawn()
        .context("the replay can't be started")?;
    let started = Instant::now();
    while lines(&commands(dir)) < half {
        if let Some(status) = child.try_wait()? {
            bail!("the replay that was to be killed ended by itself: {status}");
        }
        if started.elapsed() > KILL_DEADLINE {
            child.kill().ok();
            bail!("the replay that was to be killed didn't come half-way in {} s", KILL_DEADLINE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().context("the replay can't be killed")?;
    child.wait()?;
    outln!("Killed (-9) after {} commands. It goes on as if nothing had been:\n", lines(&commands(dir)));
    Ok(())
}

fn lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

fn compare_with_unkilled(config: &Config, dir: &Path) -> Result<(), Failure> {
    let again = dir.join("unkilled");
    let open = files(&again);
    std::fs::create_dir_all(&again).context("the comparison can't be created")?;
    let mut log = open.open()?;
    let target = Target { log: &mut *log, shard: open.shard(), lines: open.has_lines(), place: String::new() };
    let decoder = Decoder::new(config.feeds.clone());
    let options = options(false);
    let export = Export::read(dir, &decoder, options.open_at)?;
    replay::run(export, &options, &config.policy, &decoder, target, &mut |_| ())?;
    let (killed, unkilled) = (std::fs::read(commands(dir)), std::fs::read(commands(&again)));
    let (killed, unkilled) = (killed.context("commands")?, unkilled.context("commands")?);
    if killed != unkilled {
        return Err(anyhow!("the killed replay's commands differ from those of one that nobody killed").into());
    }
    outln!(
        "\nThe killed run's {} commands are byte for byte those of a run that nobody killed.",
        lines(&commands(dir))
    );
    Ok(())
}
