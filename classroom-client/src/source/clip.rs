//! A file, or one for each layer, that is sent as it is, looped for ever.
//!
//! Two threads: one reads the file pass after pass, each through a fresh pipeline so that every pass yields the same bytes; the
//! other hands each frame over when it is due. Between them lies about a second of frames, which hides the change of passes.

mod endless;
mod pass;
mod renditions;
mod splice;
mod track;

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::outlet::Outlet;
use super::{Event, Formats, OpenError, Track};
use crate::adapt::Needs;
pub use endless::{Endless, Unit};
pub use renditions::{Reader, Renditions};

/// Frames read ahead: half a second to a second of 30 pictures in up to three layers and 50 packets of sound.
const READ_AHEAD: usize = 80;

/// A machine that slept this long goes on from where it is, instead of sending all that it missed.
const LATE: Duration = Duration::from_secs(1);

/// Whether the clip's own sound is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// It is sent along.
    Play,
    /// Only the pictures are.
    Skip,
}

/// A clip that is handed over in real time once it was started.
#[derive(Debug)]
pub struct Player {
    formats: Formats,
    needs: Vec<Needs>,
    outlet: Outlet,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Box<Reader>),
    Running(Threads),
}

/// Ends when dropped.
#[derive(Debug)]
struct Threads {
    /// Never used to send: its end wakes the pacing thread.
    stop: Option<mpsc::Sender<()>>,
    handles: Vec<JoinHandle<()>>,
}

impl Player {
    /// Opens a clip, and looks at its beginning.
    ///
    /// # Errors
    /// As [`Endless::open`].
    pub fn open(files: &Renditions, sound: Sound, outlet: Outlet) -> Result<Self, OpenError> {
        let clip = Reader::open(files, sound)?;
        Ok(Self {
            formats: clip.formats(),
            needs: clip.needs(),
            outlet,
            state: State::Waiting(Box::new(clip)),
        })
    }

    /// What the clip holds.
    pub fn formats(&self) -> Formats {
        self.formats
    }

    /// What each rendition takes, the best first.
    pub fn needs(&self) -> &[Needs] {
        &self.needs
    }

    /// Lets the clip run from its first picture. Does nothing when it runs already.
    pub fn start(&mut self) {
        if let State::Running(_) = self.state {
            return;
        }
        let (units, due_units) = mpsc::sync_channel(READ_AHEAD);
        let (stop, stopped) = mpsc::channel();
        let outlet = self.outlet.clone();
        let pacer = std::thread::spawn(move || pace(&due_units, &stopped, &outlet));
        let threads = Threads {
            stop: Some(stop),
            handles: vec![pacer],
        };
        if let State::Waiting(clip) = std::mem::replace(&mut self.state, State::Running(threads)) {
            let reader = std::thread::spawn(move || read(*clip, &units));
            if let State::Running(threads) = &mut self.state {
                threads.handles.push(reader);
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop = None;
        for handle in self.handles.drain(..) {
            let _ = handle.join();
        }
    }
}

type Read = Result<(Track, Unit), OpenError>;

fn read(mut clip: Reader, units: &mpsc::SyncSender<Read>) {
    loop {
        let unit = clip.next_unit();
        let failed = unit.is_err();
        if units.send(unit).is_err() || failed {
            return;
        }
    }
}

fn pace(units: &mpsc::Receiver<Read>, stopped: &mpsc::Receiver<()>, outlet: &Outlet) {
    let epoch = outlet.epoch();
    let mut start = epoch.elapsed();
    while let Ok(unit) = units.recv() {
        let (track, unit) = match unit {
            Ok(unit) => unit,
            Err(error) => return outlet.finish(Event::Failed(error.to_string())),
        };
        let now = epoch.elapsed();
        match (start + unit.timestamp).checked_sub(now) {
            Some(wait) => match stopped.recv_timeout(wait) {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
            },
            None if now - (start + unit.timestamp) > LATE => start = now - unit.timestamp,
            None => {}
        }
        if !outlet.frame(track, unit.payload, start + unit.timestamp, unit.keyframe) {
            return;
        }
    }
}
