//! A WebSocket to the relay (RFC 6455), over the same HTTP client as everything else, so that the same certificates are believed.

use futures_util::{SinkExt, StreamExt};
use protocol::event::{Event, Message, Request};
use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use serde::Deserialize;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Url;

use crate::Door;
use crate::signalling::http;

/// Longest message taken, in bytes. A snapshot of a lesson with a thousand rooms is smaller.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// See the module.
pub(super) struct Link(WebSocketStream<Upgraded>);

/// Why there is no connection, or none any more.
#[derive(Debug)]
pub(super) enum Failure {
    /// The line, or the relay, is gone.
    Lost(String),
    /// The relay does not want this client.
    Refused(String),
}

/// As much of a message as tells whether it is one that is understood.
#[derive(Deserialize)]
struct Version {
    v: u8,
}

impl Link {
    /// Connects.
    pub(super) async fn open(door: &Door, url: &Url) -> Result<Self, Failure> {
        // HTTP/2 has no upgrade.
        let client = http::builder(door)
            .and_then(|builder| builder.http1_only().build())
            .map_err(lost)?;
        let key = generate_key();
        let request = client
            .get(url.clone())
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = timeout(http::EXCHANGE, request.send())
            .await
            .map_err(lost)?
            .map_err(lost)?;
        let status = response.status();
        if status.is_client_error() {
            return Err(Failure::Refused(format!("the relay answers {status}")));
        }
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        let is_accepted = accept.is_some_and(|accept| *accept == derive_accept_key(key.as_bytes()));
        if status != StatusCode::SWITCHING_PROTOCOLS || !is_accepted {
            return Err(Failure::Lost(format!("the relay answers {status}")));
        }
        let upgraded = response.upgrade().await.map_err(lost)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config));
        Ok(Self(socket.await))
    }

    /// Tells the relay something.
    pub(super) async fn say(&mut self, request: &Request) -> Result<(), Failure> {
        let text = serde_json::to_string(request).map_err(lost)?;
        let sending = timeout(http::EXCHANGE, self.0.send(Frame::text(text)));
        sending.await.map_err(lost)?.map_err(lost)
    }

    /// What the relay says next; `None` for what is no event, or one that only a newer relay knows. Nothing is lost when this is not
    /// waited for to the end.
    pub(super) async fn event(&mut self) -> Result<Option<Event>, Failure> {
        match self.0.next().await {
            Some(Ok(Frame::Text(text))) => Ok(read(&text)),
            Some(Ok(Frame::Close(frame))) => {
                let reason = frame.map(|frame| format!("{} {}", frame.code, frame.reason));
                Err(Failure::Lost(reason.unwrap_or_default()))
            }
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(lost(error)),
            None => Err(Failure::Lost("the connection has ended".into())),
        }
    }
}

fn read(text: &str) -> Option<Event> {
    let Version { v } = serde_json::from_str(text).ok()?;
    if v != protocol::event::VERSION {
        return None;
    }
    let message: Message = serde_json::from_str(text).ok()?;
    Some(message.event)
}

fn lost(error: impl std::fmt::Display) -> Failure {
    Failure::Lost(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_newer_relay_says_is_skipped() {
        let known = include_str!("../../../protocol/fixtures/event-gone.json");
        assert!(matches!(read(known), Some(Event::Gone { .. })));
        for text in [
            "",
            "{}",
            r#"{"v":2,"seq":1,"type":"gone","seat":"room-7"}"#,
            r#"{"v":1,"seq":1,"type":"hand","seat":"room-7"}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
