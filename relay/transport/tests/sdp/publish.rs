//! WHIP offers.

use relay_transport::sdp::{
    Codec, CodecBinding, Features, Feedback, Kind, OfferError, PublishedTrack, Unacceptable,
};

use crate::common::*;

const VIDEO_FEEDBACK: Feedback = Feedback {
    nack: true,
    pli: true,
    fir: true,
    transport_cc: false,
    remb: false,
};

fn track(tracks: &[PublishedTrack], kind: Kind) -> &PublishedTrack {
    tracks.iter().find(|track| track.kind == kind).unwrap()
}

fn payload_types(track: &PublishedTrack) -> Vec<(u8, Option<u8>)> {
    track
        .codecs
        .iter()
        .map(|binding| (binding.payload_type, binding.rtx))
        .collect()
}

fn h264(profile: u8, constraints: u8, level: u8) -> Codec {
    Codec::H264 {
        profile,
        constraints,
        level,
        packetization_mode: 1,
    }
}

#[test]
fn chromium_sends_h264_and_red_first_and_keeps_its_other_codecs_in_order() {
    let published = publishing(CHROMIUM_PUBLISH).unwrap();
    let video = track(&published.tracks, Kind::Video);
    let names: Vec<_> = video
        .codecs
        .iter()
        .map(|binding| binding.codec.name())
        .collect();
    assert_eq!(
        names,
        [
            "H264", "H264", "H264", "H264", "H264", "H264", "VP8", "AV1", "VP9", "VP9"
        ]
    );
    assert_eq!(
        video.codecs[0],
        CodecBinding {
            payload_type: 102,
            codec: h264(0x42, 0, 31),
            clock_rate: 90_000,
            channels: 1,
            fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"
                .to_owned(),
            rtx: Some(103),
            feedback: VIDEO_FEEDBACK,
        }
    );
    assert!(matches!(
        video.codecs[3].codec,
        Codec::H264 {
            packetization_mode: 0,
            ..
        }
    ));
    assert_eq!((video.ssrcs.len(), video.rtx_of.len()), (1, 1));
    assert_eq!(video.rtx_of[0].0, video.ssrcs[0]);
    assert_eq!(video.extensions.mid, Some(4));
    assert_eq!(video.extensions.video_orientation, Some(13));
    assert_eq!(
        (video.extensions.rid, video.extensions.transport_cc),
        (None, None),
        "not used, so not answered"
    );

    let audio = track(&published.tracks, Kind::Audio);
    assert_eq!(payload_types(audio), [(63, None), (111, None)]);
    assert_eq!(audio.codecs[1].fmtp, "minptime=10;useinbandfec=1");
    assert_eq!(
        (audio.codecs[1].channels, audio.codecs[0].codec),
        (2, Codec::Red)
    );
    assert_eq!(audio.extensions.audio_level, Some(1));
    for dropped in [
        "G722",
        "PCMU",
        "CN/",
        "telephone-event",
        "ulpfec",
        "red/90000",
    ] {
        assert!(!published.answer.contains(dropped), "{dropped}");
    }
}

#[test]
fn the_client_is_described_by_its_credentials_and_certificate() {
    let remote = publishing(CHROMIUM_PUBLISH).unwrap().remote;
    assert_eq!(remote.credentials.ufrag, "rEmO");
    assert_eq!(remote.credentials.pwd, "remotePasswordOf24Chars+");
    assert!(
        remote
            .fingerprint
            .to_string()
            .starts_with("sha-256 00:01:02:")
    );
}

#[test]
fn a_client_that_only_prefers_red_is_left_to_it() {
    let published = publishing(CHROMIUM_PUBLISH_RED_FIRST).unwrap();
    assert_eq!(
        payload_types(&published.tracks[0]),
        [(63, None), (111, None)]
    );
}

#[test]
fn transport_wide_congestion_control_and_start_bitrate_are_answered_when_asked_for() {
    let mut features = Features {
        start_bitrate_kbps: Some(8_000),
        ..Features::default()
    };
    features.feedback.transport_cc = true;
    let published = publishing_with(CHROMIUM_PUBLISH, features).unwrap();
    let video = track(&published.tracks, Kind::Video);
    assert_eq!(video.extensions.transport_cc, Some(3));
    assert!(video.codecs[0].feedback.transport_cc);
    assert!(
        published
            .answer
            .contains("profile-level-id=42e01f;x-google-start-bitrate=8000\r\n")
    );
    assert!(
        published
            .answer
            .contains("a=fmtp:96 x-google-start-bitrate=8000\r\n"),
        "a codec without parameters"
    );
    assert!(
        published
            .answer
            .contains("a=fmtp:111 minptime=10;useinbandfec=1\r\n"),
        "audio has none"
    );

    let others = publishing_with(OBS_WHIP, features).unwrap();
    assert!(!others.answer.contains("x-google"));
}

