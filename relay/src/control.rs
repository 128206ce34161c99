//! The door between HTTP and the media workers: creating, changing and ending sessions.

mod ledger;
mod plan;
mod request;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::record::Record;
use protocol::{Role, Source};
use relay_core::directory::{Changes, PublicationId};
use relay_core::key::{Kind, SessionKey, TrackKey};
use relay_transport::sdp::fragment::Fragment;
use relay_transport::sdp::{self, Features, Feedback, Local};
use relay_transport::{Credentials, Identity, Path, Reason};

use crate::counters::Counters;
use crate::lines::{self, Lines};
use crate::worker::{Closed, Mail, Notice, Opening, Post, Side, TrackDescription};
use ledger::{Ledger, Placement};
use plan::Plan;
pub use request::{
    CreateError, Created, Owner, PatchError, Patched, Publish, SessionId, UnknownSession, View,
    Watch,
};

/// Creates, changes and ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

struct Shared {
    identity: Arc<Identity>,
    workers: Vec<Door>,
    limit: usize,
    ledger: Mutex<Ledger>,
    lines: Lines,
}

/// How sessions get to one worker.
#[derive(Debug)]
pub struct Door {
    /// Its mailbox.
    pub post: Post,
    /// Where clients reach it.
    pub candidates: Vec<Path>,
    /// What it counts.
    pub counters: Arc<Counters>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("workers", &self.shared.workers.len())
            .finish_non_exhaustive()
    }
}

impl Control {
    /// The door to `workers`, which are never none, for at most `limit` sessions at a time. `identity` is the workers'.
    pub fn new(identity: Arc<Identity>, workers: Vec<Door>, limit: usize) -> Self {
        let ledger = Mutex::new(Ledger::new(workers.len()));
        Self {
            shared: Arc::new(Shared {
                identity,
                workers,
                limit,
                ledger,
                lines: Lines::default(),
            }),
        }
    }

    /// Admits a publisher; its former session with the same lesson, source and seat is replaced.
    ///
    /// # Errors
    ///
    /// [`CreateError`] says why it is not admitted.
    pub async fn publish(&self, request: Publish) -> Result<Created, CreateError> {
        let place = self.place()?;
        let credentials = Credentials::labelled(place.worker);
        let negotiated = sdp::publish(
            &request.offer,
            &self.local(&place, &credentials, publishing()),
        )?;
        let tracks: Vec<_> = (0..)
            .zip(negotiated.tracks)
            .map(|(index, track)| {
                let description = TrackDescription {
                    key: TrackKey {
                        session: place.key,
                        index,
                    },
                    worker: place.worker,
                    kind: kind(track.kind),
                    codecs: track.codecs.clone(),
                };
                (track, Arc::new(description))
            })
            .collect();
        let descriptions: Vec<_> = tracks
            .iter()
            .map(|(_, description)| description.clone())
            .collect();
        let opening = Opening {
            key: place.key,
            credentials,
            fingerprint: negotiated.remote.fingerprint,
            side: Side::Publisher(tracks),
        };
        let owner = Owner {
            lesson: request.lesson,
            seat: request.seat,
        };
        let id = PublicationId::new(request.source, &owner.seat);
        let line = lines::Opened {
            lesson: owner.lesson.clone(),
            seat: owner.seat.clone(),
            role: match request.source {
                Source::Room => Role::Room,
                Source::Camera | Source::Courseware | Source::Board => Role::Teacher,
            },
            side: lines::Side::Publishing(request.source),
        };
        let mut ledger = self.ledger();
        self.open(&place, opening)?;
        self.shared.lines.opened(place.key, line);
        let (created, changes) = ledger.publish(
            place,
            owner,
            negotiated.remote.credentials,
            id,
            descriptions,
        );
        self.carry_out(&mut ledger, changes);
        Ok(created.with_answer(negotiated.answer))
    }

