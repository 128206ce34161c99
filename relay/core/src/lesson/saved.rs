//! What is kept of a lesson, so that it goes on after the relay has been restarted.

use protocol::lesson::UnixMs;
use serde::{Deserialize, Serialize};

use super::Lesson;
use super::event::{Event, Out, Row};

/// A lesson at rest. A version that this program does not know is refused when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum Saved {
    /// The first.
    #[serde(rename = "1")]
    V1(Box<Lesson>),
}

/// What was kept contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lesson cannot be restored: {0}")]
pub struct NotRestored(&'static str);

impl Lesson {
    /// Everything that has to be kept, whenever [`Lesson::revision`] has changed.
    pub fn save(&self) -> Saved {
        Saved::V1(Box::new(self.clone()))
    }

    /// The lesson as it was. Nobody is connected yet; everybody has as long to come back as if the line had been cut now, and a call
    /// that was under way goes on where it was. What has to be done first is returned with it; then [`Lesson::poll`] is due.
    pub fn restore(now: UnixMs, saved: Saved) -> Result<(Self, Vec<Event>), NotRestored> {
        let Saved::V1(lesson) = saved;
        let mut lesson = *lesson;
        lesson.check().map_err(NotRestored)?;
        let passed = now.since(lesson.latest);
        lesson.calls.shift(|at| at.plus(passed));
        lesson.advance(now);
        let mut out = Out::new(now);
        out.push(Event::Phase(lesson.phase()));
        for (name, seat) in &mut lesson.seats {
            lesson.calls.unprepare(name);
            if seat.cut(now) {
                // When it really went nobody knows; the relay's absence is not the room's.
                out.keep(Row::Went { seat: name.clone() });
            }
        }
        lesson.seats.retain(|_, seat| seat.is_kept());
        lesson.revision += 1;
        out.push(Event::Stage(lesson.stage.list().to_vec()));
        for seat in lesson.calls.agreed() {
            out.push(Event::Prepare(seat.clone()));
        }
        let events = out.finish(&mut lesson.revision);
        Ok((lesson, events))
    }

    /// What always holds.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let must = |holds: bool, what| if holds { Ok(()) } else { Err(what) };
        must(self.plan.check().is_ok(), "its plan cannot be carried out")?;
        let stage: Vec<_> = self.stage.seats().collect();
        let calls: Vec<_> = self.calls.seats().collect();
        let hands: Vec<_> = self.hands.seats().collect();
        must(is_distinct(&stage), "a room is on the stage twice")?;
        must(is_distinct(&calls), "a room is called twice")?;
        must(is_distinct(&hands), "a hand is in the queue twice")?;
        must(
            stage.len() <= usize::from(self.plan.stage),
            "there are more rooms on the stage than fit",
        )?;
        must(
            calls.iter().all(|seat| !stage.contains(seat)),
            "a room on the stage is called",
        )?;
        must(
            hands.iter().all(|seat| !stage.contains(seat)),
            "a room on the stage has its hand up",
        )?;
        let mut everywhere = stage.iter().chain(&calls).chain(&hands);
        must(
            everywhere.all(|seat| self.plan.room(seat).is_some() && self.seats.contains_key(seat)),
            "a room that is not there takes part",
        )?;
        let is_idle = stage.is_empty()
            && calls.is_empty()
            && hands.is_empty()
            && self.question(None).is_none();
        must(
            is_idle || self.phase() == protocol::lesson::Phase::Live,
            "a lesson that is not live has a stage, calls, hands or a question",
        )
    }
}

fn is_distinct<T: Ord>(items: &[T]) -> bool {
    let set: std::collections::BTreeSet<_> = items.iter().collect();
    set.len() == items.len()
}
