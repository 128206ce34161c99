//! The sending side of a WHEP session: packets are written, sealed and put into runs, once per viewer.

use std::sync::Arc;
use std::time::Instant;

use rand::RngExt;
use relay_core::key::TrackKey;
use relay_core::nack::RepairBudget;
use relay_core::packet::{ElementIds, Packet};
use relay_core::rtp::{self, Header};
use relay_core::slot::{Lookup, Outgoing, Slot, Verdict};
use relay_transport::Path;
use relay_transport::sdp::{self, CodecBinding, WatchedSlot};
use relay_transport::srtp::Sealer;
use rtc_rtcp::sender_report::SenderReport;

use super::egress::{MAX_PACKET, Outlet, SendBuffer};
use super::mail::TrackDescription;
use super::publisher::element_ids;
use super::rtcp;
use super::track::Tracks;
use crate::counters::Counters;

/// Room that a header with its extensions, an RTX prefix and SRTP's overhead may take beside the payload.
const MAX_PAYLOAD: usize = MAX_PACKET - 128;

/// A viewer's slots.
pub struct Viewer {
    slots: Vec<Filled>,
    /// The client is not heard, so nothing is sent.
    is_paused: bool,
}

/// A slot and what fills it.
struct Filled {
    slot: Slot,
    cname: String,
    clock_rate: u32,
    ssrc: u32,
    repair: Option<Repair>,
    budget: RepairBudget,
    ids: ElementIds,
    codecs: Vec<CodecBinding>,
    track: Option<Arc<TrackDescription>>,
    payload_types: Vec<PayloadType>,
    packets: u32,
    octets: u32,
}

/// The slot's retransmissions (RFC 4588).
#[derive(Debug, Clone, Copy)]
struct Repair {
    ssrc: u32,
    next: u64,
}

/// A publisher's payload type and the viewer's for the same codec.
#[derive(Debug, Clone, Copy)]
struct PayloadType {
    published: u8,
    viewer: u8,
    rtx: Option<u8>,
}

/// The way out of the relay for one session.
pub struct Exit<'a, O> {
    /// The session's keys.
    pub sealer: &'a mut Sealer,
    /// The client's path.
    pub to: Path,
    /// Collects packets into runs.
    pub buffer: &'a mut SendBuffer,
    /// Takes the runs.
    pub outlet: &'a mut O,
    /// What is counted.
    pub counters: &'a Counters,
}

impl Viewer {
    /// The slots, as negotiated; they show nothing yet.
    pub fn new(slots: Vec<WatchedSlot>) -> Self {
        Self {
            slots: slots.into_iter().map(Filled::new).collect(),
            is_paused: false,
        }
    }

    /// Stops sending while the client is not heard. What it shows afterwards takes up the numbers where they stopped: past 2¹⁵
    /// packets that it misses its SRTP would mistake the roll-over counter and stay dark for ever (RFC 3711 §3.3.1).
    pub fn pause(&mut self) {
        if !std::mem::replace(&mut self.is_paused, true) {
            for filled in self
                .slots
                .iter_mut()
                .filter(|filled| filled.track.is_some())
            {
                filled.slot.fill(0);
            }
        }
    }

    /// Sends again, pictures from their next keyframe on. Returns whether it had been paused.
    pub fn resume(&mut self) -> bool {
        std::mem::take(&mut self.is_paused)
    }

    /// Shows a track in a slot, or nothing, and returns what was shown before.
    pub fn bind(&mut self, slot: u8, track: Option<Arc<TrackDescription>>) -> Option<TrackKey> {
        let filled = self.slots.get_mut(usize::from(slot))?;
        let before = filled.track.take().map(|track| track.key);
        filled.show(track);
        before
    }

