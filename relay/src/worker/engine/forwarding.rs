//! From the publishers of this worker, and the other workers, to the viewers here.

use std::sync::Arc;
use std::time::Instant;

use relay_core::key::TrackKey;
use relay_core::packet::Packet;

use super::Engine;
use crate::worker::egress::Outlet;
use crate::worker::mail::Mail;
use crate::worker::session::Media;
use crate::worker::viewer::Exit;

/// The packets of one track in a batch.
pub struct Gathered {
    pub track: TrackKey,
    packets: Vec<Arc<Packet>>,
    /// The other workers have been sent these packets.
    shared: bool,
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
            let mail = |worker: &usize| (*worker, Mail::Packets(gathered.track, packets.clone()));
            self.outputs.mail.extend(track.others.iter().map(mail));
        }
    }

    /// Forwards what was taken in since the last call to the viewers here, [shared](Self::share) or not.
    pub fn flush(&mut self, now: Instant, outlet: &mut impl Outlet) -> Option<Forwarded> {
        self.share();
        let mut forwarded: Option<Forwarded> = None;
        let mut batch = std::mem::take(&mut self.batch);
        for Gathered {
            track,
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
            self.forward(*track, packets, outlet);
            self.request_keyframe(now, *track, outlet);
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
        key: TrackKey,
        packets: &[Arc<Packet>],
        outlet: &mut impl Outlet,
    ) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        for (viewer, slot) in &track.subscribers {
            let Some(session) = self.sessions.get_mut(viewer) else {
                continue;
            };
            let Some(to) = session.destination() else {
                continue;
            };
            let (Media::Viewer(media), Some(sealer)) =
                (&mut session.media, session.transport.sealer())
            else {
                continue;
            };
            let mut exit = Exit {
                sealer,
                to,
                buffer: &mut self.buffer,
                outlet,
                counters: &self.counters,
            };
            track.keyframe_wanted |= media.forward(*slot, packets, &mut exit);
        }
    }

    pub(super) fn mirror(&mut self, key: TrackKey, packets: &[Arc<Packet>]) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        for packet in packets {
            if track
                .layer_mut(packet.space)
                .cache
                .insert(packet.clone())
                .is_ok()
            {
                // Whoever was waiting has it, unless the request is on its way already.
                track.keyframe_wanted &= !packet.keyframe;
                push(&mut self.batch, key, packet.clone());
            }
        }
    }
}

/// Adds a packet to the batch.
pub fn push(batch: &mut Vec<Gathered>, track: TrackKey, packet: Arc<Packet>) {
    match batch.iter_mut().find(|gathered| gathered.track == track) {
        Some(gathered) => {
            gathered.packets.push(packet);
            gathered.shared = false;
        }
        None => batch.push(Gathered {
            track,
            packets: vec![packet],
            shared: false,
        }),
    }
}
