//! A running line: sockets, two lanes and a thread.

mod run;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use mio::{Poll, Waker};
use serde::Serialize;

use super::lane::Tally;
use super::profile::Profile;
use super::tape::Tape;
use crate::port::Port;

/// A line. Dropping it takes it down.
pub struct Line {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Sockets or the event loop.
    #[error("the link cannot work: {0}")]
    Io(#[from] io::Error),
    /// Its thread is gone.
    #[error("the link's thread ended early")]
    Gone,
}

/// What a line has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LineReport {
    /// Towards the server.
    pub up: Tally,
    /// Towards the client.
    pub down: Tally,
    /// Packets that this machine's sockets would not take: losses that the profile does not know of.
    pub unsent: u64,
    /// Clients turned away because there were too many.
    pub refused: u64,
    /// Clients at the moment.
    pub clients: usize,
}

/// How long a gate stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// As long as the line.
    Forever,
    /// Until nothing has passed for a minute.
    WhileUsed,
}

enum Command {
    Open {
        port: Port,
        target: SocketAddr,
        stay: Stay,
    },
    Restart(Instant),
    Record,
    Take(Sender<Tape>),
    Report(Sender<LineReport>),
    Stop,
}

impl Line {
    /// A line without gates. The schedule begins with the first packet of each direction.
    pub fn start(profile: &Profile, seed: u64) -> Result<Self, LineError> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), run::WAKE)?);
        let (commands, inbox) = channel();
        let running = run::Running::new(poll, inbox, profile, seed)?;
        let thread = std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || running.run())?;
        Ok(Self {
            commands,
            waker,
            thread: Some(thread),
        })
    }

    /// Opens a gate for good: what any client sends to the address given back reaches `target`, and the other way.
    pub fn open(&self, listen: SocketAddr, target: SocketAddr) -> Result<SocketAddr, LineError> {
        self.open_gate(Port::bind_to(listen)?, target, Stay::Forever)
    }

    /// Opens a gate on any port of `ip` that closes a minute after its last packet.
    pub fn open_session(&self, ip: IpAddr, target: SocketAddr) -> Result<SocketAddr, LineError> {
        self.open_gate(Port::bind(ip)?, target, Stay::WhileUsed)
    }

    /// Begins the schedule of both directions now.
    pub fn restart(&self) -> Result<(), LineError> {
        self.command(Command::Restart(Instant::now()))
    }

    /// Records what goes towards clients from now on.
    pub fn record(&self) -> Result<(), LineError> {
        self.command(Command::Record)
    }

    /// Ends the recording and gives it.
    pub fn take_tape(&self) -> Result<Tape, LineError> {
        let (reply, answer) = channel();
        self.command(Command::Take(reply))?;
        answer.recv().map_err(|_| LineError::Gone)
    }

    /// What it has done so far.
    pub fn report(&self) -> Result<LineReport, LineError> {
        let (reply, answer) = channel();
        self.command(Command::Report(reply))?;
        answer.recv().map_err(|_| LineError::Gone)
    }

    fn open_gate(
        &self,
        port: Port,
        target: SocketAddr,
        stay: Stay,
    ) -> Result<SocketAddr, LineError> {
        let address = port.address();
        self.command(Command::Open { port, target, stay })?;
        Ok(address)
    }

    fn command(&self, command: Command) -> Result<(), LineError> {
        self.commands.send(command).map_err(|_| LineError::Gone)?;
        Ok(self.waker.wake()?)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where to send to a target from: loopback from loopback only.
fn facing(target: SocketAddr) -> IpAddr {
    match target.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests;
