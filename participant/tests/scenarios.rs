//! A publisher and a watcher with everything between them, in virtual time over an emulated network.

#![expect(
    clippy::unwrap_used,
    reason = "a scenario that cannot go on fails; not all of it is in #[test] functions"
)]

mod scenarios {
    pub mod mirror;
}

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use participant::simulated::{self, NetemConfig, Network, Probability, RandomLoss};
use participant::{AudioFormat, Door, Mailbox, VideoFormat, publish, watch};
use scenarios::mirror::Mirror;

/// Media sent by a scenario: 30 pictures a second of which every 60th is a keyframe, and sound every 20 ms.
struct Lesson {
    publisher: publish::Publisher,
    events: Mailbox<publish::Event>,
    /// Bytes of a keyframe and of other pictures.
    sizes: (usize, usize),
    pictures: u32,
}

fn door(kind: &str) -> Door {
    Door::new(
        format!("http://relay.test/{kind}/demo/camera")
            .parse()
            .unwrap(),
    )
}

fn picture(keyframe: bool, len: usize, number: u32) -> Bytes {
    let parameter_sets = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 1, 2];
    let mut access_unit = if keyframe {
        parameter_sets.to_vec()
    } else {
        Vec::new()
    };
    access_unit.extend([0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }, 0x88]);
    access_unit.extend(number.to_be_bytes().map(|byte| byte | 1));
    access_unit.resize(len, 7);
    access_unit.into()
}

impl Lesson {
    fn start(network: &Network, mirror: &Arc<Mirror>, sizes: (usize, usize)) -> Self {
        let config = publish::Config {
            video: Some(VideoFormat::H264 {
                profile_level_id: 0x42_e0_33,
            }),
            audio: Some(AudioFormat::Opus { channels: 2 }),
            ..publish::Config::default()
        };
        let platform = network.platform(mirror.clone());
        let (publisher, events) = publish::Publisher::start_on(platform, door("whip"), config);
        Self {
            publisher,
            events,
            sizes,
            pictures: 0,
        }
    }

    async fn connected(&mut self) {
        while !matches!(self.events.next().await.unwrap(), publish::Event::Connected) {}
    }

    /// Sends for so many frames of 100 ms, three pictures each.
    async fn play(&mut self, tenths: u32) {
        for _ in 0..tenths {
            for _ in 0..3 {
                self.show();
                tokio::time::sleep(Duration::from_micros(33_333)).await;
            }
        }
    }

    fn show(&mut self) {
        let keyframe = self.pictures.is_multiple_of(60) || {
            let mut asked = false;
            while let Some(event) = self.events.try_next() {
                asked |= matches!(event, publish::Event::KeyframeRequested);
            }
            asked
        };
        let len = if keyframe { self.sizes.0 } else { self.sizes.1 };
        let frame = |payload, keyframe| publish::Frame {
            payload,
            timestamp: Duration::from_micros(33_333) * self.pictures,
            keyframe,
            captured: simulated::wall_clock(),
        };
        let (video, audio) = (
            self.publisher.video().unwrap(),
            self.publisher.audio().unwrap(),
        );
        let _ = video.write(frame(picture(keyframe, len, self.pictures), keyframe));
        let _ = audio.write(frame(Bytes::from_static(&[0xfc; 100]), true));
        self.pictures += 1;
    }
}

fn watch(
    network: &Network,
    mirror: &Arc<Mirror>,
    config: watch::Config,
) -> (watch::Watcher, Mailbox<watch::Event>) {
    watch::Watcher::start_on(network.platform(mirror.clone()), door("whep"), config)
}

fn line(milliseconds: u64, loss: f32) -> NetemConfig {
    NetemConfig::new()
        .latency(Duration::from_millis(milliseconds))
        .loss(RandomLoss::new(Probability::new(loss)))
}

