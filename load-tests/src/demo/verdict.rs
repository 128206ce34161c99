//! Whether every room was served, in numbers and in sentences.

use serde::Serialize;

use super::room::{Kind, Report, Slot};
use crate::summary::Spread;
use crate::viewer::{Percentiles, ViewerReport};

/// The share of what was sent that has to arrive: what was under way when counting began and ended is not held against anybody.
const SHARE: f64 = 0.98;
/// Packets that may be under way at either end of the lesson: those of a short while at 20 Mbit/s.
const UNDER_WAY: u64 = 300;
/// Milliseconds of sound in a packet.
const SOUND_MS: u64 = 20;

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

impl From<Percentiles> for Delay {
    fn from(found: Percentiles) -> Self {
        Self {
            p50: found.p50,
            p95: found.p95,
            p99: found.p99,
        }
    }
}

impl From<Spread> for Jitter {
    fn from(spread: Spread) -> Self {
        Self {
            p50: spread.p50,
            p95: spread.p95,
        }
    }
}

/// Why a room that only receives was not served; `received` and `sent` count packets while everybody was there.
pub fn receiving(report: &ViewerReport, received: u64, sent: u64) -> Option<String> {
    if let Some(failure) = &report.failure {
        return Some(failure.clone());
    }
    if report.first_picture_ms.is_none() {
        return Some("it never had a picture".to_owned());
    }
    if report.auth_failures > 0 {
        return Some(format!(
            "{} packets were not authentic",
            report.auth_failures
        ));
    }
    if report.packets_lost > 0 {
        return Some(lost(report.packets_lost, report.packets_expected));
    }
    falls_short(received + UNDER_WAY, sent)
        .then(|| format!("it got {received} of the {sent} packets that the school sent"))
}

/// How a room that decodes was served.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Pictures decoded, of all sources.
    pub frames_decoded: u64,
    /// Pictures that were to be decoded.
    pub frames_sent: u64,
    /// Milliseconds of sound decoded.
    pub audio_ms_decoded: u64,
    /// Milliseconds of sound that were to be decoded.
    pub audio_ms_sent: u64,
    /// Why it was not served.
    pub why_not: Option<String>,
}

/// A source that every decoding room should play.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// Its name.
    pub source: &'static str,
    /// Whether it has sound.
    pub sound: bool,
}

/// How a room that decodes was served. `due` gives how many frames were sent in a slot since the room's first.
pub fn decoding(report: &Report, offered: &[Offered], due: impl Fn(&Slot) -> u64) -> Service {
    let mut service = Service::default();
    let mut reasons = Vec::new();
    if !report.connected {
        reasons.push("it was not connected at the end".to_owned());
    }
    let missing = report.slots.iter().map(|slot| slot.packets_lost).sum();
    if missing > 0 {
        let expected = report
            .slots
            .iter()
            .map(|slot| slot.packets_received)
            .sum::<u64>()
            + missing;
        reasons.push(lost(missing, expected));
    }
    for Offered { source, sound } in offered {
        let slot = |kind| {
            report.slots.iter().find(|slot| {
                slot.source == *source && slot.kind == kind && slot.first_picture_ms.is_some()
            })
        };
        match slot(Kind::Video) {
            Some(slot) => {
                let (decoded, sent) = (slot.frames_decoded, due(slot));
                service.frames_decoded += decoded;
                service.frames_sent += sent;
                if falls_short(decoded, sent) {
                    let skipped = slot.frames_skipped;
                    reasons.push(format!(
                        "it decoded {decoded} of {sent} pictures of {source} and skipped {skipped}"
                    ));
                }
            }
            None => reasons.push(format!("it never saw {source}")),
        }
        match slot(Kind::Audio) {
            Some(slot) if *sound => {
                let (decoded, sent) = (slot.audio_ms_decoded, due(slot) * SOUND_MS);
                service.audio_ms_decoded += decoded;
                service.audio_ms_sent += sent;
                let genuine = decoded.saturating_sub(slot.audio_ms_concealed);
                if slot.audio_gaps > 0 {
                    reasons.push(format!("its sound broke off {} times", slot.audio_gaps));
                }
                // A player that needs a longer lead stretches the sound a little: that much may be made up.
                if falls_short(genuine, sent) {
                    reasons.push(format!("it decoded {genuine} of {sent} ms of sound"));
                }
            }
            None if *sound => reasons.push(format!("it never heard {source}")),
            Some(_) | None => {}
        }
    }
    service.why_not = (!reasons.is_empty()).then(|| reasons.join("; "));
    service
}

