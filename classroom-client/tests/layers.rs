//! Layers from one source: encoded, asked for keyframes, put to rest, and published.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use classroom_client::adapt::Rate;
use classroom_client::encode::Size;
use classroom_client::layers::Layers;
use classroom_client::publish;
use classroom_client::source::pattern::Pattern;
use classroom_client::source::{Audio, Capture, Epoch, Event, Request, Track, Video};
use common::relay::{Running, door, relay};
use participant::publish::Frame;

fn request(layers: Layers) -> Request {
    let size = Size {
        width: 640,
        height: 360,
        fps: 30,
    };
    Request {
        video: Video::Pattern(Pattern(size)),
        audio: Audio::None,
        bitrate: Some(500_000),
        layers,
    }
}

/// 360, 180 and 90 lines.
fn heights() -> Request {
    request(Layers::Heights(vec![180, 90]))
}

async fn next(capture: &mut Capture) -> (usize, Frame) {
    match capture.next().await {
        Event::Frame(Track::Layer(layer), frame) => (layer, frame),
        other => panic!("{other:?}"),
    }
}

/// Frames until each layer has delivered so many, by layer.
async fn frames<const LAYERS: usize>(capture: &mut Capture, count: usize) -> [Vec<Frame>; LAYERS] {
    let mut frames = [const { Vec::new() }; LAYERS];
    while frames.iter().any(|frames| frames.len() < count) {
        let (layer, frame) = next(capture).await;
        frames[layer].push(frame);
    }
    frames
}

fn times(frames: &[Frame]) -> BTreeSet<Duration> {
    frames.iter().map(|frame| frame.timestamp).collect()
}

#[tokio::test]
async fn a_picture_has_the_same_time_in_every_layer() {
    gstreamer::init().unwrap();
    let mut capture = Capture::open(&heights(), Epoch::now()).await.unwrap();
    let rids: Vec<_> = capture.encodings().iter().map(|layer| layer.rid).collect();
    assert_eq!(rids, ["h", "m", "l"]);
    let layers: [_; 3] = frames(&mut capture, 30).await;
    for lower in &layers[1..] {
        // A layer may miss pictures when the machine is busy; it never has one of its own.
        let first = layers[0][0].timestamp.max(lower[0].timestamp);
        let last = layers[0].last().unwrap().timestamp;
        let of_both = |time: &&Duration| (first..=last).contains(*time);
        let (best, lower) = (times(&layers[0]), times(lower));
        let common = best.intersection(&lower).filter(of_both).count();
        let nearly_all = lower.iter().filter(of_both).count() * 9 / 10;
        assert!(common >= nearly_all.max(10), "{best:?} {lower:?}");
    }
    for layer in &layers {
        assert!(layer[0].keyframe);
    }
    let bytes = |layer: usize| {
        layers[layer]
            .iter()
            .map(|frame| frame.payload.len())
            .sum::<usize>()
    };
    assert!(bytes(0) > bytes(2), "{} {}", bytes(0), bytes(2));
}

#[tokio::test]
async fn courseware_has_a_slow_layer_of_the_same_pictures() {
    gstreamer::init().unwrap();
    let mut capture = Capture::open(&request(Layers::Rate(5)), Epoch::now())
        .await
        .unwrap();
    let layers: [_; 2] = frames(&mut capture, 6).await;
    let slow: Vec<_> = layers[1].iter().map(|frame| frame.timestamp).collect();
    for pair in slow.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart >= Duration::from_millis(150), "{slow:?}");
    }
    assert!(layers[0].len() >= 15, "{}", layers[0].len());
}

#[tokio::test]
async fn a_keyframe_is_made_only_in_the_layer_that_is_asked() {
    gstreamer::init().unwrap();
    let mut capture = Capture::open(&heights(), Epoch::now()).await.unwrap();
    let _: [_; 3] = frames(&mut capture, 5).await;
    capture.force_keyframe(1);
    // By themselves all make one every 120 pictures.
    loop {
        let (layer, frame) = next(&mut capture).await;
        if frame.keyframe {
            assert_eq!(layer, 1);
            break;
        }
    }
}

#[tokio::test]
async fn a_layer_rests_alone_and_comes_back_with_a_keyframe() {
    gstreamer::init().unwrap();
    let mut capture = Capture::open(&heights(), Epoch::now()).await.unwrap();
    let _: [_; 3] = frames(&mut capture, 5).await;
    capture.set_rate(0, Rate::Rest);
    capture.set_rate(2, Rate::Bits(150_000));
    // What was in the encoder's hands still comes.
    let mut quiet = 0;
    while quiet < 20 {
        match next(&mut capture).await.0 {
            0 => quiet = 0,
            _ => quiet += 1,
        }
    }
    capture.set_rate(0, Rate::Bits(400_000));
    let first = loop {
        let (layer, frame) = next(&mut capture).await;
        if layer == 0 {
            break frame;
        }
    };
    assert!(first.keyframe);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_layer_is_published() {
    gstreamer::init().unwrap();
    let (relay, address) = relay().await;
    let path = common::scratch("layers.jsonl");
    let options = publish::Options {
        door: door(&address, "whip/test/camera"),
        request: heights(),
        report: Some(path.clone()),
        length: None,
    };
    let publishing =
        Running::spawn(
            |shutdown| async move { publish::run(options, shutdown.wait()).await.unwrap() },
        );
    let all_sent = |row: &serde_json::Value| {
        let layers = row["layers"].as_array().unwrap();
        layers.len() == 3
            && layers
                .iter()
                .all(|layer| layer["frames"].as_u64() >= Some(30))
    };
    let row = loop {
        let report = tokio::fs::read_to_string(&path).await.unwrap_or_default();
        // The last line may still be half written.
        let rows = report.lines().rev();
        let mut rows = rows.filter_map(|row| serde_json::from_str::<serde_json::Value>(row).ok());
        match rows.next().filter(all_sent) {
            Some(row) => break row,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(row["target_bitrate"].as_u64() > Some(0), "{row}");
    publishing.end().await;
    relay.end().await;
    std::fs::remove_file(path).unwrap();
}
