//! Those who go away and come back.

use std::net::SocketAddr;

use participant::Kind;
use participant::simulated;
use participant::watch::{Config, Deliver, Packet};

use crate::school::{Clip, number};
use crate::world::{World, ms, secs};

fn packets_only() -> Config {
    Config {
        deliver: Deliver::Rtp,
        ..Config::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_comes_back_resumes_the_picture_without_a_seam() {
    let mut world = World::new(ms(10));
    let first = world.school("camera", Clip::SMALL).await;
    let mut rooms = [world.room(), world.room(), world.room()];
    let mut packets = [
        world.room_at("whep/demo/camera", packets_only()),
        world.room_at("whep/demo/camera", packets_only()),
    ];
    world.run(secs(5)).await;
    let killed = simulated::now();
    world.lose(first.host, ms(10), 1.0, 1.0);
    world.relay.cut_off(first.host);
    world.run(secs(1)).await;
    let before: Vec<_> = rooms.iter_mut().map(|room| room.pictures().len()).collect();
    assert_eq!(world.relay.sessions(), (1, 5), "nobody noticed yet");

    let second = world.school("camera", Clip::SMALL).await;
    let returned = simulated::now();
    world.run(secs(5)).await;
    assert_eq!(world.relay.sessions(), (1, 5));
    for (room, before) in rooms.iter_mut().zip(before) {
        let all: Vec<_> = room.pictures().into_iter().cloned().collect();
        let (old, new) = all.split_at(before);
        let (last, first) = (old.last().unwrap(), &new[0]);
        assert!(first.keyframe && first.arrived - returned < ms(200));
        // The seam is one only in time: no packet number is missing, and the timestamps tell how long it took.
        assert!(all[1..].iter().all(|frame| !frame.discontinuity));
        let ticks = first.rtp_timestamp.wrapping_sub(last.rtp_timestamp);
        let shown = ms(u64::from(ticks / 90));
        let passed = first.arrived - last.arrived;
        assert!(
            shown + ms(60) > passed && passed + ms(60) > shown,
            "{shown:?} for {passed:?}"
        );
        let sent = second.pictures();
        for (frame, at) in new.iter().zip(number(&first.data)..) {
            assert_eq!(frame.data, sent[at as usize].data);
        }
        assert_eq!((room.connections, room.trouble()), (1, (0, 0, 0)));
    }
    for room in &mut packets {
        room.look();
        for kind in [Kind::Video, Kind::Audio] {
            let of_kind = |packet: &&Packet| packet.slot.kind == kind;
            let line: Vec<_> = room.packets.iter().filter(of_kind).collect();
            assert!(line.last().unwrap().arrived > killed + secs(5));
            for pair in line.windows(2) {
                assert_eq!(pair[1].ssrc, pair[0].ssrc);
                assert_eq!(
                    pair[1].sequence_number,
                    pair[0].sequence_number.wrapping_add(1)
                );
                let ahead = pair[1].rtp_timestamp.wrapping_sub(pair[0].rtp_timestamp);
                assert!(ahead < 3 * 90_000, "{ahead} ticks");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everybody_is_back_soon_after_the_relay_is() {
    let mut world = World::new(ms(10));
    let school = world.school("camera", Clip::SMALL).await;
    let mut rooms = [world.room(), world.room(), world.room(), world.room()];
    world.run(secs(5)).await;
    // A relay that is gone for a moment is missed after 2.5 s only; one that is gone for longer is waited for.
    for (absence, lives, within) in [(secs(0), 2, secs(5)), (secs(7), 3, secs(2))] {
        world.relay.kill();
        world.run(absence).await;
        world.relay.restart();
        let restarted = simulated::now();
        world.run(within).await;
        assert_eq!(world.relay.sessions(), (1, 4));
        assert_eq!(school.statistics().connections, lives);
        for room in &mut rooms {
            let seen = room.pictures();
            let new = seen.iter().find(|frame| frame.arrived > restarted);
            assert!(new.is_some_and(|frame| frame.keyframe));
            assert_eq!(u64::from(room.connections), lives);
        }
        world.run(secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_roams_keeps_its_session() {
    let mut world = World::new(ms(10));
    let school = world.school("camera", Clip::SMALL).await;
    let (mut room, mut neighbour) = (world.room(), world.room());
    world.run(secs(5)).await;
    let inside = world.address(room.host);
    let mut here = inside;
    for port in [61_000, 62_000] {
        let elsewhere = SocketAddr::from(([198, 51, 100, 7], port));
        world.network.roam(inside, elsewhere);
        let moved = simulated::now();
        world.run(ms(100)).await;
        let lost = world.relay.wire.sent_to(here);
        world.run(secs(6)).await;
        assert!(
            world.relay.wire.sent_to(here) - lost < 1_500,
            "follows too late"
        );
        assert!(world.relay.wire.sent_to(elsewhere) > 200);
        let seen = room.pictures();
        let resumed = seen
            .iter()
            .find(|frame| frame.arrived > moved + ms(100))
            .unwrap();
        assert!(
            resumed.arrived - moved < secs(4),
            "{:?}",
            resumed.arrived - moved
        );
        let newest = seen.last().unwrap();
        assert!(simulated::now() - newest.arrived < ms(100));
        here = elsewhere;
    }
    assert_eq!(room.connections, 1);
    neighbour.assert_whole(&school);
    assert_eq!((neighbour.connections, neighbour.trouble()), (1, (0, 0, 0)));
}
