//! Watching a lesson, or one publication, by WHEP.

mod arrivals;
mod capture;
mod frames;
mod incoming;
mod keyframes;
mod line;
mod receiver;
mod transport;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rtc::interceptor::{self, ReceiverReportBuilder, Registry};
use tokio::sync::watch;
use webrtc::runtime::JoinHandle;

use crate::connection::{self, ConnectError, Connection, Line, Plan};
use crate::mailbox::{Post, mailbox};
use crate::session::{self, Business, Change};
use crate::signalling::Messenger;
use crate::{Codec, Door, Kind, Mailbox, Platform, Refusal};

use incoming::Incoming;
use receiver::Receiver;

/// What is asked for, and how it is delivered.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many video slots are asked for.
    pub video: usize,
    /// How many audio slots are asked for.
    pub audio: usize,
    /// Video codecs that can be decoded, best first.
    pub codecs: Vec<Codec>,
    /// Frames, or the packets as they come.
    pub deliver: Deliver,
    /// How long a missing packet is waited for before what it belongs to is given up.
    pub patience: Duration,
    /// Frames (or packets) that may wait for the application; beyond it they are dropped and counted.
    pub queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            video: 1,
            audio: 1,
            codecs: vec![Codec::H264],
            deliver: Deliver::Frames,
            patience: Duration::from_millis(200),
            queue: 4_096,
        }
    }
}

/// In what form media is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliver {
    /// Complete access units and Opus packets, in order, from the first keyframe on. After a loss they go on at the next
    /// complete frame, marked with `discontinuity`: showing what a decoder makes of it, or waiting for the keyframe that has
    /// been asked for, is the application's choice.
    Frames,
    /// RTP packets in the order of their arrival, retransmissions included, duplicates not.
    Rtp,
    /// Nothing: only the statistics are kept.
    Statistics,
}

/// One m-line of the session. Who fills it changes at the relay, without notice here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// What the other side calls it: the msid's stream id (`camera`, `courseware`, `stage-1`), or the mid where there is none.
    pub name: String,
    /// Position among the m-lines of the session, from 0. Unique, and stable over reconnects.
    pub line: usize,
    /// Audio or video.
    pub kind: Kind,
    /// The codec answered. A relay that forwards several may send another one later: believe the frame.
    pub codec: Codec,
}

/// One access unit, or one Opus packet.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The slot it came in.
    pub slot: Arc<Slot>,
    /// Its codec.
    pub codec: Codec,
    /// H.264 and H.265: Annex B with start codes. VP8, VP9: the frame. AV1: the temporal unit. Opus: the packet.
    pub data: Bytes,
    /// Whether decoding can start here; always true for audio.
    pub keyframe: bool,
    /// RTP timestamp, ticks of the codec's clock; wraps, and jumps where `discontinuity` is set after a reconnect.
    pub rtp_timestamp: u32,
    /// When it was captured, by the publisher's wall clock: from abs-capture-time, else from sender reports.
    pub captured: Option<SystemTime>,
    /// When its last packet arrived.
    pub arrived: Instant,
    /// Something before it is missing: a loss that was not repaired, a full queue, a new connection.
    pub discontinuity: bool,
}

/// One RTP packet.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The slot it came in.
    pub slot: Arc<Slot>,
    /// Its codec.
    pub codec: Codec,
    /// RTP sequence number.
    pub sequence_number: u16,
    /// RTP timestamp.
    pub rtp_timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Last packet of a frame (video), first after silence (audio).
    pub marker: bool,
    /// Payload without padding.
    pub payload: Bytes,
    /// When it was captured, if the packet says so or can be known by those before it.
    pub captured: Option<SystemTime>,
    /// When it arrived.
    pub arrived: Instant,
}

/// What happens to a watching session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Media can flow.
    Connected,
    /// A slot of the session; sent once per slot after every `Connected`.
    Slot(Arc<Slot>),
    /// With [`Deliver::Frames`].
    Frame(Frame),
    /// With [`Deliver::Rtp`].
    Packet(Packet),
    /// The connection is gone.
    Disconnected {
        /// In a sentence.
        reason: String,
    },
    /// The other side said no in a way that will not change by itself. It is tried again all the same, slowly.
    Refused(Refusal),
    /// The next attempt comes after this long.
    Retrying {
        /// The wait, jitter included.
        after: Duration,
    },
}

