//! Prometheus metrics. Labels are enums, or name what there is a session of, so that their number is bounded whatever the network
//! sends.

mod lines;
mod media;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub use lines::Lines;
pub use media::Media;

/// Which part of the address space a request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// `/whip/…`.
    Whip,
    /// `/whep/…`.
    Whep,
    /// `/session/…`.
    Session,
    /// `/api/…`.
    Api,
    /// `/healthz` and `/metrics`.
    Watch,
    /// Everything else.
    Page,
}

impl Door {
    /// The part that `path` belongs to.
    pub fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("whip") => Door::Whip,
            Some("whep") => Door::Whep,
            Some("session") => Door::Session,
            Some("api") => Door::Api,
            Some("healthz" | "metrics") => Door::Watch,
            _ => Door::Page,
        }
    }
}

impl EncodeLabelValue for Door {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        let name = match self {
            Door::Whip => "whip",
            Door::Whep => "whep",
            Door::Session => "session",
            Door::Api => "api",
            Door::Watch => "watch",
            Door::Page => "page",
        };
        name.encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    door: Door,
    status: u16,
}

/// The registry and the counters HTTP feeds itself. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    answers: Family<Answer, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// A registry with the counters of HTTP and whatever `collectors` add when they are asked.
    pub fn new(collectors: impl IntoIterator<Item = Box<dyn Collector>>) -> Self {
        let mut registry = Registry::with_prefix("lectern");
        let answers = Family::default();
        registry.register(
            "http_requests",
            "Requests answered, by part and status",
            answers.clone(),
        );
        for collector in collectors {
            registry.register_collector(collector);
        }
        Self {
            registry: Arc::new(registry),
            answers,
        }
    }

    /// Counts an answered request.
    pub fn answered(&self, door: Door, status: u16) {
        self.answers.get_or_create(&Answer { door, status }).inc();
    }

    /// Everything, in the OpenMetrics text format.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String does not fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_belongs_to_a_bounded_number_of_doors() {
        for (path, door) in [
            ("/whip/demo/camera", Door::Whip),
            ("/whep/demo", Door::Whep),
            ("/session/x", Door::Session),
            ("/api/lessons/demo/lines", Door::Api),
            ("/healthz", Door::Watch),
            ("/", Door::Page),
            ("", Door::Page),
            ("/whippet", Door::Page),
        ] {
            assert_eq!(Door::of(path), door, "{path}");
        }
    }

    #[test]
    fn requests_are_counted_by_door_and_status() {
        let metrics = Metrics::new([]);
        metrics.answered(Door::Whip, 201);
        metrics.answered(Door::Whip, 201);
        let text = metrics.exposition();
        assert!(
            text.contains("lectern_http_requests_total{door=\"whip\",status=\"201\"} 2"),
            "{text}"
        );
    }
}
