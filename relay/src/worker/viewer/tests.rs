use std::net::SocketAddr;

use bytes::Bytes;
use congestion::arrivals::Feedback;
use relay_core::allocator::Share;
use relay_core::key::{Kind, SessionKey};
use relay_core::packet::{Elements, Space};
use relay_core::rtp::View;
use relay_transport::sdp::Codec;
use relay_transport::srtp::{MasterKeys, Opener, Profile};

use super::*;
use crate::counters::Counters;
use crate::worker::egress::SendBuffer;
use relay_core::descriptor::Descriptor;
use relay_core::key::TrackKey;
use relay_transport::Path;
use relay_transport::sdp::{self, CodecBinding, Extensions};
use relay_transport::srtp::Sealer;

const VIDEO: u8 = 96;

/// Opens what is sent.
struct Client(Opener, Vec<u16>);

impl Outlet for Client {
    fn send(&mut self, _: Path, contents: &[u8], segment: usize) {
        for datagram in contents.chunks(segment) {
            let mut datagram = datagram.to_vec();
            let packet = self.0.open_rtp(&mut datagram).unwrap();
            self.1.push(View::parse(packet).unwrap().sequence_number);
        }
    }
}

struct Bench {
    viewer: Viewer,
    track: Track,
    sealer: Sealer,
    client: Client,
    buffer: SendBuffer,
    counters: Counters,
}

impl Bench {
    fn new() -> Self {
        let codec = CodecBinding {
            payload_type: VIDEO,
            codec: Codec::Vp8,
            clock_rate: 90_000,
            channels: 1,
            fmtp: String::new(),
            rtx: None,
            feedback: Default::default(),
        };
        let mut viewer = Viewer::new(
            Instant::now(),
            vec![WatchedSlot {
                mid: "0".into(),
                kind: sdp::Kind::Video,
                place: 0,
                name: "camera".into(),
                ssrc: 7,
                rtx_ssrc: None,
                codecs: vec![codec.clone()],
                extensions: Extensions {
                    transport_cc: Some(5),
                    ..Extensions::default()
                },
            }],
        );
        let key = TrackKey {
            session: SessionKey(1),
            index: 0,
        };
        let track = TrackDescription {
            key,
            worker: 0,
            kind: Kind::Video,
            codecs: vec![codec],
        };
        let track = Arc::new(track);
        viewer.bind(0, Some(track.clone()));
        let now = Instant::now();
        viewer.connected(now - READY);
        assert!(viewer.resume(now));
        let master = MasterKeys::new(Profile::AeadAes128Gcm, &[1; 16], &[2; 12]).unwrap();
        Self {
            viewer,
            track: Track::new(track),
            sealer: Sealer::new(&master).unwrap(),
            client: Client(Opener::new(&master).unwrap(), Vec::new()),
            buffer: SendBuffer::new(),
            counters: Counters::default(),
        }
    }

    /// Forwards packets, of which those told are keyframes, and returns whether another keyframe is needed.
    fn forward(&mut self, sequences: impl IntoIterator<Item = u64>, keyframes: &[u64]) -> bool {
        let packets: Vec<_> = sequences
            .into_iter()
            .map(|sequence| {
                Arc::new(Packet {
                    arrived: Instant::now(),
                    space: Space(1),
                    layer: 0,
                    descriptor: Descriptor::default(),
                    sequence,
                    timestamp: 0,
                    marker: false,
                    payload_type: VIDEO,
                    keyframe: keyframes.contains(&sequence),
                    elements: Elements::default(),
                    payload: Bytes::from_static(b"payload"),
                })
            })
            .collect();
        let mut exit = Exit {
            now: Instant::now(),
            sealer: &mut self.sealer,
            to: Path::udp(SocketAddr::from(([127, 0, 0, 1], 9))),
            buffer: &mut self.buffer,
            outlet: &mut self.client,
            counters: &self.counters,
        };
        let sent = self.viewer.forward(0, &self.track, &packets, &mut exit);
        !sent.keyframes.is_empty()
    }
}

#[test]
fn a_keyframe_later_in_the_batch_is_not_asked_for_again() {
    let mut bench = Bench::new();
    assert!(bench.forward([1], &[]));
    assert!(!bench.forward([2, 3], &[3]));
    assert_eq!(bench.client.1.len(), 1);
}

#[test]
fn a_viewer_that_was_cut_off_resumes_where_the_numbers_stopped() {
    let mut bench = Bench::new();
    bench.forward([1, 2], &[1]);
    bench.viewer.pause();
    assert!(
        !bench.forward(3..16_000, &[500]),
        "nobody is there to need one"
    );
    let now = Instant::now();
    assert!(bench.viewer.resume(now) && !bench.viewer.resume(now));
    assert!(bench.forward([16_000], &[]));
    assert!(!bench.forward([16_001, 16_002], &[16_001]));
    let first = bench.client.1[0];
    assert_eq!(bench.client.1, [first, first + 1, first + 2, first + 3]);
}

/// Frames of two packets of 1,000 bytes, 33 ms apart, of which every `gop`-th is a keyframe.
fn frames(start: Instant, frames: std::ops::Range<u64>, gop: u64) -> Vec<Arc<Packet>> {
    let packets = frames.flat_map(|frame| [2 * frame, 2 * frame + 1]);
    packets
        .map(|sequence| {
            let frame = sequence / 2;
            Arc::new(Packet {
                arrived: start + Duration::from_millis(33 * frame),
                space: Space(1),
                layer: 0,
                descriptor: Descriptor::default(),
                sequence,
                timestamp: (frame * 3_000) as u32,
                marker: sequence % 2 == 1,
                payload_type: VIDEO,
                keyframe: frame.is_multiple_of(gop) && sequence.is_multiple_of(2),
                elements: Elements::default(),
                payload: Bytes::from_static(&[7; 1_000]),
            })
        })
        .collect()
}

