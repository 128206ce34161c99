//! Publishing a source by WHIP.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::{AudioFormat, Door, Mailbox, Platform, Refusal, VideoFormat};

/// What is published, and how it is sent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The video track, if there is one.
    pub video: Option<VideoFormat>,
    /// The audio track, if there is one.
    pub audio: Option<AudioFormat>,
    /// Announced bit rate of the video, bits per second: the rate packets are spread by until the true one is known.
    pub expected_bitrate: u64,
    /// Video frames that may wait to be sent. Beyond it frames are dropped, and then all until the next keyframe.
    pub queue_frames: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            video: None,
            audio: None,
            expected_bitrate: 4_000_000,
            queue_frames: 30,
        }
    }
}

/// One encoded picture, or one packet of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Video: one access unit (H.264 and H.265: Annex B with start codes; VP8 and VP9: the frame; AV1: the temporal unit).
    /// Audio: one Opus packet.
    pub payload: Bytes,
    /// Presentation time on a clock of the publisher's own that starts anywhere, is the same for audio and video, and never
    /// goes back within a track. Looping a file means adding its length.
    pub timestamp: Duration,
    /// Whether decoding can start here. Ignored for audio.
    pub keyframe: bool,
    /// When the picture or sound was captured, by the wall clock; for files, when it was due.
    pub captured: SystemTime,
}

/// What became of a written frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a publisher that ignores pressure keeps encoding what is thrown away"]
pub enum Written {
    /// On its way.
    Queued,
    /// There is no connection at the moment.
    Disconnected,
    /// The queue was full, or a frame before it was dropped and this is not a keyframe.
    Dropped,
}

/// What happens to a publication.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Media flows. Start with a keyframe: frames before the first keyframe are dropped.
    Connected,
    /// A viewer cannot decode: make a keyframe now. Also sent after `Connected` and after frames were dropped.
    KeyframeRequested,
    /// The connection is gone.
    Disconnected {
        /// In a sentence.
        reason: String,
    },
    /// The other side said no in a way that will not change by itself: a wrong token, an unknown lesson, an unsupported codec.
    /// It is tried again all the same, slowly.
    Refused(Refusal),
    /// The next attempt comes after this long.
    Retrying {
        /// The wait, jitter included.
        after: Duration,
    },
}

/// Counters of a publication since its start, over all its connections.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections that were made.
    pub connections: u64,
    /// Video frames sent.
    pub video_frames: u64,
    /// Video frames dropped: no connection, queue full, or waiting for a keyframe.
    pub video_frames_dropped: u64,
    /// Audio packets sent.
    pub audio_packets: u64,
    /// RTP packets sent for the first time, audio and video.
    pub packets: u64,
    /// RTP payload bytes of these.
    pub bytes: u64,
    /// RTP packets asked for again by the other side.
    pub packets_nacked: u64,
    /// Keyframe requests received (PLI and FIR).
    pub keyframe_requests: u64,
    /// Fraction of the video packets lost on the way, by the latest receiver report; 0 to 1.
    pub remote_loss: f32,
    /// Round-trip time by the latest receiver report that allowed it.
    pub round_trip: Option<Duration>,
}

/// A source being published. Connects and reconnects until it is closed; dropping it closes it in the background.
#[derive(Debug)]
pub struct Publisher {}

impl Publisher {
    /// Starts publishing. Must be called within a tokio runtime.
    pub fn start(door: Door, config: Config) -> (Self, Mailbox<Event>) {
        Self::start_on(Platform::default(), door, config)
    }

    /// Starts publishing on another platform.
    pub fn start_on(_platform: Platform, _door: Door, _config: Config) -> (Self, Mailbox<Event>) {
        todo!()
    }

    /// Where encoded pictures go; `None` when the configuration has no video.
    pub fn video(&self) -> Option<FrameWriter> {
        todo!()
    }

    /// Where encoded sound goes; `None` when the configuration has no audio.
    pub fn audio(&self) -> Option<FrameWriter> {
        todo!()
    }

    /// Counters so far.
    pub fn statistics(&self) -> Statistics {
        todo!()
    }

    /// Leaves: ends the session at the other side, then returns. Takes a second at most.
    pub async fn close(self) {}
}

/// The entrance of a track. Cheap to clone; usable from any thread, tokio's or not.
#[derive(Debug, Clone)]
pub struct FrameWriter {}

impl FrameWriter {
    /// Hands over a frame. Never waits.
    pub fn write(&self, _frame: Frame) -> Written {
        todo!()
    }
}
