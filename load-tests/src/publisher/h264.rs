//! Access units as RTP payloads (RFC 6184), synthetic or from a file.

use bytes::Bytes;

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Constrained baseline, level 5.1, 3840 × 2160.
const SYNTHETIC_SPS: [u8; 10] = [0x67, 0x42, 0xc0, 0x33, 0xda, 0x00, 0xf0, 0x01, 0x0f, 0x90];
const SYNTHETIC_PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

/// How NAL units become packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Full packets and a short last one; parameter sets in packets of their own: GStreamer.
    FullThenRest,
    /// Packets within a byte of each other; parameter sets aggregated: libwebrtc.
    Even,
}

/// One picture: its NAL units without start codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    units: Vec<Bytes>,
}

impl AccessUnit {
    /// A picture of about `size` bytes that no decoder would like but every relay believes.
    pub fn synthetic(size: usize, keyframe: bool, filling: u8) -> Self {
        let header = if keyframe { 0x65 } else { 0x41 };
        let mut slice = vec![filling; size.max(8)];
        slice[0] = header;
        // first_mb_in_slice 0, slice type 7 (I) or 5 (P): ue(v) 1 0001000 or 1 00110.
        slice[1] = if keyframe { 0x88 } else { 0x98 };
        let mut units = Vec::new();
        if keyframe {
            units.push(Bytes::from_static(&SYNTHETIC_SPS));
            units.push(Bytes::from_static(&SYNTHETIC_PPS));
        }
        units.push(slice.into());
        Self { units }
    }

    /// Whether a decoder can begin here.
    pub fn is_keyframe(&self) -> bool {
        self.units.iter().any(|unit| kind(unit) == IDR)
    }

    /// The access units of an Annex B file.
    pub fn split(file: Bytes) -> Vec<Self> {
        let mut pictures: Vec<Self> = Vec::new();
        let mut current = Vec::new();
        let mut has_slice = false;
        for unit in units(&file) {
            let is_slice = matches!(kind(&unit), 1..=5);
            // A new picture begins at a delimiter, a parameter set, or a slice of its first macroblock (ue(v) 0 is the bit 1).
            let begins = match kind(&unit) {
                SPS | PPS | DELIMITER => true,
                _ if is_slice => unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
                _ => false,
            };
            if begins && has_slice {
                pictures.push(Self {
                    units: std::mem::take(&mut current),
                });
                has_slice = false;
            }
            has_slice |= is_slice;
            if kind(&unit) != DELIMITER {
                current.push(unit);
            }
        }
        if has_slice {
            pictures.push(Self { units: current });
        }
        pictures
    }

    /// The RTP payloads, none longer than `max`; the last is to carry the marker.
    pub fn payloads(&self, max: usize, cut: Cut) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        let sets = match cut {
            Cut::FullThenRest => 0,
            Cut::Even => self
                .units
                .iter()
                .take_while(|unit| matches!(kind(unit), SPS | PPS))
                .count(),
        };
        if sets > 0 {
            let mut aggregate = vec![0x60 | STAP_A];
            for unit in &self.units[..sets] {
                aggregate.extend((unit.len() as u16).to_be_bytes());
                aggregate.extend_from_slice(unit);
            }
            payloads.push(aggregate);
        }
        for unit in &self.units[sets..] {
            if unit.len() <= max {
                payloads.push(unit.to_vec());
            } else {
                fragment(unit, max, cut, &mut payloads);
            }
        }
        payloads
    }
}

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |byte| byte & 0x1f)
}

/// FU-A fragments (RFC 6184 §5.8). The NAL header is not repeated in them.
fn fragment(unit: &[u8], max: usize, cut: Cut, payloads: &mut Vec<Vec<u8>>) {
    let (header, body) = (unit[0], &unit[1..]);
    let room = max - 2;
    let count = body.len().div_ceil(room);
    let mut rest = body;
    for index in 0..count {
        let size = match cut {
            Cut::FullThenRest => room.min(rest.len()),
            Cut::Even => rest.len().div_ceil(count - index),
        };
        let (part, tail) = rest.split_at(size);
        rest = tail;
        let start = if index == 0 { 0x80 } else { 0 };
        let end = if index + 1 == count { 0x40 } else { 0 };
        let mut payload = Vec::with_capacity(size + 2);
        payload.push(header & 0xe0 | FU_A);
        payload.push(start | end | header & 0x1f);
        payload.extend_from_slice(part);
        payloads.push(payload);
    }
}

/// NAL units between start codes, without trailing zeros.
fn units(file: &Bytes) -> impl Iterator<Item = Bytes> {
    let starts: Vec<usize> = file
        .windows(3)
        .enumerate()
        .filter(|(_, window)| *window == [0, 0, 1])
        .map(|(at, _)| at)
        .collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([file.len()]).collect();
    let file = file.clone();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(move |(start, end)| {
            let unit = &file[start + 3..end];
            let length = unit.iter().rposition(|byte| *byte != 0)? + 1;
            Some(file.slice(start + 3..start + 3 + length))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reassemble(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut unit = vec![payloads[0][0] & 0xe0 | payloads[0][1] & 0x1f];
        for payload in payloads {
            unit.extend(&payload[2..]);
        }
        unit
    }

    #[test]
    fn fragments_as_gstreamer() {
        let picture = AccessUnit::synthetic(3000, true, 0xa5);
        let payloads = picture.payloads(1172, Cut::FullThenRest);
        let sizes: Vec<usize> = payloads.iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 4, 1172, 1172, 661]);
        assert_eq!(payloads[2][..2], [0x60 | FU_A, 0x80 | IDR]);
        assert_eq!(payloads[4][1], 0x40 | IDR);
        assert_eq!(reassemble(&payloads[2..]), picture.units[2]);
    }

    #[test]
    fn fragments_evenly_as_browsers() {
        let picture = AccessUnit::synthetic(70_001, true, 0xa5);
        let payloads = picture.payloads(1172, Cut::Even);
        assert_eq!(payloads[0][0] & 0x1f, STAP_A);
        let sizes: Vec<usize> = payloads[1..].iter().map(Vec::len).collect();
        assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        assert!(sizes.iter().all(|size| *size <= 1172));
        assert_eq!(reassemble(&payloads[1..]), picture.units[2]);
    }

    #[test]
    fn splits_a_file_into_pictures() {
        let file = Bytes::from_static(&[
            0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65, 0x88, 1,
            0, 0, 1, 0x65, 0x08, 2, 0, 0, 0, 1, 0x41, 0x9a, 3, 0, 0, 1, 0x41, 0x9b, 4,
        ]);
        let pictures = AccessUnit::split(file);
        assert_eq!(pictures.len(), 3);
        assert_eq!(pictures[0].units.len(), 4, "two slices are one picture");
        assert!(pictures[0].is_keyframe());
        assert!(!pictures[1].is_keyframe());
        assert_eq!(pictures[2].units[0][..], [0x41, 0x9b, 4]);
        assert!(AccessUnit::split(Bytes::from_static(b"not h264")).is_empty());
    }
}