    /// What the slots show.
    pub fn shown(&self) -> impl Iterator<Item = (u8, TrackKey)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, filled)| Some((slot, filled.track.as_ref()?.key)))
    }

    /// The track of the slot with this SSRC.
    pub fn track_of(&self, ssrc: u32) -> Option<TrackKey> {
        let filled = self.slots.iter().find(|filled| filled.ssrc == ssrc)?;
        Some(filled.track.as_ref()?.key)
    }

    /// Sends the next packets of what a slot shows. Returns whether the slot needs a keyframe.
    pub fn forward(
        &mut self,
        slot: u8,
        packets: &[Arc<Packet>],
        exit: &mut Exit<'_, impl Outlet>,
    ) -> bool {
        if self.is_paused {
            return false;
        }
        let Some(filled) = self.slots.get_mut(usize::from(slot)) else {
            return false;
        };
        let (mut sent, mut bytes, mut unsupported) = (0u64, 0u64, 0u64);
        let mut needs_keyframe = false;
        for packet in packets {
            let Some(payload_type) = filled.payload_type(packet.payload_type) else {
                unsupported += 1;
                continue;
            };
            match filled
                .slot
                .forward(packet, payload_type.viewer, |_, _| None)
            {
                Verdict::Skip => {}
                Verdict::NeedsKeyframe => needs_keyframe = true,
                Verdict::Forward(outgoing) => {
                    let Some(len) = filled.send(packet, outgoing, exit) else {
                        continue;
                    };
                    sent += 1;
                    bytes += len as u64;
                }
            }
        }
        exit.buffer.flush(exit.to, exit.outlet);
        // What preceded the keyframe in one batch does not ask for another one.
        needs_keyframe &= filled.slot.is_waiting();
        filled.budget.sent(sent);
        exit.counters.sent_packets.add(sent);
        exit.counters.sent_bytes.add(bytes);
        if unsupported > 0 {
            exit.counters.unsupported_packets.add(unsupported);
        }
        needs_keyframe
    }

    /// Answers a NACK from the cache.
    pub fn resend(
        &mut self,
        now: Instant,
        ssrc: u32,
        missing: &[u16],
        tracks: &Tracks,
        exit: &mut Exit<'_, impl Outlet>,
    ) {
        let Some(filled) = self.slots.iter_mut().find(|filled| filled.ssrc == ssrc) else {
            return;
        };
        let (mut resent, mut withheld) = (0, 0);
        for sequence_number in missing {
            let Some(lookup) = filled.slot.resend(now, *sequence_number) else {
                continue;
            };
            // Packets of a former source are looked up where they came from as long as that track lives.
            let mut candidates = filled
                .track
                .iter()
                .filter_map(|track| tracks.get(&track.key));
            let Some(packet) =
                candidates.find_map(|track| track.packet(lookup.space, lookup.sequence))
            else {
                continue;
            };
            if !filled.budget.spend() {
                withheld += 1;
                continue;
            }
            resent += u64::from(filled.send_again(packet, lookup, exit).is_some());
        }
        exit.buffer.flush(exit.to, exit.outlet);
        exit.counters.nacks_received.add(missing.len() as u64);
        exit.counters.resent_packets.add(resent);
        exit.counters.withheld_packets.add(withheld);
    }

    /// The periodic sender reports, as RTCP. Both slots of a publication carry its publisher's clock, so players can keep them in sync.
    pub fn reports(&self, now: Instant, tracks: &Tracks) -> Vec<Vec<u8>> {
        self.slots
            .iter()
            .filter_map(|filled| filled.report(now, tracks))
            .collect()
    }
}

impl Filled {
    fn new(slot: WatchedSlot) -> Self {
        let mut rng = rand::rng();
        let kind = crate::control::kind(slot.kind);
        let clock_rate = slot.codecs.first().map_or(90_000, |codec| codec.clock_rate);
        Self {
            slot: Slot::new(kind, clock_rate, rng.random()),
            cname: slot.name,
            clock_rate,
            ssrc: slot.ssrc,
            // As for the slot itself: below 2¹⁵ (RFC 3711 §3.3.1).
            repair: slot.rtx_ssrc.map(|ssrc| Repair {
                ssrc,
                next: u64::from(rng.random::<u16>() & 0x7FFF),
            }),
            budget: RepairBudget::default(),
            ids: element_ids(&slot.extensions),
            codecs: slot.codecs,
            track: None,
            payload_types: Vec::new(),
            packets: 0,
            octets: 0,
        }
    }

