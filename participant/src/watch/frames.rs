//! From packets in order to whole frames.

use std::time::Instant;

use bytes::Bytes;

use crate::media::{self, Assembly};
use crate::{Codec, Kind};

/// A packet as it goes into a frame.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) codec: Codec,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Bytes,
    pub(super) arrived: Instant,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Whole(Whole),
    /// Something of it was lost or malformed.
    Broken,
}

/// A frame that can be decoded if its predecessors were.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) codec: Codec,
    pub(super) timestamp: u32,
    pub(super) data: Bytes,
    pub(super) keyframe: bool,
    pub(super) arrived: Instant,
    /// Something between the frame before and this one is missing.
    pub(super) discontinuity: bool,
}

/// Collects the pieces of one source's frames.
#[derive(Debug)]
pub(super) struct Frames {
    current: Option<Current>,
    /// The packet before the next one is missing.
    after_gap: bool,
    discontinuity: bool,
}

#[derive(Debug)]
struct Current {
    codec: Codec,
    timestamp: u32,
    arrived: Instant,
    /// `None`: broken.
    assembly: Option<Assembly>,
}

impl Frames {
    pub(super) fn new() -> Self {
        // Joining in the middle of a frame is like losing its beginning, and whatever was there before is missing.
        Self {
            current: None,
            after_gap: true,
            discontinuity: true,
        }
    }

    /// Takes the next piece in order. Two frames can end with one piece: an earlier one that had no marker, and its own.
    pub(super) fn push(&mut self, piece: Piece) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.timestamp != piece.timestamp)
        {
            outcomes.extend(self.finish());
        }
        let begins_whole = !self.after_gap || media::starts_frame(piece.codec, &piece.payload);
        let current = self.current.get_or_insert_with(|| Current {
            codec: piece.codec,
            timestamp: piece.timestamp,
            arrived: piece.arrived,
            assembly: begins_whole.then(|| Assembly::new(piece.codec)),
        });
        self.after_gap = false;
        // A repair came before what it follows in sequence.
        current.arrived = current.arrived.max(piece.arrived);
        if let Some(assembly) = &mut current.assembly
            && assembly.push(&piece.payload).is_err()
        {
            current.assembly = None;
        }
        if piece.marker || piece.codec.kind() == Kind::Audio {
            outcomes.extend(self.finish());
        }
        outcomes
    }

    /// Packets before the next piece are lost. They may have been of the frame that has begun, or of the next.
    pub(super) fn gap(&mut self) {
        if let Some(current) = &mut self.current {
            current.assembly = None;
        }
        self.after_gap = true;
        self.discontinuity = true;
    }

    /// A whole frame was not delivered after all.
    pub(super) fn undelivered(&mut self) {
        self.discontinuity = true;
    }

    fn finish(&mut self) -> Option<Outcome> {
        let Current {
            codec,
            timestamp,
            arrived,
            assembly,
        } = self.current.take()?;
        let Some(Ok((data, keyframe))) = assembly.map(Assembly::finish) else {
            self.discontinuity = true;
            return Some(Outcome::Broken);
        };
        let discontinuity = std::mem::take(&mut self.discontinuity);
        Some(Outcome::Whole(Whole {
            codec,
            timestamp,
            data,
            keyframe,
            arrived,
            discontinuity,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Packetizer, Room};

    /// The pieces of an H.264 picture of about six packets.
    fn picture(timestamp: u32, keyframe: bool) -> Vec<Piece> {
        let parameter_sets = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 1, 2];
        let mut access_unit = if keyframe {
            parameter_sets.to_vec()
        } else {
            Vec::new()
        };
        access_unit.extend([0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }, 0x88]);
        access_unit.resize(600, 7);
        let room = Room {
            first: 120,
            rest: 120,
        };
        let payloads = Packetizer::new(Codec::H264)
            .payloads(&access_unit.into(), room)
            .unwrap();
        let last = payloads.len() - 1;
        let piece = |(index, payload)| Piece {
            codec: Codec::H264,
            timestamp,
            marker: index == last,
            payload,
            arrived: Instant::now(),
        };
        payloads.into_iter().enumerate().map(piece).collect()
    }

    /// `K`ey, `P`redicted, upper case with a discontinuity; `x` broken.
    fn text(outcomes: impl IntoIterator<Item = Outcome>) -> String {
        let letter = |outcome| match outcome {
            Outcome::Broken => 'x',
            Outcome::Whole(whole) => match (whole.keyframe, whole.discontinuity) {
                (true, true) => 'K',
                (true, false) => 'k',
                (false, true) => 'P',
                (false, false) => 'p',
            },
        };
        outcomes.into_iter().map(letter).collect()
    }

    #[test]
    fn whole_pictures_come_out_one_by_one() {
        let mut frames = Frames::new();
        let pieces = (0..3).flat_map(|n| picture(n * 3_000, n == 0));
        assert_eq!(text(pieces.flat_map(|piece| frames.push(piece))), "Kpp");
    }

    #[test]
    fn a_loss_breaks_exactly_the_picture_it_hits() {
        for lost in 0..6 {
            let mut frames = Frames::new();
            let mut outcomes = Vec::new();
            for n in 0..3 {
                for (index, piece) in picture(n * 3_000, n == 0).into_iter().enumerate() {
                    if n == 1 && index == lost {
                        frames.gap();
                        continue;
                    }
                    outcomes.extend(frames.push(piece));
                }
            }
            assert_eq!(text(outcomes), "KxP", "packet {lost}");
        }
    }

    #[test]
    fn a_whole_picture_may_vanish_and_the_next_is_whole() {
        let mut frames = Frames::new();
        let mut outcomes: Vec<_> = picture(0, true)
            .into_iter()
            .flat_map(|piece| frames.push(piece))
            .collect();
        frames.gap();
        outcomes.extend(
            picture(6_000, false)
                .into_iter()
                .flat_map(|piece| frames.push(piece)),
        );
        assert_eq!(text(outcomes), "KP");
    }

    #[test]
    fn joining_within_a_picture_waits_for_the_next() {
        let mut frames = Frames::new();
        let pieces = picture(0, true)
            .into_iter()
            .skip(2)
            .chain(picture(3_000, false));
        assert_eq!(text(pieces.flat_map(|piece| frames.push(piece))), "xP");
    }

    #[test]
    fn pictures_without_marker_end_with_the_next() {
        let mut frames = Frames::new();
        let pieces = (0..3)
            .flat_map(|n| picture(n * 3_000, true))
            .map(|piece| Piece {
                marker: false,
                ..piece
            });
        assert_eq!(text(pieces.flat_map(|piece| frames.push(piece))), "Kk");
    }
}
