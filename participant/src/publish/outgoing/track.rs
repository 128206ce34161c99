//! One encoding of a connection: from frames to packets, and its sender reports.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rand::RngExt as _;
use rtc::rtcp;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use rtc::rtp;

use super::super::entrance::Entrance;
use super::super::layer::Rid;
use super::super::{Frame, uplink};
use crate::answer::Line;
use crate::media::{Packetizer, Room};
use crate::{Codec, wire};

/// Largest RTP packet, header included; SRTP, UDP and IPv6 fit on top of it into 1,280 bytes, which every path carries.
pub(super) const MTU: usize = 1_200;
pub(super) const HEADER: usize = 12;
/// Between two sender reports of a track.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of abs-capture-time.
const CAPTURE_TIME: usize = 8;
/// Bytes of a transport-wide number.
const NUMBER: usize = 2;

/// What a source is to the publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Part {
    Sound,
    /// A layer of the video, counted from the best; its name, if there are several.
    Layer(usize, Option<Rid>),
}

/// An encoding of one connection before its terms are known.
#[derive(Debug)]
pub(in super::super) struct Source {
    pub(in super::super) part: Part,
    pub(in super::super) codec: Codec,
    pub(in super::super) ssrc: u32,
    /// Which m-line of the offer it belongs to.
    line: usize,
    pub(super) entrance: Arc<Entrance>,
}

impl Source {
    pub(in super::super) fn new(
        part: Part,
        codec: Codec,
        line: usize,
        entrance: Arc<Entrance>,
    ) -> Self {
        Self {
            part,
            codec,
            ssrc: rand::rng().random(),
            line,
            entrance,
        }
    }
}

/// What the answer says about an encoding.
#[derive(Debug, Clone)]
struct Terms {
    payload_type: u8,
    capture_extension: Option<u8>,
    number_extension: Option<u8>,
    names: Option<Names>,
}

/// How the other side learns what the encoding is, when the SDP does not say its SSRC: ids and contents of the extensions.
#[derive(Debug, Clone)]
struct Names {
    mid: (u8, Bytes),
    rid: (u8, Bytes),
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) source: Source,
    /// `None` until there is an answer, and for good when the other side does not want the encoding.
    terms: Option<Terms>,
    /// The other side has spoken of this SSRC: it need not be told any more what it is (RFC 8852 §3).
    known: bool,
    /// Packets of frames that have begun to leave.
    pub(super) paced: VecDeque<rtp::Packet>,
    packetizer: Packetizer,
    sequence: u16,
    /// RTP timestamp of media time zero.
    origin: u32,
    packets: u32,
    octets: u32,
    /// Capture time and RTP timestamp of the latest frame.
    latest: Option<(SystemTime, u32)>,
    report_due: Option<Instant>,
}

impl Track {
    /// `origin`: the RTP timestamp of media time zero, which the layers of one video share.
    pub(super) fn new(source: Source, origin: u32) -> Self {
        Self {
            terms: None,
            known: false,
            paced: VecDeque::new(),
            packetizer: Packetizer::new(source.codec),
            // Far from the first roll-over, which a lost first packet would hide (RFC 3711 §3.3.1).
            sequence: rand::rng().random_range(0..0x8000),
            origin,
            packets: 0,
            octets: 0,
            latest: None,
            report_due: None,
            source,
        }
    }

    /// Takes its terms from the lines of the answer.
    pub(super) fn agree(&mut self, lines: &[Line]) {
        self.terms = lines
            .get(self.source.line)
            .filter(|line| !line.rejected)
            .and_then(|line| self.terms_in(line));
    }

    fn terms_in(&self, line: &Line) -> Option<Terms> {
        let (payload_type, _) = *line
            .formats
            .iter()
            .find(|(_, codec)| *codec == self.source.codec)?;
        let names = match &self.source.part {
            Part::Sound | Part::Layer(_, None) => None,
            Part::Layer(index, Some(rid)) => {
                let mid = line
                    .mid_extension
                    .map(|id| (id, Bytes::copy_from_slice(line.mid.as_bytes())));
                let agreed = mid
                    .zip(line.rid_extension)
                    .filter(|_| !line.rids.is_empty());
                match agreed {
                    Some((mid, id)) if line.rids.iter().any(|other| other == rid.as_str()) => {
                        let rid = (id, Bytes::copy_from_slice(rid.as_str().as_bytes()));
                        Some(Names { mid, rid })
                    }
                    // A side that knows no layers gets the best one, as if it were all there is (RFC 8853 §5.3.2).
                    None if *index == 0 => None,
                    _ => return None,
                }
            }
        };
        Some(Terms {
            payload_type,
            capture_extension: line.abs_capture_time,
            number_extension: line.transport_cc,
            names,
        })
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.terms.is_some()
    }

