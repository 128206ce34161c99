//! A worker without its thread: sessions, tracks, and what follows from each datagram, message and tick.

mod feedback;
mod forwarding;
mod routes;
mod sessions;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_core::key::{LayerSet, SessionKey, TrackKey};
use relay_transport::{Identity, Path, Received};

use super::egress::{Outlet, SendBuffer};
use super::mail::{Closed, Mail, Notice};
use super::rtcp;
use super::session::{Media, Session};
use super::track::Tracks;
use crate::counters::Counters;
pub use forwarding::Forwarded;
use forwarding::{Gathered, push};
use routes::Routes;

/// How often timers are looked at: the granularity of handshake retransmissions, feedback and probes.
const TICK: Duration = Duration::from_millis(20);
/// How often what waits for a viewer's pacer goes on.
const PACE: Duration = Duration::from_millis(5);
/// Time between two reports to every client, and between two reviews of simulcast layers.
const REPORT: Duration = Duration::from_secs(1);

/// See the module.
pub struct Engine {
    index: usize,
    identity: Arc<Identity>,
    counters: Arc<Counters>,
    sessions: HashMap<SessionKey, Session>,
    /// Those that publish.
    publishers: Vec<SessionKey>,
    routes: Routes,
    tracks: Tracks,
    /// Packets taken in since the last flush, by track.
    batch: Vec<Gathered>,
    buffer: SendBuffer,
    outputs: Outputs,
    /// Viewers for whom something waits.
    lagging: BTreeSet<SessionKey>,
    next_pace: Option<Instant>,
    next_tick: Option<Instant>,
    next_report: Option<Instant>,
}

/// What the driver has to deliver.
#[derive(Default)]
struct Outputs {
    mail: VecDeque<(usize, Mail)>,
    notices: VecDeque<Notice>,
}

impl Engine {
    /// A worker without sessions. `index` is its place among the workers.
    pub fn new(index: usize, identity: Arc<Identity>, counters: Arc<Counters>) -> Self {
        Self {
            index,
            identity,
            counters,
            sessions: HashMap::new(),
            publishers: Vec::new(),
            routes: Routes::default(),
            tracks: Tracks::new(),
            batch: Vec::new(),
            buffer: SendBuffer::new(),
            outputs: Outputs::default(),
            lagging: BTreeSet::new(),
            next_pace: None,
            next_tick: None,
            next_report: None,
        }
    }

    /// Takes in one datagram, which is decrypted in place. Media is forwarded by the next [`flush`](Self::flush).
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: Path,
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
                if let Media::Publisher(publisher) = &mut session.media {
                    publisher.receive(now, packet, &mut self.tracks, |taken| {
                        push(&mut self.batch, taken.description.key, taken.packet);
                    });
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
                    session.transport.restart_ice(credentials);
                    self.routes.named(session.transport.ufrags(), key);
                }
            }
            Mail::Bind {
                viewer,
                slot,
                track,
            } => self.bind(now, viewer, slot, track, outlet),
            Mail::Interest {
                track: key,
                worker,
                layers,
            } => self.note_interest(key, worker, layers),
            Mail::Packets(key, packets) => self.mirror(key, &packets),
            Mail::Clock(key, space, reading) => {
                if let Some(track) = self.tracks.get_mut(&key) {
                    track.set_clock(space, reading);
                }
            }
            Mail::Layers(key, rates) => {
                if let Some(track) = self.tracks.get_mut(&key) {
                    track.rates = rates;
                }
            }
            Mail::KeyframeWanted(key, layers) => {
                if let Some(track) = self.tracks.get_mut(&key) {
                    track.keyframes_wanted = track.keyframes_wanted.with(layers);
                    self.request_keyframes(now, key, outlet);
                }
            }
            Mail::Stop => {
                let keys: Vec<_> = self.sessions.keys().copied().collect();
                for key in keys {
                    self.handle_mail(now, Mail::Close(key), outlet);
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let repairs = self.publishers.iter().filter_map(|key| {
            let session = self.sessions.get(key)?;
            match &session.media {
                Media::Publisher(publisher) => publisher.poll_nacks(),
                Media::Viewer(_) => None,
            }
        });
        let tick = self.next_tick.filter(|_| !self.sessions.is_empty());
        let pace = self.next_pace.filter(|_| !self.lagging.is_empty());
        repairs.chain(tick).chain(pace).min()
    }

    /// Advances every timer to `now`. What was taken in has been [flushed](Self::flush) before.
    pub fn handle_timeout(&mut self, now: Instant, outlet: &mut impl Outlet) {
        debug_assert!(self.batch.iter().all(Gathered::is_empty));
        if self.next_pace.is_none_or(|at| now >= at) {
            self.next_pace = Some(now + PACE);
            let lagging: Vec<_> = self.lagging.iter().copied().collect();
            for key in lagging {
                self.pump(now, key, outlet);
            }
        }
        for at in 0..self.publishers.len() {
            self.request_repairs(now, self.publishers[at], outlet);
        }
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
            self.request_keyframes(now, key, outlet);
        }
    }

    /// Another worker has viewers of layers of a track that is published here, or of none any more.
    fn note_interest(&mut self, key: TrackKey, worker: usize, layers: LayerSet) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let known = track.others.iter().any(|(other, _)| *other == worker);
        track.others.retain(|(other, _)| *other != worker);
        if layers.is_empty() {
            return;
        }
        track.others.push((worker, layers));
        if !known {
            // The next report may be five seconds away, and without one its viewers have no lip-sync.
            let clock = |(space, reading)| (worker, Mail::Clock(key, space, reading));
            self.outputs.mail.extend(track.clocks().map(clock));
            let layers = Mail::Layers(key, track.rates.clone());
            self.outputs.mail.push_back((worker, layers));
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
}
