//! Raised hands, in the order in which they were raised.

use protocol::SeatId;
use protocol::lesson::{Hand, News, Reason, UnixMs};
use serde::{Deserialize, Serialize};

use super::Lesson;
use super::event::{Audience, Out, Row};

/// The chime sounds for a room once in so long, in milliseconds, however often it raises its hand.
const CHIME: u64 = 10_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hands(Vec<Hand>);

impl Hands {
    pub(super) fn list(&self) -> &[Hand] {
        &self.0
    }

    pub(super) fn seats(&self) -> impl Iterator<Item = &SeatId> {
        self.0.iter().map(|hand| &hand.seat)
    }

    pub(super) fn contains(&self, seat: &SeatId) -> bool {
        self.seats().any(|other| other == seat)
    }
}

impl Lesson {
    /// A hand that is up stays where it is in the queue.
    pub(super) fn raise(&mut self, now: UnixMs, own: &SeatId, out: &mut Out) -> Result<(), Reason> {
        if self.stage.contains(own) {
            return Err(Reason::OnStage);
        }
        if self.hands.contains(own) {
            return Ok(());
        }
        self.hands.0.push(Hand {
            seat: own.clone(),
            since: now,
        });
        let seat = self.seats.get_mut(own).ok_or(Reason::RoomAway)?;
        let is_quiet = seat.chimed.is_some_and(|last| now.since(last) < CHIME);
        if !is_quiet {
            seat.chimed = Some(now);
        }
        out.keep(Row::Hand { seat: own.clone() });
        self.tell_hands((!is_quiet).then(|| own.clone()), out);
        Ok(())
    }

    /// A hand that is not up changes nothing.
    pub(super) fn lower(&mut self, seat: &SeatId, out: &mut Out) {
        let before = self.hands.0.len();
        self.hands.0.retain(|hand| hand.seat != *seat);
        if self.hands.0.len() != before {
            self.tell_hands(None, out);
        }
    }

    pub(super) fn lower_all(&mut self, out: &mut Out) {
        if !std::mem::take(&mut self.hands.0).is_empty() {
            self.tell_hands(None, out);
        }
    }

    fn tell_hands(&self, chime: Option<SeatId>, out: &mut Out) {
        let hands = self.hands.0.clone();
        out.tell(Audience::Everyone, News::Hands { hands, chime });
    }
}
