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

    /// Nothing more will come.
    pub(crate) fn finish(&self) {
        self.shared.lock().finished = true;
        self.shared.arrived.notify_one();
    }
}

impl<T> Clone for Post<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn media_beyond_the_limit_is_handed_back_and_notices_are_not() {
        let (post, mut mailbox) = mailbox(2);
        post.notice(0);
        assert_eq!(post.send(Class::Media, 1), Ok(()));
        assert_eq!(post.send(Class::Media, 2), Ok(()));
        assert_eq!(post.send(Class::Media, 3), Err(3));
        post.notice(4);
        post.finish();
        let mut read = Vec::new();
        while let Some(event) = mailbox.next().await {
            read.push(event);
        }
        assert_eq!(read, [0, 1, 2, 4]);
        assert_eq!(post.send(Class::Media, 5), Ok(()));
    }

    #[test]
    fn of_unread_notices_the_latest_are_kept_and_media_stays() {
        let (post, mut mailbox) = mailbox(1);
        assert_eq!(post.send(Class::Media, usize::MAX), Ok(()));
        for number in 0..MAX_NOTICES + 10 {
            post.notice(number);
        }
        assert_eq!(mailbox.try_next(), Some(usize::MAX));
        assert_eq!(mailbox.try_next(), Some(10));
    }

    #[tokio::test]
    async fn a_dropped_mailbox_takes_everything() {
        let (post, mailbox) = mailbox(1);
        drop(mailbox);
        assert_eq!(post.send(Class::Media, 1), Ok(()));
        assert_eq!(post.send(Class::Media, 2), Ok(()));
    }
}
