//! Every lesson's lines. It does no I/O and reads no clock.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use protocol::line::{Line, Playback};
use protocol::record::Record;
use protocol::{LessonId, Role, SeatId};
use relay_core::key::SessionKey;
use relay_core::line::Reading;

use super::seat::{Seat, Side};
use super::wall::Wall;

/// A lesson without sessions for so long is over. A cut that takes the school and every room is shorter.
const OVER_AFTER: Duration = Duration::from_secs(60);
/// Seats remembered per lesson; the sessions of more are served, but nothing is said of their lines.
const MOST_SEATS: usize = 2_000;

/// See the module.
#[derive(Debug)]
pub struct Book {
    wall: Wall,
    lessons: BTreeMap<LessonId, Lesson>,
    places: HashMap<SessionKey, (LessonId, SeatId)>,
    revision: u64,
}

#[derive(Debug)]
struct Lesson {
    from: Instant,
    seats: BTreeMap<SeatId, Seat>,
    /// What is told of those that are there, and the revision in which it became so.
    told: BTreeMap<SeatId, (Line, u64)>,
    empty_since: Option<Instant>,
}

/// Whose line a session is part of.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The lesson.
    pub lesson: LessonId,
    /// The seat.
    pub seat: SeatId,
    /// What the seat is to the lesson.
    pub role: Role,
    /// What the session is for.
    pub side: Side,
}

impl Book {
    /// No lines yet.
    pub fn new(wall: Wall) -> Self {
        Self {
            wall,
            lessons: BTreeMap::new(),
            places: HashMap::new(),
            revision: 0,
        }
    }

    /// A session begins.
    pub fn opened(&mut self, now: Instant, key: SessionKey, opened: Opened) {
        let Opened {
            lesson,
            seat,
            role,
            side,
        } = opened;
        let entry = self
            .lessons
            .entry(lesson.clone())
            .or_insert_with(|| Lesson {
                from: now,
                seats: BTreeMap::new(),
                told: BTreeMap::new(),
                empty_since: None,
            });
        if entry.seats.len() >= MOST_SEATS && !entry.seats.contains_key(&seat) {
            return;
        }
        entry.empty_since = None;
        let line = entry
            .seats
            .entry(seat.clone())
            .or_insert_with(|| Seat::new(role));
        line.opened(now, key, side);
        self.places.insert(key, (lesson, seat));
    }

    /// Its handshake is complete.
    pub fn connected(&mut self, now: Instant, key: SessionKey) {
        if let Some(seat) = self.seat(key) {
            seat.connected(now, key);
        }
    }

    /// A session is gone; `on_purpose` when the client or the relay ended it, rather than the line.
    pub fn closed(&mut self, now: Instant, key: SessionKey, on_purpose: bool) {
        if let Some(seat) = self.seat(key) {
            seat.closed(now, key, on_purpose);
        }
        if let Some((lesson, name)) = self.places.remove(&key)
            && let Some(entry) = self.lessons.get_mut(&lesson)
            && entry
                .seats
                .get(&name)
                .is_some_and(|seat| !seat.is_open() && !seat.has_come())
        {
            entry.seats.remove(&name);
        }
    }

    /// Takes in a reading.
    pub fn read(&mut self, reading: &Reading) {
        let wall = self.wall;
        if let Some(seat) = self.seat(reading.session) {
            seat.read(&wall, reading);
        }
    }

    /// A seat's player has counted more. Seats without a session have no player.
    pub fn played(&mut self, now: Instant, lesson: &LessonId, seat: &SeatId, more: &Playback) {
        let entry = self.lessons.get_mut(lesson);
        if let Some(seat) = entry.and_then(|lesson| lesson.seats.get_mut(seat)) {
            seat.played(now, more);
        }
    }

    /// Looks at every line again, once a second. Returns the records of lessons that are over.
    pub fn review(&mut self, now: Instant, overloaded: bool) -> Vec<Record> {
        let revision = self.revision + 1;
        let mut changed = false;
        let mut over = Vec::new();
        for (name, lesson) in &mut self.lessons {
            changed |= lesson.review(now, &self.wall, overloaded, revision);
            if lesson.is_over(now) {
                over.push(name.clone());
            }
        }
        if changed {
            self.revision = revision;
        }
        over.into_iter()
            .filter_map(|name| self.end(now, name))
            .collect()
    }

    /// The records of every lesson: the relay ends.
    pub fn finish(&mut self, now: Instant) -> Vec<Record> {
        let names: Vec<_> = self.lessons.keys().cloned().collect();
        names
            .into_iter()
            .filter_map(|name| self.end(now, name))
            .collect()
    }

    /// Grows with every review that changed something.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The lines of a lesson by seat, each with the revision in which it became so.
    pub fn lines(&self, lesson: &LessonId) -> impl Iterator<Item = (&Line, u64)> {
        let told = self.lessons.get(lesson).map(|lesson| &lesson.told);
        told.into_iter()
            .flat_map(|told| told.values().map(|(line, revision)| (line, *revision)))
    }

    /// One seat's line, with the revision in which it became so.
    pub fn line(&self, lesson: &LessonId, seat: &SeatId) -> Option<(&Line, u64)> {
        let (line, revision) = self.lessons.get(lesson)?.told.get(seat)?;
        Some((line, *revision))
    }

    /// Every line there is.
    pub fn all(&self) -> impl Iterator<Item = (&LessonId, &Line)> {
        self.lessons
            .iter()
            .flat_map(|(name, lesson)| lesson.told.values().map(move |(line, _)| (name, line)))
    }

    fn seat(&mut self, key: SessionKey) -> Option<&mut Seat> {
        let (lesson, seat) = self.places.get(&key)?;
        self.lessons.get_mut(lesson)?.seats.get_mut(seat)
    }

    fn end(&mut self, now: Instant, name: LessonId) -> Option<Record> {
        let mut lesson = self.lessons.remove(&name)?;
        self.places.retain(|_, (lesson, _)| *lesson != name);
        let until = lesson.empty_since.unwrap_or(now);
        let wall = &self.wall;
        let lines: Vec<_> = lesson
            .seats
            .iter_mut()
            .filter_map(|(seat, line)| line.record(until, wall, seat))
            .collect();
        let is_empty = lines.is_empty();
        let record = Record {
            v: 1,
            lesson: name,
            from_unix_ms: wall.unix_ms(lesson.from),
            until_unix_ms: wall.unix_ms(until),
            lines,
        };
        (!is_empty).then_some(record)
    }
}

impl Lesson {
    /// Returns whether anything is told differently now.
    fn review(&mut self, now: Instant, wall: &Wall, overloaded: bool, revision: u64) -> bool {
        let sources: HashMap<_, _> = self
            .seats
            .values()
            .flat_map(|seat| seat.sources(now))
            .collect();
        let mut changed = false;
        for (name, seat) in &mut self.seats {
            match seat.review(now, wall, name, &sources, overloaded) {
                None => changed |= self.told.remove(name).is_some(),
                Some(line) => {
                    if self.told.get(name).is_none_or(|(told, _)| *told != line) {
                        self.told.insert(name.clone(), (line, revision));
                        changed = true;
                    }
                }
            }
        }
        let is_open = self.seats.values().any(Seat::is_open);
        self.empty_since = match (is_open, self.empty_since) {
            (true, _) => None,
            (false, since) => Some(since.unwrap_or(now)),
        };
        changed
    }

    fn is_over(&self, now: Instant) -> bool {
        self.empty_since
            .is_some_and(|since| now.saturating_duration_since(since) >= OVER_AFTER)
    }
}

#[cfg(test)]
mod tests;
