//! A school that publishes one picture in three layers.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use participant::simulated::{
    Bitrate, DataSize, NetemConfig, Probability, RandomLoss, now, wall_clock,
};
use participant::{Mailbox, VideoFormat, publish};
use tokio::task::JoinSet;

use crate::world::{World, door, ms, secs};

/// Bytes of a picture of each layer at 30 a second: 2.4 Mbit/s, 600 kbit/s and 150 kbit/s.
const LAYERS: [(&str, usize); 3] = [("h", 10_000), ("m", 2_500), ("l", 625)];
const BITRATE: u64 = 3_150_000;
const INTERVAL: Duration = Duration::from_micros(33_333);
/// Pictures from one keyframe that nobody asked for to the next.
const GROUP: u32 = 120;

struct Layered {
    publisher: publish::Publisher,
    host: IpAddr,
    asked: Arc<Mutex<Vec<usize>>>,
    /// The best layer that is sent.
    best: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Layered {
    async fn open(world: &mut World) -> Self {
        let config = publish::Config {
            video: Some(VideoFormat::H264 {
                profile_level_id: 0x42_e0_33,
            }),
            layers: LAYERS
                .map(|(rid, _)| publish::Rid::new(rid).unwrap())
                .into(),
            expected_bitrate: BITRATE,
            ..publish::Config::default()
        };
        let host = world.host();
        let platform = world.platform(host);
        let (publisher, mut events) =
            publish::Publisher::start_on(platform, door("whip/demo/camera"), config);
        while events.next().await != Some(publish::Event::Connected) {}
        let (asked, best) = (Arc::default(), Arc::default());
        let mut task = JoinSet::new();
        task.spawn(play(
            publisher.layers(),
            events,
            Arc::clone(&asked),
            Arc::clone(&best),
        ));
        Self {
            publisher,
            host,
            asked,
            best,
            _task: task,
        }
    }

    /// Keyframes that the relay has asked for, by layer. The first of each is the participant's own, for being connected.
    fn asked(&self) -> [usize; 3] {
        let asked = self.asked.lock().unwrap();
        [0, 1, 2].map(|layer| asked.iter().filter(|other| **other == layer).count() - 1)
    }

    fn target(&self) -> u64 {
        self.publisher.target().borrow().unwrap()
    }
}

/// Pictures whose last byte is their layer's; whoever is asked for a keyframe makes one.
async fn play(
    layers: Vec<publish::FrameWriter>,
    mut events: Mailbox<publish::Event>,
    asked: Arc<Mutex<Vec<usize>>>,
    best: Arc<AtomicUsize>,
) {
    let start = tokio::time::Instant::now();
    let mut wanted = [true; 3];
    for number in 0.. {
        let due = start + INTERVAL * number;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(due) => break,
                Some(event) = events.next() => if let publish::Event::KeyframeRequested { layer } = event {
                    asked.lock().unwrap().push(layer);
                    wanted[layer] = true;
                },
            }
        }
        let best = best.load(Ordering::Relaxed);
        for (layer, writer) in layers.iter().enumerate().skip(best) {
            let keyframe = std::mem::take(&mut wanted[layer]) || number.is_multiple_of(GROUP);
            let _ = writer.write(publish::Frame {
                payload: picture(layer, keyframe),
                timestamp: INTERVAL * number,
                keyframe,
                captured: wall_clock(),
            });
        }
    }
}

fn picture(layer: usize, keyframe: bool) -> Bytes {
    let mut access_unit: Vec<u8> = match keyframe {
        true => vec![
            0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 1, 2, 0, 0, 1, 0x65, 0x88,
        ],
        false => vec![0, 0, 1, 0x41, 0x88],
    };
    let factor = if keyframe { 4 } else { 1 };
    access_unit.resize(LAYERS[layer].1 * factor, layer as u8 + 1);
    access_unit.into()
}

#[tokio::test(start_paused = true)]
async fn each_layer_is_known_repaired_and_asked_for_keyframes_by_itself() {
    let mut world = World::new(ms(20));
    let school = Layered::open(&mut world).await;
    let mut room = world.room();
    world.run(secs(5)).await;
    let loss = RandomLoss::new(Probability::new(0.03));
    world
        .network
        .set_conditions_from(school.host, NetemConfig::new().loss(loss));
    world.run(secs(10)).await;
    world
        .network
        .set_conditions_from(school.host, NetemConfig::new());
    world.run(secs(1)).await;

    for (layer, (rid, _)) in school.publisher.layer_statistics().iter().zip(LAYERS) {
        assert!(layer.frames >= 16 * 30 - 2, "{rid}: {layer:?}");
        assert!(layer.packets_nacked > 0, "the relay knows {rid}: {layer:?}");
    }
    let mut shown = [0; 3];
    let start = now();
    for frame in room.pictures() {
        assert!(frame.arrived <= start);
        shown[usize::from(*frame.data.last().unwrap()) - 1] += 1;
    }
    assert!(shown.iter().sum::<usize>() >= 440, "{shown:?}");
    for (asked, shown) in school.asked().into_iter().zip(shown) {
        assert!(asked == 0 || shown > 0, "what nobody sees nobody asks for");
    }
}

#[tokio::test(start_paused = true)]
async fn the_target_falls_with_the_line_and_rises_with_it() {
    let mut world = World::new(ms(20));
    let school = Layered::open(&mut world).await;
    world.run(secs(10)).await;
    assert!(school.target() >= BITRATE, "{}", school.target());
    let narrow = NetemConfig::new().link(Bitrate::bps(1_500_000), DataSize::bytes(90_000));
    world.network.set_conditions_from(school.host, narrow);
    world.run(secs(5)).await;
    assert!(school.target() < 1_700_000, "{}", school.target());
    world
        .network
        .set_conditions_from(school.host, NetemConfig::new());
    world.run(secs(30)).await;
    assert!(school.target() >= BITRATE, "{}", school.target());
}

#[tokio::test(start_paused = true)]
async fn a_school_that_gives_way_keeps_a_target_it_can_use_and_gets_its_line_back() {
    let mut world = World::new(ms(20));
    let school = Layered::open(&mut world).await;
    world.run(secs(5)).await;
    let narrow = NetemConfig::new().link(Bitrate::bps(600_000), DataSize::bytes(15_000));
    world.network.set_conditions_from(school.host, narrow);
    world.run(secs(1)).await;
    // 150 kbit/s of 600.
    school.best.store(2, Ordering::Relaxed);
    world.run(secs(10)).await;
    let target = school.target();
    assert!((250_000..650_000).contains(&target), "{target}");
    world
        .network
        .set_conditions_from(school.host, NetemConfig::new());
    world.run(secs(10)).await;
    assert!(school.target() >= BITRATE, "{}", school.target());
}
