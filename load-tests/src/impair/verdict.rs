//! What was found, in a few numbers.

use std::time::Duration;

use serde::Serialize;

use super::playout::{LayerChange, Playout, Showing};
use crate::link::{LineReport, Profile};
use crate::viewer::Percentiles;

/// What was found. Ratios are from 0 to 1. What is said of pictures is said of the source that fared worst: `sources` has each.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The profile's name.
    pub profile: String,
    /// Seconds that were measured.
    pub seconds: f64,
    /// Gaps between shown frames beyond 200 ms, of all sources.
    pub freeze_count: usize,
    /// Share of the time in such gaps.
    pub freeze_ratio: f64,
    /// The longest such gap.
    pub longest_freeze_ms: f64,
    /// Share of the frames sent to the room that became whole within a second, of all sources.
    pub frames_complete: f64,
    /// Share of the audio packets that a buffer of 200 ms had not received when they were to be played.
    pub audio_concealed: f64,
    /// Source to arrival of every packet that arrived, repaired ones included.
    pub delay_ms: Option<Delay>,
    /// From the fall of the line to the first whole frame of the camera in a lower layer. Nothing when the line does not fall, or
    /// no lower layer came.
    pub layer_down_ms: Option<f64>,
    /// From the rise of the line to the first whole frame of the camera in the top layer. Nothing when the line does not rise, or
    /// the top layer did not come.
    pub layer_up_ms: Option<f64>,
    /// Bytes sent again or to repair, over bytes of media, both as they left the relay.
    pub repair_overhead: f64,
    /// Bytes of repairs that were not needed when they arrived, over bytes of media: probes for bandwidth. Not in
    /// `repair_overhead`.
    pub probe_overhead: f64,
    /// Camera and courseware, each for itself.
    pub sources: Vec<SourceVerdict>,
    /// The other rooms.
    pub clean_rooms: CleanRooms,
    /// What the line did.
    pub line: LineReport,
}

/// What the room saw of one source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceVerdict {
    /// Its slot's name.
    pub name: String,
    /// Frames that were sent.
    pub frames: usize,
    /// Share of them that became whole within a second.
    pub frames_complete: f64,
    /// Gaps between shown frames beyond 200 ms; beyond 500 ms, where five frames a second are sent.
    pub freeze_count: usize,
    /// Share of the time in such gaps.
    pub freeze_ratio: f64,
    /// The longest such gap.
    pub longest_freeze_ms: f64,
    /// How long the relay sent nothing of it while it sent something else. Not in the freezes.
    pub paused_ms: f64,
    /// Which layer was shown from when on, 0 the best.
    pub layers: Vec<LayerChange>,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Delay {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
}

/// What the rooms on clean lines noticed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CleanRooms {
    /// How many.
    pub rooms: usize,
    /// Packets that never arrived, over the whole lesson.
    pub packets_lost: u64,
    /// Delay while the other room was there.
    pub delay_p99_ms: Option<f64>,
    /// Delay before it came.
    pub delay_p99_ms_without: Option<f64>,
}

/// Everything a verdict is made of.
pub(super) struct Found<'a> {
    pub profile: &'a Profile,
    pub playout: Playout,
    pub length: Duration,
    pub delay: Option<Percentiles>,
    pub probe_bytes: u64,
    pub clean_rooms: CleanRooms,
    pub line: LineReport,
}

impl Found<'_> {
    pub fn verdict(self) -> Verdict {
        let playout = &self.playout;
        let sources: Vec<SourceVerdict> = playout
            .sources
            .iter()
            .map(|source| judged(source, self.length))
            .collect();
        let worst = |figure: fn(&SourceVerdict) -> f64| {
            let figures = sources.iter().map(figure);
            figures.max_by(f64::total_cmp).unwrap_or_default()
        };
        let sum =
            |count: fn(&Showing) -> usize| -> usize { playout.sources.iter().map(count).sum() };
        let camera = playout
            .sources
            .iter()
            .find(|source| source.name == "camera");
        let layer_after = |from: Option<Duration>, wanted: fn(u8) -> bool| {
            camera?.time_to(from?.as_secs_f64() * 1000.0, wanted)
        };
        let media = playout.media_bytes as f64;
        let repairs = playout.repair_bytes.saturating_sub(self.probe_bytes);
        Verdict {
            profile: self.profile.name.clone(),
            seconds: self.length.as_secs_f64(),
            freeze_count: sum(|source| source.freezes),
            freeze_ratio: worst(|source| source.freeze_ratio),
            longest_freeze_ms: worst(|source| source.longest_freeze_ms),
            frames_complete: ratio(
                sum(|source| source.frames_complete) as f64,
                sum(|source| source.frames) as f64,
            ),
            audio_concealed: ratio(playout.audio_concealed as f64, playout.audio_packets as f64),
            delay_ms: self.delay.map(|delay| Delay {
                p50: delay.p50,
                p95: delay.p95,
            }),
            layer_down_ms: layer_after(self.profile.fall(), |layer| layer > 0),
            layer_up_ms: layer_after(self.profile.rise(), |layer| layer == 0),
            repair_overhead: ratio(repairs as f64, media),
            probe_overhead: ratio(self.probe_bytes as f64, media),
            sources,
            clean_rooms: self.clean_rooms,
            line: self.line,
        }
    }
}

fn judged(source: &Showing, length: Duration) -> SourceVerdict {
    SourceVerdict {
        name: source.name.clone(),
        frames: source.frames,
        frames_complete: ratio(source.frames_complete as f64, source.frames as f64),
        freeze_count: source.freezes,
        freeze_ratio: ratio(source.frozen.as_secs_f64(), length.as_secs_f64()),
        longest_freeze_ms: source.longest_freeze.as_secs_f64() * 1000.0,
        paused_ms: source.paused.as_secs_f64() * 1000.0,
        layers: source.layers.clone(),
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
