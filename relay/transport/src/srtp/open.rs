//! Incoming SRTP and SRTCP.

use super::header::{self, RtpHeader};
use super::keys::{KeyingError, MasterKeys};
use super::suite::{RTCP_ENCRYPTED, Suite};
use super::window::Window;
use crate::Discard;

/// Opens incoming SRTP and SRTCP in place, and keeps every source's roll-over counter and replay
/// window.
pub struct Opener {
    rtp: Suite,
    rtcp: Suite,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl Opener {
    /// Opens with the session keys derived from `master`.
    ///
    /// # Errors
    ///
    /// Fails if the cryptography library refuses a key.
    pub fn new(master: &MasterKeys) -> Result<Self, KeyingError> {
        Ok(Self {
            rtp: Suite::rtp(master)?,
            rtcp: Suite::rtcp(master)?,
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        })
    }

    /// Opens one SRTP packet in place and returns the plain RTP packet.
    ///
    /// # Errors
    ///
    /// The reason to drop the packet, whose bytes may then be lost. Nothing is remembered of a
    /// packet that fails authentication.
    pub fn open_rtp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Discard> {
        let header = RtpHeader::parse(packet).ok_or(Discard::Malformed)?;
        let plain_len = packet
            .len()
            .checked_sub(self.rtp.tag_len())
            .filter(|len| *len >= header.len)
            .ok_or(Discard::Malformed)?;
        let place = self.rtp_sources.place(header.ssrc)?;
        let index = self.rtp_sources.estimate(place, header.sequence);
        if self.rtp_sources.is_replay(place, index) {
            return Err(Discard::Replayed);
        }
        self.rtp
            .open_rtp(packet, header.len, header.ssrc, index)
            .map_err(|_| Discard::BadAuthentication)?;
        self.rtp_sources.accept(place, header.ssrc, index);
        Ok(&mut packet[..plain_len])
    }

    /// Opens one SRTCP packet in place and returns the plain compound packet.
    ///
    /// # Errors
    ///
    /// The reason to drop the packet, whose bytes may then be lost. Nothing is remembered of a
    /// packet that fails authentication.
    pub fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Discard> {
        let ssrc = header::rtcp_ssrc(packet).ok_or(Discard::Malformed)?;
        let word = self
            .rtcp
            .rtcp_word(packet)
            // DTLS-SRTP endpoints encrypt all their RTCP.
            .filter(|word| word & RTCP_ENCRYPTED != 0)
            .ok_or(Discard::Malformed)?;
        let index = u64::from(word & !RTCP_ENCRYPTED);
        let place = self.rtcp_sources.place(ssrc)?;
        if self.rtcp_sources.is_replay(place, index) {
            return Err(Discard::Replayed);
        }
        self.rtcp
            .open_rtcp(packet, ssrc, word)
            .map_err(|_| Discard::BadAuthentication)?;
        self.rtcp_sources.accept(place, ssrc, index);
        let plain_len = packet.len() - self.rtcp.rtcp_overhead();
        Ok(&mut packet[..plain_len])
    }
}

/// Three layers with RTX of two video tracks, audio, and a few restarts of all of them.
const MAX_SOURCES: usize = 64;

/// The windows of a session's sources. There are few, and packets come in runs of one source, so
/// the last one used is tried first and the others one by one.
#[derive(Default)]
struct Sources {
    windows: Vec<(u32, Window)>,
    last: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Known(usize),
    New,
}

impl Sources {
    fn place(&self, ssrc: u32) -> Result<Place, Discard> {
        if self
            .windows
            .get(self.last)
            .is_some_and(|(known, _)| *known == ssrc)
        {
            return Ok(Place::Known(self.last));
        }
        match self.windows.iter().position(|(known, _)| *known == ssrc) {
            Some(position) => Ok(Place::Known(position)),
            None if self.windows.len() < MAX_SOURCES => Ok(Place::New),
            None => Err(Discard::TooManySources),
        }
    }

    fn estimate(&self, place: Place, sequence: u16) -> u64 {
        match place {
            Place::Known(position) => self.windows[position].1.estimate(sequence),
            Place::New => sequence.into(),
        }
    }

    fn is_replay(&self, place: Place, index: u64) -> bool {
        match place {
            Place::Known(position) => self.windows[position].1.is_replay(index),
            Place::New => false,
        }
    }

    fn accept(&mut self, place: Place, ssrc: u32, index: u64) {
        match place {
            Place::Known(position) => {
                self.windows[position].1.accept(index);
                self.last = position;
            }
            Place::New => {
                self.last = self.windows.len();
                self.windows.push((ssrc, Window::starting_at(index)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
