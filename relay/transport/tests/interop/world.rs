//! One client, one transport, and the network between them, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_transport::srtp::Profile;
use relay_transport::{
    Credentials, Discard, Event, Fingerprint, Identity, Path, Reason, Received, Transport,
};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::client::{Client, PAYLOAD_TYPE, RELAY_SSRC};

pub const RELAY: &str = "203.0.113.5:443";
/// Where the client's packets seem to come from.
pub const HOME: &str = "198.51.100.7:61000";

/// The NTP time of all sender reports. A client that gets them repeats the middle bytes in its own
/// reports.
const REPORT_TIME: [u8; 8] = [0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0];

/// A client's address as a path over UDP.
pub fn path(address: &str) -> Path {
    Path::udp(address.parse().unwrap())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    Relay,
    Client,
}

/// Decides what happens to a datagram on its way.
pub type Loss = Box<dyn FnMut(Toward, &[u8]) -> bool>;

pub struct World {
    pub now: Instant,
    pub client: Client,
    pub relay: Transport,
    pub identity: Arc<Identity>,
    /// The client's path outside of its NAT.
    pub outside: Path,
    /// Says which datagrams are lost.
    pub loss: Loss,
    /// Whether both sides send a packet every 10 ms.
    pub media: bool,
    pub events: Vec<Event>,
    pub discards: BTreeMap<&'static str, usize>,
    /// First two payload bytes, which repeat the sequence number, of the RTP packets the relay got.
    pub rtp: Vec<u16>,
    /// Compound RTCP packets the relay got.
    pub rtcp: Vec<Vec<u8>>,
    /// Datagrams that went to the relay, to be abused.
    pub recorded: Vec<Vec<u8>>,
    sent: u64,
    elapsed: u64,
}

impl World {
    pub fn new(profiles: &[SrtpProtectionProfile]) -> Self {
        Self::expecting(profiles, |announced| announced)
    }

    /// A relay that takes the offer's fingerprint for another one.
    pub fn expecting(
        profiles: &[SrtpProtectionProfile],
        fingerprint: impl FnOnce(Fingerprint) -> Fingerprint,
    ) -> Self {
        let now = Instant::now();
        let identity = Arc::new(Identity::generate().unwrap());
        let local = Credentials::random();
        let mut client = Client::new(now, profiles, RELAY.parse().unwrap());
        let announced = client.offer(now, false);
        client.accept(now, &local, identity.fingerprint());
        Self {
            now,
            client,
            relay: Transport::new(identity.clone(), local, fingerprint(announced), now),
            identity,
            outside: path(HOME),
            loss: Box::new(|_, _| false),
            media: false,
            events: Vec::new(),
            discards: BTreeMap::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            recorded: Vec::new(),
            sent: 0,
            elapsed: 0,
        }
    }

    pub fn connected(profiles: &[SrtpProtectionProfile]) -> Self {
        let mut world = Self::new(profiles);
        world.until("connected", |world| {
            world.client.is_connected() && world.relay.is_connected()
        });
        world
    }

    /// Runs until something holds, at most for a minute of virtual time.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let start = self.now;
        while !holds(self) {
            self.step();
            assert!(
                self.now < start + Duration::from_secs(60),
                "never {what}: {:?}",
                self.events
            );
        }
    }

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.step();
        }
    }

    /// One millisecond.
    pub fn step(&mut self) {
        self.now += Duration::from_millis(1);
        self.elapsed += 1;
        if self.media && self.elapsed.is_multiple_of(10) {
            self.client.send_rtp(self.now);
            self.send_rtp();
        }
        if self.media && self.elapsed.is_multiple_of(500) {
            self.send_report();
        }
        self.client.handle_timeout(self.now);
        while let Some(mut datagram) = self.client.poll_datagram() {
            if !(self.loss)(Toward::Relay, &datagram) {
                self.recorded.push(datagram.clone());
                let _ = self.give(self.outside, &mut datagram);
            }
        }
        if self.relay.poll_timeout().is_some_and(|at| at <= self.now) {
            self.relay.handle_timeout(self.now);
        }
        self.events
            .extend(std::iter::from_fn(|| self.relay.poll_event()));
        while let Some(transmit) = self.relay.poll_transmit() {
            self.carry(transmit.to, &transmit.bytes);
        }
    }

    /// Gives the relay a datagram, and counts what it makes of it.
    pub fn give(&mut self, from: Path, datagram: &mut [u8]) -> Result<(), Discard> {
        match self.relay.handle_datagram(self.now, from, datagram) {
            Ok(Received::Consumed) => {}
            Ok(Received::Rtp(packet)) => {
                let header_len = 12
                    + if packet[0] & 0x10 == 0 {
                        0
                    } else {
                        4 + 4 * usize::from(u16::from_be_bytes([packet[14], packet[15]]))
                    };
                let payload = &packet[header_len..];
                self.rtp.push(u16::from_be_bytes([payload[0], payload[1]]));
            }
            Ok(Received::Rtcp(compound)) => self.rtcp.push(compound.to_vec()),
            Err(discard) => {
                *self.discards.entry(discard.as_str()).or_default() += 1;
                return Err(discard);
            }
        }
        Ok(())
    }

    /// Only the client's present path leads to it.
    fn carry(&mut self, to: Path, datagram: &[u8]) {
        if to == self.outside && !(self.loss)(Toward::Client, datagram) {
            self.client.receive(self.now, datagram);
        }
    }

    /// Sends the client the next RTP packet; its sequence number wraps early on.
    fn send_rtp(&mut self) {
        const HEADER_LEN: usize = 12;
        let index = 65_500 + self.sent;
        let (Some(to), Some(sealer)) = (self.relay.remote(), self.relay.sealer()) else {
            return;
        };
        let mut packet = vec![0x80, PAYLOAD_TYPE];
        packet.extend((index as u16).to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(RELAY_SSRC.to_be_bytes());
        packet.extend([0x41; 900]);
        packet.resize(packet.len() + sealer.overhead(), 0);
        sealer
            .seal_rtp(&mut packet, HEADER_LEN, (index >> 16) as u32)
            .unwrap();
        self.sent += 1;
        self.carry(to, &packet);
    }

    /// Sends the client a sender report.
    fn send_report(&mut self) {
        let (Some(to), Some(sealer)) = (self.relay.remote(), self.relay.sealer()) else {
            return;
        };
        let mut report = vec![0x80, 200, 0, 6];
        report.extend(RELAY_SSRC.to_be_bytes());
        report.extend(REPORT_TIME);
        report.extend([0; 12]);
        let sealed = sealer.seal_rtcp(&report).unwrap();
        self.carry(to, &sealed);
    }

    pub fn profile(&self) -> Option<Profile> {
        self.events.iter().find_map(|event| match event {
            Event::Connected { profile } => Some(*profile),
            _ => None,
        })
    }

    pub fn closed(&self) -> Option<Reason> {
        self.events.iter().find_map(|event| match event {
            Event::Closed(reason) => Some(*reason),
            _ => None,
        })
    }

    /// Whether the client has told in a report that it got a report.
    pub fn report_is_acknowledged(&self) -> bool {
        let middle = &REPORT_TIME[2..6];
        self.rtcp
            .iter()
            .any(|compound| compound.windows(4).any(|word| word == middle))
    }

    /// RTP packets sent toward the client.
    pub fn sent(&self) -> usize {
        self.sent as usize
    }
}
