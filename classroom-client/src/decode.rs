//! Decoders: which one this machine has for a codec.

use std::time::Duration;

use gstreamer as gst;
use participant::Codec;

use crate::elements::{self, Missing};
use crate::pipeline::Pipeline;

/// How long a trial decode may take.
const TRIAL: Duration = Duration::from_secs(5);

/// Hardware first, then software; of software the one to install comes first.
struct Candidates {
    hardware: &'static [&'static str],
    software: &'static [&'static str],
    /// Makes something to try hardware with.
    encoder: Option<&'static str>,
}

fn candidates(codec: Codec) -> Candidates {
    match codec {
        Codec::H264 => Candidates {
            hardware: &[
                "vah264dec",
                "nvh264dec",
                "v4l2slh264dec",
                "v4l2h264dec",
                "mppvideodec",
                "vaapih264dec",
            ],
            // openh264dec is too slow for 4K.
            software: &["avdec_h264", "openh264dec"],
            encoder: Some("x264enc tune=zerolatency"),
        },
        Codec::H265 => Candidates {
            hardware: &[
                "vah265dec",
                "nvh265dec",
                "v4l2slh265dec",
                "mppvideodec",
                "vaapih265dec",
            ],
            software: &["avdec_h265"],
            encoder: Some("x265enc tune=zerolatency"),
        },
        Codec::Vp8 => Candidates {
            hardware: &["vavp8dec", "v4l2slvp8dec", "v4l2vp8dec"],
            software: &["vp8dec", "avdec_vp8"],
            encoder: Some("vp8enc deadline=1"),
        },
        Codec::Vp9 => Candidates {
            hardware: &["vavp9dec", "nvvp9dec", "v4l2slvp9dec", "v4l2vp9dec"],
            software: &["vp9dec", "avdec_vp9"],
            encoder: Some("vp9enc deadline=1"),
        },
        Codec::Av1 => Candidates {
            hardware: &["vaav1dec", "nvav1dec"],
            software: &["av1dec", "dav1ddec"],
            encoder: None,
        },
        Codec::Opus => Candidates {
            hardware: &[],
            software: &["opusdec"],
            encoder: None,
        },
    }
}

/// What compressed media of a codec looks like to GStreamer, as the watcher delivers it.
pub fn caps(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "video/x-h264,stream-format=byte-stream,alignment=au",
        Codec::H265 => "video/x-h265,stream-format=byte-stream,alignment=au",
        Codec::Vp8 => "video/x-vp8",
        Codec::Vp9 => "video/x-vp9",
        Codec::Av1 => "video/x-av1,stream-format=obu-stream,alignment=tu",
        Codec::Opus => "audio/x-opus,channel-mapping-family=0",
    }
}

fn parser(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "h264parse ! ",
        Codec::H265 => "h265parse ! ",
        Codec::Av1 => "av1parse ! ",
        // Frame size and colour are read from the first frame.
        Codec::Vp9 => "vp9parse ! ",
        Codec::Vp8 | Codec::Opus => "",
    }
}

/// From compressed to raw, as a piece of a description whose last element is called `decoder`.
///
/// # Errors
/// This machine has no decoder for the codec.
pub fn fragment(codec: Codec) -> Result<String, Missing> {
    let element = choose(codec)?;
    let options = match element {
        // Two threads decode 100 pictures of 4K a second, one 60; each further one adds a picture of delay. Left to itself the
        // element would use slices only, because the pipeline is live, and most encoders make one slice.
        "avdec_h264" | "avdec_h265" => " max-threads=2 thread-type=frame output-corrupt=false",
        "vp8dec" | "vp9dec" => " threads=2",
        "opusdec" => " use-inband-fec=true plc=true",
        _ => "",
    };
    Ok(format!("{}{element} name=decoder{options}", parser(codec)))
}

/// The codecs this machine can decode, best first.
pub fn codecs() -> Vec<Codec> {
    [Codec::H264, Codec::H265, Codec::Vp9, Codec::Vp8, Codec::Av1]
        .into_iter()
        .filter(|codec| {
            candidates(*codec)
                .software
                .iter()
                .any(|element| elements::is_present(element))
        })
        .collect()
}

fn choose(codec: Codec) -> Result<&'static str, Missing> {
    let Candidates {
        hardware,
        software,
        encoder,
    } = candidates(codec);
    let by_hardware = hardware.iter().find(|element| {
        elements::is_present(element)
            && encoder.is_some_and(|encoder| decodes(element, encoder, parser(codec)))
    });
    let found = by_hardware.or_else(|| {
        software
            .iter()
            .find(|element| elements::is_present(element))
    });
    if let Some(element) = found {
        tracing::debug!(%codec, decoder = element, "decoder chosen");
    }
    found.copied().ok_or_else(|| Missing::new(software[0]))
}

/// Decodes a picture. Hardware decoders are registered wherever their library is, with or without a device.
fn decodes(decoder: &str, encoder: &str, parser: &str) -> bool {
    let description = format!(
        "videotestsrc num-buffers=8 ! video/x-raw,format=I420,width=640,height=360 ! {encoder} ! {parser}{decoder} \
         ! appsink name=video sync=false"
    );
    let Ok(pipeline) = Pipeline::parse(&description) else {
        return false;
    };
    let Some(sink) = pipeline.appsink("video") else {
        return false;
    };
    let limit = gst::ClockTime::try_from(TRIAL).unwrap_or(gst::ClockTime::SECOND);
    pipeline.play().is_ok() && sink.try_pull_sample(limit).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_tell_a_decoder_from_something_else() {
        gst::init().unwrap();
        assert!(decodes("avdec_h264", "x264enc", "h264parse ! "));
        assert!(!decodes("vp8dec", "x264enc", "h264parse ! "));
    }

    #[test]
    fn this_machine_decodes_what_lessons_use() {
        gst::init().unwrap();
        assert!(codecs().contains(&Codec::H264));
        assert!(fragment(Codec::H264).unwrap().contains("name=decoder"));
        assert!(fragment(Codec::Opus).unwrap().starts_with("opusdec"));
    }
}
