//! The one TCP port of all media workers (RFC 6544): reads a connection's first datagram, a check that names its session, and
//! hands the connection to the worker the session is on.

mod admission;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_transport::{framing, stun_username, ufrag_label};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use admission::{Admission, Admitted};

use crate::counters::Counters;
use crate::worker::driver::{Arrival, GREETING, Reception};

/// Connections the kernel may hold before they are accepted.
const BACKLOG: i32 = 1_024;
/// Before the next attempt when the process has no descriptor left: the connection stays, so it would be attempted at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The listening sockets, and where connections go.
#[derive(Debug)]
pub struct Acceptor {
    listeners: Vec<(std::net::TcpListener, SocketAddr)>,
    house: Arc<House>,
}

/// What every connection needs.
#[derive(Debug)]
struct House {
    admission: Admission,
    /// By worker.
    receptions: Vec<Reception>,
    counters: Arc<Counters>,
}

/// Why there is no TCP for media.
#[derive(Debug, thiserror::Error)]
#[error(
    "media cannot listen on TCP {address}: {reason}; stop the other program, change media.tcp_port, or take tcp out of media.protocols"
)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub reason: io::Error,
}

impl Acceptor {
    /// Listens on `port` of every address; 0 takes free ones. `receptions` are the workers', in order.
    ///
    /// # Errors
    ///
    /// The system's, for the first address that cannot be had.
    pub fn bind(
        addresses: &[IpAddr],
        port: u16,
        admission: Admission,
        receptions: Vec<Reception>,
        counters: Arc<Counters>,
    ) -> Result<Self, BindError> {
        allow_descriptors();
        let listeners = addresses.iter().map(|ip| {
            let address = SocketAddr::new(*ip, port);
            listen(address).map_err(|reason| BindError { address, reason })
        });
        Ok(Self {
            listeners: listeners.collect::<Result<_, _>>()?,
            house: Arc::new(House {
                admission,
                receptions,
                counters,
            }),
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|(_, address)| *address)
    }

    /// Accepts until dropped, or until it has failed.
    ///
    /// # Errors
    ///
    /// The system's, when a listening socket cannot be waited for.
    pub async fn run(self) -> io::Result<()> {
        let mut accepting = JoinSet::new();
        for (listener, _) in self.listeners {
            let listener = TcpListener::from_std(listener)?;
            accepting.spawn(accept(listener, self.house.clone()));
        }
        // Every task goes on for ever, unless it panics.
        while accepting.join_next().await.is_some() {}
        Ok(())
    }
}

/// Systems give a process 1,024 descriptors unless it asks for more of those it may have, and connections should not take those
/// that HTTP needs.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Without the right to it, connections are refused when there are no descriptors left.
    let _ = setrlimit(Resource::Nofile, most);
}

fn listen(address: SocketAddr) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // IPv4 has a socket of its own where it is wanted.
        socket.set_only_v6(true)?;
    }
    // Connections of the relay before this one may linger.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener: std::net::TcpListener = socket.into();
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept(listener: TcpListener, house: Arc<House>) {
    let mut greetings = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = greetings.join_next() => continue,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        match house.admission.admit(from.ip()) {
            Some(admitted) => {
                greetings.spawn(greet(stream, from, admitted, house.clone()));
            }
            None => house.counters.tcp_refused.add(1),
        }
    }
}

/// Finds out who a connection is for.
async fn greet(mut stream: TcpStream, from: SocketAddr, admitted: Admitted, house: Arc<House>) {
    let opened = Instant::now();
    let first = tokio::time::timeout(GREETING, first_datagram(&mut stream)).await;
    let handed_over = async {
        let first = first.ok()?.ok()?;
        let worker = ufrag_label(stun_username(&first)?)?;
        let reception = house.receptions.get(worker)?;
        let arrival = Arrival {
            stream: stream.into_std().ok()?,
            from,
            opened,
            first,
            admitted,
        };
        reception.send(arrival).ok()
    };
    if handed_over.await.is_none() {
        house.counters.tcp_refused.add(1);
    }
}

async fn first_datagram(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).await?;
    let length = framing::length(header).map_err(io::Error::other)?;
    let mut datagram = vec![0; length];
    stream.read_exact(&mut datagram).await?;
    Ok(datagram)
}

#[cfg(test)]
mod tests;
