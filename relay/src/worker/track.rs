//! A track on one worker: the packets its viewers may still ask for, and who they are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use relay_core::cache::Cache;
use relay_core::key::{Kind, SessionKey, TrackKey};
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

/// Layers kept per track: four of simulcast, and as many former ones for retransmissions.
pub const MAX_LAYERS: usize = 8;

/// The tracks a worker knows: its own publishers' and, of the others', those that it has viewers of.
pub type Tracks = HashMap<TrackKey, Track>;

/// See the module.
#[derive(Debug)]
pub struct Track {
    /// What it is.
    pub description: Arc<TrackDescription>,
    /// Viewers on this worker: session and slot.
    pub subscribers: Vec<(SessionKey, u8)>,
    /// Other workers that have viewers; only where the track is published.
    pub others: Vec<usize>,
    /// A viewer waits for a keyframe that has not been asked for yet.
    pub keyframe_wanted: bool,
    /// When the worker of the publisher was told so last.
    pub keyframe_asked: Option<Instant>,
    layers: Vec<Layer>,
}

/// The packets of one sequence-number space.
#[derive(Debug)]
pub struct Layer {
    space: Space,
    /// What a NACK is answered from.
    pub cache: Cache,
    /// The publisher's clock, once it has reported.
    pub clock: Option<ClockReading>,
}

impl Track {
    /// A track without packets and viewers.
    pub fn new(description: Arc<TrackDescription>) -> Self {
        Self {
            description,
            subscribers: Vec::new(),
            others: Vec::new(),
            keyframe_wanted: false,
            keyframe_asked: None,
            layers: Vec::new(),
        }
    }

    /// The layer of this space; the oldest one makes room for a new one.
    pub fn layer_mut(&mut self, space: Space) -> &mut Layer {
        let at = match self.layers.iter().position(|layer| layer.space == space) {
            Some(at) => at,
            None => {
                if self.layers.len() == MAX_LAYERS {
                    self.layers.remove(0);
                }
                let cache = Cache::new(cache_len(self.description.kind));
                self.layers.push(Layer {
                    space,
                    cache,
                    clock: None,
                });
                self.layers.len() - 1
            }
        };
        &mut self.layers[at]
    }

    /// A packet that was sent to viewers.
    pub fn packet(&self, space: Space, sequence: u64) -> Option<&Arc<Packet>> {
        self.layer(space)?.cache.get(sequence)
    }

    /// The clock of a layer.
    pub fn clock(&self, space: Space) -> Option<ClockReading> {
        self.layer(space)?.clock
    }

    /// The clocks of all layers that have one.
    pub fn clocks(&self) -> impl Iterator<Item = (Space, ClockReading)> {
        self.layers
            .iter()
            .filter_map(|layer| Some((layer.space, layer.clock?)))
    }

    fn layer(&self, space: Space) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.space == space)
    }
}
