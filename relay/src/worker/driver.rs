//! A worker's thread: waits for its sockets, its mailbox and its clock, and drives the engine.

mod tcp;
mod udp;

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef};
use relay_transport::{Path, Protocol, framing};
use tokio::sync::mpsc::UnboundedSender;

use super::egress::Outlet;
use super::engine::Engine;
use super::mail::{Mail, Mailbox, Notice, Post, Wake};
use crate::counters::Counters;
use tcp::Connections;
pub use tcp::{Arrival, Arrivals, GREETING, Reception};
use udp::Port;

/// Room for one read: the kernel coalesces up to 64 KiB of equal datagrams of one sender.
const READ_BUFFER: usize = 65_536;
/// Coalesced reads per call, and TCP connections read from between two batches. More would delay the first packet of the batch
/// behind the last.
const READS: usize = if BATCH_SIZE < 8 { BATCH_SIZE } else { 8 };

/// Media goes before HTTP, handshakes of TLS and whatever else the machine does: a frame for 29 viewers takes milliseconds of a core.
const NICENESS: i32 = -10;

const WAKE: Token = Token(0);

/// A worker that has its sockets but not its thread.
#[derive(Debug)]
pub struct Driver {
    poll: Poll,
    sockets: Sockets,
    mailbox: Mailbox,
    post: Post,
    reception: Reception,
    arrivals: Arrivals,
}

#[derive(Debug)]
struct Sockets {
    all: Vec<Port>,
    tcp: Connections,
    counters: Arc<Counters>,
}

impl Driver {
    /// Opens one UDP socket per address; port 0 takes a free one. TCP connections come through its [reception](Self::reception).
    ///
    /// # Errors
    ///
    /// The system's, for the first address that cannot be had.
    pub fn bind(
        addresses: &[IpAddr],
        port: u16,
        counters: Arc<Counters>,
    ) -> Result<Self, BindError> {
        let other = |reason| BindError {
            address: SocketAddr::from(([0, 0, 0, 0], port)),
            reason,
        };
        let poll = Poll::new().map_err(other)?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(other)?;
        let (post, mailbox) = Mailbox::new(Wake::Thread(waker));
        let mut all = Vec::new();
        for (ip, token) in addresses.iter().zip(1..) {
            let address = SocketAddr::new(*ip, port);
            let failed = |reason| BindError { address, reason };
            let port = Port::open(address).map_err(failed)?;
            let descriptor = port.socket.as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&descriptor), Token(token), Interest::READABLE)
                .map_err(failed)?;
            all.push(port);
        }
        let (reception, arrivals) = Reception::new(post.clone());
        Ok(Self {
            poll,
            sockets: Sockets {
                all,
                tcp: Connections::new(),
                counters,
            },
            mailbox,
            post,
            reception,
            arrivals,
        })
    }

    /// Where it receives over UDP.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.all.iter().map(|port| port.address)
    }

    /// Its mailbox.
    pub fn post(&self) -> Post {
        self.post.clone()
    }

    /// Where TCP connections of its sessions are handed over.
    pub fn reception(&self) -> Reception {
        self.reception.clone()
    }

    /// Starts the thread. `posts` are the mailboxes of all workers, in order.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub fn start(
        self,
        index: usize,
        engine: Engine,
        posts: Vec<Post>,
        notices: UnboundedSender<Notice>,
    ) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name(format!("media-{index}"))
            .spawn(move || {
                let _ended = Ended(self.sockets.counters.clone());
                // None is the calling thread (Linux). Without the right to it, the worker runs like everything else.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                if let Err(reason) = self.run(engine, &posts, &notices) {
                    tracing::error!(worker = index, %reason, "a media worker stopped");
                }
            })
    }

    fn run(
        mut self,
        mut engine: Engine,
        posts: &[Post],
        notices: &UnboundedSender<Notice>,
    ) -> io::Result<()> {
        let mut buffers = vec![vec![0u8; READ_BUFFER]; READS];
        let mut events = Events::with_capacity(256);
        loop {
            let timeout = [engine.poll_timeout(), self.sockets.tcp.poll_timeout()]
                .into_iter()
                .flatten()
                .min()
                .map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                self.sockets.tcp.ready(event);
            }
            // Sockets tell once when something comes, and are read until nothing is left.
            let mut readable = events.iter().any(|event| event.token() != WAKE);
            let mut more = true;
            while more {
                readable = readable && self.receive(&mut engine, &mut buffers);
                more = readable;
                self.welcome(&mut engine);
                more |= self.receive_framed(&mut engine, &mut buffers[0]);
                let stop = self.read_mail(&mut engine);
                engine.share();
                self.deliver(&mut engine, posts, notices);
                if let Some(forwarded) = engine.flush(Instant::now(), &mut self.sockets) {
                    self.sockets
                        .counters
                        .delay
                        .record(forwarded.arrived.elapsed(), forwarded.packets);
                }
                if engine.poll_timeout().is_some_and(|at| at <= Instant::now()) {
                    engine.handle_timeout(Instant::now(), &mut self.sockets);
                }
                self.close(&mut engine);
                self.deliver(&mut engine, posts, notices);
                if stop {
                    return Ok(());
                }
            }
        }
    }

    /// One read per UDP socket. Returns whether there may be more.
    fn receive(&mut self, engine: &mut Engine, buffers: &mut [Vec<u8>]) -> bool {
        let mut more = false;
        for at in 0..self.sockets.all.len() {
            let mut metas = [RecvMeta::default(); READS];
            let port = &self.sockets.all[at];
            let mut slices = slices(buffers);
            let count =
                match port
                    .state
                    .recv(UdpSockRef::from(&port.socket), &mut slices, &mut metas)
                {
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    // An error of an earlier datagram (ICMP): taken off the socket by being reported.
                    Err(_) => {
                        more = true;
                        continue;
                    }
                };
            let now = Instant::now();
            // Fewer than were asked for are all there are.
            more |= count == READS;
            for (meta, buffer) in metas.iter().zip(buffers.iter_mut()).take(count) {
                for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                    engine.handle_datagram(now, Path::udp(meta.addr), datagram, &mut self.sockets);
                }
            }
        }
        more
    }

    /// Takes over TCP connections.
    fn welcome(&mut self, engine: &mut Engine) {
        while let Ok(arrival) = self.arrivals.try_recv() {
            let (now, from) = (Instant::now(), arrival.from);
            match self.sockets.tcp.open(now, arrival, self.poll.registry()) {
                Ok(mut first) => {
                    self.sockets.counters.tcp_opened.add(1);
                    engine.handle_datagram(now, Path::tcp(from), &mut first, &mut self.sockets);
                }
                Err(_) => self.sockets.counters.tcp_refused.add(1),
            }
        }
    }

    /// A few reads from TCP connections. Returns whether there may be more.
    fn receive_framed(&mut self, engine: &mut Engine, buffer: &mut [u8]) -> bool {
        for _ in 0..self.sockets.tcp.readable().min(READS) {
            let now = Instant::now();
            let Some((from, length)) = self.sockets.tcp.read(now, buffer) else {
                continue;
            };
            let mut received = &mut buffer[..length];
            loop {
                match framing::take(&mut received) {
                    Ok(Some([])) => {}
                    Ok(Some(datagram)) => {
                        engine.handle_datagram(now, Path::tcp(from), datagram, &mut self.sockets);
                    }
                    Ok(None) => {
                        self.sockets.tcp.keep(from, received);
                        break;
                    }
                    Err(framing::TooLong(_)) => {
                        self.sockets.tcp.close(from);
                        break;
                    }
                }
            }
        }
        self.sockets.tcp.readable() > 0
    }

    /// Closes the TCP connections that are over.
    fn close(&mut self, engine: &mut Engine) {
        let tcp = &mut self.sockets.tcp;
        tcp.sweep(Instant::now(), |path| engine.knows(path));
        while let Some(address) = tcp.poll_closed() {
            engine.forget_path(Path::tcp(address));
            self.sockets.counters.tcp_closed.add(1);
        }
    }

    /// Returns whether the worker is to stop.
    fn read_mail(&mut self, engine: &mut Engine) -> bool {
        let mut stop = false;
        while let Some(mail) = self.mailbox.next() {
            stop |= matches!(mail, Mail::Stop);
            engine.handle_mail(Instant::now(), mail, &mut self.sockets);
        }
        stop
    }

    fn deliver(&self, engine: &mut Engine, posts: &[Post], notices: &UnboundedSender<Notice>) {
        while let Some((worker, mail)) = engine.poll_mail() {
            // A full mailbox means the other worker is over a second behind: its viewers ask again for what they miss.
            if posts
                .get(worker)
                .is_none_or(|post| post.send(mail).is_err())
            {
                self.sockets.counters.mail_dropped.add(1);
            }
        }
        while let Some(notice) = engine.poll_notice() {
            // Nobody listens any more while the process ends.
            let _ = notices.send(notice);
        }
    }
}

