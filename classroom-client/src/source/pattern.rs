//! A moving pattern and a tone, for trying a line without a camera.

use super::ladder::Ladder;
use super::outlet::Outlet;
use super::{OpenError, Request};
use crate::encode::{OPUS_TAIL, Size};
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
    request: &Request,
    outlet: &Outlet,
) -> Result<(Pipeline, Ladder), OpenError> {
    let Size { width, height, fps } = pattern.0;
    let mut ladder = Ladder::plan(pattern.0, request.bitrate, &request.layers)?;
    // A bouncing ball costs 33 ms a picture in 4K, colour bars 9 ms.
    let shape = if height > 1_080 { "smpte" } else { "ball" };
    let pipeline = Pipeline::parse(&format!(
        "videotestsrc is-live=true pattern={shape} ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
         ! timeoverlay ! clockoverlay halignment=right time-format=\"%H:%M:%S\" \
         ! {}",
        ladder.description()
    ))?;
    ladder.attach(&pipeline);
    outlet.connect(&pipeline);
    pipeline.play()?;
    Ok((pipeline, ladder))
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
