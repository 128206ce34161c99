//! Why a datagram was dropped.

use std::fmt;

/// Why a datagram was dropped without an effect on the session.
///
/// Every reason is one value of a metric label, so there are few of them and none carries what the
/// sender wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discard {
    /// First byte that is none of STUN, DTLS, SRTP (RFC 7983).
    UnknownProtocol,
    /// Truncated, or inconsistent in its lengths.
    Malformed,
    /// STUN that is not a binding request or indication: an ICE-lite agent asks nothing, so it
    /// expects no answers.
    UnexpectedStun,
    /// STUN whose FINGERPRINT is missing or wrong.
    BadFingerprint,
    /// STUN addressed to a user name fragment that is not this session's.
    UnknownUserName,
    /// STUN whose MESSAGE-INTEGRITY is missing or wrong.
    BadIntegrity,
    /// DTLS or SRTP from an address that no authenticated check came from.
    UnvalidatedAddress,
    /// DTLS record that the handshake refused.
    BadHandshake,
    /// SRTP or SRTCP before the handshake was complete.
    BeforeHandshake,
    /// SRTP or SRTCP that fails authentication.
    BadAuthentication,
    /// SRTP or SRTCP seen before, or older than the replay window.
    Replayed,
    /// SRTP or SRTCP of one more source than a session may have.
    TooManySources,
    /// Anything that arrives after the session was closed.
    Closed,
}

impl Discard {
    /// Every reason, so that metrics can be registered before the first datagram.
    pub const ALL: [Self; 13] = [
        Self::UnknownProtocol,
        Self::Malformed,
        Self::UnexpectedStun,
        Self::BadFingerprint,
        Self::UnknownUserName,
        Self::BadIntegrity,
        Self::UnvalidatedAddress,
        Self::BadHandshake,
        Self::BeforeHandshake,
        Self::BadAuthentication,
        Self::Replayed,
        Self::TooManySources,
        Self::Closed,
    ];

    /// The reason as a metric label value, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProtocol => "unknown_protocol",
            Self::Malformed => "malformed",
            Self::UnexpectedStun => "unexpected_stun",
            Self::BadFingerprint => "bad_fingerprint",
            Self::UnknownUserName => "unknown_user_name",
            Self::BadIntegrity => "bad_integrity",
            Self::UnvalidatedAddress => "unvalidated_address",
            Self::BadHandshake => "bad_handshake",
            Self::BeforeHandshake => "before_handshake",
            Self::BadAuthentication => "bad_authentication",
            Self::Replayed => "replayed",
            Self::TooManySources => "too_many_sources",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_are_distinct_and_snake_case() {
        let labels: HashSet<_> = Discard::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), Discard::ALL.len());
        assert!(
            labels
                .iter()
                .all(|label| label.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()))
        );
    }
}
