//! The same of `bookd write-crm`: `/metrics`, `/livez`, `/readyz`, and a line of text at `/`.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use super::{rendered, spawn};
use crate::writer::status::Status;

#[derive(Clone)]
pub struct Published {
    pub status: Arc<Status>,
    pub metrics: PrometheusHandle,
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

fn routes(published: Published) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(published)
}

async fn root(State(published): State<Published>) -> String {
    let told = published.status.told();
    format!("bookd write-crm {}: {told}\n/metrics  /livez  /readyz\n", env!("CARGO_PKG_VERSION"))
}

/// Ready: commands are carried out. If not, the text says what is waited for.
async fn ready(State(published): State<Published>) -> (StatusCode, String) {
    let code = match published.status.is_applying() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, format!("{}\n", published.status.told()))
}

async fn metrics(State(published): State<Published>) -> impl IntoResponse {
    rendered(&published.metrics)
}
