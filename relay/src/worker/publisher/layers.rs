//! The layers of a track: which SSRC carries each of them, and how fast they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_core::allocator::LayerRate;
use relay_core::key::{Kind, MAX_LAYERS, TrackKey};
use relay_core::meter::Meter;

use super::{Line, Publisher};

/// One layer.
pub struct Layer {
    /// Its RTP stream identifier (RFC 8852); `None` where there is no simulcast.
    pub rid: Option<Vec<u8>>,
    /// Its packets that viewers may get.
    pub meter: Meter,
    /// The SSRC that carries it.
    selected: Option<u32>,
    /// The SSRC that takes over at its next keyframe, and when it came.
    successor: Option<(u32, Instant)>,
}

/// How long a successor's keyframe is waited for while the present SSRC goes on.
const PATIENCE: Duration = Duration::from_secs(2);

impl Layer {
    /// The place of the layer with this name, which is made where it is new. `None` when there are too many.
    pub fn place(layers: &mut Vec<Self>, now: Instant, rid: Option<Vec<u8>>) -> Option<u8> {
        let known = layers.iter().position(|layer| layer.rid == rid);
        let at = known.unwrap_or(layers.len());
        if at == MAX_LAYERS {
            return None;
        }
        if known.is_none() {
            layers.push(Self {
                rid,
                meter: Meter::new(now),
                selected: None,
                successor: None,
            });
        }
        u8::try_from(at).ok()
    }

    /// A new SSRC carries it: the newest one is what the publisher means.
    pub fn comes(&mut self, now: Instant, ssrc: u32) {
        match self.selected {
            None => self.selected = Some(ssrc),
            Some(_) => self.successor = Some((ssrc, now)),
        }
    }

    /// Whether viewers may get a packet of this SSRC; `starts` tells whether a decoder can begin with it.
    pub fn takes(&mut self, ssrc: u32, starts: bool) -> bool {
        if starts && self.is_next(ssrc) {
            self.selected = Some(ssrc);
            self.successor = None;
        }
        self.selected == Some(ssrc)
    }

    /// Gives up a successor that does not begin while the present SSRC goes on: no other keyframe is asked for while it is waited for.
    pub fn review(&mut self, now: Instant) {
        let since = |then| now.saturating_duration_since(then);
        let goes_on = since(self.meter.latest()) < PATIENCE / 2;
        self.successor = self
            .successor
            .filter(|(_, came)| !goes_on || since(*came) < PATIENCE);
    }

    /// Whether the SSRC carries it, or is about to.
    pub fn is_current(&self, ssrc: u32) -> bool {
        self.selected == Some(ssrc) || self.is_next(ssrc)
    }

    /// Whether a keyframe is to be asked of this SSRC, one of the [current](Self::is_current) ones, when viewers want one.
    pub fn asks(&self, ssrc: u32, wanted: bool) -> bool {
        self.is_next(ssrc) || wanted && self.successor.is_none()
    }

    fn is_next(&self, ssrc: u32) -> bool {
        self.successor.is_some_and(|(next, _)| next == ssrc)
    }
}

impl Publisher {
    /// The layers of every picture that are being sent, with their rates, the lowest first.
    pub fn layer_rates(&mut self, now: Instant) -> Vec<(TrackKey, Arc<[LayerRate]>)> {
        let lines = self.tracks.iter_mut();
        lines
            .filter(|line| line.description.kind == Kind::Video)
            .map(|line| (line.description.key, line.rates(now)))
            .collect()
    }
}

impl Line {
    fn rates(&mut self, now: Instant) -> Arc<[LayerRate]> {
        let latest = self.layers.iter().map(|layer| layer.meter.latest()).max();
        let latest = latest.unwrap_or(now);
        let mut rates: Vec<_> = (0..)
            .zip(&mut self.layers)
            .filter(|(_, layer)| layer.meter.is_active(latest))
            .filter_map(|(place, layer)| {
                let bitrate = layer.meter.rate(now)?;
                Some(LayerRate {
                    layer: place,
                    bitrate,
                })
            })
            .collect();
        rates.sort_by_key(|rate| rate.bitrate);
        rates.into()
    }
}