fn frames(mailbox: &mut Mailbox<watch::Event>) -> Vec<watch::Frame> {
    let frame = |event| match event {
        watch::Event::Frame(frame) => Some(frame),
        _ => None,
    };
    std::iter::from_fn(|| mailbox.try_next())
        .filter_map(frame)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_4k_lesson_arrives_whole_with_its_capture_times() {
    let network = Network::new(line(20, 0.0));
    let mirror = Arc::new(Mirror::new(&network));
    let mut lesson = Lesson::start(&network, &mirror, (600_000, 75_000));
    lesson.connected().await;
    lesson.play(1).await;
    let (watcher, mut events) = watch(&network, &mirror, watch::Config::default());
    lesson.play(50).await;
    let frames = frames(&mut events);
    let video: Vec<_> = frames.iter().filter(|frame| frame.slot.line == 0).collect();
    let audio = frames.len() - video.len();
    assert!(
        video.len() >= 120 && audio >= 120,
        "{} pictures, {audio} sounds",
        video.len()
    );
    assert!(video[0].keyframe && video[0].discontinuity);
    assert!(video[1..].iter().all(|frame| !frame.discontinuity));
    assert_eq!(video[0].data.len(), 600_000);
    let statistics = watcher.statistics();
    assert_eq!(
        (
            statistics[0].packets_lost,
            statistics[0].packets_duplicate,
            statistics[0].overflowed
        ),
        (0, 0, 0)
    );
    let captured = video.last().unwrap().captured.unwrap();
    let age = simulated::wall_clock().duration_since(captured).unwrap();
    assert!(
        age > Duration::from_millis(40) && age < Duration::from_millis(120),
        "{age:?}"
    );
    assert_eq!(lesson.publisher.statistics().video_frames_dropped, 0);
    watcher.close().await;
    lesson.publisher.close().await;
    assert_eq!(mirror.ended(), 2);
}

#[tokio::test(start_paused = true)]
async fn losses_are_repaired_in_time() {
    let network = Network::new(line(10, 0.0));
    let mirror = Arc::new(Mirror::new(&network));
    let mut lesson = Lesson::start(&network, &mirror, (60_000, 9_000));
    lesson.connected().await;
    lesson.play(1).await;
    let (watcher, mut events) = watch(&network, &mirror, watch::Config::default());
    lesson.play(20).await;
    network.set_conditions(line(10, 0.02));
    lesson.play(300).await;
    let frames = frames(&mut events);
    let statistics = watcher.statistics();
    assert!(statistics[0].packets_repaired > 50, "{statistics:?}");
    // Each way and the way back lose 2 %: what is asked for three times within the patience hardly ever fails.
    assert!(statistics[0].frames_broken < 10, "{statistics:?}");
    assert!(frames.iter().filter(|frame| frame.slot.line == 0).count() > 900);
    watcher.close().await;
    lesson.publisher.close().await;
}

#[tokio::test(start_paused = true)]
async fn both_come_back_within_two_seconds_of_a_restarted_relay() {
    let network = Network::new(line(10, 0.0));
    let mirror = Arc::new(Mirror::new(&network));
    let mut lesson = Lesson::start(&network, &mirror, (20_000, 5_000));
    lesson.connected().await;
    lesson.play(1).await;
    let (watcher, mut events) = watch(&network, &mirror, watch::Config::default());
    lesson.play(20).await;
    assert!(!frames(&mut events).is_empty());
    mirror.stop().await;
    lesson.play(60).await;
    frames(&mut events);
    mirror.restart();
    lesson.play(20).await;
    let frames = frames(&mut events);
    assert!(
        frames
            .iter()
            .any(|frame| frame.keyframe && frame.slot.line == 0),
        "{} frames",
        frames.len()
    );
    assert_eq!(lesson.publisher.statistics().connections, 2);
    watcher.close().await;
    lesson.publisher.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_and_tried_again_slowly() {
    let network = Network::new(line(1, 0.0));
    let mirror = Arc::new(Mirror::new(&network));
    mirror.refuse(401);
    let (watcher, mut events) = watch(&network, &mirror, watch::Config::default());
    for _ in 0..2 {
        let Some(watch::Event::Refused(refusal)) = events.next().await else {
            panic!("not refused")
        };
        assert_eq!(refusal.status, 401);
        let Some(watch::Event::Retrying { after }) = events.next().await else {
            panic!("not retried")
        };
        assert!(after >= Duration::from_millis(700));
    }
    watcher.close().await;
    assert!(std::iter::from_fn(|| events.try_next()).count() <= 1);
    assert!(events.next().await.is_none());
}
