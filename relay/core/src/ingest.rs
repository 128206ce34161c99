//! Taking in the packets of one publishing SSRC: numbering, duplicates, loss, reception statistics.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::cache::{Cache, Refused};
use crate::codec::Format;
use crate::descriptor::Descriptor;
use crate::nack::{NackGenerator, Repaired};
use crate::packet::{ElementIds, Elements, Packet, Space};
use crate::red::{Block, Red};
use crate::report::Reception;
use crate::rtp::View;

/// How a payload type of the publisher is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadFormat {
    /// Its codec.
    pub format: Format,
    /// Ticks per second of its timestamps.
    pub clock_rate: u32,
}

/// The receiving end of one publishing SSRC.
#[derive(Debug)]
pub struct Receiver {
    space: Space,
    layer: u8,
    highest: Option<u64>,
    reception: Option<Reception>,
    nack: NackGenerator,
    /// Packets that came back after a request.
    pub repaired: u64,
}

/// A packet that was taken in.
#[derive(Debug)]
pub struct Taken {
    /// To be forwarded.
    pub packet: Arc<Packet>,
    /// So much is missing before it that only a keyframe helps.
    pub outage: bool,
}

impl Receiver {
    /// `space` names the SSRC's sequence numbers, `layer` is what it carries of its track.
    pub fn new(space: Space, layer: u8) -> Self {
        Self {
            space,
            layer,
            highest: None,
            reception: None,
            nack: NackGenerator::default(),
            repaired: 0,
        }
    }

    /// The SSRC's sequence-number space.
    pub fn space(&self) -> Space {
        self.space
    }

    /// Takes a packet in and remembers it in `cache`. `sequence_number` and `payload` are those of the media packet: for a
    /// retransmission (RFC 4588) the caller has unwrapped them.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the packet is not to be forwarded.
    pub fn receive(
        &mut self,
        now: Instant,
        cache: &mut Cache,
        ids: &ElementIds,
        format: PayloadFormat,
        incoming: Incoming<'_>,
    ) -> Result<Taken, Refused> {
        let Incoming {
            view,
            sequence_number,
            payload_type,
            timestamp,
            payload,
        } = incoming;
        let sequence = self.extend(sequence_number);
        let packet = Arc::new(Packet {
            arrived: now,
            space: self.space,
            layer: self.layer,
            sequence,
            timestamp,
            marker: view.marker,
            payload_type,
            keyframe: format.format.starts_keyframe(payload),
            descriptor: Descriptor::read(format.format, payload),
            elements: Elements::collect(ids, view.extensions()),
            payload: Bytes::copy_from_slice(payload),
        });
        cache.insert(packet.clone())?;
        self.reception
            .get_or_insert_with(|| Reception::new(sequence, format.clock_rate))
            .received(now, sequence, timestamp);
        let outage = self.note_gap(now, sequence);
        Ok(Taken { packet, outage })
    }

    /// The sequence numbers to ask the publisher for now, as on the wire.
    pub fn poll_nacks(&mut self, now: Instant) -> Vec<u16> {
        self.nack
            .poll(now)
            .into_iter()
            .map(|sequence| sequence as u16)
            .collect()
    }

    /// Whether nothing of this number has come yet, and everything from there to the newest is recent enough to be of use.
    pub fn misses(&self, sequence_number: u16) -> bool {
        self.highest.is_some() && self.nack.misses(self.extend(sequence_number))
    }

    /// When [`poll_nacks`](Self::poll_nacks) has something to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.nack.poll_timeout()
    }

    /// What repair has come to.
    pub fn nack(&self) -> &NackGenerator {
        &self.nack
    }

    /// The reception statistics, once a packet has arrived.
    pub fn reception(&mut self) -> Option<&mut Reception> {
        self.reception.as_mut()
    }

    /// Returns whether the gap before `sequence` is an outage.
    fn note_gap(&mut self, now: Instant, sequence: u64) -> bool {
        let expected = self.highest.map_or(sequence, |highest| highest + 1);
        if sequence < expected {
            if self.nack.arrived(now, sequence) == Some(Repaired::Requested) {
                self.repaired += 1;
            }
            return false;
        }
        self.highest = Some(sequence);
        expected < sequence && self.nack.lost(now, expected..sequence).is_err()
    }

    /// The 16-bit number nearest to the highest one seen (RFC 3711 appendix A). The first one is lifted by a whole cycle, so that packets
    /// overtaken by it keep a number.
    fn extend(&self, sequence_number: u16) -> u64 {
        let Some(highest) = self.highest else {
            return u64::from(sequence_number) + (1 << 16);
        };
        let distance = sequence_number.wrapping_sub(highest as u16) as i16;
        highest.saturating_add_signed(i64::from(distance))
    }
}

