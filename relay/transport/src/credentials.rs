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

/// No digit of a label.
const LABEL_END: char = 'X';

/// 71 bits beside the label: unique among all sessions of a relay, so it can be a routing key.
const UFRAG_CHARS: usize = 12;

/// 142 bits, where RFC 8445 §5.3 asks for at least 128.
const PWD_CHARS: usize = 24;

impl Credentials {
    /// Fresh credentials from the thread's cryptographically secure generator.
    #[must_use]
    pub fn random() -> Self {
        Self::labelled(0)
    }

    /// The same, with a number in the user name fragment. It tells who has nothing but a session's first check, as on a TCP
    /// connection that was just opened, to which part of the relay the session belongs.
    #[must_use]
    pub fn labelled(label: usize) -> Self {
        let mut random = rand::rng();
        let mut letters = |count| -> String {
            (0..count)
                .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
                .collect()
        };
        Self {
            ufrag: format!("{label:x}{LABEL_END}{}", letters(UFRAG_CHARS)),
            pwd: letters(PWD_CHARS),
        }
    }
}

/// The number in the relay's user name fragment, of a session that may or may not be.
#[must_use]
pub fn ufrag_label(ufrag: &str) -> Option<usize> {
    let (label, _) = ufrag.split_once(LABEL_END)?;
    usize::from_str_radix(label, 16).ok()
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
        assert!(a.ufrag.len() >= UFRAG_CHARS && a.pwd.len() == PWD_CHARS);
        assert_ne!(a.ufrag, b.ufrag);
        assert_ne!(a.pwd, b.pwd);
    }

    #[test]
    fn a_label_is_found_again() {
        for number in [0, 1, 255, 256, usize::MAX] {
            assert_eq!(
                ufrag_label(&Credentials::labelled(number).ufrag),
                Some(number)
            );
        }
        for other in ["", "X", "abc", "ghX", "fffffffffffffffffX"] {
            assert_eq!(ufrag_label(other), None, "{other}");
        }
    }

    #[test]
    fn debug_hides_the_password() {
        let credentials = Credentials::random();
        let shown = format!("{credentials:?}");
        assert!(shown.contains(&credentials.ufrag));
        assert!(!shown.contains(&credentials.pwd));
    }
}
