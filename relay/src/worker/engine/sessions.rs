//! Sessions come, are given something to show, and go.

use std::sync::Arc;
use std::time::Instant;

use relay_core::key::{SessionKey, TrackKey};
use relay_transport::Transport;

use super::{Engine, TICK};
use crate::worker::egress::Outlet;
use crate::worker::mail::{Closed, Mail, Notice, Opening, Side, TrackDescription};
use crate::worker::publisher::Publisher;
use crate::worker::session::{Change, Media, Session};
use crate::worker::track::Track;
use crate::worker::viewer::Viewer;

impl Engine {
    pub(super) fn open(&mut self, now: Instant, opening: Opening) {
        let Opening {
            key,
            credentials,
            fingerprint,
            side,
        } = opening;
        let transport = Transport::new(self.identity.clone(), credentials, fingerprint, now);
        let media = match side {
            Side::Publisher(tracks) => {
                let publisher = Publisher::new(now, key, tracks, self.counters.clone());
                for description in publisher.descriptions() {
                    self.tracks
                        .insert(description.key, Track::new(description.clone()));
                }
                Media::Publisher(publisher)
            }
            Side::Viewer(slots) => Media::Viewer(Viewer::new(slots)),
        };
        self.routes.named(transport.ufrags(), key);
        self.sessions.insert(key, Session { transport, media });
        self.next_tick.get_or_insert(now + TICK);
    }

    pub(super) fn bind(
        &mut self,
        now: Instant,
        viewer: SessionKey,
        slot: u8,
        track: Option<Arc<TrackDescription>>,
        outlet: &mut impl Outlet,
    ) {
        let Some(Media::Viewer(media)) = self
            .sessions
            .get_mut(&viewer)
            .map(|session| &mut session.media)
        else {
            return;
        };
        let before = media.bind(slot, track.clone());
        if let Some(before) = before {
            self.unsubscribe(before, (viewer, slot));
        }
        let Some(description) = track else { return };
        let key = description.key;
        let owner = description.worker;
        if owner != self.index && !self.tracks.contains_key(&key) {
            self.outputs.mail.push_back((
                owner,
                Mail::Interest {
                    track: key,
                    worker: self.index,
                    wanted: true,
                },
            ));
        }
        let track = self
            .tracks
            .entry(key)
            .or_insert_with(|| Track::new(description));
        track.subscribers.push((viewer, slot));
        // A viewer that is not connected yet could not use the keyframe: see `drain`.
        if self
            .sessions
            .get(&viewer)
            .is_some_and(|session| session.transport.is_connected())
        {
            self.want_keyframe(now, key, outlet);
        }
    }

    pub(super) fn unsubscribe(&mut self, key: TrackKey, subscriber: (SessionKey, u8)) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        track.subscribers.retain(|other| *other != subscriber);
        let owner = track.description.worker;
        if !track.subscribers.is_empty() {
            return;
        }
        if owner == self.index {
            // A viewer may be given a track whose publisher has just gone: nobody else forgets that one.
            if !self.sessions.contains_key(&key.session) {
                self.tracks.remove(&key);
            }
        } else {
            self.tracks.remove(&key);
            self.outputs.mail.push_back((
                owner,
                Mail::Interest {
                    track: key,
                    worker: self.index,
                    wanted: false,
                },
            ));
        }
    }

    /// Sends what a session's transport has to send, and acts on what happened to it.
    pub(super) fn drain(&mut self, now: Instant, key: SessionKey, outlet: &mut impl Outlet) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        match session.drain(outlet, &self.counters) {
            None => {}
            Some(Change::Connected) => {
                self.outputs.notices.push_back(Notice::Connected(key));
                let shown: Vec<_> = match &session.media {
                    Media::Viewer(viewer) => viewer.shown().map(|(_, track)| track).collect(),
                    Media::Publisher(_) => Vec::new(),
                };
                for track in shown {
                    self.want_keyframe(now, track, outlet);
                }
            }
            Some(Change::Over(reason)) => {
                self.outputs
                    .notices
                    .push_back(Notice::Closed(key, Closed::Transport(reason)));
                self.forget(key);
            }
        }
    }

    pub(super) fn forget(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.remove(&key) else {
            return;
        };
        self.routes.forget(key);
        match session.media {
            Media::Publisher(publisher) => {
                for description in publisher.descriptions() {
                    self.tracks.remove(&description.key);
                }
            }
            Media::Viewer(viewer) => {
                for (slot, track) in viewer.shown() {
                    self.unsubscribe(track, (key, slot));
                }
            }
        }
    }
}
