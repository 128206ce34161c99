//! Recognising the start of a keyframe from a packet's payload alone.

/// The payload formats the relay forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// AV1 (AOM's RTP payload specification).
    Av1,
    /// Opus (RFC 7587).
    Opus,
    /// Redundant audio (RFC 2198).
    Red,
}

impl Format {
    /// Whether a decoder can start at this packet. Always true for audio.
    pub fn starts_keyframe(self, payload: &[u8]) -> bool {
        match self {
            Format::H264 => h264(payload),
            Format::H265 => h265(payload),
            Format::Vp8 => vp8(payload),
            Format::Vp9 => vp9(payload),
            Format::Av1 => av1(payload),
            Format::Opus | Format::Red => true,
        }
    }
}

/// RFC 6184 §5.4. A keyframe begins with its parameter sets, or with its first slice where they went ahead: the one whose
/// `first_mb_in_slice` is 0, a single set bit in Exp-Golomb code.
fn h264(payload: &[u8]) -> bool {
    const SLICE_IDR: u8 = 5;
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let starts = |header: u8, body: &[u8]| match header & 0x1F {
        SPS => true,
        SLICE_IDR => body.first().is_some_and(|slice| slice & 0x80 != 0),
        _ => false,
    };
    match payload {
        [first, aggregate @ ..] if first & 0x1F == STAP_A => nal_units(aggregate).any(|nal| {
            nal.split_first()
                .is_some_and(|(header, body)| starts(*header, body))
        }),
        [first, header, body @ ..] if first & 0x1F == FU_A => {
            header & 0x80 != 0 && starts(*header, body)
        }
        [first, body @ ..] => starts(*first, body),
        [] => false,
    }
}

/// RFC 7798 §4.4: IRAP pictures are types 16…23, and the first slice of a picture has its first bit set (H.265 §7.3.6.1); VPS and
/// SPS precede them.
fn h265(payload: &[u8]) -> bool {
    const AP: u8 = 48;
    const FU: u8 = 49;
    let starts = |kind: u8, body: &[u8]| match kind {
        32 | 33 => true,
        16..=23 => body.first().is_some_and(|slice| slice & 0x80 != 0),
        _ => false,
    };
    let kind = |first: u8| first >> 1 & 0x3F;
    match payload {
        [first, _, aggregate @ ..] if kind(*first) == AP => nal_units(aggregate)
            .any(|nal| matches!(nal, [first, _, body @ ..] if starts(kind(*first), body))),
        [first, _, header, body @ ..] if kind(*first) == FU => {
            header & 0x80 != 0 && starts(header & 0x3F, body)
        }
        [first, _, body @ ..] => starts(kind(*first), body),
        _ => false,
    }
}

/// The NAL units of an aggregation packet: each preceded by its 16-bit length.
fn nal_units(mut aggregate: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = aggregate.split_first_chunk::<2>()?;
        let nal = rest.get(..usize::from(u16::from_be_bytes(*len)))?;
        aggregate = &rest[nal.len()..];
        Some(nal)
    })
}

/// RFC 7741 §4.2 and §4.3: first partition of a frame whose P bit is clear.
fn vp8(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    if first & 0x10 == 0 || first & 0x07 != 0 {
        return false;
    }
    let mut at = 1;
    if first & 0x80 != 0 {
        let Some(&extended) = payload.get(at) else {
            return false;
        };
        at += 1;
        if extended & 0x80 != 0 {
            at += if payload.get(at).is_some_and(|id| id & 0x80 != 0) {
                2
            } else {
                1
            };
        }
        at += usize::from(extended & 0x40 != 0);
        at += usize::from(extended & 0x30 != 0);
    }
    payload.get(at).is_some_and(|frame| frame & 0x01 == 0)
}

/// RFC 9628 §4.2: start of a frame that is not inter-picture predicted, in the base spatial layer.
fn vp9(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    let (picture_id, predicted, layers, begins) = (
        first & 0x80 != 0,
        first & 0x40 != 0,
        first & 0x20 != 0,
        first & 0x08 != 0,
    );
    if predicted || !begins {
        return false;
    }
    if !layers {
        return true;
    }
    let id_len = match (picture_id, payload.get(1)) {
        (false, _) => 0,
        (true, Some(id)) => 1 + usize::from(id & 0x80 != 0),
        (true, None) => return false,
    };
    payload
        .get(1 + id_len)
        .is_some_and(|layer| layer >> 1 & 0x07 == 0)
}

