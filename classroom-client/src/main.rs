//! `lectern-classroom`: publishes cameras, screens and clips, and plays lessons.

use std::process::ExitCode;

use clap::Parser;
use classroom_client::cli::{Cli, Command};
use classroom_client::{publish, watch};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().command();
    // Standard output belongs to the statistics.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,classroom_client=info".into()))
        .with_writer(std::io::stderr)
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
        Command::Watch(options) => {
            watch::run(options, shutdown).await?;
        }
    }
    Ok(())
}
