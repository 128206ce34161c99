//! Nobody forgotten: how often and how long ago each room was called.

use protocol::SeatId;
use protocol::lesson::{Attention, News, UnixMs};
use serde::{Deserialize, Serialize};

use super::Lesson;
use super::event::{Audience, Out};

/// A room's calls in this lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Called {
    /// Those that brought it onto the stage.
    stage: Attention,
    /// All, those that came to nothing included: who has just declined is not asked again at once.
    asked: u32,
}

impl Lesson {
    /// How often a room was on the stage in this lesson.
    pub fn attention(&self, seat: &SeatId) -> Attention {
        (self.called.get(seat)).map_or_else(Attention::default, |called| called.stage)
    }

    /// How often a room was on the stage in this term, this lesson included.
    pub fn attention_in_term(&self, seat: &SeatId) -> Attention {
        let lesson = self.attention(seat);
        let before = self.plan.room(seat).map_or(lesson, |room| room.term);
        Attention {
            times: before.times.saturating_add(lesson.times),
            last: lesson.last.or(before.last),
        }
    }

    /// The room that was called least: in this lesson, then in the term, then longest ago. Only a room that could come is chosen.
    pub fn seldom(&self) -> Option<SeatId> {
        let rooms = self.plan.rooms.iter().map(|room| &room.seat);
        rooms
            .filter(|seat| self.is_here(seat) && self.camera(seat))
            .filter(|seat| !self.stage.contains(seat) && !self.calls.contains(seat))
            .min_by_key(|seat| {
                let asked = self.called.get(seat).map_or(0, |called| called.asked);
                let term = self.attention_in_term(seat);
                (asked, term.times, term.last)
            })
            .cloned()
    }

    pub(super) fn count_asked(&mut self, seat: &SeatId) {
        let called = self.called.entry(seat.clone()).or_default();
        called.asked = called.asked.saturating_add(1);
    }

    pub(super) fn count_called(&mut self, now: UnixMs, seat: &SeatId, out: &mut Out) {
        let stage = &mut self.called.entry(seat.clone()).or_default().stage;
        stage.times = stage.times.saturating_add(1);
        stage.last = Some(now);
        let news = News::Attention {
            seat: seat.clone(),
            lesson: self.attention(seat),
            term: self.attention_in_term(seat),
        };
        out.tell(Audience::Teaching, news);
    }
}
