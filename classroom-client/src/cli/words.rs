//! The meaning of single arguments.

use std::time::Duration;

use url::Url;

use crate::encode::Size;
use crate::layers::Layers;
use crate::play::screen::Screen as Shown;
use crate::source::camera::Camera;
use crate::source::clip::Renditions;
use crate::source::network::Address;
use crate::source::pattern::Pattern;
use crate::source::screen::Screen;
use crate::source::{Audio, Video};

/// Sides and rates that fit into every caps field and every encoder's level arithmetic.
const LARGEST_SIDE: u32 = 8_192;
const HIGHEST_RATE: u32 = 120;

pub fn video(text: &str) -> Result<Video, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    match kind {
        "file" => clip(rest),
        "v4l2" if !rest.is_empty() => camera(rest),
        "rtsp" | "rtsps" | "http" | "https" => Url::parse(text)
            .map(|address| Video::Network(Address(address)))
            .map_err(|error| format!("not an address: {error}")),
        "test" if rest.is_empty() => Ok(Video::Pattern(Pattern::default())),
        "test" => Ok(Video::Pattern(Pattern(size(rest)?))),
        _ if kind == "screen" || text.starts_with("screen@") => screen(text),
        _ => Err(
            "a video source is one of file:CLIP.mp4, v4l2:/dev/video0, rtsp://…, http://…, screen, test:1280x720@30".into(),
        ),
    }
}

/// Names of files may hold anything but the comma between them.
fn clip(rest: &str) -> Result<Video, String> {
    let mut files = rest.split(',');
    let best = files.next().unwrap_or_default();
    let lower: Vec<_> = files.map(Into::into).collect();
    if best.is_empty()
        || lower
            .iter()
            .any(|file: &std::path::PathBuf| file.as_os_str().is_empty())
    {
        return Err(format!("“{rest}” is not CLIP.mp4 or BEST.mp4,LOWER.mp4"));
    }
    if lower.len() > 3 {
        return Err("a clip has up to four renditions".into());
    }
    Ok(Video::Clip(Renditions {
        best: best.into(),
        lower,
    }))
}

fn camera(rest: &str) -> Result<Video, String> {
    let (device, size) = match rest.rsplit_once(':') {
        Some((device, wanted)) => (device, size(wanted)?),
        None => {
            let size = Size {
                width: 1_920,
                height: 1_080,
                fps: 30,
            };
            (rest, size)
        }
    };
    Ok(Video::Camera(Camera {
        device: device.into(),
        size,
    }))
}

fn screen(text: &str) -> Result<Video, String> {
    let (place, rate) = match text.rsplit_once('@') {
        Some((place, rate)) => (place, number(rate, HIGHEST_RATE, "a rate")?),
        None => (text, Screen::default().fps),
    };
    // `screen:0` and `screen::0` both mean the display that X11 calls `:0`.
    let display = place
        .strip_prefix("screen")
        .and_then(|rest| rest.strip_prefix(':'))
        .map(|display| {
            if display.contains(':') {
                display.to_owned()
            } else {
                format!(":{display}")
            }
        });
    Ok(Video::Screen(Screen { display, fps: rate }))
}

fn size(text: &str) -> Result<Size, String> {
    let (sides, rate) = text.split_once('@').unwrap_or((text, "30"));
    let (width, height) = sides
        .split_once('x')
        .ok_or_else(|| format!("“{text}” is not a size such as 1280x720@30"))?;
    let size = Size {
        width: number(width, LARGEST_SIDE, "a width")?,
        height: number(height, LARGEST_SIDE, "a height")?,
        fps: number(rate, HIGHEST_RATE, "a rate")?,
    };
    if size.width % 2 == 1 || size.height % 2 == 1 || size.width < 16 || size.height < 16 {
        return Err(format!(
            "“{text}”: width and height must be even, and 16 at least"
        ));
    }
    Ok(size)
}

fn number(text: &str, most: u32, what: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("“{text}” is not {what} from 1 to {most}")),
    }
}

