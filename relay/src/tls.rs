//! The certificate HTTP is secured with.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::config::Tls;

const CERTIFICATE: &str = "certificate.der";
const KEY: &str = "key.der";

/// What HTTP is served with.
#[derive(Debug)]
pub enum Secured {
    /// Nothing.
    Plain,
    /// A certificate that browsers know.
    Trusted(RustlsConfig),
    /// A certificate of the relay's own making.
    SelfSigned {
        /// The certificate and its key.
        config: RustlsConfig,
        /// SHA-256 of the certificate, as browsers show it.
        fingerprint: String,
    },
}

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The files do not hold a certificate and its key.
    #[error("{} and {} cannot be used: {source}", .certificate.display(), .key.display())]
    Files {
        /// `http.tls.certificate`.
        certificate: PathBuf,
        /// `http.tls.key`.
        key: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The state folder cannot be used.
    #[error("http.state_dir {} cannot be used: {source}", .dir.display())]
    StateDir {
        /// `http.state_dir`.
        dir: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The cryptographic library refused.
    #[error("a self-signed certificate cannot be made: {0}")]
    Make(String),
}

/// Reads or makes the certificate. `address` is put into one that is made, beside `localhost`.
pub async fn load(tls: &Tls, address: IpAddr) -> Result<Secured, TlsError> {
    match tls {
        Tls::Plain => Ok(Secured::Plain),
        Tls::Files { certificate, key } => {
            let failed = |source| TlsError::Files {
                certificate: certificate.clone(),
                key: key.clone(),
                source,
            };
            Ok(Secured::Trusted(
                RustlsConfig::from_pem_file(certificate, key)
                    .await
                    .map_err(failed)?,
            ))
        }
        Tls::SelfSigned { state_dir: None } => self_signed(make(address)?).await,
        Tls::SelfSigned {
            state_dir: Some(dir),
        } => {
            let failed = |source| TlsError::StateDir {
                dir: dir.clone(),
                source,
            };
            let made = match kept(dir).map_err(failed)? {
                Some(made) => made,
                None => {
                    let made = make(address)?;
                    keep(dir, &made).map_err(failed)?;
                    made
                }
            };
            self_signed(made).await
        }
    }
}

/// A certificate and its key (PKCS #8), DER.
struct Made {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

fn make(address: IpAddr) -> Result<Made, TlsError> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !address.is_unspecified() && !address.is_loopback() {
        names.push(address.to_string());
    }
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names).map_err(|error| TlsError::Make(error.to_string()))?;
    Ok(Made {
        certificate: cert.der().to_vec(),
        key: signing_key.serialize_der(),
    })
}

async fn self_signed(made: Made) -> Result<Secured, TlsError> {
    let fingerprint = fingerprint(&made.certificate);
    let config = RustlsConfig::from_der(vec![made.certificate], made.key)
        .await
        .map_err(|error| TlsError::Make(error.to_string()))?;
    Ok(Secured::SelfSigned {
        config,
        fingerprint,
    })
}

fn fingerprint(certificate: &[u8]) -> String {
    let bytes = digest(&SHA256, certificate);
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

fn kept(dir: &Path) -> io::Result<Option<Made>> {
    let read = |name| match std::fs::read(dir.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    Ok(read(CERTIFICATE)?
        .zip(read(KEY)?)
        .map(|(certificate, key)| Made { certificate, key }))
}

fn keep(dir: &Path, made: &Made) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(dir.join(KEY))?.write_all(&made.key)?;
    options
        .open(dir.join(CERTIFICATE))?
        .write_all(&made.certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_signed_fingerprint(secured: Secured) -> String {
        match secured {
            Secured::SelfSigned { fingerprint, .. } => fingerprint,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_kept_certificate_keeps_its_fingerprint() {
        let dir = std::env::temp_dir().join(format!("lectern-tls-{}", std::process::id()));
        let tls = Tls::SelfSigned {
            state_dir: Some(dir.join("state")),
        };
        let address = "192.0.2.1".parse().unwrap();
        let first = self_signed_fingerprint(load(&tls, address).await.unwrap());
        let second = self_signed_fingerprint(load(&tls, address).await.unwrap());
        let other = self_signed_fingerprint(
            load(&Tls::SelfSigned { state_dir: None }, address)
                .await
                .unwrap(),
        );
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(first.split(':').count(), 32);
        assert_eq!(first, second);
        assert_ne!(first, other);
    }

    #[tokio::test]
    async fn files_that_hold_no_certificate_are_named() {
        let tls = Tls::Files {
            certificate: "/nowhere/c.pem".into(),
            key: "/nowhere/k.pem".into(),
        };
        let error = load(&tls, "127.0.0.1".parse().unwrap()).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/c.pem and /nowhere/k.pem cannot be used: "),
            "{error}"
        );
    }
}
