//! The relay of the demo: in local mode, on loopback.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use url::Url;

use super::process::{Process, ProcessError};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A relay that listens.
pub struct Relay {
    process: Process,
    base: Url,
}

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Another program listens there.
    #[error("port {0} is taken by another program: choose another with --port")]
    PortTaken(u16),
    /// The port cannot be listened on.
    #[error("port {0} cannot be used: {1}")]
    Port(u16, io::Error),
    /// It does not run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It ended, or said nothing; a sentence.
    #[error("{0}")]
    Silent(String),
}

impl Relay {
    /// Starts `program` with HTTP on `port` (0 is any free one), media on any free ports, and the pages of `web`.
    pub fn start(program: &Path, port: u16, web: Option<&Path>) -> Result<Self, RelayError> {
        // Asked here, because it deserves advice that the relay cannot give.
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(free) => drop(free),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(RelayError::PortTaken(port));
            }
            Err(error) => return Err(RelayError::Port(port, error)),
        }
        let listen = format!("127.0.0.1:{port}");
        let mut arguments = vec!["relay", "--listen", &listen, "--tls", "plain"];
        arguments.extend([
            "--media-listen",
            "127.0.0.1",
            "--base-port",
            "0",
            "--log",
            "warn",
        ]);
        let folder = web.map(|web| web.to_string_lossy());
        if let Some(folder) = &folder {
            arguments.extend(["--web-dir", folder]);
        }
        let (tell, announced) = mpsc::channel();
        let mut process = Process::start("the relay", program, arguments, move |line| {
            let mut words = line.split_ascii_whitespace();
            if let Some(address) = words.find(|word| word.starts_with("http://")) {
                // Only the first address is waited for.
                let _ = tell.send(address.to_owned());
            }
        })?;
        let base = announced
            .recv_timeout(PATIENCE)
            .ok()
            .and_then(|base| Url::parse(&base).ok());
        match base {
            Some(base) => Ok(Self { process, base }),
            None => {
                process.stop();
                let why = process.ended();
                Err(RelayError::Silent(
                    why.unwrap_or_else(|| "the relay does not listen".to_owned()),
                ))
            }
        }
    }

    /// An address of it.
    pub fn address(&self, path: &str) -> Url {
        self.base.join(path).expect("the path is a constant")
    }

    /// Why it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.process.ended()
    }
}
