//! A slot and what fills it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use congestion::estimate::Estimate;
use rand::RngExt;
use relay_core::allocator::{Class, Share};
use relay_core::key::{Kind, LayerSet};
use relay_core::nack::RepairBudget;
use relay_core::pacer::Pacer;
use relay_core::packet::{ElementIds, Packet};
use relay_core::report::compact;
use relay_core::rtp::Header;
use relay_core::slot::{Lookup, Outgoing, Slot};
use relay_transport::sdp::{self, CodecBinding, WatchedSlot};
use rtc_rtcp::sender_report::SenderReport;

use super::exit::{Exit, MAX_PADDING, Number, Sending};
use super::lag::Lag;
use super::numbers::Numbers;
use super::redundancy::Redundancy;
use crate::worker::egress::Outlet;
use crate::worker::mail::TrackDescription;
use crate::worker::publisher::element_ids;
use crate::worker::rtcp;
use crate::worker::track::{Track, Tracks};

/// See the module.
pub struct Filled {
    /// Its numbers.
    pub slot: Slot,
    /// Its packets' SSRC.
    pub ssrc: u32,
    /// Its place when the line is short; `None` for sound.
    pub class: Option<Class>,
    /// What it shows.
    pub track: Option<Arc<TrackDescription>>,
    /// What the line has for it.
    pub share: Share,
    /// Its packets that wait for the pacer.
    pub lag: Option<Lag>,
    /// When the last packet of a keyframe's beginning left.
    pub keyframe_sent: Option<Instant>,
    /// Bounds repetitions.
    pub budget: RepairBudget,
    /// Bounds what it takes of the line when its lowest layer is too much for that.
    squeeze: Option<Pacer>,
    /// How sound is protected, where the client reads that.
    pub redundancy: Option<Redundancy>,
    cname: String,
    clock_rate: u32,
    repair: Option<Repair>,
    ids: ElementIds,
    transport_cc: Option<u8>,
    /// Only without RTX.
    numbers: Option<Numbers>,
    codecs: Vec<CodecBinding>,
    payload_types: Vec<PayloadType>,
    packets: u32,
    octets: u32,
    /// The last report: the middle of its NTP time stamp, and when it left.
    reported: Option<(u32, Instant)>,
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

impl Filled {
    /// An empty slot.
    pub fn new(slot: WatchedSlot) -> Self {
        let mut rng = rand::rng();
        let kind = crate::control::kind(slot.kind);
        let clock_rate = slot.codecs.first().map_or(90_000, |codec| codec.clock_rate);
        Self {
            slot: Slot::new(kind, clock_rate, rng.random()),
            ssrc: slot.ssrc,
            class: (kind == Kind::Video).then(|| class(&slot.name)),
            track: None,
            share: Share::Off,
            lag: None,
            keyframe_sent: None,
            budget: RepairBudget::default(),
            squeeze: None,
            redundancy: Redundancy::new(&slot.codecs),
            cname: slot.name,
            clock_rate,
            // As for the slot itself: below 2¹⁵ (RFC 3711 §3.3.1).
            repair: slot.rtx_ssrc.map(|ssrc| Repair {
                ssrc,
                next: u64::from(rng.random::<u16>() & 0x7FFF),
            }),
            ids: element_ids(&slot.extensions),
            transport_cc: slot.extensions.transport_cc,
            numbers: slot.rtx_ssrc.is_none().then(Numbers::default),
            codecs: slot.codecs,
            payload_types: Vec::new(),
            packets: 0,
            octets: 0,
            reported: None,
        }
    }

    /// Shows a track, or nothing.
    pub fn show(&mut self, track: Option<Arc<TrackDescription>>) {
        self.payload_types.clear();
        self.lag = None;
        // Which layers there are, and what the line has for them, is decided soon; sound has one.
        self.share = track.as_ref().map_or(Share::Off, |_| Share::Layer(0));
        match &track {
            None => self.slot.clear(),
            Some(track) => {
                let of = |published: &CodecBinding| {
                    let viewer = sdp::pick(published, &self.codecs)?;
                    Some(PayloadType {
                        published: published.payload_type,
                        viewer: viewer.payload_type,
                        rtx: viewer.rtx,
                    })
                };
                let payload_types: Vec<_> = track.codecs.iter().filter_map(of).collect();
                self.payload_types = payload_types;
                self.slot.fill(0);
            }
        }
        self.track = track;
    }

    /// Gives it another share of the line.
    pub fn give(&mut self, share: Share) {
        self.share = share;
        match share.layer() {
            None => {
                self.slot.clear();
                self.lag = None;
            }
            Some(layer) if self.slot.aimed() == Some(layer) => {}
            Some(layer) => self.slot.aim(layer),
        }
    }

    /// Fills its own bucket, when it has one.
    pub fn refill(&mut self, now: Instant) {
        match self.share {
            Share::Squeezed(_, bitrate) => {
                let squeeze = self.squeeze.get_or_insert_with(|| Pacer::new(now));
                squeeze.refill(now, bitrate);
            }
            Share::Off | Share::Layer(_) => self.squeeze = None,
        }
    }

    /// Whether its own bucket lets a packet leave.
    pub fn is_open(&self) -> bool {
        self.squeeze.is_none_or(|squeeze| squeeze.is_open())
    }

    /// Goes on with the next keyframe, from where the numbers stopped.
    pub fn restart(&mut self) {
        self.lag = None;
        if let Some(layer) = self.share.layer().filter(|_| self.track.is_some()) {
            self.slot.fill(layer);
        }
    }

