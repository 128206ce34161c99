//! Those who mean harm, from outside and from within: nobody else notices, and what they cost is bounded.

use std::time::Duration;

use load_tests::client::{Kind, Section, Sending, VIDEO_PAYLOAD_TYPE};
use participant::watch::Config;
use relay_transport::Discard;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc_shared::marshal::Marshal;

use crate::raw::{Raw, Rtp};
use crate::room::Room;
use crate::school::{Clip, School};
use crate::world::{World, ms, secs};

const DELAY: Duration = Duration::from_millis(10);
const VIDEO: Section = Section {
    kind: Kind::Video,
    sending: Sending::Ssrc(SSRC),
};
const SSRC: u32 = 0xABCD;

/// A linear congruential generator: the same garbage in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % below
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next(256) as u8).collect()
    }

    /// Bytes that look as if they were of some protocol.
    fn garbage(&mut self) -> Vec<u8> {
        const BEGINNINGS: [u8; 10] = [0, 1, 20, 22, 23, 64, 128, 129, 144, 255];
        let len = self.next(1_400);
        let mut bytes = self.bytes(len);
        if let Some(first) = bytes.first_mut() {
            *first = BEGINNINGS[self.next(BEGINNINGS.len())];
        }
        bytes
    }

    /// A copy with one bit flipped.
    fn bent(&mut self, datagram: &[u8]) -> Vec<u8> {
        let mut bent = datagram.to_vec();
        let at = self.next(bent.len());
        bent[at] ^= 1 << self.next(8);
        bent
    }

    fn one_of<'a>(&mut self, all: &'a [Vec<u8>]) -> &'a [u8] {
        &all[self.next(all.len())]
    }
}

async fn lesson(world: &mut World) -> (School, Vec<Room>) {
    let school = world.school("camera", Clip::SMALL).await;
    let rooms = (0..4).map(|_| world.room()).collect();
    world.run(secs(2)).await;
    (school, rooms)
}

fn assert_unharmed(school: &School, rooms: &mut [Room]) {
    for room in rooms {
        room.assert_whole(school);
        assert_eq!((room.connections, room.trouble()), (1, (0, 0, 0)));
        let slowest = room.delays(school, participant::simulated::now() - secs(5));
        assert!(slowest.into_iter().max().unwrap() < ms(40));
    }
    for pair in school.asked().windows(2) {
        assert!(pair[1] - pair[0] >= ms(480), "{:?}", school.asked());
    }
}

fn discarded(world: &World, reason: Discard) -> u64 {
    let at = Discard::ALL.iter().position(|other| *other == reason);
    world
        .relay
        .count(|counters| counters.discarded[at.unwrap()].get())
}

#[tokio::test(start_paused = true)]
async fn garbage_forgeries_and_replays_change_nothing() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world).await;
    let stranger = world.endpoint();
    let (publishing, watching) = (world.address(school.host), world.address(rooms[0].host));
    let samples = [publishing, watching].map(|from| world.relay.wire.received_from(from));
    let mut random = Random(1);
    for _ in 0..500 {
        world.run(ms(10)).await;
        for _ in 0..4 {
            for to in crate::relay::Relay::addresses() {
                stranger.send_to(&random.garbage(), to);
                stranger.send_to(random.one_of(&samples[0]), to);
            }
            for (from, samples) in [publishing, watching].into_iter().zip(&samples) {
                world.relay.forge(from, &random.garbage());
                world.relay.forge(from, random.one_of(samples));
                let sample = random.one_of(samples).to_vec();
                world.relay.forge(from, &random.bent(&sample));
            }
        }
    }
    world.run(ms(200)).await;
    assert_unharmed(&school, &mut rooms);
    assert_eq!(world.relay.sessions(), (1, 4));
    let (sent, taken) = (
        school.statistics().packets,
        world
            .relay
            .count(|counters| counters.received_packets.get()),
    );
    assert!(taken <= sent && taken + 50 > sent, "{taken} of {sent}");
    let twice = world
        .relay
        .count(|counters| counters.duplicate_packets.get());
    assert_eq!(twice, 0, "a replay was opened");
    assert_eq!(world.network.traffic(stranger.local_addr()).sent, 0);
    assert!(world.relay.count(|counters| counters.unknown_address.get()) > 1_000);
    for reason in [
        Discard::Malformed,
        Discard::UnknownProtocol,
        Discard::BadAuthentication,
        Discard::Replayed,
        Discard::BadFingerprint,
    ] {
        assert!(discarded(&world, reason) > 100, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_asks_for_everything_is_answered_within_bounds() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world).await;
    let mut flood = Raw::join(&mut world, "whep/demo/camera", &[VIDEO], |offer| offer).await;
    flood.run(secs(1)).await;
    let [media_ssrc] = flood.sources()[..] else {
        panic!("{:?}", flood.sources())
    };
    let before = world.relay.wire.sent_to(flood.address());
    for _ in 0..100 {
        flood.run(ms(50)).await;
        for block in 0..64 {
            let missing: Vec<u16> = (0..1_024).map(|at| block << 10 | at).collect();
            let nack = TransportLayerNack {
                sender_ssrc: 2,
                media_ssrc,
                nacks: nack_pairs_from_sequence_numbers(&missing),
            };
            flood.send_rtcp(&nack.marshal().unwrap());
        }
        for _ in 0..20 {
            let request = PictureLossIndication {
                sender_ssrc: 2,
                media_ssrc,
            };
            flood.send_rtcp(&request.marshal().unwrap());
        }
    }
    flood.run(ms(200)).await;
    assert_unharmed(&school, &mut rooms);
    let asked = world.relay.count(|counters| counters.nacks_received.get());
    assert!(asked > 1_000_000, "{asked}");
    let packets = rooms[0].picture_statistics().packets;
    let resent = world.relay.wire.sent_to(flood.address()) - before;
    assert!(resent > packets, "nothing was answered");
    assert!(resent < 9 * packets, "{resent} for {packets} packets");
    assert!(
        world
            .relay
            .count(|counters| counters.keyframe_requests_received.get())
            > 1_000
    );
    // Beyond a handful at once, one client's wish costs everybody a keyframe every other second.
    let asked = world
        .relay
        .count(|counters| counters.keyframe_requests_sent.get());
    assert!(asked <= 5 + 4 + 2, "{asked} in seven seconds");
}

