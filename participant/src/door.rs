//! Where to knock.

use std::fmt;

use url::Url;

/// A WHIP or WHEP address and what it takes to be let in.
#[derive(Clone)]
pub struct Door {
    /// The endpoint an offer is posted to.
    pub url: Url,
    /// Bearer token (RFC 6750), without the word `Bearer`.
    pub token: Option<String>,
    /// Whose certificate to believe when the address is `https`.
    pub trust: Trust,
}

/// Which TLS certificates are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// The authorities the platform believes.
    #[default]
    Platform,
    /// Only these authorities or certificates, in PEM.
    Pem(Vec<u8>),
    /// Any certificate. For a relay with a self-signed certificate on a network that is itself trusted; whoever can
    /// intercept that network can watch.
    Anyone,
}

impl Door {
    /// A door without token that trusts what the platform trusts.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            token: None,
            trust: Trust::Platform,
        }
    }

    /// The same door with a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The same door with other trust.
    #[must_use]
    pub fn with_trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }
}

/// Tokens open lessons, so they stay out of logs.
impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("url", &self.url.as_str())
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("trust", &self.trust)
            .finish()
    }
}
