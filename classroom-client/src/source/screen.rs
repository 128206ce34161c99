//! The picture of an X11 display.

use gstreamer::prelude::*;

use super::ladder::Ladder;
use super::outlet::Outlet;
use super::{OpenError, Request};
use crate::elements;
use crate::encode::{RAW_QUEUE, Size};
use crate::pipeline::Pipeline;

/// Which display, and how often it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// `:0`; by default what `DISPLAY` names.
    pub display: Option<String>,
    /// Pictures per second.
    pub fps: u32,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            display: None,
            fps: 15,
        }
    }
}

pub(super) fn open(
    screen: &Screen,
    request: &Request,
    outlet: &Outlet,
) -> Result<(Pipeline, Ladder), OpenError> {
    elements::require(&["ximagesrc"])?;
    let size = measure(screen)?;
    let mut ladder = Ladder::plan(size, request.bitrate, &request.layers)?;
    // 4:2:0 needs even sides, which not every display has.
    let pipeline = Pipeline::parse(&format!(
        "{} ! {RAW_QUEUE} ! videoconvert ! videoscale ! video/x-raw,width={},height={} ! {}",
        grab(screen),
        size.width,
        size.height,
        ladder.description()
    ))?;
    choose_display(&pipeline, screen);
    ladder.attach(&pipeline);
    outlet.connect(&pipeline);
    pipeline.play()?;
    Ok((pipeline, ladder))
}

fn grab(screen: &Screen) -> String {
    format!(
        "ximagesrc name=screen use-damage=false show-pointer=true ! video/x-raw,framerate={}/1",
        screen.fps
    )
}

fn choose_display(pipeline: &Pipeline, screen: &Screen) {
    if let Some(display) = &screen.display {
        pipeline
            .element("screen")
            .set_property("display-name", display);
    }
}

/// The display's size, made even, from one picture of it.
fn measure(screen: &Screen) -> Result<Size, OpenError> {
    let pipeline = Pipeline::parse(&format!("{} ! appsink name=video sync=false", grab(screen)))?;
    choose_display(&pipeline, screen);
    pipeline.play()?;
    let unseen = || OpenError::Unusable("the display shows no picture".into());
    let sink = pipeline.appsink("video").ok_or_else(unseen)?;
    let sample = sink
        .try_pull_sample(gstreamer::ClockTime::from_seconds(5))
        .ok_or_else(unseen)?;
    let caps = sample
        .caps()
        .and_then(|caps| caps.structure(0))
        .ok_or_else(unseen)?;
    let side = |name| {
        caps.get::<i32>(name)
            .ok()
            .and_then(|side| u32::try_from(side).ok())
    };
    match (side("width"), side("height")) {
        (Some(width), Some(height)) if width >= 2 && height >= 2 => Ok(Size {
            width: width & !1,
            height: height & !1,
            fps: screen.fps,
        }),
        _ => Err(unseen()),
    }
}
