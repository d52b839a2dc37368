//! What operators look at: `/metrics`, `/livez`, `/readyz`, and a line of text at `/`.
//!
//! A thread of its own with an async runtime of its own; it reads what the loop publishes and never waits for
//! it. The same thread listens to signals.

#[cfg(feature = "writer")]
pub mod writer;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::run::status::{Phase, Status};

/// A process that is asked to end twice ends at once, with the code of an interrupt.
const SECOND_SIGNAL_EXIT: i32 = 130;

#[derive(Clone)]
pub struct Published {
    pub status: Arc<Status>,
    pub metrics: PrometheusHandle,
}

/// Takes the address, or says at once that it is taken.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the process ends. Without a listener it only waits for signals.
pub fn serve(listener: Option<TcpListener>, published: Published) -> std::io::Result<JoinHandle<()>> {
    let status = published.status.clone();
    spawn(listener, routes(published), move || {
        let again = status.is_stopping();
        status.stop();
        again
    })
}

/// `stop` asks for an end, and says whether it was asked before. Signals are heard from here on.
fn spawn(
    listener: Option<TcpListener>,
    routes: Router,
    stop: impl Fn() -> bool + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _inside = runtime.enter();
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]
    };
    let run = move || {
        runtime.block_on(async {
            let served = async {
                match listener {
                    Some(listener) => answer(listener, routes).await,
                    None => std::future::pending().await,
                }
            };
            tokio::join!(served, stop_on_signals(signals, stop));
        });
    };
    std::thread::Builder::new().name("http".to_owned()).spawn(run)
}

async fn answer(listener: TcpListener, routes: Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(why) => return error!(%why, "no HTTP"),
    };
    match listener.local_addr() {
        Ok(address) => info!(%address, "listening"),
        Err(why) => error!(%why, "no address"),
    }
    if let Err(why) = axum::serve(listener, routes).await {
        error!(%why, "HTTP ended");
    }
}

fn routes(published: Published) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(published)
}

async fn root(State(published): State<Published>) -> String {
    let Published { status, .. } = &published;
    let gate = if status.gate_open() { "open" } else { "closed" };
    format!(
        "bookd {}: {}, journal entry {}, gate {gate}\n/metrics  /livez  /readyz\n",
        env!("CARGO_PKG_VERSION"),
        status.phase().name(),
        status.sequence()
    )
}

/// Ready: recovered and leading. A closed gate is no reason to be taken out of service, but is told.
async fn ready(State(published): State<Published>) -> (StatusCode, String) {
    let phase = published.status.phase();
    let code = if phase == Phase::Leading { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let gate = if published.status.gate_open() { "open" } else { "closed" };
    (code, format!("{}, gate {gate}\n", phase.name()))
}

async fn metrics(State(published): State<Published>) -> impl IntoResponse {
    rendered(&published.metrics)
}

fn rendered(metrics: &PrometheusHandle) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

/// The first signal asks for an end, the second one doesn't wait for it.
async fn stop_on_signals([mut terminate, mut interrupt]: [Signal; 2], stop: impl Fn() -> bool) {
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if stop() {
            std::process::exit(SECOND_SIGNAL_EXIT);
        }
        info!("stopping after what is at hand");
    }
}
