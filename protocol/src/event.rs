//! The event stream: JSON messages over one WebSocket per client, `GET /api/lessons/{lesson}/events`.
//!
//! The client speaks first, with [`Request::Hello`]. The relay answers with [`Event::Snapshot`] and then tells what changes, at most
//! once a second. Whoever reads skips over fields and events it does not know. A refusal is [`Event::Problem`] followed by
//! a close whose code is 4000 plus the problem's HTTP status.

use serde::{Deserialize, Serialize};

use crate::line::{Line, Playback};
use crate::{LessonId, Problem, SeatId};

/// The version of the messages, in every one of the relay's.
pub const VERSION: u8 = 1;

/// Added to a problem's HTTP status it is the WebSocket's close code (RFC 6455 §7.4.2: 4000–4999 are for applications).
pub const CLOSE_BASE: u16 = 4_000;

/// Longest message of a client, in bytes.
pub const MAX_REQUEST: usize = 8 * 1024;

/// A message of the relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// [`VERSION`].
    pub v: u8,
    /// Counts the connection's messages from 1.
    pub seq: u64,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

/// What the relay tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Everything as it is now.
    Snapshot {
        /// The lesson.
        lesson: LessonId,
        /// The client's own seat.
        seat: SeatId,
        /// The lines it may see: its own, or all of the lesson.
        lines: Vec<Line>,
    },
    /// A line has come or changed.
    Line {
        /// The line as it is now.
        line: Line,
    },
    /// A seat has left the lesson.
    Gone {
        /// Whose.
        seat: SeatId,
    },
    /// The client is refused; a close follows.
    Problem {
        /// Why.
        problem: Problem,
    },
}

/// What a client tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Who it is. Pages cannot set headers for a WebSocket, so the token comes here.
    Hello {
        /// The media token, as for WHEP; absent in local mode.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// Which seat, in local mode only: a token names its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seat: Option<SeatId>,
    },
    /// What its player has counted so far.
    Playback(Playback),
}
