//! VP8 (RFC 7741) and VP9 (RFC 9628): a descriptor in front of a piece of the frame.

use super::{Assembly, Malformed};

pub(super) fn vp8(payload: &[u8], assembly: &mut Assembly) -> Result<(), Malformed> {
    let frame = &payload[vp8_descriptor(payload).ok_or(Malformed)?..];
    let &first = frame.first().ok_or(Malformed)?;
    if vp8_starts_frame(payload) {
        // RFC 7741 §4.3: the inverse key frame flag.
        assembly.keyframe = first & 1 == 0;
    }
    assembly.data.extend_from_slice(frame);
    Ok(())
}

/// S is set and the partition is the first.
pub(super) fn vp8_starts_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|byte| byte & 0x17 == 0x10)
}

/// Length of the descriptor (RFC 7741 §4.2).
fn vp8_descriptor(payload: &[u8]) -> Option<usize> {
    let mut at = 1;
    if payload.first()? & 0x80 != 0 {
        let extensions = *payload.get(1)?;
        at += 1;
        if extensions & 0x80 != 0 {
            at += picture_id(*payload.get(at)?);
        }
        at += usize::from(extensions & 0x40 != 0);
        at += usize::from(extensions & 0x30 != 0);
    }
    (at < payload.len()).then_some(at)
}

/// 7 or 15 bits.
fn picture_id(first: u8) -> usize {
    if first & 0x80 != 0 { 2 } else { 1 }
}

pub(super) fn vp9(payload: &[u8], assembly: &mut Assembly) -> Result<(), Malformed> {
    let at = vp9_descriptor(payload).ok_or(Malformed)?;
    if vp9_starts_frame(payload) && assembly.data.is_empty() {
        assembly.keyframe = payload[0] & 0x40 == 0;
    }
    assembly.data.extend_from_slice(&payload[at..]);
    Ok(())
}

pub(super) fn vp9_starts_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|byte| byte & 0x08 != 0)
}

/// Length of the descriptor (RFC 9628 §4.2).
fn vp9_descriptor(payload: &[u8]) -> Option<usize> {
    let flags = *payload.first()?;
    let mut at = 1;
    if flags & 0x80 != 0 {
        at += picture_id(*payload.get(at)?);
    }
    let flexible = flags & 0x10 != 0;
    if flags & 0x20 != 0 {
        at += if flexible { 1 } else { 2 };
    }
    if flexible && flags & 0x40 != 0 {
        // Up to three reference indices, each saying whether another follows.
        for _ in 0..3 {
            let more = payload.get(at)? & 1 != 0;
            at += 1;
            if !more {
                break;
            }
        }
    }
    if flags & 0x02 != 0 {
        at = scalability_structure(payload, at)?;
    }
    (at < payload.len()).then_some(at)
}

/// Where the scalability structure that begins `at` ends.
fn scalability_structure(payload: &[u8], mut at: usize) -> Option<usize> {
    let head = *payload.get(at)?;
    at += 1;
    if head & 0x10 != 0 {
        at += 4 * (usize::from(head >> 5) + 1);
    }
    if head & 0x08 != 0 {
        let pictures = *payload.get(at)?;
        at += 1;
        for _ in 0..pictures {
            let references = usize::from(payload.get(at)? >> 2 & 3);
            at += 1 + references;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Assembly, Packetizer, Room, starts_frame, starts_keyframe};
    use crate::Codec;

    const ROOM: Room = Room {
        first: 100,
        rest: 100,
    };

    fn round_trip(codec: Codec, frame: &Bytes) -> (Bytes, bool) {
        let mut assembly = Assembly::new(codec);
        let payloads = Packetizer::new(codec).payloads(frame, ROOM).unwrap();
        assert!(payloads.len() > 1);
        for (index, payload) in payloads.iter().enumerate() {
            assert!(payload.len() <= ROOM.first);
            assert_eq!(starts_frame(codec, payload), index == 0);
            assembly.push(payload).unwrap();
        }
        assembly.finish().unwrap()
    }

    #[test]
    fn vp8_frames_come_back_as_they_were() {
        let keyframe: Bytes = std::iter::repeat_n(0x50, 555).collect();
        let other: Bytes = std::iter::repeat_n(0x51, 555).collect();
        assert_eq!(round_trip(Codec::Vp8, &keyframe), (keyframe, true));
        assert_eq!(round_trip(Codec::Vp8, &other), (other, false));
    }

    #[test]
    fn vp9_frames_come_back_as_they_were() {
        let frame: Bytes = std::iter::repeat_n(0xa2, 555).collect();
        assert_eq!(round_trip(Codec::Vp9, &frame).0, frame);
    }

    #[test]
    fn short_descriptors_are_errors() {
        for payload in [
            &[0x90][..],
            &[0x90, 0xf0],
            &[0x90, 0xf0, 0x80, 0],
            &[0x8a, 0x80],
            &[0x0a, 0x18, 9],
        ] {
            let payload = Bytes::copy_from_slice(payload);
            for codec in [Codec::Vp8, Codec::Vp9] {
                let _ = starts_keyframe(codec, &payload);
            }
        }
        assert!(
            Assembly::new(Codec::Vp8)
                .push(&Bytes::from_static(&[0x90, 0x80]))
                .is_err()
        );
        assert!(
            Assembly::new(Codec::Vp9)
                .push(&Bytes::from_static(&[0x0a, 0x18, 9]))
                .is_err()
        );
    }
}
