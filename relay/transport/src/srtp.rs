//! SRTP and SRTCP in place (RFC 3711, RFC 7714): no allocation and no second copy per RTP packet.
//!
//! ```text
//!  DTLS keying material ── keys ──▶ one Suite per direction and kind ──▶ Sealer (outgoing)
//!                                      gcm │ counter                 └─▶ Opener (incoming) + window
//! ```

mod counter;
mod gcm;
mod header;
mod keys;
mod open;
mod seal;
mod suite;
#[cfg(test)]
mod vectors;
mod window;

pub use keys::{KeyingError, MasterKeys, SessionMasters};
pub use open::Opener;
pub use seal::{SealError, Sealer};

/// Both directions of a session.
pub(crate) struct Srtp {
    pub(crate) sealer: Sealer,
    pub(crate) opener: Opener,
}

/// Protection profile of a session, as DTLS-SRTP negotiates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// AEAD_AES_128_GCM (RFC 7714 §14.2).
    AeadAes128Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764 §4.1.2).
    Aes128CmSha1_80,
}

impl Profile {
    /// The profile as a metric label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "aead_aes_128_gcm",
            Self::Aes128CmSha1_80 => "aes128_cm_sha1_80",
        }
    }

    /// Bytes that sealing adds to an RTP packet.
    #[must_use]
    pub const fn overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm => gcm::TAG_LEN,
            Self::Aes128CmSha1_80 => counter::TAG_LEN,
        }
    }

    const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => gcm::SALT_LEN,
            Self::Aes128CmSha1_80 => counter::SALT_LEN,
        }
    }
}

/// Length of master and session encryption keys of both profiles.
const KEY_LEN: usize = 16;
