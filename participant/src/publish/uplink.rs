//! What the line to the other side carries: numbers for the packets that leave, and what is learnt from their arrival
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::time::{Duration, Instant};

use bytes::Bytes;
use congestion::arrivals::Feedback;
use congestion::estimate::Estimate;
use rand::RngExt as _;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TYPE_TCC_DELTA_SCALE_FACTOR, TransportLayerCc,
};
use rtc::rtp;

/// Between two looks at the estimate's timers.
const POLL: Duration = Duration::from_millis(20);
/// SRTP's authentication tag, UDP and IPv4 around an RTP packet.
const AROUND: usize = 16 + 8 + 20;
/// Payload of a probing packet: full packets are what the line will have to carry.
const PADDING: usize = 1_160;
/// Most probing packets that leave at once.
const MAX_PROBE: usize = 128;

/// The line of one connection whose other end tells when packets arrived.
#[derive(Debug)]
pub(super) struct Uplink {
    extension: u8,
    estimate: Estimate,
    /// Something was heard of arrivals: before, the estimate is a guess.
    heard: bool,
    poll_due: Instant,
    padding: Padding,
}

/// Packets that only fill the line.
#[derive(Debug)]
struct Padding {
    /// Of no track, so that receivers which know no probes drop them.
    ssrc: u32,
    payload_type: u8,
    sequence: u16,
}

impl Uplink {
    /// `start` in bit/s is believed until something is known. `padding_type` is a payload type that nothing else uses.
    pub(super) fn new(now: Instant, extension: u8, start: u64, padding_type: u8) -> Self {
        let mut random = rand::rng();
        let padding = Padding {
            ssrc: random.random(),
            payload_type: padding_type,
            sequence: random.random_range(0..0x8000),
        };
        Self {
            extension,
            estimate: Estimate::new(now, start),
            heard: false,
            poll_due: now,
            padding,
        }
    }

    /// Gives a packet that leaves now its number.
    pub(super) fn number(&mut self, now: Instant, packet: &mut rtp::Packet) {
        let number = self.estimate.sent(now, wire_len(packet));
        let number = Bytes::copy_from_slice(&number.to_be_bytes());
        if let Err(error) = packet.header.set_extension(self.extension, number) {
            tracing::debug!(%error, "transport-wide number left out");
        }
    }

    /// The other side tells when packets arrived.
    pub(super) fn feedback(&mut self, now: Instant, packet: &TransportLayerCc) {
        self.heard = true;
        self.estimate.feedback(now, &read(packet));
    }

    /// A reception report about our packets.
    pub(super) fn reception(&mut self, now: Instant, lost: u8, round_trip: Option<Duration>) {
        self.estimate.reception(now, lost, round_trip);
    }

    /// Advances timers. `want` is what could be used, in bit/s. Returns padding that is to leave now, numbered.
    pub(super) fn poll(&mut self, now: Instant, want: u64) -> Vec<rtp::Packet> {
        if now < self.poll_due {
            return Vec::new();
        }
        self.poll_due = now + POLL;
        self.estimate.want(want);
        let Some(probe) = self.estimate.poll(now) else {
            return Vec::new();
        };
        let packets = probe.bytes.div_ceil(PADDING + AROUND).min(MAX_PROBE);
        (0..packets)
            .map(|_| {
                let mut packet = self.padding.next_packet(self.extension);
                self.number(now, &mut packet);
                packet
            })
            .collect()
    }

    /// Bit/s that the line is believed to carry, headers and all; `None` while nothing is known.
    pub(super) fn target(&self) -> Option<u64> {
        self.heard.then(|| self.estimate.target())
    }

    /// Bit/s at which bursts may leave.
    pub(super) fn pace(&self) -> u64 {
        if self.heard {
            self.estimate.pace()
        } else {
            u64::MAX
        }
    }

    /// Id of the header extension that carries the numbers.
    pub(super) fn extension(&self) -> u8 {
        self.extension
    }
}

impl Padding {
    fn next_packet(&mut self, extension: u8) -> rtp::Packet {
        static ZEROS: [u8; PADDING] = [0; PADDING];
        let mut header = rtp::Header {
            version: 2,
            payload_type: self.payload_type,
            ssrc: self.ssrc,
            sequence_number: self.sequence,
            ..rtp::Header::default()
        };
        self.sequence = self.sequence.wrapping_add(1);
        reserve(&mut header, extension);
        rtp::Packet {
            header,
            payload: Bytes::from_static(&ZEROS),
        }
    }
}

