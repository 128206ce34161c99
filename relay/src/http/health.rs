//! For those who watch over the relay.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{App, Refusal};

/// Prometheus reads this as the OpenMetrics text format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// `/healthz`: 200 while new sessions are taken and served, 503 otherwise.
pub(super) async fn healthz(State(app): State<App>) -> Result<Response, Refusal> {
    app.require_ready()?;
    let workers = app.shared.control.counters();
    match workers.filter(|worker| worker.stopped.get() > 0).count() {
        0 => Ok(Json(Health {
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
        })
        .into_response()),
        stopped => {
            let sentence = format!(
                "{stopped} media worker(s) have stopped: the log says why; restart the relay"
            );
            Err(Refusal::Unavailable(sentence))
        }
    }
}

/// `/metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    (
        [(CONTENT_TYPE, OPENMETRICS)],
        app.shared.metrics.exposition(),
    )
        .into_response()
}
