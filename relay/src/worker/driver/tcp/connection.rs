//! One connection: frames in, frames out, neither ever waited for.

use std::io::{self, IoSlice, Read, Write};
use std::time::{Duration, Instant};

use relay_transport::framing;

use super::backlog::Backlog;

/// Datagrams written with one call: twice as many pieces are well below what the system takes (`IOV_MAX`, 1,024).
const FRAMES: usize = 64;
/// How long a client may take until a check of a session of this worker has authenticated, from opening the connection on.
/// Also the time for the first frame as a whole.
pub const GREETING: Duration = Duration::from_secs(5);
/// Clients check connections they keep in reserve every 25 s, and the one they use every 2.5 s.
const IDLE: Duration = Duration::from_secs(60);

/// A connection on its worker.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    backlog: Backlog,
    /// The beginning of a datagram, less than a whole frame.
    partial: Vec<u8>,
    opened: Instant,
    heard: Instant,
}

impl<S: Read + Write> Connection<S> {
    /// A connection that the client opened then, and on which it was heard just now.
    pub fn new(stream: S, opened: Instant, now: Instant) -> Self {
        Self {
            stream,
            backlog: Backlog::default(),
            partial: Vec::new(),
            opened,
            heard: now,
        }
    }

    /// Reads once. The datagrams, framed, begin at the front of `room`, which takes more than one of the longest; the result
    /// is how many bytes there are. What is left of them belongs [back](Self::keep). `None`: there is nothing now.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub fn read(&mut self, now: Instant, room: &mut [u8]) -> io::Result<Option<usize>> {
        let (left, room) = room.split_at_mut(self.partial.len());
        match self.stream.read(room) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                left.copy_from_slice(&self.partial);
                self.partial.clear();
                self.heard = now;
                Ok(Some(left.len() + count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }

    /// Keeps the beginning of a datagram until its end has arrived.
    pub fn keep(&mut self, beginning: &[u8]) {
        self.partial.extend_from_slice(beginning);
    }

    /// Sends datagrams of `segment` bytes each, of which the last may be shorter. Returns how many of them were dropped.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub fn send(&mut self, now: Instant, contents: &[u8], segment: usize) -> io::Result<u64> {
        let mut dropped = 0;
        for run in contents.chunks(segment * FRAMES) {
            let written = match self.backlog.is_empty() {
                true => self.write(run, segment)?,
                false => 0,
            };
            dropped += self.backlog.push(now, run, segment, written);
        }
        if !self.backlog.is_empty() {
            // Only a write that was refused is followed by word that there is room again.
            self.flush()?;
        }
        Ok(dropped)
    }

    /// Writes what waits, as far as the connection takes it.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub fn flush(&mut self) -> io::Result<()> {
        self.backlog.flush(&mut self.stream)
    }

    /// One write of at most [`FRAMES`] datagrams. Returns how many bytes of their frames have left.
    fn write(&mut self, contents: &[u8], segment: usize) -> io::Result<usize> {
        let last = contents.chunks(segment).next_back().unwrap_or_default();
        let first = &contents[..segment.min(contents.len())];
        let (Some(header), Some(last_header)) = (framing::header(first), framing::header(last))
        else {
            return Ok(0);
        };
        let mut slices = [IoSlice::new(&[]); 2 * FRAMES];
        let mut pieces = 0;
        for (datagram, pair) in contents.chunks(segment).zip(slices.chunks_exact_mut(2)) {
            let header = match datagram.len() == segment {
                true => &header,
                false => &last_header,
            };
            pair.copy_from_slice(&[IoSlice::new(header), IoSlice::new(datagram)]);
            pieces += pair.len();
        }
        match self.stream.write_vectored(&slices[..pieces]) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(0)
            }
            result => result,
        }
    }

    /// Whether to close it: `is_known` says that it serves a session.
    pub fn is_over(&self, now: Instant, is_known: bool) -> bool {
        let limit = match is_known {
            true => self.heard + IDLE,
            false => self.opened + GREETING,
        };
        limit <= now
    }
}

#[cfg(test)]
mod tests;
