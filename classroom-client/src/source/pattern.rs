//! A moving pattern and a tone, for trying a line without a camera.

use super::OpenError;
use super::outlet::Outlet;
use crate::encode::{Encoder, H264_TAIL, OPUS_TAIL, RAW_QUEUE, Size};
use crate::pipeline::Pipeline;

/// A pattern's size and rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern(pub Size);

impl Default for Pattern {
    fn default() -> Self {
        Self(Size {
            width: 1_280,
            height: 720,
            fps: 30,
        })
    }
}

/// Opens a pattern with the time since the start and the time of day burnt in.
pub(super) fn open(
    pattern: &Pattern,
    bitrate: Option<u32>,
    outlet: &Outlet,
) -> Result<Pipeline, OpenError> {
    let Size { width, height, fps } = pattern.0;
    let encoder = Encoder::choose(pattern.0)?;
    let bitrate = bitrate.unwrap_or_else(|| pattern.0.default_bitrate());
    // A bouncing ball costs 33 ms a picture in 4K, colour bars 9 ms.
    let shape = if height > 1_080 { "smpte" } else { "ball" };
    let pipeline = Pipeline::parse(&format!(
        "videotestsrc is-live=true pattern={shape} ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
         ! timeoverlay ! clockoverlay halignment=right time-format=\"%H:%M:%S\" \
         ! {RAW_QUEUE} ! {} ! {H264_TAIL} sync=false",
        encoder.fragment(pattern.0, bitrate)
    ))?;
    outlet.connect(&pipeline);
    pipeline.play()?;
    Ok(pipeline)
}

/// Opens a quiet 440 Hz tone.
pub(super) fn tone(outlet: &Outlet) -> Result<Pipeline, OpenError> {
    let pipeline = Pipeline::parse(&format!(
        "audiotestsrc is-live=true freq=440 volume=0.1 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 \
         ! {OPUS_TAIL} sync=false"
    ))?;
    outlet.connect(&pipeline);
    pipeline.play()?;
    Ok(pipeline)
}
