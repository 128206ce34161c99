//! The line's thread: one epoll for all sockets, and a timer finer than epoll's milliseconds.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::{Command, LineReport, Stay, facing};
use crate::inbox::{Inbox, unix_now};
use crate::link::lane::{Lane, Parcel};
use crate::link::profile::Profile;
use crate::link::tape::Tape;
use crate::port::Port;

pub const WAKE: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
/// Clients of one gate; each takes a socket.
const MAX_CLIENTS: usize = 64;
/// How long something unused is kept: twice what ICE allows (RFC 7675 §5.1).
const IDLE: Duration = Duration::from_secs(60);
/// How often unused things are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Bytes gathered for one GSO call.
const RUN_BYTES: usize = 60_000;
/// The shortest wait: zero would switch the timer off.
const SHORTEST: Duration = Duration::from_micros(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// A socket that clients send to.
struct Gate {
    port: Port,
    target: SocketAddr,
    stay: Stay,
    clients: HashMap<SocketAddr, usize>,
    used: Instant,
}

/// One client of a gate, and the socket that the server knows it by.
struct Flow {
    port: Port,
    gate: usize,
    client: SocketAddr,
    used: Instant,
}

pub struct Running {
    poll: Poll,
    timer: TimerFd,
    commands: Receiver<Command>,
    gates: HashMap<usize, Gate>,
    flows: HashMap<usize, Flow>,
    next_id: usize,
    /// Packets are on their way to or from a flow.
    up: Lane<usize>,
    down: Lane<usize>,
    inbox: Inbox,
    arrived: Vec<(SocketAddr, Instant, Bytes)>,
    run: Run,
    tape: Option<Tape>,
    report: LineReport,
}

/// Packets of equal size, the last may be shorter, that leave together.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    size: usize,
    packets: u64,
    is_full: bool,
}

