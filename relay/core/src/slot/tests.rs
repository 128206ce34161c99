use std::time::Duration;

use bytes::Bytes;

use super::resends::{MAX_RESENDS, RESEND_INTERVAL};
use super::*;
use crate::codec::Format;
use crate::descriptor::Descriptor;
use crate::packet::Elements;

fn packet(space: u64, sequence: u64, keyframe: bool, arrived: Instant) -> Packet {
    Packet {
        arrived,
        space: Space(space),
        layer: 0,
        sequence,
        timestamp: (sequence as u32).wrapping_mul(3_000),
        marker: true,
        payload_type: 96,
        keyframe,
        descriptor: Descriptor::default(),
        elements: Elements::default(),
        payload: Bytes::new(),
    }
}

fn take(slot: &mut Slot, packet: &Packet, payload_type: u8) -> Verdict {
    slot.forward(packet, payload_type, |_, _| None)
}

fn video() -> Slot {
    let mut slot = Slot::new(Kind::Video, 90_000, 1_000);
    slot.fill(0);
    slot
}

fn sent(verdict: Verdict) -> Outgoing {
    match verdict {
        Verdict::Forward(outgoing) => outgoing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn video_starts_at_a_keyframe_and_keeps_the_sources_gaps() {
    let now = Instant::now();
    let mut slot = video();
    assert_eq!(
        take(&mut slot, &packet(1, 70, false, now), 102),
        Verdict::NeedsKeyframe
    );
    assert_eq!(
        sent(take(&mut slot, &packet(1, 71, true, now), 102)).index,
        1_000
    );
    assert_eq!(
        sent(take(&mut slot, &packet(1, 73, false, now), 102)).index,
        1_002
    );
    assert_eq!(
        sent(take(&mut slot, &packet(1, 72, false, now), 102)).index,
        1_001,
        "late, in its place"
    );
    assert_eq!(
        take(&mut slot, &packet(1, 70, false, now), 102),
        Verdict::Skip
    );
}

#[test]
fn audio_starts_at_once() {
    let mut slot = Slot::new(Kind::Audio, 48_000, 5);
    slot.fill(0);
    assert_eq!(
        sent(take(&mut slot, &packet(1, 9, true, Instant::now()), 111)).index,
        5
    );
}

#[test]
fn a_new_source_goes_on_without_a_seam() {
    let now = Instant::now();
    let mut slot = video();
    let before = sent(take(&mut slot, &packet(1, 71, true, now), 102));
    slot.fill(0);
    let later = now + Duration::from_millis(100);
    assert_eq!(
        take(&mut slot, &packet(1, 72, false, later), 102),
        Verdict::NeedsKeyframe
    );
    let after = sent(take(&mut slot, &packet(2, 5_000_000, true, later), 104));
    assert_eq!(after.index, before.index + 1);
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(9_000));
    assert_eq!(after.payload_type, 104);
}

#[test]
fn another_ssrc_of_the_same_track_waits_for_its_keyframe() {
    let now = Instant::now();
    let mut slot = video();
    take(&mut slot, &packet(1, 71, true, now), 102);
    assert_eq!(
        take(&mut slot, &packet(2, 9, false, now), 102),
        Verdict::NeedsKeyframe
    );
    assert!(!slot.is_waiting(), "what it shows may go on until then");
    assert_eq!(
        sent(take(&mut slot, &packet(2, 10, true, now), 102)).index,
        1_001
    );
    assert_eq!(
        take(&mut slot, &packet(1, 71, true, now), 102),
        Verdict::Skip,
        "late, of the former one"
    );
}

#[test]
fn a_jump_that_srtp_would_mistake_for_a_wrap_is_closed() {
    let now = Instant::now();
    let mut slot = video();
    take(&mut slot, &packet(1, 71, true, now), 102);
    assert_eq!(
        take(&mut slot, &packet(1, 71 + 40_000, false, now), 102),
        Verdict::NeedsKeyframe
    );
    assert_eq!(
        sent(take(&mut slot, &packet(1, 71 + 40_001, true, now), 102)).index,
        1_001
    );
}

#[test]
fn a_retransmission_is_found_under_its_former_source_and_equals_the_first_sending() {
    let now = Instant::now();
    let mut slot = video();
    let lost = packet(1, 71, true, now);
    let first = sent(take(&mut slot, &lost, 102));
    slot.fill(0);
    take(&mut slot, &packet(2, 9, true, now), 104);
    let found = slot.resend(now, first.sequence_number()).unwrap();
    assert_eq!((found.space, found.sequence), (Space(1), 71));
    assert_eq!(found.outgoing(&lost), first);
    assert_eq!(slot.resend(now, 2_000), None, "never sent");
    assert_eq!(slot.resend(now, 999), None, "before the first");
}

#[test]
fn a_flood_of_requests_for_one_packet_is_bounded() {
    let start = Instant::now();
    let mut slot = video();
    take(&mut slot, &packet(1, 71, true, start), 102);
    let answered = (0..10_000)
        .filter(|ms| {
            slot.resend(start + Duration::from_millis(*ms), 1_000)
                .is_some()
        })
        .count();
    assert_eq!(answered, usize::from(MAX_RESENDS));
}

#[test]
fn what_was_lost_twice_is_sent_twice() {
    let start = Instant::now();
    let mut slot = video();
    take(&mut slot, &packet(1, 71, true, start), 102);
    let mut copies = |ms| {
        let now = start + Duration::from_millis(ms);
        slot.resend(now, 1_000).map(|lookup| lookup.copies)
    };
    assert_eq!([copies(0), copies(5), copies(60)], [Some(1), None, Some(2)]);
}

#[test]
fn asking_for_everything_again_and_again_is_bounded_too() {
    let start = Instant::now();
    let mut slot = video();
    for sequence in 0..4_000 {
        take(&mut slot, &packet(1, sequence, sequence == 0, start), 102);
    }
    let answered = (0..100u32)
        .flat_map(|round| (0..4_000u16).map(move |at| (round, 1_000 + at)))
        .filter(|(round, number)| {
            slot.resend(start + RESEND_INTERVAL * *round, *number)
                .is_some()
        })
        .count();
    assert!(answered <= 4_000 * usize::from(MAX_RESENDS), "{answered}");
}

#[test]
fn the_index_goes_on_past_sixteen_bits() {
    let now = Instant::now();
    let mut slot = video();
    let mut last = None;
    for sequence in 0..70_000u64 {
        last = Some(sent(take(
            &mut slot,
            &packet(1, sequence, sequence == 0, now),
            102,
        )));
    }
    let last = last.unwrap();
    assert_eq!((last.rollover(), last.index), (1, 70_999));
    assert_eq!(
        slot.resend(now, last.sequence_number()).unwrap().sequence,
        69_999
    );
}

#[test]
fn an_empty_slot_sends_nothing() {
    let now = Instant::now();
    let mut slot = video();
    take(&mut slot, &packet(1, 71, true, now), 102);
    slot.clear();
    assert_eq!(
        take(&mut slot, &packet(1, 72, true, now), 102),
        Verdict::Skip
    );
    assert_eq!(slot.report_timestamp(Space(1), 0), None);
}

/// A packet of a layer, whose space is the layer's number plus one.
fn of_layer(layer: u8, sequence: u64, keyframe: bool, arrived: Instant) -> Packet {
    Packet {
        layer,
        ..packet(u64::from(layer) + 1, sequence, keyframe, arrived)
    }
}

#[test]
fn a_layer_is_shown_until_the_next_ones_keyframe() {
    let now = Instant::now();
    let mut slot = video();
    take(&mut slot, &of_layer(0, 71, true, now), 102);
    slot.aim(1);
    assert!(slot.needs_keyframe() && !slot.is_waiting());
    assert_eq!(
        take(&mut slot, &of_layer(1, 500, false, now), 102),
        Verdict::NeedsKeyframe
    );
    assert_eq!(
        sent(take(&mut slot, &of_layer(0, 72, false, now), 102)).index,
        1_001
    );
    assert_eq!(
        sent(take(&mut slot, &of_layer(1, 501, true, now), 102)).index,
        1_002
    );
    assert!(!slot.needs_keyframe());
    assert_eq!(
        take(&mut slot, &of_layer(0, 73, true, now), 102),
        Verdict::Skip,
        "not aimed at any more"
    );
    assert_eq!(
        slot.showing(),
        Some(Showing {
            space: Space(2),
            layer: 1
        })
    );
}

#[test]
fn going_back_to_a_layer_goes_on_in_its_numbers() {
    let now = Instant::now();
    let mut slot = video();
    take(&mut slot, &of_layer(0, 71, true, now), 102);
    slot.aim(1);
    take(&mut slot, &of_layer(1, 5, true, now), 102);
    slot.aim(0);
    assert_eq!(
        take(&mut slot, &of_layer(0, 71, true, now), 102),
        Verdict::Skip,
        "that one was shown before"
    );
    assert_eq!(
        sent(take(&mut slot, &of_layer(0, 90, true, now), 102)).index,
        1_002
    );
    assert_eq!(slot.resend(now, 1_000).unwrap().sequence, 71);
    assert_eq!(slot.resend(now, 1_001).unwrap().space, Space(2));
    assert_eq!(slot.resend(now, 1_002).unwrap().sequence, 90);
}

#[test]
fn layers_are_aligned_by_their_clocks_and_time_never_goes_back() {
    let now = Instant::now();
    let mut slot = video();
    let first = sent(take(&mut slot, &of_layer(0, 71, true, now), 102));
    slot.aim(1);
    let later = now + Duration::from_millis(50);
    let second = sent(slot.forward(&of_layer(1, 5, true, later), 102, |space, _| {
        assert_eq!(space, Space(1));
        Some(71 * 3_000 + 3_000)
    }));
    assert_eq!(second.timestamp, first.timestamp + 3_000, "a frame later");
    slot.aim(0);
    let third = sent(slot.forward(&of_layer(0, 80, true, later), 102, |_, _| {
        Some(5 * 3_000 - 900)
    }));
    assert_eq!(
        third.timestamp,
        second.timestamp + 1,
        "not before what was shown"
    );
    slot.aim(1);
    let absurd = sent(slot.forward(&of_layer(1, 9, true, later), 102, |_, _| Some(1 << 30)));
    assert_eq!(absurd.timestamp, third.timestamp + 1);
}

#[test]
fn padding_takes_numbers_that_are_never_sent_again() {
    let now = Instant::now();
    let mut slot = video();
    assert_eq!(slot.pad(3), None, "nothing is shown");
    take(&mut slot, &packet(1, 71, true, now), 102);
    take(&mut slot, &packet(1, 73, false, now), 102);
    let padding = slot.pad(3).unwrap();
    assert_eq!(padding.index, 1_003);
    assert_eq!(
        sent(take(&mut slot, &packet(1, 74, false, now), 102)).index,
        1_006
    );
    assert_eq!(
        sent(take(&mut slot, &packet(1, 72, false, now), 102)).index,
        1_001,
        "late, from before the padding"
    );
    for number in 1_003..1_006 {
        assert_eq!(slot.resend(now, number), None);
    }
    assert_eq!(slot.resend(now, 1_002).unwrap().sequence, 73);
    assert_eq!(slot.resend(now, 1_006).unwrap().sequence, 74);
    assert_eq!(slot.recent(1).unwrap().sequence, 74);
    assert_eq!(slot.recent(2), None);
}

#[test]
fn a_slot_that_shows_nothing_for_now_can_still_be_padded() {
    let now = Instant::now();
    let mut slot = video();
    take(&mut slot, &packet(1, 71, true, now), 102);
    slot.clear();
    assert_eq!(slot.pad(2).unwrap().index, 1_001);
    assert_eq!(slot.pad(2).unwrap().index, 1_003);
    slot.fill(0);
    assert_eq!(
        sent(take(&mut slot, &packet(1, 80, true, now), 102)).index,
        1_005
    );
    assert_eq!(slot.resend(now, 1_000).unwrap().sequence, 71);
    for number in 1_001..1_005 {
        assert_eq!(slot.resend(now, number), None);
    }
}

#[test]
fn padding_does_not_interrupt_a_frame() {
    let now = Instant::now();
    let mut slot = video();
    let mut open = packet(1, 71, true, now);
    open.marker = false;
    take(&mut slot, &open, 102);
    assert_eq!(slot.pad(3), None);
}

#[test]
fn picture_numbers_go_on_across_layers() {
    let now = Instant::now();
    let mut slot = video();
    let vp8 = |packet: Packet, picture: u8| Packet {
        descriptor: Descriptor::read(Format::Vp8, &[0x90, 0x80, 0x80, picture]),
        ..packet
    };
    let written = |packet: &Packet, outgoing: Outgoing| {
        let mut payload = [0x90, 0x80, 0x80, 0];
        packet.descriptor.write(outgoing.shift, &mut payload);
        payload[3]
    };
    let first = vp8(of_layer(0, 71, true, now), 9);
    let outgoing = sent(take(&mut slot, &first, 102));
    assert_eq!(written(&first, outgoing), 9);
    slot.aim(1);
    let second = vp8(of_layer(1, 5, true, now), 77);
    let outgoing = sent(take(&mut slot, &second, 102));
    assert_eq!(written(&second, outgoing), 10);
    let found = slot.resend(now, outgoing.sequence_number()).unwrap();
    assert_eq!(found.outgoing(&second), outgoing, "and again when repaired");
}
