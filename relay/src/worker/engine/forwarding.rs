//! From the publishers of this worker, and the other workers, to the viewers here.

use std::sync::Arc;
use std::time::Instant;

use relay_core::key::{LayerSet, SessionKey, TrackKey};
use relay_core::packet::Packet;

use super::Engine;
use crate::counters::Counters;
use crate::worker::egress::{Outlet, SendBuffer};
use crate::worker::mail::Mail;
use crate::worker::session::{Media, Session};
use crate::worker::viewer::{Exit, Viewer};

/// The packets of one layer of a track in a batch.
pub struct Gathered {
    pub track: TrackKey,
    pub layer: u8,
    packets: Vec<Arc<Packet>>,
    /// The other workers have been sent these packets.
    shared: bool,
}

impl Gathered {
    /// Whether everything has been forwarded.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

/// What a flush has forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// When the oldest packet of the batch was read.
    pub arrived: Instant,
    /// Packets of publishers in the batch.
    pub packets: u64,
}

impl Engine {
    /// Prepares one message of what was taken in for each worker that has viewers of it. Called and delivered before
    /// [`flush`](Self::flush), it lets the other workers forward while this one does.
    pub fn share(&mut self) {
        for gathered in self.batch.iter_mut().filter(|gathered| !gathered.shared) {
            gathered.shared = true;
            let Some(track) = self.tracks.get(&gathered.track) else {
                continue;
            };
            if track.others.is_empty() || gathered.packets.is_empty() {
                continue;
            }
            let packets: Arc<[Arc<Packet>]> = gathered.packets.as_slice().into();
            let others = track.others.iter();
            let interested = others.filter(|(_, layers)| layers.contains(gathered.layer));
            let mail = |(worker, _): &(usize, _)| {
                (*worker, Mail::Packets(gathered.track, packets.clone()))
            };
            self.outputs.mail.extend(interested.map(mail));
        }
    }

    /// Forwards what was taken in since the last call to the viewers here, [shared](Self::share) or not.
    pub fn flush(&mut self, now: Instant, outlet: &mut impl Outlet) -> Option<Forwarded> {
        self.share();
        let mut forwarded: Option<Forwarded> = None;
        let mut batch = std::mem::take(&mut self.batch);
        for Gathered {
            track,
            layer,
            packets,
            shared,
        } in &mut batch
        {
            *shared = false;
            let Some(first) = packets.first() else {
                continue;
            };
            let arrived =
                forwarded.map_or(first.arrived, |so_far| so_far.arrived.min(first.arrived));
            let count = forwarded.map_or(0, |so_far| so_far.packets) + packets.len() as u64;
            forwarded = Some(Forwarded {
                arrived,
                packets: count,
            });
            self.forward(now, *track, *layer, packets, outlet);
            self.request_keyframes(now, *track, outlet);
            packets.clear();
        }
        // Tracks come and go; their places in the batch are kept while they are few.
        if batch.len() > 64 {
            batch.clear();
        }
        self.batch = batch;
        forwarded
    }

    pub(super) fn forward(
        &mut self,
        now: Instant,
        key: TrackKey,
        layer: u8,
        packets: &[Arc<Packet>],
        outlet: &mut impl Outlet,
    ) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let mut subscribers = std::mem::take(&mut track.subscribers);
        let mut is_changed = false;
        for subscriber in &mut subscribers {
            if !subscriber.layers.contains(layer) {
                continue;
            }
            let Some(session) = self.sessions.get_mut(&subscriber.viewer) else {
                continue;
            };
            let Some((media, mut exit)) =
                exit(now, session, &mut self.buffer, outlet, &self.counters)
            else {
                continue;
            };
            let sent = media.forward(subscriber.slot, track, packets, &mut exit);
            track.keyframes_wanted = track.keyframes_wanted.with(sent.keyframes);
            if sent.lags {
                self.lagging.insert(subscriber.viewer);
            }
            let layers = media.layers(subscriber.slot);
            is_changed |= std::mem::replace(&mut subscriber.layers, layers) != layers;
        }
        track.subscribers = subscribers;
        if is_changed {
            self.update_interest(key);
        }
    }

    /// Sends what waited for a viewer's pacer.
    pub(super) fn pump(&mut self, now: Instant, key: SessionKey, outlet: &mut impl Outlet) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some((media, mut exit)) = exit(now, session, &mut self.buffer, outlet, &self.counters)
        else {
            return;
        };
        let (lags, keyframes) = media.pump(&self.tracks, &mut exit);
        if !lags {
            self.lagging.remove(&key);
        }
        for (track, layer) in keyframes {
            self.want_keyframe(now, track, layer, outlet);
        }
    }

    pub(super) fn mirror(&mut self, key: TrackKey, packets: &[Arc<Packet>]) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        for packet in packets {
            if track.insert(packet).is_ok() {
                // Whoever was waiting has it, unless the request is on its way already.
                if packet.keyframe {
                    let layer = LayerSet::of(packet.layer);
                    track.keyframes_wanted = track.keyframes_wanted.without(layer);
                }
                push(&mut self.batch, key, packet.clone());
            }
        }
    }
}

/// A viewer that can be sent to, with its way out.
pub(super) fn exit<'a, O>(
    now: Instant,
    session: &'a mut Session,
    buffer: &'a mut SendBuffer,
    outlet: &'a mut O,
    counters: &'a Counters,
) -> Option<(&'a mut Viewer, Exit<'a, O>)> {
    let to = session.destination()?;
    let (Media::Viewer(media), Some(sealer)) = (&mut session.media, session.transport.sealer())
    else {
        return None;
    };
    let exit = Exit {
        now,
        sealer,
        to,
        buffer,
        outlet,
        counters,
    };
    Some((media, exit))
}

/// Adds a packet to the batch.
pub fn push(batch: &mut Vec<Gathered>, track: TrackKey, packet: Arc<Packet>) {
    let layer = packet.layer;
    match batch
        .iter_mut()
        .find(|gathered| gathered.track == track && gathered.layer == layer)
    {
        Some(gathered) => {
            gathered.packets.push(packet);
            gathered.shared = false;
        }
        None => batch.push(Gathered {
            track,
            layer,
            packets: vec![packet],
            shared: false,
        }),
    }
}
