//! The emulated lines of `lectern-load impair`, with fixed seeds: a change that makes the lesson worse fails.

use std::time::Duration;

use load_tests::impair::playout::{Playout, Showing};
use load_tests::link::Profile;
use load_tests::publisher::{Pacing, Programme};

use crate::light::{LightRoom, LightSchool};
use crate::world::{World, ms, secs};

const SEED: u64 = 7;

/// A lesson, a room on a line, and rooms on clean ones.
struct Lesson {
    world: World,
    room: LightRoom,
    clean: Vec<LightRoom>,
    schools: [LightSchool; 2],
}

impl Lesson {
    /// Everything is steady, and the line's schedule begins.
    async fn on(profile: &str, clean_rooms: usize) -> Self {
        Self::behind(&Profile::load(profile).unwrap(), clean_rooms).await
    }

    async fn behind(profile: &Profile, clean_rooms: usize) -> Self {
        let mut world = World::new(ms(1));
        let schools = [
            LightSchool::open(&mut world, "camera", Programme::camera(Pacing::Paced)).await,
            LightSchool::open(
                &mut world,
                "courseware",
                Programme::courseware(Pacing::Paced),
            )
            .await,
        ];
        let good = faultless();
        let mut clean = Vec::new();
        for _ in 0..clean_rooms {
            clean.push(LightRoom::enter(&mut world, &good, SEED).await);
        }
        let room = LightRoom::enter(&mut world, profile, SEED).await;
        world.run(secs(4)).await;
        room.begin();
        clean.iter().for_each(LightRoom::begin);
        Self {
            world,
            room,
            clean,
            schools,
        }
    }

    async fn play(&self, length: Duration) -> Playout {
        self.world.run(length).await;
        self.room.judge()
    }
}

fn faultless() -> Profile {
    Profile::parse("faultless", "about = \"x\"\nseconds = 1\n[down]\n[up]\n").unwrap()
}

fn named<'a>(playout: &'a Playout, name: &str) -> &'a Showing {
    let mut sources = playout.sources.iter();
    sources.find(|source| source.name == name).unwrap()
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn frozen(showing: &Showing, length: Duration) -> f64 {
    showing.frozen.as_secs_f64() / length.as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn five_per_cent_of_loss_freeze_nothing() {
    let lesson = Lesson::on("lossy-5", 0).await;
    let playout = lesson.play(secs(12)).await;
    for source in &playout.sources {
        assert!(frozen(source, secs(12)) < 0.005, "{source:?}");
        assert!(share(source.frames_complete, source.frames) >= 0.995);
    }
    assert!(share(playout.audio_concealed, playout.audio_packets) < 0.005);
    let report = lesson.room.report();
    // What was lost twice is sent twice, and what probes repeat may have been missing.
    let (repaired, duplicates) = (report.repaired, report.duplicates);
    assert!(
        repaired > 500 && duplicates * 10 < repaired,
        "{repaired}, {duplicates}"
    );
}

#[tokio::test(start_paused = true)]
async fn ten_per_cent_of_loss_keep_sound_and_movement() {
    let lesson = Lesson::on("lossy-10", 0).await;
    let playout = lesson.play(secs(12)).await;
    for source in &playout.sources {
        assert!(source.longest_freeze < secs(1), "{source:?}");
    }
    assert!(share(playout.audio_concealed, playout.audio_packets) < 0.02);
}

#[tokio::test(start_paused = true)]
async fn bursts_of_loss_are_got_over() {
    let lesson = Lesson::on("burst", 0).await;
    let playout = lesson.play(secs(20)).await;
    for source in &playout.sources {
        assert!(frozen(source, secs(20)) < 0.01, "{source:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_narrows_gets_a_lower_layer_and_the_top_one_again() {
    let lesson = Lesson::on("step-30-5-30", 0).await;
    let playout = lesson.play(secs(46)).await;
    let camera = named(&playout, "camera");
    assert!(camera.longest_freeze < secs(1), "{camera:?}");
    let down = camera.time_to(10_000.0, |layer| layer > 0);
    assert!(down.is_some_and(|ms| ms <= 2_000.0), "{camera:?}");
    let up = camera.time_to(30_000.0, |layer| layer == 0);
    assert!(up.is_some_and(|ms| ms <= 15_000.0), "{camera:?}");
}

#[tokio::test(start_paused = true)]
async fn a_village_keeps_sound_and_courseware() {
    let lesson = Lesson::on("village-4m", 0).await;
    let playout = lesson.play(secs(20)).await;
    assert_eq!(playout.audio_concealed, 0);
    let courseware = named(&playout, "courseware");
    assert!(courseware.longest_freeze < secs(1), "{courseware:?}");
    let camera = named(&playout, "camera");
    assert!(
        camera.layers.iter().all(|change| change.layer > 0),
        "{camera:?}"
    );
    let delay = lesson.room.report().delay_ms.unwrap();
    assert!(delay.p95 < 400.0, "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn the_picture_is_back_soon_after_an_outage() {
    let lesson = Lesson::on("outage-5s", 0).await;
    let playout = lesson.play(secs(22)).await;
    for source in &playout.sources {
        assert!(
            source.longest_freeze + source.paused < secs(7),
            "{source:?}"
        );
        assert!(source.freezes <= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_is_nobody_elses_affair() {
    let mut delays = Vec::new();
    for profile in [faultless(), Profile::load("lossy-10").unwrap()] {
        let lesson = Lesson::behind(&profile, 3).await;
        lesson.play(secs(6)).await;
        for room in &lesson.clean {
            let report = room.report();
            assert_eq!((report.packets_lost, report.nacks), (0, 0));
            for source in &room.judge().sources {
                assert_eq!(source.freezes, 0, "{source:?}");
            }
            delays.push(report.delay_ms.unwrap().p99);
        }
    }
    let (without, with) = delays.split_at(3);
    let longest = |delays: &[f64]| delays.iter().copied().fold(0.0, f64::max);
    assert!(longest(with) - longest(without) < 0.5, "{delays:?}");
}

#[tokio::test(start_paused = true)]
async fn twenty_nine_rooms_that_join_at_once_are_served_at_once() {
    let mut lesson = Lesson::behind(&faultless(), 2).await;
    lesson.play(secs(1)).await;
    let mut joined = Vec::new();
    for _ in 0..29 {
        // Its offer takes 20 ms.
        joined.push(LightRoom::enter(&mut lesson.world, &faultless(), SEED).await);
        lesson.world.run(ms(14)).await;
    }
    lesson.world.run(secs(1)).await;
    let first = joined.iter().map(|room| room.report().first_picture_ms);
    let mut first: Vec<f64> = first.map(Option::unwrap).collect();
    first.sort_by(f64::total_cmp);
    assert!(first[27] <= 500.0, "{first:?}");
    for school in &lesson.schools {
        for layer in school.report().layers {
            let spacing = layer.keyframe_request_spacing_ms;
            assert!(spacing.is_none_or(|ms| ms >= 490.0), "{layer:?}");
        }
    }
    for room in &lesson.clean {
        let report = room.report();
        assert_eq!((report.packets_lost, report.nacks), (0, 0));
        assert!(report.delay_ms.unwrap().max < 10.0, "{report:?}");
    }
}
