//! An emulated network in memory, for scenarios in virtual time.
//!
//! Run a test with `#[tokio::test(start_paused = true)]`, make a [`Network`], give its [`Network::platform`] to publishers and
//! watchers, and let the relay use either [`Network::runtime`] (if it is made of the `webrtc` crate) or an
//! [`Endpoint`] (if it moves datagrams itself). Whenever every task waits, tokio advances the clock to the next timer, so
//! minutes pass in milliseconds. Loss, delay, jitter and rate are those of `str0m-netem`; datagrams are never really sent.

mod runtime;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use str0m_netem::{Input, Netem, Output};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use webrtc::runtime::Runtime;

pub use str0m_netem::{
    Bitrate, DataSize, GilbertElliot, LossModel, NetemConfig, Probability, RandomLoss,
};

use crate::platform::{Addresses, Platform};
use crate::signalling::{InProcess, Signalling};

/// Where the virtual wall clock starts.
const WALL_START: Duration = Duration::from_secs(1_795_000_000);
/// Datagrams a receiver may leave unread, like a socket buffer; more are dropped.
const RECEIVE_QUEUE: usize = 4_096;

/// A network to which every address is connected by a line of its own.
#[derive(Debug, Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    ports: Mutex<Ports>,
    changed: Arc<Notify>,
    carrier: OnceLock<JoinHandle<()>>,
}

#[derive(Default)]
struct Ports {
    by_address: BTreeMap<SocketAddr, Port>,
    conditions: NetemConfig,
    opened: u64,
}

/// The line towards one address.
struct Port {
    line: Netem<Datagram>,
    arrived: VecDeque<Datagram>,
    waker: Option<Waker>,
    traffic: Traffic,
}

/// What has gone over the line towards an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent to it.
    pub sent: u64,
    /// Datagrams that arrived.
    pub delivered: u64,
    /// Bytes that arrived.
    pub bytes: u64,
}

#[derive(Debug, Clone)]
struct Datagram {
    from: SocketAddr,
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Datagram {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The instant of tokio's clock, which a test may have paused.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A wall clock that goes with tokio's.
pub fn wall_clock() -> SystemTime {
    static BASE: OnceLock<Instant> = OnceLock::new();
    let base = *BASE.get_or_init(now);
    // Another test's paused clock may have started earlier.
    let (ahead, behind) = (
        now().saturating_duration_since(base),
        base.saturating_duration_since(now()),
    );
    UNIX_EPOCH + WALL_START + ahead - behind
}

impl Network {
    /// A network of which every line has these conditions. Must be called within a tokio runtime.
    pub fn new(conditions: NetemConfig) -> Self {
        let ports = Ports {
            conditions,
            ..Ports::default()
        };
        let changed = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            ports: Mutex::new(ports),
            changed: changed.clone(),
            carrier: OnceLock::new(),
        });
        let carrier = tokio::spawn(carry(Arc::downgrade(&shared), changed));
        let first = shared.carrier.set(carrier).is_ok();
        debug_assert!(first, "a network has one carrier");
        Self { shared }
    }

    /// What a publisher or watcher stands on in this network, with a relay in the same process.
    pub fn platform(&self, relay: Arc<dyn InProcess>) -> Platform {
        Platform {
            runtime: self.runtime(),
            signalling: Signalling::InProcess(relay),
            addresses: Addresses::Only(vec![SocketAddr::from(([127, 0, 0, 1], 0))]),
            wall_clock,
        }
    }

