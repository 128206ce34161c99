//! Publishing a source by WHIP.

mod entrance;
mod feedback;
mod layer;
mod outgoing;
mod pace;
mod sender;
mod tally;
mod uplink;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rtc::interceptor::{NackResponderBuilder, Registry, Slot};
use tokio::sync::watch;
use webrtc::runtime::JoinHandle;

use crate::answer::Answer;
use crate::connection::{self, ConnectError, Connection, Line, Plan};
use crate::mailbox::{Post, mailbox};
use crate::session::{self, Business, Change};
use crate::signalling::Messenger;
use crate::{AudioFormat, Door, Mailbox, Platform, Refusal, VideoFormat};

use entrance::Entrance;
pub use entrance::FrameWriter;
pub use layer::{InvalidRid, Rid};
use outgoing::{Expected, Outgoing, Part, Source};
use sender::Sender;
use tally::Tally;
pub use tally::{LayerStatistics, Statistics};

/// Packets kept for retransmission per track: 2 s of 4K at 20 Mbit/s. A power of two, as the library demands.
const HISTORY: u16 = 4_096;
/// Audio packets that may wait to be sent: 1 s of the usual 20 ms packets.
const AUDIO_QUEUE: usize = 50;

/// What is published, and how it is sent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The video track, if there is one.
    pub video: Option<VideoFormat>,
    /// The layers that the video is sent in (simulcast, RFC 8853), the best first, each with a name of its own. With fewer than
    /// two the video is one encoding without a name. A side that knows no layers gets the first.
    pub layers: Vec<Rid>,
    /// The audio track, if there is one.
    pub audio: Option<AudioFormat>,
    /// Announced bit rate of the video, all layers together, bits per second: the rate packets are spread by until the true one
    /// is known, and what the line is hoped to carry until it is known.
    pub expected_bitrate: u64,
    /// Video frames of a layer that may wait to be sent. Beyond it frames are dropped, and then all until the next keyframe.
    pub queue_frames: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            video: None,
            layers: Vec::new(),
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
    /// The other side takes these layers, by their places in [`Config::layers`]; the others need not be encoded. Told before
    /// `Connected`, where there are several.
    LayersTaken(Vec<usize>),
    /// Media flows. Start with a keyframe: frames before the first keyframe are dropped.
    Connected,
    /// A viewer cannot decode, or wants to change to this layer: make a keyframe of it now. Also sent after `Connected`, of every
    /// layer, and after frames were dropped.
    KeyframeRequested {
        /// Which one, by its place in [`Config::layers`]; 0 without layers.
        layer: usize,
    },
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

/// A source being published. Connects and reconnects until it is closed; dropping it closes it in the background.
pub struct Publisher {
    shared: Arc<Shared>,
    // Dropping the sender tells the task to leave.
    close: watch::Sender<()>,
    finished: watch::Receiver<()>,
    _task: Box<dyn JoinHandle>,
}

/// What the application's side and the connections share.
#[derive(Debug)]
struct Shared {
    /// One per layer, the best first.
    video: Vec<Arc<Entrance>>,
    audio: Option<Arc<Entrance>>,
    tally: Mutex<Tally>,
    /// Bit/s that the line is believed to carry.
    target: watch::Sender<Option<u64>>,
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entrances(&self) -> impl Iterator<Item = &Arc<Entrance>> {
        self.video.iter().chain(&self.audio)
    }

    fn line_carries(&self, target: Option<u64>) {
        // What the last connection has learnt holds until this one has learnt something.
        if target.is_some() {
            self.target
                .send_if_modified(|known| std::mem::replace(known, target) != target);
        }
    }
}

impl Publisher {
    /// Starts publishing. Must be called within a tokio runtime.
    pub fn start(door: Door, config: Config) -> (Self, Mailbox<Event>) {
        Self::start_on(Platform::default(), door, config)
    }

    /// Starts publishing on another platform.
    pub fn start_on(platform: Platform, door: Door, config: Config) -> (Self, Mailbox<Event>) {
        let (post, events) = mailbox(0);
        let layers = match config.video {
            Some(_) => config.layers.len().max(1),
            None => 0,
        };
        let shared = Arc::new(Shared {
            video: (0..layers)
                .map(|_| Arc::new(Entrance::video(config.queue_frames)))
                .collect(),
            audio: config.audio.map(|_| Arc::new(Entrance::audio(AUDIO_QUEUE))),
            tally: Mutex::new(Tally::new(layers)),
            target: watch::Sender::new(None),
        });
        let (close, closed) = watch::channel(());
        let (done, finished) = watch::channel(());
        let runtime = platform.runtime.clone();
        let publishing = Publishing {
            platform: platform.clone(),
            door: door.clone(),
            config,
            shared: shared.clone(),
            post,
        };
        let task = runtime.spawn(Box::pin(async move {
            session::run(platform, door, publishing, closed).await;
            drop(done);
        }));
        (
            Self {
                shared,
                close,
                finished,
                _task: task,
            },
            events,
        )
    }

    /// Where encoded pictures go, those of the first layer if there are several; `None` when the configuration has no video.
    pub fn video(&self) -> Option<FrameWriter> {
        self.layers().into_iter().next()
    }

    /// Where the encoded pictures of each layer go, in the order of [`Config::layers`]; one without layers, none without video.
    /// A picture has the same timestamp in every layer.
    pub fn layers(&self) -> Vec<FrameWriter> {
        let video = self.shared.video.iter();
        video.cloned().map(FrameWriter::new).collect()
    }

