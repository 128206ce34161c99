//! One track of a clip, sample after sample.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app as app;
use participant::Kind;

use crate::opus;
use crate::source::outlet::payload;

/// A frame in the pass's own time.
#[derive(Debug, Clone)]
pub struct Sample {
    pub kind: Kind,
    /// Annex B access unit, or Opus packet.
    pub payload: Bytes,
    /// When it is to be decoded, nanoseconds; moved so that the first picture is decoded when it is shown.
    pub time: i64,
    /// Zero when unknown.
    pub duration: Duration,
    pub keyframe: bool,
}

/// Reads an appsink and knows what comes next.
#[derive(Debug)]
pub struct Track {
    kind: Kind,
    sink: app::AppSink,
    /// Nanoseconds from decoding to presentation of the first frame.
    shift: Option<i64>,
    head: Head,
}

#[derive(Debug)]
enum Head {
    Unknown,
    Sample(Sample),
    End,
}

impl Track {
    pub fn new(kind: Kind, sink: app::AppSink) -> Self {
        Self {
            kind,
            sink,
            shift: None,
            head: Head::Unknown,
        }
    }

    /// What is next, as far as it is known.
    pub fn head(&self) -> Option<&Sample> {
        match &self.head {
            Head::Sample(sample) => Some(sample),
            Head::Unknown | Head::End => None,
        }
    }

    /// Takes what is next.
    pub fn take(&mut self) -> Option<Sample> {
        match std::mem::replace(&mut self.head, Head::Unknown) {
            Head::Sample(sample) => Some(sample),
            Head::End => {
                self.head = Head::End;
                None
            }
            Head::Unknown => None,
        }
    }

    /// Waits for what is next. False when it is still unknown after `limit`.
    pub fn look_ahead(&mut self, limit: Duration) -> bool {
        let limit = gst::ClockTime::try_from(limit).unwrap_or(gst::ClockTime::SECOND);
        while let Head::Unknown = self.head {
            match self.sink.try_pull_sample(limit) {
                Some(sample) => {
                    if let Some(sample) = self.read(&sample) {
                        self.head = Head::Sample(sample);
                    }
                }
                None if self.sink.is_eos() => self.head = Head::End,
                None => return false,
            }
        }
        true
    }

    /// `None` for what has no time or no bytes.
    fn read(&mut self, sample: &gst::Sample) -> Option<Sample> {
        let buffer = sample.buffer_owned()?;
        let shown = running_nanoseconds(sample, buffer.pts());
        let decoded = running_nanoseconds(sample, buffer.dts()).or(shown)?;
        let shift = *self
            .shift
            .get_or_insert_with(|| shown.map_or(0, |shown| shown - decoded));
        let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let stated = buffer.duration().map_or(Duration::ZERO, Duration::from);
        let payload = payload(buffer)?;
        let duration = match self.kind {
            Kind::Video => stated,
            Kind::Audio => opus::duration(&payload)?,
        };
        Some(Sample {
            kind: self.kind,
            payload,
            time: decoded + shift,
            duration,
            keyframe,
        })
    }
}

/// Running time, which is negative for what an edit list places before the start.
fn running_nanoseconds(sample: &gst::Sample, time: Option<gst::ClockTime>) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let (sign, value) = match segment.to_running_time_full(time?)? {
        gst::Signed::Positive(value) => (1, value),
        gst::Signed::Negative(value) => (-1, value),
    };
    Some(sign * i64::try_from(value.nseconds()).ok()?)
}
