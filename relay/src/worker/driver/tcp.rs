//! A worker's TCP connections (RFC 6544): opened by clients whose firewall lets no UDP through, and handed over by the
//! [acceptor](crate::acceptor).
//!
//! Bounds: [`Admission`](crate::acceptor) limits how many connections there are; each holds at most one frame that has not
//! arrived in full and half a mebibyte that has not left, or less if that takes longer than 0.2 s to leave. What does not fit is dropped, as a full socket drops over UDP:
//! clients ask for what they miss, and congestion control sees the delay before.

mod backlog;
mod connection;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use relay_transport::Path;
use socket2::SockRef;

use self::connection::Connection;
pub use self::connection::GREETING;
use crate::acceptor::Admitted;
use crate::worker::mail::{Post, Undelivered};

/// Tokens below belong to the driver's other sources.
const FIRST_TOKEN: usize = 1 << 16;
/// Connections on their way from the acceptor.
const ARRIVALS: usize = 256;
/// What the kernel may hold beyond what is in flight: 0.1 s at 1 Mbit/s. More would be a queue that nobody can drop from (4 MiB
/// by default).
const UNSENT: u32 = 16 << 10;
/// How often connections are looked at that say nothing.
const SWEEP: Duration = Duration::from_secs(1);

/// A connection on which a client has named a session of this worker.
#[derive(Debug)]
pub struct Arrival {
    /// The connection, which does not block.
    pub stream: std::net::TcpStream,
    /// The client's address.
    pub from: SocketAddr,
    /// When it was opened.
    pub opened: Instant,
    /// The first datagram.
    pub first: Vec<u8>,
    /// The connection's place among all.
    pub admitted: Admitted,
}

/// The worker's end of its [`Reception`].
pub type Arrivals = Receiver<Arrival>;

/// Where the acceptor hands over connections to one worker.
#[derive(Debug, Clone)]
pub struct Reception {
    sender: SyncSender<Arrival>,
    post: Post,
}

impl Reception {
    /// The reception of the worker with this mailbox.
    pub fn new(post: Post) -> (Self, Arrivals) {
        let (sender, arrivals) = mpsc::sync_channel(ARRIVALS);
        (Self { sender, post }, arrivals)
    }

    /// Hands over a connection without waiting.
    ///
    /// # Errors
    ///
    /// [`Undelivered`]; the connection is closed.
    pub fn send(&self, arrival: Arrival) -> Result<(), Undelivered> {
        self.sender.try_send(arrival).map_err(|_| Undelivered)?;
        self.post.wake()
    }
}

/// Every connection of a worker.
#[derive(Debug)]
pub struct Connections {
    open: HashMap<SocketAddr, Open>,
    addresses: HashMap<Token, SocketAddr>,
    next_token: usize,
    /// Those that may have something to read, each once.
    readable: VecDeque<SocketAddr>,
    /// Those that are over.
    over: Vec<SocketAddr>,
    next_sweep: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    connection: Connection<TcpStream>,
    token: Token,
    is_queued: bool,
    _admitted: Admitted,
}

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Self {
            open: HashMap::new(),
            addresses: HashMap::new(),
            next_token: FIRST_TOKEN,
            readable: VecDeque::new(),
            over: Vec::new(),
            next_sweep: None,
        }
    }

    /// Takes over a connection; returns its first datagram.
    ///
    /// # Errors
    ///
    /// The system's; the connection is closed.
    pub fn open(
        &mut self,
        now: Instant,
        arrival: Arrival,
        registry: &Registry,
    ) -> io::Result<Vec<u8>> {
        if self.open.contains_key(&arrival.from) {
            // To another address of ours, or faster than the end of the one before: clients try again.
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let socket = SockRef::from(&arrival.stream);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
        let mut stream = TcpStream::from_std(arrival.stream);
        let token = Token(self.next_token);
        self.next_token += 1;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.addresses.insert(token, arrival.from);
        let open = Open {
            connection: Connection::new(stream, arrival.opened, now),
            token,
            is_queued: false,
            _admitted: arrival.admitted,
        };
        self.open.insert(arrival.from, open);
        self.next_sweep.get_or_insert(now + SWEEP);
        Ok(arrival.first)
    }

    /// Something can be read or written.
    pub fn ready(&mut self, event: &Event) {
        let Some(address) = self.addresses.get(&event.token()).copied() else {
            return;
        };
        let Some(open) = self.open.get_mut(&address) else {
            return;
        };
        if event.is_writable() && open.connection.flush().is_err() {
            self.over.push(address);
        }
        if event.is_readable() {
            self.queue(address);
        }
    }

    /// How many may have something to read.
    pub fn readable(&self) -> usize {
        self.readable.len()
    }

    /// Reads once from the next of them: [`Connection::read`].
    pub fn read(&mut self, now: Instant, room: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let address = self.readable.pop_front()?;
        let open = self.open.get_mut(&address)?;
        open.is_queued = false;
        match open.connection.read(now, room) {
            Ok(length) => {
                // Word of more comes only after everything was read.
                let length = length?;
                self.queue(address);
                Some((address, length))
            }
            Err(_) => {
                self.over.push(address);
                None
            }
        }
    }

    fn queue(&mut self, address: SocketAddr) {
        if let Some(open) = self.open.get_mut(&address)
            && !std::mem::replace(&mut open.is_queued, true)
        {
            self.readable.push_back(address);
        }
    }

    /// Keeps what was left of what was read.
    pub fn keep(&mut self, address: SocketAddr, beginning: &[u8]) {
        if let Some(open) = self.open.get_mut(&address) {
            open.connection.keep(beginning);
        }
    }

    /// Sends datagrams of `segment` bytes each, of which the last may be shorter. Returns how many of them were dropped.
    pub fn send(&mut self, now: Instant, to: SocketAddr, contents: &[u8], segment: usize) -> u64 {
        let Some(open) = self.open.get_mut(&to) else {
            return contents.chunks(segment).count() as u64;
        };
        let sent = open.connection.send(now, contents, segment);
        sent.unwrap_or_else(|_| {
            self.over.push(to);
            contents.chunks(segment).count() as u64
        })
    }

    /// Ends a connection.
    pub fn close(&mut self, address: SocketAddr) {
        self.over.push(address);
    }

    /// When [`sweep`](Self::sweep) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Ends connections that serve no session any more, or never did, and those that have fallen silent.
    pub fn sweep(&mut self, now: Instant, is_known: impl Fn(Path) -> bool) {
        if self.next_sweep.is_none_or(|at| now < at) {
            return;
        }
        let over = self
            .open
            .iter()
            .filter(|(address, open)| open.connection.is_over(now, is_known(Path::tcp(**address))));
        self.over.extend(over.map(|(address, _)| *address));
        self.next_sweep = (!self.open.is_empty()).then_some(now + SWEEP);
    }

    /// Closes the next connection that is over, and tells which it was.
    pub fn poll_closed(&mut self) -> Option<SocketAddr> {
        while let Some(address) = self.over.pop() {
            if let Some(open) = self.open.remove(&address) {
                self.addresses.remove(&open.token);
                return Some(address);
            }
        }
        None
    }
}
