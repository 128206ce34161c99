//! An emulated network in memory, for scenarios in virtual time.
//!
//! Run a test with `#[tokio::test(start_paused = true)]`, make a [`Network`], give its [`Network::platform`] to publishers and
//! watchers, and let the relay use either [`Network::runtime`] (if it is made of the `webrtc` crate) or an
//! [`Endpoint`] (if it moves datagrams itself). Whenever every task waits, tokio advances the clock to the next timer, so
//! minutes pass in milliseconds. Loss, delay, jitter and rate are those of `str0m-netem`; datagrams are never really sent.

mod runtime;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
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

/// A network to which every address is connected by a line of its own. Hosts may have worse lines than the rest, in either
/// direction, and may seem to move.
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
    towards: HashMap<IpAddr, NetemConfig>,
    from: HashMap<IpAddr, NetemConfig>,
    /// What the others take a moved address for.
    outside: HashMap<SocketAddr, SocketAddr>,
    opened: u64,
}

/// The lines of one address.
struct Port {
    /// Towards it.
    line: Netem<Datagram>,
    /// Away from it, where that is worth emulating: what leaves it goes over the line of its destination all the same.
    uplink: Option<Netem<Datagram>>,
    /// Which one it was to be opened: its losses are other ones than those of its neighbours, and a run can be repeated.
    number: u64,
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
    to: SocketAddr,
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
        Endpoint {
            address,
            number: self.shared.lock().open(address),
            network: self.clone(),
        }
    }

    /// New conditions for every line but those of hosts with conditions of their own; those of addresses opened later too.
    pub fn set_conditions(&self, conditions: NetemConfig) {
        let mut ports = self.shared.lock();
        ports.conditions = conditions;
        ports.apply(|_| true);
        drop(ports);
        self.shared.changed.notify_one();
    }

    /// New conditions for what goes to a host, to addresses that it opens later too.
    pub fn set_conditions_towards(&self, host: IpAddr, conditions: NetemConfig) {
        let mut ports = self.shared.lock();
        ports.towards.insert(host, conditions);
        ports.apply(|address| address.ip() == host);
        drop(ports);
        self.shared.changed.notify_one();
    }

    /// New conditions for what comes from a host, before it goes over the line of whoever it is for; from addresses that it
    /// opens later too.
    pub fn set_conditions_from(&self, host: IpAddr, conditions: NetemConfig) {
        let mut ports = self.shared.lock();
        ports.from.insert(host, conditions);
        ports.apply(|address| address.ip() == host);
        drop(ports);
        self.shared.changed.notify_one();
    }

    /// From now on the others know `address` as `outside`, as if its router had changed its mind. It does not notice, and
    /// what is sent to its former address is lost.
    pub fn roam(&self, address: SocketAddr, outside: SocketAddr) {
        self.shared.lock().outside.insert(address, outside);
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
        let mut ports = self.shared.lock();
        let datagram = Datagram {
            from: ports.outside.get(&from).copied().unwrap_or(from),
            to,
            bytes: bytes.to_vec(),
        };
        let uplink = ports
            .by_address
            .get_mut(&from)
            .and_then(|port| port.uplink.as_mut());
        match uplink {
            Some(uplink) => uplink.handle_input(Input::Packet(now(), datagram)),
            None => ports.send(datagram),
        }
        drop(ports);
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
    fn open(&mut self, address: SocketAddr) -> u64 {
        self.opened += 1;
        let port = Port {
            line: Netem::new(self.conditions),
            uplink: None,
            number: self.opened,
            arrived: VecDeque::new(),
            waker: None,
            traffic: Traffic::default(),
        };
        self.by_address.insert(address, port);
        self.apply(|other| other == address);
        self.opened
    }

    /// Brings the lines of open addresses up to date.
    fn apply(&mut self, concerned: impl Fn(SocketAddr) -> bool) {
        let ports = self.by_address.iter_mut();
        for (address, port) in ports.filter(|(address, _)| concerned(**address)) {
            let towards = self.towards.get(&address.ip()).unwrap_or(&self.conditions);
            port.line.set_config(towards.seed(2 * port.number));
            if let Some(from) = self.from.get(&address.ip()) {
                let from = from.seed(2 * port.number + 1);
                port.uplink
                    .get_or_insert_with(|| Netem::new(from))
                    .set_config(from);
            }
        }
    }

    /// Puts a datagram on the line of its destination.
    fn send(&mut self, mut datagram: Datagram) {
        let moved = self
            .outside
            .iter()
            .find(|(_, outside)| **outside == datagram.to);
        if let Some((inside, _)) = moved {
            datagram.to = *inside;
        } else if self.outside.contains_key(&datagram.to) {
            return;
        }
        if let Some(port) = self.by_address.get_mut(&datagram.to) {
            port.traffic.sent += 1;
            port.line.handle_input(Input::Packet(now(), datagram));
        }
    }

    /// Delivers what is due; says whom to wake and when to come again.
    fn deliver(&mut self, now: Instant) -> (Vec<Waker>, Option<Instant>) {
        let mut wakers = Vec::new();
        let mut next: Option<Instant> = None;
        let mut sent = Vec::new();
        for uplink in self
            .by_address
            .values_mut()
            .filter_map(|port| port.uplink.as_mut())
        {
            sent.extend(drain(uplink, now, &mut next));
        }
        for datagram in sent {
            self.send(datagram);
        }
        for port in self.by_address.values_mut() {
            for datagram in drain(&mut port.line, now, &mut next) {
                if port.arrived.len() < RECEIVE_QUEUE {
                    port.traffic.delivered += 1;
                    port.traffic.bytes += datagram.bytes.len() as u64;
                    port.arrived.push_back(datagram);
                }
                wakers.extend(port.waker.take());
            }
        }
        (wakers, next)
    }
}

