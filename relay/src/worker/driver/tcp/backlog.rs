//! What a TCP connection has not taken yet.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::time::{Duration, Instant};

use relay_transport::framing;

/// Most bytes that wait for a connection: a 4K keyframe, less what is on its way. More would only be late, and memory.
const ROOM: usize = 512 << 10;
/// When what is in front has waited this long, nothing large goes behind it: over a narrow line [`ROOM`] is seconds, and audio
/// waits in the same queue.
const LATE: Duration = Duration::from_millis(200);
/// How finely waiting is measured.
const GRAIN: Duration = Duration::from_millis(10);
/// The part of it that only small datagrams may take, so that audio, RTCP and the answers that keep ICE alive get through
/// while video fills the rest.
const RESERVED: usize = 64 << 10;
/// The largest small datagram.
const SMALL: usize = 512;

/// Frames that wait, the first of which may have left in part.
#[derive(Debug, Default)]
pub struct Backlog {
    bytes: VecDeque<u8>,
    /// How many bytes have left since the connection was opened.
    left: u64,
    /// From which byte on, counted like those that have left, bytes came then or later.
    since: VecDeque<(u64, Instant)>,
}

impl Backlog {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Frames datagrams of `segment` bytes each, of which the last may be shorter, and puts them behind what waits, except the
    /// first `written` bytes of all frames together, which have left. Returns how many datagrams there was no room for.
    pub fn push(
        &mut self,
        now: Instant,
        contents: &[u8],
        segment: usize,
        mut written: usize,
    ) -> u64 {
        let mut dropped = 0;
        let is_late = self
            .since
            .front()
            .is_some_and(|(_, at)| now.saturating_duration_since(*at) >= LATE);
        let end = self.left + self.bytes.len() as u64;
        for datagram in contents.chunks(segment) {
            let header = framing::header(datagram);
            let length = header.map_or(0, |header| header.len()) + datagram.len();
            if written >= length {
                written -= length;
                continue;
            }
            // A frame that was begun has to be finished, or the client takes the next one for the rest of it.
            match header.filter(|_| written > 0 || self.has_room_for(length, is_late)) {
                Some(header) => {
                    self.bytes.extend(&header[written.min(header.len())..]);
                    let body = written.saturating_sub(header.len());
                    self.bytes.extend(&datagram[body..]);
                }
                None => dropped += 1,
            }
            written = 0;
        }
        let is_due = |(_, at): &(u64, Instant)| now.saturating_duration_since(*at) >= GRAIN;
        if !self.bytes.is_empty() && self.since.back().is_none_or(is_due) {
            self.since.push_back((end, now));
        }
        dropped
    }

    fn has_room_for(&self, length: usize, is_late: bool) -> bool {
        let room = match length {
            ..=SMALL => ROOM,
            _ if is_late => 0,
            _ => ROOM - RESERVED,
        };
        self.bytes.len() + length <= room
    }

    fn leave(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.left += count as u64;
        if self.bytes.is_empty() {
            self.since.clear();
        }
        while self
            .since
            .get(1)
            .is_some_and(|(start, _)| *start <= self.left)
        {
            self.since.pop_front();
        }
    }

    /// Writes until nothing waits or `sink` takes no more.
    ///
    /// # Errors
    ///
    /// `sink` has failed, for good.
    pub fn flush(&mut self, sink: &mut impl Write) -> io::Result<()> {
        while !self.bytes.is_empty() {
            let (front, back) = self.bytes.as_slices();
            match sink.write_vectored(&[IoSlice::new(front), IoSlice::new(back)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.leave(count),
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

    fn push(backlog: &mut Backlog, contents: &[u8], segment: usize) -> u64 {
        backlog.push(Instant::now(), contents, segment, 0)
    }

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
            assert_eq!(backlog.push(Instant::now(), b"abcdefghij", 4, written), 0);
            assert_eq!(waiting(&mut backlog), framed[written..], "{written}");
        }
    }

    #[test]
    fn there_is_a_bound_and_the_last_of_it_is_for_what_is_small() {
        let mut backlog = Backlog::default();
        let video = vec![7; 1_200 * 1_000];
        let dropped = push(&mut backlog, &video, 1_200);
        let taken = 1_000 - dropped as usize;
        assert_eq!(taken, (ROOM - RESERVED) / 1_202);
        let mut audio = 0;
        while push(&mut backlog, &[1; 200], 200) == 0 {
            audio += 1;
        }
        assert_eq!(audio, (ROOM - taken * 1_202) / 202);
        assert!(waiting(&mut backlog).len() <= ROOM);
        assert_eq!(
            push(&mut backlog, &video[..1_200], 1_200),
            0,
            "there is room again"
        );
    }

    #[test]
    fn a_narrow_line_keeps_no_more_than_it_carries_in_time() {
        let mut backlog = Backlog::default();
        let start = Instant::now();
        let mut now = start;
        let (mut received, mut dropped, mut longest) = (Vec::new(), 0, 0);
        // 2 Mbit/s of video and audio onto a line of 1 Mbit/s.
        for _ in 0..1_000 {
            now += Duration::from_millis(5);
            dropped += backlog.push(now, &[7; 1_200], 1_200, 0);
            assert_eq!(backlog.push(now, &[1; 50], 50, 0), 0, "audio");
            backlog.flush(&mut Limited(&mut received, 625)).unwrap();
            longest = longest.max(backlog.bytes.len());
        }
        assert!((400..600).contains(&dropped), "{dropped}");
        // What comes until the first is late, at twice the rate of the line.
        assert!(longest < 125 * 200 * 2 + 2_000, "{longest}");
        assert!(backlog.since.len() <= 100);
    }

    #[test]
    fn what_has_caught_up_is_not_late() {
        let mut backlog = Backlog::default();
        let start = Instant::now();
        assert_eq!(backlog.push(start, &[7; 1_200], 1_200, 0), 0);
        let later = start + LATE;
        assert_eq!(backlog.push(later, &[7; 1_200], 1_200, 0), 1);
        assert_eq!(backlog.push(later, &[7; 100], 100, 0), 0);
        // The large one leaves: the small one in front has just come.
        backlog.flush(&mut Limited(&mut Vec::new(), 1_202)).unwrap();
        assert_eq!(backlog.push(later, &[7; 1_200], 1_200, 0), 0);
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
            let run = vec![segment as u8; segment * count];
            let dropped = push(&mut backlog, &run, segment);
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
