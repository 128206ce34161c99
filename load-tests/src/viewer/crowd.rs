//! All viewers on one thread: one epoll, no tokio.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token, Waker};
use serde::Serialize;

use super::report::{Percentiles, ViewerReport};
use super::session::{Entry, Progress, Session};
use crate::inbox::{Inbox, unix_now};
use crate::port::Port;

const WAKE: Token = Token(usize::MAX);
/// How often timers are looked at.
const TICK: Duration = Duration::from_millis(5);
/// Between samples of all viewers.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// A viewer that has been admitted by the server and is about to be driven by a [`Crowd`].
pub struct Seat {
    /// Its socket, which the candidate in its offer names.
    pub port: Port,
    /// Everything else.
    pub entry: Entry,
}

/// One viewer.
struct Viewer {
    port: Port,
    session: Session,
}

/// What the crowd tells its owner.
#[derive(Debug)]
pub enum Notice {
    /// A viewer's handshake finished.
    Connected(usize),
    /// A viewer has its first picture.
    Picture(usize),
    /// A viewer is lost, for this reason.
    Failed(usize, String),
    /// A second has passed.
    Second(Sample),
}

/// A second of the whole crowd.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Seconds since the crowd started.
    pub at_s: f64,
    /// Viewers that are connected.
    pub connected: usize,
    /// Viewers that have had a picture.
    pub watching: usize,
    /// Received by all viewers in this second.
    pub mbit_per_s: f64,
    /// Received by all viewers so far.
    pub packets: u64,
    /// Missing at the moment, repairs under way included.
    pub packets_missing: u64,
    /// Asked for again so far.
    pub nacks: u64,
    /// Of the packets since the previous sample.
    pub delay_ms: Option<Percentiles>,
}

enum Command {
    Join(Box<Seat>),
    /// Begin a new window for delays and gaps.
    ResetWindow,
    /// Report the state of all viewers now.
    Report(Sender<Vec<ViewerReport>>),
    Stop,
}

/// Why the crowd cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// The event loop could not be set up or failed.
    #[error("the viewers' event loop failed: {0}")]
    Io(#[from] io::Error),
    /// Its thread is gone.
    #[error("the viewers' thread ended early")]
    Gone,
}

/// The running viewers. Dropping it stops them.
pub struct Crowd {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Starts the thread; notices go to `notices`.
    pub fn start(notices: Sender<Notice>) -> Result<Self, CrowdError> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (commands, inbox) = channel();
        let thread = std::thread::Builder::new()
            .name("viewers".to_owned())
            .spawn(move || Loop::new(poll, inbox, notices).run())?;
        Ok(Self {
            commands,
            waker,
            thread: Some(thread),
        })
    }

    /// Adds an admitted viewer.
    pub fn join(&self, seat: Seat) -> Result<(), CrowdError> {
        self.command(Command::Join(Box::new(seat)))
    }

    /// Begins a new window for delays and gaps; counts of packets go on.
    pub fn reset_window(&self) -> Result<(), CrowdError> {
        self.command(Command::ResetWindow)
    }

    /// What all viewers have found so far.
    pub fn report(&self) -> Result<Vec<ViewerReport>, CrowdError> {
        let (reply, answer) = channel();
        self.command(Command::Report(reply))?;
        answer.recv().map_err(|_| CrowdError::Gone)
    }

    fn command(&self, command: Command) -> Result<(), CrowdError> {
        self.commands.send(command).map_err(|_| CrowdError::Gone)?;
        Ok(self.waker.wake()?)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loop {
    poll: Poll,
    commands: Receiver<Command>,
    notices: Sender<Notice>,
    viewers: Vec<Viewer>,
    noticed: Vec<Noticed>,
    inbox: Inbox,
    started: Instant,
    sampled: Sampled,
}

/// What has been told about a viewer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Noticed {
    Nothing,
    Connected,
    Picture,
    Failed,
}

struct Sampled {
    at: Instant,
    bytes: u64,
    delays: Histogram<u64>,
}

impl Viewer {
    /// Reads everything that waits on the socket, and answers.
    fn readable(&mut self, now: Instant, inbox: &mut Inbox, delays: &mut Histogram<u64>) {
        let session = &mut self.session;
        let read = self
            .port
            .drain(inbox, |datagram| session.handle(now, &datagram, delays));
        if let Err(error) = read {
            self.session.fail(error);
        }
        self.tick(Instant::now());
    }

    fn tick(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        while let Some((to, bytes)) = self.session.poll_transmit() {
            let _ = self.port.send(to, &bytes);
        }
    }

    fn close(&mut self, now: Instant) {
        self.session.close(now);
        self.tick(now);
    }
}

