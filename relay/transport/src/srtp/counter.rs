//! AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2.1).

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::KEY_LEN;
use super::gcm::mask;

pub(super) const TAG_LEN: usize = 10;
pub(super) const SALT_LEN: usize = 14;
pub(super) const AUTHENTICATION_KEY_LEN: usize = 20;

/// Session keys and salt of one direction for RTP or for RTCP.
pub(super) struct Counter {
    encryption: EncryptingKey,
    authentication: hmac::Key,
    salt: [u8; SALT_LEN],
}

impl Counter {
    pub(super) fn new(
        encryption: &[u8; KEY_LEN],
        authentication: &[u8; AUTHENTICATION_KEY_LEN],
        salt: [u8; SALT_LEN],
    ) -> Result<Self, Unspecified> {
        Ok(Self {
            encryption: EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, encryption)?)?,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
            salt,
        })
    }

    /// Encrypts or decrypts `body`: counter mode is its own inverse.
    pub(super) fn apply(&self, ssrc: u32, index: u64, body: &mut [u8]) -> Result<(), Unspecified> {
        let start = EncryptionContext::Iv128(FixedLength::from(self.start(ssrc, index)));
        self.encryption
            .less_safe_encrypt(body, start)
            .map(|_context| ())
    }

    /// Tag over the encrypted packet and the word that is authenticated behind it: the roll-over
    /// counter of RTP, the E flag and index of RTCP.
    pub(super) fn tag(&self, packet: &[u8], word: u32) -> [u8; TAG_LEN] {
        let mut mac = hmac::Context::with_key(&self.authentication);
        mac.update(packet);
        mac.update(&word.to_be_bytes());
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&mac.sign().as_ref()[..TAG_LEN]);
        tag
    }

    pub(super) fn verify(&self, packet: &[u8], word: u32, tag: &[u8]) -> Result<(), Unspecified> {
        verify_slices_are_equal(&self.tag(packet, word), tag)
    }

    /// Salt masked with SSRC and 48-bit packet index; the block counter starts at zero.
    fn start(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let mut start = [0; 16];
        start[..SALT_LEN].copy_from_slice(&self.salt);
        mask(&mut start[4..8], &ssrc.to_be_bytes());
        mask(&mut start[8..14], &index.to_be_bytes()[2..]);
        start
    }
}
