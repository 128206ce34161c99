//! Who is there. A room that is cut keeps its seat, and for a while its hand and its place on the stage.

mod seat;

pub(super) use seat::Seat;

use protocol::lesson::{News, Presence, Reason, UnixMs};
use protocol::{Role, SeatId, Source};

use super::Lesson;
use super::event::{Audience, Event, Out, Row};
use super::input::Actor;

impl Lesson {
    /// Whether the seat is somebody's of this role in this lesson.
    pub(super) fn identify(&self, actor: &Actor) -> Result<(), Reason> {
        let is_room = self.plan.room(&actor.seat).is_some();
        let is_teacher = self.plan.teacher == actor.seat;
        match actor.role {
            Role::Room if is_room => Ok(()),
            Role::Room => Err(Reason::NotInvited),
            Role::Teacher if is_teacher => Ok(()),
            Role::Teacher => Err(Reason::AnotherTeacher),
            _ if is_room || is_teacher => Err(Reason::SeatTaken),
            role => match self.seats.get(&actor.seat) {
                Some(seat) if seat.role != role => Err(Reason::SeatTaken),
                _ => Ok(()),
            },
        }
    }

    pub(super) fn is_here(&self, seat: &SeatId) -> bool {
        self.seats.get(seat).is_some_and(Seat::is_here)
    }

    pub(super) fn presence(&self, seat: &SeatId) -> Presence {
        self.seats
            .get(seat)
            .map_or(Presence::Expected, Seat::presence)
    }

    pub(super) fn camera(&self, seat: &SeatId) -> bool {
        self.seats
            .get(seat)
            .is_some_and(|seat| seat.publishes(Source::Room))
    }

    pub(super) fn came(&mut self, actor: &Actor, out: &mut Out) -> Result<(), Reason> {
        let seat = self
            .seats
            .entry(actor.seat.clone())
            .or_insert_with(|| Seat::new(actor.role));
        seat.links = seat.links.saturating_add(1);
        if seat.links == 1 {
            seat.away = None;
            out.keep(Row::Came {
                seat: actor.seat.clone(),
                role: actor.role,
            });
            tell_presence(actor, Presence::Here, out);
        }
        Ok(())
    }

    /// Of somebody who is not there nothing changes.
    pub(super) fn went(&mut self, now: UnixMs, actor: &Actor, out: &mut Out) -> Result<(), Reason> {
        let Some(seat) = self.seats.get_mut(&actor.seat) else {
            return Ok(());
        };
        if seat.role != actor.role || seat.links == 0 {
            return Ok(());
        }
        seat.links -= 1;
        if seat.links > 0 {
            return Ok(());
        }
        seat.away = Some(now);
        if !seat.is_kept() {
            self.seats.remove(&actor.seat);
        }
        out.keep(Row::Went {
            seat: actor.seat.clone(),
        });
        tell_presence(actor, Presence::Away { since: now }, out);
        Ok(())
    }

    pub(super) fn published(
        &mut self,
        actor: &Actor,
        source: Source,
        out: &mut Out,
    ) -> Result<(), Reason> {
        self.is_planned(source)?;
        let seat = self
            .seats
            .entry(actor.seat.clone())
            .or_insert_with(|| Seat::new(actor.role));
        if seat.sources.insert(source) && source == Source::Room {
            tell_camera(&actor.seat, true, out);
        }
        // A new session knows nothing of what was wanted of the one before.
        if self.prepared_rooms().any(|room| *room == actor.seat) {
            out.push(Event::Prepare(actor.seat.clone()));
        }
        Ok(())
    }

    pub(super) fn unpublished(
        &mut self,
        actor: &Actor,
        source: Source,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let Some(seat) = self.seats.get_mut(&actor.seat) else {
            return Ok(());
        };
        if seat.role == actor.role && seat.sources.remove(&source) && source == Source::Room {
            self.calls.unprepare(&actor.seat);
            tell_camera(&actor.seat, false, out);
        }
        Ok(())
    }

    pub(super) fn is_planned(&self, source: Source) -> Result<(), Reason> {
        if source == Source::Room || self.plan.sources.contains(&source) {
            Ok(())
        } else {
            Err(Reason::UnknownSource)
        }
    }

    /// What everybody published, which nobody does from now on.
    pub(super) fn drop_publications(&mut self) -> Vec<(SeatId, Source)> {
        let mut dropped = Vec::new();
        for (name, seat) in &mut self.seats {
            let sources = std::mem::take(&mut seat.sources);
            dropped.extend(sources.into_iter().map(|source| (name.clone(), source)));
        }
        dropped
    }

    /// The seat is nobody's from now on.
    pub(super) fn unseat(&mut self, name: &SeatId, out: &mut Out) {
        let Some(seat) = self.seats.remove(name) else {
            return;
        };
        if seat.is_here() {
            out.keep(Row::Went { seat: name.clone() });
        }
        for source in seat.sources {
            let seat = name.clone();
            out.push(Event::Close { seat, source });
        }
    }

    pub(super) fn seats_due(&self) -> Option<UnixMs> {
        let limits = &self.plan.limits;
        let hands = self.hands.seats().map(|seat| (seat, limits.hand_ms));
        let stage = self.stage.seats().map(|seat| (seat, limits.stage_ms));
        hands
            .chain(stage)
            .filter_map(|(seat, kept_ms)| Some(self.seats.get(seat)?.away?.plus(kept_ms)))
            .min()
    }

    /// Whether somebody was cut for too long.
    pub(super) fn give_up_on_the_absent(&mut self, now: UnixMs, out: &mut Out) -> bool {
        let is_gone = |seat: &SeatId, kept_ms| {
            let away = self.seats.get(seat).and_then(|seat| seat.away);
            away.is_some_and(|since| since.plus(kept_ms) <= now)
        };
        let limits = &self.plan.limits;
        let hand = self
            .hands
            .seats()
            .find(|seat| is_gone(seat, limits.hand_ms));
        let place = self
            .stage
            .seats()
            .find(|seat| is_gone(seat, limits.stage_ms));
        let (hand, place) = (hand.cloned(), place.cloned());
        if let Some(seat) = &hand {
            self.lower(seat, out);
        }
        if let Some(seat) = &place {
            self.leave_stage(seat, out);
        }
        hand.is_some() || place.is_some()
    }
}

fn tell_presence(actor: &Actor, presence: Presence, out: &mut Out) {
    // Who only watches does so in silence.
    let to = match actor.role {
        Role::Teacher | Role::Room => Audience::Everyone,
        Role::Observer | Role::Operator | Role::Recorder => Audience::Teaching,
    };
    let (seat, role) = (actor.seat.clone(), actor.role);
    out.tell(
        to,
        News::Presence {
            seat,
            role,
            presence,
        },
    );
}

fn tell_camera(seat: &SeatId, on: bool, out: &mut Out) {
    let seat = seat.clone();
    out.tell(Audience::Teaching, News::Camera { seat, on });
}
