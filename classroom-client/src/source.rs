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
mod ladder;
mod learn;
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

use ladder::Ladder;
use learn::{Expected, learn};
use outlet::Outlet;

use crate::adapt::{Needs, Rate};
use crate::elements::Missing;
use crate::encode;
use crate::layers::{self, Layers};
use crate::pipeline::{self, Pipeline};

/// How long a live source may take to deliver its first picture and sound.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a source takes that nobody has measured, bits per second.
const USUAL_BITRATE: u32 = 4_000_000;

/// Frames between the source and whoever sends them. A source that finds it full waits; a live one drops raw pictures meanwhile.
const QUEUE: usize = 64;

/// What to take pictures from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Video {
    /// A file, or one for each layer, sent as it is, for ever.
    Clip(clip::Renditions),
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
    /// Video bit rate, of the best layer if there are several, bits per second; by default it follows from the size of the
    /// picture.
    pub bitrate: Option<u32>,
    /// In which layers pictures are encoded that are not encoded yet, a network source's apart.
    pub layers: Layers,
}

/// Part of what a source delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// Pictures: one of their layers, counted from the best.
    Layer(usize),
    /// Sound.
    Sound,
}

impl From<Kind> for Track {
    /// Of a source with one layer.
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Video => Track::Layer(0),
            Kind::Audio => Track::Sound,
        }
    }
}

/// An encoding of the pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// Its name among the layers.
    pub rid: &'static str,
    /// What it takes of the line.
    pub needs: Needs,
}

/// What a source says.
#[derive(Debug, Clone)]
pub enum Event {
    /// A picture, or a packet of sound.
    Frame(Track, Frame),
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
    /// Bit rate asked for, bits per second.
    bitrate: Option<u32>,
    engines: Engines,
}

/// What drives a source.
#[derive(Debug, Default)]
struct Engines {
    clip: Option<clip::Player>,
    /// The first is that of the pictures.
    live: Vec<Pipeline>,
    /// The encodings of the pictures, where they are encoded here.
    ladder: Option<Ladder>,
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
            bitrate: request.bitrate,
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

    /// The encodings of the pictures, the best first. What is not encoded here takes what it takes.
    pub fn encodings(&self) -> Vec<Encoding> {
        let (rids, needs) = match &self.engines {
            Engines {
                ladder: Some(ladder),
                ..
            } => {
                let rids = ladder.layers().map(|layer| layer.rid);
                (rids.collect(), ladder.needs())
            }
            Engines {
                clip: Some(clip), ..
            } => (layers::rids(clip.needs().len()), clip.needs().to_vec()),
            _ => {
                let bitrate = self.bitrate.unwrap_or(USUAL_BITRATE);
                let needs = Needs {
                    nominal: bitrate,
                    least: bitrate,
                };
                (layers::rids(1), vec![needs])
            }
        };
        let encodings = rids.into_iter().zip(needs);
        encodings
            .map(|(rid, needs)| Encoding { rid, needs })
            .collect()
    }

    /// Makes the next picture of a layer a keyframe where there is an encoder; a camera is asked, and a clip has its keyframes where
    /// it has them.
    pub fn force_keyframe(&self, layer: usize) {
        let sink = encode::sink_name(layer);
        if let Some(sink) = self
            .engines
            .live
            .iter()
            .find_map(|live| live.appsink(&sink))
        {
            sink.send_event(encode::force_keyframe());
        }
    }

    /// Lets a layer rest, so that it costs nothing, or gives it a bit rate; after a rest it begins with a keyframe. What is not
    /// encoded here goes on as it is.
    pub fn set_rate(&self, layer: usize, rate: Rate) {
        let Some(ladder) = &self.engines.ladder else {
            return;
        };
        match rate {
            Rate::Rest => {
                ladder.open(layer, false);
            }
            Rate::Bits(bits) => {
                ladder.set_bitrate(layer, bits);
                if ladder.open(layer, true) {
                    self.force_keyframe(layer);
                }
            }
        }
    }
}

impl Engines {
    fn encode(&mut self, (pipeline, ladder): (Pipeline, Ladder)) {
        self.live.push(pipeline);
        self.ladder = Some(ladder);
    }
}

/// Builds and starts what a request asks for. Blocks.
fn assemble(request: &Request, outlet: &Outlet) -> Result<Engines, OpenError> {
    if request.audio == Audio::Own && !request.video.may_have_sound() {
        let reason = "only a file or a network source has sound of its own";
        return Err(OpenError::Unusable(reason.into()));
    }
    let mut engines = Engines::default();
    match &request.video {
        Video::Clip(files) => {
            let sound = if request.audio == Audio::Own {
                clip::Sound::Play
            } else {
                clip::Sound::Skip
            };
            engines.clip = Some(clip::Player::open(files, sound, outlet.clone())?);
        }
        Video::Network(address) => engines.live.push(network::open(address, request, outlet)?),
        Video::Camera(camera) => engines.encode(camera::open(camera, request, outlet)?),
        Video::Screen(screen) => engines.encode(screen::open(screen, request, outlet)?),
        Video::Pattern(pattern) => engines.encode(pattern::open(pattern, request, outlet)?),
    }
    match request.audio {
        Audio::Own | Audio::None => {}
        Audio::Microphone => engines.live.push(microphone::open(outlet)?),
        Audio::Tone => engines.live.push(pattern::tone(outlet)?),
    }
    Ok(engines)
}
