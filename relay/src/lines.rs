//! How every room's line is: measured by the workers, judged here once a second, told to whoever watches over it, and kept for the
//! record.
//!
//! ```text
//!  workers ─ Notice::Line ─▶ Book ─ seat ─ direction ─▶ judge ─▶ steady ─▶ Line ─▶ event stream, /api, /metrics
//!  players ─ playback ─────▶  └─ history ───────────────────────────────────────▶ Record ─▶ archive
//! ```
//!
//! The `Book` is pure: it is told the time and what was read. [`Lines`] shares it.

mod archive;
mod book;
mod direction;
mod history;
mod judge;
mod load;
mod recent;
mod seat;
mod steady;
mod wall;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use protocol::line::{Line, Playback};
use protocol::record::Record;
use protocol::{LessonId, SeatId};
use relay_core::key::SessionKey;
use relay_core::line::Reading;
use tokio::sync::watch;

use crate::counters::Counters;

pub use archive::{Archive, Keeper, Kept};
use book::Book;
pub use book::Opened;
use load::Load;
pub use seat::Side;
use wall::Wall;

/// What has become of lines since somebody looked last.
#[derive(Debug, Default)]
pub struct News {
    /// The lines that are new or different.
    pub changed: Vec<Line>,
    /// The seats that have one.
    pub present: Vec<SeatId>,
    /// Where to go on next time.
    pub revision: u64,
}

/// Every lesson's lines. Cheap to clone.
#[derive(Clone)]
pub struct Lines {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// The book's revision, for those who wait for the next one.
    revision: watch::Sender<u64>,
}

struct State {
    book: Book,
    load: Load,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}

impl Default for Lines {
    fn default() -> Self {
        let wall = Wall::new(now(), SystemTime::now());
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    book: Book::new(wall),
                    load: Load::default(),
                }),
                revision: watch::Sender::new(0),
            }),
        }
    }
}

impl Lines {
    /// A session begins.
    pub fn opened(&self, key: SessionKey, opened: Opened) {
        self.state().book.opened(now(), key, opened);
    }

    /// Its handshake is complete.
    pub fn connected(&self, key: SessionKey) {
        self.state().book.connected(now(), key);
    }

    /// A session is gone; `on_purpose` when the client or the relay ended it, rather than the line.
    pub fn closed(&self, key: SessionKey, on_purpose: bool) {
        self.state().book.closed(now(), key, on_purpose);
    }

    /// Takes in a worker's reading.
    pub fn read(&self, reading: &Reading) {
        self.state().book.read(reading);
    }

    /// A seat's player has counted more.
    pub fn played(&self, lesson: &LessonId, seat: &SeatId, more: &Playback) {
        self.state().book.played(now(), lesson, seat, more);
    }

    /// Looks at every line again; to be called once a second with what the workers count. Returns the records of lessons that are over.
    pub fn review<'a>(&self, workers: impl Iterator<Item = &'a Counters>) -> Vec<Record> {
        let load = Load::of(workers);
        let mut state = self.state();
        let overloaded = load.is_too_much(&state.load);
        state.load = load;
        let records = state.book.review(now(), overloaded);
        let revision = state.book.revision();
        drop(state);
        self.shared.revision.send_if_modified(|told| {
            let is_new = *told != revision;
            *told = revision;
            is_new
        });
        records
    }

    /// The records of every lesson: the relay ends.
    pub fn finish(&self) -> Vec<Record> {
        self.state().book.finish(now())
    }

    /// Tells when there is something new. It holds no messages, only the newest revision.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// What has become of a lesson's lines after revision `after`, as their owners are told; 0 stands for the beginning. `only` one
    /// seat's, or all of them.
    pub fn since(&self, lesson: &LessonId, only: Option<&SeatId>, after: u64) -> News {
        let state = self.state();
        let mut news = News {
            revision: state.book.revision(),
            ..News::default()
        };
        let mut take = |line: &Line, revision: u64| {
            news.present.push(line.seat.clone());
            if revision > after {
                news.changed.push(line.clone());
            }
        };
        match only {
            Some(seat) => {
                if let Some((line, revision)) = state.book.line(lesson, seat) {
                    take(line, revision);
                }
            }
            None => {
                for (line, revision) in state.book.lines(lesson) {
                    take(line, revision);
                }
            }
        }
        news
    }

    /// Every line there is.
    pub fn all(&self) -> Vec<(LessonId, Line)> {
        let state = self.state();
        let all = state.book.all();
        all.map(|(lesson, line)| (lesson.clone(), line.clone()))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held is a defect; readings go on.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime's clock, which simulations stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
