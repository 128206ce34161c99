//! The command line.

mod baseline_server;
mod bell;
mod bench;
mod demo;
mod floor;
mod impair;
mod lesson;
mod link;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::client::{Abilities, Srtp};
use crate::floor::Send;
use crate::publisher::Pacing;

/// Loads a WHIP/WHEP server with a lesson, and measures what it costs.
#[derive(Debug, Parser)]
#[command(name = "lectern-load", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a lesson against any WHIP/WHEP server.
    Lesson(Box<LessonArgs>),
    /// Play a whole lesson on this machine: relay, school and rooms.
    Demo(demo::DemoArgs),
    /// Measure what sealing and sending alone cost.
    Floor(FloorArgs),
    /// Receive for the floor.
    #[command(hide = true)]
    Sink(SinkArgs),
    /// Serve WHIP and WHEP through unmodified peer connections.
    BaselineServer(BaselineServerArgs),
    /// Compare the relay with the floor below it and the baseline above it.
    BenchForward(BenchForwardArgs),
    /// Measure how soon everybody has a picture when all join at once, and what those notice who watch already.
    BenchBell(bell::BenchBellArgs),
    /// Put a bad line between any WHIP/WHEP client and any server.
    Link(link::LinkArgs),
    /// Measure what a room on a bad line gets, and what the others notice.
    Impair(impair::ImpairArgs),
    /// Measure one line after the other.
    BenchImpair(impair::BenchImpairArgs),
}

/// What a lesson is made of.
#[derive(Debug, Clone, Args)]
pub struct Shape {
    /// Viewers.
    #[arg(long, default_value_t = 29, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub viewers: u32,
    /// Mbit/s of video.
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    pub mbit: f64,
    /// The viewers' requests are spread over this time, such as 1s or 500ms.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub join_within: Duration,
    /// How the publisher sends.
    #[arg(long, value_enum, default_value = "burst")]
    pub pattern: Pacing,
    /// What the viewers offer.
    #[arg(long, value_enum, default_value = "gcm")]
    pub srtp: Srtp,
    /// What they offer besides.
    #[command(flatten)]
    pub offer: Offering,
}

/// What viewers can do without.
#[derive(Debug, Clone, Copy, Args)]
pub struct Offering {
    /// The viewers send no transport-wide feedback.
    #[arg(long)]
    pub no_feedback: bool,
    /// The viewers take repairs on the SSRC they are of.
    #[arg(long)]
    pub no_rtx: bool,
}

impl Offering {
    fn abilities(self) -> Abilities {
        Abilities {
            rtx: !self.no_rtx,
            feedback: !self.no_feedback,
        }
    }
}

/// `lectern-load lesson`.
#[derive(Debug, Args)]
pub struct LessonArgs {
    /// Where to publish.
    #[arg(long)]
    pub whip: Option<Url>,
    /// Where to watch.
    #[arg(long)]
    pub whep: Url,
    /// Bearer token.
    #[arg(long, env = "LECTERN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Do not check the server's certificate.
    #[arg(long)]
    pub insecure: bool,
    /// Seconds to measure after everybody has joined.
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    pub seconds: f64,
    /// Video sections in each viewer's offer.
    #[arg(long, default_value_t = 1)]
    pub videos: u8,
    /// Audio sections in each viewer's offer.
    #[arg(long, default_value_t = 1)]
    pub audios: u8,
    /// Publish this H.264 byte stream instead of synthetic frames.
    #[arg(long)]
    pub clip: Option<PathBuf>,
    /// Publish a camera in three layers of 12, 2.5 and 0.35 Mbit/s.
    #[arg(long, conflicts_with = "clip")]
    pub layers: bool,
    /// Write JSON lines: every second, every viewer, the publisher, the summary.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Write a page with plots.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// What the lesson is made of.
    #[command(flatten)]
    pub shape: Shape,
}

/// `lectern-load baseline-server`.
#[derive(Debug, Args)]
pub struct BaselineServerArgs {
    /// Address to listen on; the address taken is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
}

/// `lectern-load floor`.
#[derive(Debug, Args)]
pub struct FloorArgs {
    /// Destinations.
    #[arg(long, default_value_t = 29, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub viewers: u32,
    /// Mbit/s of video to each.
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    pub mbit: f64,
    /// How long.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    pub seconds: f64,
    /// How packets are handed to the kernel.
    #[arg(long, value_enum, default_value = "gso")]
    pub send: Send,
    /// Write the result as JSON; `-` is standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// `lectern-load sink`.
#[derive(Debug, Args)]
pub struct SinkArgs {
    /// How many sockets.
    #[arg(long)]
    pub sockets: usize,
}

/// `lectern-load bench-forward`.
#[derive(Debug, Args)]
pub struct BenchForwardArgs {
    /// What the lesson is made of.
    #[command(flatten)]
    pub shape: Shape,
    /// Length of each phase.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    pub seconds: f64,
    /// How often each phase is played.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// The relay's executable; by default `lectern` beside this one.
    #[arg(long)]
    pub relay: Option<PathBuf>,
    /// Write the result as JSON; `-` is standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Lesson(args) => lesson::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Floor(args) => floor::run(&args),
            Command::Sink(args) => floor::run_sink(&args),
            Command::BaselineServer(args) => baseline_server::run(&args),
            Command::BenchForward(args) => bench::forward(&args),
            Command::BenchBell(args) => bell::run(&args),
            Command::Link(args) => link::run(&args),
            Command::Impair(args) => impair::run(&args),
            Command::BenchImpair(args) => impair::bench(&args),
        }
    }
}

/// The relay's executable: as told, or beside this one.
fn relay(told: Option<&Path>) -> std::io::Result<PathBuf> {
    match told {
        Some(path) => Ok(path.to_owned()),
        None => Ok(std::env::current_exe()?.with_file_name("lectern")),
    }
}

/// Writes one JSON object and a newline; `-` is standard output.
fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    if path == Path::new("-") {
        writeln!(std::io::stdout(), "{text}")?;
    } else {
        std::fs::write(path, text + "\n")?;
    }
    Ok(())
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("a number greater than zero is needed".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let (digits, scale) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = digits
        .parse()
        .map_err(|_| "a time such as 1s or 500ms is needed".to_owned())?;
    Duration::try_from_secs_f64(number * scale).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_times() {
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("soon").is_err());
        assert!(duration("-1s").is_err());
        assert!(positive("0").is_err());
        assert!(positive("NaN").is_err());
    }
}
