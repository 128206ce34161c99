//! The lesson as one participant sees it.

use protocol::lesson::{Room, View};
use protocol::{Role, SeatId};

use super::Lesson;
use super::event::is_teaching;
use super::input::Actor;
use super::plan::Invitation;

impl Lesson {
    /// What a participant is told when it comes. It may [`Attend`](super::Act::Attend).
    pub fn view(&self, actor: &Actor) -> View {
        let sees_all = is_teaching(actor.role);
        let plan = &self.plan;
        let rooms = plan.rooms.iter();
        let mut calls: Vec<_> = self.calls.told(&plan.limits).collect();
        calls.retain(|call| sees_all || call.seat == actor.seat);
        let question = match actor.role {
            Role::Teacher | Role::Operator => self.question(None),
            Role::Room => self.question(Some(&actor.seat)),
            Role::Observer | Role::Recorder => None,
        };
        View {
            lesson: plan.lesson.clone(),
            revision: self.revision,
            at: self.latest,
            title: plan.title.clone(),
            course: plan.course.clone(),
            school: plan.school.clone(),
            teacher: plan.teacher.clone(),
            phase: self.phase(),
            starts: plan.starts,
            ends: plan.ends,
            recording: plan.recording,
            teaching: self.presence(&plan.teacher),
            rooms: rooms.map(|room| self.room(room, sees_all)).collect(),
            hands: self.hands.list().to_vec(),
            stage: self.stage.list().to_vec(),
            calls,
            question,
        }
    }

    pub(super) fn room_view(&self, seat: &SeatId, sees_all: bool) -> Option<Room> {
        let room = self.plan.room(seat)?;
        Some(self.room(room, sees_all))
    }

    fn room(&self, room: &Invitation, sees_all: bool) -> Room {
        let seat = &room.seat;
        let whispered = self.seats.get(seat).and_then(|seat| seat.whispered);
        Room {
            seat: seat.clone(),
            name: room.name.clone(),
            presence: self.presence(seat),
            camera: self.camera(seat),
            lesson: sees_all.then(|| self.attention(seat)),
            term: sees_all.then(|| self.attention_in_term(seat)),
            whispered: whispered.filter(|_| sees_all),
        }
    }
}
