//! One direction of a line, sans-I/O: a bottleneck with its queue, then a path with delay and loss.
//!
//! Both are emulators of `str0m-netem`, in this order: its own queue counts what is already travelling, so a bottleneck and a
//! delay in one emulator would let the delay fill the queue. Added here are the schedule, outages, headers in the rate, and
//! counts of what was dropped where.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use str0m_netem::{
    Bitrate, DataSize, GilbertElliot, Input, LossModel, Netem, NetemConfig, Output, Probability,
    RandomLoss, WithLen,
};

use super::profile::{Conditions, Loss};

/// IPv4 and UDP headers: rates are those of IP packets.
const HEADERS: usize = 28;

/// A datagram and where it is going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel<R> {
    /// Its UDP payload.
    pub bytes: Bytes,
    /// Its way; means nothing to the lane.
    pub route: R,
}

impl<R> WithLen for Parcel<R> {
    fn len(&self) -> usize {
        self.bytes.len() + HEADERS
    }
}

/// What became of the packets of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Put in.
    pub entered: u64,
    /// Came out, duplicates included.
    pub delivered: u64,
    /// Dropped by the loss model.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
    /// Dropped by an outage.
    pub cut: u64,
    /// Came out twice.
    pub duplicated: u64,
}

/// One direction. `R` says where each packet is to go.
pub struct Lane<R> {
    steps: Vec<(Duration, Conditions)>,
    current: usize,
    /// When the schedule began; the first packet begins it, if nobody else does.
    began: Option<Instant>,
    /// Time never goes back, whatever the caller's clock says.
    latest: Option<Instant>,
    seed: u64,
    bottleneck: Netem<Parcel<R>>,
    path: Netem<Parcel<R>>,
    tally: Tally,
}

impl<R: Copy> Lane<R> {
    /// A lane with conditions from given times on, the first of them at zero. The same seed and packets give the same result.
    pub fn new(steps: Vec<(Duration, Conditions)>, seed: u64) -> Self {
        let first = steps.first().map(|(_, first)| *first).unwrap_or_default();
        Self {
            steps,
            current: 0,
            began: None,
            latest: None,
            seed,
            bottleneck: Netem::new(queueing(&first)),
            path: Netem::new(travelling(&first, seed)),
            tally: Tally::default(),
        }
    }

    /// Begins the schedule anew. What is under way stays under way.
    pub fn restart(&mut self, now: Instant) {
        let now = self.clamp(now);
        self.advance(now);
        self.began = Some(now);
        self.current = 0;
        let first = self.conditions();
        self.bottleneck.set_config(queueing(&first));
        self.path.set_config(travelling(&first, self.seed));
    }

    /// Takes a packet that arrived at `now`.
    pub fn push(&mut self, now: Instant, parcel: Parcel<R>) {
        let now = self.clamp(now);
        self.began.get_or_insert(now);
        self.advance(now);
        self.tally.entered += 1;
        let before = self.bottleneck.queue_len();
        self.bottleneck.handle_input(Input::Packet(now, parcel));
        if self.bottleneck.queue_len() == before {
            self.tally.overflowed += 1;
        }
        self.advance(now);
    }

    /// The next packet that comes out at `now` or should have before.
    pub fn poll(&mut self, now: Instant) -> Option<Parcel<R>> {
        let now = self.clamp(now);
        self.advance(now);
        let parcel = release(&mut self.path, now)?;
        self.tally.delivered += 1;
        Some(parcel)
    }

    /// When to poll next. A packet that waits for the bottleneck may then still have to travel.
    pub fn next(&self) -> Option<Instant> {
        match (head(&self.bottleneck), head(&self.path)) {
            (Some(queued), Some(travelling)) => Some(queued.min(travelling)),
            (queued, travelling) => queued.or(travelling),
        }
    }

    /// What became of the packets so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn conditions(&self) -> Conditions {
        self.steps
            .get(self.current)
            .map(|(_, conditions)| *conditions)
            .unwrap_or_default()
    }

    fn clamp(&mut self, now: Instant) -> Instant {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        now
    }

    /// Does everything up to `now` in its order: what leaves the bottleneck at a time meets the path of that time.
    fn advance(&mut self, now: Instant) {
        loop {
            let step = self
                .began
                .zip(self.steps.get(self.current + 1))
                .map(|(began, (at, _))| began + *at)
                .filter(|at| *at <= now);
            let released = head(&self.bottleneck).filter(|at| *at <= now);
            match (released, step) {
                (Some(at), None) => self.carry(at),
                (Some(at), Some(step)) if at < step => self.carry(at),
                (_, Some(_)) => self.step(),
                (None, None) => return,
            }
        }
    }

    /// Moves what the bottleneck releases at `at` onto the path.
    fn carry(&mut self, at: Instant) {
        let is_cut = self.conditions().outage;
        while let Some(parcel) = release(&mut self.bottleneck, at) {
            if is_cut {
                self.tally.cut += 1;
                continue;
            }
            let before = self.path.queue_len();
            self.path.handle_input(Input::Packet(at, parcel));
            match self.path.queue_len() - before {
                0 => self.tally.lost += 1,
                1 => {}
                _ => self.tally.duplicated += 1,
            }
        }
    }

    fn step(&mut self) {
        let before = self.conditions();
        self.current += 1;
        let after = self.conditions();
        // An emulator that is given a configuration begins its random numbers anew: only where something changes.
        if after.bottleneck != before.bottleneck {
            self.bottleneck.set_config(queueing(&after));
        }
        let without = |conditions: Conditions| Conditions {
            bottleneck: None,
            outage: false,
            ..conditions
        };
        if without(after) != without(before) {
            let seed = self.seed.wrapping_add(self.current as u64);
            self.path.set_config(travelling(&after, seed));
        }
    }
}

fn head<R: Copy>(emulator: &Netem<Parcel<R>>) -> Option<Instant> {
    (!emulator.is_empty()).then(|| emulator.poll_timeout())
}

fn release<R: Copy>(emulator: &mut Netem<Parcel<R>>, now: Instant) -> Option<Parcel<R>> {
    emulator.handle_input(Input::Timeout(now));
    match emulator.poll_output() {
        Some(Output::Packet(parcel)) => Some(parcel),
        Some(Output::Timeout(_)) | None => None,
    }
}

fn queueing(conditions: &Conditions) -> NetemConfig {
    match conditions.bottleneck {
        Some(place) => NetemConfig::new().link(
            Bitrate::bps(place.bits_per_second),
            DataSize::bytes(place.queue_bytes.cast_signed()),
        ),
        None => NetemConfig::new(),
    }
}

fn travelling(conditions: &Conditions, seed: u64) -> NetemConfig {
    let config = NetemConfig::new()
        .latency(conditions.delay)
        .jitter(conditions.jitter)
        .duplicate(Probability::new(conditions.duplicate as f32))
        .loss(loss(conditions.loss))
        .seed(seed);
    match conditions.reorder {
        Some(gap) => config.reorder_gap(gap),
        None => config,
    }
}

fn loss(loss: Loss) -> LossModel {
    match loss {
        Loss::None => LossModel::None,
        Loss::Random(share) => RandomLoss::new(Probability::new(share as f32)).into(),
        Loss::Bursts { burst, .. } => GilbertElliot::new()
            .good_duration(loss.packets_between_bursts() as f32)
            .bad_duration(burst as f32)
            .into(),
    }
}

#[cfg(test)]
mod tests;
