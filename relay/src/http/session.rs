//! The session resource: trickled candidates, ICE restarts and the end (RFC 9725 §4.3, §4.2).

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, info, info_span};

use super::{App, Refusal, body, door};
use crate::control::{PatchError, Patched, SessionId, UnknownSession};

const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH";

/// How much of a session's name goes into logs: who knows all of it may end the session.
const SHORT: usize = 8;

/// The part of a session's name that may be logged.
pub(super) fn short(id: &SessionId) -> &str {
    id.as_str().get(..SHORT).unwrap_or_default()
}

/// `/session/{id}`.
pub(super) async fn session(
    State(app): State<App>,
    method: Method,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    match method {
        Method::OPTIONS => {
            return Ok(door::options(
                METHODS,
                (HeaderName::from_static("accept-patch"), SDP_FRAGMENT),
            ));
        }
        Method::PATCH | Method::DELETE | Method::GET | Method::HEAD => {}
        _ => return Err(Refusal::Method(METHODS)),
    }
    let caller = app.caller(&headers)?;
    let id = SessionId::from(id);
    let owner = app
        .shared
        .control
        .owner(&id)
        .ok_or(Refusal::UnknownSession)?;
    caller.may_change(&owner)?;
    let span =
        info_span!("session", lesson = %owner.lesson, seat = %owner.seat, session = %short(&id));
    async {
        match method {
            Method::PATCH => patch(&app, &id, &headers, body).await,
            // RFC 9725 §4.3.1: entity tags do not matter here.
            Method::DELETE => {
                app.shared.control.end(&id).await?;
                info!("ended by the client");
                Ok(StatusCode::OK.into_response())
            }
            // RFC 9725 §4.1: sessions have no representation and answer GET with 2xx and no content.
            _ => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    }
    .instrument(span)
    .await
}

async fn patch(
    app: &App,
    id: &SessionId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    body::require_type(headers, SDP_FRAGMENT)?;
    let precondition = Precondition::read(headers)?;
    let fragment = body::text(headers, body, app.shared.patience).await?;
    match precondition.apply(app, id, &fragment).await? {
        // No ETag here (RFC 9725 §4.3.2).
        Patched::Trickled => Ok(StatusCode::NO_CONTENT.into_response()),
        Patched::Restarted { fragment, etag } => {
            info!("ice restarted");
            let headers = [
                (CONTENT_TYPE, SDP_FRAGMENT.to_owned()),
                (ETAG, format!("\"{etag}\"")),
            ];
            Ok((StatusCode::OK, headers, fragment).into_response())
        }
    }
}

/// What `If-Match` asks for (RFC 9110 §13.1.1).
#[derive(Debug, PartialEq, Eq)]
enum Precondition {
    /// `*`: whatever the generation.
    Any,
    /// One of these strong tags, without quotes.
    OneOf(Vec<String>),
}

impl Precondition {
    fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let wrong = || Refusal::Malformed("If-Match must be `*` or entity tags in quotes".into());
        let mut tags = Vec::new();
        let mut present = false;
        for value in headers.get_all(IF_MATCH) {
            present = true;
            let value = value.to_str().map_err(|_| wrong())?.trim();
            if value == "*" {
                return Ok(Self::Any);
            }
            for tag in value.split(',').map(str::trim) {
                // Weak tags are well formed, but If-Match compares strongly, so that none ever matches.
                let (tag, weak) = tag
                    .strip_prefix("W/")
                    .map_or((tag, false), |tag| (tag, true));
                let opaque = tag
                    .strip_prefix('"')
                    .and_then(|tag| tag.strip_suffix('"'))
                    .ok_or_else(wrong)?;
                if !weak {
                    tags.push(opaque.to_owned());
                }
            }
        }
        if present {
            Ok(Self::OneOf(tags))
        } else {
            Err(Refusal::NoPrecondition)
        }
    }

    async fn apply(
        &self,
        app: &App,
        id: &SessionId,
        fragment: &str,
    ) -> Result<Patched, PatchError> {
        let tags = match self {
            Self::Any => return app.shared.control.patch(id, None, fragment).await,
            Self::OneOf(tags) => tags,
        };
        for tag in tags {
            match app.shared.control.patch(id, Some(tag), fragment).await {
                Err(PatchError::Stale) => {}
                outcome => return outcome,
            }
        }
        Err(PatchError::Stale)
    }
}

impl From<PatchError> for Refusal {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Unknown => Refusal::UnknownSession,
            PatchError::Stale => Refusal::Stale,
            PatchError::Malformed(why) => Refusal::Malformed(why),
        }
    }
}

impl From<UnknownSession> for Refusal {
    fn from(_: UnknownSession) -> Self {
        Refusal::UnknownSession
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Precondition, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, value.parse().unwrap());
        }
        Precondition::read(&headers)
    }

    #[test]
    fn if_match_is_a_star_or_tags() {
        let tags = |tags: &[&str]| {
            Ok(Precondition::OneOf(
                tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ))
        };
        assert_eq!(read(&["*"]), Ok(Precondition::Any));
        assert_eq!(read(&["\"a\""]), tags(&["a"]));
        assert_eq!(read(&["\"a\", \"b\"", "\"c\""]), tags(&["a", "b", "c"]));
        assert_eq!(read(&["W/\"a\""]), tags(&[]));
        assert_eq!(read(&[]), Err(Refusal::NoPrecondition));
        assert!(matches!(read(&["a"]), Err(Refusal::Malformed(_))));
        assert!(matches!(read(&[""]), Err(Refusal::Malformed(_))));
        assert!(matches!(read(&["\""]), Err(Refusal::Malformed(_))));
    }
}
