//! What an assistant tells the teacher with one key.

use protocol::SeatId;
use protocol::lesson::{News, Reason, UnixMs, Whisper, Whispered};

use super::Lesson;
use super::event::{Audience, Out};

/// An assistant may whisper once in so long, in milliseconds.
const PAUSE: u64 = 5_000;

impl Lesson {
    pub(super) fn whisper(
        &mut self,
        now: UnixMs,
        own: &SeatId,
        whisper: Whisper,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let seat = self.seats.get_mut(own).ok_or(Reason::RoomAway)?;
        if (seat.whispered).is_some_and(|before| now.since(before.at) < PAUSE) {
            return Err(Reason::TooSoon);
        }
        let whispered = Whispered { whisper, at: now };
        seat.whispered = Some(whispered);
        let seat = own.clone();
        out.tell(Audience::Teaching, News::Whispered { seat, whispered });
        Ok(())
    }
}
