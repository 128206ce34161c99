//! Publishes synthetic 4K pictures and sound to a WHIP address, watches them at WHEP addresses, and prints what arrived:
//!
//! `cargo run --release -p participant --example round_trip -- WHIP_URL WHEP_URL [WATCHERS] [SECONDS]`
//!
//! A keyframe of 500 kB every two seconds, 20 Mbit/s in all, as a 4K lesson has it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use participant::{AudioFormat, Door, VideoFormat, publish, watch};

const FRAME: Duration = Duration::from_micros(33_333);
const KEYFRAME_BYTES: usize = 500_000;
const FRAME_BYTES: usize = 76_000;
const GROUP: u32 = 60;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(whip), Some(whep)) = (words.next(), words.next()) else {
        return Err("usage: round_trip WHIP_URL WHEP_URL [WATCHERS] [SECONDS]".into());
    };
    let watchers: usize = words.next().map_or(Ok(1), |word| word.parse())?;
    let seconds: u32 = words.next().map_or(Ok(10), |word| word.parse())?;

    let config = publish::Config {
        video: Some(VideoFormat::H264 {
            profile_level_id: 0x64_00_33,
        }),
        audio: Some(AudioFormat::Opus { channels: 2 }),
        expected_bitrate: 20_000_000,
        ..publish::Config::default()
    };
    let (publisher, mut events) = publish::Publisher::start(Door::new(whip.parse()?), config);
    loop {
        match events.next().await {
            Some(publish::Event::Connected) => break,
            Some(event) => eprintln!("publisher: {event:?}"),
            None => return Err("the publisher has stopped".into()),
        }
    }
    let config = watch::Config {
        deliver: watch::Deliver::Statistics,
        ..watch::Config::default()
    };
    let door = Door::new(whep.parse()?);
    let watching: Vec<_> = (0..watchers)
        .map(|_| watch::Watcher::start(door.clone(), config.clone()))
        .collect();

    let (video, audio) = (publisher.video(), publisher.audio());
    let mut clock = tokio::time::interval(FRAME);
    for number in 0..seconds * 30 {
        clock.tick().await;
        let mut keyframe = number % GROUP == 0;
        while let Some(event) = events.try_next() {
            keyframe |= matches!(event, publish::Event::KeyframeRequested { .. });
        }
        let frame = |payload, keyframe| publish::Frame {
            payload,
            timestamp: FRAME * number,
            keyframe,
            captured: SystemTime::now(),
        };
        let written = [
            video
                .as_ref()
                .map(|video| video.write(frame(picture(keyframe), keyframe))),
            audio
                .as_ref()
                .map(|audio| audio.write(frame(Bytes::from_static(&[0xfc; 160]), true))),
        ];
        if written
            .iter()
            .any(|written| *written != Some(publish::Written::Queued))
        {
            eprintln!("frame {number}: {written:?}");
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("{:#?}", publisher.statistics());
    for (watcher, _) in &watching {
        for statistics in watcher.statistics() {
            println!("{statistics:?}");
        }
    }
    for (watcher, _) in watching {
        watcher.close().await;
    }
    publisher.close().await;
    Ok(())
}

fn picture(keyframe: bool) -> Bytes {
    let parameter_sets = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 1, 2];
    let mut access_unit = if keyframe {
        parameter_sets.to_vec()
    } else {
        Vec::new()
    };
    access_unit.extend([0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }, 0x88]);
    access_unit.resize(
        if keyframe {
            KEYFRAME_BYTES
        } else {
            FRAME_BYTES
        },
        7,
    );
    access_unit.into()
}
