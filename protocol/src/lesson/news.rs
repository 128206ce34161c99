//! What participants are told of a lesson.

use serde::{Deserialize, Serialize};

use super::{
    Answered, Attention, Call, Hand, Phase, Place, Presence, Question, Reason, Recording, Room,
    UnixMs, Whispered,
};
use crate::line::Sentence;
use crate::{Role, SeatId};

/// The answer to an [`Order`](super::Order).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The order's number.
    pub id: u32,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was carried out; what changed is told to everybody whom it concerns.
    Done,
    /// It was not.
    Refused {
        /// Why.
        reason: Reason,
        /// The same for people.
        sentence: Sentence,
    },
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The lesson's revision after it.
    pub revision: u64,
    /// When.
    pub at: UnixMs,
    /// What.
    #[serde(flatten)]
    pub news: News,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// The lesson has come to another phase.
    Phase {
        /// Which.
        phase: Phase,
        /// What is being recorded from now on.
        recording: Recording,
    },
    /// The lesson ends at another time.
    Ends {
        /// When.
        ends: UnixMs,
    },
    /// Somebody else teaches.
    Teacher {
        /// Who.
        teacher: SeatId,
    },
    /// One more room belongs to the lesson.
    Invited {
        /// The room.
        room: Room,
    },
    /// Somebody has come or gone.
    Presence {
        /// Who.
        seat: SeatId,
        /// What it is to the lesson.
        role: Role,
        /// Whether it is there.
        presence: Presence,
    },
    /// A room's camera has come or gone.
    Camera {
        /// Whose.
        seat: SeatId,
        /// Whether it is there.
        on: bool,
    },
    /// The queue of hands, whole.
    Hands {
        /// First come, first.
        hands: Vec<Hand>,
        /// The room for which the teacher's chime sounds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chime: Option<SeatId>,
    },
    /// The stage, whole.
    Stage {
        /// In the order of the slots `stage-1` …
        stage: Vec<Place>,
    },
    /// A room is being called, or its call has got on.
    Called {
        /// The call as it is now.
        call: Call,
    },
    /// A call is over.
    CallOver {
        /// Its number.
        call: u32,
        /// Whom it called.
        seat: SeatId,
        /// How it ended.
        end: CallEnd,
    },
    /// A question has been asked.
    Asked {
        /// The question.
        question: Question,
    },
    /// A room has answered.
    Answered {
        /// The question's number.
        question: u32,
        /// Who, and what.
        answered: Answered,
        /// The rooms that have not answered.
        waiting: Vec<SeatId>,
    },
    /// The question is closed.
    QuestionClosed {
        /// Its number.
        question: u32,
    },
    /// An assistant whispers.
    Whispered {
        /// Who.
        seat: SeatId,
        /// What, and when.
        whispered: Whispered,
    },
    /// A room has been called once more.
    Attention {
        /// Which.
        seat: SeatId,
        /// In this lesson.
        lesson: Attention,
        /// In this term, this lesson included.
        term: Attention,
    },
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// The room is on the stage.
    OnStage,
    /// The room did not want to.
    Declined,
    /// Nobody at the room answered.
    NoAnswer,
    /// The room agreed, but its camera never came.
    NoPicture,
    /// It was taken back.
    Cancelled,
    /// The lesson ended.
    LessonOver,
}
