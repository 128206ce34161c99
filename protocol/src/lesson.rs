//! The lesson: what participants may ask of it, what they are told of it, and how it is now.
//!
//! A participant sends an [`Order`], is answered with a [`Reply`], and is told a [`View`] once and [`Told`] whenever something changes.
//! Times are milliseconds since the Unix epoch. `revision` counts the lesson's changes and survives the relay's restarts: whoever has a view of revision `n` skips news up to `n`.

mod command;
mod news;
mod reason;
mod view;

pub use command::{Answer, Command, Form, MAX_COUNT, MAX_TEXT, Order, Whisper};
pub use news::{CallEnd, News, Outcome, Reply, Told};
pub use reason::Reason;
pub use view::{
    Answered, Attention, Call, Consent, Hand, Place, Presence, Question, Room, View, Voice,
    Whispered,
};

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most rooms on the stage.
pub const MAX_STAGE: u8 = 4;

/// Milliseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// So many milliseconds later.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// So many milliseconds earlier.
    #[must_use]
    pub fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds since `earlier`; 0 if that is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where a lesson is in its life. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is on the timetable.
    Scheduled,
    /// Rooms may come and be checked; nobody sees anything of the lesson yet.
    Open,
    /// It takes place.
    Live,
    /// It is over: nothing is published any more.
    Ended,
    /// Nothing about it changes any more.
    Archived,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 5] = [
        Phase::Scheduled,
        Phase::Open,
        Phase::Live,
        Phase::Ended,
        Phase::Archived,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Scheduled => "scheduled",
            Phase::Open => "open",
            Phase::Live => "live",
            Phase::Ended => "ended",
            Phase::Archived => "archived",
        })
    }
}

/// What is recorded. A room that is not on the stage never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// Nothing.
    #[default]
    Off,
    /// The teaching side's sources.
    Lesson,
    /// Those, and the rooms while they are on the stage.
    LessonAndStage,
}
