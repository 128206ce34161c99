//! The command line. Wrong use and bad configuration end with status 2, everything else that fails with 1.

mod relay;
mod token;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Files, Invalid, Settings};

/// Lectern: one school's lesson for many classrooms.
#[derive(Debug, Parser)]
#[command(name = "lectern", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay.
    Relay(relay::Options),
    /// Print a token that opens one lesson to one seat.
    Token(token::Options),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// What was asked for cannot be: status 2.
    #[error("{0}")]
    Asked(String),
    /// It could be, but did not work: status 1.
    #[error("{0}")]
    Happened(String),
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Failure::Asked(invalid.to_string())
    }
}

impl Cli {
    /// Does what was asked; failures are printed as one line.
    pub fn execute(self) -> ExitCode {
        let result = match self.command {
            Command::Relay(options) => options.execute(),
            Command::Token(options) => options.execute(),
        };
        let Err(failure) = result else {
            return ExitCode::SUCCESS;
        };
        eprintln!("lectern: {failure}");
        match failure {
            Failure::Asked(_) => ExitCode::from(2),
            Failure::Happened(_) => ExitCode::FAILURE,
        }
    }
}

/// Where settings come from, besides their own variables and flags.
#[derive(Debug, Args)]
struct Sources {
    /// Configuration file (TOML); without one, defaults apply.
    #[arg(long, value_name = "FILE", env = "LECTERN_CONFIG")]
    config: Option<PathBuf>,
    /// File with the key that signs and checks tokens.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Any setting, for instance `--set media.max_sessions=50`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

impl Sources {
    /// The settings of file, environment and flags.
    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = match &self.config {
            Some(path) => Settings::file(path, &configuration(path)?)?,
            None => Settings::default(),
        };
        let variables = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        settings.environment(variables)?;
        for set in &self.sets {
            let (key, value) = set
                .split_once('=')
                .ok_or_else(|| Failure::Asked(format!("--set {set}: write --set key=value")))?;
            settings.flag(&format!("--set {key}"), key, value)?;
        }
        if let Some(path) = &self.key_file {
            settings.flag("--key-file", "auth.key_file", &path.display().to_string())?;
        }
        Ok(settings)
    }
}

fn configuration(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::Asked(format!(
            "--config {}: cannot be read: {error}",
            path.display()
        ))
    })
}

/// Checks settings against this machine.
fn checked(settings: &Settings) -> Result<Config, Invalid> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Config::build(settings, &Disk, cores)
}

/// The real file system.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
