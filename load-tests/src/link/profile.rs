//! Profiles: what a line does to packets, and when.
//!
//! A profile is a TOML file:
//!
//! ```toml
//! about = "What line this is."
//! seconds = 60                # how long a measurement takes
//!
//! [down]                      # towards the client; [up] is the other way, with the same keys, all optional
//! delay = "20ms"              # one way
//! jitter = "2ms"              # evenly spread around the delay; packets keep their order, so of a burst the slowest counts
//! loss = "5%"                 # each packet for itself, or in bursts (Gilbert–Elliott): { average = "2%", burst = 20 }
//! duplicate = "0.1%"
//! reorder = 50                # every 50th packet overtakes the one before
//! rate = "4Mbit/s"            # of IP packets; "unlimited"
//! queue = "200ms"             # what waits at the bottleneck, or bytes: "64kB"; what is more is dropped
//! outage = false              # nothing gets through
//!
//! [[step]]                    # from then on; keys that are not named stay as they were
//! at = "10s"
//! down = { rate = "1Mbit/s" }
//! ```

mod text;
mod units;

use std::path::Path;
use std::time::Duration;

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name, or the path it was read from.
    pub name: String,
    /// What it stands for, in a sentence.
    pub about: String,
    /// How long a measurement of it takes.
    pub length: Duration,
    /// The conditions, in order of time; the first are those at zero.
    pub steps: Vec<Step>,
}

/// Conditions from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Since the beginning.
    pub at: Duration,
    /// Towards the client.
    pub down: Conditions,
    /// Towards the server.
    pub up: Conditions,
}

/// What one direction of a line does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Conditions {
    /// One way.
    pub delay: Duration,
    /// The delay varies by so much in either direction.
    pub jitter: Duration,
    /// Which packets are lost.
    pub loss: Loss,
    /// Share of packets that arrive twice, 0 to 1.
    pub duplicate: f64,
    /// Every so manieth packet overtakes its predecessor.
    pub reorder: Option<u32>,
    /// The narrowest place.
    pub bottleneck: Option<Bottleneck>,
    /// Nothing gets through.
    pub outage: bool,
}

/// Which packets are lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability.
    Random(f64),
    /// All of a run, then none for a while (Gilbert–Elliott).
    Bursts {
        /// Share of all packets, 0 to 1.
        average: f64,
        /// Mean length of a run in packets.
        burst: f64,
    },
}

/// A rate and the queue before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bottleneck {
    /// Of IP packets.
    pub bits_per_second: u64,
    /// Bytes that may wait, IP and UDP headers included.
    pub queue_bytes: u64,
}

/// A profile that cannot be used. One line that says where and why.
#[derive(Debug, thiserror::Error)]
#[error("profile {name}: {why}")]
pub struct ProfileError {
    name: String,
    why: String,
}

const NAMED: [(&str, &str); 10] = [
    ("metro", include_str!("profiles/metro.toml")),
    ("fibre", include_str!("profiles/fibre.toml")),
    ("5g-good", include_str!("profiles/5g-good.toml")),
    ("5g-busy", include_str!("profiles/5g-busy.toml")),
    ("village-4m", include_str!("profiles/village-4m.toml")),
    ("lossy-5", include_str!("profiles/lossy-5.toml")),
    ("lossy-10", include_str!("profiles/lossy-10.toml")),
    ("burst", include_str!("profiles/burst.toml")),
    ("outage-5s", include_str!("profiles/outage-5s.toml")),
    ("step-30-5-30", include_str!("profiles/step-30-5-30.toml")),
];

impl Profile {
    /// The names of the profiles that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// A profile by its name or the path of its file.
    pub fn load(name: &str) -> Result<Self, ProfileError> {
        let named = NAMED.iter().find(|(known, _)| *known == name);
        let text = match named {
            Some((_, text)) => (*text).to_owned(),
            None if Path::new(name).extension().is_none() => {
                let names: Vec<&str> = Self::names().collect();
                let why = format!("unknown; give a .toml file or one of {}", names.join(", "));
                return Err(ProfileError::of(name, why));
            }
            None => std::fs::read_to_string(name)
                .map_err(|error| ProfileError::of(name, error.to_string()))?,
        };
        Self::parse(name, &text)
    }

    /// The schedule towards the client.
    pub fn down(&self) -> Vec<(Duration, Conditions)> {
        self.steps.iter().map(|step| (step.at, step.down)).collect()
    }

    /// The schedule towards the server.
    pub fn up(&self) -> Vec<(Duration, Conditions)> {
        self.steps.iter().map(|step| (step.at, step.up)).collect()
    }

    /// When the line towards the client becomes narrower for the first time.
    pub fn fall(&self) -> Option<Duration> {
        self.change(|before, after| after < before)
    }

    /// When the line towards the client becomes wider for the first time.
    pub fn rise(&self) -> Option<Duration> {
        self.change(|before, after| after > before)
    }

    fn change(&self, is_wanted: impl Fn(u64, u64) -> bool) -> Option<Duration> {
        let rate = |step: &Step| {
            step.down
                .bottleneck
                .map_or(u64::MAX, |it| it.bits_per_second)
        };
        let pairs = self.steps.iter().zip(self.steps.iter().skip(1));
        pairs
            .filter(|(before, after)| is_wanted(rate(before), rate(after)))
            .map(|(_, after)| after.at)
            .next()
    }

    /// A profile from TOML.
    pub fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        text::read(name, text).map_err(|why| ProfileError::of(name, why))
    }
}

impl ProfileError {
    fn of(name: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            why,
        }
    }
}

impl Loss {
    /// Mean length of a run without loss, in packets.
    pub(super) fn packets_between_bursts(self) -> f64 {
        match self {
            Self::Bursts { average, burst } => burst * (1.0 - average) / average,
            Self::None | Self::Random(_) => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests;
