//! A lesson's outcome in a few numbers, and whether it was served.

use serde::Serialize;

use crate::lesson::Outcome;
use crate::viewer::{Percentiles, histogram};

/// A whole lesson.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Viewers that were to join.
    pub viewers: usize,
    /// Viewers that were connected at the end.
    pub viewers_connected: usize,
    /// Viewers that saw a picture.
    pub viewers_watching: usize,
    /// Packets from the first to the highest of every track of every viewer.
    pub packets_expected: u64,
    /// Packets that never arrived, repairs included.
    pub packets_lost: u64,
    /// Packets that arrived again.
    pub duplicates: u64,
    /// Packets asked for again.
    pub nacks: u64,
    /// Sampled packets that were authentic.
    pub authenticated: u64,
    /// Sampled packets that were not.
    pub auth_failures: u64,
    /// Per viewer, in the middle of the lesson, in Mbit/s of UDP payload.
    pub mbit_per_viewer: f64,
    /// From asking to connected.
    pub join_ms: Option<Spread>,
    /// From asking to the first whole keyframe.
    pub first_picture_ms: Option<Spread>,
    /// Source to arrival, over all viewers.
    pub delay_ms: Option<Percentiles>,
    /// Between consecutive packets, over all viewers.
    pub gap_ms: Option<Percentiles>,
    /// RFC 3550 jitter, over viewers.
    pub jitter_ms: Option<Spread>,
    /// Keyframe requests that reached the publisher.
    pub keyframe_requests: usize,
    /// The shortest time between two of them for the same layer.
    pub keyframe_request_spacing_ms: Option<f64>,
}

/// How a figure spreads over viewers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of values in any order; nothing of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |quantile: f64| {
            let rank = (quantile * values.len() as f64).ceil() as usize;
            values.get(rank.max(1) - 1).copied()
        };
        Some(Self {
            p50: at(0.5)?,
            p95: at(0.95)?,
            max: at(1.0)?,
        })
    }
}

impl Summary {
    /// The numbers of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let viewers = &outcome.viewers;
        let mut delay = histogram();
        let mut gap = histogram();
        for viewer in viewers {
            delay.add(&viewer.delay).expect("the bounds are the same");
            gap.add(&viewer.gap).expect("the bounds are the same");
        }
        let sum = |value: fn(&crate::viewer::ViewerReport) -> u64| viewers.iter().map(value).sum();
        let connected = viewers
            .iter()
            .filter(|viewer| viewer.failure.is_none())
            .count();
        let steady = outcome
            .seconds
            .iter()
            .filter(|second| second.connected == outcome.wanted);
        let rates = Spread::of(steady.map(|second| second.mbit_per_s));
        let publishers = outcome.publishers.iter();
        let spacings = publishers
            .clone()
            .filter_map(|publisher| publisher.keyframe_request_spacing_ms);
        Self {
            viewers: outcome.wanted,
            viewers_connected: connected,
            viewers_watching: viewers
                .iter()
                .filter(|viewer| viewer.first_picture_ms.is_some())
                .count(),
            packets_expected: sum(|viewer| viewer.packets_expected),
            packets_lost: sum(|viewer| viewer.packets_lost),
            duplicates: sum(|viewer| viewer.duplicates),
            nacks: sum(|viewer| viewer.nacks),
            authenticated: sum(|viewer| viewer.authenticated),
            auth_failures: sum(|viewer| viewer.auth_failures),
            mbit_per_viewer: rates.map_or(0.0, |rates| rates.p50 / connected.max(1) as f64),
            join_ms: Spread::of(viewers.iter().filter_map(|viewer| viewer.join_ms)),
            first_picture_ms: Spread::of(
                viewers.iter().filter_map(|viewer| viewer.first_picture_ms),
            ),
            delay_ms: Percentiles::of(&delay),
            gap_ms: Percentiles::of(&gap),
            jitter_ms: Spread::of(viewers.iter().map(|viewer| viewer.jitter_ms)),
            keyframe_requests: publishers
                .map(|publisher| publisher.keyframe_requests_ms.len())
                .sum(),
            keyframe_request_spacing_ms: spacings.min_by(f64::total_cmp),
        }
    }

    /// What keeps the lesson from having been served, in a sentence.
    pub fn shortfall(&self) -> Option<String> {
        if self.viewers_connected < self.viewers {
            return Some(format!(
                "{} of {} viewers were connected at the end",
                self.viewers_connected, self.viewers
            ));
        }
        if self.viewers_watching < self.viewers {
            return Some(format!(
                "{} of {} viewers saw a picture",
                self.viewers_watching, self.viewers
            ));
        }
        if self.auth_failures > 0 {
            return Some(format!("{} packets were not authentic", self.auth_failures));
        }
        if self.packets_lost > 0 {
            return Some(format!(
                "{} of {} packets were lost",
                self.packets_lost, self.packets_expected
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_takes_the_nearest_rank() {
        let spread = Spread::of((1..=20).rev().map(f64::from)).unwrap();
        assert_eq!((spread.p50, spread.p95, spread.max), (10.0, 19.0, 20.0));
        assert_eq!(Spread::of([7.0]).unwrap().p95, 7.0);
        assert_eq!(Spread::of([]), None);
    }
}
