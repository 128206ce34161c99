//! A camera or capture card behind V4L2.

use std::path::PathBuf;

use gstreamer::prelude::*;

use super::OpenError;
use super::outlet::Outlet;
use crate::elements;
use crate::encode::{Encoder, H264_TAIL, RAW_QUEUE, Size};
use crate::pipeline::Pipeline;

/// A V4L2 device and the size asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    /// The device node: `/dev/video0`.
    pub device: PathBuf,
    /// What it is asked to deliver.
    pub size: Size,
}

pub(super) fn open(
    camera: &Camera,
    bitrate: Option<u32>,
    outlet: &Outlet,
) -> Result<Pipeline, OpenError> {
    elements::require(&["v4l2src"])?;
    if !camera.device.exists() {
        return Err(OpenError::Unusable(format!(
            "{} is not there: is the camera plugged in?",
            camera.device.display()
        )));
    }
    let size @ Size { width, height, fps } = camera.size;
    let encoder = Encoder::choose(size)?;
    // Over USB 2 the larger sizes exist as JPEG only. The driver chooses among what the caps leave open, and videoscale and
    // videorate make the promised size of it.
    let pipeline = Pipeline::parse(&format!(
        "v4l2src name=camera ! capsfilter caps=\"image/jpeg,width={width},height={height};video/x-raw,width={width},height={height};\
         image/jpeg;video/x-raw\" ! decodebin ! {RAW_QUEUE} ! videoconvert ! videoscale ! videorate drop-only=true \
         ! video/x-raw,width={width},height={height},framerate=[1/1,{fps}/1] ! {} ! {H264_TAIL} sync=false",
        encoder.fragment(size, bitrate.unwrap_or_else(|| size.default_bitrate()))
    ))?;
    pipeline
        .element("camera")
        .set_property("device", camera.device.to_string_lossy().as_ref());
    outlet.connect(&pipeline);
    pipeline.play()?;
    Ok(pipeline)
}
