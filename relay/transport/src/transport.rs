//! The session's transport: demultiplexing, timers and events around ICE, DTLS and SRTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::srtp::{Profile, Sealer};
use crate::{Credentials, Discard, Fingerprint, Identity};

/// One ICE-lite + DTLS server + SRTP association.
///
/// After every call that takes `&mut self`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), and ask [`poll_timeout`](Self::poll_timeout) again.
pub struct Transport {}

impl Transport {
    /// A transport that waits for the client's first connectivity check.
    ///
    /// `local` are the credentials of the answer, `remote` the fingerprint of the offer. The
    /// offer's own ICE credentials are not needed: an ICE-lite agent never sends a check.
    #[must_use]
    pub fn new(
        identity: Arc<Identity>,
        local: Credentials,
        remote: Fingerprint,
        now: Instant,
    ) -> Self {
        let _ = (identity, local, remote, now);
        Self {}
    }

    /// Handles one datagram of this session, which is decrypted in place.
    ///
    /// # Errors
    ///
    /// The reason why the datagram was dropped. The session goes on.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Result<Received<'a>, Discard> {
        let _ = (now, from, datagram);
        Err(Discard::Closed)
    }

    /// The next datagram to send, if any.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    /// The next thing that happened, if any.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` once closed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Advances handshake retransmission and consent to `now`. Calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// Accepts checks under new credentials (RFC 8445 §9). The old ones stay valid until the first
    /// authenticated check under the new ones.
    pub fn restart_ice(&mut self, local: Credentials) {
        let _ = local;
    }

    /// Sends close_notify and ends the session with [`Reason::Local`].
    pub fn close(&mut self, now: Instant) {
        let _ = now;
    }

    /// Where to send to: the address of the client's latest nomination.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        None
    }

    /// Whether media can flow: the handshake is complete and the session not closed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        false
    }

    /// Seals outgoing media; `None` unless [connected](Self::is_connected).
    pub fn sealer(&mut self) -> Option<&mut Sealer> {
        None
    }
}

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
    pub to: SocketAddr,
    /// What, at most 1,200 bytes.
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
    /// The client wants to be reached at this address from now on.
    Nominated(SocketAddr),
    /// The session is over; nothing follows.
    Closed(Reason),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// [`Transport::close`] was called.
    #[error("closed by the relay")]
    Local,
    /// The client sent close_notify, or a fatal alert.
    #[error("closed by the client")]
    Remote,
    /// No authenticated connectivity check for 30 s (RFC 7675).
    #[error("the client stopped sending connectivity checks")]
    ConsentExpired,
    /// The DTLS handshake was not complete after 30 s.
    #[error("the DTLS handshake was not finished in time")]
    HandshakeTimeout,
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
            Self::WrongFingerprint => "wrong_fingerprint",
            Self::NoSrtpProfile => "no_srtp_profile",
        }
    }
}
