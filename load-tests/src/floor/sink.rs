//! Receivers of the viewers' kind, in a process of their own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use mio::{Events, Interest, Poll, Token, Waker};

use crate::inbox::Inbox;
use crate::port::Port;
use crate::rtp::Packet;

const END: Token = Token(usize::MAX);

/// Binds `count` sockets, prints their addresses in one line, and counts what arrives until standard input closes.
pub fn run(count: usize) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut ports = Vec::with_capacity(count);
    for index in 0..count {
        let mut port = Port::bind(Ipv4Addr::LOCALHOST.into())?;
        poll.registry()
            .register(port.source(), Token(index), Interest::READABLE)?;
        ports.push(port);
    }
    let waker = Arc::new(Waker::new(poll.registry(), END)?);
    // A thread that nobody waits for: a blocked read of standard input cannot be cancelled.
    let at_end = waker.clone();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        // `waker` lives on in this function: dropping the last one would take its event back before it is seen.
        let _ = at_end.wake();
    });
    let addresses: Vec<String> = ports
        .iter()
        .map(|port| port.address().to_string())
        .collect();
    println!("{}", addresses.join(" "));
    io::stdout().flush()?;
    let mut events = Events::with_capacity(1024);
    let mut inbox = Inbox::default();
    let mut packets = 0_u64;
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == END {
                drop(waker);
                println!("{packets}");
                return Ok(());
            }
            ports[event.token().0].drain(&mut inbox, |datagram| {
                packets += u64::from(Packet::parse(datagram.bytes).is_some());
            })?;
        }
    }
}

/// A sink process, started from this program's own executable.
pub struct Sink {
    child: Child,
    addresses: Vec<SocketAddr>,
    output: BufReader<std::process::ChildStdout>,
}

impl Sink {
    /// Starts it with `count` sockets.
    pub fn start(executable: &Path, count: usize) -> io::Result<Self> {
        let mut child = Command::new(executable)
            .args(["sink", "--sockets", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("the sink has no output"))?;
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let addresses = line
            .split_ascii_whitespace()
            .map(|address| address.parse().map_err(io::Error::other))
            .collect::<io::Result<Vec<SocketAddr>>>()?;
        if addresses.len() != count {
            return Err(io::Error::other("the sink could not bind all its sockets"));
        }
        Ok(Self {
            child,
            addresses,
            output,
        })
    }

    /// Where it receives.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Ends it; gives how many packets arrived.
    pub fn finish(mut self) -> io::Result<u64> {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        self.child.wait()?;
        line.trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
