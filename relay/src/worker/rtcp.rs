//! RTCP in and out. Only the packet types the relay acts on are parsed at all.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use congestion::arrivals::Feedback;
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, RecvDelta, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    SymbolTypeTcc, TYPE_TCC_DELTA_SCALE_FACTOR, TransportLayerCc,
};
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc_shared::marshal::{Marshal, Unmarshal};

/// The SSRC under which the relay sends RTCP of its own.
pub const RELAY_SSRC: u32 = 1;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A publisher's clock.
    SenderReport {
        /// The publisher's SSRC.
        ssrc: u32,
        /// 64-bit NTP time stamp.
        ntp: u64,
        /// The same instant in media time.
        rtp: u32,
    },
    /// These packets are missing.
    Nack {
        /// Whose packets.
        ssrc: u32,
        /// Their sequence numbers.
        missing: Vec<u16>,
    },
    /// A keyframe is needed (PLI or FIR).
    KeyframeRequest {
        /// Of which SSRC.
        ssrc: u32,
    },
    /// When packets arrived.
    TransportFeedback(Feedback),
    /// What arrived of one SSRC.
    Reception(Reception),
    /// What the receiver takes the line to carry (draft-alvestrand-rmcat-remb).
    Estimate {
        /// Bit/s.
        bitrate: u64,
    },
    /// These SSRCs end.
    Goodbye(Vec<u32>),
}

/// A reception report block (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reception {
    /// Of which SSRC.
    pub ssrc: u32,
    /// Lost since the block before, in 1/256.
    pub fraction_lost: u8,
    /// In ticks of the media clock.
    pub jitter: u32,
    /// The last sender report that was seen.
    pub echo: Option<Echo>,
}

/// What a reception report says of a sender report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// The middle of its NTP time stamp.
    pub last_sender_report: u32,
    /// For how long the other side has had it.
    pub delay: Duration,
}

impl Reception {
    fn read(block: &ReceptionReport) -> Self {
        let delay = u64::from(block.delay) * 1_000_000 / 65_536;
        Self {
            ssrc: block.ssrc,
            fraction_lost: block.fraction_lost,
            jitter: block.jitter,
            echo: (block.last_sender_report != 0).then_some(Echo {
                last_sender_report: block.last_sender_report,
                delay: Duration::from_micros(delay),
            }),
        }
    }
}

impl Message {
    /// How many packets it asks for.
    fn missing(&self) -> usize {
        match self {
            Message::Nack { missing, .. } => missing.len(),
            _ => 0,
        }
    }
}

/// Malformed RTCP: nothing of the compound packet is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// RTCP packet types (RFC 3550 §12.1, RFC 4585 §6.1) and the feedback formats in use.
const SR: u8 = 200;
const RR: u8 = 201;
const BYE: u8 = 203;
const RTPFB: u8 = 205;
const PSFB: u8 = 206;
const FMT_NACK: u8 = 1;
const FMT_TRANSPORT_CC: u8 = 15;
/// Application-layer feedback; REMB names itself by four letters.
const FMT_AFB: u8 = 15;
const REMB: &[u8] = b"REMB";
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;

/// Where a feedback message's own fields begin (RFC 4585 §6.1).
const BEHIND_SSRCS: usize = 12;

/// Most sequence numbers taken from one compound packet; a client that misses more needs a keyframe.
const MAX_MISSING: usize = 1_024;
/// Most messages taken from one compound packet: several for every slot a client may have.
const MAX_MESSAGES: usize = 64;

/// Reads a compound packet, of which not more is taken than clients have reason to say at a time.
///
/// # Errors
///
/// [`Malformed`].
pub fn parse(mut compound: &[u8]) -> Result<Vec<Message>, Malformed> {
    let mut messages = Vec::new();
    while !compound.is_empty() && messages.len() < MAX_MESSAGES {
        let header = compound.first_chunk::<4>().ok_or(Malformed)?;
        let len = 4 + 4 * usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[0] >> 6 != 2 || len > compound.len() {
            return Err(Malformed);
        }
        let (packet, rest) = compound.split_at(len);
        compound = rest;
        read(header[1], header[0] & 0x1F, packet, &mut messages)?;
    }
    messages.truncate(MAX_MESSAGES);
    Ok(messages)
}

