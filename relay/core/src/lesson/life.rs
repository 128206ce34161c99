//! From the timetable to the archive: by the clock, and by hand.

use protocol::lesson::{CallEnd, News, Phase, Reason, Recording, UnixMs};
use protocol::{Role, SeatId};
use serde::{Deserialize, Serialize};

use super::event::{Audience, By, Event, Out, Row};
use super::plan::{Invitation, MAX_ROOMS, Policy, Start};
use super::rules::Deed;
use super::{Lesson, questions};

/// A lesson's end is moved by at most so much, in milliseconds: more is a slip of the hand.
const LONGEST: u64 = 24 * 60 * 60 * 1_000;

/// Where a lesson is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Life {
    Scheduled,
    Open,
    Live,
    Ended { since: UnixMs },
    Archived,
}

impl Life {
    pub(super) fn phase(self) -> Phase {
        match self {
            Life::Scheduled => Phase::Scheduled,
            Life::Open => Phase::Open,
            Life::Live => Phase::Live,
            Life::Ended { .. } => Phase::Ended,
            Life::Archived => Phase::Archived,
        }
    }

    pub(super) fn shift(&mut self, by: impl Fn(UnixMs) -> UnixMs) {
        if let Life::Ended { since } = self {
            *since = by(*since);
        }
    }
}

impl Lesson {
    pub(super) fn open(&mut self, out: &mut Out) {
        self.enter(Life::Open, out);
    }

    pub(super) fn start(&mut self, out: &mut Out) {
        self.enter(Life::Live, out);
    }

    pub(super) fn end(&mut self, now: UnixMs, out: &mut Out) {
        self.end_calls(CallEnd::LessonOver, out);
        self.clear_stage(out);
        self.lower_all(out);
        self.drop_question(out);
        self.enter(Life::Ended { since: now }, out);
        for (seat, source) in self.drop_publications() {
            out.push(Event::Close { seat, source });
        }
    }

    pub(super) fn archive(&mut self, out: &mut Out) {
        self.enter(Life::Archived, out);
    }

    pub(super) fn extend(
        &mut self,
        now: UnixMs,
        until: UnixMs,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let latest = self.plan.ends.max(now).plus(LONGEST);
        if until <= now || until <= self.plan.starts || until > latest {
            return Err(Reason::WrongTime);
        }
        self.plan.ends = until;
        out.tell(Audience::Everyone, News::Ends { ends: until });
        Ok(())
    }

    pub(super) fn appoint(&mut self, teacher: SeatId, out: &mut Out) -> Result<(), Reason> {
        let is_free = self
            .seats
            .get(&teacher)
            .is_none_or(|seat| seat.role == Role::Teacher);
        if self.plan.room(&teacher).is_some() || !is_free {
            return Err(Reason::SeatTaken);
        }
        if teacher != self.plan.teacher {
            let former = std::mem::replace(&mut self.plan.teacher, teacher.clone());
            self.unseat(&former, out);
        }
        out.tell(Audience::Everyone, News::Teacher { teacher });
        Ok(())
    }

    pub(super) fn invite(&mut self, seat: SeatId, name: &str, out: &mut Out) -> Result<(), Reason> {
        let name = questions::tidy(name)?;
        if self.plan.room(&seat).is_some()
            || seat == self.plan.teacher
            || self.seats.contains_key(&seat)
        {
            return Err(Reason::SeatTaken);
        }
        if self.plan.rooms.len() >= MAX_ROOMS {
            return Err(Reason::TooManyRooms);
        }
        self.plan.rooms.push(Invitation {
            seat: seat.clone(),
            name,
            policy: Policy::Ask,
            term: Default::default(),
        });
        if let Some(room) = self.room_view(&seat, false) {
            out.tell(Audience::Everyone, News::Invited { room });
        }
        Ok(())
    }

    pub(super) fn life_due(&self) -> Option<UnixMs> {
        let end = self.plan.ends.plus(self.plan.limits.grace_ms);
        match self.life {
            Life::Scheduled => Some(self.opening().min(end)),
            Life::Open if self.starts_by_itself() => Some(self.plan.starts.min(end)),
            Life::Open | Life::Live => Some(end),
            Life::Ended { since } => Some(since.plus(self.plan.limits.archive_after_ms)),
            Life::Archived => None,
        }
    }

    /// Whether the clock has taken the lesson a step further.
    pub(super) fn live_on(&mut self, now: UnixMs, out: &mut Out) -> bool {
        if self.life_due().is_none_or(|due| due > now) {
            return false;
        }
        let is_over = self.plan.ends.plus(self.plan.limits.grace_ms) <= now;
        let deed = match self.life {
            Life::Scheduled | Life::Open | Life::Live if is_over => {
                self.end(now, out);
                Deed::End
            }
            Life::Scheduled => {
                self.open(out);
                Deed::Open
            }
            Life::Open => {
                self.start(out);
                Deed::Start
            }
            Life::Ended { .. } => {
                self.archive(out);
                Deed::Archive
            }
            Life::Live | Life::Archived => return false,
        };
        out.audit(By::Timetable, deed, None);
        true
    }

    fn opening(&self) -> UnixMs {
        self.plan.starts.minus(self.plan.limits.opens_before_ms)
    }

    /// Never in silence: the teacher has to be there and to be seen or heard.
    fn starts_by_itself(&self) -> bool {
        self.plan.start == Start::Timetable
            && self
                .seats
                .get(&self.plan.teacher)
                .is_some_and(|seat| seat.is_here() && seat.publishes_any())
    }

    fn enter(&mut self, life: Life, out: &mut Out) {
        self.life = life;
        let phase = life.phase();
        let recording = match phase {
            Phase::Live => self.plan.recording,
            _ => Recording::Off,
        };
        out.push(Event::Phase(phase));
        out.tell(Audience::Everyone, News::Phase { phase, recording });
        out.keep(Row::Phase(phase));
    }
}
