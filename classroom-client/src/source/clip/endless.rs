//! A clip as one endless sequence of frames.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use participant::{Kind, VideoFormat};

use super::Sound;
use super::pass::Pass;
use super::splice::{Placement, Splice};
use super::track::Sample;
use crate::source::{Formats, OpenError, USUAL_BITRATE};
use crate::{h264, opus};

/// A frame on the endless timeline of a looped clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Picture or sound.
    pub kind: Kind,
    /// Annex B access unit, or Opus packet.
    pub payload: Bytes,
    /// Since the first picture of the first pass. Never goes back within a kind; sound has no holes.
    pub timestamp: Duration,
    /// Whether decoding can start here.
    pub keyframe: bool,
    /// Which pass it belongs to, from 0 on.
    pub pass: u64,
    /// Where that pass begins.
    pub pass_start: Duration,
}

/// A clip, pass after pass, without an end. Reading it blocks, and it knows no clock.
#[derive(Debug)]
pub struct Endless {
    path: PathBuf,
    sound: Sound,
    pass: Pass,
    formats: Formats,
    splice: Splice,
    waiting: VecDeque<Unit>,
    /// How many passes came before.
    passes: u64,
    bitrate: u32,
}

impl Endless {
    /// Opens a clip and looks at its beginning.
    ///
    /// # Errors
    /// The file is not there, is no media file, its video is not H.264, or an element for it is missing.
    pub fn open(path: &Path, sound: Sound) -> Result<Self, OpenError> {
        let pass = Pass::open(path, sound)?;
        let unusable = |reason: &str| OpenError::Unusable(format!("{}: {reason}", path.display()));
        let first = pass
            .head(Kind::Video)
            .ok_or_else(|| unusable("holds no pictures"))?;
        let profile_level_id = h264::profile_level_id(&first.payload)
            .ok_or_else(|| unusable("does not start with a keyframe"))?;
        let formats = Formats {
            video: VideoFormat::H264 { profile_level_id },
            audio: pass
                .head(Kind::Audio)
                .map(|packet| opus::format(&packet.payload)),
        };
        Ok(Self {
            splice: Splice::new(first.time, formats.audio.is_some()),
            passes: 0,
            bitrate: pass.bitrate().unwrap_or(USUAL_BITRATE),
            path: path.to_owned(),
            sound,
            pass,
            formats,
            waiting: VecDeque::new(),
        })
    }

    /// What the clip holds.
    pub fn formats(&self) -> Formats {
        self.formats
    }

    /// Pictures and sound together, bits per second.
    pub fn bitrate(&self) -> u32 {
        self.bitrate
    }

    /// The next frame, in the order in which they are due.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn next_unit(&mut self) -> Result<Unit, OpenError> {
        loop {
            if let Some(unit) = self.waiting.pop_front() {
                return Ok(unit);
            }
            match self.pass.next_sample()? {
                Some(sample) => self.place(sample),
                None => {
                    self.pass = Pass::open(&self.path, self.sound)?;
                    let first = self.pass.head(Kind::Video).ok_or_else(|| {
                        OpenError::Unusable(format!(
                            "{} was emptied while it was sent",
                            self.path.display()
                        ))
                    })?;
                    self.splice.wrap(first.time);
                    self.passes += 1;
                }
            }
        }
    }

    fn place(&mut self, sample: Sample) {
        let timestamp = match sample.kind {
            Kind::Video => {
                let timestamp = self.splice.video(sample.time, sample.duration);
                while let Some(silence) = self.splice.silence_before(timestamp) {
                    let unit = self.silent(silence);
                    self.waiting.push_back(unit);
                }
                timestamp
            }
            Kind::Audio => match self.splice.audio(sample.time, sample.duration) {
                Placement::At {
                    timestamp,
                    silences,
                } => {
                    for before in (1..=silences).rev() {
                        let unit = self.silent(timestamp - opus::SILENCE_DURATION * before);
                        self.waiting.push_back(unit);
                    }
                    timestamp
                }
                Placement::Skip => return,
            },
        };
        let unit = self.unit(sample.kind, sample.payload, timestamp, sample.keyframe);
        self.waiting.push_back(unit);
    }

    fn silent(&self, timestamp: Duration) -> Unit {
        let silence = Bytes::from_static(&opus::SILENCE);
        self.unit(Kind::Audio, silence, timestamp, true)
    }

    fn unit(&self, kind: Kind, payload: Bytes, timestamp: Duration, keyframe: bool) -> Unit {
        Unit {
            kind,
            payload,
            timestamp,
            keyframe,
            pass: self.passes,
            pass_start: self.splice.start(),
        }
    }
}
