//! From appsinks to [`Event`]s: the edge between GStreamer's threads and ours.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;
use participant::publish::Frame;
use tokio::sync::mpsc;

use super::{Event, Track, Wall};
use crate::pipeline::{Notice, Pipeline};
use crate::{encode, opus};

/// Zero of a capture's timestamps, on the two faces of the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    instant: Instant,
    clock: gst::ClockTime,
}

impl Epoch {
    /// Now.
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            clock: gst::SystemClock::obtain().time(),
        }
    }

    /// Time passed since.
    pub fn elapsed(self) -> Duration {
        self.instant.elapsed()
    }

    /// How long after the epoch `moment` was, nanoseconds; negative before it.
    pub fn nanoseconds(self, moment: Instant) -> i64 {
        let signed = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match moment.checked_duration_since(self.instant) {
            Some(after) => signed(after),
            None => -signed(self.instant.duration_since(moment)),
        }
    }

    /// The epoch on GStreamer's system clock.
    pub fn clock_time(self) -> gst::ClockTime {
        self.clock
    }

    /// Where a time of GStreamer's system clock lies; zero for what was before.
    fn offset(self, clock: gst::ClockTime) -> Duration {
        clock.saturating_sub(self.clock).into()
    }
}

/// Where the frames of a source go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outlet {
    sender: mpsc::Sender<Event>,
    epoch: Epoch,
    wall: Arc<Mutex<Wall>>,
}

impl Outlet {
    pub fn new(sender: mpsc::Sender<Event>, epoch: Epoch) -> Self {
        Self {
            sender,
            epoch,
            wall: Arc::default(),
        }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Hands over a frame that was captured at `timestamp`, waiting for room. False when nobody wants frames any more.
    ///
    /// Blocks: not for tokio's threads.
    pub fn frame(&self, track: Track, payload: Bytes, timestamp: Duration, keyframe: bool) -> bool {
        let captured = {
            let mut wall = self.wall.lock().unwrap_or_else(PoisonError::into_inner);
            wall.at(timestamp, self.epoch.elapsed(), SystemTime::now())
        };
        let frame = Frame {
            payload,
            timestamp,
            keyframe,
            captured,
        };
        self.sender
            .blocking_send(Event::Frame(track, frame))
            .is_ok()
    }

    /// Hands over the end, or the failure.
    pub fn finish(&self, event: Event) {
        let _ = self.sender.blocking_send(event);
    }

    /// Connects a pipeline whose appsinks are called as [`encode::sink_name`] says, and `audio`, and its notices.
    pub fn connect(&self, pipeline: &Pipeline) {
        let layers = (0..).map_while(|layer| {
            let sink = pipeline.appsink(&encode::sink_name(layer))?;
            Some((sink, Track::Layer(layer)))
        });
        let sound = pipeline.appsink("audio").map(|sink| (sink, Track::Sound));
        for (sink, track) in layers.chain(sound) {
            self.connect_sink(&sink, track);
        }
        self.connect_notices(pipeline);
    }

    /// Passes the pipeline's notices on.
    pub fn connect_notices(&self, pipeline: &Pipeline) {
        let sender = self.sender.clone();
        pipeline.listen(move |notice| {
            // A full queue already holds frames of a source that is about to be taken down; the notice must not be lost.
            let _ = sender.blocking_send(match notice {
                Notice::Ended => Event::Ended,
                Notice::Failed(reason) => Event::Failed(reason),
            });
        });
    }

    /// Connects one appsink.
    pub fn connect_sink(&self, sink: &app::AppSink, track: Track) {
        let outlet = self.clone();
        let mut times = Times::default();
        sink.set_callbacks(
            app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let Some(buffer) = sample.buffer_owned() else {
                        return Ok(gst::FlowSuccess::Ok);
                    };
                    let clock = running_time(&sample, buffer.pts())
                        .zip(sink.base_time())
                        .map(|(running, base)| running + base);
                    let timestamp = clock.map_or_else(
                        || outlet.epoch.elapsed(),
                        |clock| outlet.epoch.offset(clock),
                    );
                    let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                    let wanted = payload(buffer).is_none_or(|payload| {
                        let duration = match track {
                            Track::Sound => opus::duration(&payload),
                            Track::Layer(_) => None,
                        };
                        outlet.frame(track, payload, times.place(timestamp, duration), keyframe)
                    });
                    if wanted {
                        Ok(gst::FlowSuccess::Ok)
                    } else {
                        Err(gst::FlowError::Eos)
                    }
                })
                .build(),
        );
    }
}

/// Sound that starts within this of where the sound before it ended continues it: an encoder cuts its look-ahead out of the
/// first packet's duration, and devices stamp with a jitter of their own.
const CONTINUES: Duration = Duration::from_millis(10);

/// The timestamps of one track.
#[derive(Debug, Default)]
struct Times {
    /// Where the latest frame started, or, for sound, ended.
    end: Duration,
}

impl Times {
    /// The timestamp of the next frame; `duration` is known for sound.
    fn place(&mut self, timestamp: Duration, duration: Option<Duration>) -> Duration {
        let timestamp = match duration {
            Some(_) if timestamp.abs_diff(self.end) < CONTINUES => self.end,
            // Frames come in decoding order, and timestamps must not go back.
            _ => timestamp.max(self.end),
        };
        self.end = timestamp + duration.unwrap_or_default();
        timestamp
    }
}

/// The running time of a sample's timestamp.
pub fn running_time(sample: &gst::Sample, time: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
    sample
        .segment()?
        .downcast_ref::<gst::ClockTime>()?
        .to_running_time(time?)
}

/// A buffer's bytes, without a copy; `None` for an empty one.
pub fn payload(buffer: gst::Buffer) -> Option<Bytes> {
    let mapped = buffer.into_mapped_buffer_readable().ok()?;
    (!mapped.is_empty()).then(|| Bytes::from_owner(mapped))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn sound_is_even_although_its_stamps_are_not() {
        let mut times = Times::default();
        let placed =
            [5_000, 5_013, 5_033, 5_055, 5_072].map(|stamp| times.place(ms(stamp), Some(ms(20))));
        assert_eq!(placed, [5_000, 5_020, 5_040, 5_060, 5_080].map(ms));
        assert_eq!(
            times.place(ms(5_200), Some(ms(20))),
            ms(5_200),
            "a hole stays a hole"
        );
    }

    #[test]
    fn pictures_never_go_back() {
        let mut times = Times::default();
        let placed = [100, 200, 133, 166, 233].map(|stamp| times.place(ms(stamp), None));
        assert_eq!(placed, [100, 200, 200, 200, 233].map(ms));
    }
}
