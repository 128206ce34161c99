//! What a worker tells once a second of each session's line. Judging it is somebody else's work.

use std::time::{Duration, Instant};

use crate::key::{SessionKey, TrackKey};

/// One session's line over the last second. Packets are RTP packets, bytes are RTP headers and payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The end of that second.
    pub at: Instant,
    /// Whose line it is.
    pub session: SessionKey,
    /// Packets put on the line for the first time: sent to a viewer, or of a publisher those that came and those that were missed.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets missing before any repair, as transport feedback, reception reports or gaps in the numbers tell.
    pub lost: u64,
    /// Packets that went over the line again, to repair it.
    pub resent: u64,
    /// The last measured round trip; `None` before the first.
    pub round_trip: Option<Duration>,
    /// Interarrival jitter of the worst track (RFC 3550 §6.4.1); `None` before the first report.
    pub jitter: Option<Duration>,
    /// What the line is estimated to carry, bit/s; `None` where nothing tells.
    pub estimate: Option<u64>,
    /// How long the client has not been heard; `None` before its first datagram.
    pub silence: Option<Duration>,
    /// Which way the media goes, and what only that way knows.
    pub hop: Hop,
}

/// The part of the path that a session's media takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// From a publisher to the relay.
    Uplink {
        /// Packets given up in this second: no repetition came in time.
        unrepaired: u64,
    },
    /// From the relay to a viewer. What stays missing after repair only the viewer knows.
    Downlink {
        /// Its slots in the order of its m-lines.
        slots: Vec<SlotReading>,
    },
}

/// What a viewer's slot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotReading {
    /// Position among the viewer's slots.
    pub slot: u8,
    /// What fills it; `None` exactly when it is [`Shown::Empty`].
    pub track: Option<TrackKey>,
    /// How much of that the viewer gets.
    pub shown: Shown,
}

/// How much of a track a viewer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// There is no track.
    Empty,
    /// Nothing: the line is too narrow for it at present.
    Paused,
    /// One of its layers.
    Layer {
        /// Its place, counted from 0 for the lowest.
        index: u8,
        /// How many the publisher sends at present, at least 1.
        of: u8,
    },
}
