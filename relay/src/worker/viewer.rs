//! The sending side of a WHEP session: what its line carries, what its slots get of that, and when packets leave.
//!
//! ```text
//!  packets of a track ─▶ forward ─▶ Filled (numbers) ─▶ Exit (write, seal) ─▶ run of datagrams
//!                          │ pacer closed                 ▲
//!                          └▶ Lag: a place in the cache ──┘ pump, every few milliseconds
//!  feedback ─▶ Estimate ─▶ Allocator ─▶ share of each slot ─▶ layer
//! ```

mod exit;
mod filled;
mod lag;
mod line;
mod numbers;
mod redundancy;
mod repair;
mod sending;
mod shares;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use congestion::estimate::Estimate;
use relay_core::allocator::Allocator;
use relay_core::key::{LayerSet, TrackKey};
use relay_core::pacer::Pacer;
use relay_core::packet::Packet;
use relay_transport::sdp::WatchedSlot;

use super::egress::Outlet;
use super::mail::TrackDescription;
use super::track::{Track, Tracks};
pub use exit::Exit;
use filled::Filled;
use lag::{Lag, Patience, Requests};
use line::Line;
use sending::Tally;

/// What a line is believed to carry until it shows: the 1080p layer and courseware, but not 4K.
const START: u64 = 5_000_000;
/// The same for a client that tells nothing but what it lost: everything, until losses say otherwise.
const START_BLIND: u64 = 50_000_000;
/// A keyframe that was kept is used when what has come since takes less than this at the viewer's pace: a fresh one takes about as long.
const QUICK: Duration = Duration::from_millis(250);
/// What a client needs after the handshake to set up its keys and receivers. What arrives before is lost to it without a trace: it
/// would not even ask for the beginning of the first keyframe.
const READY: Duration = Duration::from_millis(40);
/// How long a keyframe may take to a client, beyond the round trip.
const KEYFRAME_TRIP: Duration = Duration::from_millis(200);
/// How long a burst may last.
const MAX_BURST: Duration = Duration::from_millis(150);
/// Pace beyond which waiting makes no difference.
const UNPACED: u64 = 500_000_000;

/// A viewer's slots.
pub struct Viewer {
    slots: Vec<Filled>,
    /// Places of the slots, the most important first.
    order: Vec<usize>,
    /// The client is not ready yet, or not heard, so nothing is sent.
    is_paused: bool,
    ready_at: Option<Instant>,
    estimate: Estimate,
    /// Whether the client tells more than what it lost.
    is_informed: bool,
    began: Option<Instant>,
    pacer: Pacer,
    /// Since when something waits for it.
    lags_since: Option<Instant>,
    allocator: Allocator,
    /// When shares are decided again; at once after something changed.
    review_at: Option<Instant>,
    patience: Patience,
    requests: Requests,
    line: Line,
}

/// What came of sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Keyframes needed of the track's layers.
    pub keyframes: LayerSet,
    /// Whether something waits for the pacer.
    pub lags: bool,
}

/// What a slot is to be sent from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The slot.
    pub slot: u8,
    /// What it shows.
    pub track: TrackKey,
}

impl Viewer {
    /// The slots, as negotiated; they show nothing yet.
    pub fn new(now: Instant, slots: Vec<WatchedSlot>) -> Self {
        let tells = |slot: &WatchedSlot| slot.extensions.transport_cc.is_some();
        let start = match slots.iter().any(tells) {
            true => START,
            false => START_BLIND,
        };
        let slots: Vec<_> = slots.into_iter().map(Filled::new).collect();
        let mut order: Vec<_> = (0..slots.len()).collect();
        // Sound is never paced, so its place does not matter.
        order.sort_by_key(|at| slots[*at].class);
        Self {
            slots,
            order,
            is_paused: true,
            ready_at: None,
            estimate: Estimate::new(now, start),
            is_informed: false,
            began: None,
            pacer: Pacer::new(now),
            lags_since: None,
            allocator: Allocator::default(),
            review_at: None,
            patience: Patience::default(),
            requests: Requests::default(),
            line: Line::default(),
        }
    }

    /// Stops sending while the client is not heard. What it shows afterwards takes up the numbers where they stopped: past 2¹⁵
    /// packets that it misses its SRTP would mistake the roll-over counter and stay dark for ever (RFC 3711 §3.3.1).
    pub fn pause(&mut self) {
        if !std::mem::replace(&mut self.is_paused, true) {
            self.slots.iter_mut().for_each(Filled::restart);
        }
    }

