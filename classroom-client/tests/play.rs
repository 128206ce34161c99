//! Sources, encoders, decoders and players together, without devices and without a line between them.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod common;

use std::time::Duration;

use classroom_client::encode::Size;
use classroom_client::layers::Layers;
use classroom_client::play::screen::Screen;
use classroom_client::play::{self, Loudspeaker, Outputs, Overlay, Player, SharedDecoded};
use classroom_client::source::pattern::Pattern;
use classroom_client::source::{Audio, Capture, Epoch, Event, Request, Track, Video};
use participant::Codec;
use participant::publish::Frame;
use tokio::sync::mpsc;

const NOWHERE: Outputs = Outputs {
    screen: Screen::Nowhere,
    loudspeaker: Loudspeaker::Silent,
    overlay: Overlay::None,
};

fn pattern(width: u32, height: u32) -> Request {
    let size = Size {
        width,
        height,
        fps: 30,
    };
    Request {
        video: Video::Pattern(Pattern(size)),
        audio: Audio::Tone,
        bitrate: Some(500_000),
        layers: Layers::Off,
    }
}

async fn next_frame(capture: &mut Capture, track: Track) -> Frame {
    loop {
        match capture.next().await {
            Event::Frame(found, frame) if found == track => return frame,
            Event::Frame(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Captures until something holds of what was decoded.
async fn play_until(
    capture: &mut Capture,
    players: &mut [(Track, Player)],
    decoded: &SharedDecoded,
    done: impl Fn(&play::Decoded) -> bool,
) {
    while !done(&play::lock(decoded)) {
        let Event::Frame(track, frame) = capture.next().await else {
            panic!("the pattern ended");
        };
        for (_, player) in players.iter_mut().filter(|(wanted, _)| *wanted == track) {
            player.push(frame.payload.clone(), frame.timestamp, frame.keyframe);
        }
    }
}

#[tokio::test]
async fn what_is_captured_can_be_decoded() {
    gstreamer::init().unwrap();
    let epoch = Epoch::now();
    let mut capture = Capture::open(&pattern(320, 180), epoch).await.unwrap();
    let (events, mut failures) = mpsc::channel(16);
    let (pictures, sound) = (SharedDecoded::default(), SharedDecoded::default());
    let open = |line, codec, decoded: &SharedDecoded| {
        Player::open(
            line,
            codec,
            &NOWHERE,
            epoch,
            decoded.clone(),
            events.clone(),
        )
        .unwrap()
    };
    let mut players = [
        (Track::Layer(0), open(0, Codec::H264, &pictures)),
        (Track::Sound, open(1, Codec::Opus, &sound)),
    ];
    play_until(&mut capture, &mut players, &pictures, |decoded| {
        decoded.frames >= 30
    })
    .await;
    play_until(&mut capture, &mut players, &sound, |decoded| {
        decoded.audio >= Duration::from_secs(1)
    })
    .await;
    assert_eq!(play::lock(&sound).audio_gaps, 0);
    assert_eq!(play::lock(&sound).concealed, Duration::ZERO);
    assert!(failures.try_recv().is_err());
}

#[tokio::test]
async fn an_encoder_makes_a_keyframe_when_asked() {
    gstreamer::init().unwrap();
    let mut capture = Capture::open(&pattern(320, 180), Epoch::now())
        .await
        .unwrap();
    // By itself it makes one every 120 pictures.
    while !next_frame(&mut capture, Track::Layer(0)).await.keyframe {}
    for _ in 0..3 {
        capture.force_keyframe(0);
        let mut pictures = 1;
        while !next_frame(&mut capture, Track::Layer(0)).await.keyframe {
            pictures += 1;
        }
        // Those that were encoded before the request was made wait in queues.
        assert!(pictures < 75, "{pictures}");
    }
}

#[tokio::test]
async fn a_lost_packet_of_sound_is_concealed() {
    gstreamer::init().unwrap();
    let epoch = Epoch::now();
    let mut capture = Capture::open(&pattern(320, 180), epoch).await.unwrap();
    let (events, _failures) = mpsc::channel(16);
    let decoded = SharedDecoded::default();
    let mut player =
        Player::open(0, Codec::Opus, &NOWHERE, epoch, decoded.clone(), events).unwrap();
    for packet in 0..60u32 {
        let frame = next_frame(&mut capture, Track::Sound).await;
        if packet != 20 && packet != 40 {
            player.push(frame.payload, frame.timestamp, true);
        }
    }
    while play::lock(&decoded).audio < Duration::from_millis(1_160) {
        let frame = next_frame(&mut capture, Track::Sound).await;
        player.push(frame.payload, frame.timestamp, true);
    }
    let decoded = *play::lock(&decoded);
    assert_eq!(decoded.concealed, Duration::from_millis(40));
    assert_eq!(decoded.audio_gaps, 0, "what was lost is filled");
}

#[tokio::test]
async fn another_publisher_with_another_size_is_decoded_by_the_same_player() {
    gstreamer::init().unwrap();
    let epoch = Epoch::now();
    let (events, mut failures) = mpsc::channel(16);
    let decoded = SharedDecoded::default();
    let mut players = [(
        Track::Layer(0),
        Player::open(0, Codec::H264, &NOWHERE, epoch, decoded.clone(), events).unwrap(),
    )];
    for (publisher, (width, height)) in [(1, (320, 180)), (2, (640, 360))] {
        let mut capture = Capture::open(&pattern(width, height), epoch).await.unwrap();
        let wanted = 20 * publisher;
        play_until(&mut capture, &mut players, &decoded, |decoded| {
            decoded.frames >= wanted
        })
        .await;
    }
    assert!(failures.try_recv().is_err());
}
