//! One reading of a clip, from its start to its end.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;
use participant::Kind;

use super::Sound;
use super::track::{Sample, Track};
use crate::elements;
use crate::encode::{H264_TAIL, OPUS_TAIL};
use crate::pipeline::{Branches, Notice, Pipeline};
use crate::source::OpenError;
use crate::source::branch::{self, Content};

/// How long a file may take to deliver the next sample: a disk may have to spin up, a network file system to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a wait for a sample looks for failures.
const GLANCE: Duration = Duration::from_millis(100);

/// Samples GStreamer may read ahead of us in one track while we wait for the other: how badly a clip may be interleaved.
const SKEW: u32 = 300;

/// What GStreamer's threads report.
#[derive(Debug)]
enum Report {
    Track(Kind, app::AppSink),
    Unsuitable(String),
    AllTracks,
    Failed(String),
}

/// A clip being read.
#[derive(Debug)]
pub struct Pass {
    reports: mpsc::Receiver<Report>,
    video: Track,
    audio: Option<Track>,
    name: String,
    /// Of the file.
    bytes: u64,
    pipeline: Pipeline,
}

impl Pass {
    /// Opens a file and reads until the first sample of each track is known.
    pub fn open(path: &Path, sound: Sound) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let unusable = |reason: &str| OpenError::Unusable(format!("{name}: {reason}"));
        let bytes = match std::fs::metadata(path) {
            Err(error) => return Err(unusable(&in_words(&error))),
            Ok(found) if !found.is_file() => return Err(unusable("is not a file")),
            Ok(found) => found.len(),
        };
        elements::require(&["uridecodebin", "h264parse", "opusparse"])?;
        let absolute = std::path::absolute(path).map_err(|error| unusable(&in_words(&error)))?;
        let uri = gst::glib::filename_to_uri(&absolute, None)
            .map_err(|error| unusable(&error.to_string()))?;

        let pipeline = Pipeline::parse("uridecodebin name=source expose-all-streams=true")?;
        let source = pipeline.element("source");
        source.set_property("uri", uri.as_str());
        source.set_property_from_str("caps", branch::KEEP_ALL_VIDEO);
        let (sender, reports) = mpsc::channel();
        connect(&pipeline, &source, sound, &sender);
        pipeline
            .play()
            .map_err(|error| unusable(&error.to_string()))?;

        let (mut video, mut audio) = (None, None);
        loop {
            let report = reports
                .recv_timeout(PATIENCE)
                .map_err(|error| match error {
                    RecvTimeoutError::Timeout => unusable("cannot be read: nothing comes"),
                    RecvTimeoutError::Disconnected => unusable("cannot be read"),
                })?;
            match report {
                Report::Track(Kind::Video, sink) => video = Some(Track::new(Kind::Video, sink)),
                Report::Track(Kind::Audio, sink) => audio = Some(Track::new(Kind::Audio, sink)),
                Report::AllTracks => break,
                Report::Unsuitable(codec) => {
                    let reason = format!(
                        "its video is {codec}, and a file is sent as it is: convert it to H.264 first"
                    );
                    return Err(unusable(&reason));
                }
                Report::Failed(reason) => return Err(unusable(&reason)),
            }
        }
        let mut pass = Self {
            reports,
            video: video.ok_or_else(|| unusable("holds no video"))?,
            audio,
            name,
            bytes,
            pipeline,
        };
        pass.look_ahead()?;
        Ok(pass)
    }

    /// Pictures and sound together, bits per second; `None` when the file does not say how long it is.
    pub fn bitrate(&self) -> Option<u32> {
        let seconds = self.pipeline.duration()?.as_secs_f64();
        let bitrate = self.bytes as f64 * 8.0 / seconds;
        (seconds > 0.0).then_some(bitrate as u32)
    }

    /// The sample of a kind that is next, if the clip has any more.
    pub fn head(&self, kind: Kind) -> Option<&Sample> {
        match kind {
            Kind::Video => self.video.head(),
            Kind::Audio => self.audio.as_ref()?.head(),
        }
    }

    /// The next sample in the order of their times; `None` at the end.
    pub fn next_sample(&mut self) -> Result<Option<Sample>, OpenError> {
        self.look_ahead()?;
        let sound_first = match (self.head(Kind::Video), self.head(Kind::Audio)) {
            (Some(video), Some(audio)) => audio.time < video.time,
            (video, _) => video.is_none(),
        };
        Ok(match &mut self.audio {
            Some(audio) if sound_first => audio.take(),
            _ => self.video.take(),
        })
    }

    /// Waits until the next sample of each track is known.
    fn look_ahead(&mut self) -> Result<(), OpenError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let known = self.video.look_ahead(GLANCE)
                && self
                    .audio
                    .as_mut()
                    .is_none_or(|audio| audio.look_ahead(GLANCE));
            if known {
                return Ok(());
            }
            for report in self.reports.try_iter() {
                if let Report::Failed(reason) = report {
                    return Err(OpenError::Unusable(format!("{}: {reason}", self.name)));
                }
            }
            if Instant::now() > deadline {
                return Err(OpenError::Unusable(format!(
                    "{}: cannot be read: nothing comes",
                    self.name
                )));
            }
        }
    }
}

fn connect(pipeline: &Pipeline, source: &gst::Element, sound: Sound, reports: &Sender<Report>) {
    let sender = reports.clone();
    pipeline.listen(move |notice| {
        if let Notice::Failed(reason) = notice {
            let _ = sender.send(Report::Failed(reason));
        }
    });
    let branches = pipeline.branches();
    let sender = reports.clone();
    let taken = std::sync::Mutex::new(Vec::new());
    source.connect_pad_added(move |_, pad| {
        let mut taken = taken
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(reason) = grow(&branches, pad, sound, &mut taken, &sender) {
            let _ = sender.send(Report::Failed(reason));
        }
    });
    let sender = reports.clone();
    source.connect_no_more_pads(move |_| {
        let _ = sender.send(Report::AllTracks);
    });
}

/// Gives a track its branch. Of several tracks of a kind the first is taken.
fn grow(
    branches: &Branches,
    pad: &gst::Pad,
    sound: Sound,
    taken: &mut Vec<Kind>,
    reports: &Sender<Report>,
) -> Result<(), String> {
    let branch = match Content::of(pad) {
        Content::H264 => Some((Kind::Video, H264_TAIL)),
        Content::Opus => Some((Kind::Audio, "opusparse ! appsink name=audio")),
        Content::Sound => Some((Kind::Audio, OPUS_TAIL)),
        Content::OtherVideo(codec) => {
            let _ = reports.send(Report::Unsuitable(codec));
            None
        }
        Content::Pictures { .. } => {
            let _ = reports.send(Report::Unsuitable("uncompressed".into()));
            None
        }
        Content::Ignored => None,
    };
    let branch = branch.filter(|(kind, _)| {
        !taken.contains(kind) && (*kind == Kind::Video || sound == Sound::Play)
    });
    let description = match branch {
        Some((_, tail)) => format!("{tail} sync=false async=false max-buffers={SKEW}"),
        None => "fakesink sync=false async=false".to_owned(),
    };
    let bin = branches
        .add(&description, |_| {})
        .map_err(|error| error.to_string())?;
    if !branch::link(pad, &bin) {
        return Err("a track cannot be linked".into());
    }
    if let Some((kind, _)) = branch {
        taken.push(kind);
        if let Some(sink) = branch::appsink(&bin, kind) {
            let _ = reports.send(Report::Track(kind, sink));
        }
    }
    Ok(())
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "may not be read".into(),
        _ => error.to_string(),
    }
}