#[test]
fn what_the_relay_does_not_implement_is_not_answered() {
    let features = Features {
        feedback: Feedback::default(),
        rtx: false,
        red: false,
        ..Features::default()
    };
    let published = publishing_with(CHROMIUM_PUBLISH, features).unwrap();
    for word in ["rtcp-fb", "rtx", "red"] {
        assert!(!published.answer.contains(word), "{word}");
    }
}

#[test]
fn two_byte_extensions_come_with_the_dependency_descriptor_only() {
    let plain = publishing(CHROMIUM_PUBLISH_SIMULCAST).unwrap();
    assert!(!plain.answer.contains("extmap-allow-mixed"));
    let features = Features {
        dependency_descriptor: true,
        ..Features::default()
    };
    let described = publishing_with(CHROMIUM_PUBLISH_SIMULCAST, features).unwrap();
    assert_eq!(
        track(&described.tracks, Kind::Video)
            .extensions
            .dependency_descriptor,
        Some(12)
    );
    assert_eq!(
        described.answer.matches("extmap-allow-mixed").count(),
        1,
        "only where it is used"
    );
}

#[test]
fn simulcast_layers_are_received_in_the_order_offered() {
    for offer in [CHROMIUM_PUBLISH_SIMULCAST, FIREFOX_PUBLISH_SIMULCAST] {
        let published = publishing(offer).unwrap();
        let video = track(&published.tracks, Kind::Video);
        assert_eq!(video.rids, ["h", "m", "l"]);
        assert!(video.extensions.rid.is_some() && video.extensions.repaired_rid.is_some());
        assert!(published.answer.contains(
            "a=rid:h recv\r\na=rid:m recv\r\na=rid:l recv\r\na=simulcast:recv h;m;l\r\n"
        ));
    }
}

#[test]
fn an_extension_of_one_direction_is_mirrored_or_left_out() {
    let published = publishing(FIREFOX_PUBLISH_SIMULCAST).unwrap();
    assert!(
        published
            .answer
            .contains("a=extmap:8/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n")
    );
    let reversed = FIREFOX_PUBLISH_SIMULCAST.replace("extmap:8/sendonly", "extmap:8/recvonly");
    let published = publishing(&reversed).unwrap();
    assert_eq!(published.tracks[0].extensions.rid, None);
    assert!(
        published.tracks[0].rids.is_empty(),
        "layers without their extension cannot be told apart"
    );
}

#[test]
fn layers_are_read_with_alternatives_pauses_and_a_limit() {
    let simulcast = |rids: &[&str], list: &str| {
        let lines: String = rids
            .iter()
            .map(|rid| format!("a=rid:{rid} send\r\n"))
            .collect();
        let offer = CHROMIUM_PUBLISH_SIMULCAST
            .replace("a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\n", &lines)
            .replace("a=simulcast:send h;m;l", list);
        track(&publishing(&offer).unwrap().tracks, Kind::Video)
            .rids
            .clone()
    };
    assert_eq!(
        simulcast(&["a", "b", "c"], "a=simulcast:send a,b;~c"),
        ["a", "c"]
    );
    assert_eq!(
        simulcast(&["a", "b"], "a=simulcast:recv x send b;a"),
        ["b", "a"]
    );
    assert_eq!(
        simulcast(&["a", "b"], "a=simulcast: send rid=a;b"),
        ["a", "b"]
    );
    assert_eq!(
        simulcast(&["1", "2", "3", "4", "5"], "a=simulcast:send 1;2;3;4;5"),
        ["1", "2", "3", "4"]
    );
    assert_eq!(simulcast(&["a", "b"], "a=simulcast:send a;a;zz"), ["a"]);
    assert!(simulcast(&["a", "b"], "a=x").is_empty());
    assert!(
        simulcast(
            &["~", "name-beyond-sixteen-bytes"],
            "a=simulcast:send ~;name-beyond-sixteen-bytes"
        )
        .is_empty()
    );
}

#[test]
fn legacy_simulcast_is_ordered_by_its_group() {
    let published = publishing(LEGACY_SIMULCAST).unwrap();
    let video = &published.tracks[0];
    assert_eq!(video.ssrcs, [13, 12, 11]);
    assert_eq!(video.rtx_of, [(11, 21), (12, 22), (13, 23)]);
    assert_eq!(
        video.codecs[0].feedback,
        Feedback {
            fir: false,
            ..VIDEO_FEEDBACK
        },
        "from wildcards"
    );
}

#[test]
fn firefox_publishes_h264() {
    let published = publishing(FIREFOX_PUBLISH).unwrap();
    let video = track(&published.tracks, Kind::Video);
    assert_eq!(
        payload_types(video),
        [
            (126, Some(127)),
            (97, Some(98)),
            (120, Some(124)),
            (121, Some(125))
        ]
    );
    assert_eq!(
        (video.ssrcs.as_slice(), video.rtx_of.as_slice()),
        (
            [2_000_000_002].as_slice(),
            [(2_000_000_002, 2_000_000_003)].as_slice()
        )
    );
    assert_eq!(
        payload_types(track(&published.tracks, Kind::Audio)),
        [(109, None)]
    );
    assert_eq!(published.remote.credentials.ufrag, "0a1b2c3d");
}

