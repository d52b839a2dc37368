//! A CRM to try things with: the part of Salesforce's and of HubSpot's API that decides about owners, with the real ones'
//! refusals, faults on demand, people who change owners, change events, and the history by which a writer is judged.
//!
//! It is no part of the product's data path and knows none of its rules. Everything is in memory and nothing anywhere
//! else: nobody kills the fake in a test, and one that has ended has forgotten all.

mod control;
mod crm;
mod dice;
mod events;
mod faults;
mod fence;
mod guard;
mod hubspot;
mod instant;
mod line;
mod load;
mod org;
mod outlet;
mod people;
mod refusal;
mod salesforce;
mod shape;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tracing::info;

use crate::domain::Text;
use crm::Crm;
pub use events::Version;
pub use faults::Faults;
use line::{Line, Lines};
use org::Org;
pub use outlet::{Destination, Destinations};
pub use shape::{OWNER_ID, Role};

#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    pub roles: Vec<Role>,
    /// The user who owns in the CRM what nobody owns.
    pub nobody: Text,
    pub fence: bool,
    pub version: Version,
    /// A bearer token that never expires.
    pub token: String,
    /// Salesforce's requests a day.
    pub daily_requests: u64,
    /// HubSpot's requests in any ten seconds.
    pub rolling_requests: usize,
    pub seed: u64,
    pub faults: Faults,
    pub people_per_second: f64,
    pub destinations: Destinations,
    /// JSON lines as in the topics `accounts` and `reps`.
    pub accounts: Vec<PathBuf>,
    pub reps: Vec<PathBuf>,
}

/// What all requests share.
#[derive(Clone)]
pub struct Shared {
    crm: Arc<Mutex<Crm>>,
}

impl Shared {
    /// Never across an `await`.
    fn lock(&self) -> MutexGuard<'_, Crm> {
        // A request that panicked has changed nothing: what is checked is committed in one go.
        self.crm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until it is told to end; says on which address once it listens there.
pub fn serve(settings: &Settings, listening: impl FnOnce(SocketAddr)) -> anyhow::Result<()> {
    let shared = Shared { crm: Arc::new(Mutex::new(set_up(settings)?)) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(settings.listen).await;
        let listener = listener.with_context(|| format!("can't listen on {}", settings.listen))?;
        listening(listener.local_addr()?);
        tokio::spawn(people::live(shared.clone()));
        let service = routes(shared).into_make_service_with_connect_info::<Line>();
        tokio::select! {
            served = axum::serve(Lines(listener), service) => served.context("HTTP ended"),
            stopped = told_to_stop() => stopped,
        }
    })
}

fn set_up(settings: &Settings) -> anyhow::Result<Crm> {
    settings
        .faults
        .check()
        .and_then(|()| people::check_pace(settings.people_per_second))
        .map_err(anyhow::Error::msg)?;
    let mut org = Org::new(&settings.roles, settings.nobody.clone(), settings.fence);
    for path in &settings.reps {
        load::file(&mut org, path, load::rep)?;
    }
    for path in &settings.accounts {
        load::file(&mut org, path, load::account)?;
    }
    info!(accounts = org.accounts().count(), users = org.users().count(), seed = settings.seed, "the CRM is set up");
    let outlet = outlet::Outlet::start(&settings.destinations)?;
    Ok(Crm::new(settings, org, outlet))
}

fn routes(shared: Shared) -> Router {
    let apis = Router::new().merge(salesforce::routes()).merge(hubspot::routes());
    // The guard reads the body, and has a limit of its own.
    let apis = apis.layer(DefaultBodyLimit::disable()).layer(from_fn_with_state(shared.clone(), guard::guard));
    apis.merge(control::routes()).with_state(shared)
}

async fn told_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
