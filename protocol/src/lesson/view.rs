//! How a lesson is now.

use serde::{Deserialize, Serialize};

use super::{Answer, Form, Phase, Recording, UnixMs, Whisper};
use crate::{LessonId, SeatId};

/// A lesson as one participant may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The lesson.
    pub lesson: LessonId,
    /// Counts its changes.
    pub revision: u64,
    /// When it was so.
    pub at: UnixMs,
    /// What it is called.
    pub title: String,
    /// The course it belongs to.
    pub course: String,
    /// The teaching school.
    pub school: String,
    /// Who teaches.
    pub teacher: SeatId,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it begins by the timetable.
    pub starts: UnixMs,
    /// When it ends by the timetable.
    pub ends: UnixMs,
    /// What is recorded while it is live.
    pub recording: Recording,
    /// Whether the teacher is there.
    pub teaching: Presence,
    /// The invited rooms, in the order of the plan.
    pub rooms: Vec<Room>,
    /// First come, first.
    pub hands: Vec<Hand>,
    /// In the order of the slots `stage-1` …
    pub stage: Vec<Place>,
    /// Rooms that are being called: all for those who teach, its own for a room.
    pub calls: Vec<Call>,
    /// The open question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// An invited room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its seat.
    pub seat: SeatId,
    /// Its name for people.
    pub name: String,
    /// Whether it is there.
    pub presence: Presence,
    /// Whether its camera is.
    pub camera: bool,
    /// What only those who teach are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<Attention>,
    /// The same for the term, this lesson included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Attention>,
    /// Its latest whisper; told only to those who teach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whispered: Option<Whispered>,
}

/// Whether a seat is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Presence {
    /// It has not come yet.
    Expected,
    /// It is there.
    Here,
    /// It was there and may come back.
    Away {
        /// Since when.
        since: UnixMs,
    },
}

/// How often a room was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Times on the stage.
    pub times: u32,
    /// When it came onto the stage last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<UnixMs>,
}

/// A raised hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// Whose.
    pub seat: SeatId,
    /// When it was raised.
    pub since: UnixMs,
}

/// A room on the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub seat: SeatId,
    /// Since when.
    pub since: UnixMs,
    /// Whether it is heard.
    pub voice: Voice,
}

/// Whether a room on the stage is heard, and who has to do what so that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    /// It is heard.
    Open,
    /// The room has closed its microphone: only the room can open it.
    ClosedByRoom,
    /// The teacher has muted it: the teacher has to allow it first.
    Muted,
    /// The teacher has muted it, and the room has closed its microphone as well.
    MutedAndClosed,
    /// The teacher allows it to be heard: the room has to agree.
    Allowed,
}

/// A call that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its number.
    pub id: u32,
    /// Who is called.
    pub seat: SeatId,
    /// When the countdown ends.
    pub countdown_ends: UnixMs,
    /// When the call is given up unless the room agrees.
    pub expires: UnixMs,
    /// Whether the room has agreed.
    pub consent: Consent,
}

/// Whether a room has agreed to come onto the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// It is being asked.
    Asked,
    /// Somebody there has said yes.
    Given,
    /// It has agreed to every call beforehand.
    Standing,
}

/// A question to every room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its number.
    pub id: u32,
    /// What is asked.
    pub text: String,
    /// How it is answered.
    pub form: Form,
    /// When it was asked.
    pub at: UnixMs,
    /// All answers for those who teach, its own for a room.
    pub answers: Vec<Answered>,
    /// The rooms that have not answered: all for those who teach, at most itself for a room.
    pub waiting: Vec<SeatId>,
}

/// A room's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Whose.
    pub seat: SeatId,
    /// What it says.
    pub answer: Answer,
}

/// A whisper and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whispered {
    /// What.
    pub whisper: Whisper,
    /// When.
    pub at: UnixMs,
}
