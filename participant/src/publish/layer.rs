//! What the layers of a simulcast publication are called.

use std::fmt;

/// Longest name that fits a one-byte header extension (RFC 8285 §4.2).
const LONGEST: usize = 16;

/// The name of a simulcast layer: one to sixteen letters and digits (RFC 8851 §4, RFC 8852 §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rid(String);

/// A name that no layer can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a layer is named by 1 to 16 letters and digits")]
pub struct InvalidRid;

impl Rid {
    /// A layer's name.
    ///
    /// # Errors
    /// It is empty, too long, or holds something else than letters and digits of ASCII.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidRid> {
        let name = name.into();
        let fits = (1..=LONGEST).contains(&name.len());
        if fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(name))
        } else {
            Err(InvalidRid)
        }
    }

    /// As it is written in SDP and sent in packets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["h", "m", "l", "0123456789abcdef"] {
            assert_eq!(Rid::new(name).map(|rid| rid.to_string()), Ok(name.into()));
        }
        for name in ["", "hi-fi", "a;b", "0123456789abcdefg", "é"] {
            assert_eq!(Rid::new(name), Err(InvalidRid), "{name}");
        }
    }
}