/// Counts its worker as stopped when the thread ends, by a panic too, so that `/healthz` tells.
struct Ended(Arc<Counters>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.stopped.add(1);
    }
}

/// Why a worker has no socket.
#[derive(Debug, thiserror::Error)]
#[error(
    "media cannot listen on UDP {address}: {reason}; stop the other program or change media.base_port"
)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub reason: io::Error,
}

fn slices(buffers: &mut [Vec<u8>]) -> [IoSliceMut<'_>; READS] {
    let mut buffers = buffers.iter_mut();
    std::array::from_fn(|_| IoSliceMut::new(buffers.next().map_or(&mut [], Vec::as_mut_slice)))
}

impl Outlet for Sockets {
    fn send(&mut self, to: Path, contents: &[u8], segment: usize) {
        match to.protocol {
            Protocol::Udp => self.send_udp(to.address, contents, segment),
            Protocol::Tcp => {
                let dropped = self.tcp.send(Instant::now(), to.address, contents, segment);
                if dropped > 0 {
                    self.counters.tcp_dropped.add(dropped);
                }
            }
        }
    }
}

impl Sockets {
    fn send_udp(&mut self, to: SocketAddr, contents: &[u8], segment: usize) {
        let Some(port) = self
            .all
            .iter_mut()
            .find(|port| port.address.is_ipv4() == to.is_ipv4())
        else {
            self.counters.send_failures.add(1);
            return;
        };
        // A full socket buffer drops: whoever misses the packets asks for them again.
        let failures = port.send(to, contents, segment);
        if failures > 0 {
            self.counters.send_failures.add(failures);
        }
    }
}

#[cfg(test)]
mod tests;