/// What comes out of a line now; moves `next` forward to when more will.
fn drain(line: &mut Netem<Datagram>, now: Instant, next: &mut Option<Instant>) -> Vec<Datagram> {
    let mut arrived = Vec::new();
    line.handle_input(Input::Timeout(now));
    while let Some(Output::Packet(datagram)) = line.poll_output() {
        arrived.push(datagram);
    }
    if !line.is_empty() {
        let due = line.poll_timeout();
        *next = Some(next.map_or(due, |next| next.min(due)));
    }
    arrived
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
    number: u64,
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
        let mut ports = self.network.shared.lock();
        let taken_over = ports
            .by_address
            .get(&self.address)
            .is_none_or(|port| port.number != self.number);
        if !taken_over {
            ports.by_address.remove(&self.address);
        }
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
        let cut = NetemConfig::new().loss(RandomLoss::new(Probability::ONE));
        network.set_conditions(cut);
        a.send_to(b"lost", b.local_addr());
        tokio::time::sleep(Duration::from_secs(1)).await;
        network.set_conditions(NetemConfig::new());
        network.set_conditions_from(b.local_addr().ip(), cut);
        b.send_to(b"lost", a.local_addr());
        a.send_to(b"found", b.local_addr());
        assert_eq!(b.recv_from().await.0, b"found");
        network.set_conditions_from(b.local_addr().ip(), NetemConfig::new());
        b.send_to(b"found", a.local_addr());
        assert_eq!(a.recv_from().await.0, b"found");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_was_taken_over_outlives_its_former_owner() {
        let network = Network::new(NetemConfig::new());
        let (a, former) = (network.bind(address(1)), network.bind(address(2)));
        let b = network.bind(address(2));
        drop(former);
        a.send_to(b"hello", b.local_addr());
        assert_eq!(b.recv_from().await.0, b"hello");
        drop(b);
        assert_eq!(network.addresses(), [address(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_moved_is_known_by_the_new_address_only() {
        let network = Network::new(NetemConfig::new());
        let (a, b) = (network.bind(address(1)), network.bind(address(2)));
        network.roam(b.local_addr(), address(3));
        a.send_to(b"lost", address(2));
        a.send_to(b"found", address(3));
        assert_eq!(b.recv_from().await.0, b"found");
        b.send_to(b"here", a.local_addr());
        assert_eq!(a.recv_from().await, (b"here".to_vec(), address(3)));
    }
}
