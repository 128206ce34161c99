//! The link's HTTP side: forwards to the server, and rewrites the candidates of what is SDP.
//!
//! HTTP itself is not impaired. Bodies are forwarded whole and connections are not upgraded, so a page's event stream has to
//! go to the server directly.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use url::Url;

use super::line::{Line, LineError};
use super::sdp;

/// The longest body either way.
const MAX_BODY: usize = 16 << 20;
/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What belongs to one connection (RFC 9110 §7.6.1) or is set by the sending side. Compressed SDP could not be rewritten.
const OWN: [HeaderName; 9] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::ACCEPT_ENCODING,
];

/// An HTTP server that stands for another.
#[derive(Clone)]
pub struct Front {
    line: Arc<Line>,
    client: reqwest::Client,
    server: Url,
    ip: IpAddr,
}

/// Why a request was not forwarded.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// No HTTP client.
    #[error("the link cannot speak http: {0}")]
    Client(reqwest::Error),
    /// Too long, or broken off.
    #[error("the request cannot be read: {0}")]
    Request(axum::Error),
    /// The server did not answer.
    #[error("{0} cannot be reached: {1}")]
    Server(Url, reqwest::Error),
    /// A gate could not be opened.
    #[error(transparent)]
    Line(#[from] LineError),
}

impl Front {
    /// For `server`, with gates on `ip`. `insecure` servers' certificates are not checked.
    pub fn new(
        line: Arc<Line>,
        server: Url,
        ip: IpAddr,
        insecure: bool,
    ) -> Result<Self, FrontError> {
        let client = reqwest::Client::builder()
            .danger_accept_invalid_certs(insecure)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(FrontError::Client)?;
        Ok(Self {
            line,
            client,
            server,
            ip,
        })
    }

    /// Serves until `end`.
    pub async fn serve(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        axum::serve(listener, self.router())
            .with_graceful_shutdown(end)
            .await
    }

    fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    async fn forward(&self, request: Request) -> Result<Response<Body>, FrontError> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY)
            .await
            .map_err(FrontError::Request)?;
        let body = match as_sdp(&head.headers, &body) {
            Some(offer) => sdp::without_candidates(offer).into(),
            None => body,
        };
        let mut target = self.server.clone();
        target.set_path(head.uri.path());
        target.set_query(head.uri.query());
        let unreachable =
            |error: reqwest::Error| FrontError::Server(self.server.clone(), error.without_url());
        let response = self
            .client
            .request(head.method, target)
            .headers(forwardable(&head.headers))
            .body(body)
            .send()
            .await
            .map_err(unreachable)?;
        let (status, mut headers) = (response.status(), forwardable(response.headers()));
        let body = response.bytes().await.map_err(unreachable)?;
        // A TURN server would lead around the link, and STUN servers are of no use to it.
        headers.remove(header::LINK);
        if let Some(location) = headers.get_mut(header::LOCATION) {
            self.localize(location);
        }
        let body = match as_sdp(&headers, &body) {
            Some(answer) => self.through_gates(answer)?.into(),
            None => body,
        };
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    fn through_gates(&self, answer: &str) -> Result<String, FrontError> {
        let mut failure = None;
        let rewritten = sdp::with_gates(answer, |candidate| {
            match self.line.open_session(self.ip, candidate) {
                Ok(gate) => Some(gate),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            }
        });
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(rewritten),
        }
    }

    /// Makes an address at the server one at the link.
    fn localize(&self, location: &mut HeaderValue) {
        let absolute = location
            .to_str()
            .ok()
            .and_then(|text| Url::parse(text).ok());
        if let Some(url) = absolute
            && url.origin() == self.server.origin()
            && let Ok(relative) = HeaderValue::from_str(&url[url::Position::BeforePath..])
        {
            *location = relative;
        }
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response<Body> {
    front.forward(request).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "not forwarded");
        (StatusCode::BAD_GATEWAY, error.to_string()).into_response()
    })
}

fn forwardable(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in &OWN {
        kept.remove(name);
    }
    kept
}

/// The body, if it is a session description or a fragment of one.
fn as_sdp<'a>(headers: &HeaderMap, body: &'a Bytes) -> Option<&'a str> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim().to_ascii_lowercase();
    matches!(
        kind.as_str(),
        "application/sdp" | "application/trickle-ice-sdpfrag"
    )
    .then(|| std::str::from_utf8(body).ok())
    .flatten()
}

#[cfg(test)]
mod tests;
