//! The rooms that everybody sees and hears, and which publication fills which slot of whom.

use protocol::SeatId;
use protocol::Source;
use protocol::lesson::{News, Place as OnStage, Reason, UnixMs, Voice};
use serde::{Deserialize, Serialize};

use super::Lesson;
use super::event::{Audience, Event, Out, Row};
use super::input::Actor;
use super::plan::Policy;
use super::rules::Act;
use crate::directory::{Place, PublicationId};
use crate::key::Kind;

/// In the order of the slots. When a room leaves, those behind it move up, so that a client with one slot always shows somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Stage(Vec<OnStage>);

impl Stage {
    pub(super) fn list(&self) -> &[OnStage] {
        &self.0
    }

    pub(super) fn seats(&self) -> impl Iterator<Item = &SeatId> {
        self.0.iter().map(|place| &place.seat)
    }

    pub(super) fn contains(&self, seat: &SeatId) -> bool {
        self.seats().any(|other| other == seat)
    }

    fn voice(&mut self, seat: &SeatId) -> Result<&mut Voice, Reason> {
        let place = self.0.iter_mut().find(|place| place.seat == *seat);
        Ok(&mut place.ok_or(Reason::NotOnStage)?.voice)
    }
}

impl Lesson {
    /// The rooms on the stage, in the order of their slots.
    pub fn stage(&self) -> &[OnStage] {
        self.stage.list()
    }

    /// Which publication fills `place` of a viewer, now and until the next [`Event::Stage`] or [`Event::Phase`]. A room's own sound
    /// never comes back to it; its own picture does, because that is what the others see.
    pub fn shows(&self, viewer: &Actor, place: &Place, kind: Kind) -> Option<PublicationId> {
        let publication = match place {
            Place::Publication(publication) => publication.clone(),
            Place::Stage(n) => {
                let index = usize::from(*n).checked_sub(1)?;
                PublicationId::new(Source::Room, &self.stage.0.get(index)?.seat)
            }
        };
        let act = match kind {
            Kind::Audio => Act::Hear(&publication),
            Kind::Video => Act::See(&publication),
        };
        self.may(viewer, act).ok()?;
        Some(publication)
    }

    /// The rooms whose cameras' best layer is wanted for the stage: those on it and those about to be.
    pub fn prepared_rooms(&self) -> impl Iterator<Item = &SeatId> {
        self.stage.seats().chain(self.calls.agreed())
    }

    /// Whether everybody hears the room.
    pub(super) fn is_heard(&self, seat: &SeatId) -> bool {
        let mut places = self.stage.0.iter();
        places.any(|place| place.seat == *seat && place.voice == Voice::Open)
    }

    /// One room comes, and another goes in the same moment. There is a place for it: calls reserve theirs.
    pub(super) fn enter_stage(
        &mut self,
        now: UnixMs,
        seat: &SeatId,
        replacing: Option<&SeatId>,
        out: &mut Out,
    ) {
        let place = OnStage {
            seat: seat.clone(),
            since: now,
            voice: Voice::Open,
        };
        let index = replacing.and_then(|old| self.stage.seats().position(|seat| seat == old));
        let replaced = match index {
            Some(index) => Some(std::mem::replace(&mut self.stage.0[index], place).seat),
            None => {
                self.stage.0.push(place);
                None
            }
        };
        self.tell_stage(out);
        if let Some(old) = replaced {
            step_off(old, out);
        }
        out.keep(Row::OnStage { seat: seat.clone() });
    }

    pub(super) fn send_back(&mut self, seat: &SeatId, out: &mut Out) -> Result<(), Reason> {
        if !self.stage.contains(seat) {
            return Err(Reason::NotOnStage);
        }
        self.leave_stage(seat, out);
        Ok(())
    }

    pub(super) fn leave_stage(&mut self, seat: &SeatId, out: &mut Out) {
        self.stage.0.retain(|place| place.seat != *seat);
        self.tell_stage(out);
        step_off(seat.clone(), out);
    }

    pub(super) fn clear_stage(&mut self, out: &mut Out) {
        let left = std::mem::take(&mut self.stage.0);
        if left.is_empty() {
            return;
        }
        self.tell_stage(out);
        for place in left {
            step_off(place.seat, out);
        }
    }

    pub(super) fn mute(&mut self, seat: &SeatId, out: &mut Out) -> Result<(), Reason> {
        let voice = self.stage.voice(seat)?;
        *voice = muted(*voice);
        self.tell_stage(out);
        Ok(())
    }

    pub(super) fn mute_all(&mut self, out: &mut Out) {
        for place in &mut self.stage.0 {
            place.voice = muted(place.voice);
        }
        self.tell_stage(out);
    }

    /// The teacher's part of it. Only a room that has agreed beforehand is heard at once, and never one that closed its microphone.
    pub(super) fn unmute(&mut self, seat: &SeatId, out: &mut Out) -> Result<(), Reason> {
        let room = self.plan.room(seat).ok_or(Reason::UnknownRoom)?;
        let policy = room.policy;
        let voice = self.stage.voice(seat)?;
        *voice = match (*voice, policy) {
            (Voice::Muted, Policy::Standing) => Voice::Open,
            (Voice::Muted, Policy::Ask) => Voice::Allowed,
            (Voice::MutedAndClosed, _) => Voice::ClosedByRoom,
            (unchanged @ (Voice::Open | Voice::ClosedByRoom | Voice::Allowed), _) => unchanged,
        };
        self.tell_stage(out);
        Ok(())
    }

    pub(super) fn close_microphone(&mut self, own: &SeatId, out: &mut Out) -> Result<(), Reason> {
        let voice = self.stage.voice(own)?;
        *voice = match *voice {
            Voice::Open | Voice::Allowed | Voice::ClosedByRoom => Voice::ClosedByRoom,
            Voice::Muted | Voice::MutedAndClosed => Voice::MutedAndClosed,
        };
        self.tell_stage(out);
        Ok(())
    }

    pub(super) fn open_microphone(&mut self, own: &SeatId, out: &mut Out) -> Result<(), Reason> {
        let voice = self.stage.voice(own)?;
        *voice = match *voice {
            Voice::Open | Voice::Allowed | Voice::ClosedByRoom => Voice::Open,
            Voice::Muted | Voice::MutedAndClosed => return Err(Reason::MutedByTeacher),
        };
        self.tell_stage(out);
        Ok(())
    }

    fn tell_stage(&self, out: &mut Out) {
        let stage = self.stage.0.clone();
        out.push(Event::Stage(stage.clone()));
        out.tell(Audience::Everyone, News::Stage { stage });
    }
}

/// What follows for a room that is not on the stage any more; the stage has been told already.
fn step_off(seat: SeatId, out: &mut Out) {
    out.keep(Row::OffStage { seat: seat.clone() });
    out.push(Event::Relax(seat));
}

fn muted(voice: Voice) -> Voice {
    match voice {
        Voice::Open | Voice::Allowed | Voice::Muted => Voice::Muted,
        Voice::ClosedByRoom | Voice::MutedAndClosed => Voice::MutedAndClosed,
    }
}
