//! Which publication fills which slot of whom.

use std::collections::HashMap;

use protocol::{LessonId, SeatId, Source};

use crate::key::{Kind, SessionKey, TrackKey};

/// Names a publication inside its lesson. The teaching side's sources exist once; every seat may have its own `room`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicationId {
    source: Source,
    seat: Option<SeatId>,
}

impl PublicationId {
    /// `seat` tells rooms apart and is ignored for the teaching side's sources.
    pub fn new(source: Source, seat: &SeatId) -> Self {
        Self {
            source,
            seat: (source == Source::Room).then(|| seat.clone()),
        }
    }

    /// What is published.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Whose room it is; `None` for the teaching side's sources.
    pub fn seat(&self) -> Option<&SeatId> {
        self.seat.as_ref()
    }
}

/// What a slot of a viewer shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A publication, now and whenever it comes back.
    Publication(PublicationId),
    /// The n-th room on the stage, counted from 1.
    Stage(u8),
}

/// A slot and what belongs into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seating {
    /// What it shows.
    pub place: Place,
    /// Sound or picture.
    pub kind: Kind,
}

/// A slot's new content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The viewer's session.
    pub viewer: SessionKey,
    /// Position among the viewer's slots.
    pub slot: u8,
    /// What fills it now.
    pub track: Option<TrackKey>,
}

/// What follows from a decision.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The former session of the same publication, to be ended.
    pub replaced: Option<SessionKey>,
    /// Slots to be filled or emptied.
    pub bindings: Vec<Binding>,
}

/// Every lesson's publications and viewers.
#[derive(Debug, Default)]
pub struct Directory {
    lessons: HashMap<LessonId, Lesson>,
    sessions: HashMap<SessionKey, LessonId>,
}

#[derive(Debug, Default)]
struct Lesson {
    publications: HashMap<PublicationId, Publication>,
    viewers: HashMap<SessionKey, Vec<Seating>>,
}

#[derive(Debug)]
struct Publication {
    session: SessionKey,
    tracks: Vec<Kind>,
}

impl Publication {
    fn track(&self, kind: Kind) -> Option<TrackKey> {
        let index = self.tracks.iter().position(|track| *track == kind)?;
        Some(TrackKey {
            session: self.session,
            index: u8::try_from(index).ok()?,
        })
    }
}

impl Directory {
    /// A publication comes, or comes back. `tracks` are the kinds of its m-lines in order.
    pub fn publish(
        &mut self,
        session: SessionKey,
        lesson: &LessonId,
        id: PublicationId,
        tracks: Vec<Kind>,
    ) -> Changes {
        self.sessions.insert(session, lesson.clone());
        let entry = self.lessons.entry(lesson.clone()).or_default();
        let replaced = entry
            .publications
            .insert(id.clone(), Publication { session, tracks })
            .map(|old| old.session);
        if let Some(old) = replaced {
            self.sessions.remove(&old);
        }
        Changes {
            replaced,
            bindings: entry.bindings_of(&id),
        }
    }

    /// A viewer comes. Its slots stay empty until their publications exist.
    pub fn watch(
        &mut self,
        session: SessionKey,
        lesson: &LessonId,
        slots: Vec<Seating>,
    ) -> Changes {
        self.sessions.insert(session, lesson.clone());
        let entry = self.lessons.entry(lesson.clone()).or_default();
        let bindings = slots
            .iter()
            .enumerate()
            .filter_map(|(slot, seating)| entry.binding(session, slot, seating))
            .filter(|binding| binding.track.is_some())
            .collect();
        entry.viewers.insert(session, slots);
        Changes {
            replaced: None,
            bindings,
        }
    }

    /// A session ends, whatever it was. Unknown sessions change nothing.
    pub fn leave(&mut self, session: SessionKey) -> Changes {
        let mut changes = Changes::default();
        let Some(id) = self.sessions.remove(&session) else {
            return changes;
        };
        let Some(lesson) = self.lessons.get_mut(&id) else {
            return changes;
        };
        lesson.viewers.remove(&session);
        let published = lesson
            .publications
            .iter()
            .find(|(_, p)| p.session == session)
            .map(|(id, _)| id.clone());
        if let Some(publication) = published {
            lesson.publications.remove(&publication);
            changes.bindings = lesson.bindings_of(&publication);
        }
        if lesson.publications.is_empty() && lesson.viewers.is_empty() {
            self.lessons.remove(&id);
        }
        changes
    }
}

impl Lesson {
    fn binding(&self, viewer: SessionKey, slot: usize, seating: &Seating) -> Option<Binding> {
        let track = match &seating.place {
            Place::Publication(id) => self
                .publications
                .get(id)
                .and_then(|p| p.track(seating.kind)),
            Place::Stage(_) => None,
        };
        Some(Binding {
            viewer,
            slot: u8::try_from(slot).ok()?,
            track,
        })
    }

