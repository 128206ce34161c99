//! Floor, relay and baseline in one run on one machine.
//!
//! The three take turns in short rounds and the median of the rounds counts, so that a machine that slows down slows all
//! three. Each measured process does nothing else; receivers and publisher live in other processes than it.

mod server;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::client::{Abilities, Srtp};
use crate::cost::CostError;
use crate::floor::Floor;
use crate::lesson::{Lesson, LessonError, Plan, Publication};
use crate::publisher::{Pacing, Programme, Source};
use crate::summary::Summary;
use crate::viewer::Attention;
pub use server::{Server, ServerError};

/// What the baseline can serve on one core, in packets a second: more would measure its losses, not its cost.
const BASELINE_PACKETS_PER_SECOND: f64 = 65_000.0;
/// Packets a second of one Mbit/s.
const PACKETS_PER_MBIT: f64 = 107.0;
/// Loss beyond which the baseline is taken to be overloaded: then NACKs would be measured, not forwarding.
const BASELINE_LOSS: f64 = 0.001;
/// How often the baseline's rate is halved before its loss is put up with.
const BASELINE_HALVINGS: usize = 3;
/// After the last picture, until everything is steady.
const SETTLE: Duration = Duration::from_secs(1);

/// What to compare.
#[derive(Debug, Clone)]
pub struct Forward {
    /// Viewers.
    pub viewers: usize,
    /// Mbit/s of video.
    pub mbit: f64,
    /// Length of each phase.
    pub seconds: f64,
    /// How often each phase is played.
    pub rounds: usize,
    /// What viewers offer.
    pub srtp: Srtp,
    /// What the relay's viewers offer besides.
    pub abilities: Abilities,
    /// How the publisher sends.
    pub pacing: Pacing,
    /// The relay's executable.
    pub relay: PathBuf,
    /// This program's executable.
    pub own: PathBuf,
}

/// Percentiles of the delay through the relay, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Delay {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
}