    /// The runtime whose sockets are in this network.
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(runtime::Simulated(self.clone()))
    }

    /// Opens an address for somebody who moves datagrams himself. Any address will do. An address that is open is taken
    /// over, as after a restart.
    pub fn bind(&self, address: SocketAddr) -> Endpoint {
        self.shared.lock().open(address);
        Endpoint {
            address,
            network: self.clone(),
        }
    }

    /// New conditions for every line, those of addresses opened later too.
    pub fn set_conditions(&self, conditions: NetemConfig) {
        let mut ports = self.shared.lock();
        for port in ports.by_address.values_mut() {
            port.line.set_config(conditions);
        }
        ports.conditions = conditions;
        drop(ports);
        self.shared.changed.notify_one();
    }

    /// New conditions for the line towards one address.
    pub fn set_conditions_towards(&self, address: SocketAddr, conditions: NetemConfig) {
        if let Some(port) = self.shared.lock().by_address.get_mut(&address) {
            port.line.set_config(conditions);
        }
        self.shared.changed.notify_one();
    }

    /// What has gone towards an address since it was opened.
    pub fn traffic(&self, address: SocketAddr) -> Traffic {
        self.shared
            .lock()
            .by_address
            .get(&address)
            .map(|port| port.traffic)
            .unwrap_or_default()
    }

    /// Addresses that are open.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.shared.lock().by_address.keys().copied().collect()
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if let Some(port) = self.shared.lock().by_address.get_mut(&to) {
            port.traffic.sent += 1;
            port.line.handle_input(Input::Packet(
                now(),
                Datagram {
                    from,
                    bytes: bytes.to_vec(),
                },
            ));
        }
        self.shared.changed.notify_one();
    }

    fn poll_receive(&self, address: SocketAddr, context: &mut Context<'_>) -> Poll<Datagram> {
        let mut ports = self.shared.lock();
        let Some(port) = ports.by_address.get_mut(&address) else {
            return Poll::Pending;
        };
        match port.arrived.pop_front() {
            Some(datagram) => Poll::Ready(datagram),
            None => {
                port.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(carrier) = self.carrier.get() {
            carrier.abort();
        }
    }
}

impl Ports {
    fn open(&mut self, address: SocketAddr) {
        self.opened += 1;
        // By order of opening and not by address, which the kernel may have chosen: a run can be repeated.
        let line = Netem::new(self.conditions.seed(self.opened));
        let port = Port {
            line,
            arrived: VecDeque::new(),
            waker: None,
            traffic: Traffic::default(),
        };
        self.by_address.insert(address, port);
    }

    /// Delivers what is due; says whom to wake and when to come again.
    fn deliver(&mut self, now: Instant) -> (Vec<Waker>, Option<Instant>) {
        let mut wakers = Vec::new();
        let mut next: Option<Instant> = None;
        for port in self.by_address.values_mut() {
            port.line.handle_input(Input::Timeout(now));
            while let Some(Output::Packet(datagram)) = port.line.poll_output() {
                if port.arrived.len() < RECEIVE_QUEUE {
                    port.traffic.delivered += 1;
                    port.traffic.bytes += datagram.bytes.len() as u64;
                    port.arrived.push_back(datagram);
                }
                wakers.extend(port.waker.take());
            }
            if !port.line.is_empty() {
                let due = port.line.poll_timeout();
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        (wakers, next)
    }
}

async fn carry(shared: Weak<Shared>, changed: Arc<Notify>) {
    loop {
        let (wakers, next) = match shared.upgrade() {
            Some(shared) => shared.lock().deliver(now()),
            None => return,
        };
        wakers.into_iter().for_each(Waker::wake);
        match next {
            Some(next) => tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                () = changed.notified() => {}
            },
            None => changed.notified().await,
        }
    }
}

/// An address of the network, for a relay that moves datagrams itself. Closes the address when dropped.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    network: Network,
}

impl Endpoint {
    /// The address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Sends a datagram.
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr) {
        self.network.send(self.address, to, bytes);
    }

    /// Waits for a datagram: its bytes and where it came from. Cancel-safe.
    pub async fn recv_from(&self) -> (Vec<u8>, SocketAddr) {
        let datagram =
            std::future::poll_fn(|context| self.network.poll_receive(self.address, context)).await;
        (datagram.bytes, datagram.from)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.network.shared.lock().by_address.remove(&self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 3_478))
    }

    #[tokio::test(start_paused = true)]
    async fn datagrams_take_as_long_as_the_line_is() {
        let network = Network::new(NetemConfig::new().latency(Duration::from_millis(70)));
        let (a, b) = (network.bind(address(1)), network.bind(address(2)));
        let start = now();
        a.send_to(b"hello", b.local_addr());
        assert_eq!(b.recv_from().await, (b"hello".to_vec(), a.local_addr()));
        assert_eq!(now() - start, Duration::from_millis(70));
        assert_eq!(
            network.traffic(address(2)),
            Traffic {
                sent: 1,
                delivered: 1,
                bytes: 5
            }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_line_delivers_nothing_until_it_is_mended() {
        let network = Network::new(NetemConfig::new());
        let (a, b) = (network.bind(address(1)), network.bind(address(2)));
        network.set_conditions(NetemConfig::new().loss(RandomLoss::new(Probability::ONE)));
        a.send_to(b"lost", b.local_addr());
        tokio::time::sleep(Duration::from_secs(1)).await;
        network.set_conditions(NetemConfig::new());
        a.send_to(b"found", b.local_addr());
        assert_eq!(b.recv_from().await.0, b"found");
    }
}