#[test]
fn safari_publishes_high_profile_and_h265() {
    let published = publishing(SAFARI_PUBLISH).unwrap();
    let video = track(&published.tracks, Kind::Video);
    assert_eq!(video.codecs[0].codec, h264(0x64, 0x0c, 31));
    assert!(video.codecs.iter().any(|binding| binding.codec
        == Codec::H265 {
            profile: 1,
            tier: 0,
            level: 93
        }));
    assert!(!published.answer.contains("flexfec"));
}

#[test]
fn obs_and_ffmpeg_publish_without_extensions() {
    for (offer, payload_type, constraints) in [(OBS_WHIP, 96, 0xe0), (FFMPEG_WHIP, 106, 0)] {
        let published = publishing(offer).unwrap();
        let [audio, video] = published.tracks.as_slice() else {
            panic!("two tracks")
        };
        assert_eq!((audio.kind, video.kind), (Kind::Audio, Kind::Video));
        assert_eq!(
            (video.codecs[0].payload_type, video.codecs[0].codec),
            (payload_type, h264(0x42, constraints, 31))
        );
        assert_eq!((audio.ssrcs.len(), video.ssrcs.len()), (1, 1));
        assert_eq!(video.extensions, Default::default());
    }
}

#[test]
fn gstreamer_is_answered_with_its_own_parameters_on_a_bundle_only_line() {
    let published = publishing(GSTREAMER_PUBLISH).unwrap();
    assert_eq!(published.tracks.len(), 2);
    assert!(published.answer.contains(
        "a=fmtp:96 packetization-mode=1;profile-level-id=42c01f;sprop-parameter-sets=Z0LAH9oBQBbsBagICAoAAAMAAgAAAwB5HjBlQA==,aM48gA==\r\n"
    ));
    assert_eq!(
        track(&published.tracks, Kind::Audio).codecs[0].codec,
        Codec::Opus
    );
}

#[test]
fn four_k_levels_and_missing_parameters_are_accepted() {
    let offer = OBS_WHIP.replace("42e01f", "640034");
    assert_eq!(
        track(&publishing(&offer).unwrap().tracks, Kind::Video).codecs[0].codec,
        h264(0x64, 0, 52)
    );
    let offer = OBS_WHIP.replace(
        "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n",
        "",
    );
    let codec = track(&publishing(&offer).unwrap().tracks, Kind::Video).codecs[0].codec;
    assert_eq!(
        codec,
        Codec::H264 {
            profile: 0x42,
            constraints: 0,
            level: 10,
            packetization_mode: 0
        }
    );
}

#[test]
fn sources_need_not_be_announced() {
    let offer: String = OBS_WHIP
        .lines()
        .filter(|line| !line.starts_with("a=ssrc"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    assert!(
        publishing(&offer)
            .unwrap()
            .tracks
            .iter()
            .all(|track| track.ssrcs.is_empty() && track.rtx_of.is_empty())
    );
}

#[test]
fn a_two_way_offer_only_sends_here() {
    let published = publishing(CHROMIUM_SENDRECV).unwrap();
    assert_eq!(published.tracks.len(), 2);
    assert_eq!(published.answer.matches("a=recvonly").count(), 2);
}

#[test]
fn data_channels_are_refused_in_place() {
    let published = publishing(CHROMIUM_DATACHANNEL).unwrap();
    assert_eq!(published.tracks.len(), 1);
    assert!(
        published
            .answer
            .contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n")
    );
    assert!(published.answer.contains("a=group:BUNDLE 0\r\n"));
}

#[test]
fn what_lies_outside_the_group_is_refused_in_place() {
    let offer = OBS_WHIP.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 1");
    let published = publishing(&offer).unwrap();
    assert_eq!(published.tracks.len(), 1);
    assert!(
        published
            .answer
            .contains("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n")
    );
}

#[test]
fn a_single_line_needs_no_group_but_two_do() {
    let ungrouped = OBS_WHIP.replace("a=group:BUNDLE 0 1\r\n", "");
    assert_eq!(
        publishing(&ungrouped),
        Err(OfferError::Unacceptable(Unacceptable::NotBundled))
    );
    let single = ungrouped.replace("m=video 9 ", "m=video 0 ");
    assert_eq!(publishing(&single).unwrap().tracks.len(), 1);
}

#[test]
fn a_line_that_sends_nothing_stays_for_later() {
    let offer = OBS_WHIP.replacen("a=sendonly", "a=inactive", 1);
    let published = publishing(&offer).unwrap();
    assert_eq!(published.tracks.len(), 1);
    assert!(published.answer.contains("a=inactive"));
    assert!(published.answer.contains("a=group:BUNDLE 0 1\r\n"));
}

#[test]
fn watching_offers_are_not_publications() {
    for offer in [CHROMIUM_WATCH_2X2, FIREFOX_WATCH] {
        assert_eq!(
            publishing(offer),
            Err(OfferError::Unacceptable(Unacceptable::NothingToReceive))
        );
    }
}
