//! The school and the rooms of the load tester in virtual time: what `lectern-load impair` plays on a real clock.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;
use load_tests::client::{
    Abilities, Answer, Credentials, Direction, Identity, Kind, Link, Offer, Section, Sending, Srtp,
};
use load_tests::impair::playout::{self, Playout, Recording};
use load_tests::inbox::Datagram;
use load_tests::link::{Lane, Parcel, Profile, Tape};
use load_tests::publisher::{self, Outlet, Programme, PublisherReport};
use load_tests::viewer::{self, Attention, ViewerReport, histogram};
use participant::simulated::{self, Endpoint};
use tokio::task::JoinSet;

use crate::world::{World, door, ms};

/// How often a room looks at its timers at least.
const TICK: Duration = Duration::from_millis(5);

/// A school with a camera or courseware in layers.
pub struct LightSchool {
    session: Arc<Mutex<publisher::Session>>,
    _task: JoinSet<()>,
}

/// A room behind a line of its own.
pub struct LightRoom {
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

struct State {
    session: viewer::Session,
    down: Lane<SocketAddr>,
    up: Lane<SocketAddr>,
    tape: Tape,
    began: Instant,
}

impl LightSchool {
    /// Publishes as `source`, once it is connected.
    pub async fn open(world: &mut World, source: &str, programme: Programme) -> Self {
        let ssrcs = [0xA0, 0xA1, 0xA2].map(|low| low | u32::from(source.as_bytes()[1]) << 8);
        let mut sections = vec![Section {
            kind: Kind::Video,
            sending: programme.announced(ssrcs[0]),
        }];
        let sound_ssrc = 0xAF;
        sections.extend(programme.sound.then_some(Section {
            kind: Kind::Audio,
            sending: Sending::Ssrc(sound_ssrc),
        }));
        let path = format!("whip/demo/{source}");
        let (endpoint, link, answer) = enter(world, &path, Direction::Send, &sections).await;
        let entry = publisher::Entry {
            link,
            answer,
            layer_ssrcs: ssrcs[..programme.layers.len()].to_vec(),
            sound_ssrc,
        };
        let session = publisher::Session::new(wall(), entry, programme);
        let session = Arc::new(Mutex::new(session));
        let mut task = JoinSet::new();
        task.spawn(publish(Arc::clone(&session), endpoint));
        while !session.lock().unwrap().is_connected() {
            world.run(ms(5)).await;
        }
        Self {
            session,
            _task: task,
        }
    }

    pub fn report(&self) -> PublisherReport {
        self.session.lock().unwrap().report()
    }
}

impl LightRoom {
    /// Watches the whole lesson through the line of a profile, whose schedule begins with [`LightRoom::begin`].
    pub async fn enter(world: &mut World, profile: &Profile, seed: u64) -> Self {
        let sections = [Kind::Video, Kind::Video, Kind::Audio].map(Section::receiving);
        let requested = simulated::now();
        let (endpoint, link, answer) =
            enter(world, "whep/demo", Direction::Receive, &sections).await;
        let entry = viewer::Entry {
            index: 0,
            link,
            answer,
            requested,
            attention: Attention::Everything,
        };
        let now = simulated::now();
        let state = Arc::new(Mutex::new(State {
            session: viewer::Session::new(now, wall(), entry),
            down: Lane::new(profile.down(), seed),
            up: Lane::new(profile.up(), seed + 1),
            tape: Tape::default(),
            began: now,
        }));
        let mut task = JoinSet::new();
        task.spawn(watch(Arc::clone(&state), endpoint));
        Self { state, _task: task }
    }

    /// Begins the schedule of the line, and what is judged.
    pub fn begin(&self) {
        let mut state = self.state.lock().unwrap();
        let now = simulated::now();
        state.down.restart(now);
        state.up.restart(now);
        state.began = now;
        state.session.reset_window();
    }