    /// Which layer of the video this is.
    pub(super) fn layer(&self) -> Option<usize> {
        match self.source.part {
            Part::Sound => None,
            Part::Layer(index, _) => Some(index),
        }
    }

    /// The other side speaks of this SSRC.
    pub(super) fn learnt(&mut self) {
        self.known = true;
    }

    /// The next frame as packets; none when it is malformed, or nobody wants it.
    pub(super) fn packetize(&mut self, frame: &Frame) -> Vec<rtp::Packet> {
        let Some(terms) = &self.terms else {
            return Vec::new();
        };
        let names = terms.names.as_ref().filter(|_| !self.known);
        let always = [
            terms.number_extension.map(|_| NUMBER),
            names.map(|names| names.mid.1.len()),
            names.map(|names| names.rid.1.len()),
        ];
        let capture_time = terms.capture_extension.map(|_| CAPTURE_TIME);
        let room = Room {
            first: MTU - HEADER - extensions_len(always.into_iter().chain([capture_time])),
            rest: MTU - HEADER - extensions_len(always.into_iter()),
        };
        let payloads = self
            .packetizer
            .payloads(&frame.payload, room)
            .unwrap_or_else(|error| {
                tracing::debug!(%error, codec = %self.source.codec, "frame left out");
                Vec::new()
            });
        let elapsed = wire::ticks(frame.timestamp, self.source.codec.clock_rate());
        let timestamp = self.origin.wrapping_add(elapsed);
        self.latest = Some((frame.captured, timestamp));
        let last = payloads.len().saturating_sub(1);
        let video = self.layer().is_some();
        let first_sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(payloads.len() as u16);
        let packets = payloads.into_iter().enumerate().map(|(index, payload)| {
            let mut header = rtp::Header {
                version: 2,
                payload_type: terms.payload_type,
                ssrc: self.source.ssrc,
                sequence_number: first_sequence.wrapping_add(index as u16),
                timestamp,
                marker: video && index == last,
                ..rtp::Header::default()
            };
            for (id, name) in names.into_iter().flat_map(|names| [&names.mid, &names.rid]) {
                set(&mut header, *id, name.clone());
            }
            if index == 0
                && let Some(id) = terms.capture_extension
            {
                set(&mut header, id, wire::abs_capture_time(frame.captured));
            }
            if let Some(id) = terms.number_extension {
                uplink::reserve(&mut header, id);
            }
            rtp::Packet { header, payload }
        });
        packets.collect()
    }

    /// Takes note of a packet that leaves.
    pub(super) fn count(&mut self, sent: &rtp::Packet) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(sent.payload.len() as u32);
    }

    /// A sender report that maps RTP time to the capture clock, which the library's own does not: it knows only when packets
    /// were sent. Its NTP time is also the time of sending, as RFC 3550 §6.4.1 wants for round trips.
    pub(super) fn report(
        &mut self,
        now: Instant,
        wall_now: SystemTime,
    ) -> Option<Vec<Box<dyn rtcp::Packet>>> {
        let (captured, timestamp) = self.latest?;
        if self.packets == 0 || self.report_due.is_some_and(|due| now < due) {
            return None;
        }
        self.report_due = Some(now + REPORT_INTERVAL);
        let clock_rate = self.source.codec.clock_rate();
        let rtp_time = match wall_now.duration_since(captured) {
            Ok(age) => timestamp.wrapping_add(wire::ticks(age, clock_rate)),
            Err(early) => timestamp.wrapping_sub(wire::ticks(early.duration(), clock_rate)),
        };
        let report = SenderReport {
            ssrc: self.source.ssrc,
            ntp_time: wire::to_ntp(wall_now),
            rtp_time,
            packet_count: self.packets,
            octet_count: self.octets,
            ..SenderReport::default()
        };
        // Every compound packet names its source (RFC 3550 §6.1).
        let name = SourceDescriptionItem {
            sdes_type: SdesType::SdesCname,
            text: Bytes::from_static(b"lectern"),
        };
        let chunk = SourceDescriptionChunk {
            source: self.source.ssrc,
            items: vec![name],
        };
        Some(vec![
            Box::new(report),
            Box::new(SourceDescription {
                chunks: vec![chunk],
            }),
        ])
    }
}

fn set(header: &mut rtp::Header, id: u8, content: Bytes) {
    if let Err(error) = header.set_extension(id, content) {
        tracing::debug!(%error, id, "header extension left out");
    }
}

/// Bytes of one-byte-header extensions with contents of these lengths (RFC 8285 §4.2).
fn extensions_len(contents: impl Iterator<Item = Option<usize>>) -> usize {
    let contents: usize = contents.flatten().map(|len| 1 + len).sum();
    match contents {
        0 => 0,
        contents => 4 + contents.next_multiple_of(4),
    }
}
