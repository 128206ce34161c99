//! What a participant publishes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A source offered to a lesson. The first three come from the teacher's side, once per lesson; every seat may have its own `room`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The teacher's camera and voice.
    Camera,
    /// Slides, documents, the computer's picture.
    Courseware,
    /// A second picture of the teaching side, such as a blackboard.
    Board,
    /// A classroom's own camera and microphone.
    Room,
}

impl Source {
    /// Every source, in the order of their importance to a viewer.
    pub const ALL: [Source; 4] = [
        Source::Camera,
        Source::Courseware,
        Source::Board,
        Source::Room,
    ];

    /// The name used in addresses, tokens and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Camera => "camera",
            Source::Courseware => "courseware",
            Source::Board => "board",
            Source::Room => "room",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSource;

impl fmt::Display for UnknownSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a source is one of camera, courseware, board, room")
    }
}

impl std::error::Error for UnknownSource {}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(UnknownSource)
    }
}
