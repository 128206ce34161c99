//! The client's certificate and the DTLS configurations made from it.

use std::sync::Arc;

use rtc_crypto::{HashAlgorithm, RTCCryptoProvider, default_provider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::error::Error;

/// Which SRTP protection the client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// AEAD_AES_128_GCM first, AES-CM for servers without it.
    Gcm,
    /// AES_CM_128_HMAC_SHA1_80 only.
    Cm,
}

/// A certificate that all clients of a run share: making one per client would cost more than the rest of a join.
#[derive(Clone)]
pub struct Identity {
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    fingerprint: String,
}

/// Why there is no usable certificate or configuration.
#[derive(Debug, thiserror::Error)]
#[error("dtls cannot be set up: {0}")]
pub struct IdentityError(String);

impl Identity {
    /// Generates a self-signed certificate.
    pub fn generate() -> Result<Self, IdentityError> {
        let provider = default_provider().map_err(|error| IdentityError(error.to_string()))?;
        let certificate =
            Certificate::generate_self_signed(vec!["load".to_owned()], provider.crypto())
                .map_err(|error| IdentityError(error.to_string()))?;
        let fingerprint = fingerprint(provider.as_ref(), &certificate.certificate[0])
            .ok_or_else(|| IdentityError("sha-256 is unavailable".to_owned()))?;
        Ok(Self {
            provider,
            certificate,
            fingerprint,
        })
    }

    /// The SHA-256 fingerprint as `aa:bb:…`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(super) fn provider(&self) -> &dyn RTCCryptoProvider {
        self.provider.as_ref()
    }

    /// A configuration that accepts only the certificate with `expected` as its fingerprint (RFC 8122 §5).
    pub(super) fn handshake(
        &self,
        srtp: Srtp,
        is_client: bool,
        expected: String,
    ) -> Result<HandshakeConfig, IdentityError> {
        let provider = self.provider.clone();
        let verify = move |certificates: &[Vec<u8>], _: &[_]| {
            let found = certificates
                .first()
                .and_then(|certificate| fingerprint(provider.as_ref(), certificate));
            if found.as_ref() == Some(&expected) {
                Ok(())
            } else {
                Err(Error::ErrNoMatchingCertificateFingerprint)
            }
        };
        let profiles = match srtp {
            Srtp::Gcm => vec![
                SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
                SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            ],
            Srtp::Cm => vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80],
        };
        ConfigBuilder::default()
            .with_crypto_provider(self.provider.clone())
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(profiles)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(verify)))
            .build(is_client, None)
            .map_err(|error| IdentityError(error.to_string()))
    }
}

fn fingerprint(provider: &dyn RTCCryptoProvider, certificate: &[u8]) -> Option<String> {
    let digest = provider
        .crypto()
        .hash(HashAlgorithm::Sha256, certificate)
        .ok()?;
    let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(bytes.join(":"))
}
