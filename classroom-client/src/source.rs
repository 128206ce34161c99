//! Where pictures and sound come from: clips, cameras, network sources, the screen, patterns, microphones and tones.
//!
//! Whatever the source, what comes out is the same: encoded [`Frame`]s, timed on one monotonic clock for pictures and sound.

pub mod camera;
pub mod clip;
pub mod microphone;
pub mod network;
pub mod pattern;
pub mod screen;

mod branch;
mod outlet;
mod wall;

use std::collections::VecDeque;
use std::time::Duration;

use gstreamer::prelude::*;
use participant::publish::Frame;
use participant::{AudioFormat, Kind, VideoFormat};
use tokio::sync::mpsc;

pub use outlet::Epoch;
pub use wall::Wall;

use outlet::Outlet;

use crate::elements::Missing;
use crate::pipeline::{self, Pipeline};
use crate::{encode, h264, opus};

/// How long a live source may take to deliver its first picture and sound.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much longer sound is waited for of a source that may have none.
const SOUND_PATIENCE: Duration = Duration::from_secs(2);

/// Frames between the source and whoever sends them. A source that finds it full waits; a live one drops raw pictures meanwhile.
const QUEUE: usize = 64;

/// What to take pictures from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Video {
    /// A file, sent as it is, for ever.
    Clip(std::path::PathBuf),
    /// A V4L2 device.
    Camera(camera::Camera),
    /// An RTSP or HTTP address.
    Network(network::Address),
    /// The picture of an X11 display.
    Screen(screen::Screen),
    /// A moving pattern with the time burnt in.
    Pattern(pattern::Pattern),
}

impl Video {
    /// Whether there can be sound in it.
    pub fn may_have_sound(&self) -> bool {
        match self {
            Video::Clip(_) | Video::Network(_) => true,
            Video::Camera(_) | Video::Screen(_) | Video::Pattern(_) => false,
        }
    }
}

/// What to take sound from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audio {
    /// The video's own sound: the clip's, or the network source's.
    Own,
    /// The default microphone.
    Microphone,
    /// A quiet sine wave.
    Tone,
    /// Silence: no audio track.
    None,
}

/// What to capture, and how to encode what is not encoded yet.
#[derive(Debug, Clone)]
pub struct Request {
    /// Pictures.
    pub video: Video,
    /// Sound.
    pub audio: Audio,
    /// Video bit rate, bits per second; by default it follows from the size of the picture.
    pub bitrate: Option<u32>,
}

/// What a source says.
#[derive(Debug, Clone)]
pub enum Event {
    /// A picture, or a packet of sound.
    Frame(Kind, Frame),
    /// There is nothing more.
    Ended,
    /// The source can go no further; a sentence.
    Failed(String),
}

/// Why a source does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// An element is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The source is there but cannot be used; a sentence.
    #[error("{0}")]
    Unusable(String),
}

impl From<pipeline::Error> for OpenError {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Missing(missing) => OpenError::Missing(missing),
            pipeline::Error::Broken(text) => OpenError::Unusable(text),
        }
    }
}

/// What a source delivers, as announced to viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats {
    /// Pictures.
    pub video: VideoFormat,
    /// Sound, if there is any.
    pub audio: Option<AudioFormat>,
}

/// An open source. Its frames wait in a short queue: read it, or a clip stands still and a live source skips.
#[derive(Debug)]
pub struct Capture {
    // Dropped first: it releases the threads that wait for room in the queue.
    events: mpsc::Receiver<Event>,
    /// Read while waiting for the formats.
    early: VecDeque<Event>,
    formats: Formats,
    engines: Engines,
}

/// What drives a source.
#[derive(Debug, Default)]
struct Engines {
    clip: Option<clip::Player>,
    live: Vec<Pipeline>,
}

impl Capture {
    /// Opens a source and waits until its formats are known. A clip then waits for [`Capture::start`].
    ///
    /// # Errors
    /// An element is missing, or the source cannot be used: not there, busy, of another codec.
    pub async fn open(request: &Request, epoch: Epoch) -> Result<Self, OpenError> {
        let (sender, mut events) = mpsc::channel(QUEUE);
        let outlet = Outlet::new(sender, epoch);
        let assembled = {
            let request = request.clone();
            tokio::task::spawn_blocking(move || assemble(&request, &outlet)).await
        };
        let engines = assembled.map_err(|error| OpenError::Unusable(error.to_string()))??;

        let mut early = VecDeque::new();
        let expected = match request.audio {
            Audio::Own if engines.clip.is_some() => Expected::Nothing,
            Audio::None => Expected::Nothing,
            Audio::Own => Expected::Perhaps,
            Audio::Microphone | Audio::Tone => Expected::Surely,
        };
        let known = engines.clip.as_ref().map(clip::Player::formats);
        let learnt = learn(&mut events, &mut early, known, expected);
        let formats = tokio::time::timeout(PATIENCE, learnt)
            .await
            .unwrap_or_else(|_| Err(OpenError::Unusable("the source delivers nothing".into())))?;
        Ok(Self {
            events,
            early,
            formats,
            engines,
        })
    }

