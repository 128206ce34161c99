//! What is kept of a lesson's lines after its end: one JSON document per lesson. Times are milliseconds since the Unix epoch.

use serde::{Deserialize, Serialize};

use crate::line::{Playback, Shown, Situation};
use crate::{LessonId, Role, SeatId, Source};

/// A lesson's lines, from the first session to the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this document: 1.
    pub v: u8,
    /// The lesson.
    pub lesson: LessonId,
    /// When its first session came.
    pub from_unix_ms: u64,
    /// When its last session had gone.
    pub until_unix_ms: u64,
    /// Every seat that was there, by name.
    pub lines: Vec<LineRecord>,
}

/// One seat's line over the lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineRecord {
    /// Whose line.
    pub seat: SeatId,
    /// What the seat was to the lesson.
    pub role: Role,
    /// When it came first.
    pub from_unix_ms: u64,
    /// What it received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downlink: Option<Totals>,
    /// What it sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uplinks: Vec<UplinkRecord>,
    /// What its players counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback: Option<Playback>,
    /// When it was cut for more than a second.
    pub outages: Vec<Outage>,
    /// Which layers it was sent.
    pub layers: Vec<LayerChange>,
    /// What was the matter, in order; each lasts until the next.
    pub situations: Vec<Spell>,
    /// Entries left out of the three lists because they had grown too long.
    #[serde(default, skip_serializing_if = "is_none")]
    pub omitted: u64,
}

/// What a seat sent of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UplinkRecord {
    /// What was sent.
    pub source: Source,
    /// In figures.
    #[serde(flatten)]
    pub totals: Totals,
}

/// One direction of a line over the lesson.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Seconds that were measured.
    pub seconds: u64,
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets missing before any repair, in percent with two decimals.
    pub loss_percent: f64,
    /// Packets still missing after repair, in percent with two decimals; absent when nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_after_repair_percent: Option<f64>,
    /// Packets sent again.
    pub resent: u64,
    /// Mean round trip, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms_mean: Option<u32>,
    /// Longest round trip, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms_max: Option<u32>,
    /// Greatest interarrival jitter, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms_max: Option<u32>,
    /// Least that the line was estimated to carry, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_bps_min: Option<u64>,
    /// The minute that lost most; absent while nothing was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_minute: Option<WorstMinute>,
}

/// The minute that lost most packets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WorstMinute {
    /// Its end.
    pub until_unix_ms: u64,
    /// Packets missing before any repair, in percent with two decimals.
    pub loss_percent: f64,
}

/// A time without a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When the seat was heard last.
    pub from_unix_ms: u64,
    /// How long it was not heard.
    pub lasted_ms: u64,
}

/// A picture's new layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerChange {
    /// When.
    pub at_unix_ms: u64,
    /// The slot's name: `camera`, `courseware`, `stage-1` …
    pub slot: String,
    /// How much of it from then on; absent when the slot became empty.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
}

/// What was the matter from some time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spell {
    /// When it began.
    pub from_unix_ms: u64,
    /// What was the matter, as first told.
    pub situation: Situation,
}

fn is_none(omitted: &u64) -> bool {
    *omitted == 0
}
