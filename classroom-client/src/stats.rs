//! What is counted while watching, and how it is told: as a table, as JSON lines, as text over the picture.

mod histogram;
mod table;

use std::time::{Duration, Instant};

use participant::{Kind, watch};
use protocol::line::{Line, Playback};
use serde::Serialize;

pub use histogram::Histogram;
pub use table::{overlay, table};

use crate::play::Decoded;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// One slot, since the start unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlotReport {
    /// What the relay calls it.
    pub slot: String,
    /// `audio` or `video`.
    pub kind: &'static str,
    /// Position in the session.
    pub line: usize,
    /// Megabits per second over the last interval.
    pub mbit: f64,
    /// Complete access units or packets of sound.
    pub frames_received: u64,
    /// Pictures that left the decoder.
    pub frames_decoded: u64,
    /// Complete access units that were not decoded, because a picture before them is missing or the decoder is too slow.
    pub frames_skipped: u64,
    /// RTP packets.
    pub packets_received: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Sound that left the decoder.
    pub audio_ms_decoded: u64,
    /// Sound made up for lost packets.
    pub audio_ms_concealed: u64,
    /// Times when decoded sound was not continuous.
    pub audio_gaps: u64,
    /// From the start of watching to the first decoded picture or sound.
    pub first_picture_ms: Option<f64>,
    /// From capture to arrival, by the wall clocks of both ends.
    pub delay_ms: Option<Percentiles>,
    /// Interarrival jitter (RFC 3550 §6.4.1), latest.
    pub jitter_ms: f64,
    /// Keyframe requests sent.
    pub keyframe_requests: u64,
}

/// Everything about a watching session at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Since the start of watching.
    pub seconds: f64,
    /// Whether there is a connection now.
    pub connected: bool,
    /// Connections that were made.
    pub connections: u64,
    /// How the relay says the room's line is; absent while it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The slots in the order of their lines.
    pub slots: Vec<SlotReport>,
}

impl Report {
    /// What the relay is told in return. Standing pictures are not counted here.
    pub fn playback(&self) -> Playback {
        let sum = |figure: fn(&SlotReport) -> u64| self.slots.iter().map(figure).sum();
        Playback {
            concealed_ms: sum(|slot| slot.audio_ms_concealed),
            frames_decoded: sum(|slot| slot.frames_decoded),
            packets_lost: sum(|slot| match slot.kind {
                "video" => slot.packets_lost,
                _ => 0,
            }),
            ..Playback::default()
        }
    }
}

/// What is counted per slot on this side of the decoder.
#[derive(Debug, Default)]
pub struct Received {
    /// See [`SlotReport::frames_received`].
    pub frames: u64,
    /// See [`SlotReport::frames_skipped`].
    pub skipped: u64,
    /// Delays from capture to arrival.
    pub delays: Histogram,
    bytes_before: u64,
}

impl Received {
    /// The report on a slot.
    pub fn report(
        &mut self,
        slot: &watch::Slot,
        statistics: &watch::Statistics,
        decoded: &Decoded,
        start: Instant,
        interval: Duration,
    ) -> SlotReport {
        let bytes = statistics.bytes.saturating_sub(self.bytes_before);
        self.bytes_before = statistics.bytes;
        SlotReport {
            slot: slot.name.clone(),
            kind: match slot.kind {
                Kind::Audio => "audio",
                Kind::Video => "video",
            },
            line: slot.line,
            mbit: round(bytes as f64 * 8.0 / 1e6 / interval.as_secs_f64().max(0.001)),
            frames_received: self.frames,
            frames_decoded: decoded.frames,
            frames_skipped: self.skipped,
            packets_received: statistics.packets,
            packets_lost: statistics.packets_lost,
            audio_ms_decoded: whole_ms(decoded.audio),
            audio_ms_concealed: whole_ms(decoded.concealed),
            audio_gaps: decoded.audio_gaps,
            first_picture_ms: decoded
                .first
                .map(|first| ms(first.saturating_duration_since(start))),
            delay_ms: self.delays.percentiles(),
            jitter_ms: ms(statistics.jitter),
            keyframe_requests: statistics.keyframe_requests,
        }
    }
}

fn ms(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1e3)
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// To hundredths: more digits are noise.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
