use std::collections::HashSet;

use relay_core::key::TrackKey;
use relay_core::red;
use relay_core::rtp::{self, Header};

use super::*;
use crate::worker::rtcp::Message;

const KEYFRAME: &[u8] = &[0x65, 0x88];
const DELTA: &[u8] = &[0x61, 0x88];
const VIDEO: u8 = 96;
const RTX: u8 = 97;
const OPUS: u8 = 111;
/// Identifier of the RID extension.
const RID: u8 = 4;

struct Bench {
    publisher: Publisher,
    tracks: Tracks,
    now: Instant,
    key: TrackKey,
}

fn binding(payload_type: u8, codec: Codec, clock_rate: u32, rtx: Option<u8>) -> CodecBinding {
    CodecBinding {
        payload_type,
        codec,
        clock_rate,
        channels: 1,
        fmtp: String::new(),
        rtx,
        feedback: Default::default(),
    }
}

impl Bench {
    fn new(kind: Kind, codec: CodecBinding, rtx_of: Vec<(u32, u32)>) -> Self {
        let session = SessionKey(1);
        let key = TrackKey { session, index: 0 };
        let now = Instant::now();
        let description = Arc::new(TrackDescription {
            key,
            worker: 0,
            kind,
            codecs: vec![codec.clone()],
        });
        let published = PublishedTrack {
            mid: "0".into(),
            kind: match kind {
                Kind::Audio => relay_transport::sdp::Kind::Audio,
                Kind::Video => relay_transport::sdp::Kind::Video,
            },
            codecs: vec![codec],
            extensions: Extensions {
                rid: Some(RID),
                ..Extensions::default()
            },
            ssrcs: Vec::new(),
            rtx_of,
            rids: Vec::new(),
        };
        let tracks = Tracks::from([(key, Track::new(description.clone()))]);
        let lines = vec![(published, description)];
        Self {
            publisher: Publisher::new(now, session, lines, Arc::default()),
            tracks,
            now,
            key,
        }
    }

    fn video(rtx_of: Vec<(u32, u32)>) -> Self {
        let codec = Codec::H264 {
            profile: 66,
            constraints: 0,
            level: 51,
            packetization_mode: 1,
        };
        Self::new(
            Kind::Video,
            binding(VIDEO, codec, 90_000, Some(RTX)),
            rtx_of,
        )
    }

    fn send(
        &mut self,
        ssrc: u32,
        (payload_type, sequence_number): (u8, u16),
        rid: Option<&[u8]>,
        payload: &[u8],
    ) -> Option<Arc<Packet>> {
        let mut packet = vec![0; 64];
        let header = Header {
            marker: false,
            payload_type,
            sequence_number,
            timestamp: u32::from(sequence_number) * 3_000,
            ssrc,
        };
        let elements = rid.map(|rid| (RID, rid)).into_iter();
        let len = rtp::write_header(&mut packet, header, elements);
        packet.truncate(len);
        packet.extend(payload);
        let mut taken = Vec::new();
        self.publisher
            .receive(self.now, &packet, &mut self.tracks, |one| {
                taken.push(one.packet)
            });
        assert!(taken.len() <= 1);
        taken.pop()
    }

    /// Whom the wish for a keyframe of a layer, by a viewer who watches it, is passed on to.
    fn asked(&mut self, layer: u8) -> Vec<Message> {
        let track = self.tracks.get_mut(&self.key).unwrap();
        track.others = vec![(1, LayerSet::of(layer))];
        track.keyframes_wanted = LayerSet::of(layer);
        let requests = self.publisher.keyframe_requests(self.now, track);
        requests
            .iter()
            .flat_map(|compound| rtcp::parse(compound).unwrap())
            .collect()
    }
}

/// Sealed towards a viewer, the second one would use the first one's nonce for other bytes.
#[test]
fn a_number_is_forwarded_once_however_many_sources_come() {
    let mut bench = Bench::video(vec![(7, 70)]);
    assert!(bench.send(7, (VIDEO, 10), None, KEYFRAME).is_some());
    let other = [&10u16.to_be_bytes()[..], KEYFRAME, b"other"].concat();
    assert!(bench.send(70, (RTX, 1), None, &other).is_none());
    for ssrc in 1_000..1_020 {
        bench.send(ssrc, (VIDEO, 1), Some(b"x"), DELTA);
    }
    assert!(bench.send(70, (RTX, 2), None, &other).is_none());
}

#[test]
fn spaces_are_never_used_again() {
    let mut bench = Bench::new(
        Kind::Audio,
        binding(OPUS, Codec::Opus, 48_000, None),
        vec![],
    );
    let mut spaces = HashSet::new();
    let mut refused = 0;
    for turn in 0..70_000u32 {
        match bench.send(turn % 40, (OPUS, 1), None, b"sound") {
            Some(packet) => assert!(spaces.insert(packet.space), "{turn}"),
            None => refused += 1,
        }
    }
    assert!(refused > 0);
}

#[test]
fn every_layer_is_taken_in_and_only_the_watched_one_is_asked_for_keyframes() {
    let mut bench = Bench::video(Vec::new());
    let low = bench.send(1, (VIDEO, 1), Some(b"l"), KEYFRAME).unwrap();
    let high = bench.send(2, (VIDEO, 1), Some(b"h"), KEYFRAME).unwrap();
    assert_eq!((low.layer, high.layer), (0, 1));
    assert_eq!(bench.asked(1), [Message::KeyframeRequest { ssrc: 2 }]);
    assert_eq!(bench.asked(0), [Message::KeyframeRequest { ssrc: 1 }]);
}

