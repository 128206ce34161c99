//! Reading and writing RTP headers in place (RFC 3550 §5.1, RFC 8285).
//!
//! Every forwarded packet gets its header written once per viewer, so this neither allocates nor builds a header object.

/// Size of an RTP header without CSRCs and extensions.
pub const FIXED_HEADER: usize = 12;

/// A received RTP packet, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    /// End of a frame (video) or start of a talk spurt (audio).
    pub marker: bool,
    /// Payload type, 0…127.
    pub payload_type: u8,
    /// Sequence number as on the wire.
    pub sequence_number: u16,
    /// Media timestamp in ticks of the clock rate.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// What follows the header, padding removed.
    pub payload: &'a [u8],
    extensions: Extensions<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extensions<'a> {
    profile: u16,
    body: &'a [u8],
}

/// The bit of the first byte that announces padding (RFC 3550 §5.1).
pub const PADDING: u8 = 0x20;
/// RFC 8285 §4.2.
const ONE_BYTE: u16 = 0xBEDE;
/// RFC 8285 §4.3: 0x100 followed by four application bits.
const TWO_BYTE: u16 = 0x1000;

impl<'a> View<'a> {
    /// Reads a packet; `None` when it is not well-formed RTP.
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        let fixed = packet.get(..FIXED_HEADER)?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let csrcs = usize::from(fixed[0] & 0x0F) * 4;
        let mut rest = packet.get(FIXED_HEADER + csrcs..)?;
        let mut extensions = Extensions {
            profile: 0,
            body: &[],
        };
        if fixed[0] & 0x10 != 0 {
            let (head, tail) = rest.split_first_chunk::<4>()?;
            let len = usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
            extensions = Extensions {
                profile: u16::from_be_bytes([head[0], head[1]]),
                body: tail.get(..len)?,
            };
            rest = &tail[len..];
        }
        if fixed[0] & PADDING != 0 {
            let padding = usize::from(*rest.last()?);
            if padding == 0 {
                return None;
            }
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        Some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload: rest,
            extensions,
        })
    }

    /// The header extension elements as (local identifier, value).
    pub fn extensions(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let Extensions { profile, mut body } = self.extensions;
        std::iter::from_fn(move || {
            loop {
                let (&first, rest) = body.split_first()?;
                if first == 0 {
                    body = rest;
                    continue;
                }
                let (id, len, rest) = if profile == ONE_BYTE {
                    (first >> 4, usize::from(first & 0x0F) + 1, rest)
                } else if profile & 0xFFF0 == TWO_BYTE {
                    let (&len, rest) = rest.split_first()?;
                    (first, usize::from(len), rest)
                } else {
                    return None;
                };
                // RFC 8285 §4.2: identifier 15 ends the processing of one-byte elements.
                if profile == ONE_BYTE && id == 15 {
                    return None;
                }
                let value = rest.get(..len)?;
                body = &rest[len..];
                return Some((id, value));
            }
        })
    }
}

/// Fields of a header to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// See [`View::marker`].
    pub marker: bool,
    /// Payload type, 0…127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence_number: u16,
    /// Media timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// Writes `header` and one-byte extension elements to the front of `buffer` and returns the header's length.
///
/// Elements that cannot be expressed (identifier outside 1…14, length outside 1…16) are left out.
///
/// # Panics
///
/// When `buffer` is shorter than the header; send buffers are larger than any packet.
pub fn write_header<'e>(
    buffer: &mut [u8],
    header: Header,
    elements: impl Iterator<Item = (u8, &'e [u8])>,
) -> usize {
    buffer[1] = u8::from(header.marker) << 7 | header.payload_type & 0x7F;
    buffer[2..4].copy_from_slice(&header.sequence_number.to_be_bytes());
    buffer[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
    buffer[8..12].copy_from_slice(&header.ssrc.to_be_bytes());
    let body = FIXED_HEADER + 4;
    let mut end = body;
    for (id, value) in elements {
        if (1..=14).contains(&id) && (1..=16).contains(&value.len()) {
            buffer[end] = id << 4 | (value.len() - 1) as u8;
            buffer[end + 1..end + 1 + value.len()].copy_from_slice(value);
            end += 1 + value.len();
        }
    }
    if end == body {
        buffer[0] = 0x80;
        return FIXED_HEADER;
    }
    while !(end - body).is_multiple_of(4) {
        buffer[end] = 0;
        end += 1;
    }
    buffer[0] = 0x90;
    buffer[12..14].copy_from_slice(&ONE_BYTE.to_be_bytes());
    buffer[14..16].copy_from_slice(&(((end - body) / 4) as u16).to_be_bytes());
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        marker: true,
        payload_type: 96,
        sequence_number: 0xFFFE,
        timestamp: 7,
        ssrc: 0xDEAD_BEEF,
    };

    #[test]
    fn what_is_written_is_read() {
        let mut buffer = [0u8; 64];
        let elements: [(u8, &[u8]); 2] = [(1, &[0xAB]), (3, &[1, 2, 3, 4, 5, 6, 7, 8])];
        let len = write_header(&mut buffer, HEADER, elements.into_iter());
        buffer[len..len + 3].copy_from_slice(b"abc");
        let view = View::parse(&buffer[..len + 3]).unwrap();
        assert_eq!(
            (view.marker, view.payload_type, view.sequence_number),
            (true, 96, 0xFFFE)
        );
        assert_eq!(
            (view.timestamp, view.ssrc, view.payload),
            (7, 0xDEAD_BEEF, &b"abc"[..])
        );
        assert_eq!(view.extensions().collect::<Vec<_>>(), elements);
    }

    #[test]
    fn a_header_without_elements_has_no_extension_block() {
        let mut buffer = [0u8; 64];
        let unspeakable: [(u8, &[u8]); 3] = [(0, &[1]), (15, &[1]), (2, &[])];
        assert_eq!(
            write_header(&mut buffer, HEADER, unspeakable.into_iter()),
            FIXED_HEADER
        );
        assert_eq!(buffer[0], 0x80);
    }

    #[test]
    fn padding_is_removed_and_absurd_padding_is_refused() {
        let mut packet = [0u8; 16];
        write_header(&mut packet, HEADER, std::iter::empty());
        packet[0] |= 0x20;
        packet[12..].copy_from_slice(&[9, 9, 0, 2]);
        assert_eq!(View::parse(&packet).unwrap().payload, &[9, 9]);
        packet[15] = 200;
        assert_eq!(View::parse(&packet), None);
        packet[15] = 0;
        assert_eq!(View::parse(&packet), None);
    }

    #[test]
    fn two_byte_elements_are_read() {
        let packet = [
            0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0x00, 0, 2, 20, 3, 1, 2, 3, 21, 0, 0, 0xEE,
        ];
        let view = View::parse(&packet).unwrap();
        let elements: Vec<_> = view.extensions().collect();
        assert_eq!(elements, [(20, &[1u8, 2, 3][..]), (21, &[][..])]);
        assert_eq!(view.payload, [0xEE]);
    }

    #[test]
    fn no_truncation_panics() {
        let mut buffer = [0u8; 64];
        let elements: [(u8, &[u8]); 2] = [(1, &[0xAB]), (3, &[0; 16])];
        let len = write_header(&mut buffer, HEADER, elements.into_iter());
        for end in 0..len {
            if let Some(view) = View::parse(&buffer[..end]) {
                assert!(view.extensions().count() <= 2);
            }
        }
        for first in 0..=255 {
            buffer[0] = first;
            if let Some(view) = View::parse(&buffer) {
                let _ = view.extensions().count();
            }
        }
    }
}
