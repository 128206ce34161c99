//! The answer to an offer that was taken (RFC 9725 §4.2).

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, LINK, LOCATION};
use axum::response::{IntoResponse, Response};

use super::{App, Refusal};
use crate::control::{CreateError, Created};

/// Media type of offers and answers.
pub(super) const SDP: &str = "application/sdp";

/// 201 with the answer and where the session lives.
pub(super) fn created(app: &App, session: Created) -> Response {
    let headers = [
        (CONTENT_TYPE, SDP.to_owned()),
        (LOCATION, format!("/session/{}", session.id.as_str())),
        (ETAG, format!("\"{}\"", session.etag)),
    ];
    let mut response = (StatusCode::CREATED, headers, session.answer).into_response();
    for link in &app.shared.ice_links {
        response.headers_mut().append(LINK, link.clone());
    }
    response
}

impl From<CreateError> for Refusal {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Malformed(why) => Refusal::Malformed(why),
            CreateError::Unacceptable(why) => Refusal::Unacceptable(why),
            CreateError::Unavailable(why) => Refusal::Unavailable(why),
        }
    }
}

impl App {
    /// Refuses new sessions once the relay has been told to end.
    pub(super) fn require_ready(&self) -> Result<(), Refusal> {
        if self.shared.readiness.is_ready() {
            Ok(())
        } else {
            Err(Refusal::Unavailable(
                "the relay is about to end: try again in a moment".into(),
            ))
        }
    }
}
