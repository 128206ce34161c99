//! AV1 (AOMedia's "RTP Payload Format For AV1", v1.0): OBUs without sizes on the wire, with sizes for decoders.

use bytes::{BufMut, BytesMut};

use super::{Assembly, Malformed, Open};

/// The first element continues an OBU of the packet before.
const CONTINUES: u8 = 0x80;
/// The last element is continued in the next packet.
const CONTINUED: u8 = 0x40;
/// A coded video sequence begins: a keyframe with its sequence header.
const SEQUENCE_START: u8 = 0x08;
/// `obu_has_size_field` in the OBU header.
const HAS_SIZE: u8 = 0x02;
/// `obu_extension_flag`: a second header byte follows.
const HAS_EXTENSION: u8 = 0x04;

pub(super) fn starts_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|head| head & CONTINUES == 0)
}

pub(super) fn depacketize(payload: &[u8], assembly: &mut Assembly) -> Result<(), Malformed> {
    let (&head, mut rest) = payload.split_first().ok_or(Malformed)?;
    let mut open = match (std::mem::take(&mut assembly.open), head & CONTINUES != 0) {
        (Open::Obu(begun), true) => begun,
        (Open::Nothing, false) => BytesMut::new(),
        _ => return Err(Malformed),
    };
    assembly.keyframe |= head & SEQUENCE_START != 0;
    // The number of elements, or 0: then each of them has a length, the last one too.
    let count = head >> 4 & 3;
    let mut index = 0;
    while !rest.is_empty() {
        index += 1;
        let element;
        if count != 0 && index == count {
            (element, rest) = (rest, &[][..]);
        } else {
            let (length, after) = leb128(rest).ok_or(Malformed)?;
            (element, rest) = after.split_at_checked(length).ok_or(Malformed)?;
        }
        open.extend_from_slice(element);
        if rest.is_empty() && head & CONTINUED != 0 {
            assembly.open = Open::Obu(open);
            return Ok(());
        }
        append(&open, &mut assembly.data)?;
        open.clear();
    }
    if count != 0 && index < count {
        Err(Malformed)
    } else {
        Ok(())
    }
}

/// Writes an OBU with its size.
fn append(obu: &[u8], data: &mut BytesMut) -> Result<(), Malformed> {
    let &head = obu.first().ok_or(Malformed)?;
    if head & HAS_SIZE != 0 {
        data.extend_from_slice(obu);
        return Ok(());
    }
    let header = if head & HAS_EXTENSION != 0 { 2 } else { 1 };
    let (header, body) = obu.split_at_checked(header).ok_or(Malformed)?;
    data.put_u8(head | HAS_SIZE);
    data.extend_from_slice(&header[1..]);
    let mut size = body.len();
    while size >= 0x80 {
        data.put_u8(size as u8 | 0x80);
        size >>= 7;
    }
    data.put_u8(size as u8);
    data.extend_from_slice(body);
    Ok(())
}

/// A little-endian base-128 number and what follows it. No packet needs more than three bytes for it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Assembly, Packetizer, Room, starts_frame};
    use super::*;
    use crate::Codec;

    #[test]
    fn a_temporal_unit_comes_back_as_it_was() {
        let mut unit = BytesMut::new();
        append(&[1 << 3, 1, 2, 3], &mut unit).unwrap(); // sequence header
        let mut frame = vec![6 << 3];
        frame.extend([5; 700]);
        append(&frame, &mut unit).unwrap();
        let unit = unit.freeze();
        let room = Room {
            first: 200,
            rest: 200,
        };
        let mut assembly = Assembly::new(Codec::Av1);
        for (index, payload) in Packetizer::new(Codec::Av1)
            .payloads(&unit, room)
            .unwrap()
            .iter()
            .enumerate()
        {
            assert_eq!(starts_frame(Codec::Av1, payload), index == 0);
            assembly.push(payload).unwrap();
        }
        assert_eq!(assembly.finish(), Ok((unit, true)));
    }

    #[test]
    fn broken_elements_are_errors() {
        for payload in [
            &[0x80, 1][..],
            &[0x00, 9, 1],
            &[0x00, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x20, 1, 8],
        ] {
            assert!(
                Assembly::new(Codec::Av1)
                    .push(&Bytes::copy_from_slice(payload))
                    .is_err(),
                "{payload:?}"
            );
        }
    }
}