    fn bindings_of(&self, id: &PublicationId) -> Vec<Binding> {
        let place = Place::Publication(id.clone());
        let mut bindings = Vec::new();
        for (viewer, slots) in &self.viewers {
            let shows = slots
                .iter()
                .enumerate()
                .filter(|(_, seating)| seating.place == place);
            bindings
                .extend(shows.filter_map(|(slot, seating)| self.binding(*viewer, slot, seating)));
        }
        bindings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson() -> LessonId {
        "demo".parse().unwrap()
    }

    fn publication(source: Source, seat: &str) -> PublicationId {
        PublicationId::new(source, &seat.parse().unwrap())
    }

    fn seating(source: Source, kind: Kind) -> Seating {
        Seating {
            place: Place::Publication(publication(source, "x")),
            kind,
        }
    }

    fn track(session: u64, index: u8) -> Option<TrackKey> {
        Some(TrackKey {
            session: SessionKey(session),
            index,
        })
    }

    #[test]
    fn a_viewer_who_is_early_is_served_when_the_publication_comes() {
        let mut directory = Directory::default();
        let slots = vec![
            seating(Source::Camera, Kind::Video),
            seating(Source::Camera, Kind::Audio),
        ];
        assert_eq!(
            directory.watch(SessionKey(1), &lesson(), slots),
            Changes::default()
        );
        let changes = directory.publish(
            SessionKey(2),
            &lesson(),
            publication(Source::Camera, "a"),
            vec![Kind::Audio, Kind::Video],
        );
        assert_eq!(changes.replaced, None);
        assert_eq!(
            changes.bindings,
            [
                Binding {
                    viewer: SessionKey(1),
                    slot: 0,
                    track: track(2, 1)
                },
                Binding {
                    viewer: SessionKey(1),
                    slot: 1,
                    track: track(2, 0)
                },
            ]
        );
    }

    #[test]
    fn a_publisher_that_comes_back_replaces_its_old_self() {
        let mut directory = Directory::default();
        directory.publish(
            SessionKey(1),
            &lesson(),
            publication(Source::Camera, "a"),
            vec![Kind::Video],
        );
        directory.watch(
            SessionKey(2),
            &lesson(),
            vec![seating(Source::Camera, Kind::Video)],
        );
        let changes = directory.publish(
            SessionKey(3),
            &lesson(),
            publication(Source::Camera, "b"),
            vec![Kind::Video],
        );
        assert_eq!(changes.replaced, Some(SessionKey(1)));
        assert_eq!(
            changes.bindings,
            [Binding {
                viewer: SessionKey(2),
                slot: 0,
                track: track(3, 0)
            }]
        );
        assert_eq!(
            directory.leave(SessionKey(1)),
            Changes::default(),
            "the old self's end changes nothing"
        );
    }

    #[test]
    fn slots_empty_when_the_publication_ends() {
        let mut directory = Directory::default();
        directory.publish(
            SessionKey(1),
            &lesson(),
            publication(Source::Camera, "a"),
            vec![Kind::Video],
        );
        directory.watch(
            SessionKey(2),
            &lesson(),
            vec![seating(Source::Camera, Kind::Video)],
        );
        let changes = directory.leave(SessionKey(1));
        assert_eq!(
            changes.bindings,
            [Binding {
                viewer: SessionKey(2),
                slot: 0,
                track: None
            }]
        );
    }

    #[test]
    fn rooms_are_told_apart_by_seat_and_lessons_do_not_mix() {
        let mut directory = Directory::default();
        directory.publish(
            SessionKey(1),
            &lesson(),
            publication(Source::Room, "a"),
            vec![Kind::Video],
        );
        let changes = directory.publish(
            SessionKey(2),
            &lesson(),
            publication(Source::Room, "b"),
            vec![Kind::Video],
        );
        assert_eq!(changes.replaced, None);
        let other: LessonId = "other".parse().unwrap();
        let slots = vec![Seating {
            place: Place::Publication(publication(Source::Room, "a")),
            kind: Kind::Video,
        }];
        assert_eq!(
            directory.watch(SessionKey(3), &other, slots.clone()),
            Changes::default()
        );
        assert_eq!(
            directory.watch(SessionKey(4), &lesson(), slots).bindings[0].track,
            track(1, 0)
        );
    }

    #[test]
    fn a_lesson_without_anybody_is_forgotten() {
        let mut directory = Directory::default();
        directory.watch(SessionKey(1), &lesson(), Vec::new());
        directory.leave(SessionKey(1));
        assert!(directory.lessons.is_empty() && directory.sessions.is_empty());
    }
}