    fn show(&mut self, track: Option<Arc<TrackDescription>>) {
        self.payload_types.clear();
        match &track {
            None => self.slot.clear(),
            Some(track) => {
                self.payload_types
                    .extend(track.codecs.iter().filter_map(|published| {
                        let viewer = sdp::pick(published, &self.codecs)?;
                        Some(PayloadType {
                            published: published.payload_type,
                            viewer: viewer.payload_type,
                            rtx: viewer.rtx,
                        })
                    }));
                self.slot.fill(0);
            }
        }
        self.track = track;
    }

    fn payload_type(&self, published: u8) -> Option<PayloadType> {
        self.payload_types
            .iter()
            .find(|known| known.published == published)
            .copied()
    }

    fn send(
        &mut self,
        packet: &Packet,
        outgoing: Outgoing,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Option<usize> {
        let header = Header {
            marker: packet.marker,
            payload_type: outgoing.payload_type,
            sequence_number: outgoing.sequence_number(),
            timestamp: outgoing.timestamp,
            ssrc: self.ssrc,
        };
        let len = exit.write(header, outgoing.rollover(), packet, &self.ids, &[])?;
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        Some(len)
    }

    /// On the RTX SSRC where there is one, else the same bytes again: see the nonce rule of `relay_core::cache`.
    fn send_again(
        &mut self,
        packet: &Packet,
        lookup: Lookup,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Option<usize> {
        let outgoing = lookup.outgoing(packet);
        let rtx = self
            .payload_types
            .iter()
            .find(|known| known.viewer == outgoing.payload_type)
            .and_then(|t| t.rtx);
        let (Some(payload_type), Some(repair)) = (rtx, self.repair.as_mut()) else {
            return self.send(packet, outgoing, exit);
        };
        let header = Header {
            marker: packet.marker,
            payload_type,
            sequence_number: repair.next as u16,
            timestamp: outgoing.timestamp,
            ssrc: repair.ssrc,
        };
        let rollover = (repair.next >> 16) as u32;
        repair.next += 1;
        exit.write(
            header,
            rollover,
            packet,
            &self.ids,
            &outgoing.sequence_number().to_be_bytes(),
        )
    }

    fn report(&self, now: Instant, tracks: &Tracks) -> Option<Vec<u8>> {
        let space = self.slot.showing()?.space;
        let clock = tracks.get(&self.track.as_ref()?.key)?.clock(space)?;
        let (ntp_time, rtp) = clock.at(now, self.clock_rate);
        let report = SenderReport {
            ssrc: self.ssrc,
            ntp_time,
            rtp_time: self.slot.report_timestamp(space, rtp)?,
            packet_count: self.packets,
            octet_count: self.octets,
            ..SenderReport::default()
        };
        Some(rtcp::sender_report(report, &self.cname))
    }
}

impl<O: Outlet> Exit<'_, O> {
    /// Writes and seals one packet in the send buffer; `prefix` goes before the payload.
    fn write(
        &mut self,
        header: Header,
        rollover: u32,
        packet: &Packet,
        ids: &ElementIds,
        prefix: &[u8],
    ) -> Option<usize> {
        let payload = &packet.payload;
        if payload.len() > MAX_PAYLOAD {
            self.counters.oversized_packets.add(1);
            return None;
        }
        let sealer = &mut *self.sealer;
        self.buffer.push(self.to, self.outlet, |room| {
            let header_len = rtp::write_header(room, header, packet.elements.named(ids));
            let body = header_len + prefix.len();
            let end = body + payload.len();
            room[header_len..body].copy_from_slice(prefix);
            room[body..end].copy_from_slice(payload);
            let sealed = end + sealer.overhead();
            sealer
                .seal_rtp(&mut room[..sealed], header_len, rollover)
                .ok()?;
            Some(sealed)
        })
    }
}

#[cfg(test)]
mod tests;
