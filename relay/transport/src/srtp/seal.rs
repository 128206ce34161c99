//! Outgoing SRTP and SRTCP.

/// Seals outgoing RTP in place and RTCP into fresh buffers.
pub struct Sealer {}

impl Sealer {
    /// Bytes that sealing adds to an RTP packet: 16 with GCM, 10 with AES-CM.
    #[must_use]
    pub fn overhead(&self) -> usize {
        16
    }

    /// Seals one RTP packet in place.
    ///
    /// `packet` is the plain packet followed by [`overhead`](Self::overhead) spare bytes, whatever
    /// they hold; `header_len` is the length of the RTP header with CSRCs and extensions;
    /// `rollover` the upper 32 bits of the 48-bit packet index, whose lower 16 bits stand in the
    /// header. SSRC and sequence number are read from the header.
    ///
    /// Sealing is deterministic: identical bytes under the same index give identical bytes. The
    /// caller must never seal two *different* packets (headers included) with the same SSRC and
    /// index: with GCM that reveals the authentication key.
    ///
    /// # Errors
    ///
    /// Fails if `packet` is shorter than its header and the spare bytes.
    pub fn seal_rtp(
        &mut self,
        packet: &mut [u8],
        header_len: usize,
        rollover: u32,
    ) -> Result<(), SealError> {
        let _ = (packet, header_len, rollover);
        Err(SealError::TooShort)
    }

    /// Seals one compound RTCP packet.
    ///
    /// # Errors
    ///
    /// Fails if `compound` is shorter than an RTCP header with its SSRC (8 bytes), or after
    /// 2^31 packets, when the SRTCP index is used up (RFC 3711 §3.2.1).
    pub fn seal_rtcp(&mut self, compound: &[u8]) -> Result<Vec<u8>, SealError> {
        let _ = compound;
        Err(SealError::TooShort)
    }
}

/// Why a packet cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The buffer cannot hold the header and what sealing adds.
    #[error("packet is too short to be sealed")]
    TooShort,
    /// Every SRTCP index of this key has been used.
    #[error("the session has sent all the RTCP packets its key allows")]
    IndexExhausted,
}
