//! Playing what a slot receives: decoder, then screen or loudspeaker, or neither.

pub mod screen;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;
use participant::{Codec, Kind};
use tokio::sync::mpsc;

use crate::decode;
use crate::elements::{self, Missing};
use crate::opus;
use crate::pipeline::{Error, Notice, Pipeline};
use crate::source::Epoch;
use screen::Screen;

/// Decoded buffers between decoder and sink, so that the decoder works on while the sink waits for the right moment.
const DECODED_QUEUE: &str = "queue max-size-buffers=2 max-size-bytes=0 max-size-time=0";

/// Decoded sound that starts this far from where the sound before it ended is a gap.
const GAP: Duration = Duration::from_millis(5);

/// A longer hole in the sound is left silent instead of being concealed.
const MOST_CONCEALED: Duration = Duration::from_millis(200);

/// Where sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudspeaker {
    /// The default output.
    Default,
    /// Nowhere, in real time.
    Silent,
}

/// How a slot is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// Where pictures go.
    pub screen: Screen,
    /// Where sound goes.
    pub loudspeaker: Loudspeaker,
    /// Whether text can be laid over the picture.
    pub overlay: Overlay,
}

/// Text over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// See [`Player::show_text`].
    Text,
    /// The picture alone.
    None,
}

/// What a player reports from GStreamer's threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The decoder asks for a keyframe.
    KeyframeWanted {
        /// Line of the slot.
        line: usize,
    },
    /// Everything that was pushed before [`Player::finish`] is decoded.
    Finished {
        /// Line of the slot.
        line: usize,
    },
    /// The player is of no more use; open another.
    Failed {
        /// Line of the slot.
        line: usize,
        /// A sentence.
        reason: String,
    },
}

/// What came out of a slot's decoders. Shared by the players that serve the slot one after the other.
#[derive(Debug, Default, Clone, Copy)]
pub struct Decoded {
    /// Pictures.
    pub frames: u64,
    /// When the first picture, or sound, was decoded.
    pub first: Option<Instant>,
    /// Sound.
    pub audio: Duration,
    /// Times when decoded sound did not start where the sound before it ended.
    pub audio_gaps: u64,
    /// Sound made up in place of lost packets; part of `audio`.
    pub concealed: Duration,
}

/// Shared with GStreamer's threads.
pub type SharedDecoded = Arc<Mutex<Decoded>>;

/// Locks the counters, whatever became of the thread that held them.
pub fn lock(decoded: &SharedDecoded) -> MutexGuard<'_, Decoded> {
    decoded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decodes and plays one slot.
#[derive(Debug)]
pub struct Player {
    codec: Codec,
    entrance: app::AppSrc,
    sound_end: Option<Duration>,
    decoded: SharedDecoded,
    pipeline: Pipeline,
}

