//! When the first whole keyframe has arrived: the moment a decoder could show something.

use std::collections::BTreeSet;

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Packets of one access unit, gathered until it is whole (RFC 6184).
#[derive(Debug, Default)]
pub struct FirstPicture {
    timestamp: Option<u32>,
    /// Distances from the first packet of the access unit seen, which may be negative after reordering.
    received: BTreeSet<i16>,
    origin: u16,
    start: Option<i16>,
    end: Option<i16>,
    is_keyframe: bool,
}

impl FirstPicture {
    /// Takes a decrypted packet; true when the first keyframe is whole.
    pub fn arrive(&mut self, sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> bool {
        let Some((begins, key)) = classify(payload) else {
            return false;
        };
        if self.timestamp != Some(timestamp) {
            // A keyframe that waits for a repair is only given up for the next keyframe.
            if self.is_keyframe && !begins {
                return false;
            }
            if self
                .timestamp
                .is_some_and(|current| timestamp.wrapping_sub(current) as i32 <= 0)
            {
                return false;
            }
            *self = Self {
                timestamp: Some(timestamp),
                origin: sequence,
                ..Self::default()
            };
        }
        let offset = sequence.wrapping_sub(self.origin) as i16;
        self.received.insert(offset);
        self.is_keyframe |= key;
        if begins && self.start.is_none_or(|start| offset < start) {
            self.start = Some(offset);
        }
        if marker {
            self.end = Some(offset);
        }
        match (self.start, self.end) {
            (Some(start), Some(end)) if self.is_keyframe && start <= end => {
                self.received.range(start..=end).count() == (end - start) as usize + 1
            }
            _ => false,
        }
    }
}

/// Whether the packet begins a keyframe (with its parameter set) and whether it carries a slice of one.
fn classify(payload: &[u8]) -> Option<(bool, bool)> {
    let kind = payload.first()? & 0x1f;
    Some(match kind {
        SPS => (true, false),
        IDR => (false, true),
        STAP_A => {
            let mut rest = &payload[1..];
            let (mut begins, mut key) = (false, false);
            while let [high, low, tail @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let unit = tail.get(..length)?;
                begins |= unit.first().is_some_and(|byte| byte & 0x1f == SPS);
                key |= unit.first().is_some_and(|byte| byte & 0x1f == IDR);
                rest = &tail[length..];
            }
            (begins, key)
        }
        FU_A => (false, payload.get(1)? & 0x1f == IDR),
        _ => (false, false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FU_IDR: [u8; 2] = [0x7c, 0x05];
    const FU_SLICE: [u8; 2] = [0x7c, 0x01];

    #[test]
    fn needs_every_packet_from_the_parameter_set_to_the_marker() {
        let mut picture = FirstPicture::default();
        assert!(!picture.arrive(65_535, 1, false, &[0x67, 0]));
        assert!(!picture.arrive(0, 1, false, &[0x68, 0]));
        assert!(!picture.arrive(2, 1, true, &FU_IDR));
        assert!(picture.arrive(1, 1, false, &FU_IDR));
    }

    #[test]
    fn takes_a_reordered_beginning() {
        let mut picture = FirstPicture::default();
        assert!(!picture.arrive(11, 1, true, &FU_IDR));
        let stap = [0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68];
        assert!(picture.arrive(10, 1, false, &stap));
    }

    #[test]
    fn waits_for_a_repair_while_later_frames_arrive() {
        let mut picture = FirstPicture::default();
        assert!(!picture.arrive(1, 1, false, &[0x67, 0]));
        assert!(!picture.arrive(3, 1, true, &FU_IDR));
        assert!(!picture.arrive(4, 2, true, &FU_SLICE));
        assert!(picture.arrive(2, 1, false, &FU_IDR));
    }

    #[test]
    fn other_frames_are_no_picture() {
        let mut picture = FirstPicture::default();
        assert!(!picture.arrive(1, 1, true, &FU_SLICE));
        assert!(!picture.arrive(2, 2, false, &[0x67, 0]));
        assert!(
            !picture.arrive(3, 3, true, &FU_IDR),
            "its parameter set belongs to another frame"
        );
        assert!(!picture.arrive(4, 4, false, &[]));
        assert!(!picture.arrive(5, 5, false, &[0x78, 0xff]));
    }
}
