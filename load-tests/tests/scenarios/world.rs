//! The network, the relay, and everybody's place.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use participant::simulated::{
    Bitrate, DataSize, Endpoint, NetemConfig, Network, Probability, RandomLoss,
};
use participant::{Addresses, Door, Platform, watch};

use crate::relay::{Reception, Relay};
use crate::room::Room;
use crate::school::{Clip, School};

pub struct World {
    pub network: Network,
    pub relay: Arc<Relay>,
    hosts: u8,
}

impl World {
    /// Every line takes `delay` in one direction, so that a round trip is twice that.
    pub fn new(delay: Duration) -> Self {
        let network = Network::new(line(delay));
        let relay = Relay::start(&network);
        Self {
            network,
            relay,
            hosts: 1,
        }
    }

    pub async fn run(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// A school that publishes `source`, once it is connected.
    pub async fn school(&mut self, source: &str, clip: Clip) -> School {
        let school = self.open_school(source, clip);
        while !school.is_connected() {
            self.run(Duration::from_millis(5)).await;
        }
        school
    }

    pub fn open_school(&mut self, source: &str, clip: Clip) -> School {
        let host = self.host();
        School::open(
            self.platform(host),
            host,
            door(&format!("whip/demo/{source}")),
            clip,
        )
    }

    /// A room that watches `camera`.
    pub fn room(&mut self) -> Room {
        self.room_at("whep/demo/camera", watch::Config::default())
    }

    /// A room that waits for repairs as long as they take.
    pub fn patient_room(&mut self) -> Room {
        let config = watch::Config {
            patience: secs(2),
            ..watch::Config::default()
        };
        self.room_at("whep/demo/camera", config)
    }

    pub fn room_at(&mut self, path: &str, config: watch::Config) -> Room {
        let host = self.host();
        Room::enter(self.platform(host), host, door(path), config)
    }

    /// An address on a host of its own.
    pub fn endpoint(&mut self) -> Endpoint {
        let host = self.host();
        self.network.bind(SocketAddr::new(host, 40_000))
    }

    /// The address a host uses now.
    pub fn address(&self, host: IpAddr) -> SocketAddr {
        let of_host = |address: &SocketAddr| address.ip() == host;
        let open = self.network.addresses();
        open.into_iter().find(of_host).unwrap()
    }

    /// A line that loses this share of what goes to the host and of what comes from it.
    pub fn lose(&self, host: IpAddr, delay: Duration, towards: f32, from: f32) {
        self.network
            .set_conditions_towards(host, line(delay).loss(loss(towards)));
        self.network
            .set_conditions_from(host, NetemConfig::new().loss(loss(from)));
    }

    /// A line of so many bits per second towards the host, that drops what waits longer than half a second.
    pub fn narrow(&self, host: IpAddr, delay: Duration, bits: u32) {
        let link = line(delay).link(
            Bitrate::bps(bits.into()),
            DataSize::bytes(i64::from(bits) / 16),
        );
        self.network.set_conditions_towards(host, link);
    }

    /// A host of its own.
    pub fn host(&mut self) -> IpAddr {
        self.hosts += 1;
        // All of 127.0.0.0/8 is this machine, whose kernel gives out the ports.
        IpAddr::from([127, 0, 0, self.hosts])
    }

    /// What a participant on a host stands on.
    pub fn platform(&self, host: IpAddr) -> Platform {
        Platform {
            addresses: Addresses::Only(vec![SocketAddr::new(host, 0)]),
            ..self
                .network
                .platform(Arc::new(Reception(self.relay.clone(), host)))
        }
    }
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn door(path: &str) -> Door {
    Door::new(format!("http://relay.test/{path}").parse().unwrap())
}

fn line(delay: Duration) -> NetemConfig {
    NetemConfig::new().latency(delay)
}

fn loss(share: f32) -> RandomLoss {
    RandomLoss::new(Probability::new(share))
}
