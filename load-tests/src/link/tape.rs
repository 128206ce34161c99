//! What went towards a client, packet by packet: headers only, which SRTP leaves in the clear.

use std::time::Instant;

use crate::rtp::Packet;

/// The longest tape: ten minutes of 30 Mbit/s. What comes after is counted.
const MAX_MARKS: usize = 4_000_000;

/// One RTP packet as it came from the server.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// When.
    pub at: Instant,
    /// Its source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp, in ticks of the codec's clock.
    pub timestamp: u32,
    /// Its marker bit.
    pub marker: bool,
    /// Its payload type.
    pub payload_type: u8,
    /// Bytes of its UDP payload.
    pub size: u16,
}

/// A recording.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    /// In the order in which they were seen.
    pub marks: Vec<Mark>,
    /// Packets that the tape was too short for.
    pub missed: u64,
}

impl Tape {
    /// Notes a datagram, if it is RTP (RFC 7983 §7, RFC 5761 §4).
    pub fn note(&mut self, at: Instant, datagram: &[u8]) {
        let [128..=191, 0..=191 | 224.., ..] = datagram else {
            return;
        };
        let Some(packet) = Packet::parse(datagram) else {
            return;
        };
        if self.marks.len() == MAX_MARKS {
            self.missed += 1;
            return;
        }
        self.marks.push(Mark {
            at,
            ssrc: packet.ssrc(),
            sequence: packet.sequence(),
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            payload_type: packet.payload_type(),
            size: datagram.len().try_into().unwrap_or(u16::MAX),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_media_and_nothing_else() {
        let mut tape = Tape::default();
        let mut datagram = [0; 20];
        (datagram[0], datagram[1], datagram[3]) = (0x80, 0x80 | 96, 5);
        tape.note(Instant::now(), &datagram);
        for (first, second) in [(0x80, 200), (0, 1), (22, 254), (0xc0, 96)] {
            (datagram[0], datagram[1]) = (first, second);
            tape.note(Instant::now(), &datagram);
        }
        tape.note(Instant::now(), &[0x80]);
        assert_eq!(tape.marks.len(), 1);
        let mark = tape.marks[0];
        assert_eq!(
            (mark.sequence, mark.marker, mark.payload_type, mark.size),
            (5, true, 96, 20)
        );
    }
}
