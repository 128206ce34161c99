//! The relay's certificate.

use std::sync::Arc;

use rtc_crypto::{RTCCrypto, RTCCryptoProvider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::Fingerprint;
use crate::srtp::Profile;

/// One self-signed certificate and the DTLS configurations made from it, for all sessions.
pub struct Identity {
    fingerprint: Fingerprint,
    provider: Arc<dyn RTCCryptoProvider>,
    gcm: Arc<HandshakeConfig>,
    counter: Arc<HandshakeConfig>,
}

impl Identity {
    /// Makes a fresh certificate with an ECDSA P-256 key.
    ///
    /// # Errors
    ///
    /// Fails if the cryptography library can make no key, for want of randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let provider = rtc_crypto::default_provider().map_err(IdentityError::new)?;
        let certificate =
            Certificate::generate_self_signed(vec!["lectern".to_owned()], provider.crypto())
                .map_err(IdentityError::new)?;
        let der = certificate
            .certificate
            .first()
            .ok_or_else(|| IdentityError::new("the certificate chain is empty"))?;
        let fingerprint = Fingerprint::sha256(der);
        let configuration = |profile| {
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                // rtc-dtls follows the client's order, and browsers put AES-CM first. With only one
                // profile in each configuration the choice is made by picking a configuration.
                .with_srtp_protection_profiles(vec![profile])
                // Any certificate will do here: it is compared with the offer's fingerprint when
                // the handshake is complete (RFC 8827 §6.5), because the configuration is shared.
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_insecure_skip_verify(true)
                // RFC 7627 §5.2; browsers, OpenSSL and Mbed TLS all offer it.
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .build(false, None)
                .map(Arc::new)
                .map_err(IdentityError::new)
        };
        Ok(Self {
            gcm: configuration(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm)?,
            counter: configuration(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80)?,
            provider,
            fingerprint,
        })
    }

    /// The certificate's SHA-256 fingerprint, which displays as `a=fingerprint` has it
    /// (`sha-256 AA:BB:…`).
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(crate) fn configuration(&self, profile: Profile) -> Arc<HandshakeConfig> {
        match profile {
            Profile::AeadAes128Gcm => self.gcm.clone(),
            Profile::Aes128CmSha1_80 => self.counter.clone(),
        }
    }

    pub(crate) fn crypto(&self) -> &dyn RTCCrypto {
        self.provider.crypto()
    }
}

/// The relay's certificate or its DTLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the relay's certificate: {0}")]
pub struct IdentityError(String);

impl IdentityError {
    fn new(cause: impl ToString) -> Self {
        Self(cause.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_shared_between_workers_and_unlike_the_next() {
        fn shareable<T: Send + Sync>(_: &T) {}
        let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        shareable(&a);
        assert_ne!(a.fingerprint(), b.fingerprint());
    }
}
