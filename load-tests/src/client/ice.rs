//! The controlling ICE agent of a client with one host candidate (RFC 8445).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;
use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;

/// Between checks until one is answered.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Between consent checks afterwards (RFC 7675 §5.1).
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Without any answer the path is dead (RFC 7675 §5.1).
const CONSENT_EXPIRY: Duration = Duration::from_secs(30);
/// How many transactions are remembered.
const OUTSTANDING: usize = 32;

/// One side's ICE user name fragment and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// At least 4 characters.
    pub ufrag: String,
    /// At least 22 characters.
    pub pwd: String,
}

impl Credentials {
    /// Fresh random credentials.
    pub fn random() -> Self {
        let mut rng = rand::rng();
        Self {
            ufrag: format!("{:08x}", rng.random::<u32>()),
            pwd: format!("{:032x}", rng.random::<u128>()),
        }
    }
}

/// Something to put on the wire.
pub type Outgoing = (SocketAddr, Vec<u8>);

/// The agent.
pub struct Agent {
    local: Credentials,
    remote: Credentials,
    candidates: Vec<SocketAddr>,
    tie_breaker: u64,
    outstanding: Vec<(TransactionId, SocketAddr)>,
    next_check: Instant,
    expires: Instant,
    selected: Option<SocketAddr>,
}

impl Agent {
    pub fn new(
        now: Instant,
        local: Credentials,
        remote: Credentials,
        candidates: Vec<SocketAddr>,
    ) -> Self {
        Self {
            local,
            remote,
            candidates,
            tie_breaker: rand::rng().random(),
            outstanding: Vec::new(),
            next_check: now,
            expires: now + CONSENT_EXPIRY,
            selected: None,
        }
    }

    /// The pair's remote address once a check succeeded.
    pub fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// Whether consent has expired.
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// The checks that are due.
    pub fn poll(&mut self, now: Instant, crypto: &dyn RTCCrypto) -> Vec<Outgoing> {
        if now < self.next_check {
            return Vec::new();
        }
        let targets = match self.selected {
            Some(address) => {
                self.next_check = now + CONSENT_INTERVAL;
                vec![address]
            }
            None => {
                self.next_check = now + CHECK_INTERVAL;
                self.candidates.clone()
            }
        };
        targets
            .into_iter()
            .filter_map(|address| Some((address, self.check(address, crypto)?)))
            .collect()
    }

    /// Takes a STUN datagram; gives the reply, if it asks for one.
    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        let mut message = Message {
            raw: datagram.to_vec(),
            ..Message::default()
        };
        message.decode().ok()?;
        if message.typ == BINDING_REQUEST {
            return self.answer(from, message, crypto);
        }
        if message.typ == BINDING_SUCCESS {
            let position = self
                .outstanding
                .iter()
                .position(|(id, to)| *id == message.transaction_id && *to == from)?;
            MessageIntegrity::check(&mut message, self.remote.pwd.as_bytes(), crypto).ok()?;
            self.outstanding.swap_remove(position);
            self.expires = now + CONSENT_EXPIRY;
            if self.selected.is_none() {
                self.selected = Some(from);
                self.next_check = now + CONSENT_INTERVAL;
            }
        }
        None
    }

    /// A full (not lite) server checks too, and waits for our answers.
    fn answer(
        &self,
        from: SocketAddr,
        mut request: Message,
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        MessageIntegrity::check(&mut request, self.local.pwd.as_bytes(), crypto).ok()?;
        let mut reply = Message::new();
        reply
            .build(&[
                Box::new(request.transaction_id) as Box<dyn Setter>,
                Box::new(BINDING_SUCCESS),
                Box::new(XorMappedAddress {
                    ip: from.ip(),
                    port: from.port(),
                }),
                Box::new(integrity(&self.local, crypto)),
                Box::new(FINGERPRINT),
            ])
            .ok()?;
        Some(reply.raw)
    }

    /// Every check nominates: with one local candidate the first pair that works is the pair.
    fn check(&mut self, to: SocketAddr, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let id = TransactionId::new();
        if self.outstanding.len() >= OUTSTANDING {
            self.outstanding.remove(0);
        }
        self.outstanding.push((id, to));
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        let mut request = Message::new();
        request
            .build(&[
                Box::new(id) as Box<dyn Setter>,
                Box::new(BINDING_REQUEST),
                Box::new(TextAttribute::new(ATTR_USERNAME, username)),
                Box::new(raw(ATTR_PRIORITY, &1_862_270_975_u32.to_be_bytes())),
                Box::new(raw(ATTR_ICE_CONTROLLING, &self.tie_breaker.to_be_bytes())),
                Box::new(raw(ATTR_USE_CANDIDATE, &[])),
                Box::new(integrity(&self.remote, crypto)),
                Box::new(FINGERPRINT),
            ])
            .ok()?;
        Some(request.raw)
    }
}

fn integrity<'a>(credentials: &Credentials, crypto: &'a dyn RTCCrypto) -> MessageIntegrity<'a> {
    MessageIntegrity::new_short_term_integrity_with_provider(credentials.pwd.clone(), crypto)
}

fn raw(typ: AttrType, value: &[u8]) -> RawAttribute {
    RawAttribute {
        typ,
        length: value.len() as u16,
        value: value.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use rtc_crypto::default_provider;

    use super::*;

    fn pair(now: Instant) -> (Agent, Agent, SocketAddr, SocketAddr) {
        let (ours, theirs) = (Credentials::random(), Credentials::random());
        let (here, there): (SocketAddr, SocketAddr) = (
            "192.0.2.1:1".parse().unwrap(),
            "192.0.2.2:2".parse().unwrap(),
        );
        (
            Agent::new(now, ours.clone(), theirs.clone(), vec![there]),
            Agent::new(now, theirs, ours, vec![here]),
            here,
            there,
        )
    }

    #[test]
    fn selects_the_candidate_that_answers() {
        let provider = default_provider().unwrap();
        let now = Instant::now();
        let (mut client, mut server, here, there) = pair(now);
        let checks = client.poll(now, provider.crypto());
        assert_eq!(checks.len(), 1);
        assert!(client.poll(now, provider.crypto()).is_empty());
        let reply = server
            .handle(now, here, &checks[0].1, provider.crypto())
            .unwrap();
        assert!(
            client
                .handle(now, there, &reply, provider.crypto())
                .is_none()
        );
        assert_eq!(client.selected(), Some(there));
    }

    #[test]
    fn ignores_answers_that_are_forged_or_from_elsewhere() {
        let provider = default_provider().unwrap();
        let now = Instant::now();
        let (mut client, _, here, there) = pair(now);
        let (_, mut stranger, _, _) = pair(now);
        let checks = client.poll(now, provider.crypto());
        assert!(
            stranger
                .handle(now, here, &checks[0].1, provider.crypto())
                .is_none()
        );
        let (_, mut server, ..) = pair(now);
        server.local = client.remote.clone();
        let reply = server
            .handle(now, here, &checks[0].1, provider.crypto())
            .unwrap();
        client.handle(now, here, &reply, provider.crypto());
        assert_eq!(
            client.selected(),
            None,
            "right answer from the wrong address"
        );
        let mut forged = reply;
        forged[25] ^= 1;
        client.handle(now, there, &forged, provider.crypto());
        assert_eq!(client.selected(), None, "right address with a wrong answer");
    }

    #[test]
    fn expires_without_consent() {
        let now = Instant::now();
        let (client, ..) = pair(now);
        assert!(!client.is_expired(now + CONSENT_EXPIRY - Duration::from_millis(1)));
        assert!(client.is_expired(now + CONSENT_EXPIRY));
    }
}
