//! AEAD_AES_128_GCM (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

use super::KEY_LEN;

pub(super) const TAG_LEN: usize = 16;
pub(super) const SALT_LEN: usize = 12;

/// Session key and salt of one direction for RTP or for RTCP.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; SALT_LEN],
}

impl Gcm {
    pub(super) fn new(key: &[u8; KEY_LEN], salt: [u8; SALT_LEN]) -> Result<Self, Unspecified> {
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key)?),
            salt,
        })
    }

    /// Encrypts `body` in place and returns the tag over `clear` and `body`.
    pub(super) fn seal(
        &self,
        ssrc: u32,
        index: u64,
        clear: &[u8],
        body: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Unspecified> {
        let tag =
            self.key
                .seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(clear), body)?;
        tag.as_ref().try_into().map_err(|_| Unspecified)
    }

    /// Decrypts `sealed`, ciphertext followed by its tag, in place. On failure its bytes are lost.
    pub(super) fn open(
        &self,
        ssrc: u32,
        index: u64,
        clear: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Unspecified> {
        self.key
            .open_in_place(self.nonce(ssrc, index), Aad::from(clear), sealed)
            .map(|_plain| ())
    }

    /// Two zero bytes, SSRC, 48-bit packet index, all masked with the salt. The SRTCP index stands
    /// in the same place, with zeros above it (RFC 7714 §8.1, §9.1).
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        mask(&mut nonce[2..6], &ssrc.to_be_bytes());
        mask(&mut nonce[6..], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }
}

pub(super) fn mask(target: &mut [u8], with: &[u8]) {
    for (byte, other) in target.iter_mut().zip(with) {
        *byte ^= other;
    }
}
