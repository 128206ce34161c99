//! What the relay is told to do: read once, before any socket opens, into types that cannot express nonsense.
//!
//! A setting comes from the TOML file, is replaced by its environment variable (`http.listen` by
//! `LECTERN_HTTP_LISTEN`), and that by a flag. All three meet in [`Settings`], so that one table of settings decides
//! what exists, whatever the origin.

mod build;
mod duration;
mod settings;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use protocol::LessonId;

pub use build::{Files, key};
pub use duration::{InvalidDuration, parse as parse_duration};
pub use settings::{Origin, Settings};

use crate::tokens::Key;

/// Everything the relay is told, checked.
#[derive(Debug)]
pub struct Config {
    /// The HTTP door.
    pub http: Http,
    /// The media door.
    pub media: Media,
    /// Who is let in.
    pub access: Access,
    /// The lessons that exist; `None` means any name.
    pub lessons: Option<BTreeSet<LessonId>>,
    /// The folder of the built web pages; `None` serves none.
    pub web: Option<PathBuf>,
    /// The folder for the records of lessons that are over; `None` keeps none.
    pub records: Option<PathBuf>,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// How long a drain may take before the relay ends anyway.
    pub grace: Duration,
}

/// The HTTP door.
#[derive(Debug)]
pub struct Http {
    /// Where HTTP listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How it is secured.
    pub tls: Tls,
    /// STUN and TURN servers told to clients in `Link` headers (RFC 9725 §4.6).
    pub ice_servers: Vec<IceServer>,
}

/// How HTTP is secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: behind a reverse proxy, or on loopback, which browsers treat as secure.
    Plain,
    /// A certificate of the relay's own making.
    SelfSigned {
        /// Where it is kept, so that its fingerprint survives a restart; `None` keeps it in memory.
        state_dir: Option<PathBuf>,
    },
    /// A certificate somebody trusted has issued.
    Files {
        /// The chain, PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

/// A STUN or TURN server for clients.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `stuns:`, `turn:` or `turns:` address (RFC 7064, RFC 7065).
    pub url: String,
    /// Username and password for TURN.
    pub credentials: Option<(String, String)>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The media door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Local addresses to receive media on; never empty.
    pub listen: Vec<IpAddr>,
    /// How it may travel.
    pub protocols: Protocols,
    /// UDP port of the first worker, the next one for the second, and so on; 0 takes any free ones.
    pub base_port: u16,
    /// How many workers, each with a thread and a UDP port of its own.
    pub workers: NonZeroUsize,
    /// Addresses put into candidates instead of the local ones (NAT 1:1); empty means the local ones.
    pub announce: Vec<IpAddr>,
    /// Most sessions at once.
    pub max_sessions: usize,
}

/// How media may travel, as far as candidates say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// Over UDP.
    Udp,
    /// Over UDP, and where that does not get through, over TCP.
    UdpAndTcp {
        /// The TCP port of all workers; 0 takes any free one.
        tcp_port: u16,
    },
    /// Only over TCP.
    Tcp {
        /// The TCP port of all workers; 0 takes any free one.
        tcp_port: u16,
    },
}

impl Protocols {
    /// Whether UDP is among them.
    pub fn has_udp(self) -> bool {
        match self {
            Self::Udp | Self::UdpAndTcp { .. } => true,
            Self::Tcp { .. } => false,
        }
    }

    /// The TCP port, if TCP is among them.
    pub fn tcp_port(self) -> Option<u16> {
        match self {
            Self::Udp => None,
            Self::UdpAndTcp { tcp_port } | Self::Tcp { tcp_port } => Some(tcp_port),
        }
    }
}

/// Who is let in.
#[derive(Debug)]
pub enum Access {
    /// No key is configured: everybody on this machine, nobody from elsewhere.
    Local,
    /// Whoever holds a token signed with this key.
    Keyed(Key),
}

/// A setting that cannot be used: one line that names it and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct Invalid {
    origin: Origin,
    problem: String,
}

impl Invalid {
    fn new(origin: &Origin, problem: impl Into<String>) -> Self {
        Self {
            origin: origin.clone(),
            problem: problem.into(),
        }
    }
}
