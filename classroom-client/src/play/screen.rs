//! Which screen a slot is shown on, and by which element.

use gst::prelude::*;
use gstreamer as gst;

use super::Overlay;
use crate::elements::{self, Missing};
use crate::pipeline::{Error, Pipeline};

/// Where pictures go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// Nowhere, in real time; they are decoded all the same.
    Nowhere,
    /// A window, or the whole screen where there are no windows.
    Auto,
    /// A window on an X11 display: `:0.1`.
    X11(String),
    /// A full-screen surface of the Wayland compositor.
    Wayland,
    /// A connector of the graphics card, without any window system; `modetest -c` lists them.
    Kms(i32),
}

impl std::str::FromStr for Screen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "none" => Ok(Screen::Nowhere),
            None if text == "auto" => Ok(Screen::Auto),
            None if text == "wayland" => Ok(Screen::Wayland),
            Some(("x11", display)) if !display.is_empty() => Ok(Screen::X11(display.to_owned())),
            Some(("kms", connector)) => connector
                .parse()
                .map(Screen::Kms)
                .map_err(|_| format!("“{connector}” is not the number of a connector")),
            _ => Err("a screen is one of auto, none, x11::0.1, wayland, kms:33".into()),
        }
    }
}

impl Screen {
    /// From decoded pictures to this screen, as a piece of a description.
    ///
    /// # Errors
    /// The element is missing, or nothing can be shown here.
    pub fn fragment(&self, overlay: Overlay) -> Result<String, Error> {
        let element = match self {
            // No conversion: nobody looks.
            Screen::Nowhere => return Ok("fakesink name=output sync=true".into()),
            Screen::Auto => automatic()?,
            Screen::X11(_) => "ximagesink",
            Screen::Wayland => "waylandsink",
            Screen::Kms(_) => "kmssink",
        };
        elements::require(&[element])?;
        let overlay = match overlay {
            Overlay::Text => {
                elements::require(&["textoverlay"])?;
                "textoverlay name=overlay halignment=left valignment=top font-desc=\"Sans 10\" shaded-background=true ! "
            }
            Overlay::None => "",
        };
        // Late pictures are shown all the same: a slow machine shows the lesson late rather than not at all. Telling the decoder
        // to hurry (QoS) would make it skip.
        Ok(format!(
            "videoconvert ! videoscale ! {overlay}{element} name=output sync=true qos=false max-lateness=-1"
        ))
    }

    /// Sets what does not belong into a description.
    pub fn configure(&self, pipeline: &Pipeline) {
        let Some(output) = pipeline.find("output") else {
            return;
        };
        match self {
            Screen::X11(display) => output.set_property("display", display),
            Screen::Kms(connector) => output.set_property("connector-id", *connector),
            Screen::Wayland if output.find_property("fullscreen").is_some() => {
                output.set_property("fullscreen", true)
            }
            Screen::Wayland | Screen::Nowhere | Screen::Auto => {}
        }
    }
}

/// The element for this session: by what its environment offers, and what really opens.
fn automatic() -> Result<&'static str, Error> {
    let has = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let mut candidates = Vec::new();
    if has("WAYLAND_DISPLAY") {
        candidates.push("waylandsink");
    }
    if has("DISPLAY") {
        candidates.push("ximagesink");
    }
    if candidates.is_empty() {
        candidates.push("kmssink");
    }
    if let Some(element) = candidates.iter().find(|element| starts(element)) {
        return Ok(element);
    }
    match candidates
        .iter()
        .find(|element| !elements::is_present(element))
    {
        Some(element) => Err(Missing::new(element).into()),
        None => Err(Error::Broken(
            "there is no screen to show pictures on: use --headless".into(),
        )),
    }
}

/// Whether a sink is present and opens its device.
pub(super) fn starts(element: &str) -> bool {
    let Ok(sink) = gst::ElementFactory::make(element).build() else {
        return false;
    };
    let opened = sink.set_state(gst::State::Ready).is_ok();
    let _ = sink.set_state(gst::State::Null);
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_are_named_on_the_command_line() {
        assert_eq!("x11::0.1".parse(), Ok(Screen::X11(":0.1".into())));
        assert_eq!("kms:33".parse(), Ok(Screen::Kms(33)));
        assert_eq!("none".parse(), Ok(Screen::Nowhere));
        assert!("kms:HDMI".parse::<Screen>().is_err());
        assert!("left".parse::<Screen>().is_err());
    }
}