#[test]
fn an_ssrc_that_never_begins_is_not_waited_for() {
    let mut bench = Bench::video(Vec::new());
    bench.send(1, (VIDEO, 1), None, KEYFRAME);
    bench.send(2, (VIDEO, 1), None, DELTA);
    assert_eq!(bench.asked(0), [Message::KeyframeRequest { ssrc: 2 }]);
    bench.now += Duration::from_secs(3);
    bench.send(1, (VIDEO, 2), None, DELTA);
    assert_eq!(bench.asked(0), [Message::KeyframeRequest { ssrc: 1 }]);
}

#[test]
fn a_layer_goes_over_to_the_newest_ssrc_at_its_keyframe() {
    let mut bench = Bench::video(Vec::new());
    bench.send(1, (VIDEO, 1), Some(b"l"), KEYFRAME);
    for ssrc in 2..20 {
        bench.send(ssrc, (VIDEO, 1), Some(b"l"), DELTA);
    }
    assert!(bench.send(19, (VIDEO, 2), Some(b"l"), KEYFRAME).is_some());
    assert!(bench.send(1, (VIDEO, 2), Some(b"l"), DELTA).is_none());
}

#[test]
fn layers_are_told_with_their_rates_and_one_that_stops_is_left_out() {
    let mut bench = Bench::video(Vec::new());
    for step in 0..200u16 {
        bench.now += Duration::from_millis(10);
        bench.send(1, (VIDEO, step), Some(b"h"), &[0x65; 500]);
        bench.send(2, (VIDEO, step), Some(b"l"), &[0x65; 50]);
    }
    let layers = |bench: &mut Bench| -> Vec<u8> {
        let rates = bench.publisher.layer_rates(bench.now);
        rates[0].1.iter().map(|rate| rate.layer).collect()
    };
    assert_eq!(layers(&mut bench), [1, 0]);
    for step in 200..300u16 {
        bench.now += Duration::from_millis(10);
        bench.send(2, (VIDEO, step), Some(b"l"), &[0x65; 50]);
    }
    assert_eq!(layers(&mut bench), [1]);
}

#[test]
fn redundant_sound_repairs_a_loss_without_a_request() {
    const RED: u8 = 63;
    let mut bench = Bench::new(
        Kind::Audio,
        binding(OPUS, Codec::Opus, 48_000, None),
        vec![],
    );
    let red = binding(RED, Codec::Red, 48_000, None);
    bench.publisher.tracks[0].published.codecs.push(red);
    let mut send = |sequence_number: u16, frames: &[&[u8]]| {
        let (newest, earlier) = frames.split_last().unwrap();
        let mut room = [0; 256];
        let offsets = (1..=earlier.len() as u32).rev().map(|back| back * 960);
        let len = red::write_prefix(&mut room, OPUS, offsets.zip(earlier.iter().copied()));
        let mut packet = vec![0; 64];
        let header = Header {
            marker: false,
            payload_type: RED,
            sequence_number,
            timestamp: u32::from(sequence_number) * 960,
            ssrc: 1,
        };
        let header = rtp::write_header(&mut packet, header, std::iter::empty());
        packet.truncate(header);
        packet.extend([&room[..len], newest].concat());
        let mut taken = Vec::new();
        let publisher = &mut bench.publisher;
        publisher.receive(bench.now, &packet, &mut bench.tracks, |one| {
            let packet = one.packet;
            taken.push((
                packet.sequence as u16,
                packet.timestamp,
                packet.payload.to_vec(),
            ));
            assert_eq!(packet.payload_type, OPUS);
        });
        taken
    };
    let frame = |sequence: u16, frame: &[u8]| (sequence, u32::from(sequence) * 960, frame.to_vec());
    assert_eq!(send(10, &[b"a"]), [frame(10, b"a")]);
    assert_eq!(send(11, &[b"a", b"b"]), [frame(11, b"b")]);
    assert_eq!(
        send(14, &[b"c", b"d", b"e"]),
        [frame(12, b"c"), frame(13, b"d"), frame(14, b"e")]
    );
    assert!(send(13, &[b"b", b"c", b"d"]).is_empty(), "late, and known");
    assert_eq!(bench.publisher.poll_nacks(), None);
}

#[test]
fn layers_beyond_four_are_refused() {
    let mut bench = Bench::video(Vec::new());
    let taken = (0..20u8).filter(|rid| {
        let ssrc = 100 + u32::from(*rid);
        bench
            .send(ssrc, (VIDEO, 1), Some(&[b'a' + rid]), KEYFRAME)
            .is_some()
    });
    assert_eq!(taken.count(), 4);
}

#[test]
fn a_flood_of_sender_reports_is_not_passed_on() {
    let mut bench = Bench::video(Vec::new());
    bench.send(1, (VIDEO, 1), None, KEYFRAME);
    let start = bench.now;
    let reports = (0..1_000).filter(|at| {
        let reading = ClockReading {
            ntp: *at,
            rtp: 0,
            arrived: start + Duration::from_millis(*at),
        };
        bench.publisher.sender_report(1, reading).is_some()
    });
    assert_eq!(reports.count(), 10);
}

#[test]
fn requests_for_scattered_packets_fit_into_datagrams() {
    let mut bench = Bench::video(Vec::new());
    bench.send(1, (VIDEO, 0), None, KEYFRAME);
    // One in twenty is lost: farther apart than one bit mask reaches.
    for sequence in (1..12_000).filter(|sequence| sequence % 20 != 0) {
        bench.send(1, (VIDEO, sequence), None, DELTA);
    }
    bench.now += Duration::from_millis(20);
    let nacks = bench.publisher.nacks(bench.now);
    assert!(nacks.len() > 1);
    assert!(nacks.iter().all(|nack| nack.len() <= 1_200));
}
