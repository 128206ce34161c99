//! A room that decodes and plays everything, in a process of its own.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::ledger::Beginning;
use super::process::{Process, ProcessError};
use super::relay::Relay;

/// What each room asks for: camera and courseware.
const SLOTS: &str = "2";

/// A running room.
pub struct Room {
    process: Process,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    beginning: Beginning,
    report: Option<Report>,
}

/// A line of `lectern-classroom watch --stats json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    seconds: f64,
    /// Whether there is a connection.
    pub connected: bool,
    /// The slots that were negotiated.
    pub slots: Vec<Slot>,
}

/// One slot, since the room began to watch.
#[derive(Debug, Clone, Deserialize)]
pub struct Slot {
    /// What it shows.
    #[serde(rename = "slot")]
    pub source: String,
    /// Pictures or sound.
    pub kind: Kind,
    /// Mbit/s of the last second.
    pub mbit: f64,
    /// Whole pictures, or packets of sound, that came.
    pub frames_received: u64,
    /// Pictures that left the decoder.
    pub frames_decoded: u64,
    /// Whole pictures that were not decoded: one before them was missing, or the decoder was too slow.
    pub frames_skipped: u64,
    /// RTP packets that came.
    pub packets_received: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Milliseconds of sound that left the decoder.
    pub audio_ms_decoded: u64,
    /// Milliseconds of sound that were made up.
    pub audio_ms_concealed: u64,
    /// Times when decoded sound was not continuous.
    pub audio_gaps: u64,
    /// From the beginning to the first decoded picture or sound.
    pub first_picture_ms: Option<f64>,
    /// From capture to arrival.
    pub delay_ms: Option<Delay>,
    /// RFC 3550 jitter.
    pub jitter_ms: f64,
}

/// What a slot carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Delay {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Room {
    /// Begins to watch with the classroom client `program`.
    pub fn start(number: usize, program: &Path, relay: &Relay) -> Result<Self, ProcessError> {
        let whep = relay.address("whep/demo");
        let arguments = [
            "watch",
            "--whep",
            whep.as_str(),
            "--slots",
            SLOTS,
            "--headless",
            "--stats",
            "json",
        ];
        let seen = Arc::new(Mutex::new(Seen::default()));
        let process = Process::start(&format!("room {number}"), program, arguments, {
            let seen = seen.clone();
            move |line| {
                if let Ok(report) = serde_json::from_str::<Report>(line) {
                    let mut seen = lock(&seen);
                    seen.beginning.moment(Instant::now(), report.seconds);
                    seen.report = Some(report);
                }
            }
        })?;
        Ok(Self { process, seen })
    }

    /// The newest report.
    pub fn report(&self) -> Option<Report> {
        lock(&self.seen).report.clone()
    }

    /// Whether it has a picture in every slot that shows one.
    pub fn has_pictures(&self) -> bool {
        self.report().is_some_and(|report| {
            let mut pictures = report.pictures().peekable();
            pictures.peek().is_some() && pictures.all(|slot| slot.first_picture_ms.is_some())
        })
    }

    /// When something that was `millis` after the beginning of watching happened.
    pub fn moment(&self, millis: f64) -> Option<Instant> {
        let after = Duration::try_from_secs_f64(millis / 1000.0).ok()?;
        Some(lock(&self.seen).beginning.known()? + after)
    }

    /// Why it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.process.ended()
    }
}

impl Report {
    /// The slots with pictures.
    pub fn pictures(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.kind == Kind::Video)
    }

    /// From the beginning to the first picture of any slot.
    pub fn first_picture_ms(&self) -> Option<f64> {
        self.pictures()
            .filter_map(|slot| slot.first_picture_ms)
            .min_by(f64::total_cmp)
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
