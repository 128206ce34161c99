//! The session's transport: demultiplexing, timers and events around ICE, DTLS and SRTP.

mod event;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use event::{Event, Reason, Received, Transmit};

use crate::dtls::{Dtls, Step};
use crate::ice::{Agent, CONSENT};
use crate::srtp::{Sealer, Srtp};
use crate::{Credentials, Discard, Fingerprint, Identity, Path};

/// How long a client has to complete the handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// One ICE-lite + DTLS server + SRTP association.
///
/// After every call that takes `&mut self`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), and ask [`poll_timeout`](Self::poll_timeout) again.
pub struct Transport {
    ice: Agent,
    dtls: Dtls,
    state: State,
    /// When the latest SRTP or SRTCP packet was opened.
    opened_at: Option<Instant>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

enum State {
    Connecting { deadline: Instant },
    Connected(Box<Srtp>),
    Closed,
}

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
        Self {
            ice: Agent::new(identity.clone(), local, now),
            dtls: Dtls::new(identity, remote),
            state: State::Connecting {
                deadline: now + HANDSHAKE,
            },
            opened_at: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Handles one datagram of this session, which is decrypted in place.
    ///
    /// # Errors
    ///
    /// The reason why the datagram was dropped. The session goes on.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        from: Path,
        datagram: &'a mut [u8],
    ) -> Result<Received<'a>, Discard> {
        if matches!(self.state, State::Closed) {
            return Err(Discard::Closed);
        }
        // RFC 7983 §7.
        match *datagram {
            [0..=3, ..] => self.handle_stun(now, from, datagram),
            [20..=63, ..] => self.handle_dtls(now, from, datagram),
            [128..=191, kind, ..] => {
                if !self.ice.is_validated(from) {
                    return Err(Discard::UnvalidatedAddress);
                }
                let State::Connected(srtp) = &mut self.state else {
                    return Err(Discard::BeforeHandshake);
                };
                // RFC 5761 §4.
                let received = match kind {
                    192..=223 => Received::Rtcp(srtp.opener.open_rtcp(datagram)?),
                    _ => Received::Rtp(srtp.opener.open_rtp(datagram)?),
                };
                self.opened_at = Some(now);
                Ok(received)
            }
            [] | [128..=191] => Err(Discard::Malformed),
            _ => Err(Discard::UnknownProtocol),
        }
    }

    fn handle_stun<'a>(
        &mut self,
        now: Instant,
        from: Path,
        datagram: &[u8],
    ) -> Result<Received<'a>, Discard> {
        let checked = self.ice.handle(now, from, datagram)?;
        if checked.nominated {
            self.events.push_back(Event::Nominated(from));
        }
        if let Some(bytes) = checked.answer {
            self.transmits.push_back(Transmit { to: from, bytes });
        }
        Ok(Received::Consumed)
    }

    fn handle_dtls<'a>(
        &mut self,
        now: Instant,
        from: Path,
        datagram: &[u8],
    ) -> Result<Received<'a>, Discard> {
        if !self.ice.is_validated(from) {
            return Err(Discard::UnvalidatedAddress);
        }
        // A client may start its handshake on a valid pair before it nominates one
        // (RFC 8445 §12.1.1).
        if self.ice.nominated().is_none() && self.ice.nominate(now, from) {
            self.events.push_back(Event::Nominated(from));
        }
        let step = self.dtls.handle(now, datagram);
        self.collect_dtls();
        match step? {
            Step::Nothing => {}
            Step::Established(srtp) => {
                let profile = srtp.sealer.profile();
                self.state = State::Connected(srtp);
                self.events.push_back(Event::Connected { profile });
            }
            Step::Ended(reason) => self.end(reason),
        }
        Ok(Received::Consumed)
    }

    fn collect_dtls(&mut self) {
        while let Some(bytes) = self.dtls.poll_transmit() {
            if let Some(to) = self.ice.nominated() {
                self.transmits.push_back(Transmit { to, bytes });
            }
        }
    }

    fn end(&mut self, reason: Reason) {
        self.state = State::Closed;
        self.events.push_back(Event::Closed(reason));
    }

    /// The next datagram to send, if any.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing that happened, if any.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` once closed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let consent = self.ice.consent_until();
        match &self.state {
            State::Connecting { deadline } => {
                let earliest = consent.min(*deadline);
                Some(
                    self.dtls
                        .poll_timeout()
                        .map_or(earliest, |at| at.min(earliest)),
                )
            }
            State::Connected(_) => Some(consent),
            State::Closed => None,
        }
    }

    /// Advances handshake retransmission and consent to `now`. Calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Closed => {}
            // Nothing may be sent once consent has expired, not even a farewell (RFC 7675 §5.1).
            _ if self.ice.consent_until() <= now => self.end(Reason::ConsentExpired),
            State::Connecting { deadline } if *deadline <= now => {
                self.dtls.close(now);
                self.collect_dtls();
                self.end(Reason::HandshakeTimeout);
            }
            State::Connecting { .. } => {
                self.dtls.handle_timeout(now);
                self.collect_dtls();
            }
            State::Connected(_) => {}
        }
    }

    /// Accepts checks under new credentials (RFC 8445 §9). The old ones stay valid until the first
    /// authenticated check under the new ones.
    pub fn restart_ice(&mut self, local: Credentials) {
        self.ice.restart(local);
    }

    /// The relay's user name fragments under which checks are accepted: two while ICE restarts.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        self.ice.ufrags()
    }

    /// Sends close_notify and ends the session with [`Reason::Local`]. Does nothing once closed.
    pub fn close(&mut self, now: Instant) {
        if !matches!(self.state, State::Closed) {
            self.dtls.close(now);
            self.collect_dtls();
            self.end(Reason::Local);
        }
    }

    /// Where to send to: the path of the client's latest nomination.
    #[must_use]
    pub fn remote(&self) -> Option<Path> {
        self.ice.nominated()
    }

    /// When the client was last heard: its latest authenticated check or packet, or the making of this transport.
    #[must_use]
    pub fn last_heard(&self) -> Instant {
        let checked_at = self.ice.consent_until() - CONSENT;
        self.opened_at.map_or(checked_at, |at| at.max(checked_at))
    }

    /// Whether media can flow: the handshake is complete and the session not closed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// Seals outgoing media; `None` unless [connected](Self::is_connected).
    pub fn sealer(&mut self) -> Option<&mut Sealer> {
        match &mut self.state {
            State::Connected(srtp) => Some(&mut srtp.sealer),
            State::Connecting { .. } | State::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HTTP makes transports, workers own them.
    #[test]
    fn a_transport_can_be_handed_to_a_worker() {
        fn sendable<T: Send>() {}
        sendable::<Transport>();
    }
}
