//! A worker without its thread: sessions, tracks, and what follows from each datagram, message and tick.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_core::key::{Kind, SessionKey, TrackKey};
use relay_core::packet::{Packet, Space};
use relay_core::report::ClockReading;
use relay_transport::{Identity, Received, Transport, stun_username};

use super::egress::{Outlet, SendBuffer};
use super::mail::{Closed, Mail, Notice, Opening, Side, TrackDescription};
use super::publisher::Publisher;
use super::rtcp::{self, Message};
use super::session::{Change, Media, Session};
use super::track::{Track, Tracks};
use super::viewer::{Exit, Viewer};
use crate::counters::Counters;

/// How often timers are looked at: the granularity of NACKs and handshake retransmissions.
const TICK: Duration = Duration::from_millis(20);
/// Time between two reports to every client, and between two reviews of simulcast layers.
const REPORT: Duration = Duration::from_secs(1);

/// See the module.
pub struct Engine {
    index: usize,
    identity: Arc<Identity>,
    counters: Arc<Counters>,
    sessions: HashMap<SessionKey, Session>,
    routes: Routes,
    tracks: Tracks,
    /// Packets taken in since the last flush, by track.
    batch: Vec<Gathered>,
    buffer: SendBuffer,
    outputs: Outputs,
    next_tick: Option<Instant>,
    next_report: Option<Instant>,
}

/// How datagrams find their session (RFC 7983: STUN carries its session's name, everything else only comes from an address).
#[derive(Default)]
struct Routes {
    by_ufrag: HashMap<String, SessionKey>,
    by_address: HashMap<SocketAddr, SessionKey>,
    /// The latest addresses of every session, oldest first.
    addresses: HashMap<SessionKey, VecDeque<SocketAddr>>,
}

/// Addresses a session may be reached from at a time: a client's interfaces, and a NAT that changed its mind a few times.
const MAX_ADDRESSES: usize = 16;

/// The packets of one track in a batch.
struct Gathered {
    track: TrackKey,
    packets: Vec<Arc<Packet>>,
    /// The other workers have been sent these packets.
    shared: bool,
}

/// What the driver has to deliver.
#[derive(Default)]
struct Outputs {
    mail: VecDeque<(usize, Mail)>,
    notices: VecDeque<Notice>,
}

/// What a flush has forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// When the oldest packet of the batch was read.
    pub arrived: Instant,
    /// Packets of publishers in the batch.
    pub packets: u64,
}

impl Engine {
    /// A worker without sessions. `index` is its place among the workers.
    pub fn new(index: usize, identity: Arc<Identity>, counters: Arc<Counters>) -> Self {
        Self {
            index,
            identity,
            counters,
            sessions: HashMap::new(),
            routes: Routes::default(),
            tracks: Tracks::new(),
            batch: Vec::new(),
            buffer: SendBuffer::new(),
            outputs: Outputs::default(),
            next_tick: None,
            next_report: None,
        }
    }

