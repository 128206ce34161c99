//! One ICE + DTLS + SRTP association, as a client.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::config::HandshakeConfig;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_srtp::config::{Config, LABEL_EXTRACTOR_DTLS_SRTP};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::answer::{Answer, Setup};
use super::ice::{Agent, Credentials, Outgoing};
use super::identity::{Identity, IdentityError, Srtp};

/// What became of a datagram.
#[derive(Debug)]
pub enum Event {
    /// The association is up; media flows from now on.
    Connected,
    /// The server closed it.
    Closed,
    /// An SRTP packet, still sealed.
    Rtp,
    /// The plain text of an authenticated SRTCP packet.
    Rtcp(BytesMut),
    /// Nothing for the caller.
    Nothing,
}

/// Why an association failed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No check was answered for thirty seconds.
    #[error("ice consent expired")]
    Expired,
    /// The handshake failed.
    #[error("the dtls handshake failed: {0}")]
    Handshake(String),
    /// The server chose a profile we cannot use, or none.
    #[error("no usable srtp profile was negotiated")]
    Profile,
}

/// The association.
pub struct Link {
    identity: Identity,
    agent: Agent,
    dtls: Endpoint,
    connect: Option<Arc<HandshakeConfig>>,
    remote: Option<SocketAddr>,
    keys: Option<Keys>,
    outbox: VecDeque<Outgoing>,
}

struct Keys {
    profile: &'static str,
    seal: Context,
    open: Context,
}

impl Link {
    /// An association that will be established with the server that gave `answer`.
    pub fn new(
        now: Instant,
        identity: &Identity,
        srtp: Srtp,
        local: SocketAddr,
        credentials: Credentials,
        answer: &Answer,
    ) -> Result<Self, IdentityError> {
        let is_client = answer.setup == Setup::Passive;
        let config = Arc::new(identity.handshake(srtp, is_client, answer.fingerprint.clone())?);
        let candidates = answer
            .candidates
            .iter()
            .filter(|candidate| candidate.is_ipv4() == local.is_ipv4())
            .copied()
            .collect();
        let (connect, accept) = if is_client {
            (Some(config), None)
        } else {
            (None, Some(config))
        };
        Ok(Self {
            identity: identity.clone(),
            agent: Agent::new(now, credentials, answer.credentials.clone(), candidates),
            dtls: Endpoint::new(local, TransportProtocol::UDP, accept),
            connect,
            remote: None,
            keys: None,
            outbox: VecDeque::new(),
        })
    }

