//! H.264 (RFC 6184) and H.265 (RFC 7798): the same idea with headers of one and two bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Assembly, Malformed, Open, Room};

/// What differs between the two.
pub(super) struct Format {
    /// Bytes of a NAL unit's header.
    header: usize,
    /// Type of a payload with several NAL units: STAP-A, AP.
    aggregate: u8,
    /// Type of a payload with part of a NAL unit: FU-A, FU.
    fragment: u8,
    nal_type: fn(&[u8]) -> u8,
    set_type: fn(&mut [u8], u8),
    is_keyframe: fn(u8) -> bool,
    is_parameter_set: fn(u8) -> bool,
    /// A slice, the only NAL units that say where a picture begins.
    is_slice: fn(u8) -> bool,
    /// Delimiters and filler carry nothing.
    is_idle: fn(u8) -> bool,
}

pub(super) const H264: Format = Format {
    header: 1,
    aggregate: 24,
    fragment: 28,
    nal_type: |nal| nal[0] & 0x1f,
    set_type: |header, kind| header[0] = header[0] & 0xe0 | kind,
    is_keyframe: |kind| kind == 5,
    is_parameter_set: |kind| matches!(kind, 7 | 8),
    is_slice: |kind| matches!(kind, 1..=5),
    is_idle: |kind| matches!(kind, 9 | 12),
};

pub(super) const H265: Format = Format {
    header: 2,
    aggregate: 48,
    fragment: 49,
    nal_type: |nal| nal[0] >> 1 & 0x3f,
    set_type: |header, kind| header[0] = header[0] & 0x81 | kind << 1,
    is_keyframe: |kind| matches!(kind, 16..=21),
    is_parameter_set: |kind| matches!(kind, 32..=34),
    is_slice: |kind| kind < 32,
    is_idle: |kind| matches!(kind, 35 | 38),
};

const START_CODE: [u8; 4] = [0, 0, 0, 1];
const FIRST_FRAGMENT: u8 = 0x80;
const LAST_FRAGMENT: u8 = 0x40;

impl Format {
    /// Cuts an Annex B access unit into payloads.
    pub(super) fn packetize(&self, access_unit: &Bytes, room: Room) -> Vec<Bytes> {
        let mut payloads = Vec::with_capacity(access_unit.len() / room.rest.max(1) + 2);
        let mut small: Vec<Bytes> = Vec::new();
        let mut size = self.header;
        for nal in annex_b(access_unit) {
            if nal.len() <= self.header || (self.is_idle)((self.nal_type)(&nal)) {
                continue;
            }
            if size + 2 + nal.len() > room.of(payloads.len()) && !small.is_empty() {
                payloads.push(self.combine(std::mem::take(&mut small)));
                size = self.header;
            }
            if nal.len() > room.of(payloads.len()) {
                self.cut(&nal, room, &mut payloads);
            } else {
                size += 2 + nal.len();
                small.push(nal);
            }
        }
        if !small.is_empty() {
            payloads.push(self.combine(small));
        }
        payloads
    }

    /// One payload for NAL units that fit together. A lone one goes as it is.
    fn combine(&self, mut nals: Vec<Bytes>) -> Bytes {
        if nals.len() == 1 {
            return nals.remove(0);
        }
        let mut payload = BytesMut::with_capacity(
            nals.iter().map(|nal| nal.len() + 2).sum::<usize>() + self.header,
        );
        payload.extend_from_slice(&nals[0][..self.header]);
        if self.header == 1 {
            // RFC 6184 §5.7.1: the highest NRI of those inside, and F if any has it.
            let importance = nals.iter().map(|nal| nal[0] & 0x60).max().unwrap_or(0);
            let forbidden = nals.iter().fold(0, |bit, nal| bit | nal[0] & 0x80);
            payload[0] = forbidden | importance;
        }
        (self.set_type)(&mut payload, self.aggregate);
        for nal in nals {
            // Fits: the room of a payload is far below 64 KiB.
            payload.put_u16(nal.len() as u16);
            payload.extend_from_slice(&nal);
        }
        payload.freeze()
    }

    fn cut(&self, nal: &Bytes, room: Room, payloads: &mut Vec<Bytes>) {
        let kind = (self.nal_type)(nal);
        let mut rest = &nal[self.header..];
        let mut flags = FIRST_FRAGMENT;
        while !rest.is_empty() {
            let (part, left) =
                rest.split_at(rest.len().min(room.of(payloads.len()) - self.header - 1));
            if left.is_empty() {
                flags |= LAST_FRAGMENT;
            }
            let mut payload = BytesMut::with_capacity(self.header + 1 + part.len());
            payload.extend_from_slice(&nal[..self.header]);
            (self.set_type)(&mut payload, self.fragment);
            payload.put_u8(flags | kind);
            payload.extend_from_slice(part);
            payloads.push(payload.freeze());
            rest = left;
            flags = 0;
        }
    }

