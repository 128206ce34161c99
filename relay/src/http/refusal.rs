//! Every way to say no, as problem details (RFC 9457) with a sentence for whoever has to act.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::Problem;

use crate::tokens::Rejected;

/// Media type of problem details.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// When to come back while the relay is full or ending, in seconds: a restart takes about as long.
const RETRY_AFTER_SECONDS: &str = "2";

/// A request that is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: the request cannot be understood.
    #[error("{0}")]
    Malformed(String),
    /// 401: no token.
    #[error(
        "a bearer token is needed: ask whoever runs the lesson, or make one with `lectern token`"
    )]
    NoToken,
    /// 401: a token, but not a good one.
    #[error(transparent)]
    BadToken(#[from] Rejected),
    /// 403: a good token for something else.
    #[error("{0}")]
    Forbidden(String),
    /// 404: the lesson is not among those configured.
    #[error("there is no such lesson here: check its name in the address")]
    UnknownLesson,
    /// 404: not a source.
    #[error("there is no such source: {}", protocol::UnknownSource)]
    UnknownSource,
    /// 404: the session has ended or never was.
    #[error("there is no such session: it has ended, or the relay has restarted; begin a new one")]
    UnknownSession,
    /// 404: not a page.
    #[error("there is nothing at this address")]
    UnknownPage,
    /// 405.
    #[error("this address does not take that method, but {0}")]
    Method(&'static str),
    /// 406: SDP that is well formed, but nothing in it can be served.
    #[error("{0}")]
    Unacceptable(String),
    /// 408: the body did not arrive in time.
    #[error("the request body took too long to arrive")]
    TooSlow,
    /// 412: `If-Match` names another ICE generation.
    #[error(
        "the entity tag does not name the session's current ICE generation: restart ICE with `If-Match: *`"
    )]
    Stale,
    /// 413.
    #[error("the request body is longer than {limit} bytes")]
    TooLarge {
        /// Most bytes taken.
        limit: usize,
    },
    /// 415.
    #[error("the body must be sent with content-type: {0}")]
    MediaType(&'static str),
    /// 428: RFC 9725 §4.3.1 wants `If-Match` on every `PATCH`.
    #[error(
        "an If-Match header is needed: the entity tag to trickle candidates, or `*` to restart ICE"
    )]
    NoPrecondition,
    /// 429.
    #[error("{0}")]
    TooMany(&'static str),
    /// 503: full or ending.
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    fn classify(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Refusal::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "Malformed request"),
            Refusal::NoToken => (StatusCode::UNAUTHORIZED, "no-token", "Token needed"),
            Refusal::BadToken(_) => (StatusCode::UNAUTHORIZED, "bad-token", "Token not accepted"),
            Refusal::Forbidden(_) => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "Not allowed with this token",
            ),
            Refusal::UnknownLesson => (StatusCode::NOT_FOUND, "unknown-lesson", "Unknown lesson"),
            Refusal::UnknownSource => (StatusCode::NOT_FOUND, "unknown-source", "Unknown source"),
            Refusal::UnknownSession => {
                (StatusCode::NOT_FOUND, "unknown-session", "Unknown session")
            }
            Refusal::UnknownPage => (StatusCode::NOT_FOUND, "unknown-page", "Nothing here"),
            Refusal::Method(_) => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "Method not allowed",
            ),
            Refusal::Unacceptable(_) => (
                StatusCode::NOT_ACCEPTABLE,
                "unacceptable",
                "Offer cannot be served",
            ),
            Refusal::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "Request took too long",
            ),
            Refusal::Stale => (
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "Outdated entity tag",
            ),
            Refusal::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large")
            }
            Refusal::MediaType(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "Wrong content type",
            ),
            Refusal::NoPrecondition => (
                StatusCode::PRECONDITION_REQUIRED,
                "no-precondition",
                "If-Match needed",
            ),
            Refusal::TooMany(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many",
                "Too many requests",
            ),
            Refusal::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not available now",
            ),
        }
    }

    /// The same for a client that is not told by a response.
    pub(super) fn problem(&self) -> Problem {
        let (status, name, title) = self.classify();
        described(status, name, title, self.to_string())
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let bearer = |challenge| Some((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        match self {
            // RFC 6750 §3: no error code when the request carried no token at all.
            Refusal::NoToken => bearer("Bearer realm=\"lectern\""),
            Refusal::BadToken(_) => bearer("Bearer realm=\"lectern\", error=\"invalid_token\""),
            Refusal::Forbidden(_) => {
                bearer("Bearer realm=\"lectern\", error=\"insufficient_scope\"")
            }
            Refusal::Method(allowed) => Some((ALLOW, HeaderValue::from_static(allowed))),
            Refusal::Unavailable(_) => {
                Some((RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS)))
            }
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name, title) = self.classify();
        let mut response = problem(status, name, title, self.to_string());
        response.headers_mut().extend(self.header());
        response
    }
}

/// A response of problem details.
pub(super) fn problem(status: StatusCode, name: &str, title: &str, detail: String) -> Response {
    let body = described(status, name, title, detail);
    (
        status,
        [(CONTENT_TYPE, PROBLEM_JSON)],
        axum::Json(body).into_response().into_body(),
    )
        .into_response()
}

fn described(status: StatusCode, name: &str, title: &str, detail: String) -> Problem {
    Problem {
        kind: format!("/problems/{name}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
    }
}