impl Bench {
    /// Takes packets in and forwards them at `now`.
    fn take(&mut self, now: Instant, packets: &[Arc<Packet>]) -> Sent {
        for packet in packets {
            self.track.insert(packet).unwrap();
        }
        self.with(now, |viewer, track, exit| {
            viewer.forward(0, track, packets, exit)
        })
    }

    fn pump(&mut self, now: Instant) -> bool {
        let key = self.track.description.key;
        let tracks = Tracks::from([(key, std::mem::replace(&mut self.track, other()))]);
        let (lags, _) = self.with(now, |viewer, _, exit| viewer.pump(&tracks, exit));
        self.track = tracks.into_values().next().unwrap();
        lags
    }

    fn with<R>(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut Viewer, &Track, &mut Exit<'_, Client>) -> R,
    ) -> R {
        let mut exit = Exit {
            now,
            sealer: &mut self.sealer,
            to: Path::udp(SocketAddr::from(([127, 0, 0, 1], 9))),
            buffer: &mut self.buffer,
            outlet: &mut self.client,
            counters: &self.counters,
        };
        act(&mut self.viewer, &self.track, &mut exit)
    }
}

fn other() -> Track {
    Track::new(Arc::new(TrackDescription {
        key: TrackKey {
            session: SessionKey(9),
            index: 0,
        },
        worker: 0,
        kind: Kind::Video,
        codecs: Vec::new(),
    }))
}

#[test]
fn a_burst_waits_for_the_pacer_and_leaves_whole_and_in_order() {
    let mut bench = Bench::new();
    let start = Instant::now();
    let burst = frames(start, 0..300, 1_000);
    let sent = bench.take(start, &burst);
    assert!(sent.lags);
    let at_once = bench.client.1.len();
    assert!((4..100).contains(&at_once), "{at_once}");
    let mut now = start;
    while bench.pump(now) {
        now += Duration::from_millis(5);
    }
    let first = bench.client.1[0];
    let expected: Vec<u16> = (0..600).map(|at| first.wrapping_add(at)).collect();
    assert_eq!(bench.client.1, expected);
    // 600 kB at the 40 Mbit/s of a line that has not shown anything yet.
    let took = now - start;
    assert!((90..150).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn whoever_comes_late_starts_at_the_kept_keyframe() {
    let mut bench = Bench::new();
    let start = Instant::now();
    let before = frames(start, 0..40, 30);
    for packet in &before {
        bench.track.insert(packet).unwrap();
    }
    let now = start + Duration::from_millis(40 * 33);
    assert!(bench.viewer.start(now, 0, &bench.track));
    let mut at = now;
    while bench.pump(at) {
        at += Duration::from_millis(5);
    }
    assert_eq!(
        bench.client.1.len(),
        20,
        "ten frames from the second keyframe on"
    );
    bench.take(at, &frames(start, 40..41, 30));
    assert_eq!(bench.client.1.len(), 22);
    assert!(
        !bench.viewer.start(at, 0, &bench.track),
        "it shows something already"
    );
}

#[test]
fn a_viewer_that_cannot_keep_up_goes_on_at_a_keyframe() {
    let mut bench = Bench::new();
    let start = Instant::now();
    bench.viewer.remb(start, 1_000_000);
    // A fifth of what the frames take.
    bench.viewer.slots[0].share = Share::Squeezed(0, 100_000);
    for frame in 0..120 {
        let mut now = start + Duration::from_millis(33 * frame);
        bench.take(now, &frames(start, frame..frame + 1, 30));
        for _ in 0..6 {
            bench.pump(now);
            now += Duration::from_millis(5);
        }
    }
    let sent = bench.client.1.len();
    assert!((8..100).contains(&sent), "{sent} of 240");
    let first = bench.client.1[0];
    let expected: Vec<u16> = (0..sent as u16).map(|at| first.wrapping_add(at)).collect();
    assert_eq!(bench.client.1, expected, "what is left out leaves no gap");
}

#[test]
fn a_keyframe_on_its_way_is_not_asked_for_again() {
    let mut bench = Bench::new();
    let start = Instant::now();
    assert!(bench.viewer.keyframe_request(start, 7).is_some());
    bench.take(start, &frames(start, 0..1, 30));
    assert_eq!(bench.viewer.keyframe_request(start, 7), None);
    let later = start + Duration::from_secs(1);
    assert!(bench.viewer.keyframe_request(later, 7).is_some());
    assert_eq!(bench.viewer.keyframe_request(later, 8), None, "nobody's");
}

#[test]
fn a_second_tells_what_was_lost_in_it() {
    let mut bench = Bench::new();
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut lost = Vec::new();
    for second in 0..2u64 {
        let now = at(second * 1_000);
        // Four packets, of which the receiver misses three in the first second and one in the next.
        bench.take(now, &frames(start, second * 2..second * 2 + 2, 1_000));
        let missed = if second == 0 { 3 } else { 1 };
        let mut deltas = vec![None; missed];
        deltas.resize(4, Some(0));
        let feedback = Feedback {
            base: second as u16 * 4,
            reference_time: second as u32 * 1_000 / 64,
            count: second as u8,
            deltas,
        };
        bench
            .viewer
            .transport_feedback(at(second * 1_000 + 100), &feedback);
        let reading = bench.viewer.reading(
            at(second * 1_000 + 900),
            SessionKey(1),
            Duration::ZERO,
            &Tracks::default(),
        );
        lost.push(reading.lost);
    }
    assert_eq!(lost, [3, 1]);
}
