//! The command line: one file per subcommand, and here what they share.

#[macro_use]
mod out;

pub mod adopt;
pub mod check;
pub mod demo;
pub mod explain;
pub mod fake_crm;
pub mod generate;
pub mod journal;
pub mod recover;
pub mod replay;
pub mod request;
pub mod run;
pub mod shadow_report;
#[cfg(feature = "writer")]
pub mod write_crm;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::period::Period;
use crate::config::{self, Config};
use crate::domain::Millis;
use crate::log::LogError;
use crate::run::RunError;
use crate::run::open::OpenLog;

/// The matching engine of dynamic sales books.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lead a shard: read the inputs, decide, commit.
    Run(run::RunArgs),
    /// Run exported events in the order in which they happened, under a virtual clock.
    Replay(replay::ReplayArgs),
    /// Write a made-up company's events, from a seed, as exports that replay reads.
    Generate(generate::GenerateArgs),
    /// Say what the CRM's books would mean under the policy: who keeps, is warned of, or loses what.
    Adopt(adopt::AdoptArgs),
    /// Say what a configuration means, or what is wrong with it.
    Check(check::CheckArgs),
    /// Tell why an account moved, or why it did not.
    Explain(explain::ExplainArgs),
    /// Print or verify the journal.
    Journal(journal::JournalArgs),
    /// Ask for something: a return, a hold, a pause, going live, …
    Request(Box<request::RequestArgs>),
    /// Hold what roles in shadow would have done against what people did.
    ShadowReport(shadow_report::ShadowReportArgs),
    /// The ways out when the journal can't be followed, or an input topic isn't what was read of it.
    Recover(recover::RecoverArgs),
    /// Carry out commands in Salesforce or HubSpot, and send results.
    #[cfg(feature = "writer")]
    WriteCrm(write_crm::WriteCrmArgs),
    /// A quarter of a made-up company, decided before your eyes.
    Demo(demo::DemoArgs),
    /// A CRM to try things with: Salesforce's and HubSpot's calls about owners, with faults on demand.
    FakeCrm(Box<fake_crm::FakeCrmArgs>),
}

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArg {
    /// The configuration file.
    #[arg(long, short, env = "BOOKD_CONFIG", default_value = config::DEFAULT_FILE, value_name = "FILE")]
    pub config: PathBuf,
}

/// Which log to read.
#[derive(Clone, Debug, clap::Args)]
pub struct LogArg {
    #[command(flatten)]
    config: ConfigArg,
    /// Read the Files log in this directory (a replay's output, say) instead of the configured one.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

/// Why a subcommand ended, by what the process says with its exit code.
#[derive(Debug)]
pub enum Failure {
    /// A report that shows file, line and word.
    Config(miette::Report),
    Run(RunError),
    Other(anyhow::Error),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure::Run(error)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        Failure::Run(error.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

/// Something failed.
const EXIT_FAILED: u8 = 1;
/// The configuration or the command line is wrong.
const EXIT_USAGE: u8 = 2;
/// Another instance leads this shard.
const EXIT_FENCED: u8 = 3;
/// The journal, a snapshot or a topic isn't what it must be: restarting won't help.
const EXIT_REFUSED: u8 = 4;

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Config(_) | Failure::Run(RunError::PolicyReused { .. }) => EXIT_USAGE,
            Failure::Run(RunError::Log(LogError::Fenced(_))) => EXIT_FENCED,
            Failure::Run(RunError::Journal { .. } | RunError::Snapshot { .. } | RunError::Damaged { .. })
            | Failure::Run(RunError::OtherBuild { .. } | RunError::Parted { .. })
            | Failure::Run(RunError::Log(LogError::Corrupt { .. })) => EXIT_REFUSED,
            Failure::Run(_) | Failure::Other(_) => EXIT_FAILED,
        }
    }
}

/// Parses, runs, prints an error once, and says with the exit code which sort it was.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let ended = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Generate(args) => generate::run(&args).map_err(Failure::Other),
        Command::Adopt(args) => adopt::run(&args),
        Command::Check(args) => check::run(&args).map_err(Failure::Config),
        Command::Explain(args) => explain::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Request(args) => request::run(&args),
        Command::ShadowReport(args) => shadow_report::run(&args),
        Command::Recover(args) => recover::run(&args),
        #[cfg(feature = "writer")]
        Command::WriteCrm(args) => write_crm::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::FakeCrm(args) => fake_crm::run(&args).map_err(Failure::Other),
    };
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    match &failure {
        Failure::Config(report) => eprintln!("{report:?}"),
        Failure::Run(error) => eprintln!("bookd: {error}"),
        Failure::Other(error) => eprintln!("bookd: {error:#}"),
    }
    ExitCode::from(failure.exit_code())
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("BOOKD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    // A second subscriber would be refused; there is none before `main`.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).try_init();
}

fn instant(text: &str) -> Result<Millis, String> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text);
    parsed.map(|at| Millis(at.timestamp_millis())).map_err(|error| format!("{error}; try 2026-03-02T09:00:00Z"))
}

fn period(text: &str) -> Result<Period, String> {
    Period::parse(text).map_err(|error| error.to_string())
}

impl ConfigArg {
    /// Reads the configuration, and says its warnings.
    pub fn load(&self) -> Result<Config, Failure> {
        let config = config::load(&self.config, &config::environment()).map_err(Failure::Config)?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        Ok(config)
    }
}

impl LogArg {
    /// For commands that only read: a directory in which nothing ever ran is most likely mistyped.
    pub fn open(&self) -> Result<OpenLog, Failure> {
        let open = self.open_any()?;
        match open.dir_without_journal() {
            Some(dir) => Err(anyhow::anyhow!("no journal in {}", dir.display()).into()),
            None => Ok(open),
        }
    }

    /// Also where nothing ran yet.
    fn open_any(&self) -> Result<OpenLog, Failure> {
        Ok(match &self.log {
            Some(dir) => OpenLog::files(dir),
            None => OpenLog::Settings(self.config.load()?.settings.log),
        })
    }
}
