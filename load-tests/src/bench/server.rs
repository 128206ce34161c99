//! Servers that a bench starts and ends.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use url::Url;

use crate::cost::{CostError, Process};

/// A server process on free ports of loopback. Dropping it ends it.
pub struct Server {
    child: Child,
    base: Url,
}

/// Why a server is not there.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its executable cannot be run.
    #[error("{0} cannot be run: {1}")]
    Executable(PathBuf, io::Error),
    /// It ended, or never said where it listens.
    #[error("{0} did not say where it listens")]
    Silent(PathBuf),
}

impl Server {
    /// The relay in local mode.
    pub fn relay(executable: &Path) -> Result<Self, ServerError> {
        let arguments = [
            "relay",
            "--listen",
            "127.0.0.1:0",
            "--base-port",
            "0",
            "--log",
            "warn",
        ];
        Self::start(executable, &arguments)
    }

    /// The baseline.
    pub fn baseline(executable: &Path) -> Result<Self, ServerError> {
        Self::start(executable, &["baseline-server"])
    }

    /// Where to publish a source.
    pub fn whip(&self, source: &str) -> Url {
        self.address(&format!("whip/bench/{source}"))
    }

    /// Where to watch one source.
    pub fn whep(&self, source: &str) -> Url {
        self.address(&format!("whep/bench/{source}"))
    }

    /// Where to watch the whole lesson.
    pub fn lesson(&self) -> Url {
        self.address("whep/bench")
    }

    /// What to measure.
    pub fn process(&self) -> Result<Process, CostError> {
        Process::of(self.child.id())
    }

    fn address(&self, path: &str) -> Url {
        self.base.join(path).expect("paths are plain words")
    }

    fn start(executable: &Path, arguments: &[&str]) -> Result<Self, ServerError> {
        let inherited = std::env::vars_os().map(|(name, _)| name);
        let settings = inherited.filter(|name| name.to_string_lossy().starts_with("LECTERN_"));
        let mut command = Command::new(executable);
        command
            .args(arguments)
            // What is measured leaves nothing behind.
            .env("LECTERN_RECORDS_DIR", "no")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // What is set for another relay of this machine shall not change this one.
        for name in settings {
            command.env_remove(name);
        }
        let mut child = command
            .spawn()
            .map_err(|error| ServerError::Executable(executable.to_owned(), error))?;
        let silent = || ServerError::Silent(executable.to_owned());
        let mut output = BufReader::new(child.stdout.take().ok_or_else(silent)?);
        let mut base = None;
        let mut line = String::new();
        while base.is_none() && output.read_line(&mut line).is_ok_and(|read| read > 0) {
            base = announced(&line);
            line.clear();
        }
        // Whatever else it prints must not block it.
        std::thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        match base {
            Some(base) => Ok(Self { child, base }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(silent())
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The first address with a scheme in a line.
fn announced(line: &str) -> Option<Url> {
    line.split_ascii_whitespace()
        .find(|word| word.starts_with("http://") || word.starts_with("https://"))
        .and_then(|word| Url::parse(word).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_announced_address() {
        let url = announced("  listening  http://127.0.0.1:4000 (on 127.0.0.1:4000)\n").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:4000/");
        assert!(announced("lectern relay 0.1.0\n").is_none());
    }
}
