//! What a lesson is told.

use protocol::lesson::Command;
use protocol::{Role, SeatId, Source};
use serde::{Deserialize, Serialize};

use super::rules::Deed;

/// Who does something. The relay has checked who it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Its seat.
    pub seat: SeatId,
    /// What it is to the lesson.
    pub role: Role,
}

impl Actor {
    /// A participant.
    pub fn new(seat: SeatId, role: Role) -> Self {
        Self { seat, role }
    }
}

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One of its connections has come: a page, a box. A seat may have several.
    Came,
    /// One of its connections has gone.
    Went,
    /// It publishes from now on.
    Published(Source),
    /// It does not any more. Say so only when no other session of the seat publishes the same.
    Unpublished(Source),
    /// The relay holds a keyframe of its camera's best layer: a switch to it shows a picture at once.
    Prepared,
    /// It asks for something.
    Do(Command),
}

impl From<Command> for Input {
    fn from(command: Command) -> Self {
        Input::Do(command)
    }
}

impl Input {
    /// The rule that it comes under; `None` for what needs no permission.
    pub(super) fn deed(&self) -> Option<Deed> {
        Some(match self {
            Input::Came => Deed::Attend,
            Input::Published(source) => Deed::publishing(*source),
            Input::Went | Input::Unpublished(_) | Input::Prepared => return None,
            Input::Do(command) => Deed::of(command),
        })
    }

    /// The room it is about, if it is not the actor's own.
    pub(super) fn about(&self) -> Option<&SeatId> {
        match self {
            Input::Do(
                Command::Call { seat, .. }
                | Command::Invite { seat, .. }
                | Command::CancelCall { seat }
                | Command::SendBack { seat }
                | Command::Mute { seat }
                | Command::Unmute { seat }
                | Command::DismissHand { seat }
                | Command::Appoint { teacher: seat },
            ) => Some(seat),
            _ => None,
        }
    }
}
