//! Redundant audio (RFC 2198): a packet that carries its predecessors again, so that a loss costs no round trip.

/// Most earlier frames that are taken from a packet, or put into one.
pub const MAX_BLOCKS: usize = 2;
/// Largest timestamp offset of a block: 14 bits.
const MAX_OFFSET: u32 = (1 << 14) - 1;
/// Largest length of a block: 10 bits.
const MAX_LEN: usize = (1 << 10) - 1;

/// An earlier frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// How many packets earlier it was the newest, at least 1.
    pub back: u16,
    /// How much earlier, in ticks of the media clock.
    pub offset: u32,
    /// The frame.
    pub payload: &'a [u8],
}

/// A payload taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Red<'a> {
    /// Payload type of the newest frame.
    pub payload_type: u8,
    /// The newest frame.
    pub payload: &'a [u8],
    blocks: [Option<Block<'a>>; MAX_BLOCKS],
}

impl<'a> Red<'a> {
    /// Reads a payload; `None` when it is not well-formed.
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let mut headers = payload;
        let mut count = 0;
        while *headers.first()? & 0x80 != 0 {
            headers = headers.get(4..)?;
            count += 1;
        }
        let (last, mut body) = headers.split_first()?;
        let payload_type = last & 0x7F;
        let mut blocks = [None; MAX_BLOCKS];
        for (at, header) in payload.chunks_exact(4).take(count).enumerate() {
            let fields = u32::from_be_bytes([0, header[1], header[2], header[3]]);
            let (block, rest) = body.split_at_checked(fields as usize & MAX_LEN)?;
            body = rest;
            let back = count - at;
            // A block of another codec, or of none, repairs nothing.
            if back <= MAX_BLOCKS && header[0] & 0x7F == payload_type && !block.is_empty() {
                blocks[back - 1] = Some(Block {
                    back: back as u16,
                    offset: fields >> 10,
                    payload: block,
                });
            }
        }
        Some(Self {
            payload_type,
            payload: body,
            blocks,
        })
    }

    /// The earlier frames, the oldest first.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> {
        self.blocks.into_iter().rev().flatten()
    }
}

/// Writes what goes before a frame so that it carries earlier ones, the oldest first, into `room`. Returns the length; frames that
/// do not fit in any way are left out.
pub fn write_prefix<'a>(
    room: &mut [u8],
    payload_type: u8,
    earlier: impl Iterator<Item = (u32, &'a [u8])> + Clone,
) -> usize {
    let fits = |(offset, frame): &(u32, &[u8])| *offset <= MAX_OFFSET && frame.len() <= MAX_LEN;
    let earlier = earlier.filter(fits).take(MAX_BLOCKS);
    let needed: usize = earlier.clone().map(|(_, frame)| 4 + frame.len()).sum();
    let mut at = 0;
    if needed < room.len() {
        for (offset, frame) in earlier.clone() {
            let fields = offset << 10 | frame.len() as u32;
            room[at..at + 4].copy_from_slice(&fields.to_be_bytes());
            room[at] = 0x80 | payload_type & 0x7F;
            at += 4;
        }
    }
    let frames = at / 4;
    room[at] = payload_type & 0x7F;
    at += 1;
    for (_, frame) in earlier.take(frames) {
        room[at..at + frame.len()].copy_from_slice(frame);
        at += frame.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(earlier: &[(u32, &[u8])], newest: &[u8]) -> Vec<u8> {
        let mut room = [0; 256];
        let len = write_prefix(&mut room, 111, earlier.iter().copied());
        [&room[..len], newest].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        let wire = written(&[(1_920, b"older"), (960, b"old")], b"new");
        let red = Red::read(&wire).unwrap();
        assert_eq!((red.payload_type, red.payload), (111, &b"new"[..]));
        let blocks: Vec<_> = red.blocks().collect();
        assert_eq!(
            blocks,
            [
                Block {
                    back: 2,
                    offset: 1_920,
                    payload: b"older"
                },
                Block {
                    back: 1,
                    offset: 960,
                    payload: b"old"
                },
            ]
        );
    }

    #[test]
    fn a_frame_alone_has_one_byte_before_it() {
        assert_eq!(written(&[], b"new"), b"\x6Fnew");
        assert_eq!(Red::read(b"\x6Fnew").unwrap().blocks().count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        assert_eq!(written(&[(1 << 14, b"old")], b"new"), b"\x6Fnew");
        assert_eq!(written(&[(960, &[0; 1_024])], b"new"), b"\x6Fnew");
        assert_eq!(written(&[(960, &[0; 300])], b"new"), b"\x6Fnew");
    }

    #[test]
    fn the_nearest_of_many_blocks_are_taken() {
        let mut wire = Vec::new();
        for back in [4u32, 3, 2, 1] {
            wire.extend((0xEF00_0000 | (back * 960) << 10 | 1).to_be_bytes());
        }
        wire.extend(b"\x6F4321new");
        let red = Red::read(&wire).unwrap();
        let taken: Vec<_> = red.blocks().map(|block| block.payload).collect();
        assert_eq!(taken, [b"2", b"1"]);
        assert_eq!(red.payload, b"new");
    }

    #[test]
    fn no_truncation_panics() {
        let wire = written(&[(1_920, b"older"), (960, b"old")], b"");
        for end in 0..wire.len() {
            assert_eq!(Red::read(&wire[..end]), None, "{end}");
        }
        for seed in 0..=255u8 {
            let garbage: Vec<u8> = (0..40u8).map(|at| at.wrapping_mul(seed) ^ seed).collect();
            let _ = Red::read(&garbage);
        }
    }
}
