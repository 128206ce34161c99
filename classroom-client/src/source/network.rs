//! An IP camera or encoder behind RTSP or HTTP. What is H.264 or Opus already is passed on as it is.

use gst::prelude::*;
use gstreamer as gst;
use participant::Kind;
use url::Url;

use super::branch::{self, Content};
use super::outlet::Outlet;
use super::{Audio, Event, OpenError, Request};
use crate::elements;
use crate::encode::{Encoder, H264_TAIL, OPUS_TAIL, RAW_QUEUE, Size};
use crate::pipeline::{Branches, Error, Pipeline};

/// An `rtsp:`, `rtsps:`, `http:` or `https:` address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(pub Url);

impl Address {
    /// HTTP delivers as fast as it can, so its pictures must be timed here; RTSP delivers when they happen.
    fn is_timed(&self) -> bool {
        self.0.scheme().starts_with("rtsp")
    }
}

/// Milliseconds in which a camera's packets may overtake each other.
const RTSP_JITTER_MS: u32 = 100;

/// Wanted once per kind: further tracks of a kind are thrown away.
#[derive(Debug, Default)]
struct Taken {
    video: bool,
    audio: bool,
}

pub(super) fn open(
    address: &Address,
    request: &Request,
    outlet: &Outlet,
) -> Result<Pipeline, OpenError> {
    elements::require(&[
        "uridecodebin",
        "h264parse",
        if address.is_timed() {
            "rtspsrc"
        } else {
            "souphttpsrc"
        },
    ])?;
    let pipeline = Pipeline::parse("uridecodebin name=source expose-all-streams=true")?;
    let source = pipeline.element("source");
    source.set_property("uri", address.0.as_str());
    source.set_property_from_str("caps", branch::KEEP);
    source.connect("source-setup", false, |values| {
        let element = values.get(1)?.get::<gst::Element>().ok()?;
        for (name, value) in [
            ("latency", RTSP_JITTER_MS.to_string()),
            ("drop-on-latency", "true".into()),
        ] {
            if element.find_property(name).is_some() {
                element.set_property_from_str(name, &value);
            }
        }
        None
    });
    let grower = Grower {
        branches: pipeline.branches(),
        outlet: outlet.clone(),
        bitrate: request.bitrate,
        sound: request.audio == Audio::Own,
        timed: address.is_timed(),
    };
    let taken = std::sync::Mutex::new(Taken::default());
    source.connect_pad_added(move |_, pad| {
        let mut taken = taken
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(error) = grower.grow(pad, &mut taken) {
            grower.outlet.finish(Event::Failed(error.to_string()));
        }
    });
    outlet.connect_notices(&pipeline);
    pipeline.play()?;
    Ok(pipeline)
}

struct Grower {
    branches: Branches,
    outlet: Outlet,
    bitrate: Option<u32>,
    sound: bool,
    timed: bool,
}

impl Grower {
    fn grow(&self, pad: &gst::Pad, taken: &mut Taken) -> Result<(), OpenError> {
        let sync = !self.timed;
        let (description, kind) = match Content::of(pad) {
            Content::H264 if !taken.video => {
                (format!("{H264_TAIL} sync={sync}"), Some(Kind::Video))
            }
            Content::Pictures { width, height, fps } if !taken.video => {
                let size = Size {
                    width: width & !1,
                    height: height & !1,
                    fps: if fps == 0 { 30 } else { fps },
                };
                let queue = if self.timed {
                    RAW_QUEUE
                } else {
                    "queue max-size-buffers=3"
                };
                let encoder = Encoder::choose(size)?;
                let bitrate = self.bitrate.unwrap_or_else(|| size.default_bitrate());
                (
                    format!(
                        "{queue} ! {} ! {H264_TAIL} sync={sync}",
                        encoder.fragment(size, bitrate, "encoder0")
                    ),
                    Some(Kind::Video),
                )
            }
            Content::OtherVideo(name) if !taken.video => {
                return Err(OpenError::Unusable(format!(
                    "{name} cannot be decoded here"
                )));
            }
            Content::Opus if self.sound && !taken.audio => (
                format!("queue ! appsink name=audio sync={sync}"),
                Some(Kind::Audio),
            ),
            Content::Sound if self.sound && !taken.audio => (
                format!("queue ! {OPUS_TAIL} sync={sync}"),
                Some(Kind::Audio),
            ),
            _ => ("fakesink sync=false async=false".to_owned(), None),
        };
        let bin = self.branches.add(&description, |bin| {
            if let Some((kind, sink)) =
                kind.and_then(|kind| Some((kind, branch::appsink(bin, kind)?)))
            {
                self.outlet.connect_sink(&sink, kind.into());
            }
        })?;
        match kind {
            Some(Kind::Video) => taken.video = true,
            Some(Kind::Audio) => taken.audio = true,
            None => {}
        }
        if branch::link(pad, &bin) {
            Ok(())
        } else {
            Err(Error::Broken("the source's track cannot be linked".into()).into())
        }
    }
}
