//! Encoders: which one this machine has, and how each is told the same wishes.

use std::sync::OnceLock;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;

use crate::elements::{self, Missing};
use crate::pipeline::Pipeline;

/// Seconds between keyframes that nobody asked for.
const KEYFRAME_SECONDS: u32 = 4;

/// How long a trial encode may take; drivers that load firmware need a while.
const TRIAL: Duration = Duration::from_secs(5);

/// The end of every H.264 branch: an appsink called `video` that gets one access unit per buffer, in Annex B, with the parameter
/// sets before every keyframe, so that a viewer can join at each.
pub const H264_TAIL: &str = "h264parse config-interval=-1 \
     ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=video";

/// The same for the layer at this place, whose appsink is called [`sink_name`].
pub fn layer_tail(layer: usize) -> String {
    let name = sink_name(layer);
    format!(
        "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name={name}"
    )
}

/// What the appsink of a layer is called: `video`, `video1`, `video2`.
pub fn sink_name(layer: usize) -> String {
    match layer {
        0 => "video".to_owned(),
        layer => format!("video{layer}"),
    }
}

/// Opus in 20 ms packets, with a copy of the packet before in each (in-band FEC), and an appsink called `audio`.
pub const OPUS_TAIL: &str = "audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=[1,2] \
     ! opusenc frame-size=20 audio-type=voice bitrate=48000 inband-fec=true packet-loss-percentage=10 ! appsink name=audio";

/// Raw pictures that wait for the encoder; when it is slower than the source the oldest is dropped, before any work went into it.
pub const RAW_QUEUE: &str =
    "queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0";

/// Size and rate of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures per second.
    pub fps: u32,
}

impl Size {
    /// What an encoder has to get through.
    pub fn pixels_per_second(self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.fps.max(1))
    }

    /// The same picture in another height. 4:2:0 needs even sides.
    pub fn with_height(self, height: u32) -> Self {
        let width = u64::from(self.width) * u64::from(height) / u64::from(self.height.max(1));
        Self {
            width: (width as u32 & !1).max(2),
            height: (height & !1).max(2),
            ..self
        }
    }

    /// A bit rate that suits a lesson, bits per second: a tenth of a bit per pixel, which gives 4K30 its 20 Mbit/s or so, and
    /// more for small pictures.
    pub fn default_bitrate(self) -> u32 {
        let bits = self.pixels_per_second() as f64;
        (bits * 0.08)
            .max(bits.sqrt() * 320.0)
            .clamp(300_000.0, 40_000_000.0) as u32
    }
}

/// An H.264 encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// VA-API.
    Va,
    /// VA-API, by the older plugin.
    Vaapi,
    /// NVENC.
    Nvenc,
    /// A V4L2 memory-to-memory device.
    V4l2,
    /// Rockchip.
    Mpp,
    /// x264, in software.
    X264,
    /// OpenH264, in software.
    OpenH264,
}

impl Encoder {
    const BEST_FIRST: [Encoder; 7] = [
        Encoder::Va,
        Encoder::Nvenc,
        Encoder::V4l2,
        Encoder::Mpp,
        Encoder::Vaapi,
        Encoder::X264,
        Encoder::OpenH264,
    ];

