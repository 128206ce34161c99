//! Lessons on lines without fault.

use participant::Kind;
use participant::simulated;
use participant::watch::{Config, Frame};

use crate::school::{Clip, number};
use crate::world::{World, ms, secs};

#[tokio::test(start_paused = true)]
async fn six_rooms_on_two_workers_get_every_packet_of_a_lesson() {
    let mut world = World::new(ms(10));
    let school = world.school("camera", Clip::SMALL).await;
    world.run(ms(500)).await;
    let mut rooms = Vec::new();
    for _ in 0..6 {
        rooms.push(world.room());
        world.run(ms(16)).await;
    }
    // What was kept for whoever comes is older when it arrives.
    let settled = simulated::now() + ms(300);
    world.run(secs(10)).await;
    assert_eq!(world.relay.sessions(), (1, 6));
    for room in &mut rooms {
        room.assert_whole(&school);
        assert_eq!(room.trouble(), (0, 0, 0));
        assert_eq!(room.picture_statistics().packets_repaired, 0);
        assert!(room.pictures().len() > 280 && room.sounds() > 280);
        let slowest = room.delays(&school, settled).into_iter().max().unwrap();
        // Two lines, and the pacing of a keyframe.
        assert!(slowest < ms(40), "{slowest:?}");
    }
    let asked = school.asked();
    for pair in asked.windows(2) {
        assert!(pair[1] - pair[0] >= ms(480), "{asked:?}");
    }
    assert!((1..=3).contains(&asked.len()), "six joined: {asked:?}");
    for room in rooms {
        room.close().await;
    }
    school.close().await;
    assert_eq!((world.relay.sessions(), world.relay.ended()), ((0, 0), 7));
}

#[tokio::test(start_paused = true)]
async fn a_4k_lesson_arrives_whole_with_its_capture_times() {
    let mut world = World::new(ms(20));
    let clip = Clip {
        keyframe: 600_000,
        picture: 75_000,
        ..Clip::SMALL
    };
    let school = world.school("camera", clip).await;
    let dropped = school.statistics().video_frames_dropped;
    let mut rooms = [world.room(), world.room()];
    world.run(secs(3)).await;
    for room in &mut rooms {
        room.assert_whole(&school);
        assert_eq!(room.trouble(), (0, 0, 0));
        let newest = room.pictures().last().unwrap().captured.unwrap();
        let age = simulated::wall_clock().duration_since(newest).unwrap();
        assert!(age > ms(40) && age < ms(120), "{age:?}");
    }
    assert_eq!(school.statistics().video_frames_dropped, dropped);
}

#[tokio::test(start_paused = true)]
async fn each_slot_shows_its_own_source_in_whatever_order_they_come() {
    let mut world = World::new(ms(10));
    let both = Config {
        video: 2,
        audio: 1,
        ..Config::default()
    };
    let mut early = world.room_at("whep/demo", both.clone());
    world.run(secs(1)).await;
    let clips = [7_000, 4_000].map(|picture| Clip {
        picture,
        ..Clip::SMALL
    });
    let courseware = world.school("courseware", clips[0]).await;
    let mut between = world.room_at("whep/demo", both.clone());
    world.run(secs(1)).await;
    let camera = world.school("camera", clips[1]).await;
    let mut late = world.room_at("whep/demo", both);
    world.run(secs(4)).await;
    for room in [&mut early, &mut between, &mut late] {
        room.look();
        assert_eq!((room.connections, room.trouble()), (1, (0, 0, 0)));
        for (name, school) in [("camera", &camera), ("courseware", &courseware)] {
            let sent = school.pictures();
            let shown = |frame: &&Frame| frame.slot.name == name && frame.slot.kind == Kind::Video;
            let seen: Vec<_> = room.frames.iter().filter(shown).collect();
            assert!(seen.len() > 100, "{} of {name}", seen.len());
            assert!(seen[0].keyframe);
            for frame in seen {
                assert_eq!(
                    frame.data,
                    sent[number(&frame.data) as usize].data,
                    "{name}"
                );
            }
        }
        let heard = |frame: &&Frame| frame.slot.kind == Kind::Audio;
        let names: Vec<_> = room
            .frames
            .iter()
            .filter(heard)
            .map(|frame| &frame.slot.name)
            .collect();
        assert!(names.len() > 100 && names.iter().all(|name| *name == "camera"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_early_is_served_when_the_lesson_begins() {
    let mut world = World::new(ms(10));
    let mut rooms = [world.room(), world.room(), world.room()];
    world.run(secs(8)).await;
    for room in &mut rooms {
        assert!(room.pictures().is_empty());
        assert_eq!(room.connections, 1);
    }
    let school = world.school("camera", Clip::SMALL).await;
    let connected = simulated::now();
    world.run(secs(5)).await;
    for room in &mut rooms {
        room.assert_whole(&school);
        let first = room.pictures()[0].arrived - connected;
        assert!(first < ms(200), "the first picture took {first:?}");
        assert_eq!(room.connections, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_and_tried_again_slowly() {
    let mut world = World::new(ms(1));
    let mut room = world.room_at("whep/demo/nonsense", Config::default());
    world.run(secs(40)).await;
    room.look();
    assert!(room.refusals.len() >= 3, "{:?}", room.refusals);
    assert!(room.refusals.len() <= 12, "{:?}", room.refusals);
    assert!(room.refusals.iter().all(|status| *status == 404));
    room.close().await;
}
