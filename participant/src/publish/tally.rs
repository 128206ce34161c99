//! What is counted of a publication.

use std::time::Duration;

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

/// Counters of one layer of the video since its start, over all its connections.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct LayerStatistics {
    /// Frames sent.
    pub frames: u64,
    /// Frames dropped: no connection, queue full, at rest, or waiting for a keyframe.
    pub frames_dropped: u64,
    /// RTP packets sent for the first time.
    pub packets: u64,
    /// RTP payload bytes of these.
    pub bytes: u64,
    /// RTP packets asked for again by the other side.
    pub packets_nacked: u64,
    /// Keyframe requests received (PLI and FIR).
    pub keyframe_requests: u64,
    /// Fraction of the packets lost on the way, by the latest receiver report; 0 to 1.
    pub remote_loss: f32,
}

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) total: Statistics,
    pub(super) layers: Vec<LayerStatistics>,
}

impl Tally {
    pub(super) fn new(layers: usize) -> Self {
        Self {
            total: Statistics::default(),
            layers: vec![LayerStatistics::default(); layers],
        }
    }

    pub(super) fn layer_mut(&mut self, layer: Option<usize>) -> Option<&mut LayerStatistics> {
        self.layers.get_mut(layer?)
    }
}