    /// The handshake is complete.
    pub fn connected(&mut self, now: Instant) {
        self.ready_at = Some(now + READY);
    }

    /// Sends (again), pictures from a keyframe on, once the client is ready. Returns whether it had been paused.
    pub fn resume(&mut self, now: Instant) -> bool {
        let is_ready = self.ready_at.is_some_and(|at| now >= at);
        is_ready && std::mem::take(&mut self.is_paused)
    }

    /// Shows a track in a slot, or nothing, and returns what was shown before.
    pub fn bind(&mut self, slot: u8, track: Option<Arc<TrackDescription>>) -> Option<TrackKey> {
        let filled = self.slots.get_mut(usize::from(slot))?;
        let before = filled.track.take().map(|track| track.key);
        filled.show(track);
        self.review_at = None;
        before
    }

    /// What the slots show.
    pub fn shown(&self) -> impl Iterator<Item = (u8, TrackKey)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, filled)| Some((slot, filled.track.as_ref()?.key)))
    }

    /// The client asks for a keyframe of the slot with this SSRC. Returns the track and layer to be asked for it, unless one is on its
    /// way to the client already, or the client asks so often that everybody would pay for one bad line.
    pub fn keyframe_request(&mut self, now: Instant, ssrc: u32) -> Option<(TrackKey, u8)> {
        let filled = self.slots.iter().find(|filled| filled.ssrc == ssrc)?;
        let track = filled.track.as_ref()?.key;
        let layer = filled.slot.aimed()?;
        let round_trip = self.estimate.round_trip().unwrap_or(KEYFRAME_TRIP);
        let on_its_way = filled
            .keyframe_sent
            .is_some_and(|sent| now.saturating_duration_since(sent) < round_trip + KEYFRAME_TRIP);
        (!on_its_way && self.requests.spend(now)).then_some((track, layer))
    }

    /// The layers whose packets a slot takes.
    pub fn layers(&self, slot: u8) -> LayerSet {
        self.slots
            .get(usize::from(slot))
            .map(Filled::layers)
            .unwrap_or_default()
    }

    /// Sends the next packets of one layer of what a slot shows, as far as the pacer lets them.
    pub fn forward(
        &mut self,
        slot: u8,
        track: &Track,
        packets: &[Arc<Packet>],
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Sent {
        if self.is_paused {
            return Sent::default();
        }
        self.began.get_or_insert(exit.now);
        let pace = self.pace(exit.now);
        let Some(filled) = self.slots.get_mut(usize::from(slot)) else {
            return Sent::default();
        };
        let is_paced = filled.class.is_some() && pace < UNPACED;
        if is_paced {
            self.pacer.refill(exit.now, pace);
            filled.refill(exit.now);
        }
        let mut tally = Tally::default();
        for packet in packets {
            match &filled.lag {
                Some(lag) if lag.covers(packet) => continue,
                // A keyframe of the layer that is aimed at ends what the slot is behind with.
                Some(lag) if lag.space != packet.space && filled.begins(packet) => {
                    filled.lag = Some(Lag::at(packet));
                    continue;
                }
                Some(lag) if lag.space != packet.space => continue,
                None if is_paced
                    && !(self.pacer.is_open() && filled.is_open())
                    && filled.is_next(packet) =>
                {
                    filled.lag = Some(Lag::at(packet));
                    continue;
                }
                _ => {}
            }
            let len = filled.take(packet, track, &mut self.estimate, exit, &mut tally);
            if is_paced {
                self.pacer.spend(len);
            }
        }
        exit.buffer.flush(exit.to, exit.outlet);
        tally.close(filled, &mut self.line, exit);
        // What preceded the keyframe in one batch does not ask for another one.
        let needed = tally.needs_keyframe && filled.slot.needs_keyframe();
        Sent {
            keyframes: match filled.slot.aimed() {
                Some(layer) if needed && self.patience.may_ask(exit.now) => LayerSet::of(layer),
                _ => LayerSet::EMPTY,
            },
            lags: filled.lag.is_some(),
        }
    }

    /// Sends what waited for the pacer. Returns whether something still waits, and the tracks that need keyframes.
    pub fn pump(
        &mut self,
        tracks: &Tracks,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> (bool, Vec<(TrackKey, u8)>) {
        self.pacer.refill(exit.now, self.pace(exit.now));
        let mut given_up = Vec::new();
        for at in &self.order {
            let filled = &mut self.slots[*at];
            if filled.lag.is_none() {
                continue;
            }
            let Some(track) = filled
                .track
                .as_ref()
                .and_then(|track| tracks.get(&track.key))
            else {
                filled.lag = None;
                continue;
            };
            let mut tally = Tally::default();
            filled.refill(exit.now);
            while self.pacer.is_open() && filled.is_open() && filled.lag.is_some() {
                let len = filled.catch_up(track, &mut self.estimate, exit, &mut tally);
                self.pacer.spend(len);
            }
            exit.buffer.flush(exit.to, exit.outlet);
            tally.close(filled, &mut self.line, exit);
            if tally.gave_up {
                self.patience.lost(exit.now);
            } else if tally.needs_keyframe
                && let Some(layer) = filled.slot.aimed()
            {
                given_up.push((track.description.key, layer));
            }
        }
        let lags = self.slots.iter().any(|filled| filled.lag.is_some());
        self.lags_since = lags.then(|| self.lags_since.unwrap_or(exit.now));
        (lags, given_up)
    }

    /// Bit/s at which packets may leave. Bursts are short: what waits for longer leaves as the line carries it, and also while a
    /// queue has to drain, for what does not wait here would only wait there.
    pub(super) fn pace(&self, now: Instant) -> u64 {
        let (pace, target) = (self.estimate.pace(), self.estimate.target());
        if target >= START_BLIND && !self.is_informed {
            return u64::MAX;
        }
        let waits = self
            .lags_since
            .is_some_and(|since| now.saturating_duration_since(since) > MAX_BURST);
        match self.is_informed && (waits || pace < 2 * target) {
            true => target.min(pace),
            false => pace,
        }
    }

    /// Starts a slot that waits for a keyframe from one that was kept, where that is quicker than a fresh one. Returns whether it does.
    pub fn start(&mut self, now: Instant, slot: u8, track: &Track) -> bool {
        let Some(filled) = self.slots.get_mut(usize::from(slot)) else {
            return false;
        };
        if self.is_paused || !filled.slot.is_waiting() || filled.lag.is_some() {
            return false;
        }
        let entry = filled.slot.aimed().and_then(|layer| track.entry(layer));
        let quick = u128::from(self.estimate.pace().min(UNPACED)) * QUICK.as_millis() / 8_000;
        let Some(entry) = entry.filter(|entry| u128::from(entry.bytes) <= quick) else {
            return false;
        };
        let Some(packet) = track.packet(entry.space, entry.sequence) else {
            return false;
        };
        filled.lag = Some(Lag::from(now, packet));
        true
    }

    /// The layer that a slot needs a keyframe of, if it may ask.
    pub fn needs_keyframe(&self, slot: u8) -> Option<u8> {
        let filled = self.slots.get(usize::from(slot))?;
        filled
            .slot
            .aimed()
            .filter(|_| filled.slot.needs_keyframe() && !self.is_paused)
    }

    /// The periodic sender reports, as RTCP. Both slots of a publication carry its publisher's clock, so players can keep them in sync.
    pub fn reports(&mut self, now: Instant, tracks: &Tracks) -> Vec<Vec<u8>> {
        self.slots
            .iter_mut()
            .filter_map(|filled| filled.report(now, tracks))
            .collect()
    }

    /// Every 20 ms: sends padding where that may show that the line carries more.
    pub fn probe(&mut self, tracks: &Tracks, exit: &mut Exit<'_, impl Outlet>) {
        let Some(probe) = self.estimate.poll(exit.now).filter(|_| !self.is_paused) else {
            return;
        };
        let sent = match self.slots.iter_mut().find(|filled| filled.can_repeat()) {
            Some(filled) => filled.repeat(probe.bytes, tracks, &mut self.estimate, exit),
            None => {
                let pictures = self
                    .slots
                    .iter_mut()
                    .filter(|filled| filled.class.is_some());
                let mut padded = pictures
                    .filter(|filled| filled.lag.is_none())
                    .map(|filled| filled.pad(probe.bytes, &mut self.estimate, exit));
                padded.find(|bytes| *bytes > 0).unwrap_or(0)
            }
        };
        exit.buffer.flush(exit.to, exit.outlet);
        self.pacer.spend(sent);
        exit.counters.probe_bytes.add(sent as u64);
    }
}
