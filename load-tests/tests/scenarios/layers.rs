//! Publishers that do not announce their SSRCs, and publishers of several layers.

use bytes::Bytes;
use load_tests::client::{Kind, Section, Sending, VIDEO_PAYLOAD_TYPE};

use crate::raw::{Raw, Rtp};
use crate::room::Room;
use crate::world::{World, ms};

const VIDEO: Section = Section {
    kind: Kind::Video,
    sending: Sending::Ssrc(0),
};
/// As the offers of `load_tests::client` number it.
const MID: u8 = 4;
const RID: u8 = 5;

/// A layer: one packet a picture.
struct Layer {
    packet: Rtp,
    len: usize,
}

impl Layer {
    fn new(ssrc: u32, len: usize, extensions: &[(u8, &'static str)]) -> Self {
        let packet = Rtp {
            ssrc,
            payload_type: VIDEO_PAYLOAD_TYPE,
            sequence: ssrc as u16,
            marker: true,
            extensions: extensions.to_vec(),
            ..Rtp::default()
        };
        Self { packet, len }
    }

    /// The next picture, filled with the low byte of the SSRC.
    fn show(&mut self, publisher: &mut Raw, keyframe: bool) {
        let mut nal = vec![if keyframe { 0x65 } else { 0x41 }, 0x88];
        nal.resize(self.len, self.packet.ssrc as u8);
        let payload = match keyframe {
            true => with_parameter_sets(&nal),
            false => nal,
        };
        self.packet.payload = Bytes::from(payload);
        self.packet.sequence = self.packet.sequence.wrapping_add(1);
        self.packet.timestamp = self.packet.timestamp.wrapping_add(3_000);
        publisher.send_rtp(&self.packet);
    }
}

/// A STAP-A (RFC 6184 §5.7.1).
fn with_parameter_sets(nal: &[u8]) -> Vec<u8> {
    let mut aggregate = vec![0x78];
    for unit in [&[0x67, 1, 2], &[0x68, 1, 2], nal] {
        aggregate.extend((unit.len() as u16).to_be_bytes());
        aggregate.extend(unit);
    }
    aggregate
}

/// SSRCs the relay asks keyframes of since the last look (RFC 4585 §6.3.1).
fn asked(publisher: &mut Raw) -> Vec<u32> {
    let requests = std::mem::take(&mut publisher.reports).into_iter();
    requests
        .filter(|compound| compound[..2] == [0x81, 206])
        .map(|compound| u32::from_be_bytes(compound[8..12].try_into().unwrap()))
        .collect()
}

/// Plays 30 pictures a second of every layer; whoever is asked for a keyframe makes one.
async fn play(publisher: &mut Raw, layers: &mut [&mut Layer], pictures: u32) {
    for _ in 0..pictures {
        let asked = asked(publisher);
        for layer in layers.iter_mut() {
            let keyframe = asked.contains(&layer.packet.ssrc);
            layer.show(publisher, keyframe);
        }
        publisher.run(ms(33)).await;
    }
}

/// The layers of the pictures seen since the last call.
fn shown(room: &mut Room) -> Vec<u8> {
    room.look();
    let frames = std::mem::take(&mut room.frames);
    frames
        .iter()
        .map(|frame| *frame.data.last().unwrap())
        .collect()
}

fn without_ssrc(offer: String) -> String {
    let kept = offer.lines().filter(|line| !line.starts_with("a=ssrc"));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_source_without_announced_ssrcs_is_known_by_its_mid() {
    let mut world = World::new(ms(10));
    let mut rooms = [world.room(), world.room()];
    let mut publisher = Raw::join(
        &mut world,
        "whip/demo/camera",
        &[VIDEO, VIDEO],
        without_ssrc,
    )
    .await;
    assert!(publisher.answer.contains("sdes:mid"));
    // The payload type is the same, and the line that nobody watches is heard first.
    let mut second = Layer::new(0xB2, 400, &[(MID, "1")]);
    let mut first = Layer::new(0xA1, 300, &[(MID, "0")]);
    play(&mut publisher, &mut [&mut second], 30).await;
    play(&mut publisher, &mut [&mut first, &mut second], 60).await;
    // Once known, an SSRC need not say it again.
    first.packet.extensions.clear();
    second.packet.extensions.clear();
    play(&mut publisher, &mut [&mut second, &mut first], 60).await;
    for room in &mut rooms {
        let shown = shown(room);
        assert!(shown.len() > 100, "{}", shown.len());
        assert!(shown.iter().all(|layer| *layer == 0xA1), "{shown:x?}");
        assert_eq!(room.trouble(), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn rooms_get_one_layer_of_two_and_change_without_a_seam() {
    let mut world = World::new(ms(10));
    let simulcast = |offer: String| {
        let layers = format!(
            "a=extmap:{RID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=sendonly\r\n\
             a=rid:l send\r\na=rid:h send\r\na=simulcast:send l;h\r\n"
        );
        without_ssrc(offer).replace("a=sendonly\r\n", &layers)
    };
    let mut publisher = Raw::join(&mut world, "whip/demo/camera", &[VIDEO], simulcast).await;
    let mut rooms = [world.room(), world.room()];
    let mut low = Layer::new(0x10, 200, &[(MID, "0"), (RID, "l")]);
    let mut high = Layer::new(0x20, 900, &[(MID, "0"), (RID, "h")]);
    play(&mut publisher, &mut [&mut low], 60).await;
    for room in &mut rooms {
        let shown = shown(room);
        assert!(shown.len() > 20 && shown.iter().all(|layer| *layer == 0x10));
    }
    // The better layer takes over at a keyframe of its own.
    play(&mut publisher, &mut [&mut low, &mut high], 90).await;
    for room in &mut rooms {
        let shown = shown(room);
        let change = shown.iter().position(|layer| *layer == 0x20).unwrap();
        assert!(
            shown[change..].iter().all(|layer| *layer == 0x20),
            "{shown:x?}"
        );
        assert!(change < 60 && shown.len() > 85, "{shown:x?}");
    }
    // A publisher that is short of bandwidth stops it.
    play(&mut publisher, &mut [&mut low], 90).await;
    for room in &mut rooms {
        let shown = shown(room);
        let change = shown.iter().position(|layer| *layer == 0x10).unwrap();
        assert!(
            shown[change..].iter().all(|layer| *layer == 0x10),
            "{shown:x?}"
        );
        assert!(shown.len() - change > 20, "{shown:x?}");
        let statistics = room.picture_statistics();
        assert_eq!((statistics.frames_broken, room.trouble()), (0, (0, 0, 0)));
    }
}
