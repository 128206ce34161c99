//! What workers are told, what they tell each other, and what they report.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};

use relay_core::allocator::LayerRate;
use relay_core::key::{Kind, LayerSet, SessionKey, TrackKey};
use relay_core::line::Reading;
use relay_core::packet::{Packet, Space};
use relay_core::report::ClockReading;
use relay_transport::sdp::{CodecBinding, PublishedTrack, WatchedSlot};
use relay_transport::{Credentials, Fingerprint, Reason};

/// Messages of each [urgency](Mail::is_repeated) that a worker's mailbox holds. A batch of packets is one message; at 30 batches per
/// frame of a dozen publications this is over a second.
const CAPACITY: usize = 16_384;

/// A message to a worker.
#[derive(Debug)]
pub enum Mail {
    /// A session is placed on this worker.
    Open(Box<Opening>),
    /// A session ends.
    Close(SessionKey),
    /// A session's ICE restarts with these local credentials.
    RestartIce(SessionKey, Credentials),
    /// A viewer's slot shows this track from now on, or nothing.
    Bind {
        /// The viewer, on this worker.
        viewer: SessionKey,
        /// Position among its slots.
        slot: u8,
        /// What it shows.
        track: Option<Arc<TrackDescription>>,
    },
    /// Another worker has viewers of a track that is published here, or has none any more.
    Interest {
        /// The track.
        track: TrackKey,
        /// The other worker.
        worker: usize,
        /// The layers whose packets it wants.
        layers: LayerSet,
    },
    /// Packets of one layer of a track published on another worker.
    Packets(TrackKey, Arc<[Arc<Packet>]>),
    /// The clock of a track published on another worker.
    Clock(TrackKey, Space, ClockReading),
    /// The layers of a track published on another worker.
    Layers(TrackKey, Arc<[LayerRate]>),
    /// Viewers on another worker need keyframes of layers of a track published here.
    KeyframeWanted(TrackKey, LayerSet),
    /// Every session ends, then the worker.
    Stop,
}

impl Mail {
    /// Whether the like of it comes again by itself, as what media and RTCP cause does. It comes as fast as clients want, so it
    /// may not take the room of decisions, which are told once.
    fn is_repeated(&self) -> bool {
        match self {
            Mail::Packets(..) | Mail::Clock(..) | Mail::Layers(..) | Mail::KeyframeWanted(..) => {
                true
            }
            Mail::Open(_)
            | Mail::Close(_)
            | Mail::RestartIce(..)
            | Mail::Bind { .. }
            | Mail::Interest { .. }
            | Mail::Stop => false,
        }
    }
}

/// A session to be opened.
#[derive(Debug)]
pub struct Opening {
    /// Its key.
    pub key: SessionKey,
    /// The relay's ICE credentials for it.
    pub credentials: Credentials,
    /// What the client's certificate must hash to.
    pub fingerprint: Fingerprint,
    /// What it is for.
    pub side: Side,
}

/// What a session is for.
#[derive(Debug)]
pub enum Side {
    /// The client sends these tracks; their descriptions carry the same order.
    Publisher(Vec<(PublishedTrack, Arc<TrackDescription>)>),
    /// The client receives these slots.
    Viewer(Vec<WatchedSlot>),
}

/// What every worker needs to know of a track to forward it.
#[derive(Debug)]
pub struct TrackDescription {
    /// Its key.
    pub key: TrackKey,
    /// The worker of its publisher.
    pub worker: usize,
    /// Audio or video.
    pub kind: Kind,
    /// The publisher's payload types.
    pub codecs: Vec<CodecBinding>,
}

/// What a worker reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A session's handshake is complete.
    Connected(SessionKey),
    /// A session is gone.
    Closed(SessionKey, Closed),
    /// A session's line over the last second.
    Line(Box<Reading>),
}

/// Why a session is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Its transport ended.
    Transport(Reason),
    /// The control side ended it.
    Asked,
}

/// How a worker that waits for its socket is told to look into its mailbox.
#[derive(Debug)]
pub enum Wake {
    /// Wakes the poll of a worker thread.
    Thread(mio::Waker),
    /// Wakes a worker that runs as a task, as in simulations.
    Task(Arc<tokio::sync::Notify>),
}

/// The sending side of a worker's mailbox.
#[derive(Debug, Clone)]
pub struct Post {
    decisions: SyncSender<Mail>,
    repeated: SyncSender<Mail>,
    wake: Arc<Wake>,
}

/// The mailbox did not take the message: it is full, or the worker is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker does not take messages")]
pub struct Undelivered;

impl Post {
    /// Puts a message into the mailbox without waiting.
    ///
    /// # Errors
    ///
    /// [`Undelivered`]; the message is dropped.
    pub fn send(&self, mail: Mail) -> Result<(), Undelivered> {
        let sender = match mail.is_repeated() {
            true => &self.repeated,
            false => &self.decisions,
        };
        sender
            .try_send(mail)
            .map_err(|_: TrySendError<Mail>| Undelivered)?;
        self.wake()
    }

    /// Has the worker look for what it was sent.
    pub(super) fn wake(&self) -> Result<(), Undelivered> {
        match &*self.wake {
            Wake::Thread(waker) => waker.wake().map_err(|_| Undelivered),
            Wake::Task(notify) => {
                notify.notify_one();
                Ok(())
            }
        }
    }
}

/// The receiving side of a worker's mailbox.
#[derive(Debug)]
pub struct Mailbox {
    decisions: Receiver<Mail>,
    repeated: Receiver<Mail>,
}

impl Mailbox {
    /// A mailbox whose owner is woken through `wake`.
    pub fn new(wake: Wake) -> (Post, Self) {
        let (decisions, decided) = mpsc::sync_channel(CAPACITY);
        let (repeated, repeating) = mpsc::sync_channel(CAPACITY);
        (
            Post {
                decisions,
                repeated,
                wake: Arc::new(wake),
            },
            Self {
                decisions: decided,
                repeated: repeating,
            },
        )
    }

    /// The next message, if there is one: decisions first, in the order in which they were sent.
    pub fn next(&self) -> Option<Mail> {
        let decision = self.decisions.try_recv();
        decision.or_else(|_| self.repeated.try_recv()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_media_leaves_room_for_decisions() {
        let (post, mailbox) = Mailbox::new(Wake::Task(Arc::default()));
        let track = TrackKey {
            session: SessionKey(1),
            index: 0,
        };
        while post
            .send(Mail::KeyframeWanted(track, LayerSet::of(0)))
            .is_ok()
        {}
        post.send(Mail::Close(SessionKey(2))).unwrap();
        post.send(Mail::Stop).unwrap();
        assert!(matches!(mailbox.next(), Some(Mail::Close(SessionKey(2)))));
        assert!(matches!(mailbox.next(), Some(Mail::Stop)));
        assert!(matches!(mailbox.next(), Some(Mail::KeyframeWanted(..))));
    }
}
