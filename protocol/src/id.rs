//! Identifiers that people read in addresses and logs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest identifier accepted, in bytes.
const MAX_LEN: usize = 64;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    kind: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a {} is 1 to {MAX_LEN} of the characters a-z, A-Z, 0-9, '-', '_' and '.', starting with a letter or digit",
            self.kind
        )
    }
}

impl std::error::Error for InvalidId {}

fn is_valid(text: &str) -> bool {
    text.len() <= MAX_LEN
        && text
            .as_bytes()
            .first()
            .is_some_and(u8::is_ascii_alphanumeric)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as it appears in addresses.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_valid(&text) { Ok(Self(text)) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Names a lesson, the unit of isolation: `/whip/{lesson}/…`.
    LessonId,
    "lesson"
);
id!(
    /// Names a room's (or the central school's) place in lessons; it survives reconnects.
    SeatId,
    "seat"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_fits_into_a_path_segment() {
        for text in ["demo", "2026-11-20.math_3", "a", "7"] {
            assert_eq!(
                text.parse::<LessonId>().map(String::from).as_deref(),
                Ok(text)
            );
        }
    }

    #[test]
    fn refuses_what_could_escape_a_path_or_a_log_line() {
        let long = "a".repeat(65);
        for text in ["", "..", "a/b", "a b", "-a", "课", "a\n", long.as_str()] {
            assert!(text.parse::<LessonId>().is_err(), "{text:?}");
        }
    }
}