fn read(
    kind: u8,
    format: u8,
    mut packet: &[u8],
    messages: &mut Vec<Message>,
) -> Result<(), Malformed> {
    let bytes = &mut packet;
    match (kind, format) {
        (SR, _) => {
            let report = SenderReport::unmarshal(bytes).map_err(|_| Malformed)?;
            messages.push(Message::SenderReport {
                ssrc: report.ssrc,
                ntp: report.ntp_time,
                rtp: report.rtp_time,
            });
            messages.extend(receptions(&report.reports));
        }
        (RR, _) => {
            let report = ReceiverReport::unmarshal(bytes).map_err(|_| Malformed)?;
            messages.extend(receptions(&report.reports));
        }
        (RTPFB, FMT_TRANSPORT_CC) => {
            let control = bytes.get(BEHIND_SSRCS..).unwrap_or_default();
            let feedback = Feedback::read(control).ok_or(Malformed)?;
            messages.push(Message::TransportFeedback(feedback));
        }
        (PSFB, FMT_AFB) if packet_names(bytes, REMB) => {
            let estimate =
                ReceiverEstimatedMaximumBitrate::unmarshal(bytes).map_err(|_| Malformed)?;
            let bitrate = estimate.bitrate as u64;
            messages.push(Message::Estimate { bitrate });
        }
        (RTPFB, FMT_NACK) => {
            let nack = TransportLayerNack::unmarshal(bytes).map_err(|_| Malformed)?;
            let taken: usize = messages.iter().map(Message::missing).sum();
            let missing = nack
                .nacks
                .iter()
                .flat_map(|pair| pair.packet_list())
                .take(MAX_MISSING.saturating_sub(taken))
                .collect();
            messages.push(Message::Nack {
                ssrc: nack.media_ssrc,
                missing,
            });
        }
        (PSFB, FMT_PLI) => {
            let pli = PictureLossIndication::unmarshal(bytes).map_err(|_| Malformed)?;
            messages.push(Message::KeyframeRequest {
                ssrc: pli.media_ssrc,
            });
        }
        (PSFB, FMT_FIR) => {
            let fir = FullIntraRequest::unmarshal(bytes).map_err(|_| Malformed)?;
            messages.extend(
                fir.fir
                    .iter()
                    .map(|entry| Message::KeyframeRequest { ssrc: entry.ssrc }),
            );
        }
        (BYE, _) => {
            let goodbye = Goodbye::unmarshal(bytes).map_err(|_| Malformed)?;
            messages.push(Message::Goodbye(goodbye.sources));
        }
        _ => {}
    }
    Ok(())
}

fn receptions(blocks: &[ReceptionReport]) -> impl Iterator<Item = Message> + '_ {
    blocks.iter().map(Reception::read).map(Message::Reception)
}

/// Whether a feedback message's four letters behind both SSRCs are these.
fn packet_names(packet: &[u8], name: &[u8]) -> bool {
    packet.get(BEHIND_SSRCS..BEHIND_SSRCS + 4) == Some(name)
}

/// A report about a publisher's SSRC (RFC 3550 §6.4.2).
pub fn receiver_report(reports: Vec<ReceptionReport>) -> Vec<u8> {
    bytes(&ReceiverReport {
        ssrc: RELAY_SSRC,
        reports,
        profile_extensions: Bytes::new(),
    })
}

/// A request for missing packets (RFC 4585 §6.2.1).
pub fn nack(media_ssrc: u32, missing: &[u16]) -> Vec<u8> {
    let nacks = nack_pairs_from_sequence_numbers(missing);
    bytes(&TransportLayerNack {
        sender_ssrc: RELAY_SSRC,
        media_ssrc,
        nacks,
    })
}

/// A request for a keyframe (RFC 4585 §6.3.1).
pub fn picture_loss_indication(media_ssrc: u32) -> Vec<u8> {
    bytes(&PictureLossIndication {
        sender_ssrc: RELAY_SSRC,
        media_ssrc,
    })
}

/// When a publisher's packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
pub fn transport_feedback(media_ssrc: u32, feedback: &Feedback) -> Vec<u8> {
    let symbol = |delta: &Option<i16>| match delta {
        None => SymbolTypeTcc::PacketNotReceived,
        Some(0..=255) => SymbolTypeTcc::PacketReceivedSmallDelta,
        Some(_) => SymbolTypeTcc::PacketReceivedLargeDelta,
    };
    let chunk = |deltas: &[Option<i16>]| {
        PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
            type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
            symbol_size: SymbolSizeTypeTcc::TwoBit,
            symbol_list: deltas.iter().map(symbol).collect(),
        })
    };
    let received = feedback.deltas.iter().filter_map(|delta| {
        let type_tcc_packet = symbol(delta);
        Some(RecvDelta {
            type_tcc_packet,
            delta: i64::from((*delta)?) * TYPE_TCC_DELTA_SCALE_FACTOR,
        })
    });
    bytes(&TransportLayerCc {
        sender_ssrc: RELAY_SSRC,
        media_ssrc,
        base_sequence_number: feedback.base,
        packet_status_count: u16::try_from(feedback.deltas.len()).unwrap_or(u16::MAX),
        reference_time: feedback.reference_time,
        fb_pkt_count: feedback.count,
        // Seven two-bit symbols fit into a chunk.
        packet_chunks: feedback.deltas.chunks(7).map(chunk).collect(),
        recv_deltas: received.collect(),
    })
}

/// A sender report of a slot with its canonical name (RFC 3550 §6.4.1, §6.5).
pub fn sender_report(report: SenderReport, cname: &str) -> Vec<u8> {
    let name = SourceDescriptionItem {
        sdes_type: SdesType::SdesCname,
        text: Bytes::copy_from_slice(cname.as_bytes()),
    };
    let description = SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: report.ssrc,
            items: vec![name],
        }],
    };
    let mut compound = bytes(&report);
    compound.extend(bytes(&description));
    compound
}

/// What the relay builds always fits: an empty result would be dropped by the receiver, never sent as something else.
fn bytes(packet: &impl Marshal) -> Vec<u8> {
    packet
        .marshal()
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default()
}