    /// Admits a viewer. Slots without a publication are filled when one arrives.
    ///
    /// # Errors
    ///
    /// [`CreateError`] says why it is not admitted.
    pub async fn watch(&self, request: Watch) -> Result<Created, CreateError> {
        let place = self.place()?;
        let credentials = Credentials::labelled(place.worker);
        let plan = Plan::of(&request.view, &request.seat);
        let negotiated = sdp::watch(
            &request.offer,
            &self.local(&place, &credentials, watching()),
            &plan.names(),
            rand::random,
        )?;
        let pictures = negotiated.slots.iter().map(|slot| {
            let is_picture = kind(slot.kind) == Kind::Video;
            is_picture.then(|| slot.name.clone())
        });
        let line = lines::Opened {
            lesson: request.lesson.clone(),
            seat: request.seat.clone(),
            role: request.role,
            side: lines::Side::Watching(pictures.collect()),
        };
        let seatings = negotiated
            .slots
            .iter()
            .map(|slot| plan.seating(slot))
            .collect();
        let opening = Opening {
            key: place.key,
            credentials,
            fingerprint: negotiated.remote.fingerprint,
            side: Side::Viewer(negotiated.slots),
        };
        let owner = Owner {
            lesson: request.lesson,
            seat: request.seat,
        };
        let mut ledger = self.ledger();
        self.open(&place, opening)?;
        self.shared.lines.opened(place.key, line);
        let (created, changes) =
            ledger.watch(place, owner, negotiated.remote.credentials, seatings);
        self.carry_out(&mut ledger, changes);
        Ok(created.with_answer(negotiated.answer))
    }