/// The comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Viewers.
    pub viewers: usize,
    /// Mbit/s of video.
    pub mbit: f64,
    /// CPU time per packet of the floor, in nanoseconds.
    pub floor_ns: f64,
    /// Of the relay.
    pub relay_ns: f64,
    /// Of the baseline.
    pub baseline_ns: f64,
    /// How many times the floor the relay costs.
    pub relay_over_floor: f64,
    /// How many times the relay the baseline costs.
    pub baseline_over_relay: f64,
    /// Packets lost on their way through the relay, in all rounds.
    pub packets_lost: u64,
    /// Source to arrival through the relay.
    pub relay_delay_ms: Delay,
    /// Resident memory that each viewer adds to the relay.
    pub rss_bytes_per_viewer: f64,
    /// What protected the viewers' packets.
    pub srtp_profile: String,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The floor.
    #[error("the floor could not be measured: {0}")]
    Floor(String),
    /// A server did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A lesson did not take place.
    #[error("{0}: {1}")]
    Lesson(&'static str, LessonError),
    /// Viewers were not served.
    #[error("{0}: {1}")]
    Shortfall(&'static str, String),
    /// A process could not be measured.
    #[error(transparent)]
    Cost(#[from] CostError),
}

/// One server in one round.
struct Phase {
    ns_per_packet: f64,
    resident_per_viewer: f64,
    summary: Summary,
    srtp_profile: String,
}

impl Forward {
    /// Measures; `tell` hears what is going on.
    pub fn run(&self, mut tell: impl FnMut(&str)) -> Result<Comparison, BenchError> {
        let relay = Server::relay(&self.relay)?;
        let baseline = Server::baseline(&self.own)?;
        let baseline_mbit = self.baseline_mbit(&baseline, &mut tell)?;
        let (mut floors, mut relays, mut baselines) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            let floor = self.floor()?;
            tell(&format!(
                "round {round}: floor    {:6.0} ns per packet",
                floor.ns_per_packet
            ));
            floors.push(floor.ns_per_packet);
            let phase = self.phase("relay", &relay, self.mbit, self.pacing, self.abilities)?;
            tell(&describe(round, "relay", &phase));
            relays.push(phase);
            let phase = self.baseline(&baseline, baseline_mbit)?;
            tell(&describe(round, "baseline", &phase));
            baselines.push(phase);
        }
        Ok(self.compare(floors, &relays, &baselines))
    }

    fn compare(&self, floors: Vec<f64>, relays: &[Phase], baselines: &[Phase]) -> Comparison {
        let costs = |phases: &[Phase]| -> Vec<f64> {
            phases.iter().map(|phase| phase.ns_per_packet).collect()
        };
        let delay = |pick: fn(&crate::viewer::Percentiles) -> f64| {
            let delays = relays
                .iter()
                .filter_map(|phase| phase.summary.delay_ms.as_ref().map(pick));
            median(delays.collect())
        };
        let (floor_ns, relay_ns) = (median(floors), median(costs(relays)));
        // A round in which the baseline loses packets costs it retransmissions as well: its cheapest round speaks for it.
        let baseline_ns = costs(baselines).into_iter().reduce(f64::min).unwrap_or(0.0);
        Comparison {
            viewers: self.viewers,
            mbit: self.mbit,
            floor_ns,
            relay_ns,
            baseline_ns,
            relay_over_floor: relay_ns / floor_ns,
            baseline_over_relay: baseline_ns / relay_ns,
            packets_lost: relays.iter().map(|phase| phase.summary.packets_lost).sum(),
            relay_delay_ms: Delay {
                p50: delay(|delay| delay.p50),
                p99: delay(|delay| delay.p99),
                p999: delay(|delay| delay.p999),
            },
            // Later rounds reuse the memory of the first.
            rss_bytes_per_viewer: relays
                .first()
                .map_or(0.0, |phase| phase.resident_per_viewer),
            srtp_profile: relays
                .first()
                .map_or_else(String::new, |phase| phase.srtp_profile.clone()),
        }
    }

    /// The rate at which the baseline serves all viewers. It is published to paced, because it drops the keyframes of a burst
    /// before it forwards them.
    fn baseline_mbit(
        &self,
        baseline: &Server,
        tell: &mut impl FnMut(&str),
    ) -> Result<f64, BenchError> {
        let most = BASELINE_PACKETS_PER_SECOND / PACKETS_PER_MBIT / self.viewers as f64;
        let mut mbit = self.mbit.min(most);
        for _ in 0..BASELINE_HALVINGS {
            let summary = self.baseline(baseline, mbit)?.summary;
            if (summary.packets_lost as f64) < summary.packets_expected as f64 * BASELINE_LOSS {
                break;
            }
            mbit /= 2.0;
        }
        if mbit < self.mbit {
            tell(&format!(
                "the baseline cannot serve {} viewers at {} Mbit/s here: it gets {mbit:.2} Mbit/s, its cost is per packet",
                self.viewers, self.mbit
            ));
        }
        Ok(mbit)
    }

    /// Its viewers offer the least: what it does with more is not what is compared.
    fn baseline(&self, baseline: &Server, mbit: f64) -> Result<Phase, BenchError> {
        self.phase(
            "baseline",
            baseline,
            mbit,
            Pacing::Paced,
            Abilities::default(),
        )
    }

    /// In a process of its own, so that nothing but sealing and sending is counted.
    fn floor(&self) -> Result<Floor, BenchError> {
        let output = Command::new(&self.own)
            .args(["floor", "--viewers", &self.viewers.to_string()])
            .args([
                "--mbit",
                &self.mbit.to_string(),
                "--seconds",
                &self.seconds.to_string(),
            ])
            .args(["--send", "gso", "--json", "-"])
            .output()
            .map_err(|error| BenchError::Floor(error.to_string()))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(BenchError::Floor(why));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| BenchError::Floor(error.to_string()))
    }

    fn phase(
        &self,
        name: &'static str,
        server: &Server,
        mbit: f64,
        pacing: Pacing,
        abilities: Abilities,
    ) -> Result<Phase, BenchError> {
        let lesson_error = |error| BenchError::Lesson(name, error);
        let plan = Plan {
            whep: server.whep("camera"),
            token: None,
            insecure: false,
            videos: 1,
            audios: 1,
            srtp: self.srtp,
            abilities,
            attention: Attention::Sample,
        };
        let publication = Publication {
            whip: server.whip("camera"),
            programme: Programme::single(Source::synthetic(mbit), mbit, pacing),
        };
        let join_within = Duration::from_millis(30) * self.viewers as u32;
        let process = server.process()?;
        let mut lesson = Lesson::start(plan, vec![publication]).map_err(lesson_error)?;
        lesson.run(SETTLE, |_| {}).map_err(lesson_error)?;
        let empty = process.resident_bytes()?;
        lesson
            .join(self.viewers, join_within, |_| {})
            .map_err(lesson_error)?;
        lesson.run(SETTLE, |_| {}).map_err(lesson_error)?;
        let full = process.resident_bytes()?;
        lesson.reset_window().map_err(lesson_error)?;
        let (packets, cpu) = (lesson.packets().map_err(lesson_error)?, process.cpu_time()?);
        lesson
            .run(Duration::from_secs_f64(self.seconds), |_| {})
            .map_err(lesson_error)?;
        let cpu = process.cpu_time()? - cpu;
        let packets = lesson.packets().map_err(lesson_error)? - packets;
        let outcome = lesson.finish().map_err(lesson_error)?;
        let summary = Summary::of(&outcome);
        if summary.viewers_connected < self.viewers {
            let why = outcome.failures.first().cloned();
            let why = why.or(summary.shortfall()).unwrap_or_default();
            return Err(BenchError::Shortfall(name, why));
        }
        let profile = outcome
            .viewers
            .first()
            .and_then(|viewer| viewer.srtp_profile);
        Ok(Phase {
            ns_per_packet: cpu.as_nanos() as f64 / packets.max(1) as f64,
            resident_per_viewer: full.saturating_sub(empty) as f64 / self.viewers as f64,
            srtp_profile: profile.unwrap_or_default().to_owned(),
            summary,
        })
    }
}

fn describe(round: usize, name: &str, phase: &Phase) -> String {
    let delay = phase.summary.delay_ms.map_or_else(String::new, |delay| {
        format!(
            ", delay p50 {:.2} p99 {:.2} p99.9 {:.2} ms",
            delay.p50, delay.p99, delay.p999
        )
    });
    format!(
        "round {round}: {name:8} {:6.0} ns per packet, {} of {} packets lost{delay}",
        phase.ns_per_packet, phase.summary.packets_lost, phase.summary.packets_expected
    )
}

/// The middle value, or the mean of the two middle ones; nothing of nothing is zero.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_not_moved_by_an_outlier() {
        assert_eq!(median(vec![3.0, 1.0, 1000.0]), 3.0);
        assert_eq!(median(vec![4.0, 2.0]), 3.0);
        assert_eq!(median(vec![]), 0.0);
    }
}
