//! WHEP offers.

use relay_transport::sdp::{
    Codec, Features, Kind, OfferError, Unacceptable, WatchPlan, WatchedSlot, pick, watch,
};

use crate::common::*;

fn named(slots: &[WatchedSlot]) -> Vec<(&str, Kind, usize, &str)> {
    slots
        .iter()
        .map(|slot| (slot.mid.as_str(), slot.kind, slot.place, slot.name.as_str()))
        .collect()
}

#[test]
fn the_nth_line_of_a_kind_is_the_nth_of_the_plan() {
    let watched = watching(CHROMIUM_WATCH_2X2).unwrap();
    assert_eq!(
        named(&watched.slots),
        [
            ("0", Kind::Video, 0, "camera"),
            ("1", Kind::Audio, 0, "camera"),
            ("2", Kind::Video, 1, "courseware"),
            ("3", Kind::Audio, 1, "stage-1"),
        ]
    );
    let watched = watching(CHROMIUM_WATCH_3X3).unwrap();
    assert_eq!(watched.slots.len(), 6);
    assert_eq!(named(&watched.slots)[5], ("5", Kind::Audio, 2, "stage-2"));
}

#[test]
fn sources_are_announced_with_their_names() {
    let watched = watching(FIREFOX_WATCH).unwrap();
    let [video, audio] = watched.slots.as_slice() else {
        panic!("two slots")
    };
    assert_eq!((video.ssrc, video.rtx_ssrc), (101, Some(102)));
    assert_eq!((audio.ssrc, audio.rtx_ssrc), (103, None));
    for line in [
        "a=msid:camera camera-video\r\n",
        "a=msid:camera camera-audio\r\n",
        "a=ssrc-group:FID 101 102\r\n",
        "a=ssrc:101 cname:camera\r\n",
        "a=ssrc:102 cname:camera\r\n",
        "a=ssrc:103 cname:camera\r\n",
    ] {
        assert!(watched.answer.contains(line), "{line}");
    }
}

#[test]
fn a_slot_lists_whatever_the_viewer_can_receive() {
    let watched = watching(CHROMIUM_WATCH_2X2).unwrap();
    let video: Vec<_> = watched.slots[0]
        .codecs
        .iter()
        .map(|binding| binding.codec.name())
        .collect();
    assert_eq!(video.iter().filter(|name| **name == "H264").count(), 8);
    assert!(video.contains(&"VP8") && video.contains(&"VP9") && video.contains(&"AV1"));
    assert_eq!(video[0], "VP8", "the viewer's own order");
    assert!(
        watched.slots[0]
            .codecs
            .iter()
            .all(|binding| binding.rtx.is_some() && binding.feedback.nack && binding.feedback.pli)
    );
    assert!(!watched.answer.contains("transport-cc") && !watched.answer.contains("goog-remb"));
    assert!(!watched.answer.contains("flexfec") && !watched.answer.contains("rtp-stream-id"));
}

#[test]
fn a_publication_finds_its_payload_type_at_every_viewer() {
    let obs = publishing(OBS_WHIP).unwrap();
    let safari = publishing(SAFARI_PUBLISH).unwrap();
    let video = |published: &relay_transport::sdp::Publishing| {
        published
            .tracks
            .iter()
            .find(|track| track.kind == Kind::Video)
            .unwrap()
            .codecs[0]
            .clone()
    };
    let chromium = &watching(CHROMIUM_WATCH_2X2).unwrap().slots[0].codecs;
    let picked = pick(&video(&obs), chromium).unwrap();
    assert_eq!(
        picked.codec,
        Codec::H264 {
            profile: 0x42,
            constraints: 0xe0,
            level: 31,
            packetization_mode: 1
        }
    );
    let picked = pick(&video(&safari), chromium).unwrap();
    assert!(
        matches!(
            picked.codec,
            Codec::H264 {
                packetization_mode: 1,
                ..
            }
        ),
        "high goes although nobody lists it"
    );
    let firefox = &watching(FIREFOX_WATCH).unwrap().slots[0].codecs;
    assert_eq!(pick(&video(&obs), firefox).unwrap().payload_type, 126);
    let h265 = safari.tracks[1]
        .codecs
        .iter()
        .find(|binding| matches!(binding.codec, Codec::H265 { .. }))
        .unwrap();
    assert_eq!(pick(h265, chromium), None);
}

#[test]
fn lines_beyond_the_plan_stay_inactive() {
    let plan = WatchPlan {
        video: &["camera"],
        audio: &["camera"],
    };
    let watched = with_local(Features::default(), |local| {
        watch(CHROMIUM_WATCH_3X3, local, &plan, || 7)
    })
    .unwrap();
    assert_eq!(watched.slots.len(), 2);
    assert_eq!(watched.answer.matches("a=inactive").count(), 4);
    assert!(watched.answer.contains("a=group:BUNDLE 0 1 2 3 4 5\r\n"));
}

#[test]
fn a_line_that_does_not_receive_takes_no_place() {
    let offer = CHROMIUM_WATCH_3X3.replacen("a=recvonly", "a=sendonly", 1);
    let watched = watching(&offer).unwrap();
    assert_eq!(named(&watched.slots)[0], ("1", Kind::Video, 0, "camera"));
}

#[test]
fn ssrcs_are_unique_whatever_the_generator_says() {
    for constant in [0, 7, u32::MAX] {
        let watched = with_local(Features::default(), |local| {
            watch(CHROMIUM_WATCH_2X2, local, &PLAN, || constant)
        })
        .unwrap();
        let mut ssrcs: Vec<_> = watched
            .slots
            .iter()
            .flat_map(|slot| [Some(slot.ssrc), slot.rtx_ssrc])
            .flatten()
            .collect();
        ssrcs.sort_unstable();
        ssrcs.dedup();
        assert_eq!(ssrcs.len(), 6);
        assert!(!ssrcs.contains(&0));
    }
    // The client of a two-way offer has SSRCs of its own.
    let taken = publishing(CHROMIUM_SENDRECV).unwrap().tracks[0].ssrcs[0];
    let watched = with_local(Features::default(), |local| {
        watch(CHROMIUM_SENDRECV, local, &PLAN, || taken)
    })
    .unwrap();
    assert!(
        watched
            .slots
            .iter()
            .all(|slot| slot.ssrc != taken && slot.rtx_ssrc != Some(taken))
    );
}

#[test]
fn a_two_way_offer_only_receives_here() {
    let watched = watching(CHROMIUM_SENDRECV).unwrap();
    assert_eq!(watched.answer.matches("a=sendonly").count(), 2);
}

#[test]
fn offers_without_a_use_are_refused() {
    assert_eq!(
        watching(OBS_WHIP),
        Err(OfferError::Unacceptable(Unacceptable::NothingToSend))
    );
    let plan = WatchPlan {
        video: &[],
        audio: &[],
    };
    let refused = with_local(Features::default(), |local| {
        watch(FIREFOX_WATCH, local, &plan, || 7)
    });
    assert_eq!(
        refused,
        Err(OfferError::Unacceptable(Unacceptable::NothingPlanned))
    );
}
