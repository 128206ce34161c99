//! Tells the other side when its packets arrived, so that it can find out what the line carries
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::time::Instant;

use congestion::arrivals::{Arrivals, Feedback, INTERVAL};
use rtc::rtcp;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, RecvDelta, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    SymbolTypeTcc, TYPE_TCC_DELTA_SCALE_FACTOR, TransportLayerCc,
};
use rtc::rtp;

/// Two-bit symbols in a status vector chunk.
const SYMBOLS: usize = 7;

/// The arrivals of one connection, whatever the packets belong to.
#[derive(Debug)]
pub(super) struct Transport {
    extension: u8,
    arrivals: Arrivals,
    due: Instant,
    /// Any source of the other side: the format wants one.
    media_ssrc: u32,
}

impl Transport {
    pub(super) fn new(now: Instant, extension: u8) -> Self {
        Self {
            extension,
            arrivals: Arrivals::new(now),
            due: now + INTERVAL,
            media_ssrc: 0,
        }
    }

    pub(super) fn receive(&mut self, now: Instant, header: &rtp::Header) {
        let number = header.get_extension(self.extension);
        if let Some(number) = number.as_deref().and_then(<[u8]>::first_chunk) {
            self.media_ssrc = header.ssrc;
            self.arrivals.received(now, u16::from_be_bytes(*number));
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.due
    }

    /// Lets time pass: what is to be said to the other side.
    pub(super) fn advance(&mut self, now: Instant, own_ssrc: u32) -> Vec<Box<dyn rtcp::Packet>> {
        if now < self.due {
            return Vec::new();
        }
        self.due = now + INTERVAL;
        let media_ssrc = self.media_ssrc;
        std::iter::from_fn(|| self.arrivals.poll())
            .map(|feedback| -> Box<dyn rtcp::Packet> {
                Box::new(written(own_ssrc, media_ssrc, &feedback))
            })
            .collect()
    }
}

fn written(sender_ssrc: u32, media_ssrc: u32, feedback: &Feedback) -> TransportLayerCc {
    let symbol = |delta: &Option<i16>| match delta {
        None => SymbolTypeTcc::PacketNotReceived,
        Some(0..=255) => SymbolTypeTcc::PacketReceivedSmallDelta,
        Some(_) => SymbolTypeTcc::PacketReceivedLargeDelta,
    };
    let chunks = feedback.deltas.chunks(SYMBOLS).map(|deltas| {
        PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
            type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
            symbol_size: SymbolSizeTypeTcc::TwoBit,
            symbol_list: deltas.iter().map(symbol).collect(),
        })
    });
    let deltas = feedback.deltas.iter().filter_map(|delta| {
        Some(RecvDelta {
            type_tcc_packet: symbol(delta),
            delta: i64::from((*delta)?) * TYPE_TCC_DELTA_SCALE_FACTOR,
        })
    });
    TransportLayerCc {
        sender_ssrc,
        media_ssrc,
        base_sequence_number: feedback.base,
        packet_status_count: u16::try_from(feedback.deltas.len()).unwrap_or(u16::MAX),
        reference_time: feedback.reference_time,
        fb_pkt_count: feedback.count,
        packet_chunks: chunks.collect(),
        recv_deltas: deltas.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use rtc::shared::marshal::{Marshal, Unmarshal};

    use super::*;

    #[test]
    fn what_arrived_is_told_in_a_form_that_reads_back() {
        let start = Instant::now();
        let mut transport = Transport::new(start, 5);
        for (number, ms) in [(10_u16, 1), (11, 2), (14, 100)] {
            let mut header = rtp::Header {
                ssrc: 7,
                ..rtp::Header::default()
            };
            let number = Bytes::copy_from_slice(&number.to_be_bytes());
            header.set_extension(5, number).unwrap();
            transport.receive(start + Duration::from_millis(ms), &header);
        }
        let other = rtp::Header {
            ssrc: 9,
            ..rtp::Header::default()
        };
        transport.receive(start, &other);
        assert!(transport.advance(start, 1).is_empty(), "not yet");
        let told = transport.advance(start + INTERVAL * 2, 1);
        let [told] = told.as_slice() else {
            panic!("{told:?}")
        };
        let told = told.as_any().downcast_ref::<TransportLayerCc>().unwrap();
        let wire = told.marshal().unwrap();
        let told = TransportLayerCc::unmarshal(&mut &wire[..]).unwrap();
        assert_eq!((told.sender_ssrc, told.media_ssrc), (1, 7));
        assert_eq!(
            (told.base_sequence_number, told.packet_status_count),
            (10, 5)
        );
        let micros: Vec<_> = told.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(micros, [1_000, 1_000, 98_000]);
        assert!(transport.deadline() > start + INTERVAL * 2);
    }
}
