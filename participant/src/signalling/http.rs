//! WHIP (RFC 9725) and WHEP over HTTP: `POST` the offer, `DELETE` the session.

use std::time::Duration;

use protocol::Problem;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Certificate, Response, StatusCode, redirect};
use url::Url;

use super::{OfferError, Refusal, Session};
use crate::{Door, Trust};

/// Until the connection stands, TLS included. Short: the next attempt may find the line repaired.
const CONNECT: Duration = Duration::from_secs(2);
/// For one exchange.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(5);
/// For the farewell: nobody waits longer for it.
const FAREWELL: Duration = Duration::from_secs(1);
/// Longest answer accepted, in bytes. Real ones are a few kilobytes.
const MAX_BODY: usize = 256 * 1024;
/// Longest excerpt of a body that is not a problem document.
const EXCERPT: usize = 200;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    door: Door,
}

impl Client {
    pub(crate) fn new(door: &Door) -> Result<Self, OfferError> {
        let http = builder(door)
            .map(|builder| builder.timeout(EXCHANGE))
            .and_then(reqwest::ClientBuilder::build);
        Ok(Self {
            http: http.map_err(unreachable)?,
            door: door.clone(),
        })
    }

    pub(crate) async fn offer(&self, sdp: String) -> Result<Session, OfferError> {
        let request = self
            .http
            .post(self.door.url.clone())
            .header(CONTENT_TYPE, "application/sdp")
            .header(ACCEPT, "application/sdp")
            .body(sdp);
        let response = self.authorised(request).send().await.map_err(unreachable)?;
        let status = response.status();
        let base = response.url().clone();
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = read(response).await?;
        match status {
            StatusCode::CREATED => Ok(Session {
                answer: body,
                // Relative to the address that answered, redirects followed (RFC 9110 §10.2.2).
                resource: location.and_then(|location| base.join(&location).ok()),
            }),
            status if status.is_client_error() || status.is_server_error() => {
                Err(refusal(status, &body).into())
            }
            status => Err(OfferError::Unreachable(format!(
                "expected 201 Created, got {status}"
            ))),
        }
    }

    pub(crate) async fn end(&self, resource: Url) {
        let request = self
            .authorised(self.http.delete(resource))
            .timeout(FAREWELL);
        if let Err(error) = request.send().await {
            tracing::debug!(%error, "the session was not ended at the other side");
        }
    }

    fn authorised(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.door.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// A client that believes what `door` believes.
pub(crate) fn builder(door: &Door) -> Result<reqwest::ClientBuilder, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        // RFC 9725 §4.5: 307 keeps method and body, and so does reqwest.
        .redirect(redirect::Policy::limited(5))
        .user_agent(concat!("lectern-participant/", env!("CARGO_PKG_VERSION")));
    Ok(match &door.trust {
        Trust::Platform => builder,
        Trust::Pem(pem) => builder.tls_certs_only(Certificate::from_pem_bundle(pem)?),
        Trust::Anyone => builder.tls_danger_accept_invalid_certs(true),
    })
}

async fn read(mut response: Response) -> Result<String, OfferError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(OfferError::Unreachable("the answer is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn refusal(status: StatusCode, body: &str) -> Refusal {
    let detail = match serde_json::from_str::<Problem>(body) {
        Ok(problem) => problem.detail,
        Err(_) if body.trim().is_empty() => status
            .canonical_reason()
            .unwrap_or("no reason given")
            .to_owned(),
        Err(_) => body.trim().chars().take(EXCERPT).collect(),
    };
    Refusal {
        status: status.as_u16(),
        detail,
    }
}

/// The innermost cause says what happened; reqwest's own text only repeats the address.
fn unreachable(error: reqwest::Error) -> OfferError {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    OfferError::Unreachable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_problem_says() {
        let body = r#"{"type":"/problems/unknown-lesson","title":"Unknown lesson","status":404,"detail":"no lesson demo"}"#;
        let refusal = refusal(StatusCode::NOT_FOUND, body);
        assert_eq!(
            (refusal.status, refusal.detail.as_str()),
            (404, "no lesson demo")
        );
        assert!(refusal.is_permanent());
    }

    #[test]
    fn a_refusal_without_problem_says_something_short() {
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, "").detail, "Bad Gateway");
        assert_eq!(
            refusal(StatusCode::BAD_REQUEST, &"x".repeat(5_000))
                .detail
                .len(),
            EXCERPT
        );
    }
}