impl Player {
    /// Opens a player for what is received in `line`.
    ///
    /// # Errors
    /// The decoder or the output is missing, or does not start.
    pub fn open(
        line: usize,
        codec: Codec,
        outputs: &Outputs,
        epoch: Epoch,
        decoded: SharedDecoded,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, Error> {
        let decoder = decode::fragment(codec)?;
        let output = match codec.kind() {
            Kind::Video => outputs.screen.fragment(outputs.overlay)?,
            Kind::Audio => loudspeaker(outputs.loudspeaker)?,
        };
        let pipeline = Pipeline::parse(&format!(
            "appsrc name=entrance format=time is-live=true max-bytes=0 max-buffers=0 max-time=0 caps=\"{}\" ! {decoder} \
             ! {DECODED_QUEUE} ! {output}",
            decode::caps(codec)
        ))?;
        outputs.screen.configure(&pipeline);
        // All players show running time 0 at the same moment and add nothing to the times they are given.
        pipeline.set_base_time(epoch.clock_time());
        pipeline.set_latency(gst::ClockTime::ZERO);
        let entrance = pipeline
            .appsrc("entrance")
            .ok_or_else(|| Error::from(Missing::new("appsrc")))?;
        watch_upstream(&entrance, line, events.clone());
        count(&pipeline, codec.kind(), decoded.clone());
        pipeline.listen(move |notice| {
            // Full only when nobody has looked for a long time; the first failure is in there.
            let _ = events.try_send(match notice {
                Notice::Ended => Event::Finished { line },
                Notice::Failed(reason) => Event::Failed { line, reason },
            });
        });
        pipeline.play()?;
        Ok(Self {
            codec,
            entrance,
            sound_end: None,
            decoded,
            pipeline,
        })
    }

    /// What it decodes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Access units or packets that wait for the decoder.
    pub fn waiting(&self) -> u64 {
        self.entrance.current_level_buffers()
    }

    /// Plays an access unit, or a packet, at `at` after the epoch.
    pub fn push(&mut self, payload: Bytes, at: Duration, keyframe: bool) {
        let duration = match self.codec.kind() {
            Kind::Audio => opus::duration(&payload),
            Kind::Video => None,
        };
        if let Some(duration) = duration {
            self.conceal(at);
            self.sound_end = Some(at + duration);
        }
        let mut buffer = gst::Buffer::from_slice(payload);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(clock_time(at));
            buffer.set_duration(duration.and_then(clock_time));
            if !keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        // Refused only when the pipeline has failed, which is reported by itself.
        let _ = self.entrance.push_buffer(buffer);
    }

    /// Says that nothing more will be pushed; [`Event::Finished`] follows when all of it was decoded and was due.
    pub fn finish(&self) {
        let _ = self.entrance.end_of_stream();
    }

    /// Has the decoder make up the sound between what was pushed last and `until`: from the copy that the next packet carries,
    /// or from what went before.
    fn conceal(&self, until: Duration) {
        let Some((end, hole)) = self
            .sound_end
            .and_then(|end| Some((end, until.checked_sub(end)?)))
        else {
            return;
        };
        if !(GAP..=MOST_CONCEALED).contains(&hole) {
            return;
        }
        if let Some(start) = clock_time(end) {
            let gap = gst::event::Gap::builder(start)
                .duration(clock_time(hole))
                .build();
            if self.entrance.send_event(gap) {
                lock(&self.decoded).concealed += hole;
            }
        }
    }

    /// Shows text over the picture, where the outputs allow it.
    pub fn show_text(&self, text: &str) {
        if let Some(overlay) = self.pipeline.find("overlay") {
            overlay.set_property("text", text);
        }
    }
}

fn clock_time(duration: Duration) -> Option<gst::ClockTime> {
    gst::ClockTime::try_from(duration).ok()
}

fn loudspeaker(loudspeaker: Loudspeaker) -> Result<String, Error> {
    if loudspeaker == Loudspeaker::Silent {
        return Ok("fakesink name=output sync=true".into());
    }
    let present = ["pulsesink", "alsasink"]
        .into_iter()
        .filter(|element| elements::is_present(element))
        .collect::<Vec<_>>();
    let first = *present.first().ok_or_else(|| Missing::new("pulsesink"))?;
    let working = present.into_iter().find(|element| screen::starts(element));
    if working.is_none() {
        tracing::warn!("no loudspeaker answers: sound is decoded but not heard");
        return Ok("fakesink name=output sync=true".into());
    }
    let element = working.unwrap_or(first);
    Ok(format!(
        "audioconvert ! audioresample ! {element} name=output buffer-time=100000 provide-clock=false"
    ))
}

/// Turns the decoder's upstream requests for keyframes into events.
fn watch_upstream(entrance: &app::AppSrc, line: usize, events: mpsc::Sender<Event>) {
    let Some(pad) = entrance.static_pad("src") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && event
                .structure()
                .is_some_and(|structure| structure.name() == "GstForceKeyUnit")
        {
            let _ = events.try_send(Event::KeyframeWanted { line });
        }
        gst::PadProbeReturn::Ok
    });
}

/// Counts what leaves the decoder.
fn count(pipeline: &Pipeline, kind: Kind, decoded: SharedDecoded) {
    let Some(pad) = pipeline.element("decoder").static_pad("src") else {
        return;
    };
    let mut sound_end: Option<gst::ClockTime> = None;
    let state = Mutex::new(move |buffer: &gst::BufferRef| {
        let mut decoded = lock(&decoded);
        decoded.first.get_or_insert_with(Instant::now);
        match kind {
            Kind::Video => decoded.frames += 1,
            Kind::Audio => {
                let duration = buffer.duration().unwrap_or_default();
                decoded.audio += Duration::from(duration);
                if let Some(pts) = buffer.pts() {
                    let apart = sound_end.map(|end| if end > pts { end - pts } else { pts - end });
                    if apart.is_some_and(|apart| Duration::from(apart) > GAP) {
                        decoded.audio_gaps += 1;
                    }
                    sound_end = Some(pts + duration);
                }
            }
        }
    });
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            let mut count = state.lock().unwrap_or_else(PoisonError::into_inner);
            (*count)(buffer);
        }
        gst::PadProbeReturn::Ok
    });
}
