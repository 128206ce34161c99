//! `lectern-classroom`: publishes cameras, screens and clips, and plays lessons.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use classroom_client::cli::{Cli, Command, Stats};
use classroom_client::stats::{Report, table};
use classroom_client::{publish, watch};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().command();
    // Standard output belongs to the statistics.
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "warn,classroom_client=info,rtc_dtls=error".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lectern-classroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    gstreamer::init()?;
    let mut terminated = signal(SignalKind::terminate())?;
    let shutdown = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
    };
    match command {
        Command::Publish(options) => publish::run(options, shutdown).await?,
        Command::Watch(options, told) => {
            watch::run(options, |report| tell(report, told), shutdown).await?;
        }
    }
    Ok(())
}

/// Prints a report. Whoever read it may be gone; the lesson goes on.
fn tell(report: &Report, told: Stats) {
    let text = match told {
        Stats::Json => serde_json::to_string(report).unwrap_or_default(),
        Stats::Table | Stats::Overlay => table(report),
    };
    let _ = writeln!(std::io::stdout(), "{text}");
}
