use relay_core::key::{Kind, TrackKey};
use relay_transport::sdp::WatchedSlot;
use relay_transport::{Credentials, Fingerprint};

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
    fn send(&mut self, _: SocketAddr, _: &[u8], _: usize) {}
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

fn interest(engine: &mut Engine) -> Vec<bool> {
    std::iter::from_fn(|| engine.poll_mail())
        .filter_map(|(_, mail)| match mail {
            Mail::Interest { wanted, .. } => Some(wanted),
            _ => None,
        })
        .collect()
}

#[test]
fn a_track_of_another_worker_lasts_as_long_as_it_is_shown() {
    let now = Instant::now();
    let mut engine = engine(now, 1);
    assert_eq!(interest(&mut engine), [true]);
    bind(&mut engine, now, None);
    assert_eq!(interest(&mut engine), [false]);
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
            engine.want_keyframe(now, TRACK, &mut Nowhere);
        }
    }
    assert_eq!(std::iter::from_fn(|| engine.poll_mail()).count(), 5);
    // The last request is not lost.
    engine.handle_timeout(start + Duration::from_millis(120), &mut Nowhere);
    assert_eq!(std::iter::from_fn(|| engine.poll_mail()).count(), 1);
}