fn lost(lost: u64, expected: u64) -> String {
    format!("{lost} of {expected} packets were lost")
}

fn falls_short(got: u64, sent: u64) -> bool {
    (got as f64) < sent as f64 * SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Offered = Offered {
        source: "camera",
        sound: true,
    };
    const COURSEWARE: Offered = Offered {
        source: "courseware",
        sound: false,
    };

    fn report(changes: impl FnOnce(&mut Report)) -> Report {
        let slot = |source: &str, kind: &str, decoded: u64, sound: u64| {
            serde_json::json!({
                "slot": source, "kind": kind, "mbit": 10.0, "frames_received": 900, "frames_decoded": decoded, "frames_skipped": 19,
                "packets_received": 60_000, "packets_lost": 0, "audio_ms_decoded": sound, "audio_ms_concealed": 0,
                "audio_gaps": 0, "first_picture_ms": 300.0, "delay_ms": null, "jitter_ms": 1.0,
            })
        };
        let slots = [
            slot("camera", "video", 899, 0),
            slot("courseware", "video", 898, 0),
            slot("camera", "audio", 0, 29_980),
        ];
        let report = serde_json::json!({ "seconds": 31.0, "connected": true, "slots": slots });
        let mut report = serde_json::from_value(report).unwrap();
        changes(&mut report);
        report
    }

    fn judge(changes: impl FnOnce(&mut Report)) -> Service {
        decoding(&report(changes), &[CAMERA, COURSEWARE], |slot| {
            match slot.kind {
                Kind::Video => 900,
                Kind::Audio => 1_500,
            }
        })
    }

    fn why_not(changes: impl FnOnce(&mut Report)) -> String {
        judge(changes).why_not.unwrap()
    }

    #[test]
    fn a_room_that_decoded_everything_was_served() {
        let expected = Service {
            frames_decoded: 1797,
            frames_sent: 1800,
            audio_ms_decoded: 29_980,
            audio_ms_sent: 30_000,
            why_not: None,
        };
        assert_eq!(judge(|_| {}), expected);
    }

    #[test]
    fn every_shortfall_has_its_sentence() {
        assert_eq!(
            why_not(|report| report.connected = false),
            "it was not connected at the end"
        );
        assert_eq!(
            why_not(|report| report.slots[0].packets_lost = 3),
            "3 of 180003 packets were lost"
        );
        let decoded = "it decoded 881 of 900 pictures of courseware and skipped 19";
        assert_eq!(
            why_not(|report| report.slots[1].frames_decoded = 881),
            decoded
        );
        assert_eq!(
            why_not(|report| drop(report.slots.remove(1))),
            "it never saw courseware"
        );
        assert_eq!(
            why_not(|report| report.slots[0].first_picture_ms = None),
            "it never saw camera"
        );
        assert_eq!(
            why_not(|report| drop(report.slots.remove(2))),
            "it never heard camera"
        );
        let gaps = "its sound broke off 2 times";
        assert_eq!(why_not(|report| report.slots[2].audio_gaps = 2), gaps);
        let made_up = "it decoded 28980 of 30000 ms of sound";
        assert_eq!(
            why_not(|report| report.slots[2].audio_ms_concealed = 1_000),
            made_up
        );
        let sound = "it decoded 20000 of 30000 ms of sound";
        assert_eq!(
            why_not(|report| report.slots[2].audio_ms_decoded = 20_000),
            sound
        );
        let both = why_not(|report| {
            report.connected = false;
            report.slots[2].audio_ms_decoded = 20_000;
        });
        assert_eq!(both, format!("it was not connected at the end; {sound}"));
    }

    #[test]
    fn two_per_cent_may_be_under_way() {
        assert!(!falls_short(882, 900));
        assert!(falls_short(881, 900));
        assert!(!falls_short(0, 0));
    }
}