#[tokio::test(start_paused = true)]
async fn absurd_estimates_and_feedback_cost_nobody_anything() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world).await;
    let mut liar = Raw::join(&mut world, "whep/demo/camera", &[VIDEO], |offer| offer).await;
    liar.run(secs(1)).await;
    let [media_ssrc] = liar.sources()[..] else {
        panic!("{:?}", liar.sources())
    };
    let before = world.relay.wire.sent_to(liar.address());
    let mut random = Random(5);
    for step in 0..500u32 {
        liar.run(ms(10)).await;
        let bitrate = [0.0, 1.0, 2f32.powi(62), f32::MAX][step as usize % 4];
        let estimate = ReceiverEstimatedMaximumBitrate {
            sender_ssrc: 2,
            bitrate,
            ssrcs: vec![media_ssrc],
        };
        liar.send_rtcp(&estimate.marshal().unwrap());
        for _ in 0..4 {
            // Any base, any time, as many packets as fit, all of which arrived.
            let mut feedback = vec![0x8F, 205, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1];
            feedback.extend(random.bytes(2));
            feedback.extend(1_000u16.to_be_bytes());
            feedback.extend(random.bytes(4));
            feedback.extend((0x2000u16 | 1_000).to_be_bytes());
            feedback.extend(random.bytes(1_002));
            let words = (feedback.len() / 4 - 1) as u16;
            feedback[2..4].copy_from_slice(&words.to_be_bytes());
            liar.send_rtcp(&feedback);
        }
    }
    liar.run(ms(200)).await;
    assert_unharmed(&school, &mut rooms);
    let sent = world.relay.wire.sent_to(liar.address()) - before;
    let packets = rooms[0].picture_statistics().packets;
    assert!(sent < 2 * packets, "{sent} for {packets} packets");
}

#[tokio::test(start_paused = true)]
async fn a_publisher_of_countless_sources_harms_only_itself() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world).await;
    let mut watching = world.room_at("whep/demo/courseware", Config::default());
    let mut flood = Raw::join(&mut world, "whip/demo/courseware", &[VIDEO], |offer| offer).await;
    let mut random = Random(2);
    for round in 0..200u32 {
        flood.run(ms(25)).await;
        for ssrc in 0..50 {
            let len = 2 + random.next(1_100);
            let mut payload = random.bytes(len);
            payload[0] = [0x65, 0x41, 0x78, 0x7C][random.next(4)];
            flood.send_rtp(&Rtp {
                ssrc: 50 * round + ssrc,
                payload_type: VIDEO_PAYLOAD_TYPE,
                sequence: random.next(65_536) as u16,
                timestamp: random.next(1 << 31) as u32,
                marker: random.next(2) == 0,
                payload: payload.into(),
                ..Rtp::default()
            });
        }
    }
    flood.run(ms(200)).await;
    assert_unharmed(&school, &mut rooms);
    assert!(discarded(&world, Discard::TooManySources) > 9_000);
    watching.look();
    assert_eq!(watching.connections, 1);
    // A publisher that comes back without the flood is shown.
    let courseware = world.school("courseware", Clip::SMALL).await;
    watching.frames.clear();
    world.run(secs(3)).await;
    let seen = watching.pictures().len();
    assert!(seen > 80, "{seen} of {}", courseware.pictures().len());
}

#[tokio::test(start_paused = true)]
async fn reports_full_of_nonsense_are_counted_and_forgotten() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world).await;
    let mut members = [
        Raw::join(&mut world, "whip/demo/courseware", &[VIDEO], |offer| offer).await,
        Raw::join(&mut world, "whep/demo/camera", &[VIDEO], |offer| offer).await,
    ];
    let mut random = Random(3);
    for _ in 0..250 {
        for member in &mut members {
            member.run(ms(10)).await;
            for _ in 0..10 {
                let len = 8 + random.next(300);
                let mut compound = random.bytes(len);
                compound[0] = 0x80 | compound[0] & 0x1F;
                compound[1] = 200 + random.next(8) as u8;
                compound[4..8].copy_from_slice(&SSRC.to_be_bytes());
                // Half of them are as long as they say.
                if random.next(2) == 0 {
                    compound.truncate(len / 4 * 4);
                    let words = (compound.len() / 4 - 1) as u16;
                    compound[2..4].copy_from_slice(&words.to_be_bytes());
                }
                member.send_rtcp(&compound);
            }
        }
    }
    world.run(ms(200)).await;
    assert_unharmed(&school, &mut rooms);
    assert!(world.relay.count(|counters| counters.malformed_rtcp.get()) > 1_000);
    assert_eq!(world.relay.sessions(), (2, 5));
}