/// Makes room for the number, which is known only when the packet leaves.
pub(super) fn reserve(header: &mut rtp::Header, extension: u8) {
    if let Err(error) = header.set_extension(extension, Bytes::from_static(&[0, 0])) {
        tracing::debug!(%error, extension, "transport-wide number left out");
    }
}

fn wire_len(packet: &rtp::Packet) -> usize {
    use rtc::shared::marshal::MarshalSize as _;
    packet.marshal_size() + AROUND
}

/// What a feedback packet says about each packet from its base on.
fn read(packet: &TransportLayerCc) -> Feedback {
    let symbols = packet.packet_chunks.iter().flat_map(|chunk| match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            vec![run.packet_status_symbol; usize::from(run.run_length)]
        }
        PacketStatusChunk::StatusVectorChunk(vector) => vector.symbol_list.clone(),
    });
    let mut deltas = packet.recv_deltas.iter().map(|delta| {
        let quarters = delta.delta / TYPE_TCC_DELTA_SCALE_FACTOR;
        quarters.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    });
    let deltas = symbols
        .take(usize::from(packet.packet_status_count))
        .map(|symbol| match symbol {
            // A packet of which nothing tells when it came tells nothing.
            SymbolTypeTcc::PacketNotReceived | SymbolTypeTcc::PacketReceivedWithoutDelta => None,
            SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                deltas.next()
            }
        })
        .collect();
    Feedback {
        base: packet.base_sequence_number,
        reference_time: packet.reference_time,
        count: packet.fb_pkt_count,
        deltas,
    }
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
        RecvDelta, RunLengthChunk, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    };

    use super::*;

    #[test]
    fn feedback_is_read_packet_by_packet_whatever_it_claims() {
        let delta = |delta| RecvDelta {
            type_tcc_packet: SymbolTypeTcc::PacketReceivedSmallDelta,
            delta,
        };
        let mut packet = TransportLayerCc {
            base_sequence_number: 65_534,
            packet_status_count: 5,
            reference_time: 7,
            fb_pkt_count: 3,
            packet_chunks: vec![
                PacketStatusChunk::RunLengthChunk(RunLengthChunk {
                    type_tcc: StatusChunkTypeTcc::RunLengthChunk,
                    packet_status_symbol: SymbolTypeTcc::PacketReceivedSmallDelta,
                    run_length: 2,
                }),
                PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                    type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
                    symbol_size: SymbolSizeTypeTcc::TwoBit,
                    symbol_list: vec![
                        SymbolTypeTcc::PacketNotReceived,
                        SymbolTypeTcc::PacketReceivedLargeDelta,
                        SymbolTypeTcc::PacketNotReceived,
                        SymbolTypeTcc::PacketReceivedSmallDelta,
                    ],
                }),
            ],
            recv_deltas: vec![delta(500), delta(250), delta(-1_000)],
            ..TransportLayerCc::default()
        };
        let feedback = read(&packet);
        assert_eq!(
            (feedback.base, feedback.reference_time, feedback.count),
            (65_534, 7, 3)
        );
        assert_eq!(
            feedback.deltas,
            [Some(2), Some(1), None, Some(-4), None],
            "no more than the count says"
        );
        packet.recv_deltas.clear();
        assert_eq!(read(&packet).deltas, [None; 5], "deltas that are missing");
    }

    #[test]
    fn every_packet_is_numbered_in_the_place_reserved_for_it() {
        use rtc::shared::marshal::MarshalSize as _;
        let now = Instant::now();
        let mut uplink = Uplink::new(now, 3, 1_000_000, 127);
        let mut packet = uplink.padding.next_packet(3);
        let len = packet.marshal_size();
        assert!(len <= 1_200);
        let mut number = || {
            uplink.number(now, &mut packet);
            assert_eq!(packet.marshal_size(), len);
            let written = packet.header.get_extension(3).unwrap();
            u16::from_be_bytes(*written.first_chunk().unwrap())
        };
        let first = number();
        assert_eq!(
            [number(), number()],
            [1, 2].map(|on| first.wrapping_add(on))
        );
        assert_eq!(uplink.target(), None, "nothing is known yet");
        uplink.feedback(now, &TransportLayerCc::default());
        assert_eq!(uplink.target(), Some(1_000_000));
    }
}
