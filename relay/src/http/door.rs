//! What the three kinds of endpoint have in common: methods, CORS and the seat in the query.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::SeatId;
use serde::Deserialize;

use super::created::SDP;
use super::{App, Refusal, whep, whip};

/// What an endpoint takes.
const ENDPOINT_METHODS: &str = "GET, HEAD, OPTIONS, POST";

/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_AGE: &str = "86400";

/// `?seat=`: whose room is watched, or in local mode who is asking.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    pub(super) seat: Option<SeatId>,
}

type Query_ = Result<Query<Asked>, QueryRejection>;

/// A request to an endpoint, on its way to being authorised.
pub(super) struct Offering {
    pub(super) app: App,
    pub(super) headers: HeaderMap,
    pub(super) asked: Asked,
    pub(super) body: Body,
}

/// `/whip/{lesson}/{source}`.
pub(super) async fn whip(
    State(app): State<App>,
    method: Method,
    Path((lesson, source)): Path<(String, String)>,
    query: Query_,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if let Some(response) = without_offer(&method)? {
        return Ok(response);
    }
    let offering = Offering {
        app,
        headers,
        asked: asked(query)?,
        body,
    };
    whip::publish(offering, &lesson, &source).await
}

/// `/whep/{lesson}`.
pub(super) async fn whep_lesson(
    State(app): State<App>,
    method: Method,
    Path(lesson): Path<String>,
    query: Query_,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if let Some(response) = without_offer(&method)? {
        return Ok(response);
    }
    let offering = Offering {
        app,
        headers,
        asked: asked(query)?,
        body,
    };
    whep::watch(offering, &lesson, None).await
}

/// `/whep/{lesson}/{source}`.
pub(super) async fn whep_publication(
    State(app): State<App>,
    method: Method,
    Path((lesson, source)): Path<(String, String)>,
    query: Query_,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if let Some(response) = without_offer(&method)? {
        return Ok(response);
    }
    let offering = Offering {
        app,
        headers,
        asked: asked(query)?,
        body,
    };
    whep::watch(offering, &lesson, Some(&source)).await
}

/// Answers every method but `POST`, for which there is nothing to answer yet.
fn without_offer(method: &Method) -> Result<Option<Response>, Refusal> {
    match *method {
        Method::POST => Ok(None),
        Method::OPTIONS => Ok(Some(options(
            ENDPOINT_METHODS,
            (HeaderName::from_static("accept-post"), SDP),
        ))),
        // RFC 9725 §4.1: endpoints have no representation and answer GET with 2xx and no content.
        Method::GET | Method::HEAD => Ok(Some(StatusCode::NO_CONTENT.into_response())),
        _ => Err(Refusal::Method(ENDPOINT_METHODS)),
    }
}

/// 200 to a CORS preflight and to those who ask what is possible (RFC 9725 §4.2). `Authorization` is not covered by
/// a wildcard (Fetch §3.3.4), so the headers are listed.
pub(super) fn options(methods: &'static str, accepts: (HeaderName, &'static str)) -> Response {
    let headers = [
        (header::ALLOW, methods),
        accepts,
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, If-Match",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE),
    ];
    (StatusCode::OK, headers).into_response()
}

fn asked(query: Query_) -> Result<Asked, Refusal> {
    query.map(|Query(asked)| asked).map_err(|_| {
        Refusal::Malformed("the query must be ?seat= and the name of a seat, or nothing".into())
    })
}