/// What the caller has read from a datagram.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The header as received.
    pub view: View<'a>,
    /// The media packet's sequence number.
    pub sequence_number: u16,
    /// The media packet's payload type.
    pub payload_type: u8,
    /// The media packet's timestamp.
    pub timestamp: u32,
    /// The media packet's payload.
    pub payload: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// A media packet as it came.
    pub fn media(view: View<'a>) -> Self {
        Self {
            view,
            sequence_number: view.sequence_number,
            payload_type: view.payload_type,
            timestamp: view.timestamp,
            payload: view.payload,
        }
    }

    /// The newest frame of redundant audio, as if it had come alone.
    pub fn newest(self, red: &Red<'a>) -> Self {
        Self {
            payload_type: red.payload_type,
            payload: red.payload,
            ..self
        }
    }

    /// An earlier frame of redundant audio, as if its packet had come late.
    pub fn earlier(self, red: &Red<'a>, block: Block<'a>) -> Self {
        Self {
            sequence_number: self.sequence_number.wrapping_sub(block.back),
            payload_type: red.payload_type,
            timestamp: self.timestamp.wrapping_sub(block.offset),
            payload: block.payload,
            ..self
        }
    }

    /// A retransmission: the payload starts with the original sequence number (RFC 4588 §4). `None` for a probe without one.
    pub fn retransmission(view: View<'a>, payload_type: u8) -> Option<Self> {
        let (original, payload) = view.payload.split_first_chunk::<2>()?;
        Some(Self {
            view,
            sequence_number: u16::from_be_bytes(*original),
            payload_type,
            timestamp: view.timestamp,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{self, Header};
    use std::time::Duration;

    const VIDEO: PayloadFormat = PayloadFormat {
        format: Format::H264,
        clock_rate: 90_000,
    };

    fn wire(sequence_number: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 64];
        let header = Header {
            marker: false,
            payload_type: 96,
            sequence_number,
            timestamp: 0,
            ssrc: 1,
        };
        let len = rtp::write_header(&mut packet, header, std::iter::empty());
        packet[len..len + payload.len()].copy_from_slice(payload);
        packet.truncate(len + payload.len());
        packet
    }

    struct Bench {
        receiver: Receiver,
        cache: Cache,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                receiver: Receiver::new(Space(3), 0),
                cache: Cache::new(64),
                now: Instant::now(),
            }
        }

        fn take(&mut self, sequence_number: u16) -> Result<u64, Refused> {
            let packet = wire(sequence_number, &[0x61, 1]);
            let incoming = Incoming::media(View::parse(&packet).unwrap());
            let taken = self.receiver.receive(
                self.now,
                &mut self.cache,
                &ElementIds::default(),
                VIDEO,
                incoming,
            )?;
            Ok(taken.packet.sequence)
        }
    }

    #[test]
    fn numbers_go_on_across_the_wrap() {
        let mut bench = Bench::new();
        let first = bench.take(65_534).unwrap();
        assert_eq!(bench.take(65_535), Ok(first + 1));
        assert_eq!(bench.take(1), Ok(first + 3));
        assert_eq!(
            bench.take(0),
            Ok(first + 2),
            "late, on the other side of the wrap"
        );
        assert_eq!(bench.take(0), Err(Refused::Duplicate));
        assert_eq!(bench.receiver.reception().unwrap().lost(), 0);
    }

    #[test]
    fn what_the_first_packet_overtook_keeps_its_order() {
        let mut bench = Bench::new();
        let first = bench.take(0).unwrap();
        assert_eq!(bench.take(65_535), Ok(first - 1));
    }

    #[test]
    fn a_gap_is_asked_for_and_a_retransmission_fills_it() {
        let mut bench = Bench::new();
        bench.take(10).unwrap();
        bench.take(12).unwrap();
        bench.now += Duration::from_millis(10);
        assert_eq!(bench.receiver.poll_nacks(bench.now), [11]);
        let packet = wire(900, &[0, 11, 0x61, 2]);
        let incoming = Incoming::retransmission(View::parse(&packet).unwrap(), 96).unwrap();
        let taken = bench
            .receiver
            .receive(
                bench.now,
                &mut bench.cache,
                &ElementIds::default(),
                VIDEO,
                incoming,
            )
            .unwrap();
        assert_eq!(
            (taken.packet.sequence as u16, &taken.packet.payload[..]),
            (11, &[0x61, 2][..])
        );
        assert_eq!(bench.receiver.repaired, 1);
    }

    #[test]
    fn an_outage_is_told() {
        let mut bench = Bench::new();
        bench.take(10).unwrap();
        let packet = wire(5_000, &[0x61, 1]);
        let incoming = Incoming::media(View::parse(&packet).unwrap());
        let taken = bench
            .receiver
            .receive(
                bench.now,
                &mut bench.cache,
                &ElementIds::default(),
                VIDEO,
                incoming,
            )
            .unwrap();
        assert!(taken.outage);
    }
}
