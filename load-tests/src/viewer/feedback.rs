//! The RTCP a viewer sends: receiver reports, NACK and picture loss indications.

use bytes::Bytes;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
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

fn marshal(packet: &impl Marshal) -> Vec<u8> {
    packet
        .marshal()
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default()
}
