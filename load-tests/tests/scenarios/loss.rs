//! Lines that lose packets, and lines that deliver nothing.

use std::time::Duration;

use load_tests::client::{Kind, Section, VIDEO_PAYLOAD_TYPE};
use participant::simulated;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc_shared::marshal::Marshal;

use crate::raw::Raw;
use crate::room::Room;
use crate::school::{Clip, School};
use crate::world::{World, ms, secs};

const DELAY: Duration = Duration::from_millis(20);

/// A school and six rooms that have settled.
async fn lesson(world: &mut World, clip: Clip) -> (School, Vec<Room>) {
    let school = world.school("camera", clip).await;
    let rooms = (0..6).map(|_| world.patient_room()).collect();
    world.run(secs(2)).await;
    (school, rooms)
}

#[tokio::test(start_paused = true)]
async fn a_lossy_room_gets_every_picture_and_the_others_notice_nothing() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world, Clip::SMALL).await;
    assert_eq!(world.relay.wire.repeated(), 0);
    world.lose(rooms[0].host, DELAY, 0.05, 0.05);
    world.run(secs(30)).await;
    let lossy = rooms.remove(0);
    let (picture, sound) = (lossy.picture_statistics(), lossy.sound_statistics());
    assert!(picture.packets_repaired > 150, "{picture:?}");
    assert!(sound.packets_repaired > 20, "{sound:?}");
    // The wire would have said so if one of these had not been identical to its first sending.
    let resent = world.relay.count(|counters| counters.resent_packets.get());
    assert_eq!(world.relay.wire.repeated(), resent);
    assert!(resent >= picture.packets_repaired + sound.packets_repaired);
    for room in &rooms {
        assert_eq!(room.trouble(), (0, 0, 0));
        assert_eq!(room.picture_statistics().packets_repaired, 0);
    }
    // What was lost last is still under way.
    world.lose(lossy.host, DELAY, 0.0, 0.0);
    world.run(secs(2)).await;
    rooms.push(lossy);
    for room in &mut rooms {
        room.assert_whole(&school);
        assert_eq!(room.trouble().0, 0);
    }
    assert_eq!(world.relay.count(|counters| counters.nacks_sent.get()), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_offers_rtx_gets_repairs_on_an_ssrc_of_their_own() {
    let mut world = World::new(DELAY);
    let _school = world.school("camera", Clip::SMALL).await;
    let video = Section::receiving(Kind::Video);
    let with_rtx = |offer: String| {
        let media = format!("SAVPF {VIDEO_PAYLOAD_TYPE}");
        let rtx = format!("a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt={VIDEO_PAYLOAD_TYPE}\r\n");
        offer.replace(&media, &format!("{media} 97")) + &rtx
    };
    let mut viewer = Raw::join(&mut world, "whep/demo/camera", &[video], with_rtx).await;
    viewer.run(secs(2)).await;
    let [media_ssrc] = viewer.sources()[..] else {
        panic!("{:?}", viewer.sources())
    };
    for _ in 0..20 {
        let latest: Vec<u16> = viewer
            .received
            .iter()
            .rev()
            .map(|(_, number)| *number)
            .collect();
        let nack = TransportLayerNack {
            sender_ssrc: 2,
            media_ssrc,
            nacks: nack_pairs_from_sequence_numbers(&latest[..5]),
        };
        viewer.received.clear();
        viewer.send_rtcp(&nack.marshal().unwrap());
        viewer.run(ms(200)).await;
        let [a, b] = viewer.sources()[..] else {
            panic!("{:?}", viewer.sources())
        };
        let repair = if a == media_ssrc { b } else { a };
        let repairs = viewer.received.iter().filter(|(ssrc, _)| *ssrc == repair);
        assert_eq!(repairs.count(), 5);
        viewer.received.retain(|(ssrc, _)| *ssrc == media_ssrc);
    }
    assert_eq!(world.relay.wire.repeated(), 0);
    assert_eq!(
        world.relay.count(|counters| counters.resent_packets.get()),
        100
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_on_the_way_to_the_relay_is_repaired_for_everybody() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world, Clip::SMALL).await;
    world.lose(school.host, DELAY, 0.0, 0.03);
    world.run(secs(30)).await;
    world.lose(school.host, DELAY, 0.0, 0.0);
    world.run(secs(2)).await;
    let repaired = world
        .relay
        .count(|counters| counters.repaired_packets.get());
    assert!(repaired > 100, "{repaired}");
    for room in &mut rooms {
        room.assert_whole(&school);
        let (lost, _, overflowed) = room.trouble();
        assert_eq!((lost, overflowed), (0, 0));
        let statistics = room.picture_statistics();
        assert!(statistics.packets_repaired > 100, "{statistics:?}");
    }
    // The publisher answers what it is asked for, and is not asked for much more than was lost.
    let asked = world.relay.count(|counters| counters.nacks_sent.get());
    assert!(asked < 2 * repaired, "{asked} for {repaired}");
}

#[tokio::test(start_paused = true)]
async fn losses_on_every_line_are_repaired_in_time() {
    let mut world = World::new(DELAY);
    let school = world.school("camera", Clip::SMALL).await;
    let mut rooms = [world.room(), world.room()];
    world.run(secs(2)).await;
    for host in rooms.iter().map(|room| room.host).chain([school.host]) {
        world.lose(host, DELAY, 0.02, 0.02);
    }
    world.run(secs(60)).await;
    for room in &mut rooms {
        let statistics = room.picture_statistics();
        assert!(statistics.packets_repaired > 200, "{statistics:?}");
        // Asked for three times in the usual patience, of which one in 15,000 losses gets no answer.
        assert!(statistics.frames_broken <= 3, "{statistics:?}");
        let seen = room.pictures();
        let gaps = seen
            .windows(2)
            .map(|pair| pair[1].arrived - pair[0].arrived);
        let frozen: Duration = gaps.filter(|gap| *gap > ms(200)).sum();
        assert!(frozen < ms(300), "{frozen:?} of 60 s");
    }
}

#[tokio::test(start_paused = true)]
async fn sequence_numbers_wrap_under_loss_on_both_sides() {
    let mut world = World::new(DELAY);
    // One packet a picture, 1,000 pictures a second.
    let clip = Clip {
        interval: ms(1),
        keyframe: 300,
        picture: 60,
    };
    let school = world.school("camera", clip).await;
    let mut rooms = [world.patient_room(), world.patient_room()];
    world.run(secs(1)).await;
    world.lose(school.host, DELAY, 0.0, 0.01);
    world.lose(rooms[0].host, DELAY, 0.02, 0.02);
    world.run(secs(70)).await;
    world.lose(school.host, DELAY, 0.0, 0.0);
    world.lose(rooms[0].host, DELAY, 0.0, 0.0);
    world.run(secs(2)).await;
    assert!(
        world
            .relay
            .count(|counters| counters.repaired_packets.get())
            > 500
    );
    assert!(world.relay.wire.repeated() > 1_000);
    for room in &mut rooms {
        assert!(room.picture_statistics().packets > 65_536 + 2_000);
        room.assert_whole(&school);
        assert_eq!(room.trouble().0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_line_delays_nobody_and_is_given_up() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world, Clip::SMALL).await;
    world.run(secs(10)).await;
    let cut = simulated::now();
    let dead = rooms.remove(0);
    let address = world.address(dead.host);
    world.lose(dead.host, DELAY, 1.0, 1.0);
    // It tries to come back, but its offers get through as little as its packets.
    world.relay.cut_off(dead.host);
    world.run(secs(29)).await;
    assert_eq!(world.relay.sessions(), (1, 6), "given up too early");
    world.run(secs(2)).await;
    assert_eq!(world.relay.sessions(), (1, 5), "RFC 7675: 30 s");
    let sent = world.relay.wire.sent_to(address);
    world.run(secs(10)).await;
    assert_eq!(world.relay.wire.sent_to(address), sent);
    for room in &mut rooms {
        room.assert_whole(&school);
        assert_eq!(room.trouble(), (0, 0, 0));
        let all = room.delays(&school, cut - secs(10));
        let since = room.delays(&school, cut);
        assert!(since.len() > 1_000);
        let slowest = |delays: &[Duration]| delays.iter().max().copied().unwrap();
        assert_eq!(slowest(&all[..all.len() - since.len()]), slowest(&since));
    }
}

#[tokio::test(start_paused = true)]
async fn a_narrow_line_delays_only_its_own_room() {
    let mut world = World::new(DELAY);
    let (school, mut rooms) = lesson(&mut world, Clip::SMALL).await;
    let narrow = simulated::now();
    // A tenth of what the clip needs, and half a second of buffer.
    world.narrow(rooms[0].host, DELAY, 150_000);
    world.run(secs(20)).await;
    let starved = rooms.remove(0);
    // What did not fit at first is missed; what is sent since does fit.
    let (lost, ..) = starved.trouble();
    assert!((1..300).contains(&lost), "{lost}");
    assert_eq!(starved.sound_statistics().packets_lost, 0);
    for room in &mut rooms {
        room.assert_whole(&school);
        assert_eq!(room.trouble(), (0, 0, 0));
        let slowest = room.delays(&school, narrow).into_iter().max().unwrap();
        assert!(slowest < ms(60), "{slowest:?}");
    }
}
