//! From DTLS keying material to session keys (RFC 5764 §4.2, RFC 3711 §4.3).

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;

use super::{KEY_LEN, Profile};

/// The master keys of both directions of a session.
pub struct SessionMasters {
    /// What the DTLS client seals with.
    pub client: MasterKeys,
    /// What the DTLS server seals with.
    pub server: MasterKeys,
}

impl SessionMasters {
    /// The exporter label of DTLS-SRTP (RFC 5764 §4.2).
    pub const EXPORTER_LABEL: &'static str = "EXTRACTOR-dtls_srtp";

    /// How many bytes of keying material [`from_keying_material`](Self::from_keying_material) reads.
    #[must_use]
    pub const fn keying_material_len(profile: Profile) -> usize {
        2 * (KEY_LEN + profile.salt_len())
    }

    /// Splits exported keying material: both keys, then both salts, the client's first.
    ///
    /// # Errors
    ///
    /// Fails if there is not as much material as the profile needs.
    pub fn from_keying_material(profile: Profile, material: &[u8]) -> Result<Self, KeyingError> {
        if material.len() != Self::keying_material_len(profile) {
            return Err(KeyingError);
        }
        let (keys, salts) = material.split_at(2 * KEY_LEN);
        let (client_key, server_key) = keys.split_at(KEY_LEN);
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());
        Ok(Self {
            client: MasterKeys::new(profile, client_key, client_salt)?,
            server: MasterKeys::new(profile, server_key, server_salt)?,
        })
    }
}

/// Master key and master salt of one direction.
pub struct MasterKeys {
    profile: Profile,
    key: EncryptingKey,
    /// Padded with zeros on the right to the block size, as both profiles have it.
    salt: [u8; 16],
}

impl MasterKeys {
    /// A master key of 16 bytes and a master salt of 12 bytes (GCM) or 14 bytes (AES-CM).
    ///
    /// # Errors
    ///
    /// Fails if a length is wrong.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyingError> {
        if salt.len() != profile.salt_len() {
            return Err(KeyingError);
        }
        let mut padded = [0; 16];
        padded[..salt.len()].copy_from_slice(salt);
        Ok(Self {
            profile,
            key: EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, key)?)?,
            salt: padded,
        })
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// AES-CM as pseudo-random function: the key stream that starts at the salt with the label in
    /// its place. The key derivation rate is zero, so there is no index (RFC 3711 §4.3.1).
    pub(super) fn derive<const LEN: usize>(&self, label: Label) -> Result<[u8; LEN], KeyingError> {
        let mut start = self.salt;
        start[7] ^= label as u8;
        let mut output = [0; LEN];
        self.key.less_safe_encrypt(
            &mut output,
            EncryptionContext::Iv128(FixedLength::from(start)),
        )?;
        Ok(output)
    }
}

/// What a derived key is for (RFC 3711 §4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// SRTP keys have the wrong length for their profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("srtp keying material has the wrong length")]
pub struct KeyingError;

impl From<Unspecified> for KeyingError {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::hex;
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn session_keys_are_those_of_the_rfc() {
        let master = MasterKeys::new(
            Profile::Aes128CmSha1_80,
            &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            &hex("0EC675AD498AFEEBB6960B3AABE6"),
        )
        .unwrap();
        let encryption: [u8; 16] = master.derive(Label::RtpEncryption).unwrap();
        assert_eq!(encryption[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let salt: [u8; 14] = master.derive(Label::RtpSalt).unwrap();
        assert_eq!(salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication: [u8; 94] = master.derive(Label::RtpAuthentication).unwrap();
        assert_eq!(
            authentication[..],
            hex(
                "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE
                 E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25
                 6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
            )
        );
    }

    #[test]
    fn material_of_another_profile_is_refused() {
        for (profile, length) in [(Profile::AeadAes128Gcm, 60), (Profile::Aes128CmSha1_80, 56)] {
            assert!(SessionMasters::from_keying_material(profile, &vec![0; length]).is_err());
        }
    }
}
