//! RTP headers read in place. `rtc_rtp::Header` owns its extensions, which means an allocation per packet; a generator that
//! reads a million headers a second cannot afford one.

/// A borrowed RTP packet (RFC 3550 §5.1). The header, extensions included, is in the clear under SRTP.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    payload: usize,
}

impl<'a> Packet<'a> {
    /// A view of a packet, if it is long enough for what its header announces.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let first = *bytes.first()?;
        if first >> 6 != 2 || bytes.len() < 12 {
            return None;
        }
        let mut payload = 12 + usize::from(first & 0x0f) * 4;
        if first & 0x10 != 0 {
            let words = u16::from_be_bytes([*bytes.get(payload + 2)?, *bytes.get(payload + 3)?]);
            payload += 4 + usize::from(words) * 4;
        }
        (payload <= bytes.len()).then_some(Self { bytes, payload })
    }

    /// The marker bit.
    pub fn marker(&self) -> bool {
        self.bytes[1] & 0x80 != 0
    }

    /// The payload type.
    pub fn payload_type(&self) -> u8 {
        self.bytes[1] & 0x7f
    }

    /// The sequence number.
    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// The timestamp in ticks of the codec's clock.
    pub fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]])
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        u32::from_be_bytes([self.bytes[8], self.bytes[9], self.bytes[10], self.bytes[11]])
    }

    /// Everything after the header; sealed, if the packet is.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload..]
    }

    /// The payload of an open packet without its padding (RFC 3550 §5.1); nothing when the padding is more than there is.
    pub fn content(&self) -> &'a [u8] {
        let payload = self.payload();
        let padding = match (self.bytes[0] & 0x20, payload.last()) {
            (0, _) | (_, None) => 0,
            (_, Some(padding)) => usize::from(*padding),
        };
        let length = payload.len().saturating_sub(padding);
        &payload[..length]
    }

    /// The value of a header extension element, in either form of RFC 8285.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        if self.bytes[0] & 0x10 == 0 {
            return None;
        }
        let start = 12 + usize::from(self.bytes[0] & 0x0f) * 4;
        let profile = u16::from_be_bytes([self.bytes[start], self.bytes[start + 1]]);
        let mut rest = &self.bytes[start + 4..self.payload];
        while let [first, tail @ ..] = rest {
            if *first == 0 {
                rest = tail;
                continue;
            }
            let (found, length, tail) = match profile {
                0xbede => (first >> 4, usize::from(first & 0x0f) + 1, tail),
                _ => (*first, usize::from(*tail.first()?), tail.get(1..)?),
            };
            if found == id {
                return tail.get(..length);
            }
            rest = tail.get(length..)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(profile: u16, extensions: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x90, 0x80 | 102, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7];
        bytes.extend_from_slice(&profile.to_be_bytes());
        bytes.extend_from_slice(&((extensions.len() / 4) as u16).to_be_bytes());
        bytes.extend_from_slice(extensions);
        bytes.push(0xaa);
        bytes
    }

    #[test]
    fn reads_the_fixed_header() {
        let bytes = packet(0xbede, &[0; 4]);
        let view = Packet::parse(&bytes).unwrap();
        assert!(view.marker());
        assert_eq!(view.payload_type(), 102);
        assert_eq!(view.sequence(), 0x1234);
        assert_eq!(view.timestamp(), 9);
        assert_eq!(view.ssrc(), 7);
        assert_eq!(view.payload(), [0xaa]);
    }

    #[test]
    fn padding_is_no_content() {
        let mut bytes = vec![0xa0, 103, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0xaa, 0, 0, 3];
        assert_eq!(Packet::parse(&bytes).unwrap().content(), [0xaa]);
        bytes[15] = 4;
        assert!(Packet::parse(&bytes).unwrap().content().is_empty());
        bytes[15] = 200;
        assert!(Packet::parse(&bytes).unwrap().content().is_empty());
        bytes[0] = 0x80;
        assert_eq!(Packet::parse(&bytes).unwrap().content().len(), 4);
        assert!(Packet::parse(&bytes[..12]).unwrap().content().is_empty());
    }

    #[test]
    fn finds_extensions_of_both_forms() {
        let one = packet(0xbede, &[0x10, 0xff, 0, 0x31, 0xab, 0xcd, 0, 0]);
        assert_eq!(
            Packet::parse(&one).unwrap().extension(3),
            Some(&[0xab, 0xcd][..])
        );
        assert_eq!(Packet::parse(&one).unwrap().extension(2), None);
        let two = packet(0x1000, &[16, 1, 0xee, 3, 2, 0xab, 0xcd, 0]);
        assert_eq!(
            Packet::parse(&two).unwrap().extension(3),
            Some(&[0xab, 0xcd][..])
        );
    }

    #[test]
    fn refuses_what_is_cut_short() {
        let bytes = packet(0xbede, &[0x3f, 1, 2, 3]);
        for length in 0..bytes.len() - 1 {
            assert!(Packet::parse(&bytes[..length]).is_none(), "{length}");
        }
        assert_eq!(
            Packet::parse(&bytes).unwrap().extension(3),
            None,
            "runs past the block"
        );
    }
}