    /// Takes trickled candidates or restarts ICE. `if_match` is the entity tag without quotes; `None` stands for `*`.
    ///
    /// # Errors
    ///
    /// [`PatchError`] says why nothing was changed.
    pub async fn patch(
        &self,
        id: &SessionId,
        if_match: Option<&str>,
        fragment: &str,
    ) -> Result<Patched, PatchError> {
        let mut ledger = self.ledger();
        let entry = ledger.entry_mut(id).ok_or(PatchError::Unknown)?;
        if if_match.is_some_and(|tag| tag != entry.etag) {
            return Err(PatchError::Stale);
        }
        let fragment =
            Fragment::parse(fragment).map_err(|error| PatchError::Malformed(error.to_string()))?;
        let Some(remote) = fragment.restart(&entry.remote) else {
            return Ok(Patched::Trickled);
        };
        let credentials = Credentials::labelled(entry.worker);
        let door = &self.shared.workers[entry.worker];
        door.post
            .send(Mail::RestartIce(entry.key, credentials.clone()))
            .map_err(|_| PatchError::Unknown)?;
        entry.remote = remote.clone();
        entry.etag = random_name();
        Ok(Patched::Restarted {
            fragment: fragment.answer(&credentials, &door.candidates),
            etag: entry.etag.clone(),
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// [`UnknownSession`] when there is none.
    pub async fn end(&self, id: &SessionId) -> Result<(), UnknownSession> {
        let mut ledger = self.ledger();
        let key = ledger.entry_mut(id).ok_or(UnknownSession)?.key;
        self.end_session(&mut ledger, key);
        Ok(())
    }

    /// Whose session it is.
    pub fn owner(&self, id: &SessionId) -> Option<Owner> {
        self.ledger().entry_mut(id).map(|entry| entry.owner.clone())
    }

    /// Sessions there are now: (publishers, viewers).
    pub fn sessions(&self) -> (usize, usize) {
        self.ledger().count()
    }

    /// What each worker counts.
    pub fn counters(&self) -> impl Iterator<Item = &Counters> {
        self.shared.workers.iter().map(|door| &*door.counters)
    }

    /// How everybody's line is.
    pub fn lines(&self) -> &Lines {
        &self.shared.lines
    }

    /// Looks at every line again, once a second. Returns the records of lessons that are over.
    pub fn review_lines(&self) -> Vec<Record> {
        self.shared.lines.review(self.counters())
    }

    /// A worker reports: the directory and the lines follow.
    pub fn notice(&self, notice: Notice) {
        match notice {
            Notice::Connected(key) => {
                self.ledger().log(key, "connected");
                self.shared.lines.connected(key);
            }
            Notice::Closed(key, Closed::Asked) => {
                self.ledger().log(key, "ended");
                self.shared.lines.closed(key, true);
            }
            Notice::Closed(key, Closed::Transport(reason)) => {
                // A client that says goodbye leaves by choice; the other reasons are the line's.
                let on_purpose = matches!(reason, Reason::Remote);
                self.shared.lines.closed(key, on_purpose);
                let mut ledger = self.ledger();
                ledger.log(key, &reason.to_string());
                let changes = ledger.remove(key);
                self.carry_out(&mut ledger, changes);
            }
            Notice::Line(reading) => self.shared.lines.read(&reading),
        }
    }

    /// Ends every session and stops the workers; nobody is admitted afterwards.
    pub fn stop(&self) {
        let mut ledger = self.ledger();
        ledger.close();
        for door in &self.shared.workers {
            // A worker whose mailbox is gone has stopped already.
            let _ = door.post.send(Mail::Stop);
        }
    }

    fn place(&self) -> Result<Placement, CreateError> {
        self.ledger().place(self.shared.limit)
    }

    fn local<'a>(
        &'a self,
        place: &Placement,
        credentials: &'a Credentials,
        features: Features,
    ) -> Local<'a> {
        Local {
            credentials,
            fingerprint: self.shared.identity.fingerprint(),
            candidates: &self.shared.workers[place.worker].candidates,
            // Below 2^63, as SDP wants it.
            session_id: rand::random::<u64>() >> 1,
            features,
        }
    }

    fn open(&self, place: &Placement, opening: Opening) -> Result<(), CreateError> {
        let door = &self.shared.workers[place.worker];
        door.post
            .send(Mail::Open(Box::new(opening)))
            .map_err(|_| CreateError::Unavailable("a media worker has stopped".into()))
    }

    fn end_session(&self, ledger: &mut Ledger, key: SessionKey) {
        if let Some(worker) = ledger.worker(key) {
            // A worker that is gone has no sessions left to end.
            let _ = self.shared.workers[worker].post.send(Mail::Close(key));
        }
        let changes = ledger.remove(key);
        self.carry_out(ledger, changes);
    }

    /// Tells the workers. The ledger is held, so they hear of changes in the order in which they were decided.
    fn carry_out(&self, ledger: &mut Ledger, changes: Changes) {
        for binding in changes.bindings {
            let Some(worker) = ledger.worker(binding.viewer) else {
                continue;
            };
            let track = binding.track.and_then(|track| ledger.track(track));
            let mail = Mail::Bind {
                viewer: binding.viewer,
                slot: binding.slot,
                track,
            };
            if self.shared.workers[worker].post.send(mail).is_err() {
                tracing::error!(worker, "a media worker does not take messages");
            }
        }
        if let Some(replaced) = changes.replaced {
            self.end_session(ledger, replaced);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A panic while the ledger was held is a defect; what it holds is consistent between any two statements that change it.
        self.shared
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the relay does towards publishers: it feeds their congestion control with arrival times.
fn publishing() -> Features {
    let Features { feedback, .. } = watching();
    Features {
        feedback: Feedback {
            remb: false,
            ..feedback
        },
        ..watching()
    }
}

/// What the relay does towards viewers: it is told what their lines carry.
fn watching() -> Features {
    let Features { feedback, .. } = Features::default();
    Features {
        feedback: Feedback {
            transport_cc: true,
            remb: true,
            ..feedback
        },
        ..Features::default()
    }
}

/// The relay's name for a kind of m-line.
pub fn kind(kind: sdp::Kind) -> Kind {
    match kind {
        sdp::Kind::Audio => Kind::Audio,
        sdp::Kind::Video => Kind::Video,
    }
}

/// 128 random bits in hexadecimal.
fn random_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}
