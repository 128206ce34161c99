//! What a demultiplexer offers, and what is made of it.

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;
use participant::Kind;

/// What `uridecodebin` need not decode. It stops there and exposes the track as it is.
pub const KEEP: &str =
    "video/x-h264; video/x-raw(ANY); audio/x-opus,channel-mapping-family=0; audio/x-raw(ANY)";

/// What a clip's `uridecodebin` does not decode: no video at all, because a clip is sent as it is or not at all.
pub const KEEP_ALL_VIDEO: &str = "video/x-h264; video/x-h265; video/x-vp8; video/x-vp9; video/x-av1; video/mpeg; \
     video/x-theora; video/x-dirac; video/x-prores; video/x-wmv; video/x-msmpeg; video/x-divx; video/x-flash-video; \
     video/x-h263; image/jpeg; image/png; video/x-raw(ANY); audio/x-opus,channel-mapping-family=0; audio/x-raw(ANY)";

/// What a track holds, by what has to be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Sent as it is.
    H264,
    /// Compressed video of another kind; its name.
    OtherVideo(String),
    /// Pictures to encode.
    Pictures {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Pictures per second, rounded; 0 when it varies.
        fps: u32,
    },
    /// Sent as it is.
    Opus,
    /// Sound to encode.
    Sound,
    /// Subtitles, chapters and the like.
    Ignored,
}

impl Content {
    /// What a pad of `uridecodebin` carries.
    pub fn of(pad: &gst::Pad) -> Self {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let Some(structure) = caps.structure(0) else {
            return Content::Ignored;
        };
        match structure.name().as_str() {
            "video/x-h264" => Content::H264,
            "video/x-raw" => {
                let side = |name| {
                    structure
                        .get::<i32>(name)
                        .map_or(0, |side| side.unsigned_abs())
                };
                let fps = structure
                    .get::<gst::Fraction>("framerate")
                    .map_or(0, |rate| {
                        (f64::from(rate.numer()) / f64::from(rate.denom())).round() as u32
                    });
                Content::Pictures {
                    width: side("width"),
                    height: side("height"),
                    fps,
                }
            }
            "audio/x-opus" => Content::Opus,
            "audio/x-raw" => Content::Sound,
            name if name.starts_with("video/") || name.starts_with("image/") => {
                Content::OtherVideo(codec_name(name))
            }
            _ => Content::Ignored,
        }
    }
}

fn codec_name(media_type: &str) -> String {
    match media_type {
        "video/x-h265" => "H.265",
        "video/x-vp8" => "VP8",
        "video/x-vp9" => "VP9",
        "video/x-av1" => "AV1",
        "video/mpeg" => "MPEG video",
        "image/jpeg" => "Motion JPEG",
        other => other,
    }
    .to_owned()
}

/// Links a pad to the single free input of a bin.
pub fn link(pad: &gst::Pad, bin: &gst::Bin) -> bool {
    bin.sink_pads()
        .first()
        .is_some_and(|input| pad.link(input).is_ok())
}

/// The appsink of a branch for `kind`.
pub fn appsink(bin: &gst::Bin, kind: Kind) -> Option<app::AppSink> {
    let name = match kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
    };
    bin.by_name(name)?.downcast().ok()
}