impl Running {
    pub fn new(
        poll: Poll,
        commands: Receiver<Command>,
        profile: &Profile,
        seed: u64,
    ) -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        poll.registry().register(
            &mut SourceFd(&timer.as_fd().as_raw_fd()),
            TIMER,
            Interest::READABLE,
        )?;
        Ok(Self {
            poll,
            timer,
            commands,
            gates: HashMap::new(),
            flows: HashMap::new(),
            next_id: 0,
            up: Lane::new(profile.up(), seed),
            // The two directions lose different packets.
            down: Lane::new(profile.down(), seed ^ 0x5bd1_e995_0000_0000),
            inbox: Inbox::default(),
            arrived: Vec::new(),
            run: Run::default(),
            tape: None,
            report: LineReport::default(),
        })
    }

    pub fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut next_sweep = Instant::now() + SWEEP;
        while self.wait(&mut events).is_ok() {
            for event in &events {
                match event.token() {
                    WAKE => {
                        if !self.obey() {
                            return;
                        }
                    }
                    TIMER => {}
                    Token(id) => self.read(id),
                }
            }
            self.forward(Direction::Up);
            self.forward(Direction::Down);
            let now = Instant::now();
            if now >= next_sweep {
                next_sweep = now + SWEEP;
                self.sweep(now);
            }
        }
    }

    /// Waits for packets, commands, or the next packet that is due.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let due = [self.up.next(), self.down.next()]
            .into_iter()
            .flatten()
            .min();
        if let Some(due) = due {
            let wait = due.saturating_duration_since(Instant::now()).max(SHORTEST);
            let expiration = Expiration::OneShot(TimeSpec::from_duration(wait));
            // Setting the timer also forgets an expiry that was not read.
            self.timer.set(expiration, TimerSetTimeFlags::empty())?;
        }
        match self.poll.poll(events, Some(SWEEP)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            polled => polled,
        }
    }

    /// False when the end has come.
    fn obey(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Open { port, target, stay }) => self.open(port, target, stay),
                Ok(Command::Restart(at)) => {
                    self.up.restart(at);
                    self.down.restart(at);
                }
                Ok(Command::Record) => self.tape = Some(Tape::default()),
                Ok(Command::Take(reply)) => {
                    let _ = reply.send(self.tape.take().unwrap_or_default());
                }
                Ok(Command::Report(reply)) => {
                    let _ = reply.send(LineReport {
                        up: self.up.tally(),
                        down: self.down.tally(),
                        clients: self.flows.len(),
                        ..self.report
                    });
                }
                Err(TryRecvError::Empty) => return true,
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn open(&mut self, mut port: Port, target: SocketAddr, stay: Stay) {
        let Some(id) = self.register(&mut port) else {
            return;
        };
        let gate = Gate {
            port,
            target,
            stay,
            clients: HashMap::new(),
            used: Instant::now(),
        };
        self.gates.insert(id, gate);
        // Packets may have come before the socket was registered.
        self.read(id);
    }

    fn register(&mut self, port: &mut Port) -> Option<usize> {
        let id = self.next_id;
        self.next_id += 1;
        let registered =
            self.poll
                .registry()
                .register(port.source(), Token(id), Interest::READABLE);
        registered.ok().map(|()| id)
    }

    fn read(&mut self, id: usize) {
        let port = match (self.gates.get(&id), self.flows.get(&id)) {
            (Some(gate), _) => &gate.port,
            (None, Some(flow)) => &flow.port,
            (None, None) => return,
        };
        let (now, clock) = (Instant::now(), unix_now());
        let mut arrived = std::mem::take(&mut self.arrived);
        // What fails now is tried again when the next packet comes.
        let _ = port.drain(&mut self.inbox, |datagram| {
            // Counted from the kernel's time of arrival, so that our own scheduling does not lengthen the line.
            let waited = clock.saturating_sub(datagram.arrival).min(SWEEP);
            let at = now.checked_sub(waited).unwrap_or(now);
            let bytes = Bytes::copy_from_slice(datagram.bytes);
            arrived.push((datagram.from, at, bytes));
        });
        for (from, at, bytes) in arrived.drain(..) {
            match self.gates.contains_key(&id) {
                true => self.enter_up(id, from, at, bytes),
                false => self.enter_down(id, from, at, bytes),
            }
        }
        self.arrived = arrived;
    }

    fn enter_up(&mut self, gate: usize, client: SocketAddr, at: Instant, bytes: Bytes) {
        let Some(flow) = self.flow(gate, client) else {
            self.report.refused += 1;
            return;
        };
        self.up.push(at, Parcel { bytes, route: flow });
    }

    fn enter_down(&mut self, id: usize, from: SocketAddr, at: Instant, bytes: Bytes) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        // Only the target belongs to this line.
        if self
            .gates
            .get(&flow.gate)
            .is_none_or(|gate| gate.target != from)
        {
            return;
        }
        flow.used = Instant::now();
        if let Some(tape) = &mut self.tape {
            tape.note(at, &bytes);
        }
        self.down.push(at, Parcel { bytes, route: id });
    }

    /// The flow of a client, made if it is new.
    fn flow(&mut self, gate_id: usize, client: SocketAddr) -> Option<usize> {
        let now = Instant::now();
        let gate = self.gates.get_mut(&gate_id)?;
        gate.used = now;
        if let Some(id) = gate.clients.get(&client) {
            self.flows.get_mut(id)?.used = now;
            return Some(*id);
        }
        if gate.clients.len() == MAX_CLIENTS {
            return None;
        }
        let mut port = Port::bind(facing(gate.target)).ok()?;
        let id = self.register(&mut port)?;
        let flow = Flow {
            port,
            gate: gate_id,
            client,
            used: now,
        };
        self.flows.insert(id, flow);
        self.gates.get_mut(&gate_id)?.clients.insert(client, id);
        Some(id)
    }

    /// Sends what is due.
    fn forward(&mut self, direction: Direction) {
        let now = Instant::now();
        let mut towards = None;
        loop {
            let lane = match direction {
                Direction::Up => &mut self.up,
                Direction::Down => &mut self.down,
            };
            let Some(parcel) = lane.poll(now) else { break };
            if towards != Some(parcel.route) || !self.run.fits(&parcel.bytes) {
                self.flush(direction, towards);
                towards = Some(parcel.route);
            }
            self.run.append(&parcel.bytes);
        }
        self.flush(direction, towards);
    }

    fn flush(&mut self, direction: Direction, towards: Option<usize>) {
        let run = &mut self.run;
        let flow = towards.and_then(|id| self.flows.get(&id));
        let gate = flow.and_then(|flow| self.gates.get(&flow.gate));
        if let (Some(flow), Some(gate)) = (flow, gate)
            && run.packets > 0
        {
            let (port, to) = match direction {
                Direction::Up => (&flow.port, gate.target),
                Direction::Down => (&gate.port, flow.client),
            };
            // A client or server that is gone answers with ICMP; it has lost what it was sent anyway.
            let sent = port.send_run(to, &run.bytes, run.size);
            if sent.is_err_and(|error| error.kind() != io::ErrorKind::ConnectionRefused) {
                self.report.unsent += run.packets;
            }
        }
        run.clear();
    }

    /// Forgets what has not been used for long.
    fn sweep(&mut self, now: Instant) {
        let is_old = |used: Instant| now.saturating_duration_since(used) > IDLE;
        let gates = &mut self.gates;
        self.flows.retain(|_, flow| {
            if is_old(flow.used) {
                if let Some(gate) = gates.get_mut(&flow.gate) {
                    gate.clients.remove(&flow.client);
                }
                return false;
            }
            true
        });
        gates.retain(|_, gate| {
            gate.stay == Stay::Forever || !gate.clients.is_empty() || !is_old(gate.used)
        });
    }
}

impl Run {
    fn fits(&self, bytes: &[u8]) -> bool {
        self.packets == 0
            || (!self.is_full
                && bytes.len() <= self.size
                && self.bytes.len() + bytes.len() <= RUN_BYTES)
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.packets == 0 {
            self.size = bytes.len().max(1);
        }
        // A shorter packet ends a run; empty ones have no place in it and mean nothing to WebRTC.
        self.is_full = bytes.len() < self.size;
        self.packets += u64::from(!bytes.is_empty());
        self.bytes.extend_from_slice(bytes);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.packets = 0;
        self.is_full = false;
    }
}
