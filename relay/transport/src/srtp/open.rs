//! Incoming SRTP and SRTCP.

use crate::Discard;

/// Opens incoming SRTP and SRTCP in place.
pub struct Opener {}

impl Opener {
    /// Opens one SRTP packet in place and returns the plain RTP packet.
    ///
    /// # Errors
    ///
    /// The reason to drop the packet, whose bytes are then undefined.
    pub fn open_rtp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Discard> {
        let _ = packet;
        Err(Discard::Malformed)
    }

    /// Opens one SRTCP packet in place and returns the plain compound packet.
    ///
    /// # Errors
    ///
    /// The reason to drop the packet, whose bytes are then undefined.
    pub fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Discard> {
        let _ = packet;
        Err(Discard::Malformed)
    }
}
