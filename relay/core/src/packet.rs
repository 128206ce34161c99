//! A packet on its way through the relay: decrypted once, shared by every viewer.

use std::time::Instant;

use bytes::Bytes;

use crate::descriptor::Descriptor;

/// Which sequence-number space a packet's `sequence` belongs to: one per publishing SSRC of a layer.
///
/// A publisher that changes its SSRC starts a new space; comparing numbers across spaces means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Space(pub u64);

/// One RTP packet of a publication.
#[derive(Debug, Clone)]
pub struct Packet {
    /// When the datagram was read.
    pub arrived: Instant,
    /// Its sequence-number space.
    pub space: Space,
    /// Which of its track's layers it belongs to, counted in the order in which they first came.
    pub layer: u8,
    /// Extended sequence number within the space, counted from the first packet's 16-bit number.
    pub sequence: u64,
    /// Media timestamp as published.
    pub timestamp: u32,
    /// End of a frame (video) or start of a talk spurt (audio).
    pub marker: bool,
    /// The publisher's payload type.
    pub payload_type: u8,
    /// Whether a keyframe begins here.
    pub keyframe: bool,
    /// Where the payload numbers its pictures.
    pub descriptor: Descriptor,
    /// Header extension values that are forwarded.
    pub elements: Elements,
    /// The RTP payload.
    pub payload: Bytes,
}

/// Header extension values that travel from publisher to viewer unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elements {
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464).
    pub audio_level: Option<[u8; 1]>,
    /// `urn:3gpp:video-orientation`.
    pub video_orientation: Option<[u8; 1]>,
    /// `abs-capture-time`: 64-bit NTP time stamp of the capture, without the optional clock offset.
    pub abs_capture_time: Option<[u8; 8]>,
}

/// The local identifiers (RFC 8285) one side of a session gave to the elements; `None` where it did not negotiate one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ElementIds {
    /// See [`Elements::audio_level`].
    pub audio_level: Option<u8>,
    /// See [`Elements::video_orientation`].
    pub video_orientation: Option<u8>,
    /// See [`Elements::abs_capture_time`].
    pub abs_capture_time: Option<u8>,
}

impl Elements {
    /// Collects the values that `ids` names from a packet's extension elements.
    pub fn collect<'a>(ids: &ElementIds, elements: impl Iterator<Item = (u8, &'a [u8])>) -> Self {
        let mut found = Self::default();
        for (id, value) in elements {
            let id = Some(id);
            if id == ids.audio_level {
                found.audio_level = value.first_chunk().copied();
            } else if id == ids.video_orientation {
                found.video_orientation = value.first_chunk().copied();
            } else if id == ids.abs_capture_time {
                found.abs_capture_time = value.first_chunk().copied();
            }
        }
        found
    }

    /// The values under another side's identifiers, ready to be written.
    pub fn named(&self, ids: &ElementIds) -> impl Iterator<Item = (u8, &[u8])> {
        fn pair<const N: usize>(id: Option<u8>, value: &Option<[u8; N]>) -> Option<(u8, &[u8])> {
            Some((id?, value.as_ref()?.as_slice()))
        }
        [
            pair(ids.abs_capture_time, &self.abs_capture_time),
            pair(ids.audio_level, &self.audio_level),
            pair(ids.video_orientation, &self.video_orientation),
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_change_their_identifiers_on_the_way() {
        let publisher = ElementIds {
            audio_level: Some(1),
            abs_capture_time: Some(2),
            video_orientation: None,
        };
        let viewer = ElementIds {
            audio_level: None,
            abs_capture_time: Some(9),
            video_orientation: Some(4),
        };
        let wire: [(u8, &[u8]); 3] = [(1, &[0x7F]), (2, &[8; 8]), (5, &[1, 2, 3])];
        let elements = Elements::collect(&publisher, wire.into_iter());
        assert_eq!(elements.audio_level, Some([0x7F]));
        assert_eq!(
            elements.named(&viewer).collect::<Vec<_>>(),
            [(9, &[8u8; 8][..])]
        );
    }

    #[test]
    fn a_value_that_is_too_short_is_left_out() {
        let ids = ElementIds {
            abs_capture_time: Some(2),
            ..ElementIds::default()
        };
        let wire: [(u8, &[u8]); 1] = [(2, &[1, 2, 3])];
        assert_eq!(
            Elements::collect(&ids, wire.into_iter()),
            Elements::default()
        );
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    use std::sync::Arc;

    use super::*;

    /// A video packet of its own frame.
    pub(crate) fn packet(sequence: u64) -> Arc<Packet> {
        Arc::new(Packet {
            arrived: Instant::now(),
            space: Space(1),
            layer: 0,
            sequence,
            timestamp: (sequence as u32).wrapping_mul(3_000),
            marker: true,
            payload_type: 96,
            keyframe: false,
            descriptor: Descriptor::default(),
            elements: Elements::default(),
            payload: Bytes::from_static(b"payload"),
        })
    }
}