    pub(super) fn depacketize(
        &self,
        payload: &[u8],
        assembly: &mut Assembly,
    ) -> Result<(), Malformed> {
        if payload.len() <= self.header {
            return Err(Malformed);
        }
        let kind = (self.nal_type)(payload);
        if kind == self.fragment {
            return self.join(payload, assembly);
        }
        if matches!(assembly.open, Open::Nal) {
            return Err(Malformed);
        }
        if kind != self.aggregate {
            self.append(payload, assembly);
            return Ok(());
        }
        for nal in self.aggregated(payload) {
            self.append(nal?, assembly);
        }
        Ok(())
    }

    /// The type of the NAL unit that a fragment with these flags is of: five bits in H.264, six in H.265.
    fn fragmented(&self, flags: u8) -> u8 {
        flags & if self.header == 1 { 0x1f } else { 0x3f }
    }

    fn append(&self, nal: &[u8], assembly: &mut Assembly) {
        assembly.keyframe |= (self.is_keyframe)((self.nal_type)(nal));
        assembly.data.extend_from_slice(&START_CODE);
        assembly.data.extend_from_slice(nal);
    }

    fn join(&self, payload: &[u8], assembly: &mut Assembly) -> Result<(), Malformed> {
        let (header, rest) = payload.split_at(self.header);
        let (&flags, part) = rest.split_first().ok_or(Malformed)?;
        if flags & FIRST_FRAGMENT != 0 {
            if matches!(assembly.open, Open::Nal) {
                return Err(Malformed);
            }
            let mut start = [header[0], header.get(1).copied().unwrap_or(0)];
            (self.set_type)(&mut start, self.fragmented(flags));
            self.append(&start[..self.header], assembly);
            assembly.open = Open::Nal;
        } else if !matches!(assembly.open, Open::Nal) {
            return Err(Malformed);
        }
        assembly.data.extend_from_slice(part);
        if flags & LAST_FRAGMENT != 0 {
            assembly.open = Open::Nothing;
        }
        Ok(())
    }

    fn aggregated<'a>(
        &self,
        payload: &'a [u8],
    ) -> impl Iterator<Item = Result<&'a [u8], Malformed>> + use<'a> {
        let header = self.header;
        let mut rest = &payload[header.min(payload.len())..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let nal = rest.split_first_chunk::<2>().and_then(|(length, after)| {
                after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
            });
            let Some((nal, after)) = nal.filter(|(nal, _)| nal.len() > header) else {
                rest = &[];
                return Some(Err(Malformed));
            };
            rest = after;
            Some(Ok(nal))
        })
    }

    pub(super) fn starts_frame(&self, payload: &[u8]) -> bool {
        if payload.len() <= self.header {
            return false;
        }
        let kind = (self.nal_type)(payload);
        if kind == self.aggregate {
            return self
                .aggregated(payload)
                .next()
                .is_some_and(|nal| nal.is_ok_and(|nal| self.starts_picture(nal)));
        }
        if kind == self.fragment {
            let flags = payload[self.header];
            return flags & FIRST_FRAGMENT != 0
                && self.starts_slices(self.fragmented(flags), payload.get(self.header + 1));
        }
        self.starts_picture(payload)
    }

    /// Anything but a slice goes in front of a picture. A slice begins one if its first field says so:
    /// `first_mb_in_slice` is 0, written as a single 1 bit, or `first_slice_segment_in_pic_flag` is 1. Not so with keyframes:
    /// their parameter sets come first, and may be what was lost.
    fn starts_picture(&self, nal: &[u8]) -> bool {
        let kind = (self.nal_type)(nal);
        !(self.is_slice)(kind) || self.starts_slices(kind, nal.get(self.header))
    }

    /// Whether the slices of a picture begin with one of this kind and first byte, and nothing must come before them.
    fn starts_slices(&self, kind: u8, first: Option<&u8>) -> bool {
        !(self.is_keyframe)(kind) && first.is_some_and(|byte| byte & 0x80 != 0)
    }

    pub(super) fn has_parameter_sets(&self, payload: &[u8]) -> bool {
        if payload.len() <= self.header {
            return false;
        }
        let is_one = |nal: &[u8]| (self.is_parameter_set)((self.nal_type)(nal));
        match (self.nal_type)(payload) {
            kind if kind == self.aggregate => {
                self.aggregated(payload).any(|nal| nal.is_ok_and(is_one))
            }
            kind => (self.is_parameter_set)(kind),
        }
    }
}