    /// Takes in one datagram, which is decrypted in place. Media is forwarded by the next [`flush`](Self::flush).
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
        outlet: &mut impl Outlet,
    ) {
        let Some(key) = self.routes.find(from, datagram) else {
            self.counters.unknown_address.add(1);
            return;
        };
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        match session.transport.handle_datagram(now, from, datagram) {
            Ok(Received::Rtp(packet)) => {
                if let Media::Publisher(publisher) = &mut session.media
                    && let Some(taken) = publisher.receive(now, packet, &mut self.tracks)
                {
                    push(&mut self.batch, taken.description.key, taken.packet);
                }
            }
            Ok(Received::Rtcp(compound)) => match rtcp::parse(compound) {
                Ok(messages) => self.handle_rtcp(now, key, messages, outlet),
                Err(rtcp::Malformed) => self.counters.malformed_rtcp.add(1),
            },
            Ok(Received::Consumed) => {
                self.routes.reached_from(from, key);
                self.drain(now, key, outlet);
            }
            Err(reason) => {
                self.counters.discard(reason);
                self.drain(now, key, outlet);
            }
        }
    }

    /// Takes in one message.
    pub fn handle_mail(&mut self, now: Instant, mail: Mail, outlet: &mut impl Outlet) {
        match mail {
            Mail::Open(opening) => self.open(now, *opening),
            Mail::Close(key) => {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.close(now, outlet);
                    self.outputs
                        .notices
                        .push_back(Notice::Closed(key, Closed::Asked));
                    self.forget(key);
                }
            }
            Mail::RestartIce(key, credentials) => {
                if let Some(session) = self.sessions.get_mut(&key) {
                    self.routes.by_ufrag.insert(credentials.ufrag.clone(), key);
                    session.transport.restart_ice(credentials);
                }
            }
            Mail::Bind {
                viewer,
                slot,
                track,
            } => self.bind(now, viewer, slot, track, outlet),
            Mail::Interest {
                track,
                worker,
                wanted,
            } => {
                if let Some(track) = self.tracks.get_mut(&track) {
                    track.others.retain(|other| *other != worker);
                    if wanted {
                        track.others.push(worker);
                    }
                }
            }
            Mail::Packets(key, packets) => self.mirror(key, &packets),
            Mail::Clock(key, space, reading) => {
                if let Some(track) = self.tracks.get_mut(&key) {
                    track.layer_mut(space).clock = Some(reading);
                }
            }
            Mail::KeyframeWanted(key) => self.want_keyframe(now, key, outlet),
            Mail::Stop => {
                let keys: Vec<_> = self.sessions.keys().copied().collect();
                for key in keys {
                    self.handle_mail(now, Mail::Close(key), outlet);
                }
            }
        }
    }

    /// Prepares one message of what was taken in for each worker that has viewers of it. Called and delivered before
    /// [`flush`](Self::flush), it lets the other workers forward while this one does.
    pub fn share(&mut self) {
        for gathered in self.batch.iter_mut().filter(|gathered| !gathered.shared) {
            gathered.shared = true;
            let Some(track) = self.tracks.get(&gathered.track) else {
                continue;
            };
            if track.others.is_empty() || gathered.packets.is_empty() {
                continue;
            }
            let packets: Arc<[Arc<Packet>]> = gathered.packets.as_slice().into();
            let mail = |worker: &usize| (*worker, Mail::Packets(gathered.track, packets.clone()));
            self.outputs.mail.extend(track.others.iter().map(mail));
        }
    }

    /// Forwards what was taken in since the last call to the viewers here, [shared](Self::share) or not.
    pub fn flush(&mut self, now: Instant, outlet: &mut impl Outlet) -> Option<Forwarded> {
        self.share();
        let mut forwarded: Option<Forwarded> = None;
        let mut batch = std::mem::take(&mut self.batch);
        for Gathered {
            track,
            packets,
            shared,
        } in &mut batch
        {
            *shared = false;
            let Some(first) = packets.first() else {
                continue;
            };
            let arrived =
                forwarded.map_or(first.arrived, |so_far| so_far.arrived.min(first.arrived));
            let count = forwarded.map_or(0, |so_far| so_far.packets) + packets.len() as u64;
            forwarded = Some(Forwarded {
                arrived,
                packets: count,
            });
            self.forward(*track, packets, outlet);
            self.request_keyframe(now, *track, outlet);
            packets.clear();
        }
        // Tracks come and go; their places in the batch are kept while they are few.
        if batch.len() > 64 {
            batch.clear();
        }
        self.batch = batch;
        forwarded
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_tick.filter(|_| !self.sessions.is_empty())
    }

    /// Advances every timer to `now`.
    pub fn handle_timeout(&mut self, now: Instant, outlet: &mut impl Outlet) {
        if self.next_tick.is_some_and(|at| now < at) {
            return;
        }
        self.next_tick = Some(now + TICK);
        let report = self.next_report.is_none_or(|at| now >= at);
        if report {
            self.next_report = Some(now + REPORT);
        }
        let keys: Vec<_> = self.sessions.keys().copied().collect();
        for key in keys {
            self.tick(now, key, report, outlet);
        }
        let tracks: Vec<_> = self.tracks.keys().copied().collect();
        for key in tracks {
            self.request_keyframe(now, key, outlet);
        }
    }

    /// The next message for another worker, with that worker's place.
    pub fn poll_mail(&mut self) -> Option<(usize, Mail)> {
        self.outputs.mail.pop_front()
    }

    /// The next thing to report.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.outputs.notices.pop_front()
    }

    fn open(&mut self, now: Instant, opening: Opening) {
        let Opening {
            key,
            credentials,
            fingerprint,
            side,
        } = opening;
        let ufrag = credentials.ufrag.clone();
        let transport = Transport::new(self.identity.clone(), credentials, fingerprint, now);
        let media = match side {
            Side::Publisher(tracks) => {
                let publisher = Publisher::new(key, tracks, self.counters.clone());
                for description in publisher.descriptions() {
                    self.tracks
                        .insert(description.key, Track::new(description.clone()));
                }
                Media::Publisher(publisher)
            }
            Side::Viewer(slots) => Media::Viewer(Viewer::new(slots)),
        };
        self.routes.by_ufrag.insert(ufrag, key);
        self.sessions.insert(key, Session { transport, media });
        self.next_tick.get_or_insert(now + TICK);
    }

    fn bind(
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

    fn unsubscribe(&mut self, key: TrackKey, subscriber: (SessionKey, u8)) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        track.subscribers.retain(|other| *other != subscriber);
        let owner = track.description.worker;
        if owner != self.index && track.subscribers.is_empty() {
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

    fn forward(&mut self, key: TrackKey, packets: &[Arc<Packet>], outlet: &mut impl Outlet) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        for (viewer, slot) in &track.subscribers {
            let Some(session) = self.sessions.get_mut(viewer) else {
                continue;
            };
            let Some(to) = session.destination() else {
                continue;
            };
            let (Media::Viewer(media), Some(sealer)) =
                (&mut session.media, session.transport.sealer())
            else {
                continue;
            };
            let mut exit = Exit {
                sealer,
                to,
                buffer: &mut self.buffer,
                outlet,
                counters: &self.counters,
            };
            track.keyframe_wanted |= media.forward(*slot, packets, &mut exit);
        }
    }

    fn mirror(&mut self, key: TrackKey, packets: &[Arc<Packet>]) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        for packet in packets {
            if track
                .layer_mut(packet.space)
                .cache
                .insert(packet.clone())
                .is_ok()
            {
                push(&mut self.batch, key, packet.clone());
            }
        }
    }

    fn want_keyframe(&mut self, now: Instant, key: TrackKey, outlet: &mut impl Outlet) {
        if let Some(track) = self
            .tracks
            .get_mut(&key)
            .filter(|track| track.description.kind == Kind::Video)
        {
            track.keyframe_wanted = true;
            self.request_keyframe(now, key, outlet);
        }
    }

    fn request_keyframe(&mut self, now: Instant, key: TrackKey, outlet: &mut impl Outlet) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let owner = track.description.worker;
        if owner != self.index {
            if std::mem::take(&mut track.keyframe_wanted) {
                self.outputs
                    .mail
                    .push_back((owner, Mail::KeyframeWanted(key)));
            }
            return;
        }
        let Some(session) = self.sessions.get_mut(&key.session) else {
            return;
        };
        if let Media::Publisher(publisher) = &mut session.media
            && session.transport.is_connected()
        {
            let requests = publisher.keyframe_requests(now, track);
            session.send_rtcp(requests, outlet);
        }
    }

    fn handle_rtcp(
        &mut self,
        now: Instant,
        key: SessionKey,
        messages: Vec<Message>,
        outlet: &mut impl Outlet,
    ) {
        for message in messages {
            let Some(session) = self.sessions.get_mut(&key) else {
                return;
            };
            match (&mut session.media, message) {
                (Media::Publisher(publisher), Message::SenderReport { ssrc, ntp, rtp }) => {
                    let reading = ClockReading {
                        ntp,
                        rtp,
                        arrived: now,
                    };
                    if let Some((description, space)) = publisher.sender_report(ssrc, reading) {
                        self.share_clock(&description, space, reading);
                    }
                }
                (Media::Viewer(viewer), Message::KeyframeRequest { ssrc }) => {
                    self.counters.keyframe_requests_received.add(1);
                    if let Some(track) = viewer.track_of(ssrc) {
                        self.want_keyframe(now, track, outlet);
                    }
                }
                (Media::Viewer(viewer), Message::Nack { ssrc, missing }) => {
                    let Some(to) = session.transport.remote() else {
                        continue;
                    };
                    let Some(sealer) = session.transport.sealer() else {
                        continue;
                    };
                    let mut exit = Exit {
                        sealer,
                        to,
                        buffer: &mut self.buffer,
                        outlet,
                        counters: &self.counters,
                    };
                    viewer.resend(now, ssrc, &missing, &self.tracks, &mut exit);
                }
                // Publishers leave by DELETE, close_notify or silence: BYE of one SSRC says nothing about the session.
                (Media::Publisher(_), _) | (Media::Viewer(_), _) => {}
            }
        }
    }

    fn share_clock(&mut self, description: &TrackDescription, space: Space, reading: ClockReading) {
        let Some(track) = self.tracks.get_mut(&description.key) else {
            return;
        };
        track.layer_mut(space).clock = Some(reading);
        let mail = track
            .others
            .iter()
            .map(|worker| (*worker, Mail::Clock(description.key, space, reading)));
        self.outputs.mail.extend(mail);
    }

    fn tick(&mut self, now: Instant, key: SessionKey, report: bool, outlet: &mut impl Outlet) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if session.transport.poll_timeout().is_some_and(|at| at <= now) {
            session.transport.handle_timeout(now);
            self.drain(now, key, outlet);
        }
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if !session.transport.is_connected() {
            return;
        }
        let mut compounds = Vec::new();
        match &mut session.media {
            Media::Publisher(publisher) => {
                compounds.extend(publisher.nacks(now));
                if report {
                    compounds.extend(publisher.report(now));
                    publisher.review_layers();
                }
            }
            Media::Viewer(viewer) if report => compounds.extend(viewer.reports(now, &self.tracks)),
            Media::Viewer(_) => {}
        }
        session.send_rtcp(compounds, outlet);
    }

    /// Sends what a session's transport has to send, and acts on what happened to it.
    fn drain(&mut self, now: Instant, key: SessionKey, outlet: &mut impl Outlet) {
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

    fn forget(&mut self, key: SessionKey) {
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

impl Routes {
    fn find(&self, from: SocketAddr, datagram: &[u8]) -> Option<SessionKey> {
        if let Some(ufrag) = stun_username(datagram) {
            return self.by_ufrag.get(ufrag).copied();
        }
        self.by_address.get(&from).copied()
    }

    /// An authenticated check of `key` came from this address.
    fn reached_from(&mut self, from: SocketAddr, key: SessionKey) {
        if self.by_address.insert(from, key) == Some(key) {
            return;
        }
        let addresses = self.addresses.entry(key).or_default();
        addresses.push_back(from);
        if addresses.len() > MAX_ADDRESSES
            && let Some(oldest) = addresses.pop_front()
        {
            self.by_address.remove(&oldest);
        }
    }

    fn forget(&mut self, key: SessionKey) {
        self.by_ufrag.retain(|_, other| *other != key);
        for address in self.addresses.remove(&key).unwrap_or_default() {
            // The address may belong to the client's next session by now.
            if self.by_address.get(&address) == Some(&key) {
                self.by_address.remove(&address);
            }
        }
    }
}

fn push(batch: &mut Vec<Gathered>, track: TrackKey, packet: Arc<Packet>) {
    match batch.iter_mut().find(|gathered| gathered.track == track) {
        Some(gathered) => {
            gathered.packets.push(packet);
            gathered.shared = false;
        }
        None => batch.push(Gathered {
            track,
            packets: vec![packet],
            shared: false,
        }),
    }
}
