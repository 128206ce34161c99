//! `lectern-load demo`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::{positive, write_json};
use crate::demo::{Demo, Outcome};

/// `lectern-load demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Rooms; the first two decode and play, the others receive and measure.
    #[arg(long, default_value_t = 29, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rooms: u32,
    /// End after this many seconds, with status 0 if every room was served without loss.
    #[arg(long, value_parser = positive)]
    pub seconds: Option<f64>,
    /// H.264 clip of the teacher's camera, with sound.
    #[arg(long, value_name = "FILE")]
    pub camera: PathBuf,
    /// H.264 clip of the courseware.
    #[arg(long, value_name = "FILE")]
    pub courseware: PathBuf,
    /// HTTP port of the relay; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Folder of the built web pages.
    #[arg(long, value_name = "FOLDER")]
    pub web_dir: Option<PathBuf>,
    /// The relay's executable; by default `lectern` beside this one.
    #[arg(long, value_name = "FILE")]
    pub relay: Option<PathBuf>,
    /// The classroom client's executable; by default `lectern-classroom` beside this one.
    #[arg(long, value_name = "FILE")]
    pub classroom: Option<PathBuf>,
    /// Lines of the terminal: the table is then written over in place.
    #[arg(long, env = "LINES", hide = true)]
    pub lines: Option<usize>,
    /// Write the result as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Plays the demo and reports. An error when a room was not served.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let beside =
        |told: &Option<PathBuf>, name| told.clone().unwrap_or_else(|| own.with_file_name(name));
    let demo = Demo {
        rooms: args.rooms as usize,
        length: args.seconds.map(Duration::from_secs_f64),
        camera: args.camera.clone(),
        courseware: args.courseware.clone(),
        port: args.port,
        web: args.web_dir.clone(),
        relay: beside(&args.relay, "lectern"),
        classroom: beside(&args.classroom, "lectern-classroom"),
        lines: args.lines,
    };
    let outcome = demo.run()?;
    print!("{}", summary(&outcome));
    if let Some(path) = &args.json {
        write_json(path, &outcome)?;
    }
    if outcome.not_served.is_empty() {
        return Ok(());
    }
    for why in &outcome.not_served {
        eprintln!("{why}");
    }
    bail!(
        "{} of {} rooms were not served without loss",
        outcome.not_served.len(),
        outcome.rooms
    )
}

fn summary(outcome: &Outcome) -> String {
    let mut text = format!(
        "\n{} of {} rooms connected, {} of {} packets lost, {:.1} Mbit/s per room\n",
        outcome.rooms_connected,
        outcome.rooms,
        outcome.packets_lost,
        outcome.packets_expected,
        outcome.mbit_per_room,
    );
    if let Some(first) = outcome.first_picture_ms {
        text += &format!(
            "first picture  p50 {:.0}  p95 {:.0}  max {:.0} ms\n",
            first.p50, first.p95, first.max
        );
    }
    if let Some(delay) = outcome.delay_ms {
        text += &format!(
            "delay          p50 {:.2}  p95 {:.2}  p99 {:.2} ms\n",
            delay.p50, delay.p95, delay.p99
        );
    }
    if let Some(jitter) = outcome.jitter_ms {
        text += &format!(
            "jitter         p50 {:.2}  p95 {:.2} ms\n",
            jitter.p50, jitter.p95
        );
    }
    for room in 0..outcome.frames_decoded.len() {
        text += &format!(
            "room {}         decoded {} of {} pictures, {:.1} of {:.1} s of sound\n",
            room + 1,
            outcome.frames_decoded[room],
            outcome.frames_sent[room],
            outcome.audio_ms_decoded[room] as f64 / 1000.0,
            outcome.audio_ms_sent[room] as f64 / 1000.0,
        );
    }
    text
}