    /// The layers whose packets it takes.
    pub fn layers(&self) -> LayerSet {
        let aimed = self.slot.aimed().map(LayerSet::of).unwrap_or_default();
        let showing = self.slot.showing();
        aimed.with(
            showing
                .map(|showing| LayerSet::of(showing.layer))
                .unwrap_or_default(),
        )
    }

    /// The viewer's payload type for a publisher's.
    pub fn payload_type(&self, published: u8) -> Option<u8> {
        self.payload_types
            .iter()
            .find(|known| known.published == published)
            .map(|known| known.viewer)
    }

    /// Media timestamps per second.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Sends a packet for the first time. Returns its length.
    pub fn send(
        &mut self,
        packet: &Packet,
        outgoing: Outgoing,
        track: &Track,
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Option<usize> {
        let redundant = (self.redundancy)
            .and_then(|redundancy| redundancy.prefix(packet, outgoing.payload_type, track));
        let Some((payload_type, prefix)) = redundant else {
            return self.send_plain(packet, outgoing, &[], estimate, exit);
        };
        let outgoing = Outgoing {
            payload_type,
            ..outgoing
        };
        self.send_plain(packet, outgoing, prefix.bytes(), estimate, exit)
    }

    fn send_plain(
        &mut self,
        packet: &Packet,
        outgoing: Outgoing,
        prefix: &[u8],
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Option<usize> {
        let now = exit.now;
        let len = prefix.len() + packet.payload.len();
        let mut is_new = false;
        let mut draw = |id| {
            is_new = true;
            Number::next(id, estimate, now, len)
        };
        let number = match (self.transport_cc, &mut self.numbers) {
            (Some(id), Some(numbers)) => {
                let number = numbers.of(outgoing.index, || draw(id).value()).ok()?;
                if !is_new {
                    estimate.repeated(number);
                }
                Some(Number::again(id, number))
            }
            (id, _) => id.map(draw),
        };
        self.write(packet, outgoing, number, prefix, exit)
    }

    /// Sends a packet again: on the RTX SSRC where there is one, else the same bytes (see the nonce rule of `relay_core::cache`).
    pub fn send_again(
        &mut self,
        packet: &Packet,
        lookup: Lookup,
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Option<usize> {
        let outgoing = lookup.outgoing(packet);
        let (Some(payload_type), Some(repair)) = (self.rtx(outgoing), self.repair.as_mut()) else {
            return self.send_plain(packet, outgoing, &[], estimate, exit);
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
        let number = self
            .transport_cc
            .map(|id| Number::next(id, estimate, exit.now, packet.payload.len() + 2));
        let sending = Sending {
            header,
            rollover,
            number,
            prefix: &outgoing.sequence_number().to_be_bytes(),
        };
        exit.write(sending, packet, outgoing, &self.ids)
    }

    /// Whether what is sent to show what the line carries can be recent packets once more.
    pub fn can_repeat(&self) -> bool {
        self.transport_cc.is_some()
            && self.repair.is_some()
            && self.slot.recent(1).is_some()
            && self.payload_types.iter().any(|known| known.rtx.is_some())
    }

    /// Sends packets without media, as many as `bytes` are. Returns how many bytes that took.
    pub fn pad(
        &mut self,
        bytes: usize,
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> usize {
        let count = bytes.div_ceil(MAX_PADDING).min(256) as u16;
        let Some((id, first)) = self.transport_cc.zip(self.slot.pad(count)) else {
            return 0;
        };
        let padding = (0..u64::from(count)).filter_map(|at| {
            let index = first.index + at;
            let header = Header {
                marker: false,
                payload_type: first.payload_type,
                sequence_number: index as u16,
                timestamp: first.timestamp,
                ssrc: self.ssrc,
            };
            let number = Number::next(id, estimate, exit.now, MAX_PADDING);
            exit.pad(header, (index >> 16) as u32, number)
        });
        padding.sum()
    }

    /// The periodic report, with the publisher's clock.
    pub fn report(&mut self, now: Instant, tracks: &Tracks) -> Option<Vec<u8>> {
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
        self.reported = Some((compact(ntp_time), now));
        Some(rtcp::sender_report(report, &self.cname))
    }

    /// The round trip, from a reception report's echo of a sender report (RFC 3550 §6.4.1).
    pub fn round_trip(&self, now: Instant, echo: rtcp::Echo) -> Option<Duration> {
        let (_, left) = self
            .reported
            .filter(|(ntp, _)| *ntp == echo.last_sender_report)?;
        now.saturating_duration_since(left).checked_sub(echo.delay)
    }

    fn write(
        &mut self,
        packet: &Packet,
        outgoing: Outgoing,
        number: Option<Number>,
        prefix: &[u8],
        exit: &mut Exit<'_, impl Outlet>,
    ) -> Option<usize> {
        let header = Header {
            marker: packet.marker,
            payload_type: outgoing.payload_type,
            sequence_number: outgoing.sequence_number(),
            timestamp: outgoing.timestamp,
            ssrc: self.ssrc,
        };
        let sending = Sending {
            header,
            rollover: outgoing.rollover(),
            number,
            prefix,
        };
        let len = exit.write(sending, packet, outgoing, &self.ids)?;
        if let Some(squeeze) = &mut self.squeeze {
            squeeze.spend(len);
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        Some(len)
    }

    fn rtx(&self, outgoing: Outgoing) -> Option<u8> {
        self.payload_types
            .iter()
            .find(|known| known.viewer == outgoing.payload_type)?
            .rtx
    }
}

/// The priority of a slot by its name in the answer.
fn class(name: &str) -> Class {
    match name {
        "courseware" | "board" => Class::Courseware,
        name if name.starts_with("stage") => Class::Stage,
        name if name.starts_with("thumbnail") => Class::Thumbnail,
        _ => Class::Camera,
    }
}
