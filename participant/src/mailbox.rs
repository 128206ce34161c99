//! Events on their way to the application.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Notices kept for an application that does not read. Beyond it the oldest is forgotten: the latest state matters most.
const MAX_NOTICES: usize = 64;

/// What an event is to a full mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A change of state.
    Notice,
    /// A frame or packet: refused when the mailbox holds its limit of them.
    Media,
}

/// The receiving end of a publisher's or watcher's events. Bounded: media that does not fit is dropped and counted in the
/// statistics, and of unread notices the latest are kept.
#[derive(Debug)]
pub struct Mailbox<T> {
    shared: Arc<Shared<T>>,
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct Post<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<Queue<T>>,
    arrived: Notify,
    media_limit: usize,
}

#[derive(Debug)]
struct Queue<T> {
    events: VecDeque<(Class, T)>,
    media: usize,
    finished: bool,
    abandoned: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn mailbox<T>(media_limit: usize) -> (Post<T>, Mailbox<T>) {
    let queue = Queue {
        events: VecDeque::new(),
        media: 0,
        finished: false,
        abandoned: false,
    };
    let shared = Arc::new(Shared {
        queue: Mutex::new(queue),
        arrived: Notify::new(),
        media_limit,
    });
    (
        Post {
            shared: shared.clone(),
        },
        Mailbox { shared },
    )
}

impl<T> Mailbox<T> {
    /// The next event; `None` once the publisher or watcher has closed and everything was read.
    ///
    /// Cancel-safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            let arrived = self.shared.arrived.notified();
            {
                let mut queue = self.shared.lock();
                if let Some(event) = queue.pop() {
                    return Some(event);
                }
                if queue.finished {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// The next event if one is waiting.
    pub fn try_next(&mut self) -> Option<T> {
        self.shared.lock().pop()
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.abandoned = true;
        queue.events.clear();
    }
}

impl<T> Queue<T> {
    fn pop(&mut self) -> Option<T> {
        let (class, event) = self.events.pop_front()?;
        if class == Class::Media {
            self.media -= 1;
        }
        Some(event)
    }
}

impl<T> Post<T> {
    /// Queues an event. Hands media back when the mailbox is full.
    pub(crate) fn send(&self, class: Class, event: T) -> Result<(), T> {
        let mut queue = self.shared.lock();
        if queue.abandoned {
            return Ok(());
        }
        match class {
            Class::Media if queue.media >= self.shared.media_limit => return Err(event),
            Class::Media => queue.media += 1,
            Class::Notice => {
                if queue.events.len() - queue.media >= MAX_NOTICES
                    && let Some(oldest) = queue
                        .events
                        .iter()
                        .position(|(class, _)| *class == Class::Notice)
                {
                    queue.events.remove(oldest);
                }
            }
        }
        queue.events.push_back((class, event));
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(())
    }

    /// Queues a change of state, which always fits.
    pub(crate) fn notice(&self, event: T) {
        let fits = self.send(Class::Notice, event).is_ok();
        debug_assert!(fits, "only media is handed back");
    }
}

impl<T> Drop for Post<T> {
    fn drop(&mut self) {
        self.shared.lock().finished = true;
        self.shared.arrived.notify_one();
    }
}
