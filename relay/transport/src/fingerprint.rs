//! Certificate fingerprints as SDP writes them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;

/// Hash of a certificate, from `a=fingerprint` (RFC 8122 §5).
///
/// Parses `sha-256 AA:BB:…`, also `sha-384` and `sha-512`, in either case; writes upper case, as
/// RFC 8122 asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

/// RFC 8122 names more functions, but MD2, MD5 and SHA-1 must not be used (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn digest(self, der: &[u8]) -> digest::Digest {
        let function = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(function, der)
    }

    fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Fingerprint {
    /// The SHA-256 fingerprint of a certificate in DER.
    #[must_use]
    pub fn sha256(der: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            digest: Algorithm::Sha256.digest(der).as_ref().to_vec(),
        }
    }

    /// Whether `der` is the certificate this fingerprint was made from.
    #[must_use]
    pub fn matches(&self, der: &[u8]) -> bool {
        self.algorithm.digest(der).as_ref() == self.digest
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let (name, hex) = value
            .trim()
            .split_once(' ')
            .ok_or(FingerprintError::Malformed)?;
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
            .ok_or(FingerprintError::UnsupportedHash)?;
        let digest = hex
            .trim()
            .split(':')
            .map(|byte| match byte.len() {
                2 => u8::from_str_radix(byte, 16).map_err(|_| FingerprintError::Malformed),
                _ => Err(FingerprintError::Malformed),
            })
            .collect::<Result<Vec<u8>, _>>()?;
        if digest.len() != algorithm.digest_len() {
            return Err(FingerprintError::Malformed);
        }
        Ok(Self { algorithm, digest })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.algorithm.name())?;
        for (position, byte) in self.digest.iter().enumerate() {
            let separator = if position == 0 { ' ' } else { ':' };
            write!(formatter, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Why an `a=fingerprint` value cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// Not a hash function name and colon-separated hexadecimal bytes of that function's length.
    #[error("certificate fingerprint is malformed")]
    Malformed,
    /// A hash function that is unknown or no longer secure.
    #[error("certificate fingerprint uses a hash other than sha-256, sha-384 or sha-512")]
    UnsupportedHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_survives_its_text_form() {
        let fingerprint = Fingerprint::sha256(b"certificate");
        let text = fingerprint.to_string();
        assert!(text.starts_with("sha-256 "));
        assert_eq!(text.parse(), Ok(fingerprint.clone()));
        assert_eq!(text.to_ascii_lowercase().parse(), Ok(fingerprint.clone()));
        assert!(fingerprint.matches(b"certificate"));
        assert!(!fingerprint.matches(b"another"));
    }

    #[test]
    fn longer_hashes_match_too() {
        let hex = Algorithm::Sha512
            .digest(b"certificate")
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(":");
        let fingerprint: Fingerprint = format!("SHA-512 {hex}").parse().unwrap();
        assert!(fingerprint.matches(b"certificate"));
    }

    #[test]
    fn broken_fingerprints_are_refused() {
        for text in ["", "sha-256", "sha-256 ", "sha-256 AA:BB", "sha-256 +1:zz"] {
            assert_eq!(
                text.parse::<Fingerprint>(),
                Err(FingerprintError::Malformed),
                "{text}"
            );
        }
        assert_eq!(
            "sha-1 AA:BB".parse::<Fingerprint>(),
            Err(FingerprintError::UnsupportedHash)
        );
    }
}
