//! A track on one worker: the packets its viewers may still ask for, its layers, and who they are for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_core::allocator::LayerRate;
use relay_core::cache::{Cache, Refused};
use relay_core::key::{Kind, LayerSet, MAX_LAYERS, SessionKey, TrackKey};
use relay_core::packet::{Packet, Space};
use relay_core::report::ClockReading;

use super::mail::TrackDescription;

/// Packets kept per layer: a second of 4K at 20 Mbit/s, five seconds of Opus.
fn cache_len(kind: Kind) -> usize {
    match kind {
        Kind::Video => 2_048,
        Kind::Audio => 256,
    }
}

/// Sequence-number spaces kept per track: one per layer, and as many former ones for retransmissions.
pub const MAX_SPACES: usize = 2 * MAX_LAYERS;

/// The tracks a worker knows: its own publishers' and, of the others', those that it has viewers of.
pub type Tracks = HashMap<TrackKey, Track>;

/// See the module.
#[derive(Debug)]
pub struct Track {
    /// What it is.
    pub description: Arc<TrackDescription>,
    /// Viewers on this worker.
    pub subscribers: Vec<Subscriber>,
    /// Other workers that have viewers, and of which layers; only where the track is published.
    pub others: Vec<(usize, LayerSet)>,
    /// The layers whose packets the worker of the publisher has been asked for.
    pub interest: LayerSet,
    /// Layers of which a viewer waits for a keyframe that has not been asked for yet.
    pub keyframes_wanted: LayerSet,
    /// The layers that are being sent, the one with the lowest rate first.
    pub rates: Arc<[LayerRate]>,
    keyframes_asked: [Option<Instant>; MAX_LAYERS],
    spaces: Vec<Numbered>,
    latest: [Option<Space>; MAX_LAYERS],
}

/// A viewer's slot that shows the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// The viewer.
    pub viewer: SessionKey,
    /// Position among its slots.
    pub slot: u8,
    /// What it is sent, or waits for.
    pub layers: LayerSet,
}

/// The packets of one sequence-number space.
#[derive(Debug)]
struct Numbered {
    space: Space,
    /// What a NACK is answered from.
    cache: Cache,
    /// The publisher's clock, once it has reported.
    clock: Option<ClockReading>,
}

/// Where a decoder can start without a fresh keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Whose numbers.
    pub space: Space,
    /// The keyframe's first packet.
    pub sequence: u64,
    /// Bytes from there to now.
    pub bytes: u64,
}

impl Track {
    /// A track without packets and viewers.
    pub fn new(description: Arc<TrackDescription>) -> Self {
        Self {
            description,
            subscribers: Vec::new(),
            others: Vec::new(),
            interest: LayerSet::EMPTY,
            keyframes_wanted: LayerSet::EMPTY,
            rates: Arc::new([]),
            keyframes_asked: [None; MAX_LAYERS],
            spaces: Vec::new(),
            latest: [None; MAX_LAYERS],
        }
    }

    /// The packets of this space; the oldest space makes room for a new one.
    pub fn cache_mut(&mut self, space: Space) -> &mut Cache {
        &mut self.numbered_mut(space).cache
    }

    /// Takes in a packet that another worker has taken in.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the packet must not be forwarded.
    pub fn insert(&mut self, packet: &Arc<Packet>) -> Result<(), Refused> {
        self.cache_mut(packet.space).insert(packet.clone())?;
        self.note_latest(packet);
        Ok(())
    }

    /// The packet is of what its layer's publisher sends now.
    pub fn note_latest(&mut self, packet: &Packet) {
        if let Some(latest) = self.latest.get_mut(usize::from(packet.layer)) {
            *latest = Some(packet.space);
        }
    }

    /// The packets of a space.
    pub fn cache(&self, space: Space) -> Option<&Cache> {
        Some(&self.numbered(space)?.cache)
    }

    /// A packet that was sent to viewers.
    pub fn packet(&self, space: Space, sequence: u64) -> Option<&Arc<Packet>> {
        self.cache(space)?.get(sequence)
    }

    /// Where a viewer of this layer can start.
    pub fn entry(&self, layer: u8) -> Option<Entry> {
        let space = (*self.latest.get(usize::from(layer))?)?;
        let start = self.cache(space)?.start()?;
        Some(Entry {
            space,
            sequence: start.sequence,
            bytes: start.bytes,
        })
    }

    /// A publisher's clock.
    pub fn set_clock(&mut self, space: Space, reading: ClockReading) {
        self.numbered_mut(space).clock = Some(reading);
    }

    /// The clock of a space.
    pub fn clock(&self, space: Space) -> Option<ClockReading> {
        self.numbered(space)?.clock
    }

    /// The clocks of all spaces that have one.
    pub fn clocks(&self) -> impl Iterator<Item = (Space, ClockReading)> {
        self.spaces
            .iter()
            .filter_map(|numbered| Some((numbered.space, numbered.clock?)))
    }

    /// What `space`'s timestamp was when the packet, of another layer of this track, was captured.
    pub fn align(&self, space: Space, packet: &Packet, clock_rate: u32) -> Option<u32> {
        let (there, here) = (self.clock(space)?, self.clock(packet.space)?);
        there.timestamp_of(here.ntp_of(packet.timestamp, clock_rate), clock_rate)
    }

    /// Whether the worker of the publisher is to be told that keyframes are wanted: however many viewers ask however often, it is
    /// one message per layer and interval. Returns the layers to be told.
    pub fn take_wanted(&mut self, now: Instant, interval: Duration) -> LayerSet {
        let mut taken = LayerSet::EMPTY;
        for (layer, asked) in (0..).zip(&mut self.keyframes_asked) {
            let due = asked.is_none_or(|asked| now.saturating_duration_since(asked) >= interval);
            if self.keyframes_wanted.contains(layer) && due {
                *asked = Some(now);
                taken = taken.with(LayerSet::of(layer));
            }
        }
        self.keyframes_wanted = self.keyframes_wanted.without(taken);
        taken
    }

    /// The layers that anybody gets or waits for.
    pub fn watched(&self) -> LayerSet {
        self.others
            .iter()
            .fold(self.watched_here(), |all, (_, layers)| all.with(*layers))
    }

    /// The layers that viewers on this worker get or wait for.
    pub fn watched_here(&self) -> LayerSet {
        self.subscribers
            .iter()
            .fold(LayerSet::EMPTY, |all, subscriber| {
                all.with(subscriber.layers)
            })
    }

    fn numbered(&self, space: Space) -> Option<&Numbered> {
        self.spaces.iter().find(|numbered| numbered.space == space)
    }

    fn numbered_mut(&mut self, space: Space) -> &mut Numbered {
        let at = match self.spaces.iter().position(|known| known.space == space) {
            Some(at) => at,
            None => {
                if self.spaces.len() == MAX_SPACES {
                    self.spaces.remove(0);
                }
                self.spaces.push(Numbered {
                    space,
                    cache: Cache::new(cache_len(self.description.kind)),
                    clock: None,
                });
                self.spaces.len() - 1
            }
        };
        &mut self.spaces[at]
    }
}