    /// What the source delivers.
    pub fn formats(&self) -> Formats {
        self.formats
    }

    /// Lets a clip run, from its first picture. Live sources run anyway.
    pub fn start(&mut self) {
        if let Some(clip) = &mut self.engines.clip {
            clip.start();
        }
    }

    /// The next thing the source says. Cancel-safe.
    pub async fn next(&mut self) -> Event {
        match self.early.pop_front() {
            Some(event) => event,
            None => self.events.recv().await.unwrap_or(Event::Ended),
        }
    }

    /// Makes the next picture a keyframe where there is an encoder; a camera is asked, and a clip has its keyframes where it has them.
    pub fn force_keyframe(&self) {
        for pipeline in &self.engines.live {
            if let Some(sink) = pipeline.appsink("video") {
                sink.send_event(encode::force_keyframe());
            }
        }
    }
}

/// Whether sound is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Nothing,
    Perhaps,
    Surely,
}

/// Builds and starts what a request asks for. Blocks.
fn assemble(request: &Request, outlet: &Outlet) -> Result<Engines, OpenError> {
    if request.audio == Audio::Own && !request.video.may_have_sound() {
        let reason = "only a file or a network source has sound of its own";
        return Err(OpenError::Unusable(reason.into()));
    }
    let mut engines = Engines::default();
    match &request.video {
        Video::Clip(path) => {
            let sound = if request.audio == Audio::Own {
                clip::Sound::Play
            } else {
                clip::Sound::Skip
            };
            engines.clip = Some(clip::Player::open(path, sound, outlet.clone())?);
        }
        Video::Network(address) => engines.live.push(network::open(address, request, outlet)?),
        Video::Camera(camera) => engines
            .live
            .push(camera::open(camera, request.bitrate, outlet)?),
        Video::Screen(screen) => engines
            .live
            .push(screen::open(screen, request.bitrate, outlet)?),
        Video::Pattern(pattern) => {
            engines
                .live
                .push(pattern::open(pattern, request.bitrate, outlet)?)
        }
    }
    match request.audio {
        Audio::Own | Audio::None => {}
        Audio::Microphone => engines.live.push(microphone::open(outlet)?),
        Audio::Tone => engines.live.push(pattern::tone(outlet)?),
    }
    Ok(engines)
}

/// Reads events until the formats are known, and keeps them.
async fn learn(
    events: &mut mpsc::Receiver<Event>,
    early: &mut VecDeque<Event>,
    known: Option<Formats>,
    expected: Expected,
) -> Result<Formats, OpenError> {
    let mut video = known.map(|formats| formats.video);
    let mut audio = known.and_then(|formats| formats.audio);
    let mut expected = expected;
    let mut deadline = None;
    loop {
        if let (Some(video), true) = (video, audio.is_some() || expected == Expected::Nothing) {
            return Ok(Formats { video, audio });
        }
        if video.is_some() && expected == Expected::Perhaps && deadline.is_none() {
            deadline = Some(tokio::time::Instant::now() + SOUND_PATIENCE);
        }
        let event = match deadline {
            None => events.recv().await,
            Some(deadline) => match tokio::time::timeout_at(deadline, events.recv()).await {
                Ok(event) => event,
                Err(_) => {
                    expected = Expected::Nothing;
                    continue;
                }
            },
        };
        match event {
            Some(Event::Frame(kind, frame)) => {
                match kind {
                    Kind::Video if video.is_none() => {
                        video = h264::profile_level_id(&frame.payload)
                            .map(|profile_level_id| VideoFormat::H264 { profile_level_id });
                    }
                    Kind::Audio if audio.is_none() => audio = Some(opus::format(&frame.payload)),
                    Kind::Audio | Kind::Video => {}
                }
                // Pictures before the first keyframe are of no use, and waiting ones are old by the time they are sent.
                if early.len() < QUEUE {
                    early.push_back(Event::Frame(kind, frame));
                }
            }
            Some(Event::Failed(reason)) => return Err(OpenError::Unusable(reason)),
            Some(Event::Ended) | None => {
                return Err(OpenError::Unusable("the source ended at once".into()));
            }
        }
    }
}
