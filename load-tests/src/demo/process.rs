//! Programs that the demo runs. None outlives it, whatever becomes of it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(4);

/// A running program. Dropping it ends it.
pub struct Process {
    name: String,
    child: Child,
    output: Option<JoinHandle<()>>,
    complaints: Option<JoinHandle<Option<String>>>,
    ended: Option<String>,
}

/// Why a program does not run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not there.
    #[error("{0} is missing: ./run demo builds it")]
    Missing(PathBuf),
    /// The system refused.
    #[error("{0} cannot be run: {1}")]
    Refused(PathBuf, std::io::Error),
}

impl Process {
    /// Starts `program`; each line of its standard output goes to `each_line`. Must be called on a thread that lives as long
    /// as the demo: the kernel ends the program together with the thread that started it.
    pub fn start<A: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        mut each_line: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self, ProcessError> {
        if !program.is_file() {
            return Err(ProcessError::Missing(program.to_owned()));
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .env("NO_COLOR", "1")
            // A demonstration leaves nothing behind.
            .env("LECTERN_RECORDS_DIR", "no")
            // Ctrl-C is for the demo alone, which ends everything in the right order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // What is set for another relay of this machine shall not change this lesson.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("LECTERN_") {
                command.env_remove(variable);
            }
        }
        let mut child = command
            .spawn()
            .map_err(|error| ProcessError::Refused(program.to_owned(), error))?;
        let output = child.stdout.take().map(|output| {
            std::thread::spawn(move || lines(output).for_each(|line| each_line(&line)))
        });
        let complaints = child
            .stderr
            .take()
            .map(|errors| std::thread::spawn(move || lines(errors).last()));
        Ok(Self {
            name: name.to_owned(),
            child,
            output,
            complaints,
            ended: None,
        })
    }

    /// Why it ended, in a sentence, if it did.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        if let Some(complaints) = self.complaints.take() {
            let said = complaints
                .join()
                .ok()
                .flatten()
                .map(|last| format!(": {last}"));
            self.ended = Some(format!(
                "{} ended early ({status}){}",
                self.name,
                said.unwrap_or_default()
            ));
        }
        self.ended.clone()
    }

    /// Asks it to end, and waits until it has and all of its output was read.
    pub fn stop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut asked = false;
        while let Ok(None) = self.child.try_wait() {
            if !asked {
                // A process that has not been waited for keeps its id: nobody else can be hit.
                let _ = kill(
                    Pid::from_raw(self.child.id().cast_signed()),
                    Signal::SIGTERM,
                );
                asked = true;
            } else if Instant::now() >= deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
            } else {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        if let Some(output) = self.output.take() {
            let _ = output.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Lines that are not empty, to the end or the first error.
fn lines(output: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.filter(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn shell(script: &str) -> (Process, mpsc::Receiver<String>) {
        let (tell, told) = mpsc::channel();
        let each_line = move |line: &str| tell.send(line.to_owned()).unwrap();
        let process = Process::start("it", Path::new("/bin/sh"), ["-c", script], each_line);
        (process.unwrap(), told)
    }

    #[test]
    fn tells_each_line_and_the_last_complaint() {
        let (mut process, told) = shell("echo one; echo; echo two; echo why >&2; exit 3");
        assert_eq!(told.iter().collect::<Vec<_>>(), ["one", "two"]);
        process.child.wait().unwrap();
        let ended = process.ended().unwrap();
        assert_eq!(ended, "it ended early (exit status: 3): why");
    }

    #[test]
    fn what_is_said_while_ending_is_heard() {
        let (mut process, told) =
            shell("trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.01; done");
        assert_eq!(told.recv().unwrap(), "ready");
        assert_eq!(process.ended(), None);
        process.stop();
        assert_eq!(told.iter().collect::<Vec<_>>(), ["bye"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = Process::start("it", Path::new("/nowhere/it"), [""; 0], |_| {});
        let error = missing.err().unwrap();
        assert_eq!(
            error.to_string(),
            "/nowhere/it is missing: ./run demo builds it"
        );
    }
}
