//! What a process costs: CPU time to the nanosecond, and memory.

use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// A process that is being measured.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    id: u32,
    clock: ClockId,
}

/// Why a process cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum CostError {
    /// Its CPU clock cannot be read.
    #[error("the cpu time of process {0} cannot be read: {1}")]
    Clock(u32, nix::Error),
    /// Its memory cannot be read.
    #[error("the memory of process {0} cannot be read")]
    Memory(u32),
}

impl Process {
    /// A process by its id.
    pub fn of(id: u32) -> Result<Self, CostError> {
        let clock = clock_getcpuclockid(Pid::from_raw(id.cast_signed()))
            .map_err(|error| CostError::Clock(id, error))?;
        Ok(Self { id, clock })
    }

    /// User and system time of all its threads, ended ones included.
    pub fn cpu_time(self) -> Result<Duration, CostError> {
        let time = clock_gettime(self.clock).map_err(|error| CostError::Clock(self.id, error))?;
        Ok(time.into())
    }

    /// Bytes of memory it has resident.
    pub fn resident_bytes(self) -> Result<u64, CostError> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id))
            .map_err(|_| CostError::Memory(self.id))?;
        resident_bytes(&status).ok_or(CostError::Memory(self.id))
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let this = Process::of(std::process::id()).unwrap();
        let before = this.cpu_time().unwrap();
        let mut sum = 0_u64;
        while this.cpu_time().unwrap() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(this.resident_bytes().unwrap() > 100_000);
    }

    #[test]
    fn reads_the_status_file() {
        assert_eq!(
            resident_bytes("Name:\tx\nVmRSS:\t    1234 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(resident_bytes("Name:\tx\n"), None);
    }
}