    /// What was seen and heard since then. What came last is left out: its repairs are under way.
    pub fn judge(&self) -> Playout {
        let state = self.state.lock().unwrap();
        let report = state.session.report();
        let log = report.log.unwrap();
        let recording = Recording {
            tape: &state.tape,
            log: log.sightings(),
            sections: &report.sections,
        };
        playout::judge(recording, state.began, simulated::now() - ms(1_200))
    }

    pub fn report(&self) -> ViewerReport {
        self.state.lock().unwrap().session.report()
    }
}

async fn enter(
    world: &mut World,
    path: &str,
    direction: Direction,
    sections: &[Section],
) -> (Endpoint, Link, Answer) {
    let endpoint = world.endpoint();
    let local = endpoint.local_addr();
    let identity = Identity::generate().unwrap();
    let credentials = Credentials::random();
    let offer = Offer {
        direction,
        sections,
        abilities: Abilities::ALL,
        credentials: &credentials,
        fingerprint: identity.fingerprint(),
        candidate: local,
    };
    let url = door(path).url;
    let created = world.relay.answer(local.ip(), &url, offer.to_sdp());
    let answer = Answer::parse(&created.await.unwrap().answer).unwrap();
    let now = simulated::now();
    let link = Link::new(now, &identity, Srtp::Gcm, local, credentials, &answer).unwrap();
    (endpoint, link, answer)
}

struct Wire<'a>(&'a Endpoint);

impl Outlet for Wire<'_> {
    fn wall(&self) -> Duration {
        wall()
    }

    fn send(&mut self, to: SocketAddr, packets: &[u8], segment: usize) -> io::Result<()> {
        for packet in packets.chunks(segment) {
            self.0.send_to(packet, to);
        }
        Ok(())
    }
}

async fn publish(session: Arc<Mutex<publisher::Session>>, endpoint: Endpoint) {
    loop {
        let now = simulated::now();
        let due = {
            let mut session = session.lock().unwrap();
            session.handle_timeout(now, &mut Wire(&endpoint)).unwrap();
            session.poll_timeout(now)
        };
        tokio::select! {
            (bytes, from) = endpoint.recv_from() => {
                let datagram = Datagram { bytes: &bytes, from, arrival: wall() };
                let now = simulated::now();
                let mut session = session.lock().unwrap();
                session.handle(now, &datagram, &mut Wire(&endpoint)).unwrap();
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }
}

async fn watch(state: Arc<Mutex<State>>, endpoint: Endpoint) {
    let mut delays = histogram();
    loop {
        let due = state.lock().unwrap().turn(&endpoint, &mut delays);
        tokio::select! {
            (bytes, from) = endpoint.recv_from() => {
                let mut state = state.lock().unwrap();
                let now = simulated::now();
                state.tape.note(now, &bytes);
                let bytes = Bytes::from(bytes);
                state.down.push(now, Parcel { bytes, route: from });
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }
}

impl State {
    /// Does what is due, and says when to come back.
    fn turn(&mut self, endpoint: &Endpoint, delays: &mut hdrhistogram::Histogram<u64>) -> Instant {
        let now = simulated::now();
        while let Some(parcel) = self.down.poll(now) {
            let datagram = Datagram {
                bytes: &parcel.bytes,
                from: parcel.route,
                arrival: wall(),
            };
            self.session.handle(now, &datagram, delays);
        }
        self.session.handle_timeout(now);
        while let Some((route, bytes)) = self.session.poll_transmit() {
            let bytes = Bytes::from(bytes);
            self.up.push(now, Parcel { bytes, route });
        }
        while let Some(parcel) = self.up.poll(now) {
            endpoint.send_to(&parcel.bytes, parcel.route);
        }
        let next = self.down.next().into_iter().chain(self.up.next());
        next.fold(now + TICK, Instant::min)
    }
}

/// Since the Unix epoch.
fn wall() -> Duration {
    simulated::wall_clock().duration_since(UNIX_EPOCH).unwrap()
}
