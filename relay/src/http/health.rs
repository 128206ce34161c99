//! For those who watch over the relay.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::App;

/// Prometheus reads this as the OpenMetrics text format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// `/healthz`: 200 while new sessions are taken, 503 otherwise.
pub(super) async fn healthz(State(app): State<App>) -> Response {
    let (status, word) = if app.shared.readiness.is_ready() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    };
    let health = Health {
        status: word,
        version: env!("CARGO_PKG_VERSION"),
    };
    (status, Json(health)).into_response()
}

/// `/metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    (
        [(CONTENT_TYPE, OPENMETRICS)],
        app.shared.metrics.exposition(),
    )
        .into_response()
}
