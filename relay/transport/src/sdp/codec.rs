//! Codecs as SDP describes them: `a=rtpmap`, `a=fmtp`, `a=rtcp-fb`.

use super::{Features, Kind, media::Section};

/// A codec the relay forwards, with the parameters that decide who can decode it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 (RFC 6184).
    H264 {
        /// `profile_idc`: 66 Baseline, 77 Main, 100 High.
        profile: u8,
        /// `profile_iop`: the constraint flags, `constraint_set0` in the highest bit.
        constraints: u8,
        /// `level_idc`: ten times the level, so 51 for 4K at 30 frames a second. Never a reason to
        /// refuse.
        level: u8,
        /// 0: one NAL unit per packet; 1: also aggregation and fragments.
        packetization_mode: u8,
    },
    /// H.265 (RFC 7798), sent in a single RTP session (`tx-mode=SRST`).
    H265 {
        /// `profile-id`: 1 Main, 2 Main 10.
        profile: u8,
        /// `tier-flag`.
        tier: u8,
        /// `level-id`: thirty times the level.
        level: u8,
    },
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9 {
        /// `profile-id`: 0 is 8 bits 4:2:0.
        profile: u8,
    },
    /// AV1 (AOM's RTP payload format).
    Av1 {
        /// `profile`: 0 is Main.
        profile: u8,
    },
    /// Opus (RFC 7587).
    Opus,
    /// Redundant audio (RFC 2198) around Opus. The blocks inside carry the *offer's* Opus payload
    /// type.
    Red,
}

impl Codec {
    /// Whether the codec is audio or video.
    pub fn kind(self) -> Kind {
        match self {
            Self::H264 { .. }
            | Self::H265 { .. }
            | Self::Vp8
            | Self::Vp9 { .. }
            | Self::Av1 { .. } => Kind::Video,
            Self::Opus | Self::Red => Kind::Audio,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 { .. } => "H264",
            Self::H265 { .. } => "H265",
            Self::Vp8 => "VP8",
            Self::Vp9 { .. } => "VP9",
            Self::Av1 { .. } => "AV1",
            Self::Opus => "opus",
            Self::Red => "red",
        }
    }

    /// `None` for codecs that the relay does not forward, and for parameters it cannot read.
    fn read(kind: Kind, name: &str, clock_rate: u32, channels: u8, fmtp: &str) -> Option<Self> {
        let named = |known: &str| name.eq_ignore_ascii_case(known);
        match (kind, clock_rate) {
            (Kind::Video, 90_000) if named("H264") => {
                let packetization_mode = number(fmtp, "packetization-mode", 0)?;
                let [profile, constraints, level] = profile_level_id(fmtp)?;
                (packetization_mode <= 1).then_some(Self::H264 {
                    profile,
                    constraints,
                    level,
                    packetization_mode,
                })
            }
            (Kind::Video, 90_000) if named("H265") => {
                let single =
                    parameter(fmtp, "tx-mode").is_none_or(|mode| mode.eq_ignore_ascii_case("SRST"));
                let [profile, tier, level] = [
                    number(fmtp, "profile-id", 1)?,
                    number(fmtp, "tier-flag", 0)?,
                    number(fmtp, "level-id", 93)?,
                ];
                single.then_some(Self::H265 {
                    profile,
                    tier,
                    level,
                })
            }
            (Kind::Video, 90_000) if named("VP8") => Some(Self::Vp8),
            (Kind::Video, 90_000) if named("VP9") => Some(Self::Vp9 {
                profile: number(fmtp, "profile-id", 0)?,
            }),
            (Kind::Video, 90_000) if named("AV1") => Some(Self::Av1 {
                profile: number(fmtp, "profile", 0)?,
            }),
            // RFC 7587 §7: always 48000/2, whatever is sent.
            (Kind::Audio, 48_000) if named("opus") && channels == 2 => Some(Self::Opus),
            (Kind::Audio, 48_000) if named("red") && channels == 2 => Some(Self::Red),
            _ => None,
        }
    }
}

/// RFC 6184 §8.1: Baseline level 1 when absent.
fn profile_level_id(fmtp: &str) -> Option<[u8; 3]> {
    let Some(text) = parameter(fmtp, "profile-level-id") else {
        return Some([0x42, 0x00, 0x0a]);
    };
    if text.len() != 6 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [_, profile, constraints, level] = u32::from_str_radix(text, 16).ok()?.to_be_bytes();
    Some([profile, constraints, level])
}

/// The value of `name` in a `;`-separated parameter list.
fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// `None` if the parameter is there and is no number.
fn number(fmtp: &str, name: &str, absent: u8) -> Option<u8> {
    parameter(fmtp, name).map_or(Some(absent), |value| value.parse().ok())
}

/// Kinds of RTCP feedback (`a=rtcp-fb`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feedback {
    /// Generic NACK (RFC 4585 §6.2.1).
    pub nack: bool,
    /// Picture loss indication (RFC 4585 §6.3.1).
    pub pli: bool,
    /// Full intra request (RFC 5104 §4.3.1).
    pub fir: bool,
    /// Transport-wide congestion control; works only with the header extension of that name.
    pub transport_cc: bool,
    /// Receiver estimated maximum bitrate.
    pub remb: bool,
}

