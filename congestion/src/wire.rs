//! Feedback as it is on the wire (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1), behind both SSRCs.

use crate::arrivals::Feedback;

/// Most packets taken from one message: more cannot be outstanding.
const MAX_STATUSES: usize = 4_096;

/// What a status says of a packet.
#[derive(Clone, Copy)]
enum Status {
    Lost,
    Small,
    Large,
    /// It arrived, but nothing tells when.
    Untimed,
}

impl Status {
    fn of(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::Lost,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::Untimed,
        }
    }
}

impl Feedback {
    /// Reads what follows the two SSRCs; `None` when it is not well-formed. A packet of which nothing tells when it came counts as
    /// not received.
    pub fn read(control: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = control.split_first_chunk::<8>()?;
        let base = u16::from_be_bytes([fixed[0], fixed[1]]);
        let count = usize::from(u16::from_be_bytes([fixed[2], fixed[3]])).min(MAX_STATUSES);
        let mut statuses = Vec::with_capacity(count + 14);
        while statuses.len() < count {
            let (chunk, behind) = rest.split_first_chunk::<2>()?;
            rest = behind;
            read_chunk(u16::from_be_bytes(*chunk), count, &mut statuses);
        }
        let mut deltas = Vec::with_capacity(count);
        for status in statuses.into_iter().take(count) {
            deltas.push(match status {
                Status::Lost | Status::Untimed => None,
                Status::Small => {
                    let (delta, behind) = rest.split_first()?;
                    rest = behind;
                    Some(i16::from(*delta))
                }
                Status::Large => {
                    let (delta, behind) = rest.split_first_chunk::<2>()?;
                    rest = behind;
                    Some(i16::from_be_bytes(*delta))
                }
            });
        }
        Some(Self {
            base,
            reference_time: u32::from_be_bytes([0, fixed[4], fixed[5], fixed[6]]),
            count: fixed[7],
            deltas,
        })
    }
}

/// A run of one status, fourteen statuses of one bit, or seven of two.
fn read_chunk(chunk: u16, count: usize, statuses: &mut Vec<Status>) {
    match chunk >> 14 {
        0b00 | 0b01 => {
            let run = usize::from(chunk & 0x1FFF).min(count - statuses.len());
            // A run of nothing would never end the message.
            let run = run.max(1);
            statuses.extend(std::iter::repeat_n(Status::of(chunk >> 13), run));
        }
        0b10 => statuses.extend((0..14).rev().map(|bit| Status::of(chunk >> bit & 1))),
        _ => statuses.extend((0..7).rev().map(|pair| Status::of(chunk >> (2 * pair)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(count: u16, rest: &[u8]) -> Vec<u8> {
        let mut message = vec![0xFF, 0xFE];
        message.extend(count.to_be_bytes());
        message.extend([0, 0, 7, 9]);
        message.extend(rest);
        message
    }

    #[test]
    fn every_kind_of_chunk_is_read() {
        // Three small ones; one bit each: received, lost, …; two bits each: large, untimed, lost, ….
        let chunks = [0x20, 0x03, 0xA0, 0x00, 0xEC, 0x00];
        let deltas = [1, 2, 3, 4, 0xFF, 0xFC];
        let read = Feedback::read(&message(3 + 14 + 3, &[&chunks[..], &deltas].concat())).unwrap();
        assert_eq!((read.base, read.reference_time, read.count), (0xFFFE, 7, 9));
        let mut expected = vec![Some(1), Some(2), Some(3), Some(4)];
        expected.resize(17, None);
        expected.extend([Some(-4), None, None]);
        assert_eq!(read.deltas, expected);
    }

    #[test]
    fn runs_are_bounded_by_what_is_announced() {
        let read = Feedback::read(&message(2, &[0x1F, 0xFF])).unwrap();
        assert_eq!(read.deltas, [None, None]);
        let absurd = [0x1F, 0xFF].repeat(8);
        let read = Feedback::read(&message(u16::MAX, &absurd)).unwrap();
        assert_eq!(read.deltas.len(), MAX_STATUSES);
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let whole = message(5, &[0x20, 0x05, 1, 2, 3, 4, 5]);
        assert!(Feedback::read(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(Feedback::read(&whole[..end]), None);
        }
    }

    #[test]
    fn no_garbage_panics() {
        for seed in 0..=255u8 {
            let garbage: Vec<u8> = (0..64u8)
                .map(|at| at.wrapping_mul(seed).wrapping_add(seed ^ at))
                .collect();
            for len in 0..64 {
                let _ = Feedback::read(&garbage[..len]);
            }
        }
    }
}
