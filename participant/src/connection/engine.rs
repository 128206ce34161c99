//! What is put into an offer: codecs with their parameters, feedback and header extensions.

use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use webrtc::error::Error;
use webrtc::peer_connection::MediaEngine;

use crate::publish::Rid;
use crate::{AudioFormat, Codec, Kind, VideoFormat, wire};

const OPUS: u8 = 111;
/// First payload type of video; 35–63 are for those that do not fit (RFC 5761 §4), which is never.
const FIRST_VIDEO: u8 = 96;

/// H.264 as a receiver offers it: High, Main, constrained baseline, all of them level 5.1, which is 4K at 30 frames/s.
const H264_PROFILES: [u32; 3] = [0x64_00_33, 0x4d_00_33, 0x42_e0_33];

/// What a publisher offers: exactly what it sends.
pub(crate) fn sending(
    video: Option<VideoFormat>,
    audio: Option<AudioFormat>,
) -> Result<MediaEngine, Error> {
    let mut media = MediaEngine::default();
    if let Some(format) = video {
        media.register_codec(video_codec(format, FIRST_VIDEO), RtpCodecKind::Video)?;
    }
    if let Some(format) = audio {
        media.register_codec(audio_codec(format), RtpCodecKind::Audio)?;
    }
    register_extensions(&mut media, &[wire::RID, wire::TRANSPORT_CC])?;
    Ok(media)
}

/// What a watcher offers. No RTX: the library would go on asking for what RTX has repaired.
pub(crate) fn receiving(codecs: &[Codec]) -> Result<MediaEngine, Error> {
    let mut media = MediaEngine::default();
    let formats = codecs.iter().flat_map(|codec| match codec {
        Codec::H264 => H264_PROFILES
            .map(|profile_level_id| VideoFormat::H264 { profile_level_id })
            .to_vec(),
        Codec::H265 => vec![VideoFormat::H265],
        Codec::Vp8 => vec![VideoFormat::Vp8],
        Codec::Vp9 => vec![VideoFormat::Vp9],
        Codec::Av1 => vec![VideoFormat::Av1],
        Codec::Opus => Vec::new(),
    });
    for (format, payload_type) in formats.zip(FIRST_VIDEO..OPUS) {
        media.register_codec(video_codec(format, payload_type), RtpCodecKind::Video)?;
    }
    media.register_codec(
        audio_codec(AudioFormat::Opus { channels: 2 }),
        RtpCodecKind::Audio,
    )?;
    register_extensions(&mut media, &[wire::TRANSPORT_CC])?;
    Ok(media)
}

/// A track to send, with the source identifiers that its packets will carry, and their names where there are several.
pub(crate) fn track(codec: Codec, sources: &[(u32, Option<&Rid>)]) -> MediaStreamTrack {
    let name = match codec.kind() {
        Kind::Audio => "audio",
        Kind::Video => "video",
    };
    let codings = sources.iter().map(|(ssrc, rid)| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: rid.map(|rid| rid.as_str().to_owned()).unwrap_or_default(),
            ssrc: Some(*ssrc),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: RTCRtpCodec {
            mime_type: codec.mime().to_owned(),
            clock_rate: codec.clock_rate(),
            channels: if codec == Codec::Opus { 2 } else { 0 },
            ..RTCRtpCodec::default()
        },
        ..RTCRtpEncodingParameters::default()
    });
    // One stream id for both tracks: they belong together (RFC 8830).
    MediaStreamTrack::new(
        "lectern".to_owned(),
        name.to_owned(),
        name.to_owned(),
        kind(codec.kind()),
        codings.collect(),
    )
}

pub(super) fn kind(kind: Kind) -> RtpCodecKind {
    match kind {
        Kind::Audio => RtpCodecKind::Audio,
        Kind::Video => RtpCodecKind::Video,
    }
}

/// Those that everybody offers, and `more`.
fn register_extensions(media: &mut MediaEngine, more: &[&str]) -> Result<(), Error> {
    for uri in [wire::ABS_CAPTURE_TIME, wire::MID].iter().chain(more) {
        for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
            let extension = RTCRtpHeaderExtensionCapability {
                uri: (*uri).to_owned(),
            };
            media.register_header_extension(extension, kind, None)?;
        }
    }
    Ok(())
}

fn video_codec(format: VideoFormat, payload_type: u8) -> RTCRtpCodecParameters {
    let parameters = match format {
        // RFC 6184 §8.2.2: level asymmetry, because what a decoder manages says nothing about the sender's level.
        VideoFormat::H264 { profile_level_id } => format!(
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile_level_id:06x}"
        ),
        VideoFormat::Vp9 => "profile-id=0".to_owned(),
        VideoFormat::H265 | VideoFormat::Vp8 | VideoFormat::Av1 => String::new(),
    };
    let feedback = [
        ("nack", ""),
        ("nack", "pli"),
        ("ccm", "fir"),
        ("transport-cc", ""),
    ];
    codec(format.codec(), 0, parameters, &feedback, payload_type)
}

fn audio_codec(AudioFormat::Opus { channels }: AudioFormat) -> RTCRtpCodecParameters {
    let mut parameters = "minptime=10;useinbandfec=1".to_owned();
    if channels > 1 {
        parameters.push_str(";stereo=1;sprop-stereo=1");
    }
    // RFC 7587 §4.3: always two channels in the rtpmap.
    let feedback = [("nack", ""), ("transport-cc", "")];
    codec(Codec::Opus, 2, parameters, &feedback, OPUS)
}

fn codec(
    codec: Codec,
    channels: u16,
    parameters: String,
    feedback: &[(&str, &str)],
    payload_type: u8,
) -> RTCRtpCodecParameters {
    let feedback = feedback.iter().map(|(typ, parameter)| RTCPFeedback {
        typ: (*typ).to_owned(),
        parameter: (*parameter).to_owned(),
    });
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: codec.mime().to_owned(),
            clock_rate: codec.clock_rate(),
            channels,
            sdp_fmtp_line: parameters,
            rtcp_feedback: feedback.collect(),
        },
        payload_type,
    }
}
