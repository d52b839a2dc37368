//! `bookd write-crm`: the reference writer, until it is told to stop. docs/crm.md says what a CRM needs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::Failure;
use crate::config;
use crate::config::writer::{self as settings, CrmKind, WriterSettings};
use crate::http;
use crate::http::writer::Published;
use crate::writer::crm::hubspot::HubSpot;
use crate::writer::crm::salesforce::Salesforce;
use crate::writer::crm::{Checked, Crm};
use crate::writer::meters::Meters;
use crate::writer::run::Writer;
use crate::writer::status::Status;

#[derive(Clone, Debug, clap::Args)]
pub struct WriteCrmArgs {
    /// The writer's configuration file.
    #[arg(long, short, env = "BOOKD_WRITER_CONFIG", default_value = settings::DEFAULT_FILE, value_name = "FILE")]
    config: PathBuf,
    /// Say what is missing in the CRM, and end.
    #[arg(long)]
    check: bool,
}

/// The writer's thread is this one; HTTP and signals have their own.
pub fn run(args: &WriteCrmArgs) -> Result<(), Failure> {
    let settings = settings::load(&args.config, &config::environment()).map_err(Failure::Config)?;
    if settings.crm.url.starts_with("http:") {
        tracing::warn!(url = settings.crm.url, "requests to the CRM aren't encrypted, and bear its token");
    }
    let mut crm = connect(&settings)?;
    if args.check {
        return check(&mut *crm);
    }
    let (status, meters) = (Arc::new(Status::starting()), Meters::new());
    let listener = settings.http_listen.map(|address| {
        http::listen(address).with_context(|| format!("HTTP can't listen on {address} (`[http] listen`)"))
    });
    let published = Published { status: status.clone(), metrics: meters.handle() };
    http::writer::serve(listener.transpose()?, published).context("no thread for HTTP")?;
    Ok(Writer::new(&settings, crm, status, meters).run(&settings)?)
}

fn connect(settings: &WriterSettings) -> anyhow::Result<Box<dyn Crm>> {
    let (crm, requests) = (&settings.crm, &settings.requests);
    let roles = settings.roles.values().cloned().collect();
    Ok(match crm.kind {
        CrmKind::Salesforce => Box::new(Salesforce::new(crm, roles, requests)?),
        CrmKind::HubSpot => Box::new(HubSpot::new(crm, roles, requests)?),
    })
}

fn check(crm: &mut dyn Crm) -> Result<(), Failure> {
    let lacks = match crm.check().map_err(|trouble| anyhow::anyhow!("{trouble}"))? {
        Checked::Lacks(lacks) => lacks,
        // Who asks for the check alone has not got it.
        Checked::Hidden(why) => return Err(anyhow::anyhow!(why).into()),
    };
    for lack in &lacks {
        outln!("{lack}");
    }
    match lacks.is_empty() {
        true => {
            outln!("The CRM has all that is needed.");
            Ok(())
        }
        false => Err(anyhow::anyhow!("the CRM lacks what is listed above").into()),
    }
}
