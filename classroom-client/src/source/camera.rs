//! A camera or capture card behind V4L2.

use std::path::PathBuf;

use gstreamer::prelude::*;

use super::ladder::Ladder;
use super::outlet::Outlet;
use super::{OpenError, Request};
use crate::elements;
use crate::encode::{RAW_QUEUE, Size};
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
    request: &Request,
    outlet: &Outlet,
) -> Result<(Pipeline, Ladder), OpenError> {
    elements::require(&["v4l2src"])?;
    if !camera.device.exists() {
        return Err(OpenError::Unusable(format!(
            "{} is not there: is the camera plugged in?",
            camera.device.display()
        )));
    }
    let size @ Size { width, height, fps } = camera.size;
    let mut ladder = Ladder::plan(size, request.bitrate, &request.layers)?;
    // Over USB 2 the larger sizes exist as JPEG only. The driver chooses among what the caps leave open, and videoscale and
    // videorate make the promised size of it.
    let pipeline = Pipeline::parse(&format!(
        "v4l2src name=camera ! capsfilter caps=\"image/jpeg,width={width},height={height};video/x-raw,width={width},height={height};\
         image/jpeg;video/x-raw\" ! decodebin ! {RAW_QUEUE} ! videoconvert ! videoscale ! videorate drop-only=true \
         ! video/x-raw,width={width},height={height},framerate=[1/1,{fps}/1] ! {}",
        ladder.description()
    ))?;
    pipeline
        .element("camera")
        .set_property("device", camera.device.to_string_lossy().as_ref());
    ladder.attach(&pipeline);
    outlet.connect(&pipeline);
    pipeline.play()?;
    Ok((pipeline, ladder))
}
