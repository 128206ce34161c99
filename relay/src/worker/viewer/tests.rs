use std::net::SocketAddr;

use bytes::Bytes;
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
use relay_transport::sdp::{self, CodecBinding};
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
                extensions: Default::default(),
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
