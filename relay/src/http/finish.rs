//! What every response gets on its way out: security headers, CORS, caching, problem details, and a count.

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::App;
use super::refusal::{PROBLEM_JSON, problem};
use crate::metrics::Door;

/// Pages may load, connect and embed only what this relay serves. `blob:` is for media recorded or captured in the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
     media-src 'self' blob: mediastream:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'self'";

const PERMISSIONS_POLICY: &str = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
     fullscreen=(self), screen-wake-lock=(self), geolocation=()";

const SECURITY: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    // Addresses of pages may carry tokens.
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        PERMISSIONS_POLICY,
    ),
];

/// Any page may use the doors: what protects them is the token, which no browser sends by itself.
const CORS: [(HeaderName, &str); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Location, ETag, Link, Retry-After, WWW-Authenticate, Allow, Accept-Post, Accept-Patch",
    ),
];

pub(super) async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let door = Door::of(path);
    let cache = caching(door, path);
    let mut response = explained(next.run(request).await);
    let status = response.status();
    app.shared.metrics.answered(door, status.as_u16());
    let headers = response.headers_mut();
    set_all(headers, &SECURITY);
    if matches!(door, Door::Whip | Door::Whep | Door::Session) {
        set_all(headers, &CORS);
    }
    let cache = if status.is_success() || status == StatusCode::NOT_MODIFIED {
        cache
    } else {
        "no-store"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn set_all(headers: &mut HeaderMap, values: &[(HeaderName, &'static str)]) {
    for (name, value) in values {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}

/// The web build puts a hash of the content into the names under `/assets/`; everything else is asked for again.
fn caching(door: Door, path: &str) -> &'static str {
    match door {
        Door::Page if path.starts_with("/assets/") => "public, max-age=31536000, immutable",
        Door::Page => "no-cache",
        _ => "no-store",
    }
}

/// Turns the bare error responses of libraries into problem details, keeping headers such as `Allow`.
fn explained(response: Response) -> Response {
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let mut explained = problem(status, "http", title, sentence(status));
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            explained.headers_mut().append(name.clone(), value.clone());
        }
    }
    explained
}

fn sentence(status: StatusCode) -> String {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take that method".into(),
        StatusCode::BAD_REQUEST => "the address of the request cannot be understood".into(),
        StatusCode::NOT_FOUND => "there is nothing at this address".into(),
        status if status.is_server_error() => {
            "the relay failed at this request: its log says more".into()
        }
        _ => "the request cannot be served".into(),
    }
}
