//! Which of a viewer's payload types carries a publication.

use super::{Codec, CodecBinding};

/// How well a viewer's payload type suits a publication; less is better, and an equal packetization
/// mode is worth more than any profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    other_mode: bool,
    profile: ProfileFit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ProfileFit {
    Identical,
    SameName,
    SameIdc,
    Other,
}

impl Fit {
    const PERFECT: Self = Self {
        other_mode: false,
        profile: ProfileFit::Identical,
    };
}

/// The payload type among `offered` that carries what `published` describes, or `None` if the
/// viewer cannot receive it.
///
/// H.264 goes into a binding of its packetization mode (mode 0 also into mode 1, never the
/// reverse), preferring the same profile but accepting any: decoders take more than they list
/// (Chromium decodes High labelled `42e01f`). Profiles of H.265, VP9 and AV1 must be equal. Levels
/// and audio channels never matter. RED is carried as RED only.
pub fn pick<'a>(published: &CodecBinding, offered: &'a [CodecBinding]) -> Option<&'a CodecBinding> {
    offered
        .iter()
        .filter(|binding| binding.clock_rate == published.clock_rate)
        .filter_map(|binding| fit(published.codec, binding.codec).map(|fit| (fit, binding)))
        .min_by_key(|(fit, _)| *fit)
        .map(|(_, binding)| binding)
}

fn fit(published: Codec, offered: Codec) -> Option<Fit> {
    match (published, offered) {
        (
            Codec::H264 {
                profile,
                constraints,
                packetization_mode,
                ..
            },
            Codec::H264 {
                profile: offered_profile,
                constraints: offered_constraints,
                packetization_mode: offered_mode,
                ..
            },
        ) => (packetization_mode <= offered_mode).then(|| Fit {
            other_mode: packetization_mode != offered_mode,
            profile: profile_fit(
                (profile, constraints),
                (offered_profile, offered_constraints),
            ),
        }),
        (Codec::H265 { profile, .. }, Codec::H265 { profile: other, .. })
        | (Codec::Vp9 { profile }, Codec::Vp9 { profile: other })
        | (Codec::Av1 { profile }, Codec::Av1 { profile: other }) => {
            (profile == other).then_some(Fit::PERFECT)
        }
        (Codec::Vp8, Codec::Vp8) | (Codec::Opus, Codec::Opus) | (Codec::Red, Codec::Red) => {
            Some(Fit::PERFECT)
        }
        _ => None,
    }
}

/// Compares pairs of `profile_idc` and constraint flags.
fn profile_fit(published: (u8, u8), offered: (u8, u8)) -> ProfileFit {
    if published == offered {
        ProfileFit::Identical
    } else if h264_profile(published) == h264_profile(offered) {
        ProfileFit::SameName
    } else if published.0 == offered.0 {
        ProfileFit::SameIdc
    } else {
        ProfileFit::Other
    }
}

/// Profiles that several pairs of `profile_idc` and constraint flags name (RFC 6184 §8.1, table 5).
#[derive(Debug, PartialEq, Eq)]
enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
    Other(u8, u8),
}

fn h264_profile((profile, constraints): (u8, u8)) -> H264Profile {
    let set = |index: u8| constraints & (0x80 >> index) != 0;
    match profile {
        66 if set(1) => H264Profile::ConstrainedBaseline,
        77 if set(0) => H264Profile::ConstrainedBaseline,
        88 if set(0) && set(1) => H264Profile::ConstrainedBaseline,
        66 => H264Profile::Baseline,
        88 if set(0) => H264Profile::Baseline,
        77 => H264Profile::Main,
        100 if set(4) && set(5) => H264Profile::ConstrainedHigh,
        100 => H264Profile::High,
        _ => H264Profile::Other(profile, constraints),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Feedback;

    fn binding(payload_type: u8, codec: Codec) -> CodecBinding {
        CodecBinding {
            payload_type,
            codec,
            clock_rate: if matches!(codec, Codec::Opus | Codec::Red) {
                48_000
            } else {
                90_000
            },
            channels: 1,
            fmtp: String::new(),
            rtx: None,
            feedback: Feedback::default(),
        }
    }

    fn h264(profile_level_id: u32, packetization_mode: u8) -> Codec {
        let [_, profile, constraints, level] = profile_level_id.to_be_bytes();
        Codec::H264 {
            profile,
            constraints,
            level,
            packetization_mode,
        }
    }

    /// The payload type picked among `offered`, numbered from 100.
    fn picked(published: Codec, offered: &[Codec]) -> Option<u8> {
        let offered: Vec<_> = (100..)
            .zip(offered)
            .map(|(number, codec)| binding(number, *codec))
            .collect();
        pick(&binding(1, published), &offered).map(|binding| binding.payload_type)
    }

    #[test]
    fn h264_prefers_the_closest_profile_of_its_packetization_mode() {
        let offered = [
            h264(0x42001f, 1),
            h264(0x42001f, 0),
            h264(0x42e01f, 1),
            h264(0x42e01f, 0),
            h264(0x4d001f, 1),
            h264(0xf4001f, 1),
        ];
        assert_eq!(picked(h264(0x42e01f, 1), &offered), Some(102));
        assert_eq!(
            picked(h264(0x42c033, 1), &offered),
            Some(102),
            "constrained baseline spelled otherwise"
        );
        assert_eq!(picked(h264(0x428033, 1), &offered), Some(100), "baseline");
        assert_eq!(
            picked(h264(0x4d4034, 1), &offered),
            Some(104),
            "main at 5.2"
        );
        assert_eq!(
            picked(h264(0x640033, 1), &offered),
            Some(100),
            "high, which nobody lists, still goes"
        );
        assert_eq!(
            picked(h264(0x42e01f, 0), &offered),
            Some(103),
            "mode 0 stays in mode 0"
        );
    }

    #[test]
    fn single_nal_units_fit_mode_1_but_fragments_never_fit_mode_0() {
        assert_eq!(picked(h264(0x42e01f, 0), &[h264(0x640c1f, 1)]), Some(100));
        assert_eq!(picked(h264(0x42e01f, 1), &[h264(0x42e01f, 0)]), None);
    }

    #[test]
    fn profiles_of_the_other_video_codecs_must_be_equal() {
        assert_eq!(
            picked(
                Codec::Vp9 { profile: 2 },
                &[Codec::Vp9 { profile: 0 }, Codec::Vp9 { profile: 2 }]
            ),
            Some(101)
        );
        assert_eq!(
            picked(Codec::Vp9 { profile: 2 }, &[Codec::Vp9 { profile: 0 }]),
            None
        );
        assert_eq!(
            picked(Codec::Av1 { profile: 1 }, &[Codec::Av1 { profile: 0 }]),
            None
        );
        let h265 = |profile, level| Codec::H265 {
            profile,
            tier: 0,
            level,
        };
        assert_eq!(
            picked(h265(1, 153), &[h265(2, 153), h265(1, 93)]),
            Some(101)
        );
        assert_eq!(picked(Codec::Vp8, &[Codec::Vp9 { profile: 0 }]), None);
    }

    #[test]
    fn audio_keeps_its_form() {
        assert_eq!(picked(Codec::Opus, &[Codec::Red, Codec::Opus]), Some(101));
        assert_eq!(picked(Codec::Red, &[Codec::Red, Codec::Opus]), Some(100));
        assert_eq!(picked(Codec::Red, &[Codec::Opus]), None);
        assert_eq!(picked(Codec::Opus, &[]), None);
    }
}
