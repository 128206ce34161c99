//! What a viewer found.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::log::Log;
use super::session::{Progress, Session};
use super::track::Track;
use crate::client::{Accepted, Kind};

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
    /// The largest value.
    pub max: f64,
}

impl Percentiles {
    /// Percentiles of a histogram of microseconds, in milliseconds; nothing of an empty one.
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Some(Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1000.0,
        })
    }

    /// The delays of several viewers together.
    pub fn merged<'a>(viewers: impl IntoIterator<Item = &'a ViewerReport>) -> Option<Self> {
        let mut delay = super::histogram();
        for viewer in viewers {
            delay.add(&viewer.delay).expect("the bounds are the same");
        }
        Self::of(&delay)
    }
}

/// One viewer's result.
#[derive(Debug, Clone, Serialize)]
pub struct ViewerReport {
    /// Which viewer.
    pub viewer: usize,
    /// Why it ended early, if it did.
    pub failure: Option<String>,
    /// The negotiated SRTP profile.
    pub srtp_profile: Option<&'static str>,
    /// From asking to the end of the handshake, in milliseconds.
    pub join_ms: Option<f64>,
    /// From asking to the first whole keyframe, in milliseconds.
    pub first_picture_ms: Option<f64>,
    /// The same of the last of its video sections.
    pub all_pictures_ms: Option<f64>,
    /// Packets that arrived, duplicates included.
    pub packets: u64,
    /// Bytes of their UDP payloads.
    pub bytes: u64,
    /// Packets from the first to the highest of every track.
    pub packets_expected: u64,
    /// Different packets that arrived.
    pub packets_received: u64,
    /// Packets that never arrived, repairs included.
    pub packets_lost: u64,
    /// Packets that arrived again.
    pub duplicates: u64,
    /// Packets that were missing and came as repairs on SSRCs of their own.
    pub repaired: u64,
    /// Bytes on those SSRCs that repaired nothing: probes for bandwidth, and repairs that came twice.
    pub probe_bytes: u64,
    /// Packets asked for again.
    pub nacks: u64,
    /// Keyframes asked for.
    pub keyframe_requests: u64,
    /// Packets authenticated, and found genuine.
    pub authenticated: u64,
    /// Packets found forged.
    pub auth_failures: u64,
    /// RFC 3550 jitter of the first video track (of the first track, where there is no video), in milliseconds.
    pub jitter_ms: f64,
    /// Source to arrival.
    pub delay_ms: Option<Percentiles>,
    /// Between consecutive packets of video (of audio, where there is no video).
    pub gap_ms: Option<Percentiles>,
    /// When the last packet arrived, since the Unix epoch.
    #[serde(skip)]
    pub last_arrival: Duration,
    /// Source to arrival, in microseconds.
    #[serde(skip)]
    pub delay: Histogram<u64>,
    /// Between consecutive packets, in microseconds.
    #[serde(skip)]
    pub gap: Histogram<u64>,
    /// What the server serves it with.
    #[serde(skip)]
    pub sections: Vec<Accepted>,
    /// What came, if the viewer was attentive.
    #[serde(skip)]
    pub log: Option<Log>,
}

impl Session {
    /// What it has found so far.
    pub fn report(&self) -> ViewerReport {
        let mut delay = super::histogram();
        let mut gap = super::histogram();
        let shown = match self.tracks.iter().any(|track| track.kind == Kind::Video) {
            true => Kind::Video,
            false => Kind::Audio,
        };
        for track in &self.tracks {
            delay.add(&track.delay).expect("the bounds are the same");
            if track.kind == shown {
                gap.add(&track.gap).expect("the bounds are the same");
            }
        }
        let sum = |value: fn(&Track) -> u64| self.tracks.iter().map(value).sum();
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        ViewerReport {
            viewer: self.index,
            failure: match &self.progress {
                Progress::Failed(why) => Some(why.clone()),
                Progress::Connecting => Some("not connected".to_owned()),
                Progress::Connected => None,
            },
            srtp_profile: self.link.profile(),
            join_ms: self.connected_after.map(millis),
            first_picture_ms: self.picture_after.map(millis),
            all_pictures_ms: self.pictures_after.map(millis),
            packets: sum(|track| track.packets),
            bytes: sum(|track| track.bytes),
            packets_expected: sum(|track| track.sequence.expected()),
            packets_received: sum(|track| track.sequence.received()),
            packets_lost: sum(|track| track.sequence.lost()),
            duplicates: sum(|track| track.sequence.duplicates()),
            repaired: sum(|track| track.repaired),
            probe_bytes: self.probe_bytes,
            nacks: sum(|track| track.sequence.requests()),
            keyframe_requests: self.keyframe_requests,
            authenticated: self.authenticated,
            auth_failures: self.auth_failures,
            jitter_ms: self
                .tracks
                .iter()
                .find(|track| track.kind == shown)
                .map_or(0.0, |track| track.jitter.millis()),
            delay_ms: Percentiles::of(&delay),
            gap_ms: Percentiles::of(&gap),
            last_arrival: self
                .tracks
                .iter()
                .map(|track| track.last_arrival)
                .max()
                .unwrap_or_default(),
            delay,
            gap,
            sections: self.sections.clone(),
            log: self.log.clone(),
        }
    }
}
