//! What can be the matter with a line.

use serde::{Deserialize, Serialize};

/// What is the matter with a seat's line, worst first where several things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Situation {
    /// Nothing.
    Good,
    /// Packets to the seat are lost.
    Lossy {
        /// Before repair, in percent.
        loss_percent: u8,
        /// What was done about it.
        remedy: Remedy,
    },
    /// The line to the seat carries less than the lesson's pictures.
    Narrow {
        /// About how much it carries, kbit/s; absent when unknown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carries_kbps: Option<u32>,
        /// What was done about it.
        remedy: Remedy,
    },
    /// Packets take long.
    Slow {
        /// There and back, in milliseconds.
        round_trip_ms: u32,
    },
    /// Packets that the seat itself sends are lost.
    LossyUplink {
        /// Before repair, in percent.
        loss_percent: u8,
        /// Whether they all came in the end.
        repaired: bool,
    },
    /// Nothing is heard from the seat.
    Down {
        /// For how long.
        seconds: u32,
    },
    /// It was cut and is back.
    Restored {
        /// How long it was cut.
        seconds: u32,
    },
    /// Packets are lost on their way from the school, so every room misses them.
    School {
        /// Before repair, in percent.
        loss_percent: u8,
    },
    /// Nothing is heard from the school.
    SchoolDown {
        /// For how long.
        seconds: u32,
    },
    /// The relay cannot keep up.
    Overloaded,
}

/// What was done about a bad line to a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// What was lost was sent again.
    Repaired,
    /// The pictures of rooms on stage are smaller, or left out.
    SmallerStage,
    /// The teacher's picture is a smaller one.
    SmallerCamera,
    /// Courseware comes with fewer frames, as sharp as before.
    FewerFrames,
    /// Pictures were given up in favour of sound.
    VoiceFirst,
    /// Nothing helps enough.
    Nothing,
}

/// How a line is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Good,
    /// Not as it should be, but the lesson does not suffer.
    Fair,
    /// The lesson suffers.
    Poor,
    /// There is nothing.
    Down,
}

/// A part of the way from the school's camera to the room's screen, as the line's owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// From the seat to the relay.
    Uplink,
    /// From the relay to the seat.
    Downlink,
    /// Both ways between the seat and the relay.
    Both,
    /// From the school to the relay.
    School,
    /// The relay itself.
    Relay,
}

impl Situation {
    /// How bad it is.
    pub fn grade(self) -> Grade {
        match self {
            Situation::Good => Grade::Good,
            Situation::Restored { .. }
            | Situation::Slow { .. }
            | Situation::LossyUplink { repaired: true, .. }
            | Situation::Lossy {
                remedy: Remedy::Repaired | Remedy::SmallerStage | Remedy::SmallerCamera,
                ..
            }
            | Situation::Narrow {
                remedy: Remedy::Repaired | Remedy::SmallerStage | Remedy::SmallerCamera,
                ..
            } => Grade::Fair,
            Situation::Lossy { .. }
            | Situation::Narrow { .. }
            | Situation::LossyUplink { .. }
            | Situation::School { .. }
            | Situation::Overloaded => Grade::Poor,
            Situation::Down { .. } | Situation::SchoolDown { .. } => Grade::Down,
        }
    }

    /// Which part of the way is to blame.
    pub fn hop(self) -> Option<Hop> {
        match self {
            Situation::Good | Situation::Restored { .. } => None,
            Situation::Lossy { .. } | Situation::Narrow { .. } => Some(Hop::Downlink),
            Situation::LossyUplink { .. } => Some(Hop::Uplink),
            Situation::Slow { .. } | Situation::Down { .. } => Some(Hop::Both),
            Situation::School { .. } | Situation::SchoolDown { .. } => Some(Hop::School),
            Situation::Overloaded => Some(Hop::Relay),
        }
    }

    /// The same without its numbers: two situations of one kind differ in degree only.
    pub fn kind(self) -> Self {
        match self {
            Situation::Good | Situation::Overloaded => self,
            Situation::Lossy { remedy, .. } => Situation::Lossy {
                loss_percent: 0,
                remedy,
            },
            Situation::Narrow { remedy, .. } => Situation::Narrow {
                carries_kbps: None,
                remedy,
            },
            Situation::Slow { .. } => Situation::Slow { round_trip_ms: 0 },
            Situation::LossyUplink { repaired, .. } => Situation::LossyUplink {
                loss_percent: 0,
                repaired,
            },
            Situation::Down { .. } => Situation::Down { seconds: 0 },
            Situation::Restored { .. } => Situation::Restored { seconds: 0 },
            Situation::School { .. } => Situation::School { loss_percent: 0 },
            Situation::SchoolDown { .. } => Situation::SchoolDown { seconds: 0 },
        }
    }
}
