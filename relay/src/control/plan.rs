//! Which slots a WHEP session has, by the order of its m-lines.

use protocol::{SeatId, Source};
use relay_core::directory::{Place, PublicationId, Seating};
use relay_transport::sdp::{WatchPlan, WatchedSlot};

use super::{View, kind};

/// The lesson's slots in the order in which m-lines get them, for picture and sound alike. A player with one audio m-line hears the teacher.
const LESSON: [&str; 6] = [
    "camera",
    "courseware",
    "stage-1",
    "stage-2",
    "stage-3",
    "stage-4",
];

/// See the module.
pub struct Plan {
    names: Vec<&'static str>,
    places: Vec<Place>,
}

impl Plan {
    /// What `view` shows to `viewer`.
    pub fn of(view: &View, viewer: &SeatId) -> Self {
        match view {
            View::Lesson => Self {
                names: LESSON.to_vec(),
                places: [Source::Camera, Source::Courseware]
                    .map(|source| Place::Publication(PublicationId::new(source, viewer)))
                    .into_iter()
                    .chain((1..=4).map(Place::Stage))
                    .collect(),
            },
            View::Publication { source, seat } => Self {
                names: vec![source.as_str()],
                places: vec![Place::Publication(PublicationId::new(
                    *source,
                    seat.as_ref().unwrap_or(viewer),
                ))],
            },
        }
    }

    /// The names put into the answer.
    pub fn names(&self) -> WatchPlan<'_> {
        WatchPlan {
            video: &self.names,
            audio: &self.names,
        }
    }

    /// What a negotiated slot shows.
    pub fn seating(&self, slot: &WatchedSlot) -> Seating {
        // The answer has no more slots of a kind than the plan has names.
        let place = self
            .places
            .get(slot.place)
            .cloned()
            .unwrap_or(Place::Stage(0));
        Seating {
            place,
            kind: kind(slot.kind),
        }
    }
}
