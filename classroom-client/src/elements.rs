//! Which GStreamer elements are there, and which Debian package brings those that are not.

use gstreamer as gst;

/// An element this machine lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{element} is missing: {remedy}")]
pub struct Missing {
    /// The element's factory name.
    pub element: String,
    remedy: Remedy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    Install(&'static str),
    Unpackaged,
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Remedy::Install(package) => write!(f, "install {package}"),
            Remedy::Unpackaged => f.write_str("no Debian package is known to bring it"),
        }
    }
}

impl Missing {
    /// Names `element` as missing.
    pub fn new(element: &str) -> Self {
        Self {
            element: element.to_owned(),
            remedy: package(element).map_or(Remedy::Unpackaged, Remedy::Install),
        }
    }
}

/// Whether `element` can be made. A factory may be registered although its plugin no longer loads, so the plugin is loaded too.
pub fn is_present(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some_and(|factory| {
        use gst::prelude::PluginFeatureExtManual;
        factory.load().is_ok()
    })
}

/// Makes sure that every one of `elements` can be made.
///
/// # Errors
/// The first that cannot.
pub fn require(elements: &[&str]) -> Result<(), Missing> {
    match elements.iter().find(|element| !is_present(element)) {
        Some(element) => Err(Missing::new(element)),
        None => Ok(()),
    }
}

/// The Debian 12 package that brings `element`.
pub fn package(element: &str) -> Option<&'static str> {
    PACKAGES
        .iter()
        .find(|(_, elements)| elements.contains(&element))
        .map(|(package, _)| *package)
        .or_else(|| element.starts_with("avdec_").then_some(LIBAV))
}

const LIBAV: &str = "gstreamer1.0-libav";

const PACKAGES: &[(&str, &[&str])] = &[
    (
        "libgstreamer1.0-0",
        &[
            "capsfilter",
            "fakesink",
            "filesrc",
            "identity",
            "queue",
            "tee",
        ],
    ),
    (
        "gstreamer1.0-plugins-base",
        &[
            "appsink",
            "appsrc",
            "audioconvert",
            "audioresample",
            "audiotestsrc",
            "decodebin",
            "decodebin3",
            "opusdec",
            "opusenc",
            "parsebin",
            "uridecodebin",
            "videoconvert",
            "videorate",
            "videoscale",
            "videotestsrc",
        ],
    ),
    (
        "gstreamer1.0-plugins-good",
        &[
            "autoaudiosink",
            "autovideosink",
            "capssetter",
            "flvdemux",
            "jpegdec",
            "matroskademux",
            "pulsesink",
            "pulsesrc",
            "qtdemux",
            "rtph264depay",
            "rtspsrc",
            "souphttpsrc",
            "v4l2h264dec",
            "v4l2h264enc",
            "v4l2src",
            "vp8dec",
            "vp9dec",
            "ximagesrc",
        ],
    ),
    (
        "gstreamer1.0-plugins-bad",
        &[
            "av1dec",
            "av1parse",
            "h264parse",
            "h265parse",
            "kmssink",
            "nvh264dec",
            "nvh264enc",
            "openh264dec",
            "openh264enc",
            "opusparse",
            "tsdemux",
            "v4l2slh264dec",
            "vah264dec",
            "vah264enc",
            "vah265dec",
            "vp9parse",
            "waylandsink",
        ],
    ),
    ("gstreamer1.0-plugins-ugly", &["x264enc"]),
    (
        LIBAV,
        &[
            "avdec_aac",
            "avdec_h264",
            "avdec_h265",
            "avdec_vp8",
            "avdec_vp9",
        ],
    ),
    (
        "gstreamer1.0-x",
        &[
            "clockoverlay",
            "textoverlay",
            "timeoverlay",
            "ximagesink",
            "xvimagesink",
        ],
    ),
    ("gstreamer1.0-alsa", &["alsasink", "alsasrc"]),
    (
        "gstreamer1.0-vaapi",
        &["vaapih264dec", "vaapih264enc", "vaapih265dec"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_names_its_package() {
        assert_eq!(
            Missing::new("avdec_h264").to_string(),
            "avdec_h264 is missing: install gstreamer1.0-libav"
        );
        assert_eq!(
            Missing::new("mpph264enc").to_string(),
            "mpph264enc is missing: no Debian package is known to bring it"
        );
    }

    #[test]
    fn what_is_not_there_is_found_missing() {
        gst::init().unwrap();
        assert_eq!(require(&["fakesink", "identity"]), Ok(()));
        assert_eq!(
            require(&["fakesink", "no-such-element"]),
            Err(Missing::new("no-such-element"))
        );
    }

    #[test]
    fn no_element_is_listed_twice() {
        let mut names: Vec<_> = PACKAGES
            .iter()
            .flat_map(|(_, elements)| *elements)
            .collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
