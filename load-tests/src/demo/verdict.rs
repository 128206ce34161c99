//! Whether every room was served, in numbers and in sentences.

use serde::Serialize;

use super::room;
use super::standing::Standing;
use crate::summary::Spread;
use crate::viewer::{Percentiles, ViewerReport};

/// The share of what was sent that has to arrive: what was under way when counting began and ended is not held against anybody.
const SHARE: f64 = 0.98;
/// Milliseconds of sound in a packet.
pub const SOUND_MS: u64 = 20;

/// The demo's result.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Rooms that were to join.
    pub rooms: usize,
    /// Rooms that were connected at the end.
    pub rooms_connected: usize,
    /// Packets from the first to the highest of every track of every room.
    pub packets_expected: u64,
    /// Packets that never arrived, repairs included.
    pub packets_lost: u64,
    /// Pictures decoded, by each decoding room.
    pub frames_decoded: Vec<u64>,
    /// Pictures that the school sent since that room's first.
    pub frames_sent: Vec<u64>,
    /// Milliseconds of sound decoded, by each decoding room.
    pub audio_ms_decoded: Vec<u64>,
    /// Milliseconds of sound that the school sent since that room's first.
    pub audio_ms_sent: Vec<u64>,
    /// From asking to join to the first picture, over all rooms.
    pub first_picture_ms: Option<Spread>,
    /// From capture to arrival, over all packets of the rooms that only receive.
    pub delay_ms: Option<Delay>,
    /// RFC 3550 jitter of pictures, over all rooms.
    pub jitter_ms: Option<Jitter>,
    /// Length of the lesson once everybody had joined.
    pub seconds: f64,
    /// What each room got on average, in Mbit/s.
    pub mbit_per_room: f64,
    /// Which rooms were not served, and why.
    pub not_served: Vec<String>,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Delay {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Jitter {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
}

/// What was sent of a source since a room's first picture or sound of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Due {
    /// Pictures, or packets of sound.
    pub frames: u64,
}

impl From<Percentiles> for Delay {
    fn from(found: Percentiles) -> Self {
        Self { p50: found.p50, p95: found.p95, p99: found.p99 }
    }
}

impl From<Spread> for Jitter {
    fn from(spread: Spread) -> Self {
        Self { p50: spread.p50, p95: spread.p95 }
    }
}
