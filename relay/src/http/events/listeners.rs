//! How many clients follow the event stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::LessonId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refusal;

/// Most clients of all lessons together, those that have not said who they are included.
const MOST: usize = 4_096;
/// Most clients of one lesson: provinces reach hundreds of rooms.
const MOST_OF_A_LESSON: usize = 1_024;

/// See the module.
#[derive(Debug, Clone)]
pub(in crate::http) struct Listeners {
    all: Arc<Semaphore>,
    lessons: Arc<Mutex<HashMap<LessonId, usize>>>,
}

/// A client that is counted in its lesson until this is dropped.
#[derive(Debug)]
pub(super) struct Following {
    listeners: Listeners,
    lesson: LessonId,
}

impl Default for Listeners {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(MOST)),
            lessons: Arc::default(),
        }
    }
}

impl Listeners {
    /// One more client, which is counted until the permit is dropped.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.all.clone().try_acquire_owned().map_err(|_| {
            let sentence = format!("{MOST} clients follow events already: try again later");
            Refusal::Unavailable(sentence)
        })
    }

    /// One more client of a lesson.
    pub(super) fn follow(&self, lesson: &LessonId) -> Result<Following, Refusal> {
        let mut lessons = self.lessons();
        let count = lessons.entry(lesson.clone()).or_default();
        if *count >= MOST_OF_A_LESSON {
            return Err(Refusal::TooMany(
                "too many clients follow this lesson's events: try again later",
            ));
        }
        *count += 1;
        Ok(Following {
            listeners: self.clone(),
            lesson: lesson.clone(),
        })
    }

    fn lessons(&self) -> MutexGuard<'_, HashMap<LessonId, usize>> {
        self.lessons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut lessons = self.listeners.lessons();
        if let Some(count) = lessons.get_mut(&self.lesson) {
            *count -= 1;
            if *count == 0 {
                lessons.remove(&self.lesson);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_takes_so_many_and_forgets_those_that_leave() {
        let listeners = Listeners::default();
        let (demo, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let mut following: Vec<_> = (0..MOST_OF_A_LESSON)
            .map(|_| listeners.follow(&demo).unwrap())
            .collect();
        assert!(matches!(listeners.follow(&demo), Err(Refusal::TooMany(_))));
        assert!(listeners.follow(&other).is_ok());
        following.pop();
        assert!(listeners.follow(&demo).is_ok());
        following.clear();
        assert!(listeners.lessons().is_empty());
    }

    #[test]
    fn the_relay_takes_so_many() {
        let listeners = Listeners::default();
        let mut places: Vec<_> = (0..MOST).map(|_| listeners.enter().unwrap()).collect();
        assert!(matches!(listeners.enter(), Err(Refusal::Unavailable(_))));
        places.pop();
        assert!(listeners.enter().is_ok());
    }
}
