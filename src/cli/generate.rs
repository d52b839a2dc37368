//! `bookd generate`: a made-up company's events, from a seed, as a log directory of files.

mod asks;
mod assignment;
mod calendar;
mod chance;
mod companies;
mod delivery;
mod market;
mod names;
mod records;
mod selling;
mod team;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::NaiveDate;

use crate::domain::{Millis, Topic};
use assignment::Assignment;
pub use delivery::{Line, Silence};
pub use world::{Owners, World, WorldConfig};

/// Days are part of stream numbers; ten years are enough for anything.
const MAX_DAYS: i64 = 3_650;
const MAX_REPS: i64 = 10_000;
const MAX_ACCOUNTS: i64 = 1_000_000;

#[derive(Clone, Debug, clap::Args)]
pub struct GenerateArgs {
    /// Companies that could be sold to.
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..=MAX_ACCOUNTS))]
    accounts: u32,
    /// Reps, half of them SDRs and half AEs.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=MAX_REPS))]
    reps: u32,
    /// How long the story is.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    days: u32,
    /// The same seed and options give the same bytes on every machine.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The first day, UTC.
    #[arg(long, default_value = "2026-07-01", value_name = "DATE")]
    start: NaiveDate,
    /// The day from which the sales-engagement tool delivers nothing; day 0 is the first.
    #[arg(long, default_value_t = 45, value_name = "DAY")]
    silence_start_day: u32,
    /// For how long it delivers nothing; 0: it never falls silent. What is older than the policy's `late` window
    /// when it comes is a dead letter.
    #[arg(long, default_value_t = 5, value_name = "DAYS")]
    silence_days: u32,
    /// What happened in the silence never comes, instead of at its end.
    #[arg(long)]
    lose_silent: bool,
    /// Share of events that come hours late.
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    late: f64,
    /// Share of events that come twice.
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    duplicates: f64,
    /// Where the files go, one for each topic, in the order of arrival. Must not hold any of them yet.
    #[arg(long, default_value = "target/workload", value_name = "DIR")]
    dir: PathBuf,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share is from 0 to 1".to_owned()) }
}

impl GenerateArgs {
    pub fn world(&self) -> WorldConfig {
        let midnight = self.start.and_time(chrono::NaiveTime::MIN).and_utc();
        WorldConfig {
            accounts: self.accounts as usize,
            reps: self.reps as usize,
            days: self.days,
            seed: self.seed,
            start: Millis(midnight.timestamp_millis()),
            silence: Silence { from_day: self.silence_start_day, days: self.silence_days, lose: self.lose_silent },
            late: self.late,
            duplicates: self.duplicates,
        }
    }
}

/// Writes the files and says how many lines each has.
pub fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let mut files = Files::create(&args.dir)?;
    story(&args.world(), |line| files.write(&line))?;
    for (topic, count) in files.close()? {
        outln!("{:>8}  {}", count, path(&args.dir, topic).display());
    }
    Ok(())
}

/// The whole story with reps who work what the CRM says, and what gets hot in turns.
fn story<E>(config: &WorldConfig, mut tell: impl FnMut(Line) -> Result<(), E>) -> Result<(), E> {
    let mut world = World::new(config);
    let mut assignment = Assignment::new(&world);
    world.reference().into_iter().try_for_each(&mut tell)?;
    for day in 0..world.days() {
        let owners = assignment.of_day(&world, day);
        world.day(day, owners).into_iter().try_for_each(&mut tell)?;
    }
    world.rest().into_iter().try_for_each(tell)
}

/// One file for each input topic.
pub struct Files {
    open: BTreeMap<Topic, (BufWriter<File>, u64)>,
}

impl Files {
    /// Every input topic but results, of which this story has none, gets a file, be it empty.
    pub fn create(dir: &Path) -> anyhow::Result<Files> {
        fs::create_dir_all(dir).with_context(|| format!("{} can't be created", dir.display()))?;
        let mut open = BTreeMap::new();
        for topic in Topic::INPUTS.into_iter().filter(|topic| *topic != Topic::Results) {
            let path = path(dir, topic);
            if path.exists() {
                bail!("{} is there already; name another --dir, or remove it", path.display());
            }
            let file = File::create(&path).with_context(|| format!("{} can't be created", path.display()))?;
            open.insert(topic, (BufWriter::new(file), 0));
        }
        Ok(Files { open })
    }

    pub fn write(&mut self, line: &Line) -> anyhow::Result<()> {
        let (file, count) = self.open.get_mut(&line.topic).expect("a line is of an input topic");
        *count += 1;
        writeln!(file, "{}", line.json).with_context(|| format!("{} can't be written", line.topic.name()))
    }

    /// How many lines each file has.
    pub fn close(self) -> anyhow::Result<Vec<(Topic, u64)>> {
        let mut counts = Vec::new();
        for (topic, (mut file, count)) in self.open {
            file.flush().with_context(|| format!("{} can't be written", topic.name()))?;
            counts.push((topic, count));
        }
        Ok(counts)
    }
}

fn path(dir: &Path, topic: Topic) -> PathBuf {
    dir.join(format!("{}-0.jsonl", topic.name()))
}
