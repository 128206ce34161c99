//! The DTLS 1.2 server of one session, around `rtc_dtls::endpoint::Endpoint`.
//!
//! ```text
//!  datagram ── intake ──▶ whole, plausible records ──▶ Endpoint ──▶ flights, alerts
//!                  └ first ClientHello: which SRTP profile, hence which configuration
//! ```

mod flight;
mod hello;
mod intake;
mod record;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use self::flight::Flight;
use self::hello::SrtpOffer;
use self::intake::Intake;
use crate::srtp::{Opener, Profile, Sealer, SessionMasters, Srtp};
use crate::{Discard, Fingerprint, Identity, Reason};

/// The client as `Endpoint` knows it. The association belongs to the session, not to an address,
/// so that it survives a change of address.
const CLIENT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 1));

/// The DTLS server of one session.
pub(crate) struct Dtls {
    identity: Arc<Identity>,
    expected: Fingerprint,
    intake: Intake,
    phase: Phase,
    outgoing: VecDeque<Vec<u8>>,
}

enum Phase {
    /// Waits for the first whole ClientHello.
    Hello,
    Handshake {
        endpoint: Endpoint,
        profile: Profile,
        flight: Flight,
    },
    Established(Endpoint),
    Ended,
}

/// What a datagram led to.
pub(crate) enum Step {
    Nothing,
    /// The handshake is complete and the client's certificate is the expected one.
    Established(Box<Srtp>),
    /// The association is over.
    Ended(Reason),
}

impl Dtls {
    pub(crate) fn new(identity: Arc<Identity>, expected: Fingerprint) -> Self {
        Self {
            identity,
            expected,
            intake: Intake::default(),
            phase: Phase::Hello,
            outgoing: VecDeque::new(),
        }
    }

    /// Handles a datagram from an address that has been validated.
    pub(crate) fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<Step, Discard> {
        let accepted = self.intake.accept(datagram)?;
        if let (Phase::Hello, Some(offer)) = (&self.phase, accepted.offer) {
            let Some(profile) = choose(offer) else {
                return Ok(self.refuse(record::HANDSHAKE_FAILURE, Reason::NoSrtpProfile));
            };
            self.phase = Phase::Handshake {
                endpoint: Endpoint::new(
                    CLIENT,
                    TransportProtocol::UDP,
                    Some(self.identity.configuration(profile)),
                ),
                profile,
                flight: Flight::default(),
            };
        }
        if accepted.records.is_empty() {
            return Ok(Step::Nothing);
        }
        let endpoint = match &mut self.phase {
            Phase::Handshake { endpoint, .. } | Phase::Established(endpoint) => endpoint,
            Phase::Hello => return Err(Discard::BadHandshake),
            Phase::Ended => return Err(Discard::Closed),
        };
        let read = endpoint.read(now, CLIENT, None, accepted.records);
        let sent: Vec<Vec<u8>> = std::iter::from_fn(|| endpoint.poll_transmit())
            .map(|transmit| transmit.message.into())
            .collect();
        let gave_up = sent.iter().any(|datagram| record::is_fatal_alert(datagram));
        if let Phase::Handshake { flight, .. } = &mut self.phase {
            flight.sent(now, &sent);
        }
        self.outgoing.extend(sent);

        match read {
            Ok(events) => {
                let mut step = Step::Nothing;
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => step = self.establish(),
                        EndpointEvent::PeerClosed => step = self.end(Reason::Remote),
                        _ => {}
                    }
                }
                Ok(step)
            }
            // The client's fatal alert, repeated to it, or an undecodable record that it
            // authenticated.
            Err(Error::ErrAlertFatalOrClose) => Ok(self.end(Reason::Remote)),
            Err(_) if gave_up => Ok(self.end(Reason::HandshakeFailed)),
            Err(_) => Err(Discard::BadHandshake),
        }
    }

    /// Checks what the complete handshake proved, and takes the SRTP keys from it.
    fn establish(&mut self) -> Step {
        let Phase::Handshake {
            endpoint, profile, ..
        } = std::mem::replace(&mut self.phase, Phase::Ended)
        else {
            return Step::Nothing;
        };
        let Some(state) = endpoint.get_connection_state(CLIENT) else {
            return self.refuse(record::INTERNAL_ERROR, Reason::HandshakeFailed);
        };
        let genuine = state
            .peer_certificates
            .first()
            .is_some_and(|certificate| self.expected.matches(certificate));
        if !genuine {
            return self.refuse(record::BAD_CERTIFICATE, Reason::WrongFingerprint);
        }
        let Some(srtp) = srtp(state, profile) else {
            return self.refuse(record::INTERNAL_ERROR, Reason::HandshakeFailed);
        };
        self.phase = Phase::Established(endpoint);
        Step::Established(Box::new(srtp))
    }

    /// Ends a handshake with a fatal alert in place of whatever was to be sent.
    fn refuse(&mut self, alert: u8, reason: Reason) -> Step {
        self.outgoing.clear();
        self.outgoing.push_back(record::fatal_alert(alert));
        self.end(reason)
    }

    fn end(&mut self, reason: Reason) -> Step {
        self.phase = Phase::Ended;
        Step::Ended(reason)
    }

    /// Queues close_notify and ends the association.
    pub(crate) fn close(&mut self, now: Instant) {
        if let Phase::Handshake { mut endpoint, .. } | Phase::Established(mut endpoint) =
            std::mem::replace(&mut self.phase, Phase::Ended)
            // Nothing is left to do when the alert cannot even be queued.
            && endpoint.close(now).is_ok()
        {
            self.outgoing.extend(
                std::iter::from_fn(|| endpoint.poll_transmit())
                    .map(|transmit| transmit.message.into()),
            );
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshake { flight, .. } => flight.resend_at(),
            Phase::Hello | Phase::Established(_) | Phase::Ended => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Handshake { flight, .. } = &mut self.phase {
            self.outgoing.extend(flight.resend(now));
        }
    }
}

/// GCM costs the relay less than half of AES-CM per packet, so it wins whatever the client prefers.
fn choose(offer: SrtpOffer) -> Option<Profile> {
    if offer.gcm {
        Some(Profile::AeadAes128Gcm)
    } else {
        offer.counter.then_some(Profile::Aes128CmSha1_80)
    }
}

fn srtp(state: &State, profile: Profile) -> Option<Srtp> {
    let length = SessionMasters::keying_material_len(profile);
    let material = state
        .export_keying_material(SessionMasters::EXPORTER_LABEL, &[], length)
        .ok()?;
    let masters = SessionMasters::from_keying_material(profile, material.as_ref()).ok()?;
    Some(Srtp {
        sealer: Sealer::new(&masters.server).ok()?,
        opener: Opener::new(&masters.client).ok()?,
    })
}
