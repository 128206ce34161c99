//! Publishing a source by WHIP.

mod entrance;
mod feedback;
mod outgoing;
mod pace;
mod sender;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rtc::interceptor::{NackResponderBuilder, Registry, Slot};
use tokio::sync::watch;
use webrtc::runtime::JoinHandle;

use crate::connection::{self, ConnectError, Connection, Line, Plan};
use crate::mailbox::{Post, mailbox};
use crate::session::{self, Business, Change};
use crate::signalling::Messenger;
use crate::{AudioFormat, Door, Mailbox, Platform, Refusal, VideoFormat};

use entrance::Entrance;
pub use entrance::FrameWriter;
use outgoing::{Outgoing, Source};
use sender::Sender;

/// Packets kept for retransmission per track: 2 s of 4K at 20 Mbit/s. A power of two, as the library demands.
const HISTORY: u16 = 4_096;
/// Audio packets that may wait to be sent: 1 s of the usual 20 ms packets.
const AUDIO_QUEUE: usize = 50;

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
    video: Option<Arc<Entrance>>,
    audio: Option<Arc<Entrance>>,
    statistics: Mutex<Statistics>,
}

impl Shared {
    fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        let shared = Arc::new(Shared {
            video: config
                .video
                .map(|_| Arc::new(Entrance::video(config.queue_frames))),
            audio: config.audio.map(|_| Arc::new(Entrance::audio(AUDIO_QUEUE))),
            statistics: Mutex::default(),
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

    /// Where encoded pictures go; `None` when the configuration has no video.
    pub fn video(&self) -> Option<FrameWriter> {
        self.shared.video.clone().map(FrameWriter::new)
    }

    /// Where encoded sound goes; `None` when the configuration has no audio.
    pub fn audio(&self) -> Option<FrameWriter> {
        self.shared.audio.clone().map(FrameWriter::new)
    }

    /// Counters so far.
    pub fn statistics(&self) -> Statistics {
        let dropped = self
            .shared
            .video
            .as_ref()
            .map_or(0, |video| video.dropped());
        Statistics {
            video_frames_dropped: dropped,
            ..*self.shared.statistics()
        }
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
        let Config {
            video,
            audio,
            expected_bitrate,
            ..
        } = self.config;
        let sources: Vec<_> = [
            audio.map(AudioFormat::codec).zip(self.shared.audio.clone()),
            video.map(VideoFormat::codec).zip(self.shared.video.clone()),
        ]
        .into_iter()
        .flatten()
        .map(|(codec, entrance)| Source::new(codec, entrance))
        .collect();
        let lines = sources
            .iter()
            .map(|source| Line::Send(Box::new(connection::track(source.codec, source.ssrc))));
        let lines = lines.collect();
        let now = self.platform.runtime.now();
        let outgoing = Outgoing::new(now, sources, expected_bitrate, self.platform.wall_clock);
        let (sender, terms) = Sender::new(now, outgoing, self.shared.clone(), self.post.clone());
        let plan = Plan {
            platform: &self.platform,
            door: &self.door,
            messenger,
            media: connection::sending(video, audio).map_err(ConnectError::Local)?,
            registry: Registry::new()
                .with(
                    Slot::NackResponder,
                    NackResponderBuilder::new().with_size(HISTORY).build(),
                )
                .with(sender::SLOT, sender),
            lines,
        };
        connection::connect(plan, closed, |answer| terms.agree(answer)).await
    }

    fn report(&mut self, change: Change) {
        let entrances = || self.shared.video.iter().chain(&self.shared.audio);
        match change {
            Change::Connected => {
                self.shared.statistics().connections += 1;
                entrances().for_each(|entrance| entrance.open());
                self.post.notice(Event::Connected);
                if self.shared.video.is_some() {
                    self.post.notice(Event::KeyframeRequested);
                }
            }
            Change::Disconnected(reason) => {
                entrances().for_each(|entrance| entrance.close());
                self.post.notice(Event::Disconnected { reason });
            }
            Change::Refused(refusal) => self.post.notice(Event::Refused(refusal)),
            Change::Retrying(after) => self.post.notice(Event::Retrying { after }),
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        for entrance in self.shared.video.iter().chain(&self.shared.audio) {
            entrance.close();
        }
        self.post.finish();
    }
}
