//! How every line is, for those that are there when Prometheus asks. Lesson and seat are labels: there are at most as many as sessions.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use protocol::LessonId;
use protocol::line::{Figures, Line, Shown};

use crate::lines::{self, Kept};

/// See the module.
#[derive(Debug)]
pub struct Lines {
    lines: lines::Lines,
    kept: Kept,
}

/// One direction of one line.
struct Direction<'a> {
    lesson: &'a str,
    seat: &'a str,
    /// `downlink`, or the source that is sent.
    name: &'static str,
    figures: Figures,
}

/// Name, description, unit and value.
type Measure = (
    &'static str,
    &'static str,
    Option<Unit>,
    fn(&Figures) -> Option<f64>,
);

const MEASURES: [Measure; 5] = [
    (
        "line_loss_ratio",
        "Packets of a line missing before any repair",
        None,
        |figures| Some(figures.loss_percent / 100.0),
    ),
    (
        "line_loss_after_repair_ratio",
        "Packets of a line still missing after repair",
        None,
        |figures| Some(figures.loss_after_repair_percent? / 100.0),
    ),
    (
        "line_rate",
        "Media that goes over a line, in bits per second",
        None,
        |figures| Some(figures.rate_bps as f64),
    ),
    (
        "line_round_trip",
        "Time there and back",
        Some(Unit::Seconds),
        |figures| Some(f64::from(figures.round_trip_ms?) / 1e3),
    ),
    (
        "line_jitter",
        "Interarrival jitter",
        Some(Unit::Seconds),
        |figures| Some(f64::from(figures.jitter_ms?) / 1e3),
    ),
];

impl Lines {
    /// What `lines` know, and what became of their records.
    pub fn new(lines: lines::Lines, kept: Kept) -> Self {
        Self { lines, kept }
    }

    fn records(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let description = "Records of lessons, by what became of them";
        let mut metric =
            encoder.encode_descriptor("records", description, None, MetricType::Counter)?;
        for (outcome, count) in [
            ("written", self.kept.written.get()),
            ("failed", self.kept.failed.get()),
        ] {
            metric
                .encode_family(&[("outcome", outcome)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}

impl Collector for Lines {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.records(&mut encoder)?;
        let all = self.lines.all();
        let directions: Vec<_> = all.iter().flat_map(directions).collect();
        for (name, description, unit, value) in MEASURES {
            let mut metric =
                encoder.encode_descriptor(name, description, unit.as_ref(), MetricType::Gauge)?;
            for direction in &directions {
                if let Some(value) = value(&direction.figures) {
                    let labels = [
                        ("lesson", direction.lesson),
                        ("seat", direction.seat),
                        ("direction", direction.name),
                    ];
                    metric.encode_family(&labels)?.encode_gauge(&value)?;
                }
            }
        }
        layers(&mut encoder, &all)?;
        seats(&mut encoder, &all)
    }
}

fn directions((lesson, line): &(LessonId, Line)) -> impl Iterator<Item = Direction<'_>> {
    let direction = |name, figures| Direction {
        lesson: lesson.as_str(),
        seat: line.seat.as_str(),
        name,
        figures,
    };
    let downlink = line.downlink.iter();
    let uplinks = line.uplinks.iter();
    downlink
        .map(move |downlink| direction("downlink", downlink.figures))
        .chain(uplinks.map(move |uplink| direction(uplink.source.as_str(), uplink.figures)))
}

fn layers(encoder: &mut DescriptorEncoder, all: &[(LessonId, Line)]) -> fmt::Result {
    let description = "Layer of a picture that a seat is sent, from 0 for the lowest; -1 is none";
    let mut metric =
        encoder.encode_descriptor("line_layer", description, None, MetricType::Gauge)?;
    for (lesson, line) in all {
        for slot in line.downlink.iter().flat_map(|downlink| &downlink.slots) {
            let layer = match slot.shown {
                Shown::Paused => -1,
                Shown::Layer { layer, .. } => i64::from(layer),
            };
            let labels = [
                ("lesson", lesson.as_str()),
                ("seat", line.seat.as_str()),
                ("slot", &slot.slot),
            ];
            metric.encode_family(&labels)?.encode_gauge(&layer)?;
        }
    }
    Ok(())
}

fn seats(encoder: &mut DescriptorEncoder, all: &[(LessonId, Line)]) -> fmt::Result {
    type Sum = (
        &'static str,
        &'static str,
        Option<Unit>,
        fn(&Line) -> Option<f64>,
    );
    const SUMS: [Sum; 4] = [
        (
            "line_estimate",
            "What the line to a seat is estimated to carry, in bits per second",
            None,
            |line| Some(line.downlink.as_ref()?.estimate_bps? as f64),
        ),
        (
            "line_grade",
            "How a line is: 0 good, 1 fair, 2 poor, 3 down",
            None,
            |line| Some(f64::from(line.grade as u8)),
        ),
        (
            "line_outages",
            "Times a line was cut for more than a second, since its seat came",
            None,
            |line| Some(f64::from(line.outages.count)),
        ),
        (
            "line_outage",
            "How long a line was cut in all, since its seat came",
            Some(Unit::Seconds),
            |line| Some(line.outages.total_ms as f64 / 1e3),
        ),
    ];
    for (name, description, unit, value) in SUMS {
        let mut metric =
            encoder.encode_descriptor(name, description, unit.as_ref(), MetricType::Gauge)?;
        for (lesson, line) in all {
            if let Some(value) = value(line) {
                let labels = [("lesson", lesson.as_str()), ("seat", line.seat.as_str())];
                metric.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
    }
    Ok(())
}