    /// Where media goes to and comes from, once a check succeeded.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The negotiated protection, once connected.
    pub fn profile(&self) -> Option<&'static str> {
        self.keys.as_ref().map(|keys| keys.profile)
    }

    /// Takes one datagram, told apart by its first byte (RFC 7983).
    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Event, LinkError> {
        match datagram.first() {
            Some(0..=3) => {
                let crypto = self.identity.provider().crypto();
                if let Some(reply) = self.agent.handle(now, from, datagram, crypto) {
                    self.outbox.push_back((from, reply));
                }
                self.start_handshake(now)?;
                Ok(Event::Nothing)
            }
            Some(20..=63) => self.handle_dtls(now, from, datagram),
            Some(128..=191) if self.keys.is_some() => Ok(self.handle_srtp(datagram)),
            _ => Ok(Event::Nothing),
        }
    }

    /// Sends due checks and retransmits the handshake. To be called every few tens of milliseconds.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), LinkError> {
        if self.agent.is_expired(now) {
            return Err(LinkError::Expired);
        }
        self.outbox
            .extend(self.agent.poll(now, self.identity.provider().crypto()));
        if let Some(remote) = self.remote
            && self.dtls.poll_timeout(&remote).is_some_and(|at| at <= now)
        {
            self.dtls
                .handle_timeout(remote, now)
                .map_err(|error| LinkError::Handshake(error.to_string()))?;
        }
        Ok(())
    }

    /// Says goodbye; what it queues is still to be sent.
    pub fn close(&mut self, now: Instant) {
        if let Some(remote) = self.remote {
            self.dtls.stop(now, remote);
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        self.outbox.pop_front().or_else(|| {
            let transmit = self.dtls.poll_transmit()?;
            Some((transmit.transport.peer_addr, transmit.message.to_vec()))
        })
    }

    /// Seals an RTP packet. `None` before the association is up.
    pub fn seal_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.keys.as_mut()?.seal.encrypt_rtp(packet).ok()
    }

    /// Seals a compound RTCP packet.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.keys.as_mut()?.seal.encrypt_rtcp(packet).ok()
    }

    /// Authenticates and decrypts an SRTP packet. `None` when it is not authentic.
    pub fn open_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.keys.as_mut()?.open.decrypt_rtp(packet).ok()
    }

    fn start_handshake(&mut self, now: Instant) -> Result<(), LinkError> {
        let Some(remote) = self.agent.selected() else {
            return Ok(());
        };
        self.remote = Some(remote);
        if let Some(config) = self.connect.take() {
            self.dtls
                .connect(now, remote, config, None)
                .map_err(|error| LinkError::Handshake(error.to_string()))?;
        }
        Ok(())
    }

    fn handle_dtls(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Event, LinkError> {
        let known = self.remote == Some(from) || self.agent.selected().is_none();
        if !known || (self.connect.is_some() && self.remote.is_none()) {
            return Ok(Event::Nothing);
        }
        let events = self
            .dtls
            .read(now, from, None, BytesMut::from(datagram))
            .map_err(|error| LinkError::Handshake(error.to_string()))?;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => {
                    self.remote = Some(from);
                    self.keys = Some(self.export_keys(from)?);
                    return Ok(Event::Connected);
                }
                EndpointEvent::PeerClosed => return Ok(Event::Closed),
                _ => {}
            }
        }
        Ok(Event::Nothing)
    }

    /// RTCP is told from RTP by its packet type, 192 to 223 (RFC 5761 §4).
    fn handle_srtp(&mut self, datagram: &[u8]) -> Event {
        match (datagram.get(1), self.keys.as_mut()) {
            (Some(192..=223), Some(keys)) => keys
                .open
                .decrypt_rtcp(datagram)
                .map_or(Event::Nothing, Event::Rtcp),
            _ => Event::Rtp,
        }
    }

    fn export_keys(&self, remote: SocketAddr) -> Result<Keys, LinkError> {
        let state = self
            .dtls
            .get_connection_state(remote)
            .ok_or(LinkError::Profile)?;
        let (profile, name) = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => {
                (ProtectionProfile::AeadAes128Gcm, "AEAD_AES_128_GCM")
            }
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => (
                ProtectionProfile::Aes128CmHmacSha1_80,
                "AES_CM_128_HMAC_SHA1_80",
            ),
            _ => return Err(LinkError::Profile),
        };
        let mut config = Config {
            profile,
            ..Config::default()
        };
        let material = state
            .export_keying_material(LABEL_EXTRACTOR_DTLS_SRTP, &[], config.keying_material_len())
            .map_err(|error| LinkError::Handshake(error.to_string()))?;
        config
            .set_session_keys_from_keying_material(material.as_ref(), state.is_client())
            .map_err(|error| LinkError::Handshake(error.to_string()))?;
        let crypto = self.identity.provider().crypto();
        // No replay protection: the generator counts duplicates itself and opens only a sample.
        let context = |key: &[u8], salt: &[u8]| {
            Context::new(key, salt, profile, None, None, crypto)
                .map_err(|error| LinkError::Handshake(error.to_string()))
        };
        Ok(Keys {
            profile: name,
            seal: context(
                &config.keys.local_master_key,
                &config.keys.local_master_salt,
            )?,
            open: context(
                &config.keys.remote_master_key,
                &config.keys.remote_master_salt,
            )?,
        })
    }
}
