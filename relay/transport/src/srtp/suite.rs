//! The two profiles behind one face: how packets of RTP and RTCP are laid out.

use aws_lc_rs::error::Unspecified;

use super::counter::Counter;
use super::gcm::Gcm;
use super::keys::{KeyingError, Label, MasterKeys};
use super::{Profile, counter, gcm};

/// RTCP header with its SSRC, which is never encrypted (RFC 3711 §3.4).
pub(super) const RTCP_CLEAR_LEN: usize = 8;

/// E flag and SRTCP index.
const RTCP_WORD_LEN: usize = 4;

/// "Encrypted" flag above the 31-bit SRTCP index.
pub(super) const RTCP_ENCRYPTED: u32 = 1 << 31;

/// Session keys of one direction for RTP or for RTCP.
pub(super) enum Suite {
    Gcm(Gcm),
    Counter(Box<Counter>),
}

impl Suite {
    pub(super) fn rtp(master: &MasterKeys) -> Result<Self, KeyingError> {
        Self::derive(
            master,
            Label::RtpEncryption,
            Label::RtpAuthentication,
            Label::RtpSalt,
        )
    }

    pub(super) fn rtcp(master: &MasterKeys) -> Result<Self, KeyingError> {
        Self::derive(
            master,
            Label::RtcpEncryption,
            Label::RtcpAuthentication,
            Label::RtcpSalt,
        )
    }

    fn derive(
        master: &MasterKeys,
        encryption: Label,
        authentication: Label,
        salt: Label,
    ) -> Result<Self, KeyingError> {
        let encryption = master.derive(encryption)?;
        Ok(match master.profile() {
            Profile::AeadAes128Gcm => Self::Gcm(Gcm::new(&encryption, master.derive(salt)?)?),
            Profile::Aes128CmSha1_80 => Self::Counter(Box::new(Counter::new(
                &encryption,
                &master.derive(authentication)?,
                master.derive(salt)?,
            )?)),
        })
    }

    pub(super) fn tag_len(&self) -> usize {
        match self {
            Self::Gcm(_) => gcm::TAG_LEN,
            Self::Counter(_) => counter::TAG_LEN,
        }
    }

    /// Bytes that sealing adds to a compound RTCP packet.
    pub(super) fn rtcp_overhead(&self) -> usize {
        self.tag_len() + RTCP_WORD_LEN
    }

    /// Seals `packet`, whose last [`tag_len`](Self::tag_len) bytes are spare.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), Unspecified> {
        let end = packet.len() - self.tag_len();
        let (plain, tag) = packet.split_at_mut(end);
        match self {
            Self::Gcm(gcm) => {
                let (header, payload) = plain.split_at_mut(header_len);
                tag.copy_from_slice(&gcm.seal(ssrc, index, header, payload)?);
            }
            Self::Counter(counter) => {
                counter.apply(ssrc, index, &mut plain[header_len..])?;
                tag.copy_from_slice(&counter.tag(plain, rollover(index)));
            }
        }
        Ok(())
    }

    /// Opens `packet` in place; the plain packet is all but the last [`tag_len`](Self::tag_len)
    /// bytes.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), Unspecified> {
        match self {
            Self::Gcm(gcm) => {
                let (header, sealed) = packet.split_at_mut(header_len);
                gcm.open(ssrc, index, header, sealed)
            }
            Self::Counter(counter) => {
                let (sealed, tag) = packet.split_at_mut(packet.len() - counter::TAG_LEN);
                counter.verify(sealed, rollover(index), tag)?;
                counter.apply(ssrc, index, &mut sealed[header_len..])
            }
        }
    }

    /// Seals `compound`, of at least [`RTCP_CLEAR_LEN`] bytes, under a 31-bit index.
    pub(super) fn seal_rtcp(
        &self,
        compound: &[u8],
        ssrc: u32,
        index: u32,
    ) -> Result<Vec<u8>, Unspecified> {
        let word = index | RTCP_ENCRYPTED;
        let mut sealed = Vec::with_capacity(compound.len() + self.rtcp_overhead());
        sealed.extend_from_slice(compound);
        match self {
            // RFC 7714 §9: the tag stands before the word.
            Self::Gcm(gcm) => {
                let (clear, body) = sealed.split_at_mut(RTCP_CLEAR_LEN);
                let tag = gcm.seal(ssrc, index.into(), &associated(clear, word), body)?;
                sealed.extend_from_slice(&tag);
                sealed.extend_from_slice(&word.to_be_bytes());
            }
            // RFC 3711 §3.4: the word stands before the tag.
            Self::Counter(counter) => {
                counter.apply(ssrc, index.into(), &mut sealed[RTCP_CLEAR_LEN..])?;
                let tag = counter.tag(&sealed, word);
                sealed.extend_from_slice(&word.to_be_bytes());
                sealed.extend_from_slice(&tag);
            }
        }
        Ok(sealed)
    }

    /// The E flag and index of a sealed compound packet; `None` if it is too short to be one.
    pub(super) fn rtcp_word(&self, packet: &[u8]) -> Option<u32> {
        if packet.len() < RTCP_CLEAR_LEN + self.rtcp_overhead() {
            return None;
        }
        let behind = match self {
            Self::Gcm(_) => 0,
            Self::Counter(_) => counter::TAG_LEN,
        };
        let word = packet[..packet.len() - behind].last_chunk()?;
        Some(u32::from_be_bytes(*word))
    }

    /// Opens a compound packet whose [`rtcp_word`](Self::rtcp_word) is `word` in place; the plain
    /// packet is all but the last [`rtcp_overhead`](Self::rtcp_overhead) bytes.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        word: u32,
    ) -> Result<(), Unspecified> {
        let index = u64::from(word & !RTCP_ENCRYPTED);
        match self {
            Self::Gcm(gcm) => {
                let end = packet.len() - RTCP_WORD_LEN;
                let (clear, sealed) = packet[..end].split_at_mut(RTCP_CLEAR_LEN);
                gcm.open(ssrc, index, &associated(clear, word), sealed)
            }
            Self::Counter(counter) => {
                let (front, tag) = packet.split_at_mut(packet.len() - counter::TAG_LEN);
                let (sealed, _word) = front.split_at_mut(front.len() - RTCP_WORD_LEN);
                counter.verify(sealed, word, tag)?;
                counter.apply(ssrc, index, &mut sealed[RTCP_CLEAR_LEN..])
            }
        }
    }
}

/// Upper 32 bits of the 48-bit packet index.
fn rollover(index: u64) -> u32 {
    (index >> 16) as u32
}

/// What GCM authenticates of an SRTCP packet besides its ciphertext (RFC 7714 §9.2).
fn associated(clear: &[u8], word: u32) -> [u8; RTCP_CLEAR_LEN + RTCP_WORD_LEN] {
    let mut associated = [0; RTCP_CLEAR_LEN + RTCP_WORD_LEN];
    associated[..RTCP_CLEAR_LEN].copy_from_slice(clear);
    associated[RTCP_CLEAR_LEN..].copy_from_slice(&word.to_be_bytes());
    associated
}
