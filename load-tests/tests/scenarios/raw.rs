//! A client that says what it wants, in RTP and RTCP of its own making.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use load_tests::client::{
    Abilities, Answer, Credentials, Direction, Event, Identity, Link, Offer, Section, Srtp,
};
use load_tests::rtp::Packet;
use participant::simulated::{self, Endpoint};
use rtc_rtp::header::Header;
use rtc_shared::marshal::Marshal;

use crate::world::{World, door, ms};

/// See the module.
pub struct Raw {
    endpoint: Endpoint,
    link: Link,
    pub answer: String,
    /// Plain RTP packets received: SSRC and sequence number.
    pub received: Vec<(u32, u16)>,
    /// Plain compound RTCP packets received.
    pub reports: Vec<Vec<u8>>,
}

/// An RTP packet without CSRCs and padding.
#[derive(Debug, Clone, Default)]
pub struct Rtp {
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    /// Header extension elements (RFC 8285).
    pub extensions: Vec<(u8, &'static str)>,
    pub payload: Bytes,
}

impl Rtp {
    fn to_bytes(&self) -> Vec<u8> {
        let mut header = Header {
            version: 2,
            payload_type: self.payload_type,
            ssrc: self.ssrc,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            marker: self.marker,
            ..Header::default()
        };
        for (id, value) in &self.extensions {
            let value = Bytes::from_static(value.as_bytes());
            header.set_extension(*id, value).unwrap();
        }
        let payload = self.payload.clone();
        let packet = rtc_rtp::Packet { header, payload };
        packet.marshal().unwrap().to_vec()
    }
}

impl Raw {
    /// Joins through `path`; `edit` may change the offer.
    pub async fn join(
        world: &mut World,
        path: &str,
        sections: &[Section],
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let endpoint = world.endpoint();
        let identity = Identity::generate().unwrap();
        let credentials = Credentials::random();
        let local = endpoint.local_addr();
        let offer = Offer {
            direction: match path.starts_with("whip") {
                true => Direction::Send,
                false => Direction::Receive,
            },
            sections,
            abilities: Abilities::default(),
            credentials: &credentials,
            fingerprint: identity.fingerprint(),
            candidate: local,
        };
        let url = door(path).url;
        let offer = edit(offer.to_sdp());
        let created = world.relay.answer(local.ip(), &url, offer).await.unwrap();
        let answer = Answer::parse(&created.answer).unwrap();
        let now = simulated::now();
        let mut raw = Self {
            link: Link::new(now, &identity, Srtp::Gcm, local, credentials, &answer).unwrap(),
            endpoint,
            answer: created.answer,
            received: Vec::new(),
            reports: Vec::new(),
        };
        while raw.link.profile().is_none() {
            raw.run(ms(5)).await;
        }
        raw
    }

    /// Lives for so long.
    pub async fn run(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            self.link.handle_timeout(simulated::now()).unwrap();
            while let Some((to, datagram)) = self.link.poll_transmit() {
                self.endpoint.send_to(&datagram, to);
            }
            let until = end.min(tokio::time::Instant::now() + ms(10));
            tokio::select! {
                (datagram, from) = self.endpoint.recv_from() => self.receive(&datagram, from),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    pub fn send_rtp(&mut self, packet: &Rtp) {
        let sealed = self.link.seal_rtp(&packet.to_bytes()).unwrap();
        self.endpoint.send_to(&sealed, self.link.remote().unwrap());
    }

    pub fn send_rtcp(&mut self, compound: &[u8]) {
        let sealed = self.link.seal_rtcp(compound).unwrap();
        self.endpoint.send_to(&sealed, self.link.remote().unwrap());
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.local_addr()
    }

    /// The media SSRCs that the relay was heard to send.
    pub fn sources(&self) -> Vec<u32> {
        let mut sources: Vec<_> = self.received.iter().map(|(ssrc, _)| *ssrc).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr) {
        match self.link.handle(simulated::now(), from, datagram).unwrap() {
            Event::Rtp => {
                let plain = self.link.open_rtp(datagram).unwrap();
                let packet = Packet::parse(&plain).unwrap();
                self.received.push((packet.ssrc(), packet.sequence()));
            }
            Event::Rtcp(compound) => self.reports.push(compound.to_vec()),
            Event::Connected | Event::Closed | Event::Nothing => {}
        }
    }
}
