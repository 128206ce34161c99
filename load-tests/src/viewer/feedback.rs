//! The RTCP a viewer sends: receiver reports, NACK, picture loss indications and transport-wide feedback.

use bytes::Bytes;
use congestion::arrivals::Feedback;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
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
use rtc_shared::marshal::Marshal;

/// The SSRC of viewers, which send no media; browsers use 1 too.
pub const SENDER: u32 = 1;

/// A compound packet of a receiver report and the CNAME it needs (RFC 3550 §6.1).
pub fn receiver_report(reports: Vec<ReceptionReport>) -> Vec<u8> {
    let report = ReceiverReport {
        ssrc: SENDER,
        reports,
        ..ReceiverReport::default()
    };
    let name = SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: SENDER,
            items: vec![SourceDescriptionItem {
                sdes_type: SdesType::SdesCname,
                text: Bytes::from_static(b"load"),
            }],
        }],
    };
    let mut compound = marshal(&report);
    compound.extend(marshal(&name));
    compound
}

/// Asks for packets of a track again.
pub fn nack(ssrc: u32, sequences: &[u16]) -> Vec<u8> {
    marshal(&TransportLayerNack {
        sender_ssrc: SENDER,
        media_ssrc: ssrc,
        nacks: nack_pairs_from_sequence_numbers(sequences),
    })
}

/// Asks for a keyframe of a track.
pub fn picture_loss(ssrc: u32) -> Vec<u8> {
    marshal(&PictureLossIndication {
        sender_ssrc: SENDER,
        media_ssrc: ssrc,
    })
}

/// When packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). The SSRC of the media means nothing in it.
pub fn transport_wide(ssrc: u32, feedback: &Feedback) -> Vec<u8> {
    let received = feedback.deltas.iter().flatten().map(|delta| RecvDelta {
        type_tcc_packet: symbol(Some(*delta)),
        delta: i64::from(*delta) * TYPE_TCC_DELTA_SCALE_FACTOR,
    });
    // A chunk holds seven symbols of two bits.
    let chunks = feedback.deltas.chunks(7).map(|deltas| {
        PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
            type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
            symbol_size: SymbolSizeTypeTcc::TwoBit,
            symbol_list: deltas.iter().copied().map(symbol).collect(),
        })
    });
    marshal(&TransportLayerCc {
        sender_ssrc: SENDER,
        media_ssrc: ssrc,
        base_sequence_number: feedback.base,
        packet_status_count: feedback.deltas.len() as u16,
        reference_time: feedback.reference_time,
        fb_pkt_count: feedback.count,
        packet_chunks: chunks.collect(),
        recv_deltas: received.collect(),
    })
}

fn symbol(delta: Option<i16>) -> SymbolTypeTcc {
    match delta {
        None => SymbolTypeTcc::PacketNotReceived,
        Some(0..=255) => SymbolTypeTcc::PacketReceivedSmallDelta,
        Some(_) => SymbolTypeTcc::PacketReceivedLargeDelta,
    }
}

fn marshal(packet: &impl Marshal) -> Vec<u8> {
    packet
        .marshal()
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rtc_shared::marshal::Unmarshal;

    use super::*;

    #[test]
    fn transport_wide_feedback_says_what_arrived_when() {
        let feedback = Feedback {
            base: 65_535,
            reference_time: 3,
            count: 9,
            deltas: [vec![Some(4), None, Some(-2)], vec![Some(300); 9]].concat(),
        };
        let bytes = transport_wide(7, &feedback);
        let read = TransportLayerCc::unmarshal(&mut bytes.as_slice()).unwrap();
        assert_eq!(
            (read.base_sequence_number, read.packet_status_count),
            (65_535, 12)
        );
        let deltas: Vec<i64> = read.recv_deltas.iter().map(|it| it.delta / 250).collect();
        assert_eq!(deltas[..3], [4, -2, 300]);
        assert_eq!(deltas.len(), 11);
    }
}