    /// Where encoded sound goes; `None` when the configuration has no audio.
    pub fn audio(&self) -> Option<FrameWriter> {
        self.shared.audio.clone().map(FrameWriter::new)
    }

    /// What the line is believed to carry, in bits per second: everything that this publisher sends, headers and all. `None`
    /// until the other side has told when packets arrived, and for good if it never does.
    pub fn target(&self) -> watch::Receiver<Option<u64>> {
        self.shared.target.subscribe()
    }

    /// Counters so far.
    pub fn statistics(&self) -> Statistics {
        let video = self.shared.video.iter();
        Statistics {
            video_frames_dropped: video.map(|entrance| entrance.dropped()).sum(),
            ..self.shared.tally().total
        }
    }

    /// Counters of each layer so far, in the order of [`Publisher::layers`].
    pub fn layer_statistics(&self) -> Vec<LayerStatistics> {
        let layers = self.shared.tally().layers.clone();
        let layers = layers.into_iter().zip(&self.shared.video);
        layers
            .map(|(layer, entrance)| LayerStatistics {
                frames_dropped: entrance.dropped(),
                ..layer
            })
            .collect()
    }

    /// Leaves: ends the session at the other side, then returns. Takes a second or so at most.
    pub async fn close(self) {
        let Self {
            close,
            mut finished,
            ..
        } = self;
        drop(close);
        // An error is what we wait for: the task has dropped its end.
        let _ = finished.changed().await;
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

/// The connecting half of a publisher.
struct Publishing {
    platform: Platform,
    door: Door,
    config: Config,
    shared: Arc<Shared>,
    post: Post<Event>,
}

impl Business for Publishing {
    async fn connect(
        &mut self,
        messenger: &Messenger,
        closed: &mut watch::Receiver<()>,
    ) -> Result<Connection, ConnectError> {
        let config = &self.config;
        let (sources, lines) = offered(config, &self.shared);
        let now = self.platform.runtime.now();
        let expected = Expected {
            bitrate: config.expected_bitrate,
            line: believed(*self.shared.target.borrow(), config.expected_bitrate),
        };
        let outgoing = Outgoing::new(now, sources, expected, self.platform.wall_clock);
        let (sender, terms) = Sender::new(now, outgoing, self.shared.clone(), self.post.clone());
        let plan = Plan {
            platform: &self.platform,
            door: &self.door,
            messenger,
            media: connection::sending(config.video, config.audio).map_err(ConnectError::Local)?,
            registry: Registry::new()
                .with(
                    Slot::NackResponder,
                    NackResponderBuilder::new().with_size(HISTORY).build(),
                )
                .with(sender::SLOT, sender),
            lines,
        };
        let runtime = self.platform.runtime.clone();
        let layered = config.layers.len() > 1;
        let on_answer = |answer: &Answer| {
            let taken = terms.agree(runtime.now(), answer)?;
            if layered {
                self.post.notice(Event::LayersTaken(taken));
            }
            Ok(())
        };
        connection::connect(plan, closed, on_answer).await
    }

    fn report(&mut self, change: Change) {
        match change {
            Change::Connected => {
                self.shared.tally().total.connections += 1;
                self.shared.entrances().for_each(|entrance| entrance.open());
                self.post.notice(Event::Connected);
                for layer in 0..self.shared.video.len() {
                    self.post.notice(Event::KeyframeRequested { layer });
                }
            }
            Change::Disconnected(reason) => {
                self.shared
                    .entrances()
                    .for_each(|entrance| entrance.close());
                self.post.notice(Event::Disconnected { reason });
            }
            Change::Refused(refusal) => self.post.notice(Event::Refused(refusal)),
            Change::Retrying(after) => self.post.notice(Event::Retrying { after }),
        }
    }
}

/// What a line is believed to carry before its first packet, bits per second: what it did carry, unless that was while it broke
/// down, or all that is going to be sent.
fn believed(known: Option<u64>, expected: u64) -> u64 {
    known.map_or(expected, |known| known.max(expected / 4))
}

/// The encodings of a connection and the m-lines they are offered in: sound, then video.
fn offered(config: &Config, shared: &Shared) -> (Vec<Source>, Vec<Line>) {
    let (mut sources, mut lines) = (Vec::new(), Vec::new());
    if let Some((format, entrance)) = config.audio.zip(shared.audio.clone()) {
        let source = Source::new(Part::Sound, format.codec(), lines.len(), entrance);
        let track = connection::track(source.codec, &[(source.ssrc, None)]);
        lines.push(Line::Send(Box::new(track)));
        sources.push(source);
    }
    if let Some(format) = config.video {
        // One layer is no simulcast (RFC 8853 §5.1).
        let rid = |index| config.layers.get(index).filter(|_| config.layers.len() > 1);
        let layers = shared.video.iter().enumerate().map(|(index, entrance)| {
            let part = Part::Layer(index, rid(index).cloned());
            Source::new(part, format.codec(), lines.len(), entrance.clone())
        });
        let layers: Vec<_> = layers.collect();
        let names = layers.iter().enumerate();
        let names: Vec<_> = names
            .map(|(index, layer)| (layer.ssrc, rid(index)))
            .collect();
        let track = connection::track(format.codec(), &names);
        lines.push(Line::Send(Box::new(track)));
        sources.extend(layers);
    }
    (sources, lines)
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.shared
            .entrances()
            .for_each(|entrance| entrance.close());
        self.post.finish();
    }
}
