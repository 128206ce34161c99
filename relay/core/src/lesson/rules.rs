//! Who may do what and when: the table, and what the lesson's state adds to it.

mod table;

pub use table::{Deed, allowed, table};

use protocol::lesson::{Reason, Recording, UnixMs};
use protocol::{Role, SeatId, Source};

use super::Lesson;
use super::event::Refused;
use super::input::Actor;
use crate::directory::PublicationId;

/// What a participant may want of its media, or of being there at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act<'a> {
    /// To follow the lesson's events.
    Attend,
    /// To publish.
    Publish(Source),
    /// To be sent a picture.
    See(&'a PublicationId),
    /// To be sent sound.
    Hear(&'a PublicationId),
}

impl Lesson {
    /// Whether a participant may do it now.
    pub fn may(&self, actor: &Actor, act: Act<'_>) -> Result<(), Reason> {
        self.identify(actor)?;
        let deed = self.deed(actor, act)?;
        allowed(actor.role, deed, self.phase())?;
        let policy = self.plan.recording;
        match (actor.role, deed) {
            (Role::Recorder, Deed::FollowLesson) if policy == Recording::Off => {
                Err(Reason::NotRecorded)
            }
            (Role::Recorder, Deed::FollowStage) if policy != Recording::LessonAndStage => {
                Err(Reason::NotRecorded)
            }
            _ => Ok(()),
        }
    }

    /// The same at a door: a refusal comes with its line for the audit.
    pub fn admit(&self, now: UnixMs, actor: &Actor, act: Act<'_>) -> Result<(), Refused> {
        self.may(actor, act).map_err(|reason| {
            let (deed, about) = match act {
                Act::Attend => (Deed::Attend, None),
                Act::Publish(source) => (Deed::publishing(source), None),
                Act::See(publication) | Act::Hear(publication) => {
                    let deed = match (publication.seat(), act) {
                        (None, _) => Deed::FollowLesson,
                        (Some(_), Act::Hear(_)) => Deed::HearRoom,
                        (Some(_), _) => Deed::SeeRoom,
                    };
                    (deed, publication.seat().cloned())
                }
            };
            Refused::new(now, actor, Some(deed), about, reason)
        })
    }

    /// The row of the table that an act comes under, as things are.
    fn deed(&self, actor: &Actor, act: Act<'_>) -> Result<Deed, Reason> {
        let room_of = |publication: &PublicationId| -> Result<Option<SeatId>, Reason> {
            self.is_planned(publication.source())?;
            Ok(publication.seat().cloned())
        };
        Ok(match act {
            Act::Attend => Deed::Attend,
            Act::Publish(source) => {
                self.is_planned(source)?;
                Deed::publishing(source)
            }
            Act::See(publication) => match room_of(publication)? {
                None => Deed::FollowLesson,
                // What it sends itself is no secret to it.
                Some(room) if room == actor.seat => Deed::PublishRoom,
                Some(room) if self.stage.contains(&room) => Deed::FollowStage,
                Some(_) => Deed::SeeRoom,
            },
            Act::Hear(publication) => match room_of(publication)? {
                None => Deed::FollowLesson,
                Some(room) if room == actor.seat => return Err(Reason::NotHeard),
                Some(room) if self.is_heard(&room) => Deed::FollowStage,
                // Nobody hears a room that is not on the stage or is muted there.
                Some(_) => return Err(Reason::NotHeard),
            },
        })
    }
}
