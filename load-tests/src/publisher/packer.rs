//! RTP headers of the published tracks. Every packet says when it left, in abs-capture-time.

use crate::ntp::Ntp;

/// Bytes of the header with its one extension: 12, 4, and 9 padded to 12.
pub const HEADER_BYTES: usize = 28;
/// Bytes of an RTP packet before it is sealed, as GStreamer's and libwebrtc's payloaders use.
pub const MTU: usize = 1200;

/// The numbering of one SSRC.
#[derive(Debug)]
pub struct Packer {
    ssrc: u32,
    payload_type: u8,
    capture_time_id: Option<u8>,
    sequence: u16,
    packets: u32,
    octets: u32,
}

impl Packer {
    /// Numbers packets from 1.
    pub fn new(ssrc: u32, payload_type: u8, capture_time_id: Option<u8>) -> Self {
        Self {
            ssrc,
            payload_type,
            capture_time_id,
            sequence: 1,
            packets: 0,
            octets: 0,
        }
    }

    /// The SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload octets so far, as sender reports carry them.
    pub fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// Writes the next packet into `out`, and gives its sequence number.
    pub fn pack(
        &mut self,
        out: &mut Vec<u8>,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
        left: Ntp,
    ) -> u16 {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        out.clear();
        out.push(if self.capture_time_id.is_some() {
            0x90
        } else {
            0x80
        });
        out.push(u8::from(marker) << 7 | self.payload_type);
        out.extend(sequence.to_be_bytes());
        out.extend(timestamp.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        if let Some(id) = self.capture_time_id {
            // RFC 8285 §4.2: one-byte form, three words, length minus one.
            out.extend([0xbe, 0xde, 0, 3, id << 4 | 7]);
            out.extend(left.0.to_be_bytes());
            out.extend([0, 0, 0]);
        }
        out.extend_from_slice(payload);
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Packet;

    #[test]
    fn writes_what_the_viewer_reads() {
        let mut packer = Packer::new(7, 102, Some(3));
        let mut out = Vec::new();
        assert_eq!(
            packer.pack(&mut out, 9, true, &[1, 2], Ntp(0x0102_0304_0506_0708)),
            1
        );
        let packet = Packet::parse(&out).unwrap();
        assert_eq!(out.len(), HEADER_BYTES + 2);
        assert!(packet.marker());
        assert_eq!(
            (packet.ssrc(), packet.payload_type(), packet.timestamp()),
            (7, 102, 9)
        );
        assert_eq!(packet.extension(3), Some(&[1, 2, 3, 4, 5, 6, 7, 8][..]));
        assert_eq!(packet.payload(), [1, 2]);
        assert_eq!(packer.pack(&mut out, 9, false, &[], Ntp(0)), 2);
        assert_eq!(packer.sent(), (2, 2));
    }
}