impl Loop {
    fn new(poll: Poll, commands: Receiver<Command>, notices: Sender<Notice>) -> Self {
        let now = Instant::now();
        Self {
            poll,
            commands,
            notices,
            viewers: Vec::new(),
            noticed: Vec::new(),
            inbox: Inbox::default(),
            started: now,
            sampled: Sampled {
                at: now,
                bytes: 0,
                delays: super::histogram(),
            },
        }
    }

    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut next_tick = Instant::now() + TICK;
        loop {
            let wait = next_tick.saturating_duration_since(Instant::now());
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            }
            for event in &events {
                if event.token() == WAKE {
                    if !self.obey() {
                        return;
                    }
                } else if let Some(viewer) = self.viewers.get_mut(event.token().0) {
                    let now = Instant::now();
                    viewer.readable(now, &mut self.inbox, &mut self.sampled.delays);
                }
            }
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                self.tick(now);
            }
        }
    }

    /// False when the end has come.
    fn obey(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Join(seat)) => self.join(*seat),
                Ok(Command::ResetWindow) => {
                    for viewer in &mut self.viewers {
                        viewer.session.reset_window();
                    }
                }
                Ok(Command::Report(reply)) => {
                    let reports = self.viewers.iter().map(|viewer| viewer.session.report());
                    let _ = reply.send(reports.collect());
                }
                Err(TryRecvError::Empty) => return true,
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => {
                    let now = Instant::now();
                    self.viewers.iter_mut().for_each(|viewer| viewer.close(now));
                    return false;
                }
            }
        }
    }

    fn join(&mut self, seat: Seat) {
        let now = Instant::now();
        let index = seat.entry.index;
        let mut viewer = Viewer {
            port: seat.port,
            session: Session::new(now, unix_now(), seat.entry),
        };
        let token = Token(self.viewers.len());
        let registered =
            self.poll
                .registry()
                .register(viewer.port.source(), token, Interest::READABLE);
        if let Err(error) = registered {
            let _ = self.notices.send(Notice::Failed(index, error.to_string()));
            return;
        }
        viewer.tick(now);
        self.viewers.push(viewer);
        self.noticed.push(Noticed::Nothing);
    }

    fn tick(&mut self, now: Instant) {
        for (viewer, noticed) in self.viewers.iter_mut().zip(&mut self.noticed) {
            viewer.tick(now);
            notice(viewer, noticed, &self.notices);
        }
        if now - self.sampled.at >= SAMPLE_INTERVAL {
            let sample = self.sample(now);
            let _ = self.notices.send(Notice::Second(sample));
        }
    }

    fn sample(&mut self, now: Instant) -> Sample {
        let mut sample = Sample {
            at_s: (now - self.started).as_secs_f64(),
            connected: 0,
            watching: 0,
            mbit_per_s: 0.0,
            packets: 0,
            packets_missing: 0,
            nacks: 0,
            delay_ms: None,
        };
        let mut bytes = 0;
        for viewer in &mut self.viewers {
            let session = &mut viewer.session;
            sample.connected += usize::from(session.progress == Progress::Connected);
            sample.watching += usize::from(session.picture_after.is_some());
            for track in &mut session.tracks {
                bytes += track.bytes;
                sample.packets += track.packets;
                sample.packets_missing += track.sequence.lost();
                sample.nacks += track.sequence.requests();
            }
        }
        let seconds = (now - self.sampled.at).as_secs_f64();
        sample.mbit_per_s = (bytes - self.sampled.bytes) as f64 * 8.0 / 1e6 / seconds;
        sample.delay_ms = Percentiles::of(&self.sampled.delays);
        self.sampled.delays.reset();
        self.sampled.at = now;
        self.sampled.bytes = bytes;
        sample
    }
}

/// Tells each step of a viewer once.
fn notice(viewer: &Viewer, noticed: &mut Noticed, notices: &Sender<Notice>) {
    let session = &viewer.session;
    let reached = match &session.progress {
        Progress::Failed(_) => Noticed::Failed,
        Progress::Connected if session.picture_after.is_some() => Noticed::Picture,
        Progress::Connected => Noticed::Connected,
        Progress::Connecting => Noticed::Nothing,
    };
    if reached == *noticed {
        return;
    }
    if *noticed == Noticed::Nothing && reached != Noticed::Failed {
        let _ = notices.send(Notice::Connected(session.index));
    }
    match &session.progress {
        Progress::Failed(why) => {
            let _ = notices.send(Notice::Failed(session.index, why.clone()));
        }
        _ if reached == Noticed::Picture => {
            let _ = notices.send(Notice::Picture(session.index));
        }
        _ => {}
    }
    *noticed = reached;
}
