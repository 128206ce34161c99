//! RTP headers of the published tracks. Every packet says when it left, in abs-capture-time.

use crate::client::{MID_ID, RID_ID};
use crate::ntp::Ntp;

/// Bytes of the header with the time of capture: 12, 4, and 9 padded to 12.
pub const HEADER_BYTES: usize = 28;
/// Bytes of the header of a layer: 12, 4, and 13 padded to 16.
pub const LAYER_HEADER_BYTES: usize = 32;
/// Bytes of an RTP packet before it is sealed, as GStreamer's and libwebrtc's payloaders use.
pub const MTU: usize = 1200;

/// The numbering of one SSRC.
#[derive(Debug)]
pub struct Packer {
    ssrc: u32,
    payload_type: u8,
    capture_time_id: Option<u8>,
    /// Says which section and layer it is of, where no SSRC was announced.
    identity: Option<(u8, u8)>,
    /// Where its timestamps begin.
    offset: u32,
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
            identity: None,
            offset: 0,
            sequence: 1,
            packets: 0,
            octets: 0,
        }
    }

    /// Packets that say that they are of this section and layer, both of one character, and timestamps that begin anywhere.
    pub fn of_layer(self, mid: u8, rid: u8, offset: u32) -> Self {
        Self {
            identity: Some((mid, rid)),
            offset,
            ..self
        }
    }

    /// Bytes of its headers.
    pub fn header_bytes(&self) -> usize {
        match self.identity {
            Some(_) => LAYER_HEADER_BYTES,
            None => HEADER_BYTES,
        }
    }

    /// What packets of a media time carry.
    pub fn timestamp(&self, media_time: u32) -> u32 {
        media_time.wrapping_add(self.offset)
    }

    /// The SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload octets so far, as sender reports carry them.
    pub fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// Writes the next packet of a media time into `out`, and gives its sequence number.
    pub fn pack(
        &mut self,
        out: &mut Vec<u8>,
        media_time: u32,
        marker: bool,
        payload: &[u8],
        left: Ntp,
    ) -> u16 {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        out.clear();
        let has_extensions = self.capture_time_id.is_some() || self.identity.is_some();
        out.push(if has_extensions { 0x90 } else { 0x80 });
        out.push(u8::from(marker) << 7 | self.payload_type);
        out.extend(sequence.to_be_bytes());
        out.extend(self.timestamp(media_time).to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        if has_extensions {
            self.write_extensions(out, left);
        }
        out.extend_from_slice(payload);
        sequence
    }

    /// RFC 8285 §4.2: one-byte form, length minus one, padded to words.
    fn write_extensions(&self, out: &mut Vec<u8>, left: Ntp) {
        out.extend([0xbe, 0xde, 0, 0]);
        let start = out.len();
        if let Some(id) = self.capture_time_id {
            out.push(id << 4 | 7);
            out.extend(left.0.to_be_bytes());
        }
        if let Some((mid, rid)) = self.identity {
            out.extend([MID_ID << 4, mid, RID_ID << 4, rid]);
        }
        let words = (out.len() - start).div_ceil(4);
        out.resize(start + words * 4, 0);
        out[start - 1] = words as u8;
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

    #[test]
    fn a_layer_names_itself() {
        let mut packer = Packer::new(7, 102, Some(3)).of_layer(b'0', b'h', u32::MAX);
        let mut out = Vec::new();
        packer.pack(&mut out, 3000, true, &[1], Ntp(0));
        let packet = Packet::parse(&out).unwrap();
        assert_eq!(out.len(), packer.header_bytes() + 1);
        assert_eq!(packet.timestamp(), 2999);
        assert_eq!(packet.extension(3), Some(&[0; 8][..]));
        assert_eq!(packet.extension(MID_ID), Some(&b"0"[..]));
        assert_eq!(packet.extension(RID_ID), Some(&b"h"[..]));
    }
}
