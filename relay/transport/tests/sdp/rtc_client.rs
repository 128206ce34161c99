//! Offers and verdicts of a real client: the `rtc` crate, which the project's own participants run
//! on.

use std::time::Instant;

use relay_transport::sdp::{Codec, Kind};
use rtc::{
    media_stream::MediaStreamTrack,
    peer_connection::{
        RTCPeerConnection, RTCPeerConnectionBuilder,
        configuration::{
            interceptor_registry::{Registry, register_default_interceptors},
            media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MediaEngine},
        },
        sdp::RTCSessionDescription,
    },
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind},
    },
};

use crate::common::*;

fn client() -> RTCPeerConnection {
    let mut media = MediaEngine::default();
    media.register_default_codecs().unwrap();
    let registry = register_default_interceptors(Registry::new(), &mut media).unwrap();
    RTCPeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .build(Instant::now())
        .unwrap()
}

fn track(kind: RtpCodecKind, ssrc: u32, codec: RTCRtpCodec) -> MediaStreamTrack {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec,
        ..Default::default()
    };
    let name = format!("track-{ssrc}");
    MediaStreamTrack::new(
        "camera".to_owned(),
        name.clone(),
        name,
        kind,
        vec![encoding],
    )
}

#[test]
fn a_participant_publishes() {
    let mut client = client();
    let h264 = RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
        sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
            .to_owned(),
        ..Default::default()
    };
    let opus = RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        ..Default::default()
    };
    client
        .add_track(track(RtpCodecKind::Video, 7001, h264))
        .unwrap();
    client
        .add_track(track(RtpCodecKind::Audio, 7002, opus))
        .unwrap();
    let offer = client.create_offer(None).unwrap();
    client.set_local_description(Instant::now(), offer).unwrap();

    let published = publishing(&client.local_description().unwrap().sdp).unwrap();
    let [video, audio] = published.tracks.as_slice() else {
        panic!("two tracks")
    };
    assert_eq!(
        (video.kind, video.ssrcs.as_slice()),
        (Kind::Video, [7001].as_slice())
    );
    assert!(matches!(
        video.codecs[0].codec,
        Codec::H264 {
            packetization_mode: 1,
            ..
        }
    ));
    assert!(video.codecs[0].feedback.nack && video.codecs[0].feedback.pli);
    assert_eq!(
        (audio.kind, audio.ssrcs.as_slice()),
        (Kind::Audio, [7002].as_slice())
    );

    let answer = RTCSessionDescription::answer(published.answer).unwrap();
    client
        .set_remote_description(Instant::now(), answer)
        .unwrap();
    for id in client.get_transceivers().collect::<Vec<_>>() {
        let direction = client.rtp_transceiver(id).unwrap().current_direction();
        assert_eq!(direction, RTCRtpTransceiverDirection::Sendonly);
    }
}

#[test]
fn a_participant_watches_three_slots_with_sound() {
    let mut client = client();
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio].repeat(3) {
        let direction = RTCRtpTransceiverDirection::Recvonly;
        let init = RTCRtpTransceiverInit {
            direction,
            streams: Vec::new(),
            send_encodings: Vec::new(),
        };
        client.add_transceiver_from_kind(kind, Some(init)).unwrap();
    }
    let offer = client.create_offer(None).unwrap();
    client.set_local_description(Instant::now(), offer).unwrap();

    let watched = watching(&client.local_description().unwrap().sdp).unwrap();
    let names: Vec<_> = watched
        .slots
        .iter()
        .map(|slot| slot.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "camera",
            "camera",
            "courseware",
            "stage-1",
            "stage-1",
            "stage-2"
        ]
    );

    let answer = RTCSessionDescription::answer(watched.answer).unwrap();
    client
        .set_remote_description(Instant::now(), answer)
        .unwrap();
    for id in client.get_transceivers().collect::<Vec<_>>() {
        let direction = client.rtp_transceiver(id).unwrap().current_direction();
        assert_eq!(direction, RTCRtpTransceiverDirection::Recvonly);
    }
}
