//! Files as sources.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use classroom_client::layers::Layers;
use classroom_client::source::clip::{Endless, Reader, Renditions, Sound, Unit};
use classroom_client::source::{Audio, Capture, Epoch, Event, OpenError, Request, Track, Video};
use common::{Clip, ffmpeg};
use participant::{AudioFormat, Kind, VideoFormat};

/// The next frames of a kind.
fn frames(clip: &mut Endless, kind: Kind, count: usize) -> Vec<Unit> {
    std::iter::from_fn(|| Some(clip.next_unit().unwrap()))
        .filter(|unit| unit.kind == kind)
        .take(count)
        .collect()
}

#[test]
fn a_clip_loops_with_the_same_bytes_and_without_a_seam() {
    let clip = Clip::two_seconds("loops.mp4");
    let mut endless = Endless::open(clip.path(), Sound::Play).unwrap();
    let pictures = frames(&mut endless, Kind::Video, 180);
    let (first, rest) = pictures.split_at(60);
    for (index, unit) in pictures.iter().enumerate() {
        let expected = Duration::from_secs_f64(index as f64 / 30.0);
        assert!(
            unit.timestamp.abs_diff(expected) < Duration::from_micros(200),
            "picture {index} at {:?}",
            unit.timestamp
        );
    }
    for pass in rest.chunks(60) {
        for (a, b) in first.iter().zip(pass) {
            assert_eq!(a.payload, b.payload);
            assert_eq!(a.keyframe, b.keyframe);
        }
    }
    assert!(first[0].keyframe);
    assert_eq!(
        first.iter().filter(|unit| unit.keyframe).count(),
        2,
        "a keyframe every second"
    );
}

#[test]
fn parameter_sets_come_before_every_keyframe() {
    let clip = Clip::two_seconds("parameters.mp4");
    let mut endless = Endless::open(clip.path(), Sound::Skip).unwrap();
    for unit in frames(&mut endless, Kind::Video, 60) {
        let has_parameters = classroom_client::h264::profile_level_id(&unit.payload).is_some();
        assert_eq!(has_parameters, unit.keyframe);
    }
}

#[test]
fn opus_is_passed_through_without_holes() {
    for name in ["sound.mp4", "sound.mkv"] {
        let clip = Clip::two_seconds(name);
        let mut endless = Endless::open(clip.path(), Sound::Play).unwrap();
        assert_eq!(
            endless.formats().audio,
            Some(AudioFormat::Opus { channels: 2 })
        );
        let packets = frames(&mut endless, Kind::Audio, 320);
        for pair in packets.windows(2) {
            assert_eq!(
                pair[1].timestamp - pair[0].timestamp,
                Duration::from_millis(20),
                "{name}"
            );
        }
        let mut seen = BTreeMap::new();
        for packet in &packets {
            *seen.entry(packet.payload.clone()).or_insert(0u32) += 1;
        }
        assert!(
            seen.values().filter(|count| **count >= 3).count() >= 90,
            "{name}: every pass has the same packets"
        );
    }
}

#[test]
fn other_sound_becomes_opus() {
    let clip = Clip::make("aac.mp4", &["-c:v", "libx264", "-bf", "0", "-c:a", "aac"]);
    let mut endless = Endless::open(clip.path(), Sound::Play).unwrap();
    assert!(endless.formats().audio.is_some());
    let packets = frames(&mut endless, Kind::Audio, 220);
    for pair in packets.windows(2) {
        assert_eq!(
            pair[1].timestamp - pair[0].timestamp,
            Duration::from_millis(20)
        );
    }
}

#[test]
fn pictures_in_another_order_than_they_are_shown_keep_their_pace() {
    let clip = Clip::make(
        "b-frames.mp4",
        &["-c:v", "libx264", "-bf", "2", "-g", "30", "-an"],
    );
    let mut endless = Endless::open(clip.path(), Sound::Play).unwrap();
    let pictures = frames(&mut endless, Kind::Video, 150);
    for (index, unit) in pictures.iter().enumerate() {
        let expected = Duration::from_secs_f64(index as f64 / 30.0);
        assert!(
            unit.timestamp.abs_diff(expected) < Duration::from_millis(1),
            "picture {index} at {:?}",
            unit.timestamp
        );
    }
}

#[test]
fn a_clip_without_sound_has_none() {
    let clip = Clip::make("silent.mp4", &["-c:v", "libx264", "-bf", "0", "-an"]);
    assert_eq!(
        Endless::open(clip.path(), Sound::Play)
            .unwrap()
            .formats()
            .audio,
        None
    );
}

