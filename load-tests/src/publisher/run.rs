//! The publisher's thread: a socket, and frames and sound on time.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::session::{Outlet, Session};
use super::{Command, Notice, Programme, Stand};
use crate::inbox::{Inbox, unix_now};
use crate::port::Port;

pub struct Publishing {
    poll: Poll,
    port: Port,
    session: Session,
}

impl Outlet for &Port {
    fn wall(&self) -> Duration {
        unix_now()
    }

    fn send(&mut self, to: SocketAddr, packets: &[u8], segment: usize) -> io::Result<()> {
        self.send_run(to, packets, segment)
    }
}

impl Publishing {
    pub fn new(stand: Stand, programme: Programme) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut port = stand.port;
        poll.registry()
            .register(port.source(), Token(0), Interest::READABLE)?;
        Ok(Self {
            poll,
            port,
            session: Session::new(unix_now(), stand.entry, programme),
        })
    }

    pub fn run(mut self, commands: &Receiver<Command>, notices: &Sender<Notice>) {
        let mut events = Events::with_capacity(16);
        let mut inbox = Inbox::default();
        while self.obey(commands) {
            if let Err(why) = self.turn(&mut events, &mut inbox, notices) {
                let _ = notices.send(Notice::Failed(why));
                return;
            }
        }
        self.session.close(Instant::now(), &mut &self.port);
    }

    /// False when the owner is gone.
    fn obey(&mut self, commands: &Receiver<Command>) -> bool {
        loop {
            match commands.try_recv() {
                Ok(Command::Report(reply)) => {
                    let _ = reply.send(self.session.report());
                }
                Ok(Command::Pause) => self.session.pause(),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn turn(
        &mut self,
        events: &mut Events,
        inbox: &mut Inbox,
        notices: &Sender<Notice>,
    ) -> Result<(), String> {
        let mut outlet = &self.port;
        self.session.handle_timeout(Instant::now(), &mut outlet)?;
        let now = Instant::now();
        let wait = self
            .session
            .poll_timeout(now)
            .saturating_duration_since(now);
        match self.poll.poll(events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
        let was_connected = self.session.is_connected();
        let now = Instant::now();
        let mut failure = None;
        let read = self.port.drain(inbox, |datagram| {
            if let Err(why) = self.session.handle(now, &datagram, &mut outlet) {
                failure = Some(why);
            }
        });
        read.map_err(|error| error.to_string())?;
        if !was_connected && self.session.is_connected() {
            let _ = notices.send(Notice::Connected);
        }
        failure.map_or(Ok(()), Err)
    }
}
