//! A WebSocket that carries messages of `protocol::event`.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket};
use protocol::event::{CLOSE_BASE, Event, Message, Request, VERSION};
use tokio::time::{Instant, timeout};

use super::{End, Refusal};

/// Longest reason of a close, in bytes (RFC 6455 §5.5: 125 with the code).
const MAX_REASON: usize = 123;

/// See the module.
pub(super) struct Link {
    socket: WebSocket,
    /// How long a message may take.
    patience: Duration,
    seq: u64,
    heard: Instant,
}

/// The connection is gone, or takes nothing any more.
#[derive(Debug)]
pub(super) struct Lost;

impl Link {
    pub(super) fn new(socket: WebSocket, patience: Duration) -> Self {
        Self {
            socket,
            patience,
            seq: 0,
            heard: Instant::now(),
        }
    }

    /// Tells the client something.
    pub(super) async fn tell(&mut self, event: Event) -> Result<(), Lost> {
        self.seq += 1;
        let message = Message {
            v: VERSION,
            seq: self.seq,
            event,
        };
        let text = serde_json::to_string(&message).map_err(|_| Lost)?;
        self.send(Frame::text(text)).await
    }

    /// Asks whether the client is still there.
    pub(super) async fn ping(&mut self) -> Result<(), Lost> {
        self.send(Frame::Ping(Default::default())).await
    }

    /// How long the client has not been heard.
    pub(super) fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    /// The client's next message. Nothing is lost when this is not waited for to the end.
    pub(super) async fn request(&mut self) -> Result<Request, End> {
        loop {
            let frame = match self.socket.recv().await {
                Some(Ok(frame)) => frame,
                Some(Err(_)) | None => return Err(End::Gone),
            };
            self.heard = Instant::now();
            match frame {
                Frame::Text(text) => return read(&text).map_err(End::from),
                Frame::Binary(_) => {
                    return Err(Refusal::Malformed("messages are text, not binary".into()).into());
                }
                // Answered by the library.
                Frame::Ping(_) | Frame::Pong(_) => {}
                Frame::Close(_) => return Err(End::Gone),
            }
        }
    }

    /// Says why, and closes.
    pub(super) async fn refuse(mut self, refusal: &Refusal) {
        let problem = refusal.problem();
        let (code, reason) = (CLOSE_BASE + problem.status, problem.kind.clone());
        if self.tell(Event::Problem { problem }).await.is_ok() {
            self.close(code, &reason).await;
        }
    }

    /// Closes with a code (RFC 6455 §7.4) and a reason, and waits for the client to do the same, as long as that takes a patient
    /// while at most: a connection that is dropped with unread messages loses what was sent last.
    pub(super) async fn close(mut self, code: u16, reason: &str) {
        let reason: Utf8Bytes = reason.get(..MAX_REASON).unwrap_or(reason).into();
        let frame = Frame::Close(Some(CloseFrame { code, reason }));
        if self.send(frame).await.is_ok() {
            let draining = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            let _ = timeout(self.patience, draining).await;
        }
    }

    async fn send(&mut self, frame: Frame) -> Result<(), Lost> {
        let sending = timeout(self.patience, self.socket.send(frame));
        sending.await.map_err(|_| Lost)?.map_err(|_| Lost)
    }
}

fn read(text: &str) -> Result<Request, Refusal> {
    serde_json::from_str(text)
        .map_err(|error| Refusal::Malformed(format!("the message is not understood: {error}")))
}
