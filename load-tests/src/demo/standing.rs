//! How one room stands: the same figures for rooms that decode and for rooms that only receive.

use super::room;
use crate::viewer::ViewerReport;

/// A room at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Whether it has a connection.
    pub connected: bool,
    /// Mbit/s of the last second.
    pub mbit: f64,
    /// Packets from the first to the highest of every track.
    pub packets_expected: u64,
    /// Packets that never arrived, repairs included.
    pub packets_lost: u64,
    /// RFC 3550 jitter of the pictures, in milliseconds.
    pub jitter_ms: f64,
    /// Median and 99th percentile from capture to arrival, in milliseconds.
    pub delay_ms: Option<(f64, f64)>,
    /// From asking to join to the first picture, in milliseconds.
    pub first_picture_ms: Option<f64>,
    /// Pictures that left the decoder; `None` where nothing is decoded.
    pub frames_decoded: Option<u64>,
}

impl Standing {
    /// Of a room that decodes.
    pub fn decoding(report: Option<&room::Report>) -> Self {
        let Some(report) = report else {
            return Self {
                frames_decoded: Some(0),
                ..Self::default()
            };
        };
        let sum = |count: fn(&room::Slot) -> u64| report.slots.iter().map(count).sum::<u64>();
        let main = report.pictures().max_by_key(|slot| slot.packets_received);
        Self {
            connected: report.connected,
            mbit: report.slots.iter().map(|slot| slot.mbit).sum(),
            packets_expected: sum(|slot| slot.packets_received + slot.packets_lost),
            packets_lost: sum(|slot| slot.packets_lost),
            jitter_ms: main.map_or(0.0, |slot| slot.jitter_ms),
            delay_ms: main
                .and_then(|slot| slot.delay_ms)
                .map(|delay| (delay.p50, delay.p99)),
            first_picture_ms: report.first_picture_ms(),
            frames_decoded: Some(sum(|slot| slot.frames_decoded)),
        }
    }

    /// Of a room that only receives; `bytes` is what it had received a second ago.
    pub fn receiving(report: &ViewerReport, bytes: u64, seconds: f64) -> Self {
        Self {
            connected: report.failure.is_none(),
            mbit: report.bytes.saturating_sub(bytes) as f64 * 8.0 / 1e6 / seconds.max(0.001),
            packets_expected: report.packets_expected,
            packets_lost: report.packets_lost,
            jitter_ms: report.jitter_ms,
            delay_ms: report.delay_ms.map(|delay| (delay.p50, delay.p99)),
            first_picture_ms: report.first_picture_ms,
            frames_decoded: None,
        }
    }
}