    /// The element's factory name.
    pub fn element(self) -> &'static str {
        match self {
            Encoder::Va => "vah264enc",
            Encoder::Vaapi => "vaapih264enc",
            Encoder::Nvenc => "nvh264enc",
            Encoder::V4l2 => "v4l2h264enc",
            Encoder::Mpp => "mpph264enc",
            Encoder::X264 => "x264enc",
            Encoder::OpenH264 => "openh264enc",
        }
    }

    /// Whether it is the processor that encodes.
    pub fn is_software(self) -> bool {
        match self {
            Encoder::X264 | Encoder::OpenH264 => true,
            Encoder::Va | Encoder::Vaapi | Encoder::Nvenc | Encoder::V4l2 | Encoder::Mpp => false,
        }
    }

    /// The property of the element that says the bit rate, and its unit in bits per second.
    fn rate_property(self) -> Option<(&'static str, u32)> {
        match self {
            Encoder::Va | Encoder::Vaapi | Encoder::Nvenc | Encoder::X264 => {
                Some(("bitrate", 1_000))
            }
            Encoder::OpenH264 => Some(("bitrate", 1)),
            Encoder::Mpp => Some(("bps", 1)),
            // Its controls are read only when the device is opened.
            Encoder::V4l2 => None,
        }
    }

    /// Whether [`Encoder::set_bitrate`] works while this element plays.
    pub fn is_adjustable(self, element: &gst::Element) -> bool {
        let property = self
            .rate_property()
            .and_then(|(name, _)| element.find_property(name));
        property.is_some_and(|property| property.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING))
    }

    /// Changes the bit rate of an element of this kind, bits per second.
    pub fn set_bitrate(self, element: &gst::Element, bitrate: u32) {
        if let Some((name, unit)) = self.rate_property() {
            element.set_property_from_str(name, &(bitrate / unit).to_string());
        }
    }

    /// The best encoder of this machine for pictures of this size: present, and able to encode one picture.
    ///
    /// # Errors
    /// There is none. x264 is the one to install.
    pub fn choose(size: Size) -> Result<Self, Missing> {
        let found = Self::BEST_FIRST
            .into_iter()
            .filter(|encoder| elements::is_present(encoder.element()))
            .find(|encoder| encoder.works(size));
        if let Some(encoder) = found {
            tracing::info!(encoder = encoder.element(), "encoder chosen");
        }
        found.ok_or_else(|| Missing::new(Encoder::X264.element()))
    }

    /// Encodes one picture. A hardware encoder may be registered and yet have no device, no session left, or no support for
    /// the size.
    fn works(self, size: Size) -> bool {
        let description = format!(
            "videotestsrc num-buffers=1 ! video/x-raw,width={},height={},framerate={}/1 ! {} ! appsink name=video sync=false",
            size.width,
            size.height,
            size.fps.max(1),
            self.fragment(size, size.default_bitrate(), "trial"),
        );
        let Ok(pipeline) = Pipeline::parse(&description) else {
            return false;
        };
        let Some(sink) = pipeline.appsink("video") else {
            return false;
        };
        let limit = gst::ClockTime::try_from(TRIAL).unwrap_or(gst::ClockTime::SECOND);
        pipeline.play().is_ok()
            && sink
                .try_pull_sample(limit)
                .is_some_and(|sample| sample.buffer().is_some())
    }

    /// From raw pictures to H.264, as a piece of a description: low delay, no B-frames, constant bit rate. The encoder is called
    /// `name`.
    pub fn fragment(self, size: Size, bitrate: u32, name: &str) -> String {
        let element = format!("{} name={name}", self.element());
        let kbit = bitrate / 1_000;
        let gop = KEYFRAME_SECONDS * size.fps.max(1);
        // Colour formats differ between encoders, and videoconvert passes through what needs no conversion.
        match self {
            Encoder::Va => {
                format!(
                    "videoconvert ! {element} rate-control=cbr bitrate={kbit} key-int-max={gop} b-frames=0 ref-frames=1"
                )
            }
            Encoder::Vaapi => {
                format!(
                    "videoconvert ! {element} rate-control=cbr bitrate={kbit} keyframe-period={gop} max-bframes=0"
                )
            }
            Encoder::Nvenc => format!(
                "videoconvert ! {element} preset=low-latency-hq zerolatency=true rc-mode=cbr bitrate={kbit} gop-size={gop}"
            ),
            // Drivers want to be told a level; 4 is 1080p30, which is what such devices can do.
            Encoder::V4l2 => format!(
                "videoconvert ! {element} extra-controls=\"controls,video_bitrate={bitrate},h264_i_frame_period={gop},\
                 repeat_sequence_header=1\" ! video/x-h264,level=(string)4"
            ),
            Encoder::Mpp => format!("videoconvert ! {element} rc-mode=cbr bps={bitrate} gop={gop}"),
            Encoder::X264 => format!(
                "videoconvert ! video/x-raw,format=I420 ! {element} tune=zerolatency speed-preset={} bitrate={kbit} \
                 key-int-max={gop} vbv-buf-capacity=300 threads={} byte-stream=true ! video/x-h264,profile=constrained-baseline",
                x264_preset(size),
                threads(size),
            ),
            Encoder::OpenH264 => format!(
                "videoconvert ! video/x-raw,format=I420 ! {element} rate-control=bitrate bitrate={bitrate} gop-size={gop} \
                 complexity=low"
            ),
        }
    }
}

/// The slowest preset that two cores of 2020 keep up with beside everything else.
fn x264_preset(size: Size) -> &'static str {
    const HD30: u64 = 1_920 * 1_080 * 30;
    match size.pixels_per_second() {
        pixels if pixels > HD30 => "ultrafast",
        pixels if pixels > HD30 / 3 => "superfast",
        _ => "veryfast",
    }
}

/// More slices than four cost more bits than they save time, and a small picture is soon done.
fn threads(size: Size) -> usize {
    const SMALL: u64 = 1_280 * 720 * 30;
    if size.pixels_per_second() < SMALL {
        1
    } else {
        cores().min(4)
    }
}

/// The machine's.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The event that makes an encoder's next picture a keyframe; sent upstream from the sink. GStreamer's video library builds
/// the same structure in `gst_video_event_new_upstream_force_key_unit`.
pub fn force_keyframe() -> gst::Event {
    let structure = gst::Structure::builder("GstForceKeyUnit")
        .field("running-time", gst::ClockTime::NONE)
        .field("all-headers", true)
        .field("count", 0u32)
        .build();
    gst::event::CustomUpstream::new(structure)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size {
        width: 320,
        height: 180,
        fps: 30,
    };

    #[test]
    fn this_machine_encodes() {
        gst::init().unwrap();
        assert!(Encoder::choose(SMALL).is_ok());
    }

    #[test]
    fn an_encoder_that_encodes_nothing_is_not_taken() {
        gst::init().unwrap();
        let impossible = Size {
            width: 1,
            height: 1,
            fps: 1,
        };
        assert!(!Encoder::X264.works(impossible));
    }

    #[test]
    fn bit_rates_follow_the_size() {
        let rate = |width, height, fps| Size { width, height, fps }.default_bitrate();
        assert!((18_000_000..=22_000_000).contains(&rate(3_840, 2_160, 30)));
        assert!((4_000_000..=7_000_000).contains(&rate(1_920, 1_080, 30)));
        assert!((300_000..=800_000).contains(&rate(320, 180, 30)));
    }
}
