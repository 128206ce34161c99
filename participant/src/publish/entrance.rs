//! Where frames wait between the encoder's thread and the connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Frame, Written};
use crate::Kind;

/// The entrance of a track. Cheap to clone; usable from any thread, tokio's or not.
#[derive(Debug, Clone)]
pub struct FrameWriter {
    entrance: Arc<Entrance>,
}

impl FrameWriter {
    pub(super) fn new(entrance: Arc<Entrance>) -> Self {
        Self { entrance }
    }

    /// Hands over a frame. Never waits.
    pub fn write(&self, frame: Frame) -> Written {
        self.entrance.write(frame)
    }

    /// Drops what waits, and everything up to the next keyframe that is written: for a layer that is not sent for a while.
    /// Nobody is asked for that keyframe.
    pub fn rest(&self) {
        self.entrance.rest();
    }
}

/// A bounded queue of frames. What overflows is dropped whole, and with video so is everything that could not be decoded
/// without it.
#[derive(Debug)]
pub(super) struct Entrance {
    kind: Kind,
    limit: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    gate: Gate,
    frames: VecDeque<Frame>,
    dropped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// There is no connection.
    Closed,
    /// Video: only a keyframe may enter. `told`: the encoder was asked for one.
    KeyframeOnly {
        told: bool,
    },
    Open,
}

impl Entrance {
    pub(super) fn video(limit: usize) -> Self {
        Self::new(Kind::Video, limit)
    }

    pub(super) fn audio(limit: usize) -> Self {
        Self::new(Kind::Audio, limit)
    }

    fn new(kind: Kind, limit: usize) -> Self {
        let queue = Queue {
            gate: Gate::Closed,
            frames: VecDeque::new(),
            dropped: 0,
        };
        Self {
            kind,
            limit,
            queue: Mutex::new(queue),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, frame: Frame) -> Written {
        let mut queue = self.lock();
        let full = queue.frames.len() >= self.limit;
        match queue.gate {
            Gate::Closed => {
                queue.dropped += 1;
                return Written::Disconnected;
            }
            Gate::KeyframeOnly { .. } if full || !frame.keyframe => {
                queue.dropped += 1;
                return Written::Dropped;
            }
            Gate::Open if full => {
                queue.dropped += 1;
                if self.kind == Kind::Video {
                    queue.gate = Gate::KeyframeOnly { told: false };
                }
                return Written::Dropped;
            }
            Gate::KeyframeOnly { .. } => queue.gate = Gate::Open,
            Gate::Open => {}
        }
        queue.frames.push_back(frame);
        Written::Queued
    }

    /// A connection is there, and its other end has seen nothing yet.
    pub(super) fn open(&self) {
        self.lock().gate = match self.kind {
            Kind::Video => Gate::KeyframeOnly { told: true },
            Kind::Audio => Gate::Open,
        };
    }

    /// The connection is gone, and nobody wants its backlog.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.gate = Gate::Closed;
        queue.dropped += queue.frames.len() as u64;
        queue.frames.clear();
    }

    fn rest(&self) {
        let mut queue = self.lock();
        queue.dropped += queue.frames.len() as u64;
        queue.frames.clear();
        if self.kind == Kind::Video && queue.gate != Gate::Closed {
            queue.gate = Gate::KeyframeOnly { told: true };
        }
    }

    pub(super) fn take(&self) -> Option<Frame> {
        self.lock().frames.pop_front()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().frames.len()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Whether frames were dropped since the last call, so that the encoder must be asked for a keyframe.
    pub(super) fn has_overflowed(&self) -> bool {
        let mut queue = self.lock();
        let overflowed = queue.gate == Gate::KeyframeOnly { told: false };
        if overflowed {
            queue.gate = Gate::KeyframeOnly { told: true };
        }
        overflowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;

    use super::*;

    fn frame(keyframe: bool) -> Frame {
        let payload = Bytes::from_static(b"x");
        Frame {
            payload,
            timestamp: Duration::ZERO,
            keyframe,
            captured: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn video_begins_with_a_keyframe_and_drops_up_to_the_next_after_an_overflow() {
        let entrance = Entrance::video(2);
        assert_eq!(entrance.write(frame(true)), Written::Disconnected);
        entrance.open();
        assert_eq!(entrance.write(frame(false)), Written::Dropped);
        assert!(!entrance.has_overflowed());
        assert_eq!(entrance.write(frame(true)), Written::Queued);
        assert_eq!(entrance.write(frame(false)), Written::Queued);
        assert_eq!(entrance.write(frame(false)), Written::Dropped);
        assert!(entrance.has_overflowed());
        assert!(!entrance.has_overflowed());
        assert!(entrance.take().is_some());
        assert_eq!(entrance.write(frame(false)), Written::Dropped);
        assert_eq!(entrance.write(frame(true)), Written::Queued);
        assert_eq!(entrance.dropped(), 4);
        entrance.close();
        assert_eq!((entrance.dropped(), entrance.waiting()), (6, 0));
    }

    #[test]
    fn a_layer_that_rested_goes_on_with_a_keyframe() {
        let entrance = Entrance::video(2);
        entrance.rest();
        assert_eq!(entrance.write(frame(true)), Written::Disconnected);
        entrance.open();
        assert_eq!(entrance.write(frame(true)), Written::Queued);
        entrance.rest();
        assert_eq!((entrance.waiting(), entrance.has_overflowed()), (0, false));
        assert_eq!(entrance.write(frame(false)), Written::Dropped);
        assert_eq!(entrance.write(frame(true)), Written::Queued);
        assert_eq!(entrance.dropped(), 3);
    }

    #[test]
    fn audio_drops_only_what_overflows() {
        let entrance = Entrance::audio(1);
        entrance.open();
        assert_eq!(entrance.write(frame(false)), Written::Queued);
        assert_eq!(entrance.write(frame(false)), Written::Dropped);
        assert!(entrance.take().is_some());
        assert_eq!(entrance.write(frame(false)), Written::Queued);
    }
}
