//! `bookd run`: leads a shard until it is told to stop.

use std::sync::Arc;

use anyhow::Context;

use super::{ConfigArg, Failure};
use crate::config::LogSettings;
use crate::feed::Decoder;
use crate::http::{self, Published};
use crate::metrics::Meters;
use crate::run::clock::Clock;
use crate::run::open::OpenLog;
use crate::run::setup::Setup;
use crate::run::shard;
use crate::run::status::Status;

#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
}

/// The owner thread is this one; HTTP and signals have their own.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    if let LogSettings::Files { dir, .. } = &config.settings.log {
        std::fs::create_dir_all(dir).with_context(|| format!("the log {} can't be created", dir.display()))?;
    }
    let status = Arc::new(Status::default());
    let mut meters = Meters::new();
    let listener = config.settings.http_listen.map(|address| {
        http::listen(address).with_context(|| format!("HTTP can't listen on {address} (`[http] listen`)"))
    });
    let published = Published { status: status.clone(), metrics: meters.handle() };
    http::serve(listener.transpose()?, published).context("no thread for HTTP")?;
    let setup = Setup {
        open: OpenLog::Settings(config.settings.log.clone()),
        policy: config.policy,
        decoder: Decoder::new(config.feeds),
        settings: config.settings,
        clock: Clock::Wall,
        status,
    };
    Ok(shard::lead(&setup, &mut meters)?)
}
