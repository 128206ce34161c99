//! The command line: what is typed, and what it means.

mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use participant::Door;
use url::Url;

use crate::layers::Layers;
use crate::play::screen::Screen;
use crate::play::{Loudspeaker, Overlay};
use crate::source::{Audio, Request, Video};
use crate::{publish, watch};

/// The classroom box: publishes cameras, screens and clips, and plays lessons.
#[derive(Debug, Parser)]
#[command(name = "lectern-classroom", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Typed,
}

#[derive(Debug, Subcommand)]
enum Typed {
    /// Send pictures and sound into a lesson.
    Publish(Publish),
    /// Decode and play a lesson.
    Watch(Watch),
}

#[derive(Debug, Args)]
struct Publish {
    /// WHIP address, such as http://127.0.0.1:8080/whip/demo/camera
    #[arg(long)]
    whip: Url,
    /// Bearer token
    #[arg(long, env = "LECTERN_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// file:CLIP.mp4 (or file:BEST.mp4,LOWER.mp4: one file for each layer), v4l2:/dev/video0[:WxH@FPS], rtsp://…, http://…, screen[:DISPLAY][@FPS] or test[:WxH@FPS]
    #[arg(long, value_parser = words::video)]
    video: Video,
    /// file (the video's own sound), mic, tone or none; by default the video's own where it can have one, else none
    #[arg(long, value_parser = words::audio)]
    audio: Option<Audio>,
    /// In which layers the picture is encoded, so that every room gets one that its line carries: heights (also 1080 and 360
    /// lines, for cameras), rate (also 5 pictures a second in the same size, for courseware) or off; by default rate for the
    /// sources courseware and board and for screens, heights for the others. Files and network sources are sent as they are
    #[arg(long, value_parser = words::layers, verbatim_doc_comment)]
    layers: Option<Layers>,
    /// Bit rate of what is encoded here, of the best layer if there are several, such as 20M or 800k (bits per second)
    #[arg(long, value_parser = words::bitrate)]
    bitrate: Option<u32>,
    /// Write a JSON object per second into this file
    #[arg(long, value_name = "FILE")]
    json_stats: Option<PathBuf>,
    /// Stop after this many seconds
    #[arg(long, value_parser = words::seconds)]
    seconds: Option<Duration>,
}

#[derive(Debug, Args)]
struct Watch {
    /// WHEP address, such as http://127.0.0.1:8080/whep/demo
    #[arg(long)]
    whep: Url,
    /// Bearer token
    #[arg(long, env = "LECTERN_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// How many pictures, with their sound, are asked for
    #[arg(long, default_value_t = 2, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=32))]
    slots: usize,
    /// Decode everything, show and play nothing
    #[arg(long)]
    headless: bool,
    /// Where slots are shown, such as courseware=x11::0.1,camera=kms:33,stage-1=none; others open a window
    #[arg(long, value_delimiter = ',', value_parser = words::screen_of_slot)]
    screens: Vec<(String, Screen)>,
    /// How statistics are told, once a second
    #[arg(long, value_enum, default_value_t = Stats::Table)]
    stats: Stats,
    /// Stop after this many seconds
    #[arg(long, value_parser = words::seconds)]
    seconds: Option<Duration>,
    /// Write the last statistics into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How statistics are told, once a second, on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stats {
    /// As a table, and over each picture.
    Overlay,
    /// As a table.
    Table,
    /// As one JSON object per line.
    Json,
}

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// Send.
    Publish(publish::Options),
    /// Receive, and tell how it goes.
    Watch(watch::Options, Stats),
}

impl Cli {
    /// What the words mean.
    pub fn command(self) -> Command {
        match self.command {
            Typed::Publish(typed) => {
                let own = typed.video.may_have_sound();
                let layers = typed
                    .layers
                    .unwrap_or_else(|| layers_of(&typed.whip, &typed.video));
                Command::Publish(publish::Options {
                    door: door(typed.whip, typed.token),
                    request: Request {
                        video: typed.video,
                        audio: typed
                            .audio
                            .unwrap_or(if own { Audio::Own } else { Audio::None }),
                        bitrate: typed.bitrate,
                        layers,
                    },
                    report: typed.json_stats,
                    length: typed.seconds,
                })
            }
            Typed::Watch(typed) => Command::Watch(
                watch::Options {
                    door: door(typed.whep, typed.token),
                    slots: typed.slots,
                    screen: if typed.headless {
                        Screen::Nowhere
                    } else {
                        Screen::Auto
                    },
                    screens: if typed.headless {
                        BTreeMap::new()
                    } else {
                        typed.screens.into_iter().collect()
                    },
                    loudspeaker: if typed.headless {
                        Loudspeaker::Silent
                    } else {
                        Loudspeaker::Default
                    },
                    overlay: match typed.stats {
                        Stats::Overlay => Overlay::Text,
                        Stats::Table | Stats::Json => Overlay::None,
                    },
                    length: typed.seconds,
                    report: typed.json,
                },
                typed.stats,
            ),
        }
    }
}

/// What is mostly text keeps its size.
fn layers_of(whip: &Url, video: &Video) -> Layers {
    let source = whip.path_segments().and_then(|mut path| path.next_back());
    match (source, video) {
        (Some("courseware" | "board"), _) | (_, Video::Screen(_)) => Layers::of_courseware(),
        _ => Layers::of_camera(),
    }
}

fn door(address: Url, token: Option<String>) -> Door {
    let door = Door::new(address);
    match token {
        Some(token) => door.with_token(token),
        None => door,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mostly_text_keeps_its_size_unless_told_otherwise() {
        let layers = |words: &[&str]| {
            let words = ["lectern-classroom", "publish", "--whip"]
                .iter()
                .chain(words);
            match Cli::parse_from(words).command() {
                Command::Publish(options) => options.request.layers,
                Command::Watch(..) => panic!("publish was asked for"),
            }
        };
        let (rate, heights) = (Layers::of_courseware(), Layers::of_camera());
        let camera = "http://relay.test/whip/demo/camera";
        let courseware = "http://relay.test/whip/demo/courseware";
        assert_eq!(layers(&[camera, "--video", "test"]), heights);
        assert_eq!(layers(&[courseware, "--video", "test"]), rate);
        assert_eq!(layers(&[camera, "--video", "screen"]), rate);
        assert_eq!(
            layers(&[courseware, "--video", "test", "--layers", "heights"]),
            heights
        );
        assert_eq!(
            layers(&[camera, "--video", "test", "--layers", "off"]),
            Layers::Off
        );
    }
}
