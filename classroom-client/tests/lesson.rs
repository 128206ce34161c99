//! From a source through a relay to the decoders, all in this process, over loopback.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod common;

use std::path::Path;

use classroom_client::layers::Layers;
use classroom_client::play::screen::Screen;
use classroom_client::play::{Loudspeaker, Overlay};
use classroom_client::source::{Audio, Request, Video};
use classroom_client::stats::{Report, SlotReport};
use classroom_client::{publish, watch};
use common::Clip;
use common::relay::{Running, door, relay};
use tokio::sync::watch as latest;

fn publisher(address: &str, clip: &Path) -> Running {
    let options = publish::Options {
        door: door(address, "whip/test/camera"),
        request: Request {
            video: Video::Clip(clip.into()),
            audio: Audio::Own,
            bitrate: None,
            layers: Layers::Off,
        },
        report: None,
        length: None,
    };
    Running::spawn(|shutdown| async move { publish::run(options, shutdown.wait()).await.unwrap() })
}

fn watcher(address: &str) -> (Running, latest::Receiver<Option<Report>>) {
    let options = watch::Options {
        door: door(address, "whep/test/camera"),
        slots: 1,
        screen: Screen::Nowhere,
        screens: Default::default(),
        loudspeaker: Loudspeaker::Silent,
        overlay: Overlay::None,
        length: None,
        report: None,
    };
    let (sender, reports) = latest::channel(None);
    let running = Running::spawn(|shutdown| async move {
        let tell = |report: &Report| {
            sender.send_replace(Some(report.clone()));
        };
        let last = watch::run(options, tell, shutdown.wait()).await.unwrap();
        sender.send_replace(Some(last));
    });
    (running, reports)
}

fn slot<'a>(report: &'a Report, kind: &str) -> Option<&'a SlotReport> {
    report.slots.iter().find(|slot| slot.kind == kind)
}

/// Waits for a report in which a slot is as wanted.
async fn until(
    reports: &mut latest::Receiver<Option<Report>>,
    kind: &str,
    wanted: impl Fn(&SlotReport) -> bool,
) -> SlotReport {
    let report = reports
        .wait_for(|report| {
            report
                .as_ref()
                .and_then(|report| slot(report, kind))
                .is_some_and(&wanted)
        })
        .await
        .unwrap();
    slot(report.as_ref().unwrap(), kind).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clip_is_seen_and_heard_and_its_publisher_may_come_back_with_another() {
    gstreamer::init().unwrap();
    let first = Clip::two_seconds("first.mp4");
    let second = Clip::make(
        "second.mp4",
        &[
            "-vf",
            "scale=640:360",
            "-c:v",
            "libx264",
            "-bf",
            "0",
            "-g",
            "30",
            "-c:a",
            "libopus",
        ],
    );
    let (relay, address) = relay().await;
    let (watching, mut reports) = watcher(&address);

    let publishing = publisher(&address, first.path());
    let video = until(&mut reports, "video", |slot| slot.frames_decoded >= 30).await;
    assert_eq!(video.packets_lost, 0);
    assert!(video.first_picture_ms.is_some());
    assert!(
        video.delay_ms.is_some(),
        "capture times come through the relay"
    );
    until(&mut reports, "audio", |slot| slot.audio_ms_decoded >= 1_000).await;
    publishing.end().await;

    let before = reports
        .borrow()
        .as_ref()
        .and_then(|report| slot(report, "video"))
        .unwrap()
        .frames_decoded;
    let publishing = publisher(&address, second.path());
    until(&mut reports, "video", |slot| {
        slot.frames_decoded >= before + 90
    })
    .await;
    publishing.end().await;
    watching.end().await;

    let last = reports.borrow().clone().unwrap();
    assert_eq!(
        last.connections, 1,
        "the watcher did nothing to get the picture back"
    );
    relay.end().await;
}