/// The NAL units of a byte stream (H.264 and H.265 Annex B), without start codes. Bytes before the first one are skipped.
fn annex_b(stream: &Bytes) -> impl Iterator<Item = Bytes> + use<'_> {
    let mut next = start_code(stream, 0);
    std::iter::from_fn(move || {
        let (_, begin) = next?;
        next = start_code(stream, begin);
        let end = next.map_or(stream.len(), |(end, _)| end);
        // Zero bytes after a NAL unit belong to the next start code, or to nothing.
        let zeros = stream[begin..end]
            .iter()
            .rev()
            .take_while(|byte| **byte == 0)
            .count();
        Some(stream.slice(begin..end - zeros))
    })
}

/// Where the next `00 00 01` begins and ends.
fn start_code(stream: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        match stream.get(at..at + 3)? {
            [0, 0, 1] => return Some((at, at + 3)),
            // A third byte above 1 cannot be part of a start code.
            [_, _, 2..=255] => at += 3,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;

    fn stream(nals: &[&[u8]]) -> Bytes {
        nals.iter()
            .flat_map(|nal| [&START_CODE, *nal].concat())
            .collect()
    }

    fn round_trip(codec: Codec, format: &Format, access_unit: &Bytes, room: Room) -> (Bytes, bool) {
        let mut assembly = Assembly::new(codec);
        let payloads = format.packetize(access_unit, room);
        for (index, payload) in payloads.iter().enumerate() {
            assert!(payload.len() <= room.of(index), "payload {index}");
            assert_eq!(format.starts_frame(payload), index == 0, "payload {index}");
            assembly.push(payload).unwrap();
        }
        assembly.finish().unwrap()
    }

    const ROOM: Room = Room {
        first: 100,
        rest: 120,
    };

    #[test]
    fn an_h264_keyframe_comes_back_as_it_was() {
        let slice = |first: bool, kind: u8, len: usize| {
            let mut nal = vec![kind, if first { 0x88 } else { 0x42 }];
            nal.extend((0..len).map(|i| (i % 251) as u8 | 1));
            nal
        };
        let idr = slice(true, 0x65, 1_000);
        let second = slice(false, 0x65, 119);
        let access_unit = stream(&[&[0x67, 0x64, 0x33, 1], &[0x68, 0xee, 3], &idr, &second]);
        assert_eq!(
            round_trip(Codec::H264, &H264, &access_unit, ROOM),
            (access_unit, true)
        );
        let p = stream(&[&slice(true, 0x41, 30)]);
        assert_eq!(round_trip(Codec::H264, &H264, &p, ROOM), (p, false));
    }

    #[test]
    fn an_h265_keyframe_comes_back_as_it_was() {
        let mut idr = vec![19 << 1, 1, 0x80];
        idr.extend([7; 500]);
        let access_unit = stream(&[&[32 << 1, 1, 5], &[33 << 1, 1, 6], &[34 << 1, 1, 7], &idr]);
        assert_eq!(
            round_trip(Codec::H265, &H265, &access_unit, ROOM),
            (access_unit, true)
        );
    }

    #[test]
    fn every_size_around_the_limits_comes_back() {
        for len in 1..400 {
            let mut nal = vec![0x41, 0x80];
            nal.extend(vec![9; len]);
            let access_unit = stream(&[&nal]);
            assert_eq!(
                round_trip(Codec::H264, &H264, &access_unit, ROOM).0,
                access_unit,
                "{len}"
            );
        }
    }

    #[test]
    fn short_start_codes_delimiters_and_trailing_zeros_are_left_out() {
        let odd = Bytes::from_static(&[
            9, 9, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 0x9a, 5, 0, 0, 0, 1, 0x41, 6, 7, 0, 0,
        ]);
        let nals: Vec<_> = annex_b(&odd).collect();
        assert_eq!(nals, [&[9, 0xf0][..], &[0x41, 0x9a, 5], &[0x41, 6, 7]]);
        let (back, keyframe) = round_trip(Codec::H264, &H264, &odd, ROOM);
        assert_eq!(
            (back, keyframe),
            (stream(&[&[0x41, 0x9a, 5], &[0x41, 6, 7]]), false)
        );
    }

    #[test]
    fn malformed_payloads_are_errors() {
        for payload in [
            &[0x18][..],               // aggregate without content
            &[0x18, 0, 9, 1],          // longer than it is
            &[0x18, 0, 2, 0x41, 1, 0], // half a length
            &[0x1c],                   // fragment without header
            &[0x1c, 0x45, 1],          // end without beginning
        ] {
            let mut assembly = Assembly::new(Codec::H264);
            assert_eq!(
                assembly.push(&Bytes::copy_from_slice(payload)),
                Err(Malformed),
                "{payload:?}"
            );
            let _ = H264.starts_frame(payload);
            let _ = H264.has_parameter_sets(payload);
        }
        let mut open = Assembly::new(Codec::H264);
        open.push(&Bytes::from_static(&[0x7c, 0x85, 0x88])).unwrap();
        assert_eq!(open.finish(), Err(Malformed));
    }
}
