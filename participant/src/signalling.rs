//! How an offer becomes an answer.

pub(crate) mod http;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use url::Url;

use crate::Door;

/// A session the other side has made for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The SDP answer.
    pub answer: String,
    /// Where the session is ended, already resolved against the door's address.
    pub resource: Option<Url>,
}

/// The other side was reached, and said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused with {status}: {detail}")]
pub struct Refusal {
    /// HTTP status code.
    pub status: u16,
    /// The problem's detail (RFC 9457) when there is one, else the beginning of the body, else the status' usual words.
    pub detail: String,
}

impl Refusal {
    /// Whether trying again unchanged is unlikely to help: every 4xx but 408, 409, 425 and 429.
    pub fn is_permanent(&self) -> bool {
        (400..500).contains(&self.status) && !matches!(self.status, 408 | 409 | 425 | 429)
    }
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The other side said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The other side could not be reached, or did not answer as WHIP and WHEP demand.
    #[error("no answer: {0}")]
    Unreachable(String),
}

/// What an exchange returns.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Session, OfferError>> + Send>>;

/// A relay in the same process.
pub trait InProcess: Send + Sync + 'static {
    /// Answers an offer posted to `door`.
    fn offer(&self, door: Door, offer: String) -> Exchange;

    /// Ends a session; errors are of no use to anybody at that point.
    fn end(&self, door: Door, resource: Url) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// How offers travel.
#[derive(Clone)]
pub enum Signalling {
    /// By HTTP, as the standards say.
    Http,
    /// By a call, for scenarios that run relay and participants in one process.
    InProcess(Arc<dyn InProcess>),
}

impl fmt::Debug for Signalling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signalling::Http => "Http",
            Signalling::InProcess(_) => "InProcess",
        })
    }
}

/// Signalling for one door.
#[derive(Debug, Clone)]
pub(crate) enum Messenger {
    Http(http::Client),
    InProcess(Door, Call),
}

#[derive(Clone)]
pub(crate) struct Call(Arc<dyn InProcess>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

impl Messenger {
    /// Fails when the door's certificates cannot be read.
    pub(crate) fn new(signalling: &Signalling, door: &Door) -> Result<Self, OfferError> {
        match signalling {
            Signalling::Http => Ok(Self::Http(http::Client::new(door)?)),
            Signalling::InProcess(relay) => Ok(Self::InProcess(door.clone(), Call(relay.clone()))),
        }
    }

    pub(crate) async fn offer(&self, sdp: String) -> Result<Session, OfferError> {
        match self {
            Self::Http(client) => client.offer(sdp).await,
            Self::InProcess(door, call) => call.0.offer(door.clone(), sdp).await,
        }
    }

    /// Ends a session as well as it can be done.
    pub(crate) async fn end(&self, resource: Url) {
        match self {
            Self::Http(client) => client.end(resource).await,
            Self::InProcess(door, call) => call.0.end(door.clone(), resource).await,
        }
    }
}
