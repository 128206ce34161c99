//! The web pages, as built into a folder.

use std::convert::Infallible;
use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use tower::service_fn;
use tower_http::services::ServeDir;

use super::Refusal;

/// Serves the folder; everything that is not in it is a 404.
pub(super) fn pages(dir: Option<&Path>) -> Router {
    let nothing = service_fn(|_: Request| async {
        Ok::<_, Infallible>(Refusal::UnknownPage.into_response())
    });
    match dir {
        Some(dir) => Router::new().fallback_service(ServeDir::new(dir).fallback(nothing)),
        None => Router::new().fallback_service(nothing),
    }
}
