//! What a TCP connection has not taken yet.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use relay_transport::framing;

/// Most bytes that wait for a connection: 0.2 s at 20 Mbit/s. More would only be late, and memory.
const ROOM: usize = 512 << 10;
/// The part of it that only small datagrams may take, so that audio, RTCP and the answers that keep ICE alive get through
/// while video fills the rest.
const RESERVED: usize = 64 << 10;
/// The largest small datagram.
const SMALL: usize = 512;

/// Frames that wait, the first of which may have left in part.
#[derive(Debug, Default)]
pub struct Backlog(VecDeque<u8>);

impl Backlog {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Frames datagrams of `segment` bytes each, of which the last may be shorter, and puts them behind what waits, except the
    /// first `written` bytes of all frames together, which have left. Returns how many datagrams there was no room for.
    pub fn push(&mut self, contents: &[u8], segment: usize, mut written: usize) -> u64 {
        let mut dropped = 0;
        for datagram in contents.chunks(segment) {
            let header = framing::header(datagram);
            let length = header.map_or(0, |header| header.len()) + datagram.len();
            if written >= length {
                written -= length;
                continue;
            }
            // A frame that was begun has to be finished, or the client takes the next one for the rest of it.
            match header.filter(|_| written > 0 || self.has_room_for(length)) {
                Some(header) => {
                    self.0.extend(&header[written.min(header.len())..]);
                    let body = written.saturating_sub(header.len());
                    self.0.extend(&datagram[body..]);
                }
                None => dropped += 1,
            }
            written = 0;
        }
        dropped
    }

    fn has_room_for(&self, length: usize) -> bool {
        let room = match length {
            ..=SMALL => ROOM,
            _ => ROOM - RESERVED,
        };
        self.0.len() + length <= room
    }

    /// Writes until nothing waits or `sink` takes no more.
    ///
    /// # Errors
    ///
    /// `sink` has failed, for good.
    pub fn flush(&mut self, sink: &mut impl Write) -> io::Result<()> {
        while !self.0.is_empty() {
            let (front, back) = self.0.as_slices();
            match sink.write_vectored(&[IoSlice::new(front), IoSlice::new(back)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.0.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(backlog: &mut Backlog) -> Vec<u8> {
        let mut taken = Vec::new();
        backlog.flush(&mut taken).unwrap();
        taken
    }

    #[test]
    fn what_has_left_is_left_out_wherever_it_ends() {
        let framed = b"\0\x04abcd\0\x04efgh\0\x02ij";
        for written in 0..=framed.len() {
            let mut backlog = Backlog::default();
            assert_eq!(backlog.push(b"abcdefghij", 4, written), 0);
            assert_eq!(waiting(&mut backlog), framed[written..], "{written}");
        }
    }

    #[test]
    fn there_is_a_bound_and_the_last_of_it_is_for_what_is_small() {
        let mut backlog = Backlog::default();
        let video = vec![7; 1_200 * 1_000];
        let dropped = backlog.push(&video, 1_200, 0);
        let taken = 1_000 - dropped as usize;
        assert_eq!(taken, (ROOM - RESERVED) / 1_202);
        let mut audio = 0;
        while backlog.push(&[1; 200], 200, 0) == 0 {
            audio += 1;
        }
        assert_eq!(audio, (ROOM - taken * 1_202) / 202);
        assert!(waiting(&mut backlog).len() <= ROOM);
        assert_eq!(
            backlog.push(&video[..1_200], 1_200, 0),
            0,
            "there is room again"
        );
    }

    /// Whatever is dropped, the client can still tell where frames begin.
    #[test]
    fn only_whole_frames_are_dropped() {
        let mut backlog = Backlog::default();
        let mut random = 1_u64;
        let mut received = Vec::new();
        let mut sent = 0_u64;
        for _ in 0..2_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (segment, count) = (
                100 + (random >> 33) as usize % 1_300,
                (random >> 50) as usize % 9,
            );
            let dropped = backlog.push(&vec![segment as u8; segment * count], segment, 0);
            sent += count as u64 - dropped;
            let mut sink = Limited(&mut received, (random >> 40) as usize % 6_000);
            backlog.flush(&mut sink).unwrap();
        }
        received.extend(waiting(&mut backlog));
        let mut rest = &mut received[..];
        let mut whole = 0;
        while let Some(datagram) = framing::take(&mut rest).unwrap() {
            assert!(datagram.iter().all(|byte| *byte == datagram.len() as u8));
            whole += 1;
        }
        assert_eq!((whole, rest.len()), (sent, 0));
    }

    /// Takes so many bytes, then no more.
    struct Limited<'a>(&'a mut Vec<u8>, usize);

    impl Write for Limited<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.1);
            self.0.extend_from_slice(&bytes[..count]);
            self.1 -= count;
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
