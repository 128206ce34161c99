//! What a transport hands to its caller.

use crate::Path;
use crate::srtp::Profile;

/// What a datagram turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// STUN or DTLS, handled here.
    Consumed,
    /// A plain RTP packet.
    Rtp(&'a mut [u8]),
    /// A plain compound RTCP packet (also reduced-size, RFC 5506).
    Rtcp(&'a [u8]),
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: Path,
    /// What; it fits any path that carries WebRTC.
    pub bytes: Vec<u8>,
}

/// What happened to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is complete and the client's certificate is the one of its offer.
    Connected {
        /// The SRTP profile of the session.
        profile: Profile,
    },
    /// The client wants to be reached on this path from now on.
    Nominated(Path),
    /// The session is over; nothing follows.
    Closed(Reason),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// [`Transport::close`](crate::Transport::close) was called.
    #[error("closed by the relay")]
    Local,
    /// The client sent close_notify, or a fatal alert.
    #[error("closed by the client")]
    Remote,
    /// No authenticated connectivity check for 30 s (RFC 7675).
    #[error("no connectivity check arrived from the client for 30 s")]
    ConsentExpired,
    /// The DTLS handshake was not complete after 30 s.
    #[error("the DTLS handshake was not finished within 30 s")]
    HandshakeTimeout,
    /// The client's handshake was refused: no common cipher suite, no certificate, a bad signature.
    #[error("the DTLS handshake failed")]
    HandshakeFailed,
    /// The client's certificate is not the one its offer announced.
    #[error("the client's certificate does not match its offer")]
    WrongFingerprint,
    /// The client offers no SRTP profile that the relay has.
    #[error("the client offers no supported SRTP profile")]
    NoSrtpProfile,
}

impl Reason {
    /// The reason as a metric label value, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::ConsentExpired => "consent_expired",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HandshakeFailed => "handshake_failed",
            Self::WrongFingerprint => "wrong_fingerprint",
            Self::NoSrtpProfile => "no_srtp_profile",
        }
    }
}
