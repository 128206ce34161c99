//! A room is in one lesson at a time.

use std::collections::HashMap;

use protocol::lesson::Reason;
use protocol::{LessonId, SeatId};

/// Which lesson each room is in. The relay has one for all lessons.
#[derive(Debug, Default)]
pub struct Attending(HashMap<SeatId, LessonId>);

impl Attending {
    /// The room goes into a lesson: one it is in already, or any if it is in none.
    pub fn enter(&mut self, seat: &SeatId, lesson: &LessonId) -> Result<(), Reason> {
        match self.0.get(seat) {
            Some(other) if other != lesson => Err(Reason::ElsewhereNow),
            Some(_) => Ok(()),
            None => {
                self.0.insert(seat.clone(), lesson.clone());
                Ok(())
            }
        }
    }

    /// The room is in the lesson no longer: its last connection has gone. Of another lesson nothing changes.
    pub fn leave(&mut self, seat: &SeatId, lesson: &LessonId) {
        if self.0.get(seat) == Some(lesson) {
            self.0.remove(seat);
        }
    }

    /// The lesson has ended: its rooms may go into the next.
    pub fn end(&mut self, lesson: &LessonId) {
        self.0.retain(|_, other| other != lesson);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_in_one_lesson_at_a_time() {
        let seat: SeatId = "room-1".parse().unwrap();
        let [maths, music]: [LessonId; 2] = ["maths", "music"].map(|name| name.parse().unwrap());
        let mut attending = Attending::default();
        assert_eq!(attending.enter(&seat, &maths), Ok(()));
        assert_eq!(attending.enter(&seat, &maths), Ok(()), "its second screen");
        assert_eq!(attending.enter(&seat, &music), Err(Reason::ElsewhereNow));
        attending.leave(&seat, &music);
        assert_eq!(attending.enter(&seat, &music), Err(Reason::ElsewhereNow));
        attending.leave(&seat, &maths);
        assert_eq!(attending.enter(&seat, &music), Ok(()));
        attending.end(&music);
        assert_eq!(attending.enter(&seat, &maths), Ok(()));
    }
}
