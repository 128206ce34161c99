//! What can be sent and received.

use std::fmt;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A codec, without its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// AV1 (AOMedia's RTP specification).
    Av1,
    /// Opus (RFC 7587).
    Opus,
}

impl Codec {
    /// Audio or video.
    pub fn kind(self) -> Kind {
        match self {
            Codec::Opus => Kind::Audio,
            Codec::H264 | Codec::H265 | Codec::Vp8 | Codec::Vp9 | Codec::Av1 => Kind::Video,
        }
    }

    /// RTP clock, ticks per second.
    pub fn clock_rate(self) -> u32 {
        match self.kind() {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        }
    }

    /// The media type used in SDP and by the `webrtc` crate: `video/H264`.
    pub fn mime(self) -> &'static str {
        match self {
            Codec::H264 => "video/H264",
            Codec::H265 => "video/H265",
            Codec::Vp8 => "video/VP8",
            Codec::Vp9 => "video/VP9",
            Codec::Av1 => "video/AV1",
            Codec::Opus => "audio/opus",
        }
    }

    /// The codec of a media type, in any case.
    pub fn from_mime(mime: &str) -> Option<Self> {
        [
            Codec::H264,
            Codec::H265,
            Codec::Vp8,
            Codec::Vp9,
            Codec::Av1,
            Codec::Opus,
        ]
        .into_iter()
        .find(|codec| codec.mime().eq_ignore_ascii_case(mime))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Codec::H264 => "H.264",
            Codec::H265 => "H.265",
            Codec::Vp8 => "VP8",
            Codec::Vp9 => "VP9",
            Codec::Av1 => "AV1",
            Codec::Opus => "Opus",
        })
    }
}

/// The one video format a publisher offers: what its encoder makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoFormat {
    /// H.264 byte stream (Annex B), packetization-mode 1.
    H264 {
        /// `profile-level-id` of RFC 6184 §8.1 as a 24-bit number: `0x42e01f` is constrained baseline 3.1, `0x640033` High 5.1.
        profile_level_id: u32,
    },
    /// H.265 byte stream (Annex B).
    H265,
    /// VP8 frames.
    Vp8,
    /// VP9 frames, profile 0.
    Vp9,
    /// AV1 temporal units in the low-overhead format, main profile.
    Av1,
}

impl VideoFormat {
    /// The codec without its parameters.
    pub fn codec(self) -> Codec {
        match self {
            VideoFormat::H264 { .. } => Codec::H264,
            VideoFormat::H265 => Codec::H265,
            VideoFormat::Vp8 => Codec::Vp8,
            VideoFormat::Vp9 => Codec::Vp9,
            VideoFormat::Av1 => Codec::Av1,
        }
    }
}

/// The one audio format a publisher offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioFormat {
    /// Opus packets.
    Opus {
        /// 1 or 2. Only announces stereo (RFC 7587 §7.1); each packet says for itself what it holds.
        channels: u8,
    },
}

impl AudioFormat {
    /// The codec without its parameters.
    pub fn codec(self) -> Codec {
        match self {
            AudioFormat::Opus { .. } => Codec::Opus,
        }
    }
}
