//! The same clip in several files, one for each layer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use participant::Kind;

use super::Sound;
use super::endless::{Endless, Unit};
use crate::adapt::Needs;
use crate::source::{Formats, OpenError, Track};

/// The files of a clip. They show the same, picture by picture or fewer of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renditions {
    /// The best one, whose sound is heard.
    pub best: PathBuf,
    /// The others, the better ones first.
    pub lower: Vec<PathBuf>,
}

impl<P: Into<PathBuf>> From<P> for Renditions {
    fn from(only: P) -> Self {
        Self {
            best: only.into(),
            lower: Vec::new(),
        }
    }
}

/// All renditions of a clip as one endless sequence. Every pass begins when the best one's does, so that files which are not
/// quite equally long, as those of fewer pictures rarely are, do not drift apart. Reading it blocks, and it knows no clock.
#[derive(Debug)]
pub struct Reader {
    best: Rendition,
    lower: Vec<Rendition>,
    pass: Pass,
}

#[derive(Debug)]
struct Rendition {
    clip: Endless,
    next: Option<Unit>,
}

/// The pass that the best rendition is in, and where it began.
#[derive(Debug, Clone, Copy)]
struct Pass {
    number: u64,
    start: Duration,
    /// Where the one before began.
    before: Duration,
}

impl Reader {
    /// Opens all files and looks at their beginnings.
    ///
    /// # Errors
    /// As [`Endless::open`].
    pub fn open(renditions: &Renditions, sound: Sound) -> Result<Self, OpenError> {
        let lower = renditions.lower.iter();
        Ok(Self {
            best: Rendition::open(&renditions.best, sound)?,
            lower: lower
                .map(|path| Rendition::open(path, Sound::Skip))
                .collect::<Result<_, _>>()?,
            pass: Pass {
                number: 0,
                start: Duration::ZERO,
                before: Duration::ZERO,
            },
        })
    }

    /// What the best rendition holds.
    pub fn formats(&self) -> Formats {
        self.best.clip.formats()
    }

    /// What each rendition takes: all or nothing.
    pub fn needs(&self) -> Vec<Needs> {
        let all = std::iter::once(&self.best).chain(&self.lower);
        all.map(|rendition| {
            let bitrate = rendition.clip.bitrate();
            Needs {
                nominal: bitrate,
                least: bitrate,
            }
        })
        .collect()
    }

    /// The next frame of any rendition, in the order in which they are due.
    ///
    /// # Errors
    /// A file cannot be read any more.
    pub fn next_unit(&mut self) -> Result<(Track, Unit), OpenError> {
        let head = self.best.head()?;
        if head.pass != self.pass.number {
            self.pass = Pass {
                number: head.pass,
                start: head.pass_start,
                before: self.pass.start,
            };
        }
        let mut due = (0, head.timestamp);
        for (layer, lower) in (1..).zip(&mut self.lower) {
            if let Some(time) = lower.due(self.pass)?
                && time < due.1
            {
                due = (layer, time);
            }
        }
        let (layer, timestamp) = due;
        let rendition = match layer {
            0 => &mut self.best,
            layer => &mut self.lower[layer - 1],
        };
        let unit = rendition.take()?;
        let track = match unit.kind {
            Kind::Video => Track::Layer(layer),
            Kind::Audio => Track::Sound,
        };
        Ok((track, Unit { timestamp, ..unit }))
    }
}

impl Rendition {
    fn open(path: &Path, sound: Sound) -> Result<Self, OpenError> {
        Ok(Self {
            clip: Endless::open(path, sound)?,
            next: None,
        })
    }

    fn head(&mut self) -> Result<&Unit, OpenError> {
        let unit = self.take()?;
        Ok(self.next.insert(unit))
    }

    fn take(&mut self) -> Result<Unit, OpenError> {
        match self.next.take() {
            Some(unit) => Ok(unit),
            None => self.clip.next_unit(),
        }
    }

    /// When the next frame is due while the best rendition is in `pass`; `None` when it has to wait for the next one. What sticks
    /// out behind the end of a pass is left out.
    fn due(&mut self, pass: Pass) -> Result<Option<Duration>, OpenError> {
        loop {
            let head = self.head()?;
            let since = head.timestamp.saturating_sub(head.pass_start);
            if head.pass > pass.number {
                return Ok(None);
            }
            if head.pass == pass.number {
                return Ok(Some(pass.start + since));
            }
            let time = pass.before + since;
            if head.pass + 1 == pass.number && time < pass.start {
                return Ok(Some(time));
            }
            self.take()?;
        }
    }
}