/// Counters of a slot since the start, over all connections.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// The slot; `None` before the first answer.
    pub slot: Option<Arc<Slot>>,
    /// RTP packets, each counted once.
    pub packets: u64,
    /// RTP payload bytes of these.
    pub bytes: u64,
    /// Packets that never came. A packet counts once it has been missing for `patience`.
    pub packets_lost: u64,
    /// Packets that came after a later one had: retransmitted, or overtaken.
    pub packets_repaired: u64,
    /// Packets that came after they had been given up; each had been counted as lost.
    pub packets_late: u64,
    /// Packets that came again.
    pub packets_duplicate: u64,
    /// Packets or frames dropped because the application did not read.
    pub overflowed: u64,
    /// Complete frames, from the first keyframe of each source on.
    pub frames: u64,
    /// Keyframes among them.
    pub keyframes: u64,
    /// Frames given up because of missing packets.
    pub frames_broken: u64,
    /// Keyframe requests sent.
    pub keyframe_requests: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// From the start of the latest connection attempt to its first complete keyframe (audio: first packet).
    pub first_frame: Option<Duration>,
    /// From capture to arrival, of the latest frame, if the two clocks agree and the capture time is known.
    pub one_way: Option<Duration>,
    /// Lowest and highest `one_way` since the start.
    pub one_way_range: Option<(Duration, Duration)>,
}

/// A lesson being watched. Connects and reconnects until it is closed; dropping it closes it in the background.
pub struct Watcher {
    shared: Arc<Shared>,
    // Dropping the sender tells the task to leave.
    close: watch::Sender<()>,
    finished: watch::Receiver<()>,
    _task: Box<dyn JoinHandle>,
}

/// What the application's side and the connections share.
#[derive(Debug)]
struct Shared {
    /// One entry per m-line.
    statistics: Mutex<Vec<Statistics>>,
    /// Lines for which the application wants a keyframe, one bit each.
    keyframes_wanted: AtomicU64,
}

impl Shared {
    fn statistics(&self) -> MutexGuard<'_, Vec<Statistics>> {
        self.statistics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Starts watching. Must be called within a tokio runtime.
    pub fn start(door: Door, config: Config) -> (Self, Mailbox<Event>) {
        Self::start_on(Platform::default(), door, config)
    }

    /// Starts watching on another platform.
    pub fn start_on(platform: Platform, door: Door, config: Config) -> (Self, Mailbox<Event>) {
        let (post, events) = mailbox(config.queue);
        let shared = Arc::new(Shared {
            statistics: Mutex::new(vec![Statistics::default(); config.video + config.audio]),
            keyframes_wanted: AtomicU64::new(0),
        });
        let (close, closed) = watch::channel(());
        let (done, finished) = watch::channel(());
        let runtime = platform.runtime.clone();
        let watching = Watching {
            platform: platform.clone(),
            door: door.clone(),
            config,
            shared: shared.clone(),
            post,
        };
        let task = runtime.spawn(Box::pin(async move {
            session::run(platform, door, watching, closed).await;
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

    /// Counters so far, one entry per slot in the order of the m-lines: video first, then audio.
    pub fn statistics(&self) -> Vec<Statistics> {
        self.shared.statistics().clone()
    }

    /// Asks for a keyframe in a slot, for a decoder that has lost its way. At most one request per 500 ms is sent.
    pub fn request_keyframe(&self, line: usize) {
        if let Some(bit) = u32::try_from(line)
            .ok()
            .and_then(|line| 1_u64.checked_shl(line))
        {
            self.shared
                .keyframes_wanted
                .fetch_or(bit, Ordering::Relaxed);
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

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

/// The connecting half of a watcher.
struct Watching {
    platform: Platform,
    door: Door,
    config: Config,
    shared: Arc<Shared>,
    post: Post<Event>,
}

impl Business for Watching {
    async fn connect(
        &mut self,
        messenger: &Messenger,
        closed: &mut watch::Receiver<()>,
    ) -> Result<Connection, ConnectError> {
        let now = self.platform.runtime.now();
        let incoming = Incoming::new(
            now,
            self.config.clone(),
            self.shared.clone(),
            self.post.clone(),
            self.platform.wall_clock,
        );
        let (receiver, negotiation) = Receiver::new(incoming);
        let kinds = std::iter::repeat_n(Kind::Video, self.config.video)
            .chain(std::iter::repeat_n(Kind::Audio, self.config.audio));
        let plan = Plan {
            platform: &self.platform,
            door: &self.door,
            messenger,
            media: connection::receiving(&self.config.codecs).map_err(ConnectError::Local)?,
            registry: Registry::new()
                .with(
                    interceptor::Slot::ReceiverReport,
                    ReceiverReportBuilder::new().build(),
                )
                .with(receiver::SLOT, receiver),
            lines: kinds.map(Line::Receive).collect(),
        };
        connection::connect(plan, closed, |answer| negotiation.agree(answer)).await
    }

    fn report(&mut self, change: Change) {
        match change {
            // Told by `Incoming`, so that it comes before the first frame.
            Change::Connected => {}
            Change::Disconnected(reason) => self.post.notice(Event::Disconnected { reason }),
            Change::Refused(refusal) => self.post.notice(Event::Refused(refusal)),
            Change::Retrying(after) => self.post.notice(Event::Retrying { after }),
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.post.finish();
    }
}
