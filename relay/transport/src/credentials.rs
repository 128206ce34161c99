//! ICE user name fragment and password.

use std::fmt;

use rand::RngExt;

/// ICE credentials of one side of a session (RFC 8445 §5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name fragment: 4 to 256 ICE characters. The relay routes first checks by it.
    pub ufrag: String,
    /// Password: 22 to 256 ICE characters.
    pub pwd: String,
}

/// Letters and digits are a subset of the ICE characters that needs no escaping anywhere.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// 71 bits: unique among all sessions of a relay, so it can be a routing key.
const UFRAG_CHARS: usize = 12;

/// 142 bits, where RFC 8445 §5.3 asks for at least 128.
const PWD_CHARS: usize = 24;

impl Credentials {
    /// Fresh credentials from the thread's cryptographically secure generator.
    #[must_use]
    pub fn random() -> Self {
        let mut random = rand::rng();
        let mut letters = |count| {
            (0..count)
                .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
                .collect()
        };
        Self {
            ufrag: letters(UFRAG_CHARS),
            pwd: letters(PWD_CHARS),
        }
    }
}

/// The password stays out of logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_credentials_are_long_enough_and_differ() {
        let (a, b) = (Credentials::random(), Credentials::random());
        assert_eq!((a.ufrag.len(), a.pwd.len()), (UFRAG_CHARS, PWD_CHARS));
        assert_ne!(a.ufrag, b.ufrag);
        assert_ne!(a.pwd, b.pwd);
    }

    #[test]
    fn debug_hides_the_password() {
        let credentials = Credentials::random();
        let shown = format!("{credentials:?}");
        assert!(shown.contains(&credentials.ufrag));
        assert!(!shown.contains(&credentials.pwd));
    }
}
