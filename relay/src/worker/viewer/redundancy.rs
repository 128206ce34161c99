//! Sound on a lossy line carries its predecessors again (RFC 2198), where the client reads that: browsers ask for no audio packet twice.

use relay_core::packet::Packet;
use relay_core::red;
use relay_transport::sdp::{Codec, CodecBinding};

use crate::worker::track::Track;

/// Loss from which on sound is sent redundantly, and below which it is not any more.
const LOSSY: f32 = 0.02;
const CLEAN: f32 = 0.005;
/// Room for two frames of music with their headers.
const ROOM: usize = 640;

/// How a slot's sound is protected.
#[derive(Debug, Clone, Copy)]
pub struct Redundancy {
    payload_type: u8,
    is_on: bool,
    was_on: bool,
}

/// What goes before a frame.
pub struct Prefix {
    room: [u8; ROOM],
    len: usize,
}

impl Redundancy {
    /// For a client that reads it.
    pub fn new(codecs: &[CodecBinding]) -> Option<Self> {
        let red = codecs.iter().find(|codec| codec.codec == Codec::Red)?;
        Some(Self {
            payload_type: red.payload_type,
            is_on: false,
            was_on: false,
        })
    }

    /// Follows the line's loss, 0 to 1.
    pub fn follow(&mut self, loss: f32) {
        self.is_on = match self.is_on {
            true => loss >= CLEAN,
            false => loss >= LOSSY,
        };
        self.was_on |= self.is_on;
    }

    /// Whether packets may be repeated. What a redundant packet was made of is not kept, and a repetition has to be the same to the byte.
    pub fn allows_repeats(&self) -> bool {
        !self.was_on
    }

    /// The payload type and the prefix of a packet, while the line asks for them; `opus` is the client's payload type of the frames.
    pub fn prefix(&self, packet: &Packet, opus: u8, track: &Track) -> Option<(u8, Prefix)> {
        if !self.is_on {
            return None;
        }
        let earlier = |back: u64| {
            let sequence = packet.sequence.checked_sub(back)?;
            let earlier = track.packet(packet.space, sequence)?;
            let offset = packet.timestamp.wrapping_sub(earlier.timestamp);
            Some((offset, &earlier.payload[..]))
        };
        // A gap between them would shift the places by which the client numbers them.
        let nearest = earlier(1);
        let farther = nearest.and_then(|_| earlier(2));
        let mut room = [0; ROOM];
        let blocks = farther.into_iter().chain(nearest);
        let len = red::write_prefix(&mut room, opus, blocks);
        Some((self.payload_type, Prefix { room, len }))
    }
}

impl Prefix {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redundancy() -> Redundancy {
        Redundancy {
            payload_type: 63,
            is_on: false,
            was_on: false,
        }
    }

    #[test]
    fn a_lossy_line_gets_it_until_it_is_clean() {
        let mut redundancy = redundancy();
        let followed: Vec<_> = [0.0, 0.01, 0.03, 0.01, 0.001]
            .map(|loss| {
                redundancy.follow(loss);
                redundancy.is_on
            })
            .to_vec();
        assert_eq!(followed, [false, false, true, true, false]);
        assert!(!redundancy.allows_repeats());
    }
}
