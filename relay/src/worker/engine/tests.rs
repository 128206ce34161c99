use relay_core::key::{Kind, TrackKey};

use relay_core::packet::Space;
use relay_core::report::ClockReading;
use relay_transport::sdp::WatchedSlot;
use relay_transport::{Credentials, Fingerprint};
use std::net::SocketAddr;

use super::*;
use crate::worker::mail::{Opening, Side, TrackDescription};

const VIEWER: SessionKey = SessionKey(1);
const TRACK: TrackKey = TrackKey {
    session: SessionKey(2),
    index: 0,
};

/// Where nothing arrives.
struct Nowhere;

impl Outlet for Nowhere {
    fn send(&mut self, _: Path, _: &[u8], _: usize) {}
}

/// Worker 0 with a viewer of one slot, which shows a track of worker `owner`.
fn engine(now: Instant, owner: usize) -> Engine {
    let identity = Arc::new(Identity::generate().unwrap());
    let fingerprint: Fingerprint = identity.fingerprint().clone();
    let mut engine = Engine::new(0, identity, Arc::default());
    let slot = WatchedSlot {
        mid: "0".into(),
        kind: relay_transport::sdp::Kind::Video,
        place: 0,
        name: "camera".into(),
        ssrc: 7,
        rtx_ssrc: None,
        codecs: Vec::new(),
        extensions: Default::default(),
    };
    let opening = Opening {
        key: VIEWER,
        credentials: Credentials::random(),
        fingerprint,
        side: Side::Viewer(vec![slot]),
    };
    engine.handle_mail(now, Mail::Open(Box::new(opening)), &mut Nowhere);
    let description = TrackDescription {
        key: TRACK,
        worker: owner,
        kind: Kind::Video,
        codecs: Vec::new(),
    };
    bind(&mut engine, now, Some(Arc::new(description)));
    engine
}

fn bind(engine: &mut Engine, now: Instant, track: Option<Arc<TrackDescription>>) {
    let mail = Mail::Bind {
        viewer: VIEWER,
        slot: 0,
        track,
    };
    engine.handle_mail(now, mail, &mut Nowhere);
}

fn interest(engine: &mut Engine) -> Vec<LayerSet> {
    std::iter::from_fn(|| engine.poll_mail())
        .filter_map(|(_, mail)| match mail {
            Mail::Interest { layers, .. } => Some(layers),
            _ => None,
        })
        .collect()
}

#[test]
fn a_track_of_another_worker_lasts_as_long_as_it_is_shown() {
    let now = Instant::now();
    let mut engine = engine(now, 1);
    assert_eq!(interest(&mut engine), [LayerSet::of(0)]);
    bind(&mut engine, now, None);
    assert_eq!(interest(&mut engine), [LayerSet::EMPTY]);
    assert!(engine.tracks.is_empty());
}

#[test]
fn a_track_that_was_bound_after_its_publisher_had_gone_is_forgotten() {
    let now = Instant::now();
    let mut engine = engine(now, 0);
    bind(&mut engine, now, None);
    assert!(engine.tracks.is_empty());
}

#[test]
fn a_flood_of_keyframe_requests_is_one_message_per_tick() {
    let start = Instant::now();
    let mut engine = engine(start, 1);
    interest(&mut engine);
    for at in 0..100 {
        let now = start + Duration::from_millis(at);
        for _ in 0..100 {
            engine.want_keyframe(now, TRACK, 0, &mut Nowhere);
        }
    }
    assert_eq!(std::iter::from_fn(|| engine.poll_mail()).count(), 5);
    // The last request is not lost.
    engine.handle_timeout(start + Duration::from_millis(120), &mut Nowhere);
    assert_eq!(std::iter::from_fn(|| engine.poll_mail()).count(), 1);
}

#[test]
fn a_worker_that_becomes_interested_hears_the_clocks() {
    let now = Instant::now();
    let mut engine = engine(now, 0);
    let reading = ClockReading {
        ntp: 1,
        rtp: 2,
        arrived: now,
    };
    let track = engine.tracks.get_mut(&TRACK).unwrap();
    track.set_clock(Space(3), reading);
    track.cache_mut(Space(4));
    let mail = Mail::Interest {
        track: TRACK,
        worker: 1,
        layers: LayerSet::of(0),
    };
    engine.handle_mail(now, mail, &mut Nowhere);
    let Some((1, Mail::Clock(TRACK, Space(3), told))) = engine.poll_mail() else {
        panic!("no clock");
    };
    assert_eq!(told, reading);
    assert!(matches!(
        engine.poll_mail(),
        Some((1, Mail::Layers(TRACK, _)))
    ));
    assert!(engine.poll_mail().is_none());
}

/// The client may have seen neither of the two answers.
#[test]
fn two_restarts_in_a_row_leave_the_way_of_the_credentials_in_use() {
    let now = Instant::now();
    let mut engine = engine(now, 1);
    let ufrag = |engine: &Engine| -> Vec<String> {
        let transport = &engine.sessions[&VIEWER].transport;
        transport.ufrags().map(str::to_owned).collect()
    };
    let first = ufrag(&engine);
    for _ in 0..3 {
        let mail = Mail::RestartIce(VIEWER, Credentials::random());
        engine.handle_mail(now, mail, &mut Nowhere);
    }
    let accepted = ufrag(&engine);
    assert!(accepted.len() == 2 && accepted.contains(&first[0]));
    let from = Path::udp(SocketAddr::from(([127, 0, 0, 1], 9)));
    for ufrag in accepted {
        assert_eq!(engine.routes.find(from, &check(&ufrag)), Some(VIEWER));
    }
}

/// A binding request, as far as finding its session goes.
fn check(ufrag: &str) -> Vec<u8> {
    let mut name = format!("{ufrag}:client").into_bytes();
    let len = name.len() as u8;
    name.resize(name.len().next_multiple_of(4), 0);
    let mut check = vec![0, 1, 0, 4 + name.len() as u8, 0x21, 0x12, 0xA4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, len]);
    check.extend(name);
    check
}
