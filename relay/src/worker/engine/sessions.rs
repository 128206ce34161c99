//! Sessions come, are given something to show, and go.

use std::sync::Arc;
use std::time::Instant;

use relay_core::key::{LayerSet, SessionKey, TrackKey};
use relay_transport::Transport;

use super::{Engine, TICK};
use crate::worker::egress::Outlet;
use crate::worker::mail::{Closed, Mail, Notice, Opening, Side, TrackDescription};
use crate::worker::publisher::Publisher;
use crate::worker::session::{Change, Media, Session};
use crate::worker::track::{Subscriber, Track};
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
                self.publishers.push(key);
                Media::Publisher(Box::new(publisher))
            }
            Side::Viewer(slots) => Media::Viewer(Box::new(Viewer::new(now, slots))),
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
            self.unsubscribe(before, viewer, slot);
        }
        let Some(description) = track else { return };
        let key = description.key;
        let track = self
            .tracks
            .entry(key)
            .or_insert_with(|| Track::new(description));
        track.subscribers.push(Subscriber {
            viewer,
            slot,
            layers: LayerSet::EMPTY,
        });
        self.resubscribe(viewer, slot, key);
        // A viewer that is not connected yet could not use the picture: see `tick`.
        if self
            .sessions
            .get(&viewer)
            .is_some_and(|session| session.transport.is_connected())
        {
            self.show(now, viewer, outlet);
        }
    }

    /// Decides what a viewer's line has for its slots, and starts those that wait for a picture.
    pub(super) fn show(&mut self, now: Instant, viewer: SessionKey, outlet: &mut impl Outlet) {
        self.review(now, viewer, outlet);
        let Some(Media::Viewer(media)) = self.sessions.get(&viewer).map(|session| &session.media)
        else {
            return;
        };
        let shown: Vec<_> = media.shown().collect();
        for (slot, track) in shown {
            self.start(now, viewer, slot, track, outlet);
        }
    }

    /// Gives every slot of a viewer its share of the line, where that is due.
    pub(super) fn review(&mut self, now: Instant, viewer: SessionKey, outlet: &mut impl Outlet) {
        let Some(Media::Viewer(media)) =
            (self.sessions.get_mut(&viewer)).map(|session| &mut session.media)
        else {
            return;
        };
        for change in media.review(now, &self.tracks) {
            self.resubscribe(viewer, change.slot, change.track);
            self.start(now, viewer, change.slot, change.track, outlet);
        }
    }

    /// Starts a slot from a keyframe that was kept, or asks for a fresh one.
    fn start(
        &mut self,
        now: Instant,
        viewer: SessionKey,
        slot: u8,
        key: TrackKey,
        outlet: &mut impl Outlet,
    ) {
        let Some(Media::Viewer(media)) =
            (self.sessions.get_mut(&viewer)).map(|session| &mut session.media)
        else {
            return;
        };
        let Some(track) = self.tracks.get(&key) else {
            return;
        };
        if media.start(now, slot, track) {
            // Not before the batch is forwarded: its packets are kept already, and would be sent twice.
            self.lagging.insert(viewer);
            self.next_pace = Some(now);
        } else if let Some(layer) = media.needs_keyframe(slot) {
            self.want_keyframe(now, key, layer, outlet);
        }
    }

    /// A slot takes other layers than before.
    pub(super) fn resubscribe(&mut self, viewer: SessionKey, slot: u8, key: TrackKey) {
        let Some(Media::Viewer(media)) = self.sessions.get(&viewer).map(|session| &session.media)
        else {
            return;
        };
        let layers = media.layers(slot);
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let this =
            |subscriber: &&mut Subscriber| (subscriber.viewer, subscriber.slot) == (viewer, slot);
        if let Some(subscriber) = track.subscribers.iter_mut().find(this) {
            subscriber.layers = layers;
        }
        self.update_interest(key);
    }

    /// Tells the worker of the publisher which layers are watched here, when that has changed.
    pub(super) fn update_interest(&mut self, key: TrackKey) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let layers = track.watched_here();
        let owner = track.description.worker;
        if owner != self.index && layers != track.interest {
            track.interest = layers;
            let mail = Mail::Interest {
                track: key,
                worker: self.index,
                layers,
            };
            self.outputs.mail.push_back((owner, mail));
        }
    }

    pub(super) fn unsubscribe(&mut self, key: TrackKey, viewer: SessionKey, slot: u8) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let subscribers = &mut track.subscribers;
        subscribers.retain(|other| (other.viewer, other.slot) != (viewer, slot));
        let (is_watched, owner) = (!subscribers.is_empty(), track.description.worker);
        self.update_interest(key);
        // A viewer may be given a track whose publisher has just gone: nobody else forgets that one.
        let is_published = owner == self.index && self.sessions.contains_key(&key.session);
        if !is_watched && !is_published {
            self.tracks.remove(&key);
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
                if let Media::Viewer(viewer) = &mut session.media {
                    viewer.connected(now);
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
        self.lagging.remove(&key);
        self.publishers.retain(|other| *other != key);
        match session.media {
            Media::Publisher(publisher) => {
                for description in publisher.descriptions() {
                    self.tracks.remove(&description.key);
                }
            }
            Media::Viewer(viewer) => {
                for (slot, track) in viewer.shown() {
                    self.unsubscribe(track, key, slot);
                }
            }
        }
    }
}
