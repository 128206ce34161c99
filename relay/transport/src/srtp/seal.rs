//! Outgoing SRTP and SRTCP.

use aws_lc_rs::error::Unspecified;

use super::keys::{KeyingError, MasterKeys};
use super::suite::{RTCP_ENCRYPTED, Suite};
use super::{Profile, header};

/// Seals outgoing RTP in place and RTCP into fresh buffers.
pub struct Sealer {
    profile: Profile,
    rtp: Suite,
    rtcp: Suite,
    /// Index of the next SRTCP packet, 31 bits.
    rtcp_index: u32,
}

impl Sealer {
    /// Seals with the session keys derived from `master`.
    ///
    /// # Errors
    ///
    /// Fails if the cryptography library refuses a key.
    pub fn new(master: &MasterKeys) -> Result<Self, KeyingError> {
        Ok(Self {
            profile: master.profile(),
            rtp: Suite::rtp(master)?,
            rtcp: Suite::rtcp(master)?,
            rtcp_index: 0,
        })
    }

    /// The profile of the session.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Bytes that sealing adds to an RTP packet: 16 with GCM, 10 with AES-CM.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.profile.overhead()
    }

    /// Seals one RTP packet in place.
    ///
    /// `packet` is the plain packet followed by [`overhead`](Self::overhead) spare bytes, whatever
    /// they hold; `header_len` is the length in bytes of the RTP header with CSRCs and extensions;
    /// `rollover` the upper 32 bits of the 48-bit packet index, whose lower 16 bits stand in the
    /// header. SSRC and sequence number are read from the header.
    ///
    /// Sealing is deterministic: identical bytes under the same index give identical bytes. The
    /// caller must never seal two *different* packets (headers included) with the same SSRC and
    /// index: with GCM that reveals the authentication key.
    ///
    /// # Errors
    ///
    /// Fails if `header_len` is less than 12, or `packet` shorter than header and spare bytes.
    pub fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        rollover: u32,
    ) -> Result<(), SealError> {
        let Some(fixed) = packet.first_chunk::<12>() else {
            return Err(SealError::TooShort);
        };
        if header_len < fixed.len() || packet.len() < header_len + self.overhead() {
            return Err(SealError::TooShort);
        }
        let sequence = u16::from_be_bytes([fixed[2], fixed[3]]);
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        let index = u64::from(rollover) << 16 | u64::from(sequence);
        Ok(self.rtp.seal_rtp(packet, header_len, ssrc, index)?)
    }

    /// Seals one compound RTCP packet.
    ///
    /// # Errors
    ///
    /// Fails if `compound` is shorter than an RTCP header with its SSRC (8 bytes), or after
    /// 2^31 packets, when the SRTCP index is used up (RFC 3711 §3.2.1).
    pub fn seal_rtcp(&mut self, compound: &[u8]) -> Result<Vec<u8>, SealError> {
        let ssrc = header::rtcp_ssrc(compound).ok_or(SealError::TooShort)?;
        let index = self.rtcp_index;
        if index == RTCP_ENCRYPTED {
            return Err(SealError::IndexExhausted);
        }
        self.rtcp_index += 1;
        Ok(self.rtcp.seal_rtcp(compound, ssrc, index)?)
    }

    #[cfg(test)]
    pub(super) fn with_rtcp_index(mut self, index: u32) -> Self {
        self.rtcp_index = index;
        self
    }
}

/// Why a packet cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The buffer cannot hold the header and what sealing adds, or holds no RTCP version 2.
    #[error("packet is too short to be sealed")]
    TooShort,
    /// Every SRTCP index of this key has been used.
    #[error("the session has sent all the RTCP packets its key allows")]
    IndexExhausted,
    /// The cryptography library refused.
    #[error("sealing failed")]
    Cipher,
}

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}
