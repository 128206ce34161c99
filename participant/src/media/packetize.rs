//! Frames to payloads.

use bytes::Bytes;
use rtc::rtp::codec::av1::Av1Payloader;
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::codec::vp9::Vp9Payloader;
use rtc::rtp::packetizer::Payloader;

use super::{Malformed, nal};
use crate::Codec;

/// How long payloads may be, in bytes: the first of a frame carries a larger header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) first: usize,
    pub(crate) rest: usize,
}

impl Room {
    /// For the payload at this index.
    pub(crate) fn of(self, index: usize) -> usize {
        if index == 0 { self.first } else { self.rest }
    }
}

/// Cuts frames of one codec into payloads.
#[derive(Debug)]
pub(crate) enum Packetizer {
    H264,
    H265,
    Opus,
    /// VP8, VP9 and AV1 by the library.
    Library(Box<dyn Payloader>),
}

impl Packetizer {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::H264 => Self::H264,
            Codec::H265 => Self::H265,
            Codec::Opus => Self::Opus,
            Codec::Vp8 => Self::Library(Box::new(vp8())),
            Codec::Vp9 => Self::Library(Box::<Vp9Payloader>::default()),
            Codec::Av1 => Self::Library(Box::<Av1Payloader>::default()),
        }
    }

    /// The payloads of a frame, in order; none when there is nothing in it.
    pub(crate) fn payloads(&mut self, frame: &Bytes, room: Room) -> Result<Vec<Bytes>, Malformed> {
        match self {
            Self::H264 => Ok(nal::H264.packetize(frame, room)),
            Self::H265 => Ok(nal::H265.packetize(frame, room)),
            Self::Opus if frame.is_empty() => Ok(Vec::new()),
            Self::Opus => Ok(vec![frame.clone()]),
            Self::Library(payloader) => payloader
                .payload(room.first.min(room.rest), frame)
                .map_err(|_| Malformed),
        }
    }
}

fn vp8() -> Vp8Payloader {
    let mut payloader = Vp8Payloader::default();
    payloader.enable_picture_id = true;
    payloader
}
