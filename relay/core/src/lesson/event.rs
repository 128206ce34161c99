//! What follows from what a lesson decides.

use protocol::lesson::{Answer, News, Phase, Place, Reason, Told, UnixMs};
use protocol::{Role, SeatId, Source};

use super::input::Actor;
use super::rules::Deed;

/// Something that others have to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The lesson is in another phase: every slot and every session is to be looked at again.
    Phase(Phase),
    /// The stage's slots show and sound this from now on, for everybody at once.
    Stage(Vec<Place>),
    /// The camera's best layer is wanted, with a keyframe; [`Input::Prepared`](super::Input::Prepared) is to follow.
    Prepare(SeatId),
    /// It is not wanted for the stage any more.
    Relax(SeatId),
    /// The publication is to be ended.
    Close {
        /// Whose.
        seat: SeatId,
        /// Which.
        source: Source,
    },
    /// A message.
    Tell {
        /// To whom.
        to: Audience,
        /// The message.
        told: Told,
    },
    /// Something to be kept with the lesson.
    Keep {
        /// When it happened.
        at: UnixMs,
        /// What.
        row: Row,
    },
    /// Somebody did something that has to be answered for.
    Audit(Entry),
}

/// Who is told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Everyone,
    /// Teacher and operators.
    Teaching,
    /// One seat.
    Seat(SeatId),
    /// One seat, teacher and operators.
    SeatAndTeaching(SeatId),
}

impl Audience {
    /// Whether `actor` is one of them.
    pub fn includes(&self, actor: &Actor) -> bool {
        match self {
            Audience::Everyone => true,
            Audience::Teaching => is_teaching(actor.role),
            Audience::Seat(seat) => actor.seat == *seat,
            Audience::SeatAndTeaching(seat) => actor.seat == *seat || is_teaching(actor.role),
        }
    }
}

/// Whether the role sees everything of the lesson.
pub(super) fn is_teaching(role: Role) -> bool {
    matches!(role, Role::Teacher | Role::Operator)
}

/// What is kept of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// It has come to another phase.
    Phase(Phase),
    /// A seat has come.
    Came {
        /// Which.
        seat: SeatId,
        /// What it is to the lesson.
        role: Role,
    },
    /// A seat has gone.
    Went {
        /// Which.
        seat: SeatId,
    },
    /// A room has come onto the stage.
    OnStage {
        /// Which.
        seat: SeatId,
    },
    /// A room has left the stage.
    OffStage {
        /// Which.
        seat: SeatId,
    },
    /// A hand has been raised.
    Hand {
        /// Whose.
        seat: SeatId,
    },
    /// A question has been asked.
    Asked {
        /// Its number.
        question: u32,
        /// What.
        text: String,
    },
    /// A room has answered, or answered anew.
    Answered {
        /// The question's number.
        question: u32,
        /// Which room.
        seat: SeatId,
        /// What.
        answer: Answer,
    },
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A participant.
    Actor(Actor),
    /// The timetable.
    Timetable,
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: UnixMs,
    /// Who.
    pub by: By,
    /// What; `None` for what needs no permission.
    pub deed: Option<Deed>,
    /// To whom.
    pub about: Option<SeatId>,
    /// Why it was refused; `None` when it was done.
    pub refused: Option<Reason>,
}

/// It is not done, and the lesson is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reason.sentence().en)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// For the audit.
    pub entry: Box<Entry>,
}

impl Refused {
    pub(super) fn new(
        at: UnixMs,
        actor: &Actor,
        deed: Option<Deed>,
        about: Option<SeatId>,
        reason: Reason,
    ) -> Self {
        Self {
            reason,
            entry: Box::new(Entry {
                at,
                by: By::Actor(actor.clone()),
                deed,
                about,
                refused: Some(reason),
            }),
        }
    }
}

/// Gathers what follows from one step.
#[derive(Debug)]
pub(super) struct Out {
    at: UnixMs,
    events: Vec<Event>,
}

impl Out {
    pub(super) fn new(at: UnixMs) -> Self {
        let events = Vec::new();
        Self { at, events }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(super) fn tell(&mut self, to: Audience, news: News) {
        let told = Told {
            revision: 0,
            at: self.at,
            news,
        };
        self.push(Event::Tell { to, told });
    }

    pub(super) fn keep(&mut self, row: Row) {
        self.push(Event::Keep { at: self.at, row });
    }

    pub(super) fn audit(&mut self, by: By, deed: Deed, about: Option<SeatId>) {
        self.push(Event::Audit(Entry {
            at: self.at,
            by,
            deed: Some(deed),
            about,
            refused: None,
        }));
    }

    /// The events, with the messages numbered from `revision` on.
    pub(super) fn finish(mut self, revision: &mut u64) -> Vec<Event> {
        for event in &mut self.events {
            if let Event::Tell { told, .. } = event {
                *revision += 1;
                told.revision = *revision;
            }
        }
        self.events
    }
}