/// The N bit of the aggregation header: first packet of a coded video sequence.
fn av1(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & 0x08 != 0)
}

#[cfg(test)]
mod tests {
    use super::Format::*;

    #[test]
    fn h264_keyframes() {
        assert!(H264.starts_keyframe(&[0x67, 0x64]), "SPS");
        assert!(H264.starts_keyframe(&[0x65, 0x88]), "IDR slice");
        assert!(
            !H264.starts_keyframe(&[0x65, 0x42]),
            "second slice of an IDR picture"
        );
        assert!(
            H264.starts_keyframe(&[0x7C, 0x85, 0x88]),
            "FU-A start of IDR"
        );
        assert!(
            !H264.starts_keyframe(&[0x7C, 0x05, 0x88]),
            "FU-A middle of IDR"
        );
        assert!(
            !H264.starts_keyframe(&[0x7C, 0x81, 0x88]),
            "FU-A start of a P slice"
        );
        assert!(!H264.starts_keyframe(&[0x61, 0x88]), "P slice");
        assert!(
            H264.starts_keyframe(&[0x78, 0, 2, 0x09, 0xF0, 0, 2, 0x67, 0x64]),
            "STAP-A with AUD and SPS"
        );
        assert!(
            !H264.starts_keyframe(&[0x78, 0, 9, 0x67]),
            "STAP-A cut short"
        );
        assert!(!H264.starts_keyframe(&[]));
    }

    #[test]
    fn h265_keyframes() {
        assert!(H265.starts_keyframe(&[0x40, 0x01, 0]), "VPS");
        assert!(H265.starts_keyframe(&[19 << 1, 0x01, 0x80]), "IDR");
        assert!(
            !H265.starts_keyframe(&[19 << 1, 0x01, 0x20]),
            "second slice of an IDR picture"
        );
        assert!(
            H265.starts_keyframe(&[49 << 1, 0x01, 0x80 | 19, 0x80]),
            "FU start of IDR"
        );
        assert!(
            !H265.starts_keyframe(&[49 << 1, 0x01, 0x80 | 19, 0x20]),
            "FU start of its second slice"
        );
        assert!(!H265.starts_keyframe(&[49 << 1, 0x01, 19]), "FU middle");
        assert!(
            !H265.starts_keyframe(&[1 << 1, 0x01, 0]),
            "trailing picture"
        );
        assert!(
            H265.starts_keyframe(&[48 << 1, 0x01, 0, 2, 0x42, 0x01]),
            "aggregated SPS"
        );
    }

    #[test]
    fn vp8_keyframes() {
        assert!(Vp8.starts_keyframe(&[0x10, 0x00]));
        assert!(!Vp8.starts_keyframe(&[0x10, 0x01]), "P frame");
        assert!(!Vp8.starts_keyframe(&[0x00, 0x00]), "continuation");
        assert!(
            Vp8.starts_keyframe(&[0x90, 0xE0, 0x80, 0x01, 0x02, 0x03, 0x00]),
            "15-bit picture id, TL0PICIDX, TID"
        );
    }

    #[test]
    fn vp9_and_av1_keyframes() {
        assert!(Vp9.starts_keyframe(&[0x88, 0x05]));
        assert!(!Vp9.starts_keyframe(&[0xC8, 0x05]), "predicted");
        assert!(
            !Vp9.starts_keyframe(&[0xA8, 0x05, 0x02]),
            "higher spatial layer"
        );
        assert!(Vp9.starts_keyframe(&[0xA8, 0x85, 0x11, 0x00]));
        assert!(Av1.starts_keyframe(&[0x18]));
        assert!(!Av1.starts_keyframe(&[0x10]));
    }

    #[test]
    fn no_payload_of_three_bytes_panics() {
        for format in [H264, H265, Vp8, Vp9, Av1] {
            for bits in 0..1u32 << 16 {
                let [hi, lo] = (bits as u16).to_be_bytes();
                for len in 0..=3 {
                    let _ = format.starts_keyframe(&[hi, lo, hi ^ lo][..len]);
                }
            }
        }
    }
}
