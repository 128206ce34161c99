//! The fixed parts of RTP and RTCP headers.

/// SSRC, sequence number and length of an RTP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpHeader {
    /// With CSRCs and header extension.
    pub(super) len: usize,
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
}

const RTP_FIXED_LEN: usize = 12;

impl RtpHeader {
    /// Reads the header of a packet (RFC 3550 §5.1); `None` if it is not version 2 or truncated.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; RTP_FIXED_LEN] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut len = RTP_FIXED_LEN + 4 * usize::from(fixed[0] & 0x0F);
        if fixed[0] & 0x10 != 0 {
            let extension: &[u8; 4] = packet.get(len..)?.first_chunk()?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let fits = len <= packet.len();
        fits.then_some(Self {
            len,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        })
    }
}

/// The sender's SSRC of an RTCP packet; `None` if it is not version 2 or truncated.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let clear: &[u8; 8] = packet.first_chunk()?;
    let ssrc = u32::from_be_bytes([clear[4], clear[5], clear[6], clear[7]]);
    (clear[0] >> 6 == 2).then_some(ssrc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributors_and_extension_count_as_header() {
        let mut packet = vec![0x92, 96, 0x12, 0x34, 0, 0, 0, 0, 1, 2, 3, 4];
        packet.extend([0; 8]);
        packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]);
        let header = RtpHeader {
            len: 28,
            sequence: 0x1234,
            ssrc: 0x0102_0304,
        };
        assert_eq!(RtpHeader::parse(&packet), Some(header));
        for length in 0..packet.len() {
            assert_eq!(RtpHeader::parse(&packet[..length]), None, "{length}");
        }
        packet[0] = 0x52;
        assert_eq!(RtpHeader::parse(&packet), None);
    }

    #[test]
    fn rtcp_needs_version_and_ssrc() {
        assert_eq!(rtcp_ssrc(&[0x80, 201, 0, 1, 0, 0, 0, 9]), Some(9));
        assert_eq!(rtcp_ssrc(&[0x80, 201, 0, 1, 0, 0, 0]), None);
        assert_eq!(rtcp_ssrc(&[0x40, 201, 0, 1, 0, 0, 0, 9]), None);
    }
}
