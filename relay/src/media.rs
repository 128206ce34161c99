//! The media side as a whole: opens the workers' sockets, starts their threads, and keeps the directory up to date.

use std::future;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use relay_transport::{Identity, IdentityError, Path};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::MissedTickBehavior;

use crate::acceptor::{self, Acceptor, Admission};
use crate::config;
use crate::control::{Control, Door};
use crate::counters::Counters;
use crate::lines::Archive;
use crate::worker::Notice;
use crate::worker::driver::{BindError, Driver};
use crate::worker::engine::Engine;

/// A client has one on each of its addresses to each of the relay's, until it has chosen.
const CONNECTIONS_PER_SESSION: usize = 2;

/// Time between two looks at every line.
const REVIEW: Duration = Duration::from_secs(1);

/// Running workers.
#[derive(Debug)]
pub struct Media {
    control: Control,
    acceptor: Option<Acceptor>,
    threads: Vec<JoinHandle<()>>,
    notices: UnboundedReceiver<Notice>,
}

/// Why the media side did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The TCP port cannot be had.
    #[error(transparent)]
    Accept(#[from] acceptor::BindError),
    /// No certificate could be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No thread could be started.
    #[error("a media worker could not be started: {0}")]
    Thread(io::Error),
}

impl Media {
    /// Opens every socket and starts every worker.
    ///
    /// # Errors
    ///
    /// [`StartError`] in one line, naming the setting where there is one.
    pub fn start(config: &config::Media) -> Result<Self, StartError> {
        let identity = Arc::new(Identity::generate()?);
        // Unbounded, because it is bounded by what it speaks of: two notices per session, and one each second. Whoever takes them
        // never waits.
        let (sender, notices) = unbounded_channel();
        let mut drivers = Vec::new();
        for worker in 0..config.workers.get() {
            let counters = Arc::new(Counters::default());
            let port = match config.base_port {
                0 => 0,
                base => base.saturating_add(u16::try_from(worker).unwrap_or(u16::MAX)),
            };
            let listen = match config.protocols.has_udp() {
                true => config.listen.as_slice(),
                false => &[],
            };
            drivers.push((Driver::bind(listen, port, counters.clone())?, counters));
        }
        let receptions = drivers.iter().map(|(driver, _)| driver.reception());
        let acceptor = match (config.protocols.tcp_port(), drivers.first()) {
            (Some(port), Some((_, counters))) => Some(Acceptor::bind(
                &config.listen,
                port,
                Admission::new(config.max_sessions * CONNECTIONS_PER_SESSION),
                receptions.collect(),
                counters.clone(),
            )?),
            _ => None,
        };
        let listening: Vec<_> = acceptor.iter().flat_map(Acceptor::addresses).collect();
        let tcp = candidates(&listening, &config.announce);
        let doors = drivers.iter().map(|(driver, counters)| {
            let receiving: Vec<_> = driver.addresses().collect();
            let udp = candidates(&receiving, &config.announce);
            let udp = udp.into_iter().map(Path::udp);
            Door {
                post: driver.post(),
                candidates: udp.chain(tcp.iter().copied().map(Path::tcp)).collect(),
                counters: counters.clone(),
            }
        });
        let control = Control::new(identity.clone(), doors.collect(), config.max_sessions);
        let posts: Vec<_> = drivers.iter().map(|(driver, _)| driver.post()).collect();
        let mut threads = Vec::new();
        for (index, (driver, counters)) in drivers.into_iter().enumerate() {
            let engine = Engine::new(index, identity.clone(), counters);
            threads.push(
                driver
                    .start(index, engine, posts.clone(), sender.clone())
                    .map_err(StartError::Thread)?,
            );
        }
        Ok(Self {
            control,
            acceptor,
            threads,
            notices,
        })
    }

    /// The door to the workers.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Keeps the directory and the lines up to date until every worker has stopped: after [`Control::stop`], or because one failed.
    /// The records of lessons that are over go into `archive`.
    pub async fn attend(mut self, archive: Archive) {
        let accepting = accept(self.acceptor.take());
        tokio::pin!(accepting);
        let mut second = tokio::time::interval(REVIEW);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                notice = self.notices.recv() => match notice {
                    Some(notice) => self.control.notice(notice),
                    None => break,
                },
                _ = second.tick() => {
                    for record in self.control.review_lines() {
                        archive.keep(record);
                    }
                }
                () = &mut accepting => {}
            }
        }
        for record in self.control.lines().finish() {
            archive.keep(record);
        }
        drop(archive);
        for thread in self.threads {
            // A panic of a worker was printed where it happened.
            let _ = thread.join();
        }
    }
}

/// Accepts TCP connections as long as that works.
async fn accept(acceptor: Option<Acceptor>) {
    if let Some(acceptor) = acceptor
        && let Err(reason) = acceptor.run().await
    {
        tracing::error!(%reason, "media over TCP has stopped");
    }
    future::pending().await
}

/// What clients are told: the announced addresses with the port that is listened on, or the addresses listened on.
fn candidates(listening: &[SocketAddr], announce: &[IpAddr]) -> Vec<SocketAddr> {
    if announce.is_empty() {
        return listening.iter().copied().flat_map(reachable).collect();
    }
    let port = |ip: &IpAddr| {
        listening
            .iter()
            .find(|address| address.is_ipv4() == ip.is_ipv4())
            .map(|address| address.port())
    };
    announce
        .iter()
        .filter_map(|ip| Some(SocketAddr::new(*ip, port(ip)?)))
        .collect()
}

/// The address itself, or for "any address" the one that packets to other networks leave from, and loopback for clients on this machine.
fn reachable(address: SocketAddr) -> Vec<SocketAddr> {
    if !address.ip().is_unspecified() {
        return vec![address];
    }
    let (any, outside, loopback): (SocketAddr, SocketAddr, IpAddr) = if address.is_ipv4() {
        (
            ([0, 0, 0, 0], 0).into(),
            ([192, 0, 2, 1], 9).into(),
            [127, 0, 0, 1].into(),
        )
    } else {
        (
            ([0u16; 8], 0).into(),
            ([0x2001, 0xDB8, 0, 0, 0, 0, 0, 1], 9).into(),
            [0u16, 0, 0, 0, 0, 0, 0, 1].into(),
        )
    };
    // Connecting a UDP socket sends nothing: it asks the routing table. The addresses are for documentation (RFC 5737, RFC 3849).
    let source = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(outside)?;
        socket.local_addr()
    });
    let mut found: Vec<_> = source
        .ok()
        .map(|source| SocketAddr::new(source.ip(), address.port()))
        .into_iter()
        .collect();
    found.push(SocketAddr::new(loopback, address.port()));
    found
}