pub fn audio(text: &str) -> Result<Audio, String> {
    match text {
        "file" => Ok(Audio::Own),
        "mic" => Ok(Audio::Microphone),
        "tone" => Ok(Audio::Tone),
        "none" => Ok(Audio::None),
        _ => Err("an audio source is one of file, mic, tone, none".into()),
    }
}

pub fn layers(text: &str) -> Result<Layers, String> {
    match text {
        "heights" => Ok(Layers::of_camera()),
        "rate" => Ok(Layers::of_courseware()),
        "off" => Ok(Layers::Off),
        _ => Err("layers are one of heights, rate, off".into()),
    }
}

pub fn bitrate(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.strip_suffix(['M', 'm']) {
        Some(digits) => (digits, 1e6),
        None => match text.strip_suffix(['k', 'K']) {
            Some(digits) => (digits, 1e3),
            None => (text, 1.0),
        },
    };
    match digits.parse::<f64>().map(|rate| rate * unit) {
        Ok(rate) if (10e3..=200e6).contains(&rate) => Ok(rate as u32),
        _ => Err(format!("“{text}” is not a bit rate from 10k to 200M")),
    }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("“{text}” is not a number of seconds"))
}

pub fn screen_of_slot(text: &str) -> Result<(String, Shown), String> {
    let (slot, place) = text
        .split_once('=')
        .ok_or_else(|| format!("“{text}” is not SLOT=SCREEN"))?;
    Ok((slot.to_owned(), place.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_sources_are_told_apart() {
        let size = |width, height, fps| Size { width, height, fps };
        assert_eq!(video("file:a:b.mp4"), Ok(Video::Clip("a:b.mp4".into())));
        let renditions = Renditions {
            best: "h.mp4".into(),
            lower: vec!["m.mp4".into(), "l.mp4".into()],
        };
        assert_eq!(video("file:h.mp4,m.mp4,l.mp4"), Ok(Video::Clip(renditions)));
        assert_eq!(
            video("test:640x360@15"),
            Ok(Video::Pattern(Pattern(size(640, 360, 15))))
        );
        assert_eq!(
            video("test:640x360"),
            Ok(Video::Pattern(Pattern(size(640, 360, 30))))
        );
        let camera = |device: &str, size| {
            Video::Camera(Camera {
                device: device.into(),
                size,
            })
        };
        assert_eq!(
            video("v4l2:/dev/video0"),
            Ok(camera("/dev/video0", size(1_920, 1_080, 30)))
        );
        assert_eq!(
            video("v4l2:/dev/video2:640x480@25"),
            Ok(camera("/dev/video2", size(640, 480, 25)))
        );
        assert!(matches!(
            video("rtsp://10.0.0.7/main"),
            Ok(Video::Network(_))
        ));
        let screen = |display: Option<&str>, fps| {
            Video::Screen(Screen {
                display: display.map(str::to_owned),
                fps,
            })
        };
        assert_eq!(video("screen"), Ok(screen(None, 15)));
        assert_eq!(video("screen@30"), Ok(screen(None, 30)));
        assert_eq!(video("screen::1@5"), Ok(screen(Some(":1"), 5)));
        for wrong in [
            "",
            "file:",
            "file:a.mp4,",
            "file:a,b,c,d,e",
            "clip.mp4",
            "test:640",
            "test:641x360",
            "test:99999x360",
            "test:640x360@0",
            "v4l2:",
        ] {
            assert!(video(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bit_rates_have_units() {
        assert_eq!(bitrate("20M"), Ok(20_000_000));
        assert_eq!(bitrate("800k"), Ok(800_000));
        assert_eq!(bitrate("64000"), Ok(64_000));
        for wrong in ["", "M", "-1M", "1", "1G", "NaN"] {
            assert!(bitrate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_positive() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1_500)));
        for wrong in ["0", "-3", "inf", "1e300", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn slots_are_given_screens() {
        assert_eq!(
            screen_of_slot("courseware=x11::0.1"),
            Ok(("courseware".into(), Shown::X11(":0.1".into())))
        );
        assert!(screen_of_slot("courseware").is_err());
    }
}
