//! The demo: one school, the relay, and rooms full of viewers, all on this machine.
//!
//! A central school publishes two clips without re-encoding them. Two rooms decode and play everything, in processes of their
//! own; the others receive and measure in this one. What every room got is compared with what the school sent.

mod interrupt;
mod ledger;
mod process;
mod relay;
mod room;
mod school;
mod stage;
mod standing;
mod table;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::{Abilities, Srtp};
use crate::lesson::{Lesson, LessonError, Plan};
use crate::viewer::Attention;
use interrupt::Interrupt;
use relay::{Relay, RelayError};
use room::Room;
use school::School;
use stage::Stage;
use table::Table;

pub use process::ProcessError;
pub use verdict::{Delay, Jitter, Outcome};

/// Rooms that decode and play; the others only receive.
const DECODING_ROOMS: usize = 2;
/// How long the school may take until the lesson is live.
const SCHOOL_PATIENCE: Duration = Duration::from_secs(20);
/// The lesson has been going on for a while when the bell rings.
const BEFORE_THE_BELL: Duration = Duration::from_secs(1);
/// All rooms ask to join within this time.
const JOIN_WITHIN: Duration = Duration::from_secs(1);
/// How long the decoding rooms may take to their first pictures.
const ROOM_PATIENCE: Duration = Duration::from_secs(20);

/// What to play.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Rooms in all.
    pub rooms: usize,
    /// How long to go on once every room has a picture; until interrupted, if not stated.
    pub length: Option<Duration>,
    /// The H.264 clip of the teacher's camera, with its sound.
    pub camera: PathBuf,
    /// The H.264 clip of the courseware.
    pub courseware: PathBuf,
    /// The HTTP port of the relay; 0 is any free one.
    pub port: u16,
    /// The built web pages.
    pub web: Option<PathBuf>,
    /// The relay's executable.
    pub relay: PathBuf,
    /// The classroom client's executable.
    pub classroom: PathBuf,
    /// Lines of the terminal, where the table is to be written over in place.
    pub lines: Option<usize>,
}

/// Why there was no lesson to judge.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A clip is not there.
    #[error("{0}: {1}")]
    Clip(PathBuf, std::io::Error),
    /// No relay.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A program does not run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The viewers' side.
    #[error(transparent)]
    Lesson(#[from] LessonError),
    /// Signals cannot be listened to, or the table cannot be written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The relay or the school is gone; a sentence.
    #[error("{0}")]
    Ended(String),
    /// The school never came through.
    #[error("the school's pictures did not reach the relay within {} seconds", SCHOOL_PATIENCE.as_secs())]
    Silent,
    /// Somebody asked to end before the lesson had begun.
    #[error("interrupted before every room had joined")]
    Interrupted,
}

impl Demo {
    /// Plays the lesson to its end; what it does is told on standard output.
    ///
    /// # Errors
    /// The lesson could not take place. Rooms that were not served are part of the outcome.
    pub fn run(&self) -> Result<Outcome, DemoError> {
        for clip in [&self.camera, &self.courseware] {
            std::fs::File::open(clip).map_err(|error| DemoError::Clip(clip.clone(), error))?;
        }
        let interrupt = Interrupt::listen()?;
        let relay = Relay::start(&self.relay, self.port, self.web.as_deref())?;
        println!("relay      {}", relay.address(""));
        let decoding = self.rooms.min(DECODING_ROOMS);
        let receiving = self.rooms - decoding;
        let lesson = Lesson::start(plan(&relay), Vec::new())?;
        let school = School::start(&self.classroom, &relay, [&self.camera, &self.courseware])?;
        let mut stage = Stage {
            lesson,
            rooms: Vec::new(),
            school,
            relay,
            interrupt,
            receiving,
        };
        stage.wait(SCHOOL_PATIENCE, |stage| stage.school.is_live())?;
        if !stage.school.is_live() {
            return Err(DemoError::Silent);
        }
        println!(
            "school     publishes {} and {}",
            name(&self.camera),
            name(&self.courseware)
        );
        stage.wait(BEFORE_THE_BELL, |_| false)?;
        println!(
            "rooms      {decoding} that decode and {receiving} that receive and measure join within a second"
        );
        for number in 1..=decoding {
            stage
                .rooms
                .push(Room::start(number, &self.classroom, &stage.relay)?);
        }
        stage.lesson.join(receiving, JOIN_WITHIN, |_| {})?;
        stage.wait(ROOM_PATIENCE, |stage| {
            stage.rooms.iter().all(Room::has_pictures)
        })?;
        self.announce(&stage.relay);
        stage.play(self.length, &mut Table::new(self.lines))
    }

    fn announce(&self, relay: &Relay) {
        if self.web.is_some() {
            println!("watch      {}", relay.address("watch.html?lesson=demo"));
            println!(
                "try it     {}",
                relay.address("publish.html?lesson=try&source=camera")
            );
            println!("           {}", relay.address("watch.html?lesson=try"));
        }
        match self.length {
            Some(length) => println!("           for {} seconds\n", length.as_secs_f64()),
            None => println!("           until Ctrl-C\n"),
        }
    }
}

fn plan(relay: &Relay) -> Plan {
    Plan {
        whep: relay.address("whep/demo"),
        token: None,
        insecure: false,
        videos: school::SOURCES.len(),
        audios: school::SOURCES.len(),
        srtp: Srtp::Gcm,
        abilities: Abilities::ALL,
        attention: Attention::Sample,
    }
}

fn name(clip: &Path) -> String {
    clip.file_name()
        .unwrap_or(clip.as_os_str())
        .to_string_lossy()
        .into_owned()
}
