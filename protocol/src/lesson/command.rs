//! What participants ask of a lesson.

use serde::{Deserialize, Serialize};

use super::UnixMs;
use crate::SeatId;

/// Longest question or answer, in characters.
pub const MAX_TEXT: usize = 200;

/// Most pupils that an answer in figures may speak of.
pub const MAX_COUNT: u16 = 999;

/// A command and its number, by which the reply is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Chosen by the client.
    pub id: u32,
    /// What is asked.
    #[serde(flatten)]
    pub command: Command,
}

/// What is asked of the lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Rooms may come.
    Open,
    /// The lesson begins.
    Start,
    /// The lesson is over.
    End,
    /// The lesson ends at another time than the timetable says.
    Extend {
        /// When.
        until: UnixMs,
    },
    /// Nothing is to be changed any more.
    Archive,
    /// Somebody else teaches.
    Appoint {
        /// Who.
        teacher: SeatId,
    },
    /// One more room belongs to the lesson.
    Invite {
        /// Which.
        seat: SeatId,
        /// Its name for people.
        name: String,
    },
    /// A room is to come onto the stage.
    Call {
        /// Which.
        seat: SeatId,
        /// The room that goes back in the same moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replacing: Option<SeatId>,
    },
    /// A room that was seldom called is to come onto the stage.
    CallSeldom {
        /// The room that goes back in the same moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replacing: Option<SeatId>,
    },
    /// The call is taken back.
    CancelCall {
        /// Whom it called.
        seat: SeatId,
    },
    /// A room is to leave the stage.
    SendBack {
        /// Which.
        seat: SeatId,
    },
    /// A room on the stage is not to be heard.
    Mute {
        /// Which.
        seat: SeatId,
    },
    /// No room is to be heard.
    MuteAll,
    /// A muted room may be heard again, if it agrees.
    Unmute {
        /// Which.
        seat: SeatId,
    },
    /// A raised hand has been seen.
    DismissHand {
        /// Whose.
        seat: SeatId,
    },
    /// All raised hands have been seen.
    DismissHands,
    /// Every room is asked something.
    Ask {
        /// At most [`MAX_TEXT`] characters.
        text: String,
        /// How rooms answer.
        form: Form,
    },
    /// No more answers.
    CloseQuestion {
        /// The question's number.
        question: u32,
    },
    /// The room wants to say something.
    RaiseHand,
    /// Not any more.
    LowerHand,
    /// The room agrees to come onto the stage.
    Consent {
        /// The call's number: nobody agrees to a call that was not seen.
        call: u32,
    },
    /// It does not.
    Decline {
        /// The call's number.
        call: u32,
    },
    /// The room leaves the stage by itself.
    StepDown,
    /// The room closes its own microphone.
    CloseMicrophone,
    /// The room opens its own microphone.
    OpenMicrophone,
    /// The room's answer; a later one replaces it.
    Answer {
        /// The question's number.
        question: u32,
        /// What the room says.
        answer: Answer,
    },
    /// The assistant tells the teacher something without disturbing.
    Whisper {
        /// What.
        whisper: Whisper,
    },
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// In words.
    Text,
    /// How many of how many.
    Count,
}

/// What a room answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// At most [`MAX_TEXT`] characters.
    Text(String),
    /// `n` of `of` pupils; neither above [`MAX_COUNT`].
    Count {
        /// So many …
        n: u16,
        /// … of so many, at least 1.
        of: u16,
    },
}

/// What an assistant may tell the teacher with one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whisper {
    /// We cannot hear you.
    CannotHear,
    /// Too fast.
    TooFast,
    /// We are done.
    Done,
    /// We need help.
    Help,
}