#[test]
fn what_cannot_be_sent_as_it_is_is_refused_in_a_sentence() {
    let reason = |path: &std::path::Path| match Endless::open(path, Sound::Play) {
        Err(OpenError::Unusable(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let vp8 = Clip::make(
        "vp8.webm",
        &["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"],
    );
    let said = reason(vp8.path());
    assert!(
        said.ends_with("its video is VP8, and a file is sent as it is: convert it to H.264 first"),
        "{said}"
    );

    let sound = common::scratch("sound-only.mp4");
    ffmpeg(
        &["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "libopus"],
        &sound,
    );
    assert!(
        reason(&sound).ends_with("holds no video"),
        "{}",
        reason(&sound)
    );

    let text = common::scratch("text.mp4");
    std::fs::write(&text, "this is not a clip").unwrap();
    assert!(
        reason(&text).starts_with(&text.display().to_string()),
        "{}",
        reason(&text)
    );

    let nowhere = common::scratch("nowhere.mp4");
    assert!(
        reason(&nowhere).ends_with("there is no such file"),
        "{}",
        reason(&nowhere)
    );
    std::fs::remove_file(text).unwrap();
    std::fs::remove_file(sound).unwrap();
}

#[tokio::test]
async fn a_clip_waits_for_its_start_and_then_begins_with_a_keyframe() {
    let clip = Clip::two_seconds("start.mp4");
    let request = Request {
        video: Video::Clip(clip.path().into()),
        audio: Audio::Own,
        bitrate: None,
        layers: Layers::Off,
    };
    let epoch = Epoch::now();
    let mut capture = Capture::open(&request, epoch).await.unwrap();
    assert!(
        matches!(capture.formats().video, VideoFormat::H264 { profile_level_id } if profile_level_id >> 16 == 0x42)
    );
    let started = epoch.elapsed();
    capture.start();
    let mut pictures = Vec::new();
    while pictures.len() < 65 {
        match capture.next().await {
            Event::Frame(Track::Layer(_), frame) => pictures.push(frame),
            Event::Frame(Track::Sound, _) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(pictures[0].keyframe);
    assert!(pictures[0].timestamp >= started);
    assert!(pictures.is_sorted_by_key(|frame| frame.timestamp));
    assert_eq!(pictures[0].payload, pictures[60].payload, "the second pass");
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Options for a rendition of this height.
fn rendition<'a>(scale: &'a str, rate: &'a str) -> [&'a str; 10] {
    [
        "-vf", scale, "-r", rate, "-c:v", "libx264", "-bf", "0", "-c:a", "libopus",
    ]
}

#[test]
fn renditions_are_layers_of_one_clip() {
    let best = Clip::two_seconds("best.mp4");
    let lower = Clip::make("lower.mp4", &rendition("scale=160:90", "30"));
    let slow = Clip::make("slow.mp4", &rendition("scale=320:180", "5"));
    let files = Renditions {
        best: best.path().into(),
        lower: vec![lower.path().into(), slow.path().into()],
    };
    let mut reader = Reader::open(&files, Sound::Play).unwrap();
    let needs = reader.needs();
    assert!(needs[0].nominal > needs[1].nominal, "{needs:?}");
    let mut times: [Vec<Duration>; 3] = Default::default();
    let (mut sounds, mut latest) = (0, Duration::ZERO);
    while times[0].len() < 150 {
        let (track, unit) = reader.next_unit().unwrap();
        match track {
            Track::Layer(layer) => times[layer].push(unit.timestamp),
            Track::Sound => sounds += 1,
        }
        assert!(unit.timestamp + ms(21) > latest);
        latest = latest.max(unit.timestamp);
    }
    let close = |a: &Duration, b: &Duration| a.abs_diff(*b) < ms(1);
    assert!(times[0].iter().zip(&times[1]).all(|(a, b)| close(a, b)));
    // ffmpeg makes more than ten pictures of two seconds at five a second: the rest is left out.
    for pass in 0..2 {
        let start = Duration::from_secs(2) * pass;
        let of_pass = |time: &&Duration| (start..start + ms(2_000)).contains(&(**time + ms(1)));
        let slow: Vec<_> = times[2].iter().filter(of_pass).collect();
        assert_eq!(slow.len(), 10, "{slow:?}");
        for (number, time) in (0..).zip(slow) {
            assert!(close(time, &(start + ms(200) * number)), "{time:?}");
        }
    }
    assert!((200..=260).contains(&sounds), "{sounds}, of the best only");
}
