//! A lesson with one room on a bad line: what that room gets, and what the others notice.

pub mod playout;
mod verdict;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use url::Url;

use crate::bench::{Server, ServerError};
use crate::client::{Abilities, Srtp};
use crate::lesson::{Lesson, LessonError, Plan, Publication};
use crate::link::{Front, FrontError, Line, LineError, Profile};
use crate::publisher::{Pacing, Programme, Source};
use crate::viewer::{Attention, Percentiles, ViewerReport};
use playout::Recording;
pub use verdict::{CleanRooms, Delay, SourceVerdict, Verdict};

/// After somebody has joined, until everything is steady: what is known of their line, too.
const SETTLE: Duration = Duration::from_secs(4);
/// How long the clean rooms are watched without the other one.
const ALONE: Duration = Duration::from_secs(8);
/// What is repaired late is waited for.
const DRAIN: Duration = Duration::from_millis(1500);

/// What to play.
#[derive(Debug, Clone)]
pub struct Impair {
    /// The line of the one room.
    pub profile: Profile,
    /// How long; by default what the profile says.
    pub length: Option<Duration>,
    /// Rooms on clean lines.
    pub clean_rooms: usize,
    /// What is published.
    pub show: Show,
    /// How the publishers send.
    pub pacing: Pacing,
    /// What the rooms offer.
    pub abilities: Abilities,
    /// Decides which packets are lost.
    pub seed: u64,
    /// The relay's executable.
    pub relay: PathBuf,
}

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Show {
    /// A camera in three layers and courseware in two.
    Layers,
    /// A camera in one.
    Plain {
        /// Its rate in Mbit/s.
        mbit: f64,
    },
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum ImpairError {
    /// The relay did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The lesson did not take place.
    #[error(transparent)]
    Lesson(#[from] LessonError),
    /// The link.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Its HTTP side.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// Sockets or threads.
    #[error("the link cannot be set up: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing to measure.
    #[error("the room behind the link was not connected: {0}")]
    Room(String),
    /// The verdict would be about half of it.
    #[error("the lesson was too long or too wide to be recorded whole; choose fewer seconds")]
    Tape,
}

/// A line with its HTTP side on a runtime of its own. Dropping it ends both.
struct Setup {
    line: Arc<Line>,
    address: Url,
    end: Option<oneshot::Sender<()>>,
    _runtime: Runtime,
}

impl Impair {
    /// Plays the lesson; `tell` hears what is going on.
    pub fn run(&self, mut tell: impl FnMut(&str)) -> Result<Verdict, ImpairError> {
        let length = self.length.unwrap_or(self.profile.length);
        tell(&format!("{}: {}", self.profile.name, self.profile.about));
        let server = Server::relay(&self.relay)?;
        let door = self.door(&server);
        let plan = self.plan(door.clone(), Attention::Sample);
        let mut clean = Lesson::start(plan, self.publications(&server))?;
        clean.run(SETTLE, |_| {})?;
        let join_within = Duration::from_millis(30) * self.clean_rooms as u32;
        clean.join(self.clean_rooms, join_within, |_| {})?;
        clean.run(SETTLE, |_| {})?;
        clean.reset_window()?;
        clean.run(ALONE, |_| {})?;
        let without = delay_p99(&clean.viewers()?);

        let setup = self.set_up(&server)?;
        setup.line.record()?;
        let whep = setup.through(&door);
        let mut room = Lesson::start(self.plan(whep, Attention::Everything), Vec::new())?;
        room.join(1, Duration::ZERO, |_| {})?;
        clean.run(SETTLE, |_| {})?;
        let before = room.viewers()?;
        // A room without a picture is a result; a room without a connection is none.
        if before.iter().all(|room| room.join_ms.is_none()) {
            let failures = room.finish()?.failures;
            return Err(ImpairError::Room(failures.join(", ")));
        }
        clean.reset_window()?;
        room.reset_window()?;
        setup.line.restart()?;
        let begin = Instant::now();
        clean.run(length, |_| {})?;
        let end = Instant::now();
        let (with, seen) = (delay_p99(&clean.viewers()?), room.viewers()?);
        clean.run(DRAIN, |_| {})?;
        let logged = room.viewers()?;
        let tape = setup.line.take_tape()?;
        let line = setup.line.report()?;
        let noticed = clean.finish()?;
        room.finish()?;
        let [room] = &logged[..] else {
            return Err(ImpairError::Room("it is gone".to_owned()));
        };
        let log = room.log.clone().unwrap_or_default();
        if tape.missed > 0 || log.is_full() {
            return Err(ImpairError::Tape);
        }
        let recording = Recording {
            tape: &tape,
            log: log.sightings(),
            sections: &room.sections,
        };
        let probes = |viewers: &[ViewerReport]| -> u64 {
            viewers.iter().map(|viewer| viewer.probe_bytes).sum()
        };
        Ok(verdict::Found {
            profile: &self.profile,
            playout: playout::judge(recording, begin, end),
            length: end - begin,
            delay: Percentiles::merged(&seen),
            probe_bytes: probes(&seen) - probes(&before),
            clean_rooms: CleanRooms {
                rooms: self.clean_rooms,
                packets_lost: noticed.viewers.iter().map(|room| room.packets_lost).sum(),
                delay_p99_ms: with,
                delay_p99_ms_without: without,
            },
            line,
        }
        .verdict())
    }

    fn plan(&self, whep: Url, attention: Attention) -> Plan {
        Plan {
            whep,
            token: None,
            insecure: false,
            videos: match self.show {
                Show::Layers => 2,
                Show::Plain { .. } => 1,
            },
            audios: 1,
            srtp: Srtp::Gcm,
            abilities: self.abilities,
            attention,
        }
    }

    /// Where to watch all that is published, and nothing that is not.
    fn door(&self, server: &Server) -> Url {
        match self.show {
            Show::Layers => server.lesson(),
            Show::Plain { .. } => server.whep("camera"),
        }
    }

    fn publications(&self, server: &Server) -> Vec<Publication> {
        let publication = |source, programme| Publication {
            whip: server.whip(source),
            programme,
        };
        match self.show {
            Show::Layers => vec![
                publication("camera", Programme::camera(self.pacing)),
                publication("courseware", Programme::courseware(self.pacing)),
            ],
            Show::Plain { mbit } => {
                let programme = Programme::single(Source::synthetic(mbit), mbit, self.pacing);
                vec![publication("camera", programme)]
            }
        }
    }

    fn set_up(&self, server: &Server) -> Result<Setup, ImpairError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let line = Arc::new(Line::start(&self.profile, self.seed)?);
        let loopback = Ipv4Addr::LOCALHOST.into();
        let front = Front::new(Arc::clone(&line), server.lesson(), loopback, false)?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        let mut address = server.lesson();
        // An http address with a host takes any port.
        let _ = address.set_port(Some(port));
        let (end, ended) = oneshot::channel();
        runtime.spawn(front.serve(listener, async {
            let _ = ended.await;
        }));
        Ok(Setup {
            line,
            address,
            end: Some(end),
            _runtime: runtime,
        })
    }
}

impl Setup {
    /// The address of a resource of the server behind the line.
    fn through(&self, resource: &Url) -> Url {
        let mut address = self.address.clone();
        address.set_path(resource.path());
        address
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
    }
}

fn delay_p99(viewers: &[ViewerReport]) -> Option<f64> {
    Percentiles::merged(viewers).map(|delay| delay.p99)
}
