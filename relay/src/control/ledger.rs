//! Which sessions there are, where, whose, and what they publish.

use std::collections::HashMap;
use std::sync::Arc;

use relay_core::directory::{Changes, Directory, PublicationId, Seating};
use relay_core::key::{SessionKey, TrackKey};
use relay_transport::Credentials;

use super::{CreateError, Created, Owner, SessionId, random_name};
use crate::worker::TrackDescription;

/// See the module.
pub struct Ledger {
    directory: Directory,
    entries: HashMap<SessionKey, Entry>,
    by_id: HashMap<SessionId, SessionKey>,
    tracks: HashMap<TrackKey, Arc<TrackDescription>>,
    /// Sessions per worker, those about to be opened included.
    load: Vec<usize>,
    next_key: u64,
    closed: bool,
}

/// One session.
pub struct Entry {
    /// Its key.
    pub key: SessionKey,
    /// Its worker's place.
    pub worker: usize,
    /// Whose it is.
    pub owner: Owner,
    /// The client's ICE credentials.
    pub remote: Credentials,
    /// Names the ICE generation.
    pub etag: String,
    id: SessionId,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Publisher,
    Viewer,
}

/// Where a new session goes. Dropped unused, it costs nothing.
pub struct Placement {
    /// The session's key.
    pub key: SessionKey,
    /// Its worker's place.
    pub worker: usize,
}

impl Ledger {
    /// No sessions on `workers` workers.
    pub fn new(workers: usize) -> Self {
        Self {
            directory: Directory::default(),
            entries: HashMap::new(),
            by_id: HashMap::new(),
            tracks: HashMap::new(),
            load: vec![0; workers],
            next_key: 0,
            closed: false,
        }
    }

    /// A place for a new session on the worker with the fewest.
    pub fn place(&mut self, limit: usize) -> Result<Placement, CreateError> {
        if self.closed {
            return Err(CreateError::Unavailable(
                "the relay is shutting down: try again in a few seconds".into(),
            ));
        }
        if self.entries.len() >= limit {
            let sentence = format!(
                "the relay serves its limit of {limit} sessions (media.max_sessions): try again later"
            );
            return Err(CreateError::Unavailable(sentence));
        }
        self.next_key += 1;
        let worker = (0..self.load.len())
            .min_by_key(|worker| self.load[*worker])
            .unwrap_or(0);
        Ok(Placement {
            key: SessionKey(self.next_key),
            worker,
        })
    }

    /// Enters a publisher.
    pub fn publish(
        &mut self,
        place: Placement,
        owner: Owner,
        remote: Credentials,
        id: PublicationId,
        tracks: Vec<Arc<TrackDescription>>,
    ) -> (Created, Changes) {
        let kinds = tracks.iter().map(|track| track.kind).collect();
        self.tracks
            .extend(tracks.into_iter().map(|track| (track.key, track)));
        let changes = self.directory.publish(place.key, &owner.lesson, id, kinds);
        (self.enter(place, owner, remote, Role::Publisher), changes)
    }

    /// Enters a viewer.
    pub fn watch(
        &mut self,
        place: Placement,
        owner: Owner,
        remote: Credentials,
        slots: Vec<Seating>,
    ) -> (Created, Changes) {
        let changes = self.directory.watch(place.key, &owner.lesson, slots);
        (self.enter(place, owner, remote, Role::Viewer), changes)
    }

    /// Takes a session out.
    pub fn remove(&mut self, key: SessionKey) -> Changes {
        if let Some(entry) = self.entries.remove(&key) {
            self.by_id.remove(&entry.id);
            self.load[entry.worker] -= 1;
        }
        self.tracks.retain(|track, _| track.session != key);
        self.directory.leave(key)
    }

    /// Admits nobody any more.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The session of this address.
    pub fn entry_mut(&mut self, id: &SessionId) -> Option<&mut Entry> {
        self.entries.get_mut(self.by_id.get(id)?)
    }

    /// The worker of a session.
    pub fn worker(&self, key: SessionKey) -> Option<usize> {
        self.entries.get(&key).map(|entry| entry.worker)
    }

    /// A published track.
    pub fn track(&self, key: TrackKey) -> Option<Arc<TrackDescription>> {
        self.tracks.get(&key).cloned()
    }

    /// How many publishers and viewers there are.
    pub fn count(&self) -> (usize, usize) {
        let publishers = self
            .entries
            .values()
            .filter(|entry| entry.role == Role::Publisher)
            .count();
        (publishers, self.entries.len() - publishers)
    }

    /// Writes what happened to a session into the log.
    pub fn log(&self, key: SessionKey, what: &str) {
        if let Some(Entry { owner, id, .. }) = self.entries.get(&key) {
            let session = &id.as_str()[..8];
            tracing::info!(lesson = %owner.lesson, seat = %owner.seat, session, "session {what}");
        }
    }

    fn enter(
        &mut self,
        place: Placement,
        owner: Owner,
        remote: Credentials,
        role: Role,
    ) -> Created {
        let Placement { key, worker } = place;
        let id = SessionId::from(random_name());
        let etag = random_name();
        let created = Created {
            id: id.clone(),
            etag: etag.clone(),
            answer: String::new(),
        };
        self.load[worker] += 1;
        self.by_id.insert(id.clone(), key);
        self.entries.insert(
            key,
            Entry {
                key,
                worker,
                owner,
                remote,
                etag,
                id,
                role,
            },
        );
        created
    }
}
