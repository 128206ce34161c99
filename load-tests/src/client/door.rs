//! WHIP and WHEP over HTTP (RFC 9725): an offer in, an answer and a resource out.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, StatusCode};
use url::Url;

/// A WHIP or WHEP endpoint.
#[derive(Debug, Clone)]
pub struct Door {
    client: Client,
    endpoint: Url,
    token: Option<String>,
}

/// A session at the server. It lives until [`Resource::delete`].
#[derive(Debug)]
pub struct Resource {
    client: Client,
    address: Option<Url>,
    token: Option<String>,
}

/// Why a session was not made.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The server could not be reached.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// It answered something else than 201.
    #[error("{0} answered {1}: {2}")]
    Refused(String, StatusCode, String),
}

impl Door {
    /// A door at `endpoint`, opened with a bearer token if one is given.
    pub fn new(client: Client, endpoint: Url, token: Option<String>) -> Self {
        Self {
            client,
            endpoint,
            token,
        }
    }

    /// The address of this machine that faces the server, for the host candidate.
    pub fn local_ip(&self) -> std::io::Result<IpAddr> {
        let server = self
            .endpoint
            .socket_addrs(|| None)?
            .into_iter()
            .next()
            .ok_or_else(|| std::io::Error::other("the host has no address"))?;
        let any: SocketAddr = if server.is_ipv4() {
            ([0, 0, 0, 0], 0).into()
        } else {
            ([0u16; 8], 0).into()
        };
        // Connecting a UDP socket sends nothing; it only asks the routing table.
        let probe = UdpSocket::bind(any)?;
        probe.connect(server)?;
        Ok(probe.local_addr()?.ip())
    }

    /// Posts an offer; gives the answer and the resource.
    pub async fn post(&self, offer: String) -> Result<(String, Resource), DoorError> {
        let unreachable = |error: reqwest::Error| {
            DoorError::Unreachable(self.endpoint.to_string(), root_cause(&error))
        };
        let mut request = self
            .client
            .post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/sdp")
            .header(ACCEPT, "application/sdp");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.body(offer).send().await.map_err(unreachable)?;
        let status = response.status();
        let address = response
            .headers()
            .get(LOCATION)
            .and_then(|location| self.endpoint.join(location.to_str().ok()?).ok());
        let body = response.text().await.map_err(unreachable)?;
        if status != StatusCode::CREATED {
            let body = body.chars().take(200).collect();
            return Err(DoorError::Refused(self.endpoint.to_string(), status, body));
        }
        let resource = Resource {
            client: self.client.clone(),
            address,
            token: self.token.clone(),
        };
        Ok((body, resource))
    }
}

impl Resource {
    /// Ends the session. A server that is gone already needs no ending, so failures are ignored.
    pub async fn delete(self) {
        let Some(address) = self.address else { return };
        let mut request = self.client.delete(address);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let _ = request.send().await;
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
