//! From frames to RTP payloads and back. Knows codecs, not packets: headers and order are the callers'.

mod av1;
mod nal;
mod packetize;
mod vpx;

use bytes::{Bytes, BytesMut};

use crate::Codec;

pub(crate) use packetize::{Packetizer, Room};

/// The payload is not of its codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed payload")]
pub(crate) struct Malformed;

/// Puts payloads of one frame together again.
#[derive(Debug)]
pub(crate) struct Assembly {
    codec: Codec,
    data: BytesMut,
    keyframe: bool,
    /// What a fragment has left open.
    open: Open,
}

#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    /// A NAL unit whose end has not come.
    Nal,
    /// An AV1 OBU whose end has not come.
    Obu(BytesMut),
}

impl Assembly {
    pub(crate) fn new(codec: Codec) -> Self {
        let keyframe = codec == Codec::Opus;
        Self {
            codec,
            data: BytesMut::new(),
            keyframe,
            open: Open::Nothing,
        }
    }

    /// Adds the next payload in sequence. After an error the frame is of no use.
    pub(crate) fn push(&mut self, payload: &Bytes) -> Result<(), Malformed> {
        if payload.is_empty() {
            // Padding, which pacers and bandwidth probes send.
            return Ok(());
        }
        match self.codec {
            Codec::H264 => nal::H264.depacketize(payload, self),
            Codec::H265 => nal::H265.depacketize(payload, self),
            Codec::Vp8 => vpx::vp8(payload, self),
            Codec::Vp9 => vpx::vp9(payload, self),
            Codec::Av1 => av1::depacketize(payload, self),
            Codec::Opus => {
                self.data.extend_from_slice(payload);
                Ok(())
            }
        }
    }

    /// The frame and whether it is a keyframe, if nothing is left open.
    pub(crate) fn finish(self) -> Result<(Bytes, bool), Malformed> {
        match self.open {
            Open::Nothing if !self.data.is_empty() => Ok((self.data.freeze(), self.keyframe)),
            _ => Err(Malformed),
        }
    }
}

/// Whether a frame certainly begins with this payload. Decides if a frame whose predecessor was lost is whole.
pub(crate) fn starts_frame(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::H264 => nal::H264.starts_frame(payload),
        Codec::H265 => nal::H265.starts_frame(payload),
        Codec::Vp8 => vpx::vp8_starts_frame(payload),
        Codec::Vp9 => vpx::vp9_starts_frame(payload),
        Codec::Av1 => av1::starts_frame(payload),
        Codec::Opus => true,
    }
}

/// Whether a keyframe certainly begins with this payload.
pub(crate) fn starts_keyframe(codec: Codec, payload: &Bytes) -> bool {
    let mut first = Assembly::new(codec);
    starts_frame(codec, payload)
        && (first.push(payload).is_ok() && first.keyframe
            || match codec {
                // Parameter sets go in front of a keyframe, often in a packet of their own.
                Codec::H264 => nal::H264.has_parameter_sets(payload),
                Codec::H265 => nal::H265.has_parameter_sets(payload),
                _ => false,
            })
}
