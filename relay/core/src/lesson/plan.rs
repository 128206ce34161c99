//! What is decided about a lesson beforehand.

use std::collections::BTreeSet;

use protocol::lesson::{Attention, MAX_STAGE, Recording, UnixMs};
use protocol::{LessonId, SeatId, Source};
use serde::{Deserialize, Serialize};

/// Most rooms of a lesson.
pub const MAX_ROOMS: usize = 1_000;

/// A lesson on the timetable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which lesson.
    pub lesson: LessonId,
    /// What it is called.
    pub title: String,
    /// The course it belongs to.
    pub course: String,
    /// The teaching school.
    pub school: String,
    /// Who teaches.
    pub teacher: SeatId,
    /// What the teaching side publishes: of camera, courseware and board.
    pub sources: Vec<Source>,
    /// The rooms that may come.
    pub rooms: Vec<Invitation>,
    /// When it begins.
    pub starts: UnixMs,
    /// When it ends.
    pub ends: UnixMs,
    /// What is recorded.
    pub recording: Recording,
    /// How many rooms the stage holds, at most [`MAX_STAGE`].
    pub stage: u8,
    /// How it begins.
    pub start: Start,
    /// How long it waits for what.
    pub limits: Limits,
}

/// A room that may come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its seat.
    pub seat: SeatId,
    /// Its name for people.
    pub name: String,
    /// Whether it wants to be asked at every call.
    pub policy: Policy,
    /// How often it was called in earlier lessons of the term.
    pub term: Attention,
}

/// What a room has agreed to beforehand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nothing: somebody there is asked.
    #[default]
    Ask,
    /// Every call, and being heard again after the teacher's muting.
    Standing,
}

/// How a lesson begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At its time, or as soon as the teacher is there and publishes something.
    #[default]
    Timetable,
    /// Only when somebody says so.
    ByHand,
}

/// How long a lesson waits, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// So long before its beginning rooms may come.
    pub opens_before_ms: u64,
    /// So long after its time it is ended.
    pub grace_ms: u64,
    /// So long after its end it is archived.
    pub archive_after_ms: u64,
    /// From the notice at the room to the switch, at least.
    pub countdown_ms: u64,
    /// So long the room may take to agree.
    pub consent_ms: u64,
    /// So long the switch waits for a keyframe of the best layer before it goes without.
    pub keyframe_ms: u64,
    /// So long the switch waits for a room that is cut or has no camera.
    pub camera_ms: u64,
    /// So long a room that is cut keeps its raised hand.
    pub hand_ms: u64,
    /// So long a room that is cut keeps its place on the stage.
    pub stage_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const SECOND: u64 = 1_000;
        const MINUTE: u64 = 60 * SECOND;
        Self {
            opens_before_ms: 10 * MINUTE,
            grace_ms: 10 * MINUTE,
            archive_after_ms: 60 * MINUTE,
            countdown_ms: 3 * SECOND,
            consent_ms: 30 * SECOND,
            keyframe_ms: 2 * SECOND,
            camera_ms: 10 * SECOND,
            hand_ms: 5 * MINUTE,
            stage_ms: MINUTE,
        }
    }
}

impl Plan {
    /// The invitation of a room.
    pub fn room(&self, seat: &SeatId) -> Option<&Invitation> {
        self.rooms.iter().find(|room| room.seat == *seat)
    }

    pub(super) fn check(&self) -> Result<(), InvalidPlan> {
        let mut seats = BTreeSet::from([&self.teacher]);
        for room in &self.rooms {
            if !seats.insert(&room.seat) {
                return Err(InvalidPlan::Twice(room.seat.clone()));
            }
        }
        if self.rooms.len() > MAX_ROOMS {
            return Err(InvalidPlan::TooManyRooms);
        }
        if self.sources.contains(&Source::Room) {
            return Err(InvalidPlan::RoomAsSource);
        }
        if self.stage > MAX_STAGE {
            return Err(InvalidPlan::Stage);
        }
        if self.starts >= self.ends {
            return Err(InvalidPlan::Times);
        }
        Ok(())
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// A seat is named more than once.
    #[error("{0} is named twice among the rooms and the teacher")]
    Twice(SeatId),
    /// More than [`MAX_ROOMS`].
    #[error("a lesson has at most {MAX_ROOMS} rooms")]
    TooManyRooms,
    /// The teaching side publishes a room.
    #[error("the sources of a lesson are those of its teacher: camera, courseware, board")]
    RoomAsSource,
    /// More than [`MAX_STAGE`].
    #[error("the stage holds at most {MAX_STAGE} rooms")]
    Stage,
    /// It ends before it begins.
    #[error("a lesson ends after its beginning")]
    Times,
}