impl Feedback {
    fn read(section: &Section<'_>, payload_type: u8) -> Self {
        let mut feedback = Self::default();
        for (format, kind) in section
            .values("rtcp-fb")
            .filter_map(|value| value.split_once(' '))
        {
            if format != "*" && format.parse() != Ok(payload_type) {
                continue;
            }
            match kind.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
                ["nack"] => feedback.nack = true,
                ["nack", "pli"] => feedback.pli = true,
                ["ccm", "fir"] => feedback.fir = true,
                ["transport-cc"] => feedback.transport_cc = true,
                ["goog-remb"] => feedback.remb = true,
                _ => {}
            }
        }
        feedback
    }

    fn both(self, other: Self) -> Self {
        Self {
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
            fir: self.fir && other.fir,
            transport_cc: self.transport_cc && other.transport_cc,
            remb: self.remb && other.remb,
        }
    }

    /// The values of the `a=rtcp-fb` lines, without payload type.
    pub(super) fn values(self) -> impl Iterator<Item = &'static str> {
        [
            (self.remb, "goog-remb"),
            (self.transport_cc, "transport-cc"),
            (self.fir, "ccm fir"),
            (self.nack, "nack"),
            (self.pli, "nack pli"),
        ]
        .into_iter()
        .filter_map(|(on, value)| on.then_some(value))
    }
}

/// One payload type of one m-line, as agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecBinding {
    /// The offer's number for it, 0–127 without 64–95 (RFC 5761 §4).
    pub payload_type: u8,
    /// What it carries.
    pub codec: Codec,
    /// Ticks of the RTP timestamp per second.
    pub clock_rate: u32,
    /// Audio channels as in the rtpmap; 1 where it names none.
    pub channels: u8,
    /// The offer's format parameters, verbatim; empty when there are none.
    pub fmtp: String,
    /// The payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
    /// The feedback both sides speak.
    pub feedback: Feedback,
}

/// The payload types of `section` that the relay forwards, in the offer's order.
pub(super) fn bindings(
    section: &Section<'_>,
    kind: Kind,
    features: &Features,
) -> Vec<CodecBinding> {
    let mut bindings: Vec<CodecBinding> = Vec::new();
    for payload_type in payload_types(section) {
        let Some((name, clock_rate, channels)) = rtpmap(section, payload_type) else {
            continue;
        };
        let fmtp = fmtp(section, payload_type);
        let Some(codec) = Codec::read(kind, name, clock_rate, channels, fmtp) else {
            continue;
        };
        bindings.push(CodecBinding {
            payload_type,
            codec,
            clock_rate,
            channels,
            fmtp: fmtp.to_owned(),
            rtx: None,
            feedback: Feedback::read(section, payload_type).both(features.feedback),
        });
    }
    if features.rtx {
        bind_retransmissions(section, &mut bindings);
    }
    let has_opus = bindings.iter().any(|binding| binding.codec == Codec::Opus);
    bindings.retain(|binding| binding.codec != Codec::Red || (features.red && has_opus));
    bindings
}

/// The distinct ones; with RTP and RTCP on one port, 64–95 look like RTCP (RFC 5761 §4).
fn payload_types(section: &Section<'_>) -> Vec<u8> {
    let mut payload_types: Vec<u8> = Vec::new();
    for payload_type in section.formats().filter_map(|format| format.parse().ok()) {
        if matches!(payload_type, 0..64 | 96..128) && !payload_types.contains(&payload_type) {
            payload_types.push(payload_type);
        }
    }
    payload_types
}

fn bind_retransmissions(section: &Section<'_>, bindings: &mut [CodecBinding]) {
    for payload_type in payload_types(section) {
        let Some((name, clock_rate, _)) = rtpmap(section, payload_type) else {
            continue;
        };
        if !name.eq_ignore_ascii_case("rtx") {
            continue;
        }
        let Some(apt) =
            parameter(fmtp(section, payload_type), "apt").and_then(|apt| apt.parse::<u8>().ok())
        else {
            continue;
        };
        let repaired = bindings.iter_mut().find(|binding| {
            binding.payload_type == apt && binding.clock_rate == clock_rate && binding.rtx.is_none()
        });
        if let Some(repaired) = repaired {
            repaired.rtx = Some(payload_type);
        }
    }
}

fn rtpmap<'a>(section: &Section<'a>, payload_type: u8) -> Option<(&'a str, u32, u8)> {
    let mut parts = of_payload_type(section, "rtpmap", payload_type)?.split('/');
    let name = parts.next()?;
    let clock_rate = parts.next()?.parse().ok()?;
    let channels = parts.next().map_or(Some(1), |count| count.parse().ok())?;
    Some((name, clock_rate, channels))
}

fn fmtp<'a>(section: &Section<'a>, payload_type: u8) -> &'a str {
    of_payload_type(section, "fmtp", payload_type).unwrap_or_default()
}

/// What follows the payload type in the first attribute `key` that is about it.
fn of_payload_type<'a>(section: &Section<'a>, key: &str, payload_type: u8) -> Option<&'a str> {
    section.values(key).find_map(|value| {
        let (format, rest) = value.split_once(' ')?;
        (format.parse() == Ok(payload_type)).then(|| rest.trim())
    })
}
